/* Checks that all records of an update can be written, before the first one is written. */
#include <string.h>

#include "apply.h"

/* The user flags that the update adds to the mailbox, and the number of free bits. */
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
                          "uid %u has an invalid flag, or the mailbox has no room for its flag",
                          given->record.uid);
    }
    return 0;
}

/* Returns whether Cyrus needs the file name of each message, and ends the process if a message has
 * none. Cyrus does not index deleted mailboxes. */
static bool needs_names(const struct mailbox *mailbox)
{
    if (mboxname_isdeletedmailbox(mailbox_name(mailbox), NULL)) return false;
    switch (mbtype_isa(mailbox_mbtype(mailbox))) {
    case MBTYPE_ADDRESSBOOK:
    case MBTYPE_SIEVE: return true;
    case MBTYPE_CALENDAR: return version_needs_event_names();
    default: return false;
    }
}

static bool is_script_name(const char *name)
{
    const char *end = strrchr(name, '.');

    return end && end != name && strcmp(end, SIEVE_EXTENSION) == 0;
}

/* Looks for the file name like Cyrus: except for scripts, the last parameter counts. */
static bool has_name(const struct body *body, bool script)
{
    const struct param *param;
    bool found = false;

    for (param = body->disposition_params; param; param = param->next) {
        if (script)
            found |= strcmp(param->attribute, "FILENAME") == 0 && is_script_name(param->value);
        else if (strcmp(param->attribute, "FILENAME") == 0)
            found = true;
        else if (strcmp(param->attribute, "FILENAME*") == 0)
            found = version_extended_name(param->value, found);
    }
    return found && (!script || body->subject);
}

/* Checks the file name of a message. The record must have its data of cyrus.cache. */
static int check_name(const struct mailbox *mailbox, const struct index_record *record,
                      struct buf *why)
{
    struct body *body = NULL;
    bool found;

    message_read_bodystructure(record, &body);
    found = has_name(body, mbtype_isa(mailbox_mbtype(mailbox)) == MBTYPE_SIEVE);
    message_free_body(body);
    free(body);
    if (found) return 0;
    return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS,
                  "the message of uid %u has no file name, which this type of mailbox needs",
                  record->uid);
}

static int check_name_in_file(const struct mailbox *mailbox, const char *path, uint32_t uid,
                              struct buf *why)
{
    struct index_record parsed;
    int r;

    if (!needs_names(mailbox)) return 0;
    memset(&parsed, 0, sizeof(parsed));
    r = message_parse(path, &parsed);
    if (r) return refuse(why, r, "the message of uid %u cannot be parsed", uid);
    parsed.uid = uid;
    return check_name(mailbox, &parsed, why);
}

static int check_name_in_cache(struct mailbox *mailbox, const struct index_record *here,
                               struct buf *why)
{
    struct index_record cached = *here;
    int r;

    if (!needs_names(mailbox)) return 0;
    r = mailbox_cacherecord(mailbox, &cached);
    if (r) return refuse(why, r, "uid %u cannot be read", here->uid);
    return check_name(mailbox, &cached, why);
}

static int check_new(const struct update *update, const struct given *given, struct buf *why)
{
    const struct index_record *record = &given->record;
    const struct staged *staged;

    /* An expunged message that was never here is not written. */
    if (record->internal_flags & FLAG_INTERNAL_EXPUNGED) return 0;
    if (record->uid <= update->mailbox->i.last_uid)
        return refuse(why, IMAP_SYNC_CHECKSUM, "uid %u has been removed on the master",
                      record->uid);
    staged = staging_find(update->staging, mailbox_partition(update->mailbox), &record->guid);
    if (!staged || staged->size != record->size)
        return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "the message of uid %u was not sent",
                      record->uid);
    return check_name_in_file(update->mailbox, staged->path, record->uid, why);
}

static int check_old(struct mailbox *mailbox, const struct given *given,
                     const struct index_record *here, struct buf *why)
{
    const struct index_record *record = &given->record;
    const bool was_expunged = here->internal_flags & FLAG_INTERNAL_EXPUNGED;
    const bool expunged = record->internal_flags & FLAG_INTERNAL_EXPUNGED;

    if (was_expunged && expunged) return 0;
    if (!message_guid_equal(&record->guid, &here->guid))
        return refuse(why, IMAP_SYNC_CHECKSUM, "uid %u is another message on the master",
                      record->uid);
    if (was_expunged)
        return refuse(why, IMAP_SYNC_CHECKSUM, "uid %u is expunged on the master", record->uid);
    if (record->size != here->size || record->internaldate != here->internaldate)
        return refuse(why, IMAP_SYNC_CHECKSUM, "uid %u has another size or date on the master",
                      record->uid);
    if (record->modseq < here->modseq)
        return refuse(why, IMAP_SYNC_CHECKSUM, "uid %u has a higher modseq on the master",
                      record->uid);
    /* The mailbox may have messages without a name from an earlier version of Cyrus. */
    return check_name_in_cache(mailbox, here, why);
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
    else if (!r) r = check_old(update->mailbox, given, &here, why);
    else refuse(why, r, "uid %u cannot be read", record->uid);
    return r ? r : check_flags(update->mailbox, given, flags, why);
}

/* Checks the order of UIDs and the GUIDs of the index. If they are wrong, Cyrus would end the
 * process. */
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
    return r ? refuse(why, r, "the mailbox's index is damaged: %s", error_message(r)) : 0;
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
