/* Opens, reads and closes mailboxes. */
#include <sys/stat.h>

#include "master.h"

/* Returns whether the mailbox has a file of annotations of messages. Opening it with Cyrus would
 * create it. */
static bool has_annotations_file(const struct mailbox *mailbox)
{
    const char *path = mailbox_meta_fname(mailbox, META_ANNOTATIONS);
    struct stat info;

    return path && stat(path, &info) == 0;
}

int master_openable(const char *name)
{
    mbentry_t *entry = NULL;
    int r = master_lookup(name, &entry);

    if (!r && !entry) return IMAP_MAILBOX_NONEXISTENT;
    /* Cyrus would look for the files of such a mailbox, miss them, and report an I/O error. */
    if (!r && (entry->mbtype & (MBTYPE_REMOTE | MBTYPE_RESERVE))) r = IMAP_MAILBOX_NONEXISTENT;
    /* A mailbox that reconstruct -f found has no uniqueid. 3.6.1 crashes when it opens such a
     * mailbox. */
    if (!r && !(entry->mbtype & (MBTYPE_DELETED | MBTYPE_INTERMEDIATE)) && !entry->uniqueid)
        r = IMAP_MAILBOX_BADFORMAT;
    mboxlist_entry_free(&entry);
    return r;
}

/* Does the same as mailbox_open_irl(), but waits at most wait_ms milliseconds. Takes the lock of
 * the user first: a process that locks the index holds the lock of the user too, and Cyrus has no
 * time limit for the index. Cyrus 3.6 takes no such lock for shared mailboxes, so their index is
 * waited for without limit there. */
static int open_within(const char *name, int wait_ms, struct mboxlock **user_lock,
                       struct mailbox **out)
{
    char *userid;
    int waited = 0;
    int r = 0;

    if (wait_ms < 0) return mailbox_open_irl(name, out);
    userid = mboxname_to_userid(name);
    if ((userid || version_locks_shared_mailboxes()) && !user_isnamespacelocked(userid))
        r = master_user_lock(userid, false, wait_ms, user_lock);
    free(userid);
    if (r) return r;
    do
        r = mailbox_open_irlnb(name, out);
    while (r == IMAP_MAILBOX_LOCKED && master_pause(&waited, wait_ms));
    return r;
}

static void release(struct mboxlock **lock)
{
    if (*lock) mboxname_release(lock);
}

/* Reads the groups of the mailbox's owner, joined by tabs. */
static int read_usergroups(const char *name, char **out)
{
    strarray_t groups = STRARRAY_INITIALIZER;
    char *userid = mboxname_to_userid(name);
    int r = userid ? version_usergroups(userid, &groups) : 0;

    if (!r && strarray_size(&groups) > 0) *out = strarray_join(&groups, "\t");
    strarray_fini(&groups);
    free(userid);
    return r;
}

/* The number of mailboxes that master_open() opened and that are open. */
static unsigned opened;

bool master_is_busy(void)
{
    return !opened && open_mailboxes_exist();
}

int master_open(const char *name, int wait_ms, master_mailbox **out)
{
    master_mailbox *mailbox;
    int r;

    *out = NULL;
    if (master_is_busy()) return IMAP_MAILBOX_LOCKED;
    mailbox = xzmalloc(sizeof(*mailbox));
    r = master_openable(name);
    if (!r) r = open_within(name, wait_ms, &mailbox->user_lock, &mailbox->cyrus);
    if (r) {
        release(&mailbox->user_lock);
        free(mailbox);
        return r == IMAP_MAILBOX_RESERVED ? IMAP_MAILBOX_NONEXISTENT : r;
    }
    opened++;
    mailbox->has_conversations = mailbox_has_conversations(mailbox->cyrus);
    if (mailbox->has_conversations)
        r = mailbox_get_xconvmodseq(mailbox->cyrus, &mailbox->xconvmodseq);
    mailbox->raclmodseq = mboxname_readraclmodseq(name);
    if (!r) r = read_usergroups(name, &mailbox->usergroups);
    mailbox->annotated = has_annotations_file(mailbox->cyrus);
    /* Keep the database open until the index is unlocked. Otherwise Cyrus opens it for each
     * message. */
    if (!r && mailbox->annotated)
        r = mailbox_get_annotate_state(mailbox->cyrus, ANNOTATE_ANY_UID, NULL);
    if (r) master_close(&mailbox);
    *out = mailbox;
    return r;
}

void master_unlock_index(master_mailbox *mailbox)
{
    mailbox_unlock_index(mailbox->cyrus, NULL);
    release(&mailbox->user_lock);
}

void master_close(master_mailbox **mailbox)
{
    if (!*mailbox) return;
    mailbox_close(&(*mailbox)->cyrus);
    opened--;
    release(&(*mailbox)->user_lock);
    free((*mailbox)->usergroups);
    free(*mailbox);
    *mailbox = NULL;
}

/* Does not use mailbox_iter_init() and similar functions, because they end the process at a record
 * that cannot be read. A damaged index must make only its mailbox fail. */
int master_scan(master_mailbox *mailbox, uint32_t from, modseq_t since, master_record_cb *visit,
                void *rock)
{
    message_t *message = message_new();
    uint32_t recno;
    uint32_t uid;
    int r = 0;

    for (recno = 1; !r && recno <= mailbox->cyrus->i.num_records; recno++) {
        const struct index_record *record;

        message_set_from_mailbox(mailbox->cyrus, recno, message);
        r = message_get_uid(message, &uid);
        if (r) break;
        record = msg_record(message);
        if (uid < from || (since && record->modseq <= since)) continue;
        r = visit(record, rock);
    }
    message_unref(&message);
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
