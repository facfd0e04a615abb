/* cyrsync: the client side of Cyrus IMAP replication.
 *
 * Generated from src/capi by build.rs; tests/header.rs fails when it is stale. docs/C-API.md is an
 * introduction with an example.
 *
 * Words. The master is this server; the replica is the server that receives the data. Cyrus's
 * programs write an entry to a sync log for each change. A channel is a name under which imapd.conf
 * has the options for one replica (backup_sync_host); each channel has its own sync log. The
 * internal name of a mailbox is the one that Cyrus stores ("user.fred.Sent"), the external name is
 * the one that an administrator types ("user/fred/Sent"). A repair makes a mailbox equal again
 * after both sides were changed independently; it may have to change the master too. A message file
 * is staged if the replica has received it and keeps it until the client releases it or
 * disconnects. A checkpoint replicates a change before a server confirms it to a user.
 *
 * Calls. A function that can fail returns a cyrsync_result, and its last parameter is a
 * cyrsync_error **err. On failure it sets *err to an error, which the caller frees with
 * cyrsync_error_free(). It does not read or free the old value of *err. On success it does not
 * write *err, so set *err to NULL before the call. err may be NULL: then the error of a client's
 * call goes to the log callback. Other outputs are written only on success. A required pointer that
 * is NULL causes CYRSYNC_RESULT_NULL_POINTER. A panic of the library never reaches the caller: the
 * call returns CYRSYNC_RESULT_PANIC, and a message goes to stderr. Other bugs of the library cause
 * CYRSYNC_RESULT_INTERNAL.
 *
 * Failed items. cyrsync_client_sync_user(), cyrsync_client_sync_mailboxes() and the functions that
 * plan the same return an error if one mailbox or other part fails; the other parts are still
 * replicated. The error has all failures as parts (cyrsync_error_part()). Its code is the code of
 * one of them; CYRSYNC_RESULT_LOCKED only if all parts were locked. cyrsync_client_sync_all() and
 * the functions for sync logs return CYRSYNC_RESULT_OK even if items failed: the report counts
 * these items, and the item callback receives them.
 *
 * Ownership. An object that a function writes to "out" belongs to the caller, who frees it with the
 * function whose name ends in _free. These functions accept NULL. Returned strings belong to the
 * object that they come from. Arguments are borrowed for the call: the library copies what it needs
 * later. A client copies what it needs of its configuration: a later change of the configuration
 * does not change an existing client.
 *
 * Structures. Each begins with its size, which a CYRSYNC_..._INIT sets:
 *
 *     cyrsync_report report = CYRSYNC_REPORT_INIT;
 *
 * Because of the size, a program and a library of different versions can work together. Members
 * that the other side's version lacks count as 0, so use a CYRSYNC_..._INIT even if you set every
 * member. Members that only the caller's version has are set to 0 when the library fills a
 * structure, and ignored when it reads one. But in a cyrsync_rolling and a cyrsync_callbacks these
 * members must be 0, because the library could not do what they ask for. A size that no version has
 * causes CYRSYNC_RESULT_INVALID_ARGUMENT; the error names the structure or argument. In an array,
 * the size of the first element is the distance between elements. When the library passes a
 * structure to a callback, its size is the size in the library: a later library has more members,
 * and an earlier one fewer. When a host fills a structure, it must not write beyond this size. A
 * cyrsync_str has no size and never changes. Later versions may add values to an enumeration.
 *
 * Threads. Different threads may use different objects at once. While one thread changes a
 * configuration, no other thread may use it. A client may be used by different threads, but only by
 * one at a time: a second call returns CYRSYNC_RESULT_BUSY. Exceptions are cyrsync_client_cancel(),
 * _finish(), _wake(), _progress() and _server(), which may be called while another call runs. So
 * may cyrsync_client_free(): for a client in use it returns CYRSYNC_RESULT_BUSY and frees nothing.
 * No thread may use an object, in any function, while another thread frees it: the caller must
 * exclude this, for signal handlers too. During a call a client may have several connections
 * (sync_jobs in imapd.conf), each with its own thread.
 *
 * Callbacks. A program gives the library one table of functions, a cyrsync_callbacks. The library
 * calls them during a call of the client, from the calling thread or from another thread of the
 * client. Two callbacks of one client may run at the same time, so protect the data that they share
 * (for example with a mutex). They must return, and must not throw or longjmp. For the same client
 * they may call the functions that may be called while another call runs; all others return
 * CYRSYNC_RESULT_BUSY.
 *
 * Waiting. cyrsync_client_connect() and the functions that replicate wait for network, disk and
 * locks. They wait at most sync_timeout of imapd.conf(5) for each answer of the replica. They wait
 * for Cyrus's locks as long as other processes hold them, unless cyrsync_config_set_lock_patience()
 * sets a limit. cyrsync_client_cancel() ends the wait early.
 *
 * The process. The library installs no signal handlers, changes neither umask nor locale, writes to
 * no log of its own and never exits. It starts one program: if a repair must change this server and
 * there is no host store, it starts Cyrus's own sync_server. The process must run as the cyrus
 * user.
 *
 * Locks: read this before you link the library into a process of Cyrus. The library reads the mail
 * store under Cyrus's own locks. It takes them as open file description locks (F_OFD_SETLK); Cyrus
 * takes traditional ones (F_SETLK). This has two dangers within one process. First, a process loses
 * a traditional lock as soon as it closes any descriptor of that file, and the library opens and
 * closes the same files. Second, a traditional lock of the process itself conflicts with the
 * library's lock, which then fails or waits forever. Therefore, while a call runs, the process must
 * not have mailboxes, databases or lock files of that mail store open by other means. Call the
 * library from a separate process, from a process that has closed these files, or with a host
 * store.
 *
 * The host store. A client of cyrsync_client_new_with_host() opens no file of the mail store and
 * takes none of its locks. Instead it calls the functions of a cyrsync_host, which a process of
 * Cyrus implements with its own mailbox code. The library calls them only from the thread that
 * called the client, and one at a time for one client. If several clients share a table and several
 * threads use them, several threads call its functions. These functions may call Cyrus as they
 * like, and wait. Of this library they may call cyrsync_failure_set(), the emit function that they
 * receive, and cyrsync_client_cancel(), _finish() and _wake(). The library may have several
 * mailboxes of one user open at a time, and closes them in any order. The arguments of these
 * functions, and what they emit, are borrowed for the call. The library still reads some files
 * below configdirectory itself: the channel's sync log, the files that ask for users to be skipped,
 * and the record of servers that have TLS. It also writes there: cyrsync_client_roll() changes the
 * channel's sync log, the functions that replicate a log append the entries of locked users and
 * mailboxes to it, and if log_change is NULL, a repair writes to the sync logs of other channels.
 */

#ifndef CYRSYNC_H
#define CYRSYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Macros ------------------------------------------------------------------------------- */

/**
 * Marks the functions that the library exports. A program may define it before it includes this
 * header.
 */
#ifndef CYRSYNC_API
#if defined(__GNUC__)
#define CYRSYNC_API __attribute__((__visibility__("default")))
#else
#define CYRSYNC_API
#endif
#endif

/**
 * Marks functions whose result a program must check.
 */
#ifndef CYRSYNC_NODISCARD
#if defined(__GNUC__)
#define CYRSYNC_NODISCARD __attribute__((__warn_unused_result__))
#elif defined(__cplusplus) && __cplusplus >= 201703L
#define CYRSYNC_NODISCARD [[nodiscard]]
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L
#define CYRSYNC_NODISCARD [[nodiscard]]
#else
#define CYRSYNC_NODISCARD
#endif
#endif

/**
 * Marks functions that have a replacement; text names it. The functions stay until the soname
 * changes.
 */
#ifndef CYRSYNC_DEPRECATED
#if defined(__GNUC__)
#define CYRSYNC_DEPRECATED(text) __attribute__((__deprecated__(text)))
#elif defined(__cplusplus) && __cplusplus >= 201402L
#define CYRSYNC_DEPRECATED(text) [[deprecated(text)]]
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L
#define CYRSYNC_DEPRECATED(text) [[deprecated(text)]]
#else
#define CYRSYNC_DEPRECATED(text)
#endif
#endif

#ifdef __cplusplus
/**
 * Initial value of a structure: its size, and all other members 0.
 */
#define CYRSYNC_SIZED_INIT(type) {sizeof(type)}
/**
 * Initial value of a cyrsync_host: its size and version, and no functions.
 */
#define CYRSYNC_HOST_INIT {sizeof(cyrsync_host), CYRSYNC_HOST_VERSION}
#else
/**
 * Initial value of a structure: its size, and all other members 0.
 */
#define CYRSYNC_SIZED_INIT(type) {.size = sizeof(type)}
/**
 * Initial value of a cyrsync_host: its size and version, and no functions.
 */
#define CYRSYNC_HOST_INIT {.size = sizeof(cyrsync_host), .version = CYRSYNC_HOST_VERSION}
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ------------------------------------------------------------------------------ */

/**
 * The first part of the header's version.
 */
#define CYRSYNC_VERSION_MAJOR 0

/**
 * The second part of the header's version.
 */
#define CYRSYNC_VERSION_MINOR 1

/**
 * The third part of the header's version.
 */
#define CYRSYNC_VERSION_PATCH 0

/**
 * The header's version as a number: 0x00MMmmpp, like cyrsync_version_number().
 */
#define CYRSYNC_VERSION_NUMBER 256

/**
 * Returns the version of the library that the program runs with: 0x00MMmmpp. Compare it with
 * CYRSYNC_VERSION_NUMBER.
 */
CYRSYNC_API uint32_t cyrsync_version_number(void);

/**
 * Returns the version of the library that the program runs with, such as "0.1.0". The string is
 * static.
 */
CYRSYNC_API const char *cyrsync_version_string(void);

/* ---- Strings ------------------------------------------------------------------------------ */

/**
 * Borrowed bytes: a mailbox name, a path, a line of text. They do not end with a zero byte and
 * need not be UTF-8. If len is 0, data is not read and may be NULL.
 */
typedef struct cyrsync_str {
    /**
     * The first byte.
     */
    const char *data;
    /**
     * The number of bytes.
     */
    size_t len;
} cyrsync_str;

/**
 * Returns the bytes of a C string, without the zero byte at its end. The bytes are not copied:
 * they belong to text, and are valid as long as it is.
 *
 * @param text  The string. NULL gives an empty one.
 */
CYRSYNC_API cyrsync_str cyrsync_str_from(const char *text);

/* ---- Results and errors ------------------------------------------------------------------- */

/**
 * The result of a call. Numbers never change their meaning. Later versions may add numbers:
 * treat an unknown one as a failure. Families: 1xx a wrong call; 2xx this server's
 * configuration or mail store; 3xx the connection to the replica; 4xx the protocol; 5xx the
 * replication of a user or mailbox; 9xx a bug in the library.
 */
