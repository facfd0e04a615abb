/* Writes the records of an update that was checked to the mailbox. */
#include <string.h>

#include "apply.h"

/* Sets the bits of the record's user flags. Adds flags that the mailbox does not have yet. */
static int number_flags(struct mailbox *mailbox, const struct given *given,
                        struct index_record *record)
{
    struct text rest = given->flags;
    struct item flag;
    int bit;
    int r = 0;

    memset(record->user_flags, 0, sizeof(record->user_flags));
    while (!r && wire_next(&rest, &flag) != WIRE_END) {
        char *name;
        if (*flag.text.data == '\\') continue;
        name = text_name(flag.text);
        /* 2: use even the bits beyond the limit for clients. */
        r = mailbox_user_flag(mailbox, name, &bit, 2);
        if (!r) record->user_flags[bit / 32] |= 1U << (bit % 32);
        free(name);
    }
    return r;
}

/* Keeps modseq and date of change as in the command, and turns off limits on the number of
 * messages. */
static void as_given(struct index_record *record)
{
    record->silentupdate = 1;
    record->ignorelimits = 1;
}

static int write_annotations(struct mailbox *mailbox, const struct given *given, bool *snoozed)
{
    annotate_state_t *state = NULL;
    int r = mailbox_get_annotate_state(mailbox, given->record.uid, &state);

    if (!r)
        r = annotations_write(mailbox, state, given->record.uid, given->annotations, snoozed);
    return r;
}

/* Alarms depend on annotations, so they are written after the annotations. */
static void settle_alarms(struct mailbox *mailbox, const struct index_record *record)
{
#ifdef USE_CALALARMD
    if (mbtype_isa(mailbox_mbtype(mailbox)) == MBTYPE_CALENDAR)
        caldav_alarm_sync_nextcheck(mailbox, record);
#else
    (void)mailbox;
    (void)record;
#endif
}

static int rewrite(struct mailbox *mailbox, const struct given *given, struct index_record *here)
{
    const struct index_record *record = &given->record;
    bool snoozed;
    int r;

    here->cid = record->cid;
    here->basecid = record->basecid;
    here->modseq = record->modseq;
    here->last_updated = record->last_updated;
    here->savedate = record->savedate;
    here->createdmodseq = record->createdmodseq;
    here->system_flags = record->system_flags;
    here->internal_flags |= record->internal_flags & FLAG_INTERNAL_EXPUNGED;
    r = number_flags(mailbox, given, here);
    if (!r) r = write_annotations(mailbox, given, &snoozed);
    if (r) return r;
    settle_alarms(mailbox, here);
    here->internal_flags &= ~FLAG_INTERNAL_SNOOZED;
    if (snoozed) here->internal_flags |= FLAG_INTERNAL_SNOOZED;
    as_given(here);
    return mailbox_rewrite_index_record(mailbox, here);
}

static int append(struct update *update, const struct given *given, struct buf *why)
{
    struct mailbox *mailbox = update->mailbox;
    struct index_record record = given->record;
    const struct staged *staged =
        staging_find(update->staging, mailbox_partition(mailbox), &record.guid);
    const char *path;
    bool snoozed;
    int r;

    /* Fills in the fields of cyrus.index and cyrus.cache that come from the message's content. */
    r = message_parse(staged->path, &record);
    if (r || !message_guid_equal(&record.guid, &given->record.guid))
        return refuse(why, r ? r : IMAP_MAILBOX_CHECKSUM, "%s was changed after it was staged",
                      staged->path);
    if (staged->archived || mailbox_should_archive(mailbox, &record, NULL))
        record.internal_flags |= FLAG_INTERNAL_ARCHIVED;
    path = mailbox_record_fname(mailbox, &record);
    strarray_append(&update->copied, path);
    r = mailbox_copyfile(staged->path, path, 0);
    if (!r) r = number_flags(mailbox, given, &record);
    as_given(&record);
    if (!r) r = mailbox_append_index_record(mailbox, &record);
    if (!r) r = write_annotations(mailbox, given, &snoozed);
    if (r) return r;
    settle_alarms(mailbox, &record);
    if (snoozed) {
        record.internal_flags |= FLAG_INTERNAL_SNOOZED;
        r = mailbox_rewrite_index_record(mailbox, &record);
    }
    return r;
}

/* A function that writes a record of the command. here is the mailbox's record with the same UID;
 * NULL if there is none. */
typedef int write_proc(struct update *update, const struct given *given,
                       struct index_record *here, struct buf *why);

static int append_new(struct update *update, const struct given *given,
                      struct index_record *here, struct buf *why)
{
    const bool expunged = given->record.internal_flags & FLAG_INTERNAL_EXPUNGED;

    return here || expunged ? 0 : append(update, given, why);
}

static int rewrite_old(struct update *update, const struct given *given,
                       struct index_record *here, struct buf *why __attribute__((unused)))
{
    const uint32_t expunged = given->record.internal_flags & FLAG_INTERNAL_EXPUNGED;

    if (!here || (here->internal_flags & expunged)) return 0;
    return rewrite(update->mailbox, given, here);
}

static int each_record(struct update *update, write_proc *proc, struct buf *why)
{
    struct text rest = update->records;
    struct index_record here;
    struct given given;
    struct item item;
    int r = 0;

    while (!r && wire_next(&rest, &item) != WIRE_END) {
        if (!record_read(&item, &given))
            return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "a record is malformed");
        r = record_here(update->mailbox, given.record.uid, &here);
        if (!r) r = proc(update, &given, &here, why);
        else if (r == IMAP_NOTFOUND) r = proc(update, &given, NULL, why);
        if (r && !buf_len(why))
            refuse(why, r, "uid %u cannot be written: %s", given.record.uid, error_message(r));
    }
    return r;
}

int records_append(struct update *update, struct buf *why)
{
    return each_record(update, append_new, why);
}

int records_rewrite(struct update *update, struct buf *why)
{
    return each_record(update, rewrite_old, why);
}
