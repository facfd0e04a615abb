/* Writes to the master in memory: executes the commands of the replication protocol that a repair
 * sends. A command changes a mailbox completely or not at all. A real host should also verify the
 * SHA-1 of each message. */
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define EXPUNGED (1u << 31)

/* The part of a command that was not read yet. The functions that read it return 0 at its end. */
struct reader {
    const char *at, *end;
};

static int take(struct reader *reader, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, text, len) != 0) return 0;
    reader->at += len;
    return 1;
}

static int bytes(struct reader *reader, size_t len, cyrsync_str *out)
{
    if ((size_t)(reader->end - reader->at) < len) return 0;
    out->data = reader->at;
    out->len = len;
    reader->at += len;
    return 1;
}

/* Reads the bytes before the first character that is in stops. Does not read this character. */
static int until(struct reader *reader, const char *stops, cyrsync_str *out)
{
    const char *at = reader->at;

    while (at < reader->end && !strchr(stops, *at)) at++;
    return bytes(reader, (size_t)(at - reader->at), out);
}

static int is(cyrsync_str text, const char *c)
{
    return text.len == strlen(c) && memcmp(text.data, c, text.len) == 0;
}

static int number(cyrsync_str text, uint64_t *out)
{
    size_t i;

    *out = 0;
    if (text.len == 0 || text.len > 19) return 0;
    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return 0;
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return 1;
}

/* Reads an atom, a quoted text or a literal. */
static int word(struct reader *reader, cyrsync_str *out)
{
    uint64_t len;

    if (take(reader, "\"")) return until(reader, "\"", out) && take(reader, "\"");
    if (take(reader, "{")) {
        if (!until(reader, "+}", out) || !number(*out, &len)) return 0;
        take(reader, "+");
        return take(reader, "}\r\n") && bytes(reader, (size_t)len, out);
    }
    return until(reader, " ()\r\n", out) && out->len > 0;
}

/* Skips a value of any kind: a word or a list. */
static int pass_over(struct reader *reader)
{
    cyrsync_str unused;

    take(reader, "%");
    if (!take(reader, "(")) return word(reader, &unused);
    while (!take(reader, ")")) {
        if (!pass_over(reader)) return 0;
        take(reader, " ");
    }
    return 1;
}

static const struct memory_message *find(const struct memory_message *messages, size_t count,
                                         cyrsync_str guid)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (is(guid, messages[i].guid)) return &messages[i];
    return NULL;
}

static const struct memory_message *anywhere(const struct memory *memory, cyrsync_str guid)
{
    const struct memory_message *found = find(memory->staged, memory->staged_count, guid);
    size_t i;

    for (i = 0; !found && i < 2; i++)
        found = find(memory->folders[i].messages, memory->folders[i].count, guid);
    return found;
}

/* Sets the content of a message to a copy of content. */
static int copy_content(struct memory_message *to, const char *content, size_t size)
{
    char *own = malloc(size + 1);

    if (!own) return 0;
    memcpy(own, content, size);
    own[size] = 0;
    to->content = own;
    to->size = size;
    to->owned = 1;
    return 1;
}

static void let_go(struct memory *memory)
{
    while (memory->staged_count > 0) free((void *)memory->staged[--memory->staged_count].content);
}

void memory_free(struct memory *memory)
{
    size_t i, m;

    let_go(memory);
    for (i = 0; i < 2; i++) {
        for (m = 0; m < memory->folders[i].count; m++) {
            struct memory_message *message = &memory->folders[i].messages[m];
            if (message->owned) free((void *)message->content);
            message->owned = 0;
        }
    }
}

