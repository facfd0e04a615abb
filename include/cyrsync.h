/* cyrsync: the client side of Cyrus IMAP replication.
 *
 * Generated from src/capi by build.rs; tests/header.rs tells when it is stale. An introduction
 * with an example is docs/C-API.md.
 *
 * Calls. A function that can fail returns a cyrsync_result and takes, last, a cyrsync_error **err.
 * On failure *err is set to an error to be freed with cyrsync_error_free(); what was in it is not
 * looked at. On success it is left alone, so set it to NULL before. err may be NULL: then the
 * error of a client's call goes to its log callback. Other outputs are written on success only.
 * NULL where it is not allowed is answered with CYRSYNC_RESULT_NULL_POINTER. No panic of the
 * library reaches the caller: it becomes CYRSYNC_RESULT_PANIC, and a message on stderr.
 *
 * Ownership. What a function gives through an `out` is the caller's, to be freed by the function
 * whose name ends in _free, which takes NULL too. Strings returned are borrowed from the object
 * they come from. Arguments are borrowed for the call. Userdata of a callback is given back by its
 * destroy function, when neither configuration nor clients use it any more.
 *
 * Threads. Different objects may be used by different threads at once. One configuration must not
 * be used by two threads at once if one of them changes it. A client may go from thread to thread,
 * but does one thing at a time: a second call meanwhile is answered with CYRSYNC_RESULT_BUSY, all
 * but cyrsync_client_cancel(), _finish(), _nudge() and _server(), which may be called at any time.
 * Nobody may use an object while it is freed.
 *
 * Callbacks are called from within a call to the client, by any thread of the library. They must
 * return, must not throw or longjmp, and must not call functions of the same client except
 * cyrsync_client_cancel(); such calls are answered with CYRSYNC_RESULT_BUSY.
 *
 * Waiting. cyrsync_client_connect() and the functions that replicate wait for network, disk
 * and locks: at most sync_timeout of imapd.conf(5) for each answer of the replica, and for the
 * locks of Cyrus as long as others hold them. cyrsync_client_cancel() ends them early.
 *
 * The process. The library installs no signal handlers, changes neither umask nor locale, writes
 * to no log of its own, never forks on its own account and never exits. It must run as the cyrus
 * user.
 *
 * Locks: read this before linking the library into a process of Cyrus. The mail store is read
 * under Cyrus's own locks, taken as open file description locks (F_OFD_SETLK). Cyrus takes
 * traditional ones (F_SETLK). Two hazards follow within one process. A traditional lock is lost
 * as soon as any descriptor of that file is closed in the process, and the library opens and
 * closes the same files. And a traditional lock that the process itself holds refuses the
 * library's, or makes it wait forever. So while a call runs, the process must not hold mailboxes,
 * databases or lock files of that mail store open by other means: call the library from a process
 * of its own, or from one that has closed them.
 */


#ifndef CYRSYNC_H
#define CYRSYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * First part of the version that this header belongs to.
 */
#define CYRSYNC_VERSION_MAJOR 0

/**
 * Second part of the version that this header belongs to.
 */
#define CYRSYNC_VERSION_MINOR 1

/**
 * Third part of the version that this header belongs to.
 */
#define CYRSYNC_VERSION_PATCH 0

/**
 * The version that this header belongs to, as cyrsync_version_number() gives the library's.
 */
#define CYRSYNC_VERSION_NUMBER 256

/**
 * Change no mupdate server (sync_client -L).
 */
#define CYRSYNC_FLAG_LOCAL_ONLY 1

/**
 * Do not wait for users that somebody else is replicating (sync_client -N).
 */
#define CYRSYNC_FLAG_SKIP_LOCKED 2

/**
 * Change nothing on this server (sync_client -O).
 */
#define CYRSYNC_FLAG_NO_COPYBACK 4

/**
 * Let the replica receive messages on its archive partition (sync_client -a).
 */
#define CYRSYNC_FLAG_ARCHIVE 8