typedef enum cyrsync_result {
    /**
     * Success.
     */
    CYRSYNC_RESULT_OK = 0,
    /**
     * A required pointer is NULL.
     */
    CYRSYNC_RESULT_NULL_POINTER = 101,
    /**
     * An argument has a value that is not allowed.
     */
    CYRSYNC_RESULT_INVALID_ARGUMENT = 102,
    /**
     * Another call uses the client: in another thread, or the call that runs the current callback.
     */
    CYRSYNC_RESULT_BUSY = 103,
    /**
     * imapd.conf lacks an option or holds a bad value.
     */
    CYRSYNC_RESULT_CONFIG = 201,
    /**
     * An operation on a file or directory failed.
     */
    CYRSYNC_RESULT_IO = 202,
    /**
     * A file or database of the mail store is damaged or inconsistent.
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
     * A repair must write to this server through its own sync_server (or the host), which could
     * not be started, failed or refused. The replica is not the cause.
     */
    CYRSYNC_RESULT_OWN_SERVER = 206,
    /**
     * The host (the program that supplies the mail store) gave impossible data.
     */
    CYRSYNC_RESULT_HOST = 207,
    /**
     * The client could not connect to the replica.
     */
    CYRSYNC_RESULT_CONNECT = 301,
    /**
     * The replica refused the credentials, or both sides have no mechanism in common.
     */
    CYRSYNC_RESULT_AUTH = 302,
    /**
     * The replica did not answer in time.
     */
    CYRSYNC_RESULT_TIMEOUT = 303,
    /**
     * The replica closed the connection unexpectedly, or the connection broke.
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
     * The replica sent something that violates the protocol.
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
     * The replica refused for another reason; the error object gives it.
     */
    CYRSYNC_RESULT_REPLICA_DENIED = 406,
    /**
     * Another process holds a lock, and the time to wait for it is over.
     */
    CYRSYNC_RESULT_LOCKED = 501,
    /**
     * The mailbox got another name, uniqueid or partition during the call.
     */
    CYRSYNC_RESULT_MOVED = 502,
    /**
     * The user or mailbox kept changing while it was replicated.
     */
    CYRSYNC_RESULT_CHANGED = 503,
    /**
     * Both sides have diverged, and the repair that is needed is not allowed.
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
     * The replica answered: another process has locked the mailbox.
     */
    CYRSYNC_RESULT_REPLICA_LOCKED = 513,
    /**
     * The replica answered: the mailbox exists with another name or uniqueid.
     */
    CYRSYNC_RESULT_REPLICA_MOVED = 514,
    /**
     * After the update, the replica's checksum differs from this server's.
     */
    CYRSYNC_RESULT_REPLICA_CHECKSUM = 515,
    /**
     * The replica changed since the client last read its state.
     */
    CYRSYNC_RESULT_REPLICA_CHANGED = 516,
    /**
     * A bug in the library: it caught its own panic. The client can only be freed now.
     */
    CYRSYNC_RESULT_PANIC = 900,
    /**
     * A bug in the library: an impossible state. The client can still be used.
     */
    CYRSYNC_RESULT_INTERNAL = 901,
} cyrsync_result;

/**
 * The kind of thing that an error is about.
 */
typedef enum cyrsync_subject {
    /**
     * Nothing that has a name.
     */
    CYRSYNC_SUBJECT_NONE = 0,
    /**
     * A user: see cyrsync_error_user().
     */
    CYRSYNC_SUBJECT_USER = 1,
    /**
     * A mailbox: see cyrsync_error_mailbox().
     */
    CYRSYNC_SUBJECT_MAILBOX = 2,
    /**
     * Several mailboxes that are replicated together.
     */
    CYRSYNC_SUBJECT_MAILBOXES = 3,
    /**
     * A message: see cyrsync_error_mailbox() and cyrsync_error_uid().
     */
    CYRSYNC_SUBJECT_MESSAGE = 4,
    /**
     * Something else that is replicated: an entry of the sync log, a quota root.
     */
    CYRSYNC_SUBJECT_ITEM = 5,
    /**
     * A file or directory.
     */
    CYRSYNC_SUBJECT_PATH = 6,
    /**
     * A server.
     */
    CYRSYNC_SUBJECT_HOST = 7,
    /**
     * Anything else, in words: see cyrsync_error_subject().
     */
    CYRSYNC_SUBJECT_TEXT = 8,
} cyrsync_subject;

/**
 * A failure of a call. Free it with cyrsync_error_free().
 */
typedef struct cyrsync_error cyrsync_error;

/**
 * Returns the name of a result without its prefix, such as "LOCKED". The string is static.
 *
 * @param result  The result. Any number is fine: "UNKNOWN" is returned for an unknown one.
 */
CYRSYNC_API const char *cyrsync_result_name(int result);

/**
 * Returns whether the same call may succeed later without any change by a person.
 *
 * @param result  The result. Any number is fine.
 */
CYRSYNC_API bool cyrsync_result_is_retryable(int result);

/**
 * Returns the result that came with the error.
 *
 * @param error  The error. NULL gives CYRSYNC_RESULT_OK.
 */
CYRSYNC_API cyrsync_result cyrsync_error_code(const cyrsync_error *error);

/**
 * Returns the whole error in one line: the operation, its subject, the problem and the advice. The
 * text belongs to the error and is valid until the error is freed. So do the texts of the
 * functions below.
 *
 * @param error  The error. NULL gives an empty text.
 */
CYRSYNC_API const char *cyrsync_error_message(const cyrsync_error *error);

/**
 * Returns the operation that failed, such as "read cyrus.index".
 *
 * @param error  The error. NULL gives an empty text.
 */
CYRSYNC_API const char *cyrsync_error_op(const cyrsync_error *error);

/**
 * Returns the subject of the operation in words: a path, user, mailbox, server or argument.
 *
 * @param error  The error. NULL gives an empty text.
 */
CYRSYNC_API const char *cyrsync_error_subject(const cyrsync_error *error);

/**
 * Returns what went wrong.
 *
 * @param error  The error. NULL gives an empty text.
 */
CYRSYNC_API const char *cyrsync_error_detail(const cyrsync_error *error);

/**
 * Returns what a person can do about the error; empty if there is no advice.
 *
 * @param error  The error. NULL gives an empty text.
 */
CYRSYNC_API const char *cyrsync_error_hint(const cyrsync_error *error);

/**
 * Returns what kind of thing the error is about.
 *
 * @param error  The error. NULL gives CYRSYNC_SUBJECT_NONE.
 */
CYRSYNC_API cyrsync_subject cyrsync_error_subject_kind(const cyrsync_error *error);

/**
 * Returns the user that the error is about, as bytes; empty if the error is about something else.
 * The bytes belong to the error and are valid until the error is freed.
 *
 * @param error  The error. NULL is fine.
 */
CYRSYNC_API cyrsync_str cyrsync_error_user(const cyrsync_error *error);

/**
 * Returns the mailbox that the error is about, or the mailbox of the message that the error is
 * about, as bytes; empty if the error is about something else. The bytes belong to the error.
 *
 * @param error  The error. NULL is fine.
 */
CYRSYNC_API cyrsync_str cyrsync_error_mailbox(const cyrsync_error *error);

/**
 * Returns the UID of the message that the error is about; 0 if the error is about something else.
 *
 * @param error  The error. NULL is fine.
 */
CYRSYNC_API uint32_t cyrsync_error_uid(const cyrsync_error *error);

/**
 * Returns the error number of the operating system (errno) that caused the error; 0 if there is
 * none.
 *
 * @param error  The error. NULL is fine.
 */
CYRSYNC_API int cyrsync_error_errno(const cyrsync_error *error);

/**
 * Returns whether the same call may succeed later without any change by a person. This is more
 * exact than cyrsync_result_is_retryable(): for example, a login that failed because the replica's
 * password server is down may succeed later.
 *
 * @param error  The error. NULL gives false.
 */
CYRSYNC_API bool cyrsync_error_is_retryable(const cyrsync_error *error);

/**
 * Returns the number of parts of the error. Each part is an error with its own subject: for
 * example, the error of a user has a part for each mailbox that failed. 0 if the error has no
 * parts.
 *
 * @param error  The error. NULL is fine.
 */
CYRSYNC_API size_t cyrsync_error_part_count(const cyrsync_error *error);

/**
 * Returns a part of the error. It belongs to the error and must not be freed.
 *
 * @param error  The error. NULL is fine.
 * @param index  The index of the part, from 0. If there is no such part, NULL is returned.
 */
CYRSYNC_API const cyrsync_error *cyrsync_error_part(const cyrsync_error *error, size_t index);

/**
 * Frees an error.
 *
 * @param error  The error. NULL is fine.
 */
CYRSYNC_API void cyrsync_error_free(cyrsync_error *error);

/* ---- Callbacks ---------------------------------------------------------------------------- */

/**
 * The importance of a log line, with the numbers of syslog.
 */
typedef enum cyrsync_log_level {
    /**
     * Something failed, and a person should look at it.
     */
    CYRSYNC_LOG_LEVEL_ERROR = 3,
    /**
     * Something looks wrong, but the client goes on.
     */
    CYRSYNC_LOG_LEVEL_WARNING = 4,
    /**
     * Something is unusual, but not wrong.
     */
    CYRSYNC_LOG_LEVEL_NOTICE = 5,
    /**
     * A normal operation.
     */
    CYRSYNC_LOG_LEVEL_INFO = 6,
    /**
     * Details for the analysis of a problem.
     */
    CYRSYNC_LOG_LEVEL_DEBUG = 7,
} cyrsync_log_level;

/**
 * What a call did with an item.
 */
typedef enum cyrsync_act {
    /**
     * The call replicated the item.
     */
    CYRSYNC_ACT_REPLICATE = 1,
    /**
     * The call planned the replication of the item, and changed nothing.
     */
    CYRSYNC_ACT_PLAN = 2,
    /**
     * The call compared the item on both sides, and changed nothing.
     */
    CYRSYNC_ACT_VERIFY = 3,
} cyrsync_act;

/**
 * How an item ended.
 */
typedef enum cyrsync_outcome {
    /**
     * The item is done: now equal on both sides, or planned, or compared.
     */
    CYRSYNC_OUTCOME_DONE = 1,
    /**
     * The item was skipped, because another process had locked it.
     */
    CYRSYNC_OUTCOME_LOCKED = 2,
    /**
     * The item failed.
     */
    CYRSYNC_OUTCOME_FAILED = 3,
} cyrsync_outcome;

/**
 * The kind of a finding.
 */
typedef enum cyrsync_found {
    /**
     * A field differs.
     */
    CYRSYNC_FOUND_DIFFERENT = 1,
    /**
     * A field differs because its last change is not replicated yet.
     */
    CYRSYNC_FOUND_PENDING = 2,
    /**
     * More fields differ than are reported one by one: line gives their number.
     */
    CYRSYNC_FOUND_MORE = 3,
    /**
     * A mailbox is equal on both sides.
     */
    CYRSYNC_FOUND_EQUAL = 4,
    /**
     * Something could not be compared: line gives the reason.
     */
    CYRSYNC_FOUND_UNKNOWN = 5,
} cyrsync_found;

/**
 * The topics of cyrsync_config_check(), in the order of the checks. Later versions may add topics.
 */
typedef enum cyrsync_topic {
    /**
     * Whether imapd.conf and the files that it includes can be read, and every value is valid.
     */
    CYRSYNC_TOPIC_CONFIGURATION = 1,
    /**
     * Whether the names of options are spelt correctly and are up to date.
     */
    CYRSYNC_TOPIC_OPTIONS = 2,
    /**
     * The options that "cyr_info conf-lint" will report as unknown.
     */
    CYRSYNC_TOPIC_CONF_LINT = 3,
    /**
     * Whether the process runs as the cyrus user.
     */
    CYRSYNC_TOPIC_USER = 4,
    /**
     * Whether partitions exist and are readable, and contain their mailboxes.
     */
    CYRSYNC_TOPIC_SPOOL = 5,
    /**
     * Whether the databases of the mail store can be read.
     */
    CYRSYNC_TOPIC_DATABASES = 6,
    /**
     * Whether the sync_server exists through which a repair writes to the master.
     */
    CYRSYNC_TOPIC_OWN_SERVER = 7,
    /**
     * Whether Cyrus's daemons write a sync log.
     */
    CYRSYNC_TOPIC_SYNC_LOG = 8,
    /**
     * Whether they log to this channel.
     */
    CYRSYNC_TOPIC_CHANNEL = 9,
    /**
     * Whether the client can take over the log.
     */
    CYRSYNC_TOPIC_LOG = 10,
    /**
     * Whether another client works on the channel.
     */
    CYRSYNC_TOPIC_CLAIM = 11,
    /**
     * Whether the replica's name has an address.
     */
    CYRSYNC_TOPIC_NAME = 12,
    /**
     * Whether the replica answers, and which service it is.
     */
    CYRSYNC_TOPIC_CONNECTION = 13,
    /**
     * Whether the connection is encrypted.
     */
    CYRSYNC_TOPIC_TLS = 14,
    /**
     * Whether the replica's certificate is trusted, and for how long.
     */
    CYRSYNC_TOPIC_CERTIFICATE = 15,
    /**
     * The mechanism for the login.
     */
    CYRSYNC_TOPIC_MECHANISM = 16,
    /**
     * Whether the login is accepted.
     */
    CYRSYNC_TOPIC_LOGIN = 17,
    /**
     * Whether the login has the rights that replication needs.
     */
    CYRSYNC_TOPIC_ADMIN = 18,
    /**
     * The Cyrus version of the replica.
     */
    CYRSYNC_TOPIC_VERSION = 19,
    /**
     * The replica's capabilities.
     */
    CYRSYNC_TOPIC_CAPABILITIES = 20,
    /**
     * Whether the replica knows the master's partitions.
     */
    CYRSYNC_TOPIC_PARTITIONS = 21,
    /**
     * Whether the connection is compressed.
     */
    CYRSYNC_TOPIC_COMPRESSION = 22,
    /**
     * The difference between the clocks of master and replica.
     */
    CYRSYNC_TOPIC_CLOCKS = 23,
} cyrsync_topic;

