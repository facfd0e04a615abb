/* Updates a mailbox. The whole update is checked before anything is written. The checks and the
 * order of writes are those of Cyrus's replication server (sync_apply_mailbox in
 * imap/sync_support.c), but no mailbox is created or replaced. */
#include <string.h>

#include "apply.h"

/* The oldest version of cyrus.index whose records have all data that replication needs. */
#define OLDEST_VERSION 12

/* The mailbox as the command describes it. */
struct header {
    char *name;
    char *uniqueid;
    char *partition;
    struct text acl;
    uint32_t mbtype;
    uint32_t options;
    uint32_t uidvalidity;
    uint32_t last_uid;
    uint32_t recentuid;
    time_t recenttime;
    time_t last_appenddate;
    time_t pop3_last_login;
    time_t pop3_show_after;
    modseq_t highestmodseq;
    modseq_t createdmodseq;
    modseq_t foldermodseq;
    modseq_t xconvmodseq;
    modseq_t raclmodseq;
    struct synccrcs crcs;
    /* The state of the mailbox from which the client computed the update. If since_modseq is 0, any
     * state is accepted. */
    modseq_t since_modseq;
    struct synccrcs since_crcs;
    struct text annotations;
    struct text records;
};

static void header_free(struct header *header)
{
    free(header->name);
    free(header->uniqueid);
    free(header->partition);
}

static char *name_field(struct fields *fields, const char *key)
{
    char *name = text_name(field_text(fields, key));

    if (!name && !fields->bad) fields->bad = key;
    return name;
}

static uint32_t read_options(struct text letters)
{
    static const struct {
        char letter;
        uint32_t option;
    } options[] = {
        { 'P', OPT_POP3_NEW_UIDL },
        { 'S', OPT_IMAP_SHAREDSEEN },
        { 'D', OPT_IMAP_DUPDELIVER },
        { 'A', OPT_IMAP_HAS_ALARMS },
    };
    uint32_t found = 0;
    size_t i;

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (letters.len && memchr(letters.data, options[i].letter, letters.len))
            found |= options[i].option;
    return found;
}

static int read_header(struct text body, struct header *out, struct buf *why)
{
    struct text rest = body;
    struct item pairs, more;
    struct fields fields;
    char *mbtype;

    memset(out, 0, sizeof(*out));
    if (wire_next(&rest, &pairs) != WIRE_PAIRS || wire_next(&rest, &more) != WIRE_END
        || !fields_read(pairs.text, &fields))
        return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "the command is malformed");
    out->name = name_field(&fields, "MBOXNAME");
    out->uniqueid = name_field(&fields, "UNIQUEID");
    out->partition = name_field(&fields, "PARTITION");
    out->acl = field_text(&fields, "ACL");
    mbtype = text_name(field_text_if(&fields, "MBOXTYPE"));
    out->mbtype = mbtype ? mboxlist_string_to_mbtype(mbtype) : 0;
    free(mbtype);
    out->options = read_options(field_text(&fields, "OPTIONS"));
    out->uidvalidity = (uint32_t)field_number(&fields, "UIDVALIDITY", UINT32_MAX);
    out->last_uid = (uint32_t)field_number(&fields, "LAST_UID", UINT32_MAX);
    out->recentuid = (uint32_t)field_number(&fields, "RECENTUID", UINT32_MAX);
    out->recenttime = (time_t)field_number(&fields, "RECENTTIME", DATE_MAX);
    out->last_appenddate = (time_t)field_number(&fields, "LAST_APPENDDATE", DATE_MAX);
    out->pop3_last_login = (time_t)field_number(&fields, "POP3_LAST_LOGIN", DATE_MAX);
    out->pop3_show_after = (time_t)field_number_if(&fields, "POP3_SHOW_AFTER", DATE_MAX);
    out->highestmodseq = field_number(&fields, "HIGHESTMODSEQ", UINT64_MAX);
    out->createdmodseq = field_number_if(&fields, "CREATEDMODSEQ", UINT64_MAX);
    out->foldermodseq = field_number_if(&fields, "FOLDERMODSEQ", UINT64_MAX);
    out->xconvmodseq = field_number_if(&fields, "XCONVMODSEQ", UINT64_MAX);
    out->raclmodseq = field_number_if(&fields, "RACLMODSEQ", UINT64_MAX);
    out->crcs.basic = (uint32_t)field_number_if(&fields, "SYNC_CRC", UINT32_MAX);
    out->crcs.annot = (uint32_t)field_number_if(&fields, "SYNC_CRC_ANNOT", UINT32_MAX);
    out->since_modseq = field_number_if(&fields, "SINCE_MODSEQ", UINT64_MAX);
    out->since_crcs.basic = (uint32_t)field_number_if(&fields, "SINCE_CRC", UINT32_MAX);
    out->since_crcs.annot = (uint32_t)field_number_if(&fields, "SINCE_CRC_ANNOT", UINT32_MAX);
    out->annotations = field_list_if(&fields, "ANNOTATIONS");
    out->records = field_list(&fields, "RECORD");
    /* The CRCs after the update are not known before it is written, so a command with CRCs is
     * refused. */
    if ((out->crcs.basic || out->crcs.annot) && !fields.bad) fields.bad = "SYNC_CRC";
    if (!annotations_good(out->annotations) && !fields.bad) fields.bad = "ANNOTATIONS";
    if (!fields.bad) return 0;
    return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "%s is missing or not valid", fields.bad);
}