/**
 * Give up unless the connection is compressed (sync_client -z).
 */
#define CYRSYNC_FLAG_REQUIRE_COMPRESS 16

/**
 * How a call ended: for branching. Numbers never change their meaning; new ones may come, so
 * do not rely on having seen them all. Families: 1xx the call was wrong; 2xx this server's
 * configuration or mail store; 3xx reaching the replica; 4xx the protocol; 5xx how replication
 * of a user or mailbox ended; 900 a bug of the library.
 */
typedef enum cyrsync_result {
    /**
     * It is done.
     */
    CYRSYNC_RESULT_OK = 0,
    /**
     * A pointer is NULL that must not be.
     */
    CYRSYNC_RESULT_NULL_POINTER = 101,
    /**
     * An argument is something that cannot be.
     */
    CYRSYNC_RESULT_INVALID_ARGUMENT = 102,
    /**
     * The client is in use: by another thread, or by the call whose callback made this one.
     */
    CYRSYNC_RESULT_BUSY = 103,
    /**
     * imapd.conf lacks an option or holds a bad value.
     */
    CYRSYNC_RESULT_CONFIG = 201,
    /**
     * The operating system refused a file or directory.
     */
    CYRSYNC_RESULT_IO = 202,
    /**
     * A file or database of the mail store does not hold what it must.
     */
    CYRSYNC_RESULT_CORRUPT = 203,
    /**
     * A format, type or layout that this library does not read.
     */
    CYRSYNC_RESULT_UNSUPPORTED = 204,
    /**
     * The user or mailbox is not on this server.
     */
    CYRSYNC_RESULT_NOT_FOUND = 205,
    /**
     * No connection to the replica could be made.
     */
    CYRSYNC_RESULT_CONNECT = 301,
    /**
     * The replica refused the credentials, or no mechanism is common to both.
     */
    CYRSYNC_RESULT_AUTH = 302,
    /**
     * The replica did not answer in time.
     */
    CYRSYNC_RESULT_TIMEOUT = 303,
    /**
     * The connection ended in the middle.
     */
    CYRSYNC_RESULT_CLOSED = 304,
    /**
     * The replica is shutting down.
     */
    CYRSYNC_RESULT_BYE = 305,
    /**
     * The connection could not be encrypted, or the replica's certificate is not to be trusted.
     */
    CYRSYNC_RESULT_TLS = 306,
    /**
     * The replica sent something that is not the protocol.
     */
    CYRSYNC_RESULT_PROTOCOL = 401,
    /**
     * The replica answered: protocol error.
     */
    CYRSYNC_RESULT_REPLICA_PROTOCOL = 402,
    /**
     * The replica answered: bad parameters.
     */
    CYRSYNC_RESULT_REPLICA_BAD_PARAMETERS = 403,
    /**
     * The replica answered: no such kind of mailbox here.
     */
    CYRSYNC_RESULT_REPLICA_NOT_SUPPORTED = 404,
    /**
     * The replica answered: the Sieve script does not compile.
     */
    CYRSYNC_RESULT_REPLICA_BAD_SIEVE = 405,
    /**
     * The replica refused for another reason, which the error object tells.
     */
    CYRSYNC_RESULT_REPLICA_DENIED = 406,
    /**
     * Somebody else holds a lock that was asked for without waiting.
     */
    CYRSYNC_RESULT_LOCKED = 501,
    /**
     * The mailbox got another name, uniqueid or partition meanwhile.
     */
    CYRSYNC_RESULT_MOVED = 502,
    /**
     * The user or mailbox kept changing while it was replicated.
     */
    CYRSYNC_RESULT_CHANGED = 503,
    /**
     * Both sides have diverged, and bringing them together is not allowed.
     */
    CYRSYNC_RESULT_NEEDS_FULL_SYNC = 504,
    /**
     * cyrsync_client_cancel() was called.
     */
    CYRSYNC_RESULT_CANCELLED = 505,
    /**
     * The replica answered: no such user.
     */
    CYRSYNC_RESULT_REPLICA_NO_USER = 511,
    /**
     * The replica answered: no such mailbox.
     */
    CYRSYNC_RESULT_REPLICA_NO_MAILBOX = 512,
    /**
     * The replica answered: somebody else has it locked.
     */
    CYRSYNC_RESULT_REPLICA_LOCKED = 513,
    /**
     * The replica answered: it is there with another name or uniqueid.
     */
    CYRSYNC_RESULT_REPLICA_MOVED = 514,
    /**
     * The replica ended with other contents than this server.
     */
    CYRSYNC_RESULT_REPLICA_CHECKSUM = 515,
    /**
     * The replica changed since it was last looked at.
     */
    CYRSYNC_RESULT_REPLICA_CHANGED = 516,
    /**
     * A bug: the library caught its own panic. The client can only be freed now.
     */
    CYRSYNC_RESULT_PANIC = 900,
} cyrsync_result;

