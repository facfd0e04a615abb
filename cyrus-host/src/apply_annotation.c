/* Writes the annotations of messages and mailboxes that a command has, with their modseqs. */
#include <string.h>

#include "apply.h"

struct wanted {
    struct text entry;
    struct text userid;
    struct text value;
    modseq_t modseq;
};

/* An annotation that is stored already. */
struct present {
    char *entry;
    char *userid;
    struct buf value;
    modseq_t modseq;
    bool given;
};

/* Returns whether a name is short enough. Cyrus builds a key of two names in MAX_MAILBOX_PATH
 * bytes, and does not check their length. */
static bool is_name(struct text text)
{
    char *name = text_name(text);
    const bool good = name;

    free(name);
    return good;
}

static bool read_one(const struct item *item, struct wanted *out)
{
    struct fields fields;

    if (item->kind != WIRE_PAIRS || !fields_read(item->text, &fields)) return false;
    out->entry = field_text(&fields, "ENTRY");
    out->userid = field_text(&fields, "USERID");
    out->value = field_text(&fields, "VALUE");
    out->modseq = field_number(&fields, "MODSEQ", UINT64_MAX);
    return !fields.bad && out->entry.len && is_name(out->entry) && is_name(out->userid);
}

bool annotations_good(struct text list)
{
    struct wanted wanted;
    struct item item;

    while (wire_next(&list, &item) != WIRE_END)
        if (!read_one(&item, &wanted)) return false;
    return true;
}

bool annotations_find(struct text list, const char *entry, struct text *value)
{
    struct wanted wanted;
    struct item item;

    while (wire_next(&list, &item) != WIRE_END) {
        if (!read_one(&item, &wanted) || !text_is(wanted.entry, entry)) continue;
        *value = wanted.value;
        return true;
    }
    return false;
}

/* Returns whether an annotation stands for a field of the record (apply_record.c). */
static bool is_field(struct text entry)
{
    return text_is(entry, IMAP_ANNOT_NS "thrid") || text_is(entry, IMAP_ANNOT_NS "savedate")
           || text_is(entry, IMAP_ANNOT_NS "createdmodseq");
}

/* Makes a key of both names. The separator is a line feed, which no name contains. */
static const char *key_of(struct buf *key, const char *entry, const char *userid)
{
    buf_reset(key);
    buf_printf(key, "%s\n%s", entry, userid);
    return buf_cstring(key);
}

static int note_present(const char *mailbox __attribute__((unused)),
                        uint32_t uid __attribute__((unused)), const char *entry,
                        const char *userid, const struct buf *value,
                        const struct annotate_metadata *metadata, void *rock)
{
    struct buf key = BUF_INITIALIZER;
    struct present *present = xzmalloc(sizeof(*present));

    present->entry = xstrdup(entry);
    present->userid = xstrdup(userid);
    buf_copy(&present->value, value);
    present->modseq = metadata->modseq;
    hash_insert(key_of(&key, entry, userid), present, rock);
    buf_free(&key);
    return 0;
}

static void forget(void *data)
{
    struct present *present = data;

    free(present->entry);
    free(present->userid);
    buf_free(&present->value);
    free(present);
}

static int write_one(annotate_state_t *state, const struct wanted *wanted, hash_table *all)
{
    struct annotate_metadata metadata = { wanted->modseq, 0 };
    char *entry = text_name(wanted->entry);
    char *userid = text_name(wanted->userid);
    struct buf value = BUF_INITIALIZER;
    struct buf key = BUF_INITIALIZER;
    struct present *present = hash_lookup(key_of(&key, entry, userid), all);
    int r = 0;

    buf_init_ro(&value, wanted->value.data, wanted->value.len);
    if (present) present->given = true;
    if (!present || buf_cmp(&present->value, &value) != 0)
        r = annotate_state_writemdata(state, entry, userid, &value, &metadata);
    buf_free(&key);
    buf_free(&value);
    free(userid);
    free(entry);
    return r;
}

/* Deletes the stored annotations that the command does not have. */
static int delete_rest(annotate_state_t *state, hash_table *all)
{
    const struct buf nothing = BUF_INITIALIZER;
    hash_iter *iter = hash_table_iter(all);
    int r = 0;

    while (!r && hash_iter_next(iter)) {
        const struct present *present = hash_iter_val(iter);
        struct annotate_metadata metadata = { present->modseq, 0 };
        if (present->given) continue;
        r = annotate_state_writemdata(state, present->entry, present->userid, &nothing,
                                      &metadata);
    }
    hash_iter_free(&iter);
    return r;
}

int annotations_write(struct mailbox *mailbox, annotate_state_t *state, uint32_t uid,
                      struct text list, bool *snoozed)
{
    hash_table all = HASH_TABLE_INITIALIZER;
    struct wanted wanted;
    struct item item;
    int r;

    if (snoozed) *snoozed = false;
    construct_hash_table(&all, 16, 0);
    r = annotatemore_findall_mailbox(mailbox, uid, "*", 0, note_present, &all, 0);
    while (!r && wire_next(&list, &item) != WIRE_END) {
        if (!read_one(&item, &wanted) || (uid && is_field(wanted.entry))) continue;
        r = write_one(state, &wanted, &all);
        if (snoozed && wanted.value.len && text_is(wanted.entry, IMAP_ANNOT_NS "snoozed"))
            *snoozed = true;
    }
    if (!r) r = delete_rest(state, &all);
    free_hash_table(&all, forget);
    return r;
}