/**
 * The result of a check.
 */
typedef enum cyrsync_verdict {
    /**
     * It is as it should be.
     */
    CYRSYNC_VERDICT_OK = 1,
    /**
     * Replication works, but a person should look at this.
     */
    CYRSYNC_VERDICT_WARN = 2,
    /**
     * Replication will fail, or do less than it should.
     */
    CYRSYNC_VERDICT_FAIL = 3,
    /**
     * The check was not made.
     */
    CYRSYNC_VERDICT_SKIPPED = 4,
} cyrsync_verdict;

/**
 * The outcome of one item: a user, a mailbox or an entry of a sync log. If the item is not done,
 * the members from code on say why. All strings and pointers in it are borrowed: they are valid
 * only during the callback.
 */
typedef struct cyrsync_item {
    /**
     * sizeof(cyrsync_item) in the library, which may differ from the program's.
     */
    size_t size;
    /**
     * What the call did with the item.
     */
    cyrsync_act act;
    /**
     * The outcome.
     */
    cyrsync_outcome outcome;
    /**
     * The kind of item: CYRSYNC_SUBJECT_USER, CYRSYNC_SUBJECT_MAILBOX or CYRSYNC_SUBJECT_ITEM.
     */
    cyrsync_subject kind;
    /**
     * The item in words: "user fred", "user.fred.Sent".
     */
    cyrsync_str subject;
    /**
     * The userid, as bytes; empty if the item is not a user.
     */
    cyrsync_str user;
    /**
     * The internal name of the mailbox, as bytes; empty if the item is not a mailbox.
     */
    cyrsync_str mailbox;
    /**
     * The entry of a sync log that names the item: "MAILBOX user.fred.Sent". Pass it to
     * cyrsync_log_append() to have the item replicated again.
     */
    cyrsync_str entry;
    /**
     * The reason why the item is not done; CYRSYNC_RESULT_OK if it is done.
     */
    cyrsync_result code;
    /**
     * Whether the item may succeed later without any change by a person.
     */
    bool retryable;
    /**
     * The error number of the operating system (errno) that caused the failure; 0 if there is
     * none.
     */
    int os_error;
    /**
     * The whole error in one line; empty if the item is done.
     */
    cyrsync_str message;
    /**
     * What a person can do about the error; empty if there is no advice.
     */
    cyrsync_str hint;
    /**
     * The error, with its parts; NULL if the item is done.
     */
    const cyrsync_error *error;
} cyrsync_item;

/**
 * An event. docs/events.md lists all events. All strings and pointers in it are borrowed: they are
 * valid only during the callback.
 */
typedef struct cyrsync_event {
    /**
     * sizeof(cyrsync_event) in the library, which may differ from the program's.
     */
    size_t size;
    /**
     * The family of the event: "step", "connection", "sync", "run". Later versions may add
     * families.
     */
    cyrsync_str family;
    /**
     * The name of the event within its family: "encrypted", "left_for_later". For a step, the
     * command: "MAILBOX". Empty if the family has only one event.
     */
    cyrsync_str what;
    /**
     * The level of the log line: a cyrsync_log_level (3 to 7), or 0 if the event has no log line.
     * It is an int because the enumeration has no value for none.
     */
    int level;
    /**
     * The line that Cyrus's programs write for this event; empty if they write none.
     */
    cyrsync_str line;
    /**
     * The whole event as a JSON object.
     */
    cyrsync_str json;
    /**
     * The error that the event reports; NULL if it reports none.
     */
    const cyrsync_error *error;
} cyrsync_event;

/**
 * A failure to connect to the replica, before a retry. All strings and pointers in it are
 * borrowed: they are valid only during the callback.
 */
typedef struct cyrsync_unreachable {
    /**
     * sizeof(cyrsync_unreachable) in the library, which may differ from the program's.
     */
    size_t size;
    /**
     * The reason why there is no connection.
     */
    const cyrsync_error *error;
    /**
     * The name of the server, as configured.
     */
    cyrsync_str server;
    /**
     * Seconds until the next attempt.
     */
    uint64_t pause;
} cyrsync_unreachable;

/**
 * A planned step: one command that replication would execute. All strings in it are borrowed: they
 * are valid only during the callback.
 */
typedef struct cyrsync_step {
    /**
     * sizeof(cyrsync_step) in the library, which may differ from the program's.
     */
    size_t size;
    /**
     * The command: "MAILBOX".
     */
    cyrsync_str command;
    /**
     * The subject of the command in words: "user.fred".
     */
    cyrsync_str subject;
    /**
     * The line that sync_client -v prints for the step: "MAILBOX user.fred".
     */
    cyrsync_str line;
    /**
     * Why the step is needed: "HIGHESTMODSEQ is 12 here and 9 on the replica"; empty if the reason
     * is not known.
     */
    cyrsync_str why;
    /**
     * The number of messages that the step would send, as far as it is known.
     */
    uint64_t messages;
    /**
     * The size of these messages in bytes.
     */
    uint64_t bytes;
} cyrsync_step;

/**
 * One finding of a verification. Its strings are borrowed: they are valid only during the
 * callback.
 */
typedef struct cyrsync_finding {
    /**
     * sizeof(cyrsync_finding) in the library, which may differ from the program's.
     */
    size_t size;
    /**
     * The kind of the finding.
     */
    cyrsync_found found;
    /**
     * The subject of the finding: "UID 7 of user.fred".
     */
    cyrsync_str subject;
    /**
     * The field that differs, by its name in the protocol: "FLAGS". "MAILBOX" stands for a mailbox
     * that only one side has, "RECORD" for a message that only one side has, and "FILE" for a
     * message file.
     */
    cyrsync_str field;
    /**
     * The master's value; data is NULL if it has none.
     */
    cyrsync_str master;
    /**
     * The replica's value; data is NULL if it has none.
     */
    cyrsync_str replica;
    /**
     * The line that sync_client --verify prints for the finding.
     */
    cyrsync_str line;
    /**
     * The whole finding as a JSON object.
     */
    cyrsync_str json;
} cyrsync_finding;

/**
 * A check of a configuration and its result. All strings in it are borrowed: they are valid only
 * during the callback.
 */
typedef struct cyrsync_check {
    /**
     * sizeof(cyrsync_check) in the library, which may differ from the program's.
     */
    size_t size;
    /**
     * The topic of the check.
     */
    cyrsync_topic topic;
    /**
     * The verdict.
     */
    cyrsync_verdict verdict;
    /**
     * The topic in words: "name resolves".
     */
    cyrsync_str name;
    /**
     * The finding in words.
     */
    cyrsync_str detail;
    /**
     * What a person should do; empty if there is nothing to do.
     */
    cyrsync_str hint;
} cyrsync_check;

/**
 * The progress of a client. users, users_expected, mailboxes and mailboxes_expected belong to the
 * last call for several users or mailboxes, such as cyrsync_client_sync_all().
 * cyrsync_client_sync_user() and the calls for a sync log do not reset them, but add to users and
 * mailboxes. The other members count since the client was made.
 */
typedef struct cyrsync_progress {
    /**
     * sizeof(cyrsync_progress): CYRSYNC_PROGRESS_INIT sets it.
     */
    size_t size;
    /**
     * Users whose replication ended, with or without success, since that call began. If there was
     * no such call, since the client was made.
     */
    uint64_t users;
    /**
     * The number of users of that call; 0 if it is not known.
     */
    uint64_t users_expected;
    /**
     * Mailboxes that became or were equal on both sides since that call began.
     */
    uint64_t mailboxes;
    /**
     * The number of mailboxes of that call; 0 if it is not known.
     */
    uint64_t mailboxes_expected;
    /**
     * Messages sent and confirmed by the replica since the client was made.
     */
    uint64_t messages;
    /**
     * The size of these messages in bytes.
     */
    uint64_t bytes;
    /**
     * Mailboxes that were already equal when the client compared them, since the client was made.
     */
    uint64_t mailboxes_there;
    /**
     * Messages that the replica already had when the client compared their mailboxes, since the
     * client was made. Not counted with a host store.
     */
    uint64_t messages_there;
} cyrsync_progress;

/**
 * Initial value of a cyrsync_progress: its size, and all other members 0.
 */
#define CYRSYNC_PROGRESS_INIT CYRSYNC_SIZED_INIT(cyrsync_progress)

/**
 * Releases userdata. The library calls it once, when it no longer uses userdata.
 */
typedef void (*cyrsync_destroy_callback)(void *userdata);

/**
 * A table of the program's callbacks. The library reports everything through them. Begin with
 * CYRSYNC_CALLBACKS_INIT, then set the callbacks that you need; the others stay NULL. The
 * arguments of a callback are borrowed: they are valid only during the call. "Callbacks" at the
 * head of this header says what a callback may do.
 */
typedef struct cyrsync_callbacks {
    /**
     * sizeof(cyrsync_callbacks): CYRSYNC_CALLBACKS_INIT sets it.
     */
    size_t size;
    /**
     * Passed to every function of this table.
     */
    void *userdata;
    /**
     * Releases userdata. Called once, when the library no longer uses userdata. May be NULL.
     */
    cyrsync_destroy_callback destroy;
    /**
     * Receives a log line.
     */
    void (*log)(void *userdata, cyrsync_log_level level, cyrsync_str line);
    /**
     * Receives a line about what the client does now, as sync_client -v prints it: "USER fred".
     */
    void (*action)(void *userdata, cyrsync_str line);
    /**
     * Receives the traffic with the replica in clear text, without compression and encryption.
     * Credentials are left out. "[2301 bytes]" stands for a message, unless
     * CYRSYNC_FLAG_WHOLE_MESSAGES is set. sent is true for bytes that go to the replica, and false
     * for bytes that come from it. A client with this callback uses only one connection, whatever
     * sync_jobs says.
     */
    void (*traffic)(void *userdata, bool sent, cyrsync_str bytes);
    /**
     * Receives every event as a structure. The log and action lines report only some events.
     */
    void (*event)(void *userdata, const cyrsync_event *event);
    /**
     * Receives how each item (a user, a mailbox or an entry of a sync log) ended, in every call
     * that replicates, plans or verifies: done, locked or failed, and why. A call that does not
     * try all its items reports only those that it tried, and fails. cyrsync_client_roll() retries
     * failed items, and reports each failure.
     */
    void (*item)(void *userdata, const cyrsync_item *item);
    /**
     * Receives each planned step, from the functions whose names begin with cyrsync_client_plan.
     */
    void (*step)(void *userdata, const cyrsync_step *step);
    /**
     * Receives each finding, from the functions whose names begin with cyrsync_client_verify.
     */
    void (*finding)(void *userdata, const cyrsync_finding *finding);
    /**
     * Receives the result of each check of cyrsync_config_check().
     */
    void (*check)(void *userdata, const cyrsync_check *check);
    /**
     * Receives each failure to connect to the replica, in calls that retry by themselves
     * (cyrsync_client_roll()).
     */
    void (*unreachable)(void *userdata, const cyrsync_unreachable *unreachable);
    /**
     * Receives the progress of the client: after each item, at most five times a second while
     * messages are sent, and at the end of the call.
     */
    void (*progress)(void *userdata, const cyrsync_progress *progress);
    /**
     * Returns true to stop the client, like cyrsync_client_cancel(). Called after each item, and
     * at most five times a second on other events. Not called while the library waits for network,
     * disk or locks.
     */
    bool (*cancel)(void *userdata);
} cyrsync_callbacks;

