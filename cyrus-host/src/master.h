/* The data of a master, read and written with Cyrus's own functions: what a process of Cyrus has to
 * offer to the engine. Semantics are those of src/store/mod.rs, function by function.
 *
 * Cyrus keeps its state in the process and knows no threads: all calls from one thread.
 *
 * Functions return 0 or an error code of Cyrus (error_message() of com_err tells what it means).
 * What was not found is a NULL, where that is no error. */
#ifndef MASTER_H
#define MASTER_H

#include "cyrus.h"

/* -- the process -- */

/* For programs of their own (program.c). Starts Cyrus: configuration, databases, syslog. Becomes
 * the cyrus user. */
int program_begin(const char *imapd_conf, const char *ident);
/* Does what Cyrus put off, and ends it. */
void program_end(void);
/* Makes good what a process left behind that was killed while it wrote (pending.c). */
void master_settle(void);

/* -- locks (locks.c) -- */

/* Who waits does so for wait_ms milliseconds, for ever if that is negative; IMAP_MAILBOX_LOCKED if
 * it was not enough. */
#define MASTER_WAIT_FOREVER (-1)

/* Excludes other replication of a user, NULL for shared mailboxes, to the same server. */
int master_sync_lock(const char *server, const char *userid, int wait_ms, struct mboxlock **out);
void master_sync_unlock(struct mboxlock **lock);
/* The user's namespace lock, to read or to write; "" for shared mailboxes. To be released with
 * mboxname_release(). */
int master_user_lock(const char *userid, bool write, int wait_ms, struct mboxlock **out);
/* A part of such waiting; false when it was long enough. */
bool master_pause(int *waited, int wait_ms);

/* -- mailboxes.db (entries.c): to be freed with mboxlist_entry_free() -- */

int master_lookup(const char *name, mbentry_t **out);
int master_lookup_by_id(const char *uniqueid, mbentry_t **out);
/* The size of the file; 0 if that cannot be told. */
uint64_t master_list_bytes(void);
/* Receives an entry that cannot be read, and why. */
typedef int master_unreadable_cb(const char *name, int why, void *rock);

/* All mailboxes of a user: deleted ones and intermediates too, no tombstones. */
int master_user_tree(const char *userid, mboxlist_cb *visit, master_unreadable_cb *unreadable,
                     void *rock);
/* All mailboxes of a name that begins so: tombstones too, no intermediates. */
int master_each(const char *prefix, mboxlist_cb *visit, master_unreadable_cb *unreadable,
                void *rock);

/* -- a mailbox (mailbox.c) -- */

typedef struct master_mailbox master_mailbox;

struct master_mailbox {
    struct mailbox *cyrus;
    bool has_conversations;
    modseq_t xconvmodseq;
    modseq_t raclmodseq;
    /* The groups of the owner, joined by tabs; NULL if there are none. */
    char *usergroups;
    /* Whether any message has annotations. */
    bool annotated;
    /* Where not Cyrus has taken it. */
    struct mboxlock *user_lock;
};

typedef int master_record_cb(const struct index_record *record, void *rock);

/* IMAP_MAILBOX_NONEXISTENT if there is no mailbox of that name that could be opened. Cyrus ends the
 * process when one is closed that it has opened by another name than its own. */
int master_openable(const char *name);
/* Opens a mailbox under shared locks. IMAP_MAILBOX_NONEXISTENT if there is none of that name that
 * could be opened, IMAP_MAILBOX_LOCKED if this process has it open already. */
int master_open(const char *name, int wait_ms, master_mailbox **out);
/* Lets others write again; message files stay. */
void master_unlock_index(master_mailbox *mailbox);
void master_close(master_mailbox **mailbox);

/* While the index is locked: */
struct synccrcs master_crcs(master_mailbox *mailbox, bool recomputed);
/* Records from a UID on that changed after a modseq, by UID; with modseq 0 all of them, with UID 0
 * those without a UID too, which Cyrus itself passes over. Ends early if visit returns other than
 * 0, with what it returned. */
int master_scan(master_mailbox *mailbox, uint32_t from, modseq_t since, master_record_cb *visit,
                void *rock);
/* Annotations of a message, or with UID 0 of the mailbox. */
int master_mailbox_annotations(master_mailbox *mailbox, uint32_t uid,
                               annotatemore_find_proc_t visit, void *rock);

/* The path of a message's file; valid until the next call. */
const char *master_message_path(master_mailbox *mailbox, const struct index_record *record);

/* -- what belongs to a user (user.c) -- */

typedef int master_script_cb(const char *name, time_t last_update,
                             const struct message_guid *guid, bool active, void *rock);

/* *out is to be freed with strarray_free(); NULL on failure. */
int master_subscriptions(const char *userid, strarray_t **out);
int master_seen(const char *userid, seenproc_t *visit, void *rock);
/* *found tells whether there is such a root; then *out is to be freed with quota_free(). */
int master_quota(const char *root, struct quota *out, bool *found);
/* Names end in ".script"; the active one comes as ".bc" too, marked active. Not in order. */
int master_sieve_scripts(const char *userid, master_script_cb *visit, void *rock);
/* IMAP_MAILBOX_NONEXISTENT if there is no such script. */
int master_sieve_content(const char *userid, const char *name, struct buf *content);
/* Of a mailbox that is not open, or with "" of the server. */
int master_annotations(const char *mboxname, annotatemore_find_proc_t visit, void *rock);
modseq_t master_used_modseq(const char *mboxname);

/* -- channels (channel.c) -- */

/* An option of the channel ("second_sync_host"), else the general one; NULL if neither is set. */
const char *channel_string(const char *channel, enum imapopt option);
/* The same as a time in seconds. */
int channel_seconds(const char *channel, enum imapopt option);
/* Tells the sync logs of all channels but one (NULL: the default one) that a mailbox changed. */
void master_log_change(const char *mboxname, const char *channel);

/* -- writes (apply.c) -- */

typedef struct master_writer master_writer;

master_writer *master_writer_new(void);
/* Removes what is staged. */
void master_writer_free(master_writer **writer);
/* Carries out a command of the replication protocol: APPLY RESERVE, APPLY MESSAGE, APPLY MAILBOX or
 * RESTART, with its literals. The reply is added to `reply`; its last line begins with "OK" or with
 * "NO", and then nothing was written. No mailbox may be open. */
void master_writer_command(master_writer *writer, const char *command, size_t len, int wait_ms,
                           struct buf *reply);

#endif
