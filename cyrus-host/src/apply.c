/* Writes to the master: executes the commands of the replication protocol that a repair needs, and
 * makes their replies. Cyrus does this in sync_apply(), which is in none of its libraries. */
#include <stdarg.h>
#include <string.h>

#include "apply.h"

struct master_writer {
    struct staging staging;
};

int refuse(struct buf *why, int r, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    buf_vprintf(why, format, arguments);
    va_end(arguments);
    return r;
}

master_writer *master_writer_new(void)
{
    master_writer *writer = xzmalloc(sizeof(*writer));

    staging_begin(&writer->staging);
    return writer;
}

void master_writer_free(master_writer **writer)
{
    if (!*writer) return;
    staging_end(&(*writer)->staging);
    free(*writer);
    *writer = NULL;
}

/* Returns the name of an error in a reply. Only errors to which a client reacts have a name. */
static const char *word_for(int r)
{
    switch (r) {
    case IMAP_MAILBOX_NONEXISTENT: return "IMAP_MAILBOX_NONEXISTENT";
    case IMAP_MAILBOX_LOCKED: return "IMAP_MAILBOX_LOCKED";
    case IMAP_MAILBOX_MOVED: return "IMAP_MAILBOX_MOVED";
    case IMAP_MAILBOX_NOTSUPPORTED: return "IMAP_MAILBOX_NOTSUPPORTED";
    case IMAP_SYNC_CHECKSUM: return "IMAP_SYNC_CHECKSUM";
    case IMAP_SYNC_CHANGED: return "IMAP_SYNC_CHANGED";
    case IMAP_PROTOCOL_BAD_PARAMETERS: return "IMAP_PROTOCOL_BAD_PARAMETERS";
    default: return NULL;
    }
}

static void answer(struct buf *reply, int r, struct buf *why)
{
    const char *word = word_for(r);

    if (!r) {
        buf_appendcstr(reply, "OK success\r\n");
        return;
    }
    if (!buf_len(why)) buf_setcstr(why, error_message(r));
    buf_printf(reply, "NO %s%s", word ? word : "", word ? " " : "");
    /* The reason contains names, which may contain line breaks. */
    buf_replace_all(why, "\r", " ");
    buf_replace_all(why, "\n", " ");
    buf_append(reply, why);
    buf_appendcstr(reply, "\r\n");
}

static int reserve(struct staging *staging, struct text body, int wait_ms, struct buf *reply,
                   struct buf *why)
{
    strarray_t missing = STRARRAY_INITIALIZER;
    int r = staging_reserve(staging, body, wait_ms, &missing, why);
    int i;

    if (!r && strarray_size(&missing) > 0) {
        buf_appendcstr(reply, "* MISSING (");
        for (i = 0; i < strarray_size(&missing); i++)
            buf_printf(reply, "%s%s", i ? " " : "", strarray_nth(&missing, i));
        buf_appendcstr(reply, ")\r\n");
    }
    strarray_fini(&missing);
    return r;
}

/* Removes the first word, and the space after it, from rest. */
static struct text take_word(struct text *rest)
{
    const char *space = rest->len ? memchr(rest->data, ' ', rest->len) : NULL;
    struct text word = *rest;

    if (space) word.len = (size_t)(space - rest->data);
    rest->data += word.len + (space ? 1 : 0);
    rest->len -= word.len + (space ? 1 : 0);
    return word;
}

void master_writer_command(master_writer *writer, const char *command, size_t len, int wait_ms,
                           struct buf *reply)
{
    struct buf why = BUF_INITIALIZER;
    struct text rest = { command, len };
    struct text verb, what;
    int r;

    if (rest.len >= 2 && memcmp(rest.data + rest.len - 2, "\r\n", 2) == 0) rest.len -= 2;
    verb = take_word(&rest);
    if (text_is(verb, "RESTART") && !rest.len) {
        staging_clear(&writer->staging);
        r = 0;
    } else {
        what = take_word(&rest);
        if (!text_is(verb, "APPLY")) what.len = 0;
        if (text_is(what, "RESERVE")) r = reserve(&writer->staging, rest, wait_ms, reply, &why);
        else if (text_is(what, "MESSAGE")) r = staging_upload(&writer->staging, rest, &why);
        else if (text_is(what, "MAILBOX")) r = apply_mailbox(&writer->staging, rest, wait_ms, &why);
        else r = refuse(&why, IMAP_PROTOCOL_BAD_PARAMETERS, "this command is not used in a repair");
    }
    answer(reply, r, &why);
    buf_free(&why);
}