/**
 * How much a log line matters, with syslog's numbers.
 */
typedef enum cyrsync_log_level {
    /**
     * Something failed and somebody should look.
     */
    CYRSYNC_LOG_LEVEL_ERROR = 3,
    /**
     * Something looks wrong but work goes on.
     */
    CYRSYNC_LOG_LEVEL_WARNING = 4,
    /**
     * Unusual but in order.
     */
    CYRSYNC_LOG_LEVEL_NOTICE = 5,
    /**
     * What is being done.
     */
    CYRSYNC_LOG_LEVEL_INFO = 6,
    /**
     * For those who trace a problem.
     */
    CYRSYNC_LOG_LEVEL_DEBUG = 7,
} cyrsync_log_level;

/**
 * What cyrsync_client_sync_all() works on.
 */
typedef enum cyrsync_unit {
    /**
     * A user with all that belongs to it.
     */
    CYRSYNC_UNIT_USER = 1,
    /**
     * Mailboxes that belong to no user.
     */
    CYRSYNC_UNIT_SHARED = 2,
    /**
     * Annotations of the server itself.
     */
    CYRSYNC_UNIT_ANNOTATIONS = 3,
} cyrsync_unit;

/**
 * Why cyrsync_client_roll() ended.
 */
typedef enum cyrsync_rolled {
    /**
     * It was asked to, by cyrsync_client_finish() or cyrsync_client_cancel().
     */
    CYRSYNC_ROLLED_STOPPED = 1,
    /**
     * The shutdown file was there; it is removed.
     */
    CYRSYNC_ROLLED_SHUTDOWN_FILE = 2,
    /**
     * cyrsync_client_nudge() was called. Called again it goes on.
     */
    CYRSYNC_ROLLED_NUDGED = 3,
    /**
     * What was logged is done, as asked for by once.
     */
    CYRSYNC_ROLLED_ONCE = 4,
    /**
     * The same, but a part of it failed and was put back to the log.
     */
    CYRSYNC_ROLLED_ONCE_UNDONE = 5,
    /**
     * The replica said goodbye, and it was to be connected to only once.
     */
    CYRSYNC_ROLLED_GOODBYE = 6,
} cyrsync_rolled;

/**
 * A client for one replica. Free it with cyrsync_client_free().
 */
typedef struct cyrsync_client cyrsync_client;

/**
 * A configuration: imapd.conf, choices, callbacks. Free it with cyrsync_config_free().
 */
typedef struct cyrsync_config cyrsync_config;

/**
 * What went wrong: for people. Free it with cyrsync_error_free().
 */
typedef struct cyrsync_error cyrsync_error;

/**
 * Borrowed bytes: a mailbox name, a path, a line of text. They need no zero byte at their end
 * and are not assumed to be UTF-8. If len is 0, data is not looked at and may be NULL.
 */
typedef struct cyrsync_str {
    /**
     * The first byte.
     */
    const char *data;
    /**
     * How many bytes there are.
     */
    size_t len;
} cyrsync_str;

/**
 * Takes a line for the log. The line is borrowed for the call.
 */
