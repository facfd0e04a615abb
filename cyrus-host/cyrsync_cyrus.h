/* cyrsync in a process of Cyrus: for programs that link libcyrus_imap and have called cyrus_init().
 *
 * All functions are for the one thread that Cyrus runs on. No mailbox may be open with its index
 * locked while a client works. How to put this into a service of Cyrus: README.md. */
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
 * Finishes updates that a process began which was killed while it wrote. Call it once, when the
 * process starts.
 */
CYRSYNC_CYRUS_API void cyrsync_cyrus_begin(void);

/**
 * Fills a host table for clients of a channel, NULL for the one without a name. The table goes to
 * cyrsync_client_new_with_host(); each client needs one of its own.
 */
CYRSYNC_CYRUS_API void cyrsync_cyrus_host(const char *channel, cyrsync_host *table);

/**
 * What a process needs to replicate what it just changed, before it answers its user: a client of
 * sync_rightnow_channel, and its connection to the replica.
 */
typedef struct cyrsync_checkpoint cyrsync_checkpoint;

/** How many seconds Cyrus keeps a connection that has nothing to do. */
#define CYRSYNC_CHECKPOINT_IDLE 30

/**
 * Makes a checkpoint. The connection to the replica is closed after that many seconds in which
 * nothing was changed.
 */
CYRSYNC_CYRUS_API cyrsync_checkpoint *cyrsync_checkpoint_new(unsigned idle_seconds);

/**
 * Replicates what this process has logged since the last call, if sync_rightnow_channel is set;
 * what sync_checkpoint() of Cyrus does. Returns whether the replica has it all. What failed goes to
 * syslog, and is not tried again. What another process had locked for two seconds waits in the log
 * of the channel; the channel without a name has no such log, and then it counts as failed.
 * `from_user`, unless NULL, is where the process waits for its user's next command: the timer for
 * the connection is there.
 */
CYRSYNC_CYRUS_API bool cyrsync_checkpoint_run(cyrsync_checkpoint *checkpoint,
                                              struct protstream *from_user);

/**
 * Says goodbye to the replica; the next run connects again. For a process that is going to wait for
 * another user, where no timer runs.
 */
CYRSYNC_CYRUS_API void cyrsync_checkpoint_disconnect(cyrsync_checkpoint *checkpoint);

/** Frees a checkpoint, and what it points to is set to NULL. */
CYRSYNC_CYRUS_API void cyrsync_checkpoint_free(cyrsync_checkpoint **checkpoint);

#ifdef __cplusplus
}
#endif

#endif