/* Checks that the mailbox, and its state, are those from which the client computed the update. */
static int check_identity(struct mailbox *mailbox, const struct header *header, struct buf *why)
{
    struct synccrcs crcs = mailbox_synccrcs(mailbox, 0);

    if (strcmpsafe(mailbox_uniqueid(mailbox), header->uniqueid) != 0
        || strcmpsafe(mailbox_partition(mailbox), header->partition) != 0)
        return refuse(why, IMAP_MAILBOX_MOVED, "the mailbox has another uniqueid or partition");
    if (!text_is(header->acl, mailbox_acl(mailbox) ? mailbox_acl(mailbox) : ""))
        return refuse(why, IMAP_SYNC_CHANGED, "the rights of the mailbox were changed meanwhile");
    if (mbtypes_sync(mailbox_mbtype(mailbox)) != header->mbtype)
        return refuse(why, IMAP_MAILBOX_NOTSUPPORTED, "the mailbox has another type");
    if (mailbox->i.minor_version < OLDEST_VERSION)
        return refuse(why, IMAP_MAILBOX_NOTSUPPORTED,
                      "the mailbox's index has version %d, which is too old",
                      mailbox->i.minor_version);
    if (header->since_modseq
        && (header->since_modseq != mailbox->i.highestmodseq
            || !mailbox_crceq(header->since_crcs, crcs)))
        return refuse(why, IMAP_SYNC_CHANGED, "the mailbox was changed meanwhile");
    return 0;
}

/* Checks that no number that clients have seen would become lower. */
static int check_rises(struct mailbox *mailbox, const struct header *header, struct buf *why)
{
    modseq_t xconvmodseq = 0;
    int r = 0;

    if (header->highestmodseq < mailbox->i.highestmodseq)
        return refuse(why, IMAP_SYNC_CHECKSUM, "the mailbox has a higher HIGHESTMODSEQ");
    if (header->uidvalidity < mailbox->i.uidvalidity)
        return refuse(why, IMAP_SYNC_CHECKSUM, "the mailbox has a higher UIDVALIDITY");
    if (header->last_uid < mailbox->i.last_uid)
        return refuse(why, IMAP_SYNC_CHECKSUM, "the mailbox has a higher last UID");
    if (header->xconvmodseq && mailbox_has_conversations(mailbox))
        r = mailbox_get_xconvmodseq(mailbox, &xconvmodseq);
    if (r) return refuse(why, r, "the mailbox's conversations cannot be read");
    if (header->xconvmodseq < xconvmodseq)
        return refuse(why, IMAP_SYNC_CHECKSUM, "the mailbox has a higher XCONVMODSEQ");
    return 0;
}

static time_t later(time_t a, time_t b)
{
    return a > b ? a : b;
}

static void write_header(struct mailbox *mailbox, const struct header *header)
{
    struct index_header *i = &mailbox->i;

    i->last_uid = header->last_uid;
    i->highestmodseq = header->highestmodseq;
    /* Keep the later value of the next four. They have no modseq, and the mailbox may have changed
     * since the client read it. */
    if (i->recentuid < header->recentuid) i->recentuid = header->recentuid;
    i->recenttime = later(i->recenttime, header->recenttime);
    i->last_appenddate = later(i->last_appenddate, header->last_appenddate);
    i->pop3_last_login = later(i->pop3_last_login, header->pop3_last_login);
    i->pop3_show_after = header->pop3_show_after;
    if (header->createdmodseq) i->createdmodseq = header->createdmodseq;
    i->options = (header->options & MAILBOX_OPTIONS_MASK) | (i->options & ~MAILBOX_OPTIONS_MASK);
}

static int write_entry(const char *name, const struct header *header)
{
    const modseq_t foldermodseq =
        header->foldermodseq ? header->foldermodseq : header->highestmodseq;
    mbentry_t *entry = NULL;
    int r = mboxlist_lookup_allow_all(name, &entry, NULL);

    if (!r && (entry->foldermodseq < foldermodseq || entry->uidvalidity != header->uidvalidity)) {
        if (entry->foldermodseq < foldermodseq) entry->foldermodseq = foldermodseq;
        entry->uidvalidity = header->uidvalidity;
        r = mboxlist_update(entry, 0);
    }
    mboxlist_entry_free(&entry);
    return r;
}