typedef void (*cyrsync_log_callback)(void *userdata,
                                     enum cyrsync_log_level level,
                                     struct cyrsync_str line);

/**
 * Gives userdata back to the host: nobody uses it any more.
 */
typedef void (*cyrsync_destroy_callback)(void *userdata);

/**
 * Takes a line that says what is being done, as sync_client -v prints it: "USER fred". The line
 * is borrowed for the call.
 */
typedef void (*cyrsync_action_callback)(void *userdata, struct cyrsync_str line);

/**
 * Hears how a part of the work ended. Names are the user, the mailboxes, or none. Names and error
 * are borrowed for the call; error is NULL if all went well.
 */
typedef void (*cyrsync_unit_callback)(void *userdata,
                                      enum cyrsync_unit unit,
                                      const struct cyrsync_str *names,
                                      size_t count,
                                      const struct cyrsync_error *error);

/**
 * How many parts of the work ended how.
 */
typedef struct cyrsync_report {
    /**
     * Equal on both sides now.
     */
    uint64_t done;
    /**
     * Passed over: somebody else had them locked.
     */
    uint64_t skipped_locked;
    /**
     * Failed.
     */
    uint64_t failed;
} cyrsync_report;

/**
 * How cyrsync_client_roll() works. Set all of it to zero, then size to its sizeof, then what is
 * wanted.
 */
typedef struct cyrsync_rolling {
    /**
     * sizeof(cyrsync_rolling), so that later versions can add to its end.
     */
    size_t size;
    /**
     * Least time from one run to the next, in milliseconds (sync_repeat_interval).
     */
    uint64_t interval_ms;
    /**
     * After so many seconds the replica is told to let go of everything (-t); 0 for never.
     */
    uint64_t restart_after;
    /**
     * A file that asks for the end by being there (sync_shutdown_file); empty for none.
     */
    struct cyrsync_str shutdown_file;
    /**
     * Longest pause between attempts to connect, in seconds (sync_reconnect_maxwait); 0 for none.
     */
    uint64_t longest_pause;
    /**
     * Try to connect only once.
     */
    bool connect_once;
    /**
     * Do only what is logged now.
     */
    bool once;
} cyrsync_rolling;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that runs: 0x00MMmmpp. Compare with CYRSYNC_VERSION_NUMBER.
 */
uint32_t cyrsync_version_number(void);

/**
 * The version of the library that runs, such as "0.1.0". It lives forever.
 */
const char *cyrsync_version_string(void);

/**
 * The bytes of a C string, without the zero byte at its end. It borrows text, and is empty if
 * text is NULL.
 */
struct cyrsync_str cyrsync_str_from(const char *text);

/**
 * The name of a result without its prefix, such as "LOCKED"; "UNKNOWN" for any other number.
 * It lives forever.
 */
const char *cyrsync_result_name(int result);

/**
 * Whether the same call may succeed later without anybody mending anything.
 */
bool cyrsync_result_is_retryable(int result);

/**
 * The result that came with the error; CYRSYNC_RESULT_OK for NULL.
 */
enum cyrsync_result cyrsync_error_code(const struct cyrsync_error *error);

/**
 * All of it in a line: what was done, to what, what went wrong, what to do. Borrowed until the
 * error is freed, as are the texts of the functions below; empty for NULL.
 */
const char *cyrsync_error_message(const struct cyrsync_error *error);

/**
 * What was being done, such as "read cyrus.index".
 */
const char *cyrsync_error_op(const struct cyrsync_error *error);

/**
 * What it was done to: a path, user, mailbox, server or argument.
 */
const char *cyrsync_error_subject(const struct cyrsync_error *error);

/**
 * What went wrong.
 */
const char *cyrsync_error_detail(const struct cyrsync_error *error);

/**
 * What can be done about it; empty if there is nothing to say.
 */
const char *cyrsync_error_hint(const struct cyrsync_error *error);

/**
 * Frees an error. NULL is fine.
 */