/**
 * Initial value of a cyrsync_callbacks: its size, and all other members 0.
 */
#define CYRSYNC_CALLBACKS_INIT CYRSYNC_SIZED_INIT(cyrsync_callbacks)

/* ---- Configurations ----------------------------------------------------------------------- */

/**
 * Tell the replica not to change the mupdate server (sync_client -L).
 */
#define CYRSYNC_FLAG_LOCAL_ONLY 1

/**
 * Do not wait for users that another process is replicating (sync_client -N): their replication
 * fails at once with CYRSYNC_RESULT_LOCKED.
 */
#define CYRSYNC_FLAG_SKIP_LOCKED 2

/**
 * Change nothing on this server (sync_client -O).
 */
#define CYRSYNC_FLAG_NO_COPYBACK 4

/**
 * Make the replica receive messages on its archive partition (sync_client -a).
 */
#define CYRSYNC_FLAG_ARCHIVE 8

/**
 * Fail if the connection cannot be compressed (sync_client -z).
 */
#define CYRSYNC_FLAG_REQUIRE_COMPRESS 16

/**
 * Pass whole messages to the traffic callback (sync_client -v -v -v).
 */
#define CYRSYNC_FLAG_WHOLE_MESSAGES 32

/**
 * Allow repairs to make changes on this server that they refuse otherwise, and to delete on the
 * replica what is missing here (sync_client --allow-repair all).
 */
#define CYRSYNC_FLAG_ALLOW_REPAIR 64

/**
 * Allow changes on this server even if sync_no_copyback forbids them (sync_client --copyback).
 */
#define CYRSYNC_FLAG_COPYBACK 128

/**
 * A configuration: the options of imapd.conf, the settings of the program, and its callbacks. Free
 * it with cyrsync_config_free().
 */
typedef struct cyrsync_config cyrsync_config;

/**
 * Reads an imapd.conf.
 *
 * @param path  The path of the file. Empty for the default one.
 * @param out   Set to the configuration on success. Free it with cyrsync_config_free().
 * @param err   Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_load(cyrsync_str path, cyrsync_config **out, cyrsync_error **err);

/**
 * Reads a configuration from memory. cyrsync_config_set() can add options later. With such a
 * configuration only a client with a host store can make the changes of a repair on this server:
 * without a host store Cyrus's sync_server makes them, and it needs a configuration file.
 *
 * @param text  The text of an imapd.conf: at least "configdirectory: /var/imap".
 * @param out   Set to the configuration on success. Free it with cyrsync_config_free().
 * @param err   Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_parse(
    cyrsync_str text,
    cyrsync_config **out,
    cyrsync_error **err);

/**
 * Sets an option of imapd.conf and replaces the value from the file. The value is checked.
 *
 * @param config  The configuration.
 * @param name    The name of the option, such as "sync_host".
 * @param value   Its value.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set(
    cyrsync_config *config,
    cyrsync_str name,
    cyrsync_str value,
    cyrsync_error **err);

/**
 * Uses the options of a channel (sync_client -n). By default no channel is set.
 *
 * @param config   The configuration.
 * @param channel  The channel. Empty for none.
 * @param err      Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_channel(
    cyrsync_config *config,
    cyrsync_str channel,
    cyrsync_error **err);

/**
 * Sets the replica (sync_client -S). The default is sync_host of the channel.
 *
 * @param config  The configuration.
 * @param server  A host, host:port, or the path of a UNIX socket. If empty, sync_host of the
 *                channel is used again.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_server(
    cyrsync_config *config,
    cyrsync_str server,
    cyrsync_error **err);

/**
 * Puts all mailboxes on one partition of the replica (sync_client -p).
 *
 * @param config     The configuration.
 * @param partition  The name of the partition. If empty, each mailbox is on the partition of the
 *                   same name as here, which is the default.
 * @param err        Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_partition(
    cyrsync_config *config,
    cyrsync_str partition,
    cyrsync_error **err);

/**
 * Sets the flags. Flags that are not given are cleared. By default no flag is set.
 *
 * @param config  The configuration.
 * @param flags   CYRSYNC_FLAG_ constants, combined with |.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_flags(
    cyrsync_config *config,
    uint32_t flags,
    cyrsync_error **err);

/**
 * Limits the bytes per second that a client sends over all its connections together (sync_client
 * --bwlimit).
 *
 * @param config  The configuration.
 * @param limit   "10M", or "10M,08:00-18:00=1M" with other rates for times of the day, or "off".
 *                If empty, sync_bwlimit of the channel is used again, which is the default.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_bwlimit(
    cyrsync_config *config,
    cyrsync_str limit,
    cyrsync_error **err);

/**
 * Excludes the users whose userids match a pattern (sync_client --exclude). Calls that replicate
 * single mailboxes exclude the mailboxes whose external names match. cyrsync_client_match_users()
 * describes patterns. Each call adds a pattern. The action callback receives one line at the end
 * that names what was excluded. Entries of a sync log cannot be excluded, because they would be
 * lost: with a pattern set, cyrsync_client_roll() and the functions that process or plan a log
 * fail with CYRSYNC_RESULT_INVALID_ARGUMENT.
 *
 * @param config   The configuration.
 * @param pattern  The pattern. If empty, all patterns are removed.
 * @param err      Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_exclude(
    cyrsync_config *config,
    cyrsync_str pattern,
    cyrsync_error **err);

/**
 * Sets how long clients created later wait for the lock of a user or mailbox. If another process
 * holds the lock for longer, replication of that user or mailbox fails with CYRSYNC_RESULT_LOCKED.
 * cyrsync_client_roll() defers it and goes on; 200 is a good value for it.
 *
 * @param config        The configuration.
 * @param milliseconds  The time limit. If negative, wait without a limit, which is the default.
 * @param err           Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_lock_patience(
    cyrsync_config *config,
    int64_t milliseconds,
    cyrsync_error **err);

/**
 * Sets the callbacks of clients created later and of cyrsync_config_check(). Several threads may
 * call them at once. The table is copied. Its destroy function is called when neither the
 * configuration nor a client uses userdata any more: for a table that a later call replaces, at
 * once if no client uses it. If this call fails, destroy is called at once, with one exception: if
 * the size of the table, or a member that this library does not know, is refused, destroy is never
 * called, and the program releases userdata itself.
 *
 * @param config     The configuration.
 * @param callbacks  The table. NULL removes the current callbacks.
 * @param err        Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_callbacks(
    cyrsync_config *config,
    const cyrsync_callbacks *callbacks,
    cyrsync_error **err);

/**
 * Frees a configuration. Clients that were made from it can still be used.
 *
 * @param config  The configuration. NULL is fine.
 */
CYRSYNC_API void cyrsync_config_free(cyrsync_config *config);

/**
 * Checks a configuration, like sync_client --check-config: from its options to the rights on the
 * replica. The check callback receives each result at once, in the order of cyrsync_topic, one for
 * each topic. A check that depends on a failed one is not made and gives CYRSYNC_VERDICT_SKIPPED.
 * Nothing is changed, here or on the replica. Each check takes at most a minute. Threads of the
 * library read the mail store directly, like a client without a host store. Of the other callbacks
 * only traffic is called.
 *
 * @param config  The configuration.
 * @param failed  Set to the number of checks that failed. May be NULL.
 * @param err     Set to the error on failure. May be NULL. A failed check is not an error of this
 *                call.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_check(
    const cyrsync_config *config,
    size_t *failed,
    cyrsync_error **err);

/* ---- The host store (most programs skip this section) ------------------------------------- */

/**
 * The version of the host store's structures in this header, for cyrsync_host.version.
 */
#define CYRSYNC_HOST_VERSION 1

/**
 * The number of resources that a quota root can limit.
 */
#define CYRSYNC_QUOTA_RESOURCES 4

/**
 * A description of a failure that a function of the host fills in. It is valid only during the
 * call of that function.
 */
typedef struct cyrsync_failure cyrsync_failure;

/**
 * A former name of a mailbox (name_history of mbentry_t).
 */
typedef struct cyrsync_former_name {
    /**
     * sizeof(cyrsync_former_name): CYRSYNC_FORMER_NAME_INIT sets it.
     */
    size_t size;
    /**
     * The former internal name.
     */
    cyrsync_str name;
    /**
     * The partition at that time.
     */
    cyrsync_str partition;
    /**
     * The time when the mailbox lost this name, in seconds since 1970.
     */
    int64_t mtime;
    /**
     * The modseq of the folder at that time.
     */
    uint64_t foldermodseq;
    /**
     * UIDVALIDITY at that time.
     */
    uint32_t uidvalidity;
} cyrsync_former_name;

/**
 * Initial value of a cyrsync_former_name: its size, and all other members 0.
 */
#define CYRSYNC_FORMER_NAME_INIT CYRSYNC_SIZED_INIT(cyrsync_former_name)

/**
 * An entry of mailboxes.db (mbentry_t). Begin with CYRSYNC_ENTRY_INIT.
 */
typedef struct cyrsync_entry {
    /**
     * sizeof(cyrsync_entry): CYRSYNC_ENTRY_INIT sets it.
     */
    size_t size;
    /**
     * Internal name, such as "user.fred.Sent".
     */
    cyrsync_str name;
    /**
     * The uniqueid, which does not change when the mailbox is renamed.
     */
    cyrsync_str uniqueid;
    /**
     * The partition; empty in tombstones and intermediate entries.
     */
    cyrsync_str partition;
    /**
     * The server that has the mailbox; empty for this server.
     */
    cyrsync_str server;
    /**
     * Access control list as stored: identifier, tab, rights, tab, and so on.
     */
    cyrsync_str acl;
    /**
     * Kind and flags: the MBTYPE_ bits of Cyrus's mboxlist.h, MBTYPE_LEGACY_DIRS included.
     */
    uint32_t mbtype;
    /**
     * UIDVALIDITY.
     */
    uint32_t uidvalidity;
    /**
     * The modseq when it was created.
     */
    uint64_t createdmodseq;
    /**
     * The modseq of the last change of name or ACL, of the creation or of the deletion.
     */
    uint64_t foldermodseq;
    /**
     * The time when the entry was written, in seconds since 1970.
     */
    int64_t mtime;
    /**
     * The former names, newest first. The library needs them only from lookup_by_id.
     */
    const cyrsync_former_name *former_names;
    /**
     * The number of former names.
     */
    size_t former_name_count;
    /**
     * The reason why this entry cannot be read; empty if it can be read. If set, the library uses
     * only name beside it.
     */
    cyrsync_str unreadable;
    /**
     * The JMAP id of the mailbox (since Cyrus 3.13); else empty.
     */
    cyrsync_str jmapid;
} cyrsync_entry;

/**
 * Initial value of a cyrsync_entry: its size, and all other members 0.
 */
#define CYRSYNC_ENTRY_INIT CYRSYNC_SIZED_INIT(cyrsync_entry)

/**
 * The state of an open mailbox: entry, header and index header (struct mailbox). Before the call,
 * the library sets size, and all other members to zero.
 */