/* Executes MESSAGE (%{partition guid size}CRLF... ...). */
static int upload(struct memory *memory, struct reader *reader)
{
    cyrsync_str partition, guid, size, content;
    uint64_t len;

    if (!take(reader, "(")) return 0;
    while (!take(reader, ")")) {
        struct memory_message *message = &memory->staged[memory->staged_count];

        if (memory->staged_count == MEMORY_MESSAGES) return 0;
        if (!take(reader, "%{") || !until(reader, " ", &partition) || !take(reader, " ")
            || !until(reader, " ", &guid) || guid.len != 40 || !take(reader, " ")
            || !until(reader, "}", &size) || !number(size, &len) || !take(reader, "}\r\n")
            || !bytes(reader, (size_t)len, &content))
            return 0;
        memset(message, 0, sizeof(*message));
        memcpy(message->guid, guid.data, guid.len);
        if (!copy_content(message, content.data, content.len)) return 0;
        memory->staged_count++;
        take(reader, " ");
    }
    return 1;
}

/* Executes RESERVE %(PARTITION ... MBOXNAME (...) GUID (...)): emits the GUIDs of messages that
 * this master does not have. */
static int reserve(struct memory *memory, struct reader *reader, cyrsync_emit_str emit, void *sink)
{
    char missing[MEMORY_MESSAGES * 41 + 16] = "* MISSING (";
    cyrsync_str key, guid;
    size_t count = 0;

    if (!take(reader, "%(")) return 0;
    while (!take(reader, ")")) {
        if (!word(reader, &key) || !take(reader, " ")) return 0;
        if (!is(key, "GUID")) {
            if (!pass_over(reader)) return 0;
        } else {
            if (!take(reader, "(")) return 0;
            while (!take(reader, ")")) {
                if (!word(reader, &guid) || guid.len != 40) return 0;
                take(reader, " ");
                if (anywhere(memory, guid)) continue;
                if (count == MEMORY_MESSAGES) return 0;
                if (count++) strcat(missing, " ");
                strncat(missing, guid.data, guid.len);
            }
        }
        take(reader, " ");
    }
    strcat(missing, ")\r\n");
    return count == 0 || emit(sink, cyrsync_str_from(missing)) == 0;
}

static int flags(struct reader *reader, struct memory_message *message)
{
    static const char *const names[] = {
        "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "\\Seen",
    };
    cyrsync_str flag;
    size_t i;

    message->system_flags = message->user_flags = message->internal_flags = 0;
    if (!take(reader, "(")) return 0;
    while (!take(reader, ")")) {
        if (!word(reader, &flag)) return 0;
        take(reader, " ");
        for (i = 0; i < 5 && !is(flag, names[i]); i++) {
        }
        if (i < 5) message->system_flags |= 1u << i;
        else if (is(flag, "\\Expunged")) message->internal_flags |= EXPUNGED;
        else if (is(flag, "Important")) message->user_flags |= 1;
        else return 0;
    }
    return 1;
}

/* Writes a record to a folder, in order of UID. If the folder has a record with this UID, replaces
 * it. Otherwise adds the record, with the content of a message with the same GUID. */
static int put(const struct memory *memory, struct memory_folder *folder,
               struct memory_message *message)
{
    cyrsync_str guid = cyrsync_str_from(message->guid);
    const struct memory_message *source;
    size_t at = 0;

    while (at < folder->count && folder->messages[at].uid < message->uid) at++;
    if (at < folder->count && folder->messages[at].uid == message->uid) {
        struct memory_message *there = &folder->messages[at];

        if (!is(guid, there->guid)) return 0;
        message->content = there->content;
        message->size = there->size;
        message->owned = there->owned;
        message->internaldate = there->internaldate;
        *there = *message;
        return 1;
    }
    source = anywhere(memory, guid);
    if (!source || folder->count == MEMORY_MESSAGES
        || !copy_content(message, source->content, source->size))
        return 0;
    memmove(&folder->messages[at + 1], &folder->messages[at],
            (folder->count - at) * sizeof(*message));
    folder->messages[at] = *message;
    folder->count++;
    return 1;
}

static int record(const struct memory *memory, struct memory_folder *folder,
                  struct reader *reader)
{
    struct memory_message message;
    cyrsync_str key, value;
    uint64_t uid = 0, date = 0;

