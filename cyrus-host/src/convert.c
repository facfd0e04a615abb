#include "convert.h"

#include <string.h>

char *to_string(cyrsync_str text)
{
    if (text.len && memchr(text.data, 0, text.len)) return NULL;
    return xstrndup(text.len ? text.data : "", text.len);
}

cyrsync_str from_buf(const struct buf *buf)
{
    const cyrsync_str text = { buf->s, buf->len };
    return text;
}

static cyrsync_result meaning(int r)
{
    switch (r) {
    case IMAP_MAILBOX_NONEXISTENT:
    case IMAP_MAILBOX_RESERVED:
        return CYRSYNC_RESULT_NOT_FOUND;
    case IMAP_MAILBOX_LOCKED:
        return CYRSYNC_RESULT_LOCKED;
    case IMAP_MAILBOX_MOVED:
        return CYRSYNC_RESULT_MOVED;
    case IMAP_MAILBOX_BADFORMAT:
    case IMAP_MAILBOX_CHECKSUM:
        return CYRSYNC_RESULT_CORRUPT;
    case IMAP_MAILBOX_NOTSUPPORTED:
        return CYRSYNC_RESULT_UNSUPPORTED;
    case IMAP_MAILBOX_BADNAME:
    case IMAP_PROTOCOL_BAD_PARAMETERS:
        return CYRSYNC_RESULT_INVALID_ARGUMENT;
    default:
        return CYRSYNC_RESULT_IO;
    }
}

/* Returns the text of an error. Codes of Cyrus's databases are above -100, codes of com_err far
 * below. */
static const char *words(int r)
{
    return r > -100 ? cyrusdb_strerror(r) : error_message(r);
}

int result_of(int r, cyrsync_failure *failure)
{
    /* Error codes of Cyrus are negative. A positive number is the result of an emit function. */
    if (r >= 0) return r;
    cyrsync_failure_set(failure, cyrsync_str_from(words(r)),
                        cyrsync_str_from("see this server's log"));
    return (int)meaning(r);
}

int result_in(const master_mailbox *mailbox, int r, cyrsync_failure *failure)
{
    const char *path = mailbox_meta_fname(mailbox->cyrus, META_INDEX);
    struct buf detail = BUF_INITIALIZER;
    int result = result_of(r, failure);

    if (r < 0 && result == CYRSYNC_RESULT_CORRUPT && path) {
        buf_printf(&detail, "%s: %s", path, words(r));
        cyrsync_failure_set(failure, from_buf(&detail),
                            cyrsync_str_from("run reconstruct on the mailbox"));
        buf_free(&detail);
    }
    return result;
}

void convert_entry(const mbentry_t *entry, cyrsync_former_name *former, cyrsync_mailbox_entry *out)
{
    const cyrsync_former_name no_name = CYRSYNC_FORMER_NAME_INIT;
    const cyrsync_mailbox_entry nothing = CYRSYNC_MAILBOX_ENTRY_INIT;
    int count = ptrarray_size(&entry->name_history);
    int i;

    *out = nothing;
    out->name = cyrsync_str_from(entry->name);
    out->uniqueid = cyrsync_str_from(entry->uniqueid);
    out->partition = cyrsync_str_from(entry->partition);
    out->server = cyrsync_str_from(entry->server);
    out->acl = cyrsync_str_from(entry->acl);
    out->mbtype = entry->mbtype;
    out->uidvalidity = entry->uidvalidity;
    out->createdmodseq = entry->createdmodseq;
    out->foldermodseq = entry->foldermodseq;
    out->mtime = entry->mtime;
    if (!former) return;
    for (i = 0; i < count; i++) {
        const former_name_t *name = ptrarray_nth(&entry->name_history, i);
        former[i] = no_name;
        former[i].name = cyrsync_str_from(name->name);
        former[i].partition = cyrsync_str_from(name->partition);
        former[i].mtime = name->mtime;
        former[i].foldermodseq = name->foldermodseq;
        former[i].uidvalidity = name->uidvalidity;
    }
    out->former_names = former;
    out->former_name_count = (size_t)count;
}

void convert_record(const struct index_record *record, cyrsync_record *out)
{
    const cyrsync_record nothing = CYRSYNC_RECORD_INIT;

    *out = nothing;
    out->uid = record->uid;
    out->message_size = record->size;
    out->internaldate = record->internaldate;
    out->last_updated = record->last_updated;
    out->savedate = record->savedate;
    out->modseq = record->modseq;
    out->createdmodseq = record->createdmodseq;
    out->cid = record->cid;
    out->system_flags = record->system_flags;
    out->internal_flags = record->internal_flags;
    memcpy(out->user_flags, record->user_flags, sizeof(out->user_flags));
    memcpy(out->guid, record->guid.value, sizeof(out->guid));
}

/* Returns why the files of a mailbox may not belong together, or NULL. The engine then replicates
 * the mailbox, but changes no messages in it. */
static const char *inconsistency(const struct mailbox *cyrus)
{
    const char *listed = cyrus->mbentry->uniqueid;

    if (listed && strcmpsafe(listed, cyrus->h.uniqueid) != 0)
        return "cyrus.header has another uniqueid than mailboxes.db";
    if (cyrus->i.header_file_crc && cyrus->i.header_file_crc != cyrus->header_file_crc)
        return "cyrus.index belongs to another cyrus.header";
    return NULL;
}

void convert_state(const master_mailbox *mailbox, cyrsync_str *flags, cyrsync_mailbox_state *out)
{
    const struct mailbox *cyrus = mailbox->cyrus;
    const struct index_header *i = &cyrus->i;
    size_t bit;

    out->flags = flags;
    /* Count the names up to the last flag that is used. The rest is free for new flags. */
    for (bit = 0; bit < MAX_USER_FLAGS; bit++) {
        flags[bit] = cyrsync_str_from(cyrus->h.flagname[bit]);
        if (flags[bit].len) out->flag_count = bit + 1;
    }
    out->name = cyrsync_str_from(mailbox_name(cyrus));
    out->uniqueid = cyrsync_str_from(mailbox_uniqueid(cyrus));
    out->partition = cyrsync_str_from(mailbox_partition(cyrus));
    out->acl = cyrsync_str_from(mailbox_acl(cyrus));
    out->quotaroot = cyrsync_str_from(mailbox_quotaroot(cyrus));
    out->mbtype = mailbox_mbtype(cyrus);
    out->minor_version = (uint32_t)i->minor_version;
    out->options = i->options & MAILBOX_OPTIONS_MASK;
    out->uidvalidity = i->uidvalidity;
    out->last_uid = i->last_uid;
    out->recentuid = i->recentuid;
    out->num_records = i->num_records;
    out->exists = i->exists;
    out->has_exists = 1;
    out->basic_crc = i->synccrcs.basic;
    out->annot_crc = i->synccrcs.annot;
    out->highestmodseq = i->highestmodseq;
    out->deletedmodseq = i->deletedmodseq;
    out->createdmodseq = i->createdmodseq;
    out->foldermodseq = mailbox_foldermodseq(cyrus);
    out->xconvmodseq = mailbox->xconvmodseq;
    out->has_xconvmodseq = mailbox->has_conversations;
    out->raclmodseq = mailbox->raclmodseq;
    out->recenttime = i->recenttime;
    out->last_appenddate = i->last_appenddate;
    out->pop3_last_login = i->pop3_last_login;
    out->pop3_show_after = i->pop3_show_after;
    out->knows_usergroups = version_has_usergroups();
    out->usergroups = cyrsync_str_from(mailbox->usergroups);
    out->inconsistency = cyrsync_str_from(inconsistency(cyrus));
}