typedef struct cyrsync_mailbox_state {
    /**
     * The size of the structure in the library. The host must not write beyond it.
     */
    size_t size;
    /**
     * Internal name.
     */
    cyrsync_str name;
    /**
     * uniqueid.
     */
    cyrsync_str uniqueid;
    /**
     * Partition.
     */
    cyrsync_str partition;
    /**
     * Access control list.
     */
    cyrsync_str acl;
    /**
     * The quota root of the mailbox; empty if it has none.
     */
    cyrsync_str quotaroot;
    /**
     * The names of the user flags, in the order of their bits; empty for an unused bit.
     */
    const cyrsync_str *flags;
    /**
     * The number of flags, at most 128.
     */
    size_t flag_count;
    /**
     * Kind and flags, as in cyrsync_entry.
     */
    uint32_t mbtype;
    /**
     * Minor version of cyrus.index.
     */
    uint32_t minor_version;
    /**
     * The OPT_ bits of Cyrus's mailbox.h, masked by MAILBOX_OPTIONS_MASK.
     */
    uint32_t options;
    /**
     * UIDVALIDITY.
     */
    uint32_t uidvalidity;
    /**
     * The highest UID that was ever assigned.
     */
    uint32_t last_uid;
    /**
     * The last UID that was shown to the owner as recent.
     */
    uint32_t recentuid;
    /**
     * The number of records in the index, expunged ones included.
     */
    uint32_t num_records;
    /**
     * The sync CRC of the records, as stored in cyrus.index. If this and annot_crc are 0, because
     * no CRCs are stored or the mailbox is empty, the library computes both when it needs them.
     */
    uint32_t basic_crc;
    /**
     * The sync CRC of the annotations of messages, as stored in cyrus.index; 0 for none.
     */
    uint32_t annot_crc;
    /**
     * Highest modseq.
     */
    uint64_t highestmodseq;
    /**
     * The modseq up to which expunged records have been removed from the index.
     */
    uint64_t deletedmodseq;
    /**
     * The modseq when it was created.
     */
    uint64_t createdmodseq;
    /**
     * The modseq of the entry in mailboxes.db.
     */
    uint64_t foldermodseq;
    /**
     * The highest modseq of the mailbox's conversations (mailbox_get_xconvmodseq). Valid only if
     * has_xconvmodseq is not 0.
     */
    uint64_t xconvmodseq;
    /**
     * The modseq of the owner's reverse ACLs (mboxname_readraclmodseq); 0 if they are not used.
     */
    uint64_t raclmodseq;
    /**
     * The time when recentuid was set, in seconds since 1970. The next three members are times in
     * the same unit.
     */
    int64_t recenttime;
    /**
     * The time of the last append.
     */
    int64_t last_appenddate;
    /**
     * The time of the last POP3 login.
     */
    int64_t pop3_last_login;
    /**
     * POP3 clients see only messages that arrived after this time.
     */
    int64_t pop3_show_after;
    /**
     * Not 0: the mailbox has conversations.
     */
    uint8_t has_xconvmodseq;
    /**
     * The reason why the files of this mailbox may not belong together, such as a cyrus.header of
     * another mailbox; empty if there is none. If set, the mailbox is replicated as it is, but
     * never repaired.
     */
    cyrsync_str inconsistency;
    /**
     * The number of records that are not expunged, from the index header. Valid only if has_exists
     * is not 0. Replication of a mailbox with fewer such records fails.
     */
    uint32_t exists;
    /**
     * Not 0: exists is set.
     */
    uint8_t has_exists;
    /**
     * Not 0: the owner's messages have short ids in JMAP (USER_COMPACT_EMAILIDS, since Cyrus
     * 3.13).
     */
    uint8_t compact_emailids;
    /**
     * Not 0: this server has groups of users, and usergroups is set.
     */
    uint8_t knows_usergroups;
    /**
     * The groups of the owner, separated by tabs; empty if the owner is in no group
     * (mboxlist_lookup_usergroups, since Cyrus 3.12).
     */
    cyrsync_str usergroups;
    /**
     * The JMAP id of the mailbox (mailbox_jmapid, since Cyrus 3.13); else empty.
     */
    cyrsync_str jmapid;
} cyrsync_mailbox_state;

/**
 * A record of cyrus.index, which describes a message (struct index_record).
 */
typedef struct cyrsync_record {
    /**
     * sizeof(cyrsync_record): CYRSYNC_RECORD_INIT sets it.
     */
    size_t size;
    /**
     * The UID of the message.
     */
    uint32_t uid;
    /**
     * Size of the message file in bytes.
     */
    uint64_t message_size;
    /**
     * The time when the message arrived, in seconds since 1970.
     */
    int64_t internaldate;
    /**
     * The time of the record's last change, in seconds since 1970.
     */
    int64_t last_updated;
    /**
     * The modseq of the last change: of flags, or when the record was created or expunged.
     */
    uint64_t modseq;
    /**
     * The FLAG_ bits of Cyrus's mailbox.h.
     */
    uint32_t system_flags;
    /**
     * The FLAG_INTERNAL_ bits of Cyrus's mailbox.h.
     */
    uint32_t internal_flags;
    /**
     * The user flags. Flag i of the mailbox's flags (from 0) is bit i%32 of word i/32.
     */
    uint32_t user_flags[4];
    /**
     * SHA-1 of the message file.
     */
    uint8_t guid[20];
    /**
     * The time when the message was put into this mailbox, in seconds since 1970; 0 if not known.
     */
    int64_t savedate;
    /**
     * The modseq when the record was created; 0 if not known.
     */
    uint64_t createdmodseq;
    /**
     * Conversation id; 0 if none.
     */
    uint64_t cid;
    /**
     * The conversation from which this one was split off (index version 20 on); 0 if none.
     */
    uint64_t basecid;
    /**
     * The nanoseconds of internaldate (index version 20 on); 0 if not known.
     */
    uint32_t internaldate_nsec;
} cyrsync_record;

/**
 * Initial value of a cyrsync_record: its size, and all other members 0.
 */
#define CYRSYNC_RECORD_INIT CYRSYNC_SIZED_INIT(cyrsync_record)

/**
 * The location of a message. Before the call, the library sets size, fd to -1, and the strings to
 * empty.
 */
typedef struct cyrsync_message_file {
    /**
     * The size of the structure in the library. The host must not write beyond it.
     */
    size_t size;
    /**
     * A file descriptor of the message file, open for reading, positioned at the start. The
     * library owns and closes it. -1 if content or path is set instead.
     */
    int fd;
    /**
     * The path of the message file. If fd is -1 and content is empty, the library opens it.
     * Otherwise only log lines and errors use the path, and it may be empty. Borrowed until the
     * next call for the same mailbox.
     */
    cyrsync_str path;
    /**
     * The message itself, if it is not in a file; else empty. Borrowed like path; the library
     * copies it.
     */
    cyrsync_str content;
} cyrsync_message_file;

/**
 * An annotation of the server, a mailbox or a message.
 */
typedef struct cyrsync_annotation {
    /**
     * sizeof(cyrsync_annotation): CYRSYNC_ANNOTATION_INIT sets it.
     */
    size_t size;
    /**
     * The name of the annotation, such as "/comment".
     */
    cyrsync_str entry;
    /**
     * The user whose private value this is; empty for the shared value.
     */
    cyrsync_str userid;
    /**
     * The value.
     */
    cyrsync_str value;
    /**
     * The modseq of the last change; 0 if not known.
     */
    uint64_t modseq;
} cyrsync_annotation;

/**
 * Initial value of a cyrsync_annotation: its size, and all other members 0.
 */
#define CYRSYNC_ANNOTATION_INIT CYRSYNC_SIZED_INIT(cyrsync_annotation)

/**
 * A user's seen state of a mailbox (struct seendata).
 */
typedef struct cyrsync_seen {
    /**
     * sizeof(cyrsync_seen): CYRSYNC_SEEN_INIT sets it.
     */
    size_t size;
    /**
     * The uniqueid of the mailbox.
     */
    cyrsync_str uniqueid;
    /**
     * The seen messages as an IMAP sequence: "1:5,7".
     */
    cyrsync_str seenuids;
    /**
     * The highest UID that was shown to the user as recent.
     */
    uint32_t lastuid;
    /**
     * The time when the user last read the mailbox, in seconds since 1970.
     */
    int64_t lastread;
    /**
     * The time when seenuids last changed, in seconds since 1970.
     */
    int64_t lastchange;
} cyrsync_seen;

/**
 * Initial value of a cyrsync_seen: its size, and all other members 0.
 */
#define CYRSYNC_SEEN_INIT CYRSYNC_SIZED_INIT(cyrsync_seen)

/**
 * The limits of a quota root (struct quota).
 */
typedef struct cyrsync_quota {
    /**
     * sizeof(cyrsync_quota): CYRSYNC_QUOTA_INIT sets it.
     */
    size_t size;
    /**
     * The quota root, as an internal mailbox name.
     */
    cyrsync_str root;
    /**
     * The limits, in Cyrus's order of resources (STORAGE, MESSAGE, X-ANNOTATION-STORAGE,
     * X-NUM-FOLDERS) and in Cyrus's units; -1 for no limit.
     */
    int64_t limits[CYRSYNC_QUOTA_RESOURCES];
    /**
     * The modseq of the last change of the limits.
     */
    uint64_t modseq;
} cyrsync_quota;

/**
 * Initial value of a cyrsync_quota: its size, and all other members 0.
 */
#define CYRSYNC_QUOTA_INIT CYRSYNC_SIZED_INIT(cyrsync_quota)

/**
 * A Sieve script without its content (struct sync_sieve).
 */
typedef struct cyrsync_sieve {
    /**
     * sizeof(cyrsync_sieve): CYRSYNC_SIEVE_INIT sets it.
     */
    size_t size;
    /**
     * The file name with extension, such as "main.script". The active script has a second entry,
     * "main.bc", whose time and GUID are 0. Only this entry is marked active.
     */
    cyrsync_str name;
    /**
     * The SHA-1 of the content.
     */
    uint8_t guid[20];
    /**
     * Not 0: this is the bytecode of the active script.
     */
    uint8_t active;
    /**
     * The time of the last change, in seconds since 1970.
     */
    int64_t last_update;
} cyrsync_sieve;

/**
 * Initial value of a cyrsync_sieve: its size, and all other members 0.
 */
#define CYRSYNC_SIEVE_INIT CYRSYNC_SIZED_INIT(cyrsync_sieve)

/**
 * Receives an entry. Each emit function returns 0 to go on. On any other result, the host's
 * function must stop at once and return that result. The library copies what it needs: arguments
 * are borrowed only for the call. Emit functions never call the host.
 */
typedef int (*cyrsync_emit_entry)(void *sink, const cyrsync_entry *entry);

/**
 * Receives a record.
 */
typedef int (*cyrsync_emit_record)(void *sink, const cyrsync_record *record);

/**
 * Receives an annotation.
 */
typedef int (*cyrsync_emit_annotation)(void *sink, const cyrsync_annotation *annotation);

/**
 * Receives the seen state of a mailbox.
 */
typedef int (*cyrsync_emit_seen)(void *sink, const cyrsync_seen *seen);

/**
 * Receives the limits of a quota root.
 */
typedef int (*cyrsync_emit_quota)(void *sink, const cyrsync_quota *quota);

/**
 * Receives a Sieve script without its content.
 */
typedef int (*cyrsync_emit_sieve)(void *sink, const cyrsync_sieve *sieve);

/**
 * Receives a name or a piece of a text.
 */
typedef int (*cyrsync_emit_str)(void *sink, cyrsync_str text);

/**
 * The functions through which a host supplies the data of the master: see "The host store" at the
 * head of this header. Begin with CYRSYNC_HOST_INIT, then set the functions. A function is
 * required unless its comment says that it may be NULL. A function that returns int returns
 * CYRSYNC_RESULT_OK, or the result of an emit function that was not 0, or an error: a
 * CYRSYNC_RESULT_ code of 101 to 206 or 501 to 505. Any other code counts as CYRSYNC_RESULT_HOST.
 * On an error it may call cyrsync_failure_set() to describe it. A function that looks something up
 * and does not find it emits nothing and returns CYRSYNC_RESULT_OK.
 */