/* Writes the data outside the mailbox's own files. All these numbers can only rise. */
static int write_outside(struct mailbox *mailbox, const struct header *header)
{
    const char *name = mailbox_name(mailbox);
    int r = write_entry(name, header);

    if (r) return r;
    mboxname_setmodseq(name, header->highestmodseq, mailbox_mbtype(mailbox), 0);
    if (mailbox->i.uidvalidity != header->uidvalidity) {
        mboxname_setuidvalidity(name, header->uidvalidity);
        mailbox->i.uidvalidity = header->uidvalidity;
    }
    if (header->raclmodseq && config_getswitch(IMAPOPT_REVERSEACLS))
        mboxname_setraclmodseq(name, header->raclmodseq);
    if (!mailbox_has_conversations(mailbox)) return 0;
    return mailbox_update_xconvmodseq(mailbox, header->xconvmodseq, 0);
}

/* Writes the annotations of the mailbox itself, which are in the server's database. */
static int write_annotations(struct mailbox *mailbox, const struct header *header)
{
    annotate_state_t *state = annotate_state_new();
    int r = annotate_state_set_mailbox(state, mailbox);

    if (!r) r = annotations_write(mailbox, state, 0, header->annotations, NULL);
    if (!r) return annotate_state_commit(&state);
    annotate_state_abort(&state);
    return r;
}

/* Writes new messages and commits them before anything else. Cyrus writes records one by one, and
 * may be killed between two of them. So if a message gets another UID, it must exist under the new
 * UID before the old one is expunged. */
static int write_new(struct update *update, const struct header *header, struct buf *why)
{
    int i;
    int r;

    mailbox_index_dirty(update->mailbox);
    /* Do not assign new modseqs: use those of the command. */
    update->mailbox->silentchanges = 1;
    r = records_append(update, why);
    if (!r) r = pending_begin(update);
    if (!r) {
        write_header(update->mailbox, header);
        return strarray_size(&update->copied) ? mailbox_commit(update->mailbox) : 0;
    }
    for (i = 0; i < strarray_size(&update->copied); i++)
        unlink(strarray_nth(&update->copied, i));
    return r;
}

static int write_rest(struct update *update, const struct header *header, struct buf *why)
{
    int r = records_rewrite(update, why);

    if (!r) r = write_annotations(update->mailbox, header);
    if (!r) r = write_outside(update->mailbox, header);
    /* Compute counts and CRCs. They may be wrong if an earlier writer was killed. */
    if (!r) r = mailbox_index_recalc(update->mailbox);
    return r ? r : mailbox_commit(update->mailbox);
}

static int update_mailbox(struct update *update, const struct header *header, struct buf *why)
{
    int r = check_identity(update->mailbox, header, why);

    if (!r) r = check_rises(update->mailbox, header, why);
    if (!r) r = records_check(update, why);
    if (!r) {
        r = write_new(update, header, why);
        if (!r) r = write_rest(update, header, why);
        /* Otherwise closing would commit, and would end the process if the commit failed. */
        if (r) mailbox_abort(update->mailbox);
    }
    /* Closing commits the conversations. */
    mailbox_close(&update->mailbox);
    if (!r) pending_end(header->uniqueid);
    return r;
}

int apply_mailbox(const struct staging *staging, struct text body, int wait_ms, struct buf *why)
{
    struct update update = { .staging = staging, .copied = STRARRAY_INITIALIZER };
    struct mboxlock *lock = NULL;
    struct header header;
    char *userid;
    int r = read_header(body, &header, why);

    if (!r && open_mailboxes_exist())
        r = refuse(why, IMAP_MAILBOX_LOCKED, "this process has a mailbox open");
    if (!r) {
        master_settle();
        /* Any process that writes to mailboxes.db takes this lock. For shared mailboxes its userid
         * is NULL. */
        userid = mboxname_to_userid(header.name);
        r = master_user_lock(userid, true, wait_ms, &lock);
        free(userid);
    }
    if (!r) r = master_openable(header.name);
    if (!r) r = mailbox_open_iwl(header.name, &update.mailbox);
    if (!r) {
        update.records = header.records;
        update.last_uid = header.last_uid;
        update.highestmodseq = header.highestmodseq;
        r = update_mailbox(&update, &header, why);
    }
    if (lock) mboxname_release(&lock);
    strarray_fini(&update.copied);
    header_free(&header);
    return r;
}
