/* Runs cyrsync in a process of Cyrus. For programs that link libcyrus_imap and have called
 * cyrus_init().
 *
 * All functions must be called from the one thread that uses Cyrus. While a client works, the
 * process must have no mailbox open, not even one whose index is not locked. README.md describes
 * how to use this in a service of Cyrus. */
#ifndef CYRSYNC_CYRUS_H
#define CYRSYNC_CYRUS_H

#include <stdbool.h>

#include <cyrsync.h>

#ifdef __cplusplus
extern "C" {
#endif

struct protstream;

#define CYRSYNC_CYRUS_API __attribute__((visibility("default")))

/**
 * Returns whether this process has the Cyrus for which cyrus-host was built: the same version,
 * with the same numbers of the options that cyrus-host reads. If not, the other functions do
 * nothing. The first call then writes an error to syslog. May be called before cyrus_init().
 */
CYRSYNC_CYRUS_API bool cyrsync_cyrus_fits(void);

/**
 * Completes updates of mailboxes that an earlier process began to write before it was killed. Call
 * it once, when the process starts and has no mailbox open.
 */
CYRSYNC_CYRUS_API void cyrsync_cyrus_begin(void);

/**
 * Fills a host table for a client. channel is the name of the client's channel; NULL is the
 * channel without a name. Pass the table to cyrsync_client_new_with_host(). Each client needs a
 * table of its own. If cyrsync_cyrus_fits() returns false, the table is empty, and
 * cyrsync_client_new_with_host() refuses it.
 */
CYRSYNC_CYRUS_API void cyrsync_cyrus_host(const char *channel, cyrsync_host *table);

/**
 * Replicates the changes of a process before the process answers its user. Contains a client for
 * the channel sync_rightnow_channel, with its connection to the replica.
 */
typedef struct cyrsync_checkpoint cyrsync_checkpoint;

/** The number of seconds after which Cyrus closes a connection that is not used. */
#define CYRSYNC_CHECKPOINT_IDLE 30

/**
 * Makes a checkpoint. If nothing changes for idle_seconds seconds, the connection to the replica is
 * closed. Free the checkpoint with cyrsync_checkpoint_free().
 */
CYRSYNC_CYRUS_API cyrsync_checkpoint *cyrsync_checkpoint_new(unsigned idle_seconds);

/**
 * Replicates the changes that this process has logged since the last call, like sync_checkpoint()
 * of Cyrus. If sync_rightnow_channel is not set, does nothing and returns true.
 *
 * Returns whether the replica has all changes. Failures are reported to syslog and not retried.
 * SIGTERM, SIGINT and SIGQUIT end the call, if Cyrus handles them; Cyrus's handlers are called
 * too. If another process keeps a user or mailbox locked for two seconds, its entry is put into the
 * sync log of the channel. The same is done with all entries if the process has a mailbox open. The
 * channel without a name has no such log, so there the entry counts as a failure.
 *
 * from_user is the stream from which the process reads the commands of its user. This stream runs
 * the timer that closes the connection. If from_user is NULL, there is no timer.
 */
CYRSYNC_CYRUS_API bool cyrsync_checkpoint_run(cyrsync_checkpoint *checkpoint,
                                              struct protstream *from_user);

/**
 * Closes the connection to the replica. The next run connects again. Call this when the process
 * starts to wait for another user, because the timer does not run then.
 *
 * from_user is the stream of the last runs, which must not be freed yet: the timer is removed from
 * it. If from_user is NULL, or never had a timer, only the connection is closed.
 */
CYRSYNC_CYRUS_API void cyrsync_checkpoint_disconnect(cyrsync_checkpoint *checkpoint,
                                                     struct protstream *from_user);

/** Frees a checkpoint and sets the pointer to it to NULL. */
CYRSYNC_CYRUS_API void cyrsync_checkpoint_free(cyrsync_checkpoint **checkpoint);

#ifdef __cplusplus
}
#endif

#endif