typedef struct cyrsync_host {
    /**
     * sizeof(cyrsync_host): CYRSYNC_HOST_INIT sets it.
     */
    size_t size;
    /**
     * CYRSYNC_HOST_VERSION: CYRSYNC_HOST_INIT sets it.
     */
    uint32_t version;
    /**
     * Passed to every function of this table.
     */
    void *userdata;
    /**
     * Releases userdata. Called once, when the library no longer uses userdata. May be NULL.
     */
    cyrsync_destroy_callback destroy;
    /**
     * Emits the entry with a name, if there is one. Tombstones, intermediate and reserved entries
     * count too (mboxlist_lookup_allow_all).
     */
    int (*lookup)(
        void *userdata,
        cyrsync_str name,
        cyrsync_emit_entry emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the entry with a uniqueid, if there is one, with its former names
     * (mboxlist_lookup_by_uniqueid).
     */
    int (*lookup_by_id)(
        void *userdata,
        cyrsync_str uniqueid,
        cyrsync_emit_entry emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the entries of all mailboxes of a user, INBOX first. Includes deleted mailboxes
     * ("DELETED.user.fred...") and intermediate entries, but no tombstones (mboxlist_usermboxtree
     * with MBOXTREE_DELETED).
     */
    int (*list_user)(
        void *userdata,
        cyrsync_str userid,
        cyrsync_emit_entry emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the entry of every mailbox whose name begins with prefix. Includes tombstones, but no
     * intermediate entries (mboxlist_allmbox with MBOXTREE_TOMBSTONES). Skips entries that cannot
     * be read, and then returns CYRSYNC_RESULT_CORRUPT at the end.
     */
    int (*list)(
        void *userdata,
        cyrsync_str prefix,
        cyrsync_emit_entry emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Locks the replication of a user to a server, so that no other process replicates the user to
     * the same server (sync_lock of sync_support.c: the name lock "*S*server*userid"). An empty
     * userid stands for the shared mailboxes. Waits at most wait_ms milliseconds, or without a
     * limit if wait_ms is negative. If the time is over, returns CYRSYNC_RESULT_LOCKED. Sets *lock
     * to a pointer of the host's choice, which the library passes to sync_unlock; NULL is fine.
     */
    int (*sync_lock)(
        void *userdata,
        cyrsync_str server,
        cyrsync_str userid,
        int64_t wait_ms,
        void **lock,
        cyrsync_failure *failure);
    /**
     * Releases a lock of sync_lock.
     */
    void (*sync_unlock)(void *userdata, void *lock);
    /**
     * Opens a mailbox with its index locked for reading (mailbox_open_irl). Waits like sync_lock.
     * Returns CYRSYNC_RESULT_NOT_FOUND if the mailbox does not exist, or is deleted, reserved, an
     * intermediate entry or on another server; CYRSYNC_RESULT_MOVED if it is being moved to
     * another server. Sets *mailbox to a pointer of the host's choice. The library passes it to
     * the functions below, and at last to close.
     */
    int (*open)(
        void *userdata,
        cyrsync_str name,
        int64_t wait_ms,
        void **mailbox,
        cyrsync_failure *failure);
    /**
     * Fills in the state of the mailbox at the time when its index was locked. Called once, after
     * open. Pointers in *state are borrowed until the next call for the mailbox.
     */
    int (*state)(
        void *userdata,
        void *mailbox,
        cyrsync_mailbox_state *state,
        cyrsync_failure *failure);
    /**
     * Emits the records whose UID is at least from_uid, in ascending order of UID. Leaves none of
     * them out: emits expunged and unlinked records, and records with modseq 0, too. If from_uid
     * is 0, emits every record of the index, also damaged ones with UID 0. The library then
     * compares their number with num_records of the state. If the number differs, or a record has
     * UID 0, replication of the mailbox fails, so that the damage is noticed. since_modseq is
     * reserved: it is always 0.
     */
    int (*scan)(
        void *userdata,
        void *mailbox,
        uint32_t from_uid,
        uint64_t since_modseq,
        cyrsync_emit_record emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the annotations of the mailbox itself, in any order.
     */
    int (*mailbox_annotations)(
        void *userdata,
        void *mailbox,
        cyrsync_emit_annotation emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the stored annotations of a message, in any order. Leaves out annotations that stand
     * for fields of its record (thrid, savedate, createdmodseq).
     */
    int (*message_annotations)(
        void *userdata,
        void *mailbox,
        uint32_t uid,
        cyrsync_emit_annotation emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Fills in the location of a message file (mailbox_record_fname). The library opens the file
     * and compares its size with the record's. Also called after unlock_index.
     */
    int (*message_file)(
        void *userdata,
        void *mailbox,
        const cyrsync_record *record,
        cyrsync_message_file *file,
        cyrsync_failure *failure);
    /**
     * Unlocks the index, so that other processes can write to the mailbox again, but prevents the
     * removal of message files until close (mailbox_unlock_index). After this, the library calls
     * only message_file and close for the mailbox.
     */
    void (*unlock_index)(void *userdata, void *mailbox);
    /**
     * Closes the mailbox and releases its locks. Called once for each successful open.
     */
    void (*close)(void *userdata, void *mailbox);
    /**
     * Emits the annotations of a mailbox that is not open. If name is empty, emits the annotations
     * of the server.
     */
    int (*annotations)(
        void *userdata,
        cyrsync_str name,
        cyrsync_emit_annotation emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the internal names of the mailboxes that a user is subscribed to, in the order of the
     * database (mboxlist_sublist).
     */
    int (*subscriptions)(
        void *userdata,
        cyrsync_str userid,
        cyrsync_emit_str emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the seen state of a user (seen_foreach).
     */
    int (*seen)(
        void *userdata,
        cyrsync_str userid,
        cyrsync_emit_seen emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the limits of a quota root, if root is a quota root (quota_read).
     */
    int (*quota)(
        void *userdata,
        cyrsync_str root,
        cyrsync_emit_quota emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the Sieve scripts of a user, in any order (sync_sieve_list_generate).
     */
    int (*sieve_scripts)(
        void *userdata,
        cyrsync_str userid,
        cyrsync_emit_sieve emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the content of a Sieve script, in pieces of any size.
     */
    int (*sieve_content)(
        void *userdata,
        cyrsync_str userid,
        cyrsync_str name,
        cyrsync_emit_str emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Sets *modseq to the highest modseq of all mailboxes of a mailbox's owner
     * (mboxname_readmodseq). 0 if each mailbox counts its own modseqs.
     */
    int (*used_modseq)(
        void *userdata,
        cyrsync_str name,
        uint64_t *modseq,
        cyrsync_failure *failure);
    /**
     * Sets *modseq to the modseq of the reverse ACLs of the user whose INBOX has this name
     * (mboxname_readraclmodseq). 0 for other mailboxes, and if reverse ACLs are not used.
     */
    int (*raclmodseq)(
        void *userdata,
        cyrsync_str name,
        uint64_t *modseq,
        cyrsync_failure *failure);
    /**
     * Executes a command of a repair that writes to the master.
     *
     * command is the whole command as a client sends it to a sync server, with message literals
     * and the final CRLF. Examples: "APPLY RESERVE %(...)", "APPLY MESSAGE (%{default 3f...
     * 512}CRLF...)", "APPLY MAILBOX %(...)", "RESTART". verb is its first word. body is the rest
     * after a space, without the final CRLF; it is empty for RESTART. dlist_parse() can read it,
     * for sync_apply(). Messages in it may contain NUL bytes, so use its len.
     *
     * The function emits the reply as a sync server sends it, in pieces of any size: first lines
     * such as "* RESERVE (...)CRLF", then "OK success" or "NO IMAP_SYNC_CHANGED ...". After
     * emitting a NO it returns CYRSYNC_RESULT_OK: the library reads the NO from the reply.
     *
     * Messages stay staged until RESTART. During the call no mailbox is open, but sync locks are
     * held. May be NULL: then a mailbox that needs a repair on this server fails with
     * CYRSYNC_RESULT_NEEDS_FULL_SYNC.
     */
    int (*apply)(
        void *userdata,
        cyrsync_str verb,
        cyrsync_str body,
        cyrsync_str command,
        cyrsync_emit_str emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Logs that apply changed a mailbox, to the sync logs of all channels except the client's own:
     * its replica has the change already. May be NULL: then the library writes to the logs of the
     * channels in the configuration.
     */
    int (*log_change)(void *userdata, cyrsync_str name, cyrsync_failure *failure);
    /**
     * Returns the approximate size of the list of mailboxes in bytes (the size of mailboxes.db).
     * The library uses it to limit the size of the replica's replies. May be NULL: then the limit
     * is 24 MiB, about thirty-five thousand mailboxes of a user.
     */
    uint64_t (*list_bytes)(void *userdata);
} cyrsync_host;

/**
 * Describes why a function of the host fails. The texts are copied; bytes that are not UTF-8 are
 * replaced. The library uses the description only if the function then returns a failure.
 *
 * @param failure  The pointer that the library passed to the host's function. NULL is fine.
 * @param detail   What went wrong.
 * @param hint     What a person can do about it. Empty if there is no advice.
 */
CYRSYNC_API void cyrsync_failure_set(
    cyrsync_failure *failure,
    cyrsync_str detail,
    cyrsync_str hint);

/* ---- Clients ------------------------------------------------------------------------------ */

/**
 * A client for one replica. Free it with cyrsync_client_free().
 */
typedef struct cyrsync_client cyrsync_client;

/**
 * The number of items of a call by outcome. The item callback receives the same items.
 */
typedef struct cyrsync_report {
    /**
     * sizeof(cyrsync_report): CYRSYNC_REPORT_INIT sets it.
     */
    size_t size;
    /**
     * Items that are done: now equal on both sides, or planned.
     */
    uint64_t done;
    /**
     * Items that were skipped because another process had locked them.
     */
    uint64_t skipped_locked;
    /**
     * Items that failed.
     */
    uint64_t failed;
} cyrsync_report;

/**
 * Initial value of a cyrsync_report: its size, and all other members 0.
 */
#define CYRSYNC_REPORT_INIT CYRSYNC_SIZED_INIT(cyrsync_report)

/**
 * Counters of the client's present connections together.
 */
typedef struct cyrsync_counters {
    /**
     * sizeof(cyrsync_counters): CYRSYNC_COUNTERS_INIT sets it.
     */
    size_t size;
    /**
     * Whether the client is connected. If not, all other members are 0.
     */
    bool connected;
    /**
     * Bytes of commands sent, before compression.
     */
    uint64_t sent;
    /**
     * Bytes of replies received, after decompression.
     */
    uint64_t received;
    /**
     * Bytes written to the socket.
     */
    uint64_t sent_raw;
    /**
     * Bytes read from the socket.
     */
    uint64_t received_raw;
    /**
     * Message files that the replica keeps until cyrsync_client_restart().
     */
    uint64_t staged_files;
} cyrsync_counters;

/**
 * Initial value of a cyrsync_counters: its size, and all other members 0.
 */
#define CYRSYNC_COUNTERS_INIT CYRSYNC_SIZED_INIT(cyrsync_counters)

/**
 * Receives a userid or the internal name of a mailbox. The name is borrowed: it is valid only
 * during the call.
 */
typedef void (*cyrsync_name_callback)(void *userdata, cyrsync_str name);

/**
 * Makes a client from a configuration. The configuration still belongs to the caller. Does not
 * connect yet.
 *
 * @param config  The configuration.
 * @param out     Set to the client on success. Free it with cyrsync_client_free().
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_new(
    const cyrsync_config *config,
    cyrsync_client **out,
    cyrsync_error **err);

/**
 * Makes a client that gets the data of the master from a host, and does not read the mail store
 * itself: see "The host store" at the head of this header. The table is copied. Its destroy
 * function is called when the library no longer uses userdata: at once if this call fails, but
 * never if the size of the table is refused. Then the program releases userdata itself.
 *
 * @param config  The configuration.
 * @param host    The host's table.
 * @param out     Set to the client on success. Free it with cyrsync_client_free().
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_new_with_host(
    const cyrsync_config *config,
    const cyrsync_host *host,
    cyrsync_client **out,
    cyrsync_error **err);

/**
 * Disconnects from the replica and frees the client. If the client is in use, returns
 * CYRSYNC_RESULT_BUSY and does nothing. A callback that calls this for its own client gets
 * CYRSYNC_RESULT_BUSY, too.
 *
 * @param client  The client. NULL is fine.
 */
CYRSYNC_API cyrsync_result cyrsync_client_free(cyrsync_client *client);

/**
 * Returns the name of the replica. The string belongs to the client and is valid until the client
 * is freed.
 *
 * @param client  The client. NULL gives an empty name.
 */
CYRSYNC_API const char *cyrsync_client_server(const cyrsync_client *client);

/**
 * Cancels the client: the running call ends at the next safe point with CYRSYNC_RESULT_CANCELLED.
 * So does every later call, until cyrsync_client_reset_cancel() is called. May be called from any
 * thread, callback or signal handler while another call runs, but not while the client is freed.
 *
 * @param client  The client. NULL is fine.
 */
CYRSYNC_API void cyrsync_client_cancel(const cyrsync_client *client);

/**
 * Undoes cyrsync_client_cancel() and cyrsync_client_finish(), so that later calls work again.
 * Fails with CYRSYNC_RESULT_BUSY while another call of the client runs.
 *
 * @param client  The client.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_reset_cancel(cyrsync_client *client, cyrsync_error **err);

/**
 * Connects and logs in, unless the client is already connected. Other calls connect by themselves
 * when they need to. Call this to find out early whether the connection works.
 *
 * @param client  The client.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_connect(cyrsync_client *client, cyrsync_error **err);

/**
 * Disconnects from the replica. The next call that needs a connection makes a new one.
 *
 * @param client  The client.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API cyrsync_result cyrsync_client_disconnect(
    cyrsync_client *client,
    cyrsync_error **err);

/**
 * Replicates a user: mailboxes, quotas, subscriptions, Sieve scripts and seen state.
 *
 * @param client  The client.
 * @param user    The userid.
 * @param err     Set to the error on failure. May be NULL. Its parts are the errors of single
 *                mailboxes.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_sync_user(
    cyrsync_client *client,
    cyrsync_str user,
    cyrsync_error **err);

/**
 * Replicates the seen state, subscriptions and Sieve scripts of a user.
 *
 * @param client  The client.
 * @param user    The userid.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_sync_meta(
    cyrsync_client *client,
    cyrsync_str user,
    cyrsync_error **err);

/**
 * Replicates mailboxes of any users. If a mailbox fails, the others are still replicated. The item
 * callback receives the outcome of each.
 *
 * @param client  The client.
 * @param names   The internal names of the mailboxes ("user.fred.Sent").
 * @param count   The number of names.
 * @param err     Set to the error on failure. May be NULL. Its parts are the errors of single
 *                mailboxes.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_sync_mailboxes(
    cyrsync_client *client,
    const cyrsync_str *names,
    size_t count,
    cyrsync_error **err);

/**
 * Replicates every user and every shared mailbox whose internal name begins with prefix. If prefix
 * is empty, replicates the server's annotations too. If an item fails, the others are still
 * replicated; the item callback receives the failure, and the report counts it. The call itself
 * fails only if it could not try all items.
 *
 * @param client  The client.
 * @param prefix  The beginning of the internal names. Empty for all.
 * @param report  On success filled with the number of items by outcome. May be NULL.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_sync_all(
    cyrsync_client *client,
    cyrsync_str prefix,
    cyrsync_report *report,
    cyrsync_error **err);

/**
 * Replicates a user's seen state of a mailbox.
 *
 * @param client    The client.
 * @param user      The userid.
 * @param uniqueid  The uniqueid of the mailbox.
 * @param err       Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_sync_seen(
    cyrsync_client *client,
    cyrsync_str user,
    cyrsync_str uniqueid,
    cyrsync_error **err);

/**
 * Replicates whether a user is subscribed to a mailbox.
 *
 * @param client   The client.
 * @param user     The userid.
 * @param mailbox  The internal name of the mailbox.
 * @param err      Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_sync_subscription(
    cyrsync_client *client,
    cyrsync_str user,
    cyrsync_str mailbox,
    cyrsync_error **err);

/**
 * Replicates the limits of a quota root. If the quota root no longer exists here, removes it on
 * the replica.
 *
 * @param client  The client.
 * @param root    The quota root, as an internal mailbox name.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_sync_quota(
    cyrsync_client *client,
    cyrsync_str root,
    cyrsync_error **err);

/**
 * Replicates the annotations of a mailbox, without those of its messages, or the annotations of
 * the server.
 *
 * @param client   The client.
 * @param mailbox  The internal name of the mailbox. Empty for the annotations of the server.
 * @param err      Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_sync_annotations(
    cyrsync_client *client,
    cyrsync_str mailbox,
    cyrsync_error **err);

/**
 * Tells the replica to release the message files that it has staged for this client.
 *
 * @param client  The client.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_restart(cyrsync_client *client, cyrsync_error **err);

/**
 * Returns the counters of the client's present connections together.
 *
 * @param client  The client.
 * @param out     Filled with the counters.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_counters(
    cyrsync_client *client,
    cyrsync_counters *out,
    cyrsync_error **err);

/**
 * Calls a callback for each user who has an INBOX and whose userid matches a pattern, in the order
 * of mailboxes.db, as sync_client -u does. If a part of mailboxes.db cannot be read, passes on the
 * users that were found and then fails.
 *
 * @param client    The client.
 * @param pattern   The pattern: * matches any bytes, separators included; ? matches one byte;
 *                  [a-z] matches one of these bytes, and [!a-z] any other byte.
 * @param callback  The callback, which receives each userid. If NULL, the call only checks the
 *                  pattern and whether mailboxes.db can be read.
 * @param userdata  Passed to the callback.
 * @param err       Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_match_users(
    cyrsync_client *client,
    cyrsync_str pattern,
    cyrsync_name_callback callback,
    void *userdata,
    cyrsync_error **err);

/**
 * Calls a callback with the internal name of each mailbox whose external name matches a pattern,
 * as sync_client -m does. Otherwise like cyrsync_client_match_users().
 *
 * @param client    The client.
 * @param pattern   The pattern for the external name, as an administrator types it.
 * @param callback  The callback, which receives each internal name. May be NULL, as above.
 * @param userdata  Passed to the callback.
 * @param err       Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_match_mailboxes(
    cyrsync_client *client,
    cyrsync_str pattern,
    cyrsync_name_callback callback,
    void *userdata,
    cyrsync_error **err);

/* ---- Sync logs ---------------------------------------------------------------------------- */

/**
 * Why cyrsync_client_roll() ended.
 */
typedef enum cyrsync_rolled {
    /**
     * cyrsync_client_finish() or cyrsync_client_cancel() was called.
     */
    CYRSYNC_ROLLED_STOPPED = 1,
    /**
     * The shutdown file existed. The library has removed it.
     */
    CYRSYNC_ROLLED_SHUTDOWN_FILE = 2,
    /**
     * cyrsync_client_wake() was called. Call cyrsync_client_roll() again to go on.
     */
    CYRSYNC_ROLLED_WOKEN = 3,
    /**
     * With once: all entries are done.
     */
    CYRSYNC_ROLLED_ONCE = 4,
    /**
     * With once: some tasks (users, mailboxes and so on) failed. Their entries were put back into
     * the log.
     */
    CYRSYNC_ROLLED_ONCE_UNDONE = 5,
    /**
     * With connect_once: the replica ended the connection (BYE).
     */
    CYRSYNC_ROLLED_GOODBYE = 6,
    /**
     * With once: no task failed, but another process had locked some users or mailboxes. Their
     * entries were put back into the log.
     */
    CYRSYNC_ROLLED_ONCE_DEFERRED = 7,
} cyrsync_rolled;

/**
 * Options of cyrsync_client_roll(). Begin with CYRSYNC_ROLLING_INIT, then set the options that you
 * need. The library does not read them from imapd.conf; the comments give the names there.
 */
typedef struct cyrsync_rolling {
    /**
     * sizeof(cyrsync_rolling): CYRSYNC_ROLLING_INIT sets it.
     */
    size_t size;
    /**
     * The shortest time from one run to the next, in milliseconds (sync_repeat_interval); 0 to
     * begin a run as soon as something is logged.
     */
    uint64_t interval_ms;
    /**
     * Time after which the client tells the replica to release its staged message files, in
     * seconds (-t); 0 for never.
     */
    uint64_t restart_after;
    /**
     * The path of the shutdown file (sync_shutdown_file): the call ends when this file exists.
     * Empty for none.
     */
    cyrsync_str shutdown_file;
    /**
     * The longest pause between attempts to connect, in seconds (sync_reconnect_maxwait); 0 for no
     * limit.
     */
    uint64_t longest_pause;
    /**
     * Not 0: try to connect only once. If the attempt fails, the call fails with the error of the
     * connection; the entries stay in the log.
     */
    uint32_t connect_once;
    /**
     * Not 0: replicate only the entries that are in the log now, then end.
     */
    uint32_t once;
} cyrsync_rolling;

/**
 * Initial value of a cyrsync_rolling: its size, and all other members 0.
 */
#define CYRSYNC_ROLLING_INIT CYRSYNC_SIZED_INIT(cyrsync_rolling)

/**
 * How cyrsync_client_roll() ended.
 */
typedef struct cyrsync_roll_end {
    /**
     * sizeof(cyrsync_roll_end): CYRSYNC_ROLL_END_INIT sets it.
     */
    size_t size;
    /**
     * The reason for the end, as a cyrsync_rolled.
     */
    int why;
    /**
     * With once: the number of tasks that were put back into the log because another process had
     * locked their users or mailboxes.
     */
    uint64_t deferred;
    /**
     * With once: the number of tasks that failed and were put back into the log.
     */
    uint64_t failed;
} cyrsync_roll_end;

/**
 * Initial value of a cyrsync_roll_end: its size, and all other members 0.
 */
#define CYRSYNC_ROLL_END_INIT CYRSYNC_SIZED_INIT(cyrsync_roll_end)

/**
 * Appends entries to sync logs. The clients of these channels then replicate the users and
 * mailboxes that the entries name. Cyrus's programs call sync_log() for this, and scripts
 * cyr_synclog. The entries are written under Cyrus's own locks. A missing log directory is
 * created. All entries and channels are checked before anything is written. If a log cannot be
 * written, the logs of earlier channels already have the entries.
 *
 * An entry is a word followed by one or two names. USER, UNUSER and META take a userid. MAILBOX,
 * APPEND, UNMAILBOX and ANNOTATION take the internal name of a mailbox; the empty name after
 * ANNOTATION stands for the server's annotations. QUOTA takes a quota root. These words take two
 * names: DOUBLEMAILBOX the mailboxes from which and to which messages were copied; RENAME the old
 * and the new name of a mailbox; SEEN a userid and the uniqueid of a mailbox; SUB and UNSUB a
 * userid and a mailbox. An empty name, and a name with blanks, parentheses, braces or double
 * quotes, must be in double quotes. Within them write a backslash before a double quote or a
 * backslash.
 *
 * @param config         The configuration, which says where the logs are. It needs no sync_host.
 * @param channels       The channels. An empty name stands for the log without a channel. A
 *                       channel that is not in the configuration fails with CYRSYNC_RESULT_CONFIG.
 * @param channel_count  The number of channels. If 0, the entries go to all channels that Cyrus's
 *                       programs log to (sync_log_channels). Then the call fails with
 *                       CYRSYNC_RESULT_CONFIG if sync_log is off.
 * @param entries        The entries, one per line: "MAILBOX user.fred". A line feed after the last
 *                       entry is optional.
 * @param err            Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_log_append(
    const cyrsync_config *config,
    const cyrsync_str *channels,
    size_t channel_count,
    cyrsync_str entries,
    cyrsync_error **err);

/**
 * Replicates the entries that Cyrus's programs write to the sync log of the client's channel,
 * until cyrsync_client_finish() or cyrsync_client_cancel() is called. cyrsync_rolled has the other
 * reasons to end. If an entry fails, the others are still replicated. The failed entry stays in
 * the log and is retried after a growing pause; the item and log callbacks receive the failure. If
 * a user or mailbox is still locked after the time of cyrsync_config_set_lock_patience(), its
 * entry is retried too. Fails with CYRSYNC_RESULT_LOCKED if another client works on the channel.
 *
 * @param client   The client.
 * @param rolling  The options.
 * @param end      Filled with the reason for the end and the numbers of remaining tasks. May be
 *                 NULL.
 * @param err      Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_roll(
    cyrsync_client *client,
    const cyrsync_rolling *rolling,
    cyrsync_roll_end *end,
    cyrsync_error **err);

/**
 * Tells cyrsync_client_roll() to end after the current task. May be called from any thread, also
 * from signal handlers, like cyrsync_client_cancel().
 *
 * @param client  The client. NULL is fine.
 */
CYRSYNC_API void cyrsync_client_finish(const cyrsync_client *client);

/**
 * Wakes cyrsync_client_roll(), also from a pause between attempts to connect: it ends with
 * CYRSYNC_ROLLED_WOKEN. When cyrsync_client_roll() is called again, it retries failed entries at
 * once. May be called from any thread, also from signal handlers, like cyrsync_client_cancel().
 *
 * @param client  The client. NULL is fine.
 */
CYRSYNC_API void cyrsync_client_wake(const cyrsync_client *client);

/**
 * Replicates the entries of a sync log in memory ("MAILBOX user.fred", one per line), like
 * sync_do_reader(). If an entry fails, the others are still replicated; the item and log callbacks
 * receive the failure. Entries whose users or mailboxes are locked are appended to the log of the
 * client's channel, if it has one.
 *
 * @param client  The client.
 * @param log     The log: entries, one per line.
 * @param report  On success filled with the number of entries by outcome. May be NULL.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_process_log(
    cyrsync_client *client,
    cyrsync_str log,
    cyrsync_report *report,
    cyrsync_error **err);

/**
 * Replicates the entries of a sync log in a file, like sync_client -r -f. The file stays as it is.
 * Otherwise like cyrsync_client_process_log().
 *
 * @param client  The client.
 * @param file    The path of the log.
 * @param report  On success filled with the number of entries by outcome. May be NULL.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_process_log_file(
    cyrsync_client *client,
    cyrsync_str file,
    cyrsync_report *report,
    cyrsync_error **err);

/**
 * Replicates entries that were just logged, and keeps the connection for the next call, like
 * sync_checkpoint(). A server calls it before it confirms a change to a user, so that the replica
 * has the change by then. Otherwise like cyrsync_client_process_log().
 *
 * @param client  The client.
 * @param log     The log: entries, one per line.
 * @param report  On success filled with the number of entries by outcome. May be NULL.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_checkpoint(
    cyrsync_client *client,
    cyrsync_str log,
    cyrsync_report *report,
    cyrsync_error **err);

/**
 * Disconnects from the replica if the last checkpoint is long ago. Call it from a timer. Cyrus
 * disconnects after 30 seconds.
 *
 * @param client   The client.
 * @param seconds  The shortest time since the last checkpoint.
 * @param err      Set to the error on failure. May be NULL.
 */
CYRSYNC_API cyrsync_result cyrsync_client_disconnect_if_idle(
    cyrsync_client *client,
    uint64_t seconds,
    cyrsync_error **err);

/* ---- Plans -------------------------------------------------------------------------------- */

/**
 * Plans what cyrsync_client_process_log() would do with a log, and changes nothing: it only reads
 * from the replica, and writes nothing here. The step callback receives each step. The plan takes
 * the same locks as replication. Later steps assume that earlier renames and deletes are done. A
 * mailbox that needs a repair is compared in full. A plan cannot say which message files
 * replication will send.
 *
 * @param client  The client.
 * @param log     The log: entries, one per line.
 * @param report  On success filled with the number of entries by outcome. May be NULL.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_plan(
    cyrsync_client *client,
    cyrsync_str log,
    cyrsync_report *report,
    cyrsync_error **err);

/**
 * Plans what cyrsync_client_sync_all() would do, like cyrsync_client_plan().
 *
 * @param client  The client.
 * @param prefix  The beginning of the internal names. Empty for all.
 * @param report  On success filled with the number of items by outcome. May be NULL.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_plan_all(
    cyrsync_client *client,
    cyrsync_str prefix,
    cyrsync_report *report,
    cyrsync_error **err);

/**
 * Plans what cyrsync_client_sync_user() would do, like cyrsync_client_plan(). If only_meta is
 * true, plans what cyrsync_client_sync_meta() would do.
 *
 * @param client     The client.
 * @param user       The userid.
 * @param only_meta  Whether to plan only seen state, subscriptions and Sieve scripts.
 * @param err        Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_plan_user(
    cyrsync_client *client,
    cyrsync_str user,
    bool only_meta,
    cyrsync_error **err);

/**
 * Plans what cyrsync_client_sync_mailboxes() would do, like cyrsync_client_plan().
 *
 * @param client  The client.
 * @param names   The internal names of the mailboxes.
 * @param count   The number of names.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_plan_mailboxes(
    cyrsync_client *client,
    const cyrsync_str *names,
    size_t count,
    cyrsync_error **err);

/**
 * Plans what cyrsync_client_roll() would do with the current entries in the logs of the client's
 * channel, like cyrsync_client_plan(). The logs stay as they are.
 *
 * @param client  The client.
 * @param report  On success filled with the number of entries by outcome. May be NULL.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_plan_channel(
    cyrsync_client *client,
    cyrsync_report *report,
    cyrsync_error **err);

/* ---- Verification ------------------------------------------------------------------------- */

/**
 * The totals of a verification.
 */
typedef struct cyrsync_verified {
    /**
     * sizeof(cyrsync_verified): CYRSYNC_VERIFIED_INIT sets it.
     */
    size_t size;
    /**
     * Fields that differ. Both sides are equal if this, pending and unknown are 0.
     */
    uint64_t differences;
    /**
     * Fields that differ because their last change is not replicated yet.
     */
    uint64_t pending;
    /**
     * Users, mailboxes and other things that could not be compared.
     */
    uint64_t unknown;
    /**
     * Users whose other data (not the mailboxes) was compared.
     */
    uint64_t users;
    /**
     * Mailboxes that were compared.
     */
    uint64_t mailboxes;
    /**
     * Records that were compared.
     */
    uint64_t records;
    /**
     * Message files that were read on both sides.
     */
    uint64_t messages;
} cyrsync_verified;

/**
 * Initial value of a cyrsync_verified: its size, and all other members 0.
 */
#define CYRSYNC_VERIFIED_INIT CYRSYNC_SIZED_INIT(cyrsync_verified)

/**
 * Compares all data of a user on both sides in full, and changes nothing. The finding callback
 * receives the differences. Differences are not an error.
 *
 * @param client    The client.
 * @param user      The userid.
 * @param what      What to compare beside the records: empty for nothing more, "messages" to read
 *                  all message files on both sides too, or "messages:10%" to read a part of them.
 * @param verified  Filled with the totals. May be NULL.
 * @param err       Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_verify_user(
    cyrsync_client *client,
    cyrsync_str user,
    cyrsync_str what,
    cyrsync_verified *verified,
    cyrsync_error **err);

/**
 * Compares the subscriptions, seen state and Sieve scripts of a user, like
 * cyrsync_client_verify_user(). It reads no message files, so there is no parameter what.
 *
 * @param client    The client.
 * @param user      The userid.
 * @param verified  Filled with the totals. May be NULL.
 * @param err       Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_verify_meta(
    cyrsync_client *client,
    cyrsync_str user,
    cyrsync_verified *verified,
    cyrsync_error **err);

/**
 * Compares mailboxes, like cyrsync_client_verify_user().
 *
 * @param client    The client.
 * @param names     The internal names of the mailboxes.
 * @param count     The number of names.
 * @param what      As for cyrsync_client_verify_user().
 * @param verified  Filled with the totals. May be NULL.
 * @param err       Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_verify_mailboxes(
    cyrsync_client *client,
    const cyrsync_str *names,
    size_t count,
    cyrsync_str what,
    cyrsync_verified *verified,
    cyrsync_error **err);

/**
 * Compares every user and every shared mailbox whose internal name begins with prefix, like
 * cyrsync_client_verify_user(). If prefix is empty, compares the server's annotations too.
 *
 * @param client    The client.
 * @param prefix    The beginning of the internal names. Empty for all.
 * @param what      As for cyrsync_client_verify_user().
 * @param verified  Filled with the totals. May be NULL.
 * @param err       Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_verify_all(
    cyrsync_client *client,
    cyrsync_str prefix,
    cyrsync_str what,
    cyrsync_verified *verified,
    cyrsync_error **err);

/* ---- Progress and status ------------------------------------------------------------------ */

/**
 * The severity of a status. The numbers are the exit statuses of a monitoring plugin. The
 * importance of a log line is another enumeration, cyrsync_log_level.
 */
typedef enum cyrsync_level {
    /**
     * Nothing is wrong.
     */
    CYRSYNC_LEVEL_OK = 0,
    /**
     * Somebody should look at it during working hours.
     */
    CYRSYNC_LEVEL_WARNING = 1,
    /**
     * Somebody should look at it now.
     */
    CYRSYNC_LEVEL_CRITICAL = 2,
    /**
     * The state cannot be determined.
     */
    CYRSYNC_LEVEL_UNKNOWN = 3,
} cyrsync_level;

/**
 * The state of the replication of a channel. Free it with cyrsync_status_free().
 */
typedef struct cyrsync_status cyrsync_status;

/**
 * Returns the progress of a client. May be called from any thread at any time, also while another
 * call of the same client runs, and from callbacks.
 *
 * @param client  The client.
 * @param out     Filled with the progress.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_progress(
    const cyrsync_client *client,
    cyrsync_progress *out,
    cyrsync_error **err);

/**
 * Reads the state of the replication of the configuration's channel. The source is the status file
 * of the client that rolls on the channel; if there is no such client, the logs. Does not connect,
 * lock or change anything.
 *
 * @param config  The configuration.
 * @param out     Set to the status on success. Free it with cyrsync_status_free().
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_status_read(
    const cyrsync_config *config,
    cyrsync_status **out,
    cyrsync_error **err);

/**
 * Returns the severity of the status now.
 *
 * @param status    The status. NULL gives CYRSYNC_LEVEL_UNKNOWN.
 * @param warn_lag  The lag in seconds from which the level is at least a warning. 0 for no limit.
 * @param crit_lag  The lag in seconds from which the level is critical. 0 for no limit.
 */
CYRSYNC_API cyrsync_level cyrsync_status_level(
    const cyrsync_status *status,
    uint64_t warn_lag,
    uint64_t crit_lag);

/**
 * Returns the age of the oldest change that is not replicated yet, in seconds; 0 if there is no
 * such change.
 *
 * @param status  The status. NULL gives 0.
 */
CYRSYNC_API uint64_t cyrsync_status_lag(const cyrsync_status *status);

/**
 * Returns the number of log entries that are not replicated yet.
 *
 * @param status  The status. NULL gives 0.
 */
CYRSYNC_API uint64_t cyrsync_status_backlog(const cyrsync_status *status);

/**
 * Returns the whole status as a JSON object; docs/status.md describes it. The text belongs to the
 * status and is valid until the status is freed.
 *
 * @param status  The status. NULL gives an empty text.
 */
CYRSYNC_API cyrsync_str cyrsync_status_json(const cyrsync_status *status);

/**
 * Frees a status.
 *
 * @param status  The status. NULL is fine.
 */
CYRSYNC_API void cyrsync_status_free(cyrsync_status *status);

#ifdef __cplusplus
}  /* extern "C" */
#endif

#endif  /* CYRSYNC_H */