void cyrsync_error_free(struct cyrsync_error *error);

/**
 * Reads an imapd.conf; if path is empty, the default one. *out is set on success.
 */
enum cyrsync_result cyrsync_config_load(struct cyrsync_str path,
                                        struct cyrsync_config **out,
                                        struct cyrsync_error **err);

/**
 * Sets an option of imapd.conf over what the file says, such as "sync_host". The value is
 * checked.
 */
enum cyrsync_result cyrsync_config_set(struct cyrsync_config *config,
                                       struct cyrsync_str name,
                                       struct cyrsync_str value,
                                       struct cyrsync_error **err);

/**
 * Uses the options of a channel (sync_client -n); of none if channel is empty.
 */
enum cyrsync_result cyrsync_config_set_channel(struct cyrsync_config *config,
                                               struct cyrsync_str channel,
                                               struct cyrsync_error **err);

/**
 * Chooses the replica (sync_client -S): host, host:port, or the path of a UNIX socket. If server
 * is empty it is sync_host of the channel again.
 */
enum cyrsync_result cyrsync_config_set_server(struct cyrsync_config *config,
                                              struct cyrsync_str server,
                                              struct cyrsync_error **err);

/**
 * Chooses the partition on the replica (sync_client -p); the same as here if partition is empty.
 */
enum cyrsync_result cyrsync_config_set_partition(struct cyrsync_config *config,
                                                 struct cyrsync_str partition,
                                                 struct cyrsync_error **err);

/**
 * Sets which of the CYRSYNC_FLAG_ constants hold, put together with |. The others do not.
 */
enum cyrsync_result cyrsync_config_set_flags(struct cyrsync_config *config,
                                             uint32_t flags,
                                             struct cyrsync_error **err);

/**
 * Who hears log lines of the clients that are made from now on; nobody if callback is NULL. It
 * may be called from several threads at once. Destroy, unless NULL, is called once userdata is
 * not used any more: at once if this call fails.
 */
enum cyrsync_result cyrsync_config_set_log(struct cyrsync_config *config,
                                           cyrsync_log_callback callback,
                                           void *userdata,
                                           cyrsync_destroy_callback destroy,
                                           struct cyrsync_error **err);

/**
 * Who hears what the clients do that are made from now on; nobody if callback is NULL. As
 * cyrsync_config_set_log() in all else.
 */
enum cyrsync_result cyrsync_config_set_action(struct cyrsync_config *config,
                                              cyrsync_action_callback callback,
                                              void *userdata,
                                              cyrsync_destroy_callback destroy,
                                              struct cyrsync_error **err);

/**
 * Frees a configuration. Clients that were made from it live on. NULL is fine.
 */
void cyrsync_config_free(struct cyrsync_config *config);

/**
 * Makes a client from a configuration, which stays the caller's. Nothing is sent yet. *out is
 * set on success.
 */
enum cyrsync_result cyrsync_client_new(const struct cyrsync_config *config,
                                       struct cyrsync_client **out,
                                       struct cyrsync_error **err);

/**
 * Says goodbye to the replica and frees the client. NULL is fine. A client that is in use, as by
 * the call whose callback calls this, is cancelled but never freed.
 */
void cyrsync_client_free(struct cyrsync_client *client);

/**
 * The name of the replica. Borrowed until the client is freed; empty for NULL.
 */
const char *cyrsync_client_server(const struct cyrsync_client *client);

/**
 * Asks the client to stop: the call that runs ends at the next safe point with
 * CYRSYNC_RESULT_CANCELLED, and so does every later one. May be called from any thread at any
 * time, from callbacks and signal handlers too. NULL is fine.
 */
void cyrsync_client_cancel(const struct cyrsync_client *client);

/**
 * Connects and logs in, unless that is done. The calls below do it by themselves; this one tells
 * early whether it works.
 */
enum cyrsync_result cyrsync_client_connect(struct cyrsync_client *client,
                                           struct cyrsync_error **err);

