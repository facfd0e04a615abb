/* Whether the records of an update can be written, and will make sense: before the first is. */
#include <string.h>

#include "apply.h"

/* User flags that the mailbox does not have yet. */
struct new_flags {
    hash_table names;
    int room;
};

static void count_room(const struct mailbox *mailbox, struct new_flags *flags)
{
    int bit;

    construct_hash_table(&flags->names, MAX_USER_FLAGS, 0);
    flags->room = 0;
    for (bit = 0; bit < MAX_USER_FLAGS; bit++)
        if (!mailbox->h.flagname[bit]) flags->room++;
}

static bool have_room(struct mailbox *mailbox, struct new_flags *flags, const char *name)
{
    char *lower;
    int bit;
    bool room = true;

    if (!mailbox_user_flag(mailbox, name, &bit, 0)) return true;
    if (!imparse_isatom(name)) return false;
    lower = lcase(xstrdup(name));
    if (!hash_lookup(lower, &flags->names)) {
        hash_insert(lower, flags, &flags->names);
        room = flags->room-- > 0;
    }
    free(lower);
    return room;
}

static int check_flags(struct mailbox *mailbox, const struct given *given,
                       struct new_flags *flags, struct buf *why)
{
    struct text rest = given->flags;
    struct item flag;

    while (wire_next(&rest, &flag) != WIRE_END) {
        char *name;
        bool good;
        if (*flag.text.data == '\\') continue;
        name = text_name(flag.text);
        good = name && have_room(mailbox, flags, name);
        free(name);
        if (!good)
            return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS,
                          "uid %u has a flag for which there is no room or that is none",
                          given->record.uid);
    }
    return 0;
}

/* Cyrus asserts that messages of these types have a name of their own. */
static bool has_needed_name(const struct mailbox *mailbox, const char *path)
{
    const uint32_t mbtype = mbtype_isa(mailbox_mbtype(mailbox));
    struct index_record parsed;
    struct body *body = NULL;
    const struct param *param;
    bool found = false;

    if (mbtype != MBTYPE_ADDRESSBOOK && mbtype != MBTYPE_SIEVE) return true;
    memset(&parsed, 0, sizeof(parsed));
    if (message_parse(path, &parsed)) return false;
    message_read_bodystructure(&parsed, &body);
    for (param = body->disposition_params; param; param = param->next) {
        const char *end;
        if (strcmp(param->attribute, "FILENAME") != 0) continue;
        end = strrchr(param->value, '.');
        found = mbtype == MBTYPE_ADDRESSBOOK
                || (end && end != param->value && strcmp(end, SIEVE_EXTENSION) == 0
                    && body->subject);
    }
    message_free_body(body);
    free(body);
    return found;
}

static int check_new(const struct update *update, const struct given *given, struct buf *why)
{
    const struct index_record *record = &given->record;
    const struct staged *staged;

    /* It was never here, and shall not be. */
    if (record->internal_flags & FLAG_INTERNAL_EXPUNGED) return 0;
    if (record->uid <= update->mailbox->i.last_uid)
        return refuse(why, IMAP_SYNC_CHECKSUM, "uid %u is not here any more", record->uid);
    staged = staging_find(update->staging, mailbox_partition(update->mailbox), &record->guid);
    if (!staged || staged->size != record->size)
        return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "the message of uid %u was not sent",
                      record->uid);
    if (!has_needed_name(update->mailbox, staged->path))
        return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS,
                      "the message of uid %u lacks the name that those of such mailboxes have",
                      record->uid);
    return 0;
}

static int check_old(const struct given *given, const struct index_record *here, struct buf *why)
{
    const struct index_record *record = &given->record;
    const bool was_expunged = here->internal_flags & FLAG_INTERNAL_EXPUNGED;
    const bool expunged = record->internal_flags & FLAG_INTERNAL_EXPUNGED;

    if (was_expunged && expunged) return 0;
    if (!message_guid_equal(&record->guid, &here->guid))
        return refuse(why, IMAP_SYNC_CHECKSUM, "uid %u is another message here", record->uid);
    if (was_expunged)
        return refuse(why, IMAP_SYNC_CHECKSUM, "uid %u is expunged here", record->uid);
    if (record->size != here->size || record->internaldate != here->internaldate)
        return refuse(why, IMAP_SYNC_CHECKSUM, "uid %u has another size or date here", record->uid);
    if (record->modseq < here->modseq)
        return refuse(why, IMAP_SYNC_CHECKSUM, "uid %u has a higher modseq here", record->uid);
    return 0;
}

int record_here(struct mailbox *mailbox, uint32_t uid, struct index_record *here)
{
    if (!mailbox->i.num_records) return IMAP_NOTFOUND;
    return mailbox_find_index_record(mailbox, uid, here);
}

static int check_one(struct update *update, const struct given *given, uint32_t before,
                     struct new_flags *flags, struct buf *why)
{
    const struct index_record *record = &given->record;
    struct index_record here;
    int r;

    if (record->uid <= before || record->uid > update->last_uid)
        return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "uid %u is out of order", record->uid);
    if (!record->modseq || record->modseq > update->highestmodseq)
        return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "uid %u has a modseq above the highest",
                      record->uid);
    r = record_here(update->mailbox, record->uid, &here);
    if (r == IMAP_NOTFOUND) r = check_new(update, given, why);
    else if (!r) r = check_old(given, &here, why);
    else refuse(why, r, "uid %u cannot be read", record->uid);
    return r ? r : check_flags(update->mailbox, given, flags, why);
}

/* What Cyrus takes for granted of an index, and ends the process where it is not so. */
static int check_here(const struct index_record *record, void *rock)
{
    uint32_t *before = rock;

    if (record->uid <= *before || message_guid_isnull(&record->guid)) return IMAP_MAILBOX_CHECKSUM;
    *before = record->uid;
    return 0;
}

static int check_index(struct mailbox *mailbox, struct buf *why)
{
    master_mailbox whole = { .cyrus = mailbox };
    uint32_t last = 0;
    int r = master_scan(&whole, 1, 0, check_here, &last);

    if (!r && last > mailbox->i.last_uid) r = IMAP_MAILBOX_CHECKSUM;
    return r ? refuse(why, r, "its index is damaged: %s", error_message(r)) : 0;
}

int records_check(struct update *update, struct buf *why)
{
    struct text rest = update->records;
    struct new_flags flags;
    struct given given;
    struct item item;
    uint32_t before = 0;
    int r = check_index(update->mailbox, why);

    count_room(update->mailbox, &flags);
    while (!r && wire_next(&rest, &item) != WIRE_END) {
        r = record_read(&item, &given)
                ? check_one(update, &given, before, &flags, why)
                : refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "the record after uid %u is malformed",
                         before);
        before = given.record.uid;
    }
    free_hash_table(&flags.names, NULL);
    return r;
}
