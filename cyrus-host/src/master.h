/* Reads and writes the data of a master with Cyrus's own functions, for the engine.
 * src/store/mod.rs describes the meaning of each function.
 *
 * Cyrus keeps its state in the process and is not made for threads: all calls must come from one
 * thread.
 *
 * Functions that return int return 0 or an error code of Cyrus, which error_message() of com_err
 * describes. If an object is not found and that is no error, the output is NULL. */
#ifndef MASTER_H
#define MASTER_H

#include "cyrus.h"

/* -- the process -- */

/* For programs that are not services of Cyrus (program.c). Starts Cyrus: configuration, databases,
 * syslog. Becomes the cyrus user. */
int program_begin(const char *imapd_conf, const char *ident);
/* Executes delayed actions of Cyrus, and stops Cyrus. */
void program_end(void);
/* Completes updates that a process was writing when it was killed (pending.c). */
void master_settle(void);

/* -- locks (locks.c) -- */

/* Functions with wait_ms wait for a lock at most that many milliseconds, or without limit if
 * wait_ms is negative. They return IMAP_MAILBOX_LOCKED if the lock is still held then. */
#define MASTER_WAIT_FOREVER (-1)

/* Excludes other replication of a user to the same server. userid is NULL for shared mailboxes. */
int master_sync_lock(const char *server, const char *userid, int wait_ms, struct mboxlock **out);
void master_sync_unlock(struct mboxlock **lock);
/* Takes the namespace lock of a user, to read or to write. userid is NULL for shared mailboxes.
 * Release the lock with mboxname_release(). */
int master_user_lock(const char *userid, bool write, int wait_ms, struct mboxlock **out);
/* Waits a short time, longer with each call, and adds it to waited. Returns false, without waiting,
 * if waited has reached wait_ms. */
bool master_pause(int *waited, int wait_ms);

/* -- mailboxes.db (entries.c). Free entries with mboxlist_entry_free() -- */

int master_lookup(const char *name, mbentry_t **out);
int master_lookup_by_id(const char *uniqueid, mbentry_t **out);
/* Returns the size of the file in bytes, or 0 if it cannot be read. */
uint64_t master_list_bytes(void);
/* Receives the name of an entry that cannot be read, and the error code why. */
typedef int master_unreadable_cb(const char *name, int why, void *rock);

/* Visits all mailboxes of a user, including deleted mailboxes and intermediate entries, without
 * tombstones. */
int master_user_tree(const char *userid, mboxlist_cb *visit, master_unreadable_cb *unreadable,
                     void *rock);
/* Visits all mailboxes whose names begin with prefix, including tombstones, without intermediate
 * entries. */
int master_each(const char *prefix, mboxlist_cb *visit, master_unreadable_cb *unreadable,
                void *rock);

/* -- a mailbox (mailbox.c) -- */

typedef struct master_mailbox master_mailbox;

struct master_mailbox {
    struct mailbox *cyrus;
    bool has_conversations;
    modseq_t xconvmodseq;
    modseq_t raclmodseq;
    /* The groups of the owner, joined by tabs; NULL if the owner is in no group. */
    char *usergroups;
    /* Whether any message may have annotations. */
    bool annotated;
    /* The lock of the user; NULL if Cyrus itself takes it. */
    struct mboxlock *user_lock;
};

typedef int master_record_cb(const struct index_record *record, void *rock);

/* Returns IMAP_MAILBOX_NONEXISTENT if there is no mailbox with this name that can be opened. Call
 * this first: Cyrus ends the process when it closes a mailbox that was opened by another name than
 * its own. */
int master_openable(const char *name);
/* Returns whether the process has a mailbox open that master_open() did not open. Then nothing here
 * may be called that opens a mailbox: since 3.12, Cyrus neither unlocks nor commits a mailbox that
 * is open twice. */
bool master_is_busy(void);
/* Opens a mailbox under shared locks. Returns IMAP_MAILBOX_NONEXISTENT if there is no mailbox with
 * this name that can be opened, and IMAP_MAILBOX_LOCKED if master_is_busy(), or if it is open here
 * already. */
int master_open(const char *name, int wait_ms, master_mailbox **out);
/* Allows other processes to write again. Message files are kept until the mailbox is closed. */
void master_unlock_index(master_mailbox *mailbox);
void master_close(master_mailbox **mailbox);

/* These functions need the index to be locked. */
/* Visits the records whose UID is at least from and whose modseq is above since, in order of UID.
 * If since is 0, visits records with any modseq. If from is 0, also visits records without a UID,
 * which Cyrus itself skips. If visit returns a number other than 0, ends and returns it. */
int master_scan(master_mailbox *mailbox, uint32_t from, modseq_t since, master_record_cb *visit,
                void *rock);
/* Visits the annotations of a message, or of the mailbox if uid is 0. */
int master_mailbox_annotations(master_mailbox *mailbox, uint32_t uid,
                               annotatemore_find_proc_t visit, void *rock);

/* Returns the path of a message file, valid until the next call. */
const char *master_message_path(master_mailbox *mailbox, const struct index_record *record);

/* -- data of a user (user.c) -- */

typedef int master_script_cb(const char *name, time_t last_update,
                             const struct message_guid *guid, bool active, void *rock);

/* Free *out with strarray_free(). It is NULL on failure. */
int master_subscriptions(const char *userid, strarray_t **out);
int master_seen(const char *userid, seenproc_t *visit, void *rock);
/* Sets *found to whether the quota root exists. If it does, free *out with quota_free(). */
int master_quota(const char *root, struct quota *out, bool *found);
/* Visits the scripts of a user, in any order. Names end in ".script". The active script is also
 * visited with the suffix ".bc", marked as active. */
int master_sieve_scripts(const char *userid, master_script_cb *visit, void *rock);
/* Returns IMAP_MAILBOX_NONEXISTENT if there is no such script. */
int master_sieve_content(const char *userid, const char *name, int wait_ms, struct buf *content);
/* Visits the annotations of a mailbox that is not open, or of the server if mboxname is "". */
int master_annotations(const char *mboxname, int wait_ms, annotatemore_find_proc_t visit,
                       void *rock);
modseq_t master_used_modseq(const char *mboxname);

/* -- channels (channel.c) -- */

/* Returns the channel's value of an option ("second_sync_host"), or the general value if the
 * channel has none. Returns NULL if neither is set. */
const char *channel_string(const char *channel, enum imapopt option);
/* Does the same for a time, in seconds. */
int channel_seconds(const char *channel, enum imapopt option);
/* Writes to the sync logs of all channels except one (NULL: the default channel) that a mailbox
 * changed. */
void master_log_change(const char *mboxname, const char *channel);
/* Writes lines of a sync log to the sync log of a channel (NULL: the default channel). */
void master_log_again(const char *lines, const char *channel);

/* -- writes (apply.c) -- */

typedef struct master_writer master_writer;

master_writer *master_writer_new(void);
/* Removes staged messages. */
void master_writer_free(master_writer **writer);
/* Executes a command of the replication protocol: APPLY RESERVE, APPLY MESSAGE, APPLY MAILBOX or
 * RESTART, with its literals. Appends the reply to reply. The last line of the reply begins with
 * "OK", or with "NO" if nothing was written. Refuses an update if a mailbox is open. */
void master_writer_command(master_writer *writer, const char *command, size_t len, int wait_ms,
                           struct buf *reply);

#endif
