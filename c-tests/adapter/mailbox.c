/* An open mailbox. */
#include <sys/stat.h>

#include "master.h"

/* Without such a file no message has annotations; asking Cyrus would have it made. */
static bool has_annotations_file(const struct mailbox *mailbox)
{
    const char *path = mailbox_meta_fname(mailbox, META_ANNOTATIONS);
    struct stat info;

    return path && stat(path, &info) == 0;
}

static int openable(const char *name)
{
    mbentry_t *entry = NULL;
    int r = mboxlist_lookup_allow_all(name, &entry, NULL);

    /* Cyrus would look for the files of such, miss them, and call that an I/O error. */
    if (!r && (entry->mbtype & (MBTYPE_REMOTE | MBTYPE_RESERVE))) r = IMAP_MAILBOX_NONEXISTENT;
    mboxlist_entry_free(&entry);
    return r;
}

int master_open(const char *name, master_mailbox **out)
{
    struct mailbox *cyrus = NULL;
    master_mailbox *mailbox;
    int r;

    *out = NULL;
    r = openable(name);
    if (!r) r = mailbox_open_irl(name, &cyrus);
    if (r) return r == IMAP_MAILBOX_RESERVED ? IMAP_MAILBOX_NONEXISTENT : r;

    mailbox = xzmalloc(sizeof(*mailbox));
    mailbox->cyrus = cyrus;
    mailbox->has_conversations = mailbox_has_conversations(cyrus);
    if (mailbox->has_conversations) r = mailbox_get_xconvmodseq(cyrus, &mailbox->xconvmodseq);
    mailbox->raclmodseq = mboxname_readraclmodseq(name);
    mailbox->annotated = has_annotations_file(cyrus);
    /* Keeps that database open until the index is unlocked, instead of once for each message. */
    if (!r && mailbox->annotated) r = mailbox_get_annotate_state(cyrus, ANNOTATE_ANY_UID, NULL);
    if (r) master_close(&mailbox);
    *out = mailbox;
    return r;
}

void master_unlock_index(master_mailbox *mailbox)
{
    mailbox_unlock_index(mailbox->cyrus, NULL);
}

void master_close(master_mailbox **mailbox)
{
    if (!*mailbox) return;
    mailbox_close(&(*mailbox)->cyrus);
    free(*mailbox);
    *mailbox = NULL;
}

struct synccrcs master_crcs(master_mailbox *mailbox, bool recomputed)
{
    return recomputed ? mailbox_synccrcs(mailbox->cyrus, 1) : mailbox->cyrus->i.synccrcs;
}

int master_scan(master_mailbox *mailbox, uint32_t from, modseq_t since, master_record_cb *visit,
                void *rock)
{
    struct mailbox_iter *iter = mailbox_iter_init(mailbox->cyrus, since, 0);
    const message_t *message;
    int r = 0;

    mailbox_iter_startuid(iter, from);
    while (!r && (message = mailbox_iter_step(iter)))
        r = visit(msg_record(message), rock);
    mailbox_iter_done(&iter);
    return r;
}

int master_mailbox_annotations(master_mailbox *mailbox, uint32_t uid,
                               annotatemore_find_proc_t visit, void *rock)
{
    if (uid && !mailbox->annotated) return 0;
    return annotatemore_findall_mailbox(mailbox->cyrus, uid, "*", 0, visit, rock, 0);
}

const char *master_message_path(master_mailbox *mailbox, const struct index_record *record)
{
    return mailbox_record_fname(mailbox->cyrus, record);
}