    memset(&message, 0, sizeof(message));
    if (!take(reader, "%(")) return 0;
    while (!take(reader, ")")) {
        int fine;

        if (!word(reader, &key) || !take(reader, " ")) return 0;
        if (is(key, "FLAGS")) fine = flags(reader, &message);
        else if (is(key, "UID")) fine = word(reader, &value) && number(value, &uid);
        else if (is(key, "MODSEQ"))
            fine = word(reader, &value) && number(value, &message.modseq);
        else if (is(key, "INTERNALDATE")) fine = word(reader, &value) && number(value, &date);
        else if (is(key, "GUID")) {
            fine = word(reader, &value) && value.len == 40;
            if (fine) memcpy(message.guid, value.data, value.len);
        } else fine = pass_over(reader);
        if (!fine) return 0;
        take(reader, " ");
    }
    if (uid == 0 || uid > folder->last_uid || message.modseq > folder->highestmodseq) return 0;
    message.uid = (uint32_t)uid;
    message.internaldate = (int64_t)date;
    return put(memory, folder, &message);
}

/* Executes MAILBOX %(UNIQUEID ... RECORD (%(...) ...)). */
static const char *mailbox(struct memory *memory, struct reader *reader)
{
    static const char wrong[] = "NO IMAP_PROTOCOL_BAD_PARAMETERS This is no update\r\n";
    struct memory_folder *folder = NULL, changed;
    cyrsync_str key, value;
    uint64_t last_uid = 0, since;
    size_t i;

    if (!take(reader, "%(")) return wrong;
    while (!take(reader, ")")) {
        if (!word(reader, &key) || !take(reader, " ")) return wrong;
        if (is(key, "UNIQUEID")) {
            if (!word(reader, &value)) return wrong;
            for (i = 0; i < 2; i++)
                if (is(value, memory->folders[i].uniqueid)) folder = &memory->folders[i];
            if (!folder) return "NO IMAP_MAILBOX_NONEXISTENT There is no such mailbox\r\n";
            changed = *folder;
        } else if (!folder) {
            return wrong;
        } else if (is(key, "LAST_UID")) {
            if (!word(reader, &value) || !number(value, &last_uid)) return wrong;
            changed.last_uid = (uint32_t)last_uid;
        } else if (is(key, "HIGHESTMODSEQ")) {
            if (!word(reader, &value) || !number(value, &changed.highestmodseq)) return wrong;
        } else if (is(key, "SINCE_MODSEQ")) {
            if (!word(reader, &value) || !number(value, &since)) return wrong;
            if (since != folder->highestmodseq)
                return "NO IMAP_SYNC_CHANGED It was changed meanwhile\r\n";
        } else if (is(key, "RECORD")) {
            if (!take(reader, "(")) return wrong;
            while (!take(reader, ")")) {
                if (!record(memory, &changed, reader)) return wrong;
                take(reader, " ");
            }
        } else if (!pass_over(reader)) {
            return wrong;
        }
        take(reader, " ");
    }
    if (!folder) return wrong;
    *folder = changed;
    return "OK success\r\n";
}

int memory_write(struct memory *memory, cyrsync_str verb, cyrsync_str body, cyrsync_emit_str emit,
                 void *sink)
{
    static const char done[] = "OK success\r\n";
    const char *reply = "NO IMAP_PROTOCOL_ERROR This memory does not know the command\r\n";
    struct reader reader;

    reader.at = body.data;
    reader.end = body.data + body.len;
    if (is(verb, "RESTART")) {
        let_go(memory);
        reply = done;
    } else if (is(verb, "APPLY") && take(&reader, "MESSAGE ")) {
        if (upload(memory, &reader)) reply = done;
    } else if (is(verb, "APPLY") && take(&reader, "RESERVE ")) {
        if (reserve(memory, &reader, emit, sink)) reply = done;
    } else if (is(verb, "APPLY") && take(&reader, "MAILBOX ")) {
        reply = mailbox(memory, &reader);
    }
    return emit(sink, cyrsync_str_from(reply));
}