/**
 * Says goodbye to the replica. The next call that needs a connection makes a new one.
 */
enum cyrsync_result cyrsync_client_disconnect(struct cyrsync_client *client,
                                              struct cyrsync_error **err);

/**
 * Replicates a user with mailboxes, quotas, subscriptions, Sieve scripts and seen state.
 */
enum cyrsync_result cyrsync_client_sync_user(struct cyrsync_client *client,
                                             struct cyrsync_str user,
                                             struct cyrsync_error **err);

/**
 * Replicates the seen state, subscriptions and Sieve scripts of a user.
 */
enum cyrsync_result cyrsync_client_sync_meta(struct cyrsync_client *client,
                                             struct cyrsync_str user,
                                             struct cyrsync_error **err);

/**
 * Replicates mailboxes of whichever users, by their internal names ("user.fred.Sent").
 */
enum cyrsync_result cyrsync_client_sync_mailboxes(struct cyrsync_client *client,
                                                  const struct cyrsync_str *names,
                                                  size_t count,
                                                  struct cyrsync_error **err);

/**
 * Replicates every user and every shared mailbox whose internal name begins with prefix, all if
 * it is empty, and then the server's annotations too. Callback, unless NULL, hears how each part
 * ended. A failure stops none of the others and is counted in *report: the call itself fails only
 * if not everything was tried. Report may be NULL.
 */
enum cyrsync_result cyrsync_client_sync_all(struct cyrsync_client *client,
                                            struct cyrsync_str prefix,
                                            cyrsync_unit_callback callback,
                                            void *userdata,
                                            struct cyrsync_report *report,
                                            struct cyrsync_error **err);

/**
 * Replicates what Cyrus's programs write to the sync log of the client's channel, until asked to
 * stop. What fails stays in the log and is tried again after a growing pause; it is told to the
 * log callback and stops nothing else. *Ended, unless NULL, is set to why it ended. Fails with
 * CYRSYNC_RESULT_LOCKED if another client works on the channel.
 */
enum cyrsync_result cyrsync_client_roll(struct cyrsync_client *client,
                                        const struct cyrsync_rolling *rolling,
                                        enum cyrsync_rolled *ended,
                                        struct cyrsync_error **err);

/**
 * Asks cyrsync_client_roll() to end when the part it works on is done. May be called from any
 * thread at any time and from signal handlers. NULL is fine.
 */
void cyrsync_client_finish(const struct cyrsync_client *client);

/**
 * Ends cyrsync_client_roll() with CYRSYNC_ROLLED_NUDGED, and a pause between attempts to connect.
 * Called again it goes on, and tries at once what had failed. May be called from any thread at
 * any time and from signal handlers. NULL is fine.
 */
void cyrsync_client_nudge(const struct cyrsync_client *client);

/**
 * Does what a sync log in memory says ("MAILBOX user.fred", a line each), as sync_do_reader()
 * does. What fails is told to the log callback and stops nothing else; *undone, unless NULL, is
 * set to how many parts of it failed. What is locked is put into the log of the client's channel,
 * if it has one.
 */
enum cyrsync_result cyrsync_client_process_log(struct cyrsync_client *client,
                                               struct cyrsync_str log,
                                               size_t *undone,
                                               struct cyrsync_error **err);

/**
 * Replicates what was just logged, over a connection that is kept for the next time: what
 * sync_checkpoint() does, so that a user is told of a change when the replica has it. Outputs as
 * for cyrsync_client_process_log().
 */
enum cyrsync_result cyrsync_client_checkpoint(struct cyrsync_client *client,
                                              struct cyrsync_str log,
                                              size_t *undone,
                                              struct cyrsync_error **err);

/**
 * Says goodbye to the replica if the last checkpoint is that many seconds ago. Cyrus waits for
 * 30; call it from a timer.
 */
enum cyrsync_result cyrsync_client_disconnect_if_idle(struct cyrsync_client *client,
                                                      uint64_t seconds,
                                                      struct cyrsync_error **err);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CYRSYNC_H */
