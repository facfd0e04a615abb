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
 * Structures. Each begins with its size, which a CYRSYNC_..._INIT sets:
 *
 *     cyrsync_report report = CYRSYNC_REPORT_INIT;
 *
 * So a program and a library of different versions understand each other. Members that the other
 * side's version lacks count as 0; so write a CYRSYNC_..._INIT even where every member is set.
 * Members that only the caller's version has are set to 0 where the library fills a structure, and
 * passed over where it reads one; but in a cyrsync_rolling they must be 0, for what they ask for
 * would not be done. A size that no version has is answered with CYRSYNC_RESULT_INVALID_ARGUMENT
 * and the name of the structure or argument. The elements of an array lie as far apart as the size
 * of the first. Where a host is given a structure to fill, its size says how much the library
 * knows: a host must not write behind that. A cyrsync_str has no size and never changes.
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
 * to no log of its own and never exits. It starts one program: without a host store a repair that
 * must change this server has Cyrus's own sync_server do it. It must run as the cyrus
 * user.
 *
 * Locks: read this before linking the library into a process of Cyrus. The mail store is read
 * under Cyrus's own locks, taken as open file description locks (F_OFD_SETLK). Cyrus takes
 * traditional ones (F_SETLK). Two hazards follow within one process. A traditional lock is lost
 * as soon as any descriptor of that file is closed in the process, and the library opens and
 * closes the same files. And a traditional lock that the process itself holds refuses the
 * library's, or makes it wait forever. So while a call runs, the process must not hold mailboxes,
 * databases or lock files of that mail store open by other means: call the library from a process
 * of its own, from one that has closed them, or with a host store.
 *
 * The host store. With cyrsync_client_new_with_host() the library opens no file of the mail store
 * and takes none of its locks: it asks the functions of a cyrsync_host, which a process of Cyrus
 * writes over its own mailbox code. They are called by the thread that called the client, one at a
 * time for one client, and from no other thread; clients that share a table and are used by
 * several threads call it from all of them. They may call Cyrus as they like, and wait; of this
 * library they may call cyrsync_failure_set(), what they were given to emit with, and
 * cyrsync_client_cancel(), _finish() and _nudge(). One user's mailboxes are opened one or more at
 * a time and closed in any order. What they are given is borrowed for the call, as is what they
 * emit. The channel's sync log and the files that ask for users to be skipped are read by the
 * library still, below configdirectory.
 */


#ifndef CYRSYNC_H
#define CYRSYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
/**
 * Initial value of a structure: its size, and all else 0.
 */
#define CYRSYNC_SIZED_INIT(type) {sizeof(type)}
/**
 * Initial value of a cyrsync_host: its size and version, and no function.
 */
#define CYRSYNC_HOST_INIT {sizeof(cyrsync_host), CYRSYNC_HOST_VERSION}
#else
/**
 * Initial value of a structure: its size, and all else 0.
 */
#define CYRSYNC_SIZED_INIT(type) {.size = sizeof(type)}
/**
 * Initial value of a cyrsync_host: its size and version, and no function.
 */
#define CYRSYNC_HOST_INIT {.size = sizeof(cyrsync_host), .version = CYRSYNC_HOST_VERSION}
#endif

/**
 * Initial value of a cyrsync_entry: its size, and all else 0.
 */
#define CYRSYNC_ENTRY_INIT CYRSYNC_SIZED_INIT(cyrsync_entry)

/**
 * Initial value of a cyrsync_former_name: its size, and all else 0.
 */
#define CYRSYNC_FORMER_NAME_INIT CYRSYNC_SIZED_INIT(cyrsync_former_name)

/**
 * Initial value of a cyrsync_record: its size, and all else 0.
 */
#define CYRSYNC_RECORD_INIT CYRSYNC_SIZED_INIT(cyrsync_record)

/**
 * Initial value of a cyrsync_annotation: its size, and all else 0.
 */
#define CYRSYNC_ANNOTATION_INIT CYRSYNC_SIZED_INIT(cyrsync_annotation)

/**
 * Initial value of a cyrsync_seen: its size, and all else 0.
 */
#define CYRSYNC_SEEN_INIT CYRSYNC_SIZED_INIT(cyrsync_seen)

/**
 * Initial value of a cyrsync_quota: its size, and all else 0.
 */
#define CYRSYNC_QUOTA_INIT CYRSYNC_SIZED_INIT(cyrsync_quota)

/**
 * Initial value of a cyrsync_sieve: its size, and all else 0.
 */
#define CYRSYNC_SIEVE_INIT CYRSYNC_SIZED_INIT(cyrsync_sieve)

/**
 * Initial value of a cyrsync_report: its size, and all else 0.
 */
#define CYRSYNC_REPORT_INIT CYRSYNC_SIZED_INIT(cyrsync_report)

/**
 * Initial value of a cyrsync_verified: its size, and all else 0.
 */
#define CYRSYNC_VERIFIED_INIT CYRSYNC_SIZED_INIT(cyrsync_verified)

/**
 * Initial value of a cyrsync_counters: its size, and all else 0.
 */
#define CYRSYNC_COUNTERS_INIT CYRSYNC_SIZED_INIT(cyrsync_counters)

/**
 * Initial value of a cyrsync_progress: its size, and all else 0.
 */
#define CYRSYNC_PROGRESS_INIT CYRSYNC_SIZED_INIT(cyrsync_progress)

/**
 * Initial value of a cyrsync_rolling: its size, and all else 0.
 */
#define CYRSYNC_ROLLING_INIT CYRSYNC_SIZED_INIT(cyrsync_rolling)


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
 * Show the traffic with the messages in it (sync_client -v -v -v).
 */
#define CYRSYNC_FLAG_WHOLE_MESSAGES 32

/**
 * Let repairs do to this server what they otherwise refuse, and delete on the replica what is only
 * missing here (sync_client --allow-repair all).
 */
#define CYRSYNC_FLAG_ALLOW_REPAIR 64

/**
 * Change this server even if sync_no_copyback says not to (sync_client --copyback).
 */
#define CYRSYNC_FLAG_COPYBACK 128

/**
 * The layout of the structures of the host store in this header, for cyrsync_host.version.
 */
#define CYRSYNC_HOST_VERSION 1

/**
 * How many kinds of resources a quota root limits.
 */
#define CYRSYNC_QUOTA_RESOURCES 4

/**
 * How a call ended: for branching. Numbers never change their meaning; new ones may come, so
 * do not rely on having seen them all. Families: 1xx the call was wrong; 2xx this server's
 * configuration or mail store; 3xx reaching the replica; 4xx the protocol; 5xx how replication
 * of a user or mailbox ended; 9xx a bug of the library.
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
     * This server's own sync_server (or the host), through which a repair writes, cannot be
     * started, failed or refused. The replica has no part in it.
     */
    CYRSYNC_RESULT_OWN_SERVER = 206,
    /**
     * The host, the program that supplies the mail store, gave something that cannot be.
     */
    CYRSYNC_RESULT_HOST = 207,
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
    /**
     * A bug in the library: something happened that cannot be. The client can be used further.
     */
    CYRSYNC_RESULT_INTERNAL = 901,
} cyrsync_result;

/**
 * What an error is about.
 */
typedef enum cyrsync_subject {
    /**
     * Nothing that could be named.
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
 * What cyrsync_config_check() looks at, in this order. New ones may come.
 */
typedef enum cyrsync_topic {
    /**
     * Whether imapd.conf and what it includes can be read, and every value be used.
     */
    CYRSYNC_TOPIC_CONFIGURATION = 1,
    /**
     * Whether names of options are written right, and as they are called now.
     */
    CYRSYNC_TOPIC_OPTIONS = 2,
    /**
     * What "cyr_info conf-lint" will report as unknown.
     */
    CYRSYNC_TOPIC_CONF_LINT = 3,
    /**
     * Whether the process runs as the cyrus user.
     */
    CYRSYNC_TOPIC_USER = 4,
    /**
     * Whether partitions are there and readable, and mailboxes lie on them.
     */
    CYRSYNC_TOPIC_SPOOL = 5,
    /**
     * Whether the databases of the mail store can be read.
     */
    CYRSYNC_TOPIC_DATABASES = 6,
    /**
     * Whether there is a program through which a repair can write to the master.
     */
    CYRSYNC_TOPIC_OWN_SERVER = 7,
    /**
     * Whether Cyrus's daemons log what they change.
     */
    CYRSYNC_TOPIC_SYNC_LOG = 8,
    /**
     * Whether the channel is one that they log to.
     */
    CYRSYNC_TOPIC_CHANNEL = 9,
    /**
     * Whether the log can be taken over.
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
     * Whether the replica answers, and what it is.
     */
    CYRSYNC_TOPIC_CONNECTION = 13,
    /**
     * Whether the connection is encrypted.
     */
    CYRSYNC_TOPIC_TLS = 14,
    /**
     * Whether the replica's certificate is to be trusted, and for how long.
     */
    CYRSYNC_TOPIC_CERTIFICATE = 15,
    /**
     * How to log in.
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
     * Which Cyrus the replica is.
     */
    CYRSYNC_TOPIC_VERSION = 19,
    /**
     * What the replica offers.
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
     * How far the clocks of master and replica are apart.
     */
    CYRSYNC_TOPIC_CLOCKS = 23,
} cyrsync_topic;

/**
 * What cyrsync_config_check() found of a topic.
 */
typedef enum cyrsync_verdict {
    /**
     * It is as it should be.
     */
    CYRSYNC_VERDICT_OK = 1,
    /**
     * Replication works, but somebody should look at this.
     */
    CYRSYNC_VERDICT_WARN = 2,
    /**
     * Replication will fail, or do less than it should.
     */
    CYRSYNC_VERDICT_FAIL = 3,
    /**
     * It was not looked at.
     */
    CYRSYNC_VERDICT_SKIPPED = 4,
} cyrsync_verdict;

/**
 * What a verification found of something.
 */
typedef enum cyrsync_found {
    /**
     * A field differs.
     */
    CYRSYNC_FOUND_DIFFERENT = 1,
    /**
     * A field differs, for replication has not come to it yet.
     */
    CYRSYNC_FOUND_PENDING = 2,
    /**
     * More fields differ than are listed one by one: line says how many.
     */
    CYRSYNC_FOUND_MORE = 3,
    /**
     * A mailbox is equal on both sides.
     */
    CYRSYNC_FOUND_EQUAL = 4,
    /**
     * Something could not be compared: line says why.
     */
    CYRSYNC_FOUND_UNKNOWN = 5,
} cyrsync_found;

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
    /**
     * As CYRSYNC_ROLLED_ONCE, but somebody else was at work on a part of it, which was put back to
     * the log; nothing failed.
     */
    CYRSYNC_ROLLED_ONCE_DEFERRED = 7,
} cyrsync_rolled;

/**
 * How bad it is; the numbers are the exit statuses of a monitoring plugin.
 */
typedef enum cyrsync_level {
    /**
     * Nothing is wrong.
     */
    CYRSYNC_LEVEL_OK = 0,
    /**
     * Somebody should look at it by day.
     */
    CYRSYNC_LEVEL_WARNING = 1,
    /**
     * Somebody should look at it now.
     */
    CYRSYNC_LEVEL_CRITICAL = 2,
    /**
     * It cannot be found out.
     */
    CYRSYNC_LEVEL_UNKNOWN = 3,
} cyrsync_level;

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
 * Where a function of the host says why it failed. It lives for that function's call.
 */
typedef struct cyrsync_failure cyrsync_failure;

/**
 * What the replication of a channel is at. Free it with cyrsync_status_free().
 */
typedef struct cyrsync_status cyrsync_status;

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
 * Takes what crosses the wire, in clear: before compression and encryption, credentials left out.
 * "[2301 bytes]" stands for a message, unless CYRSYNC_FLAG_WHOLE_MESSAGES holds. It was sent to
 * the replica, or else received from it. The bytes are borrowed for the call.
 */
typedef void (*cyrsync_traffic_callback)(void *userdata, bool sent, struct cyrsync_str bytes);

/**
 * Hears that there is no connection to the server, why, and after how many seconds it is tried
 * again. Error and name are borrowed for the call.
 */
typedef void (*cyrsync_unreachable_callback)(void *userdata,
                                             const struct cyrsync_error *error,
                                             struct cyrsync_str server,
                                             uint64_t pause);

/**
 * Receives entries of a sync log that could not be replicated ("MAILBOX user.fred") and why. Each
 * failure is one of the error's parts, if it has parts. Entries and error are borrowed for the
 * call.
 */
typedef void (*cyrsync_undone_callback)(void *userdata,
                                        const struct cyrsync_str *entries,
                                        size_t count,
                                        const struct cyrsync_error *error);

/**
 * A name that a mailbox had before (name_history of mbentry_t).
 */
typedef struct cyrsync_former_name {
    /**
     * sizeof(cyrsync_former_name): CYRSYNC_FORMER_NAME_INIT sets it.
     */
    size_t size;
    /**
     * The former internal name.
     */
    struct cyrsync_str name;
    /**
     * The partition that it was on.
     */
    struct cyrsync_str partition;
    /**
     * When it was given up, in seconds since 1970.
     */
    int64_t mtime;
    /**
     * Modseq of the folder then.
     */
    uint64_t foldermodseq;
    /**
     * UIDVALIDITY then.
     */
    uint32_t uidvalidity;
} cyrsync_former_name;

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
    struct cyrsync_str name;
    /**
     * Stays through renames.
     */
    struct cyrsync_str uniqueid;
    /**
     * Empty in tombstones and intermediates.
     */
    struct cyrsync_str partition;
    /**
     * The server it lies on where that is another one, else empty.
     */
    struct cyrsync_str server;
    /**
     * Access control list as stored: identifier, tab, rights, tab, and so on.
     */
    struct cyrsync_str acl;
    /**
     * Kind and flags: the MBTYPE_ bits of Cyrus's mboxlist.h, MBTYPE_LEGACY_DIRS included.
     */
    uint32_t mbtype;
    /**
     * UIDVALIDITY.
     */
    uint32_t uidvalidity;
    /**
     * Modseq at creation.
     */
    uint64_t createdmodseq;
    /**
     * Modseq of the last change of name, ACL or existence.
     */
    uint64_t foldermodseq;
    /**
     * When the entry was written, in seconds since 1970.
     */
    int64_t mtime;
    /**
     * Names it had before, newest first. Asked for by uniqueid only.
     */
    const struct cyrsync_former_name *former_names;
    /**
     * How many.
     */
    size_t former_name_count;
    /**
     * Empty, or why this entry cannot be read: then only name counts of the rest.
     */
    struct cyrsync_str unreadable;
    /**
     * Id by which JMAP knows it, since Cyrus 3.13; else empty.
     */
    struct cyrsync_str jmapid;
} cyrsync_entry;

/**
 * Takes an entry. These functions answer with 0 for "go on"; else the host stops at once and
 * answers with what they gave. What is passed to them is borrowed for the call. They never call
 * the host.
 */
typedef int (*cyrsync_emit_entry)(void *sink, const struct cyrsync_entry *entry);

/**
 * The state of an open mailbox: entry, header and index header (struct mailbox). The library sets
 * all of it to zero, and size, before the host fills it.
 */
typedef struct cyrsync_mailbox_state {
    /**
     * How much of it the library knows: write no further.
     */
    size_t size;
    /**
     * Internal name.
     */
    struct cyrsync_str name;
    /**
     * uniqueid.
     */
    struct cyrsync_str uniqueid;
    /**
     * Partition.
     */
    struct cyrsync_str partition;
    /**
     * Access control list.
     */
    struct cyrsync_str acl;
    /**
     * The quota root that applies; empty if none does.
     */
    struct cyrsync_str quotaroot;
    /**
     * Names of the user flags by bit; empty where a bit is not used.
     */
    const struct cyrsync_str *flags;
    /**
     * How many, 128 at most.
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
     * Highest UID ever given.
     */
    uint32_t last_uid;
    /**
     * Last UID that the owner was told about.
     */
    uint32_t recentuid;
    /**
     * Records in the index, expunged ones included.
     */
    uint32_t num_records;
    /**
     * The sync CRC of the records that cyrus.index stores. If this and annot_crc are 0 there is
     * none: then the library computes both whenever it needs them.
     */
    uint32_t basic_crc;
    /**
     * The sync CRC of the annotations of messages that cyrus.index stores; 0 for none.
     */
    uint32_t annot_crc;
    /**
     * Highest modseq.
     */
    uint64_t highestmodseq;
    /**
     * Up to this modseq expunged records are forgotten.
     */
    uint64_t deletedmodseq;
    /**
     * Modseq at creation.
     */
    uint64_t createdmodseq;
    /**
     * Modseq of the entry in mailboxes.db.
     */
    uint64_t foldermodseq;
    /**
     * Highest modseq of its conversations (mailbox_get_xconvmodseq); has_xconvmodseq says
     * whether it has any.
     */
    uint64_t xconvmodseq;
    /**
     * Modseq of the owner's reverse ACLs (mboxname_readraclmodseq); 0 if not used.
     */
    uint64_t raclmodseq;
    /**
     * When recentuid was told, in seconds since 1970, as all that follow.
     */
    int64_t recenttime;
    /**
     * Last append.
     */
    int64_t last_appenddate;
    /**
     * Last POP3 login.
     */
    int64_t pop3_last_login;
    /**
     * POP3 clients see messages from then on.
     */
    int64_t pop3_show_after;
    /**
     * Not 0: the mailbox has conversations.
     */
    uint8_t has_xconvmodseq;
    /**
     * Empty, or why the parts of this mailbox may not belong together (cyrus.header of another
     * mailbox, say): then it is replicated as it is but never repaired.
     */
    struct cyrsync_str inconsistency;
    /**
     * Records that are not expunged, as the index header counts them; has_exists says whether the
     * host tells it. A mailbox with fewer of them fails.
     */
    uint32_t exists;
    /**
     * Not 0: exists is set.
     */
    uint8_t has_exists;
    /**
     * Not 0: its owner's messages have short ids in JMAP (USER_COMPACT_EMAILIDS, since Cyrus
     * 3.13).
     */
    uint8_t compact_emailids;
    /**
     * Not 0: this server has groups of users, and usergroups is set.
     */
    uint8_t knows_usergroups;
    /**
     * The groups that its owner is in, joined by tabs; empty for none
     * (mboxlist_lookup_usergroups, since Cyrus 3.12).
     */
    struct cyrsync_str usergroups;
    /**
     * Id by which JMAP knows it (mailbox_jmapid, since Cyrus 3.13); else empty.
     */
    struct cyrsync_str jmapid;
} cyrsync_mailbox_state;

/**
 * A message as cyrus.index holds it (struct index_record).
 */
typedef struct cyrsync_record {
    /**
     * sizeof(cyrsync_record): CYRSYNC_RECORD_INIT sets it.
     */
    size_t size;
    /**
     * Number of the message in its mailbox.
     */
    uint32_t uid;
    /**
     * Size of the message file in bytes.
     */
    uint64_t message_size;
    /**
     * When the message arrived, in seconds since 1970.
     */
    int64_t internaldate;
    /**
     * When the record last changed.
     */
    int64_t last_updated;
    /**
     * Last change of flags or existence.
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
     * Bit i of word i/32 is for the i-th name of the mailbox's flags.
     */
    uint32_t user_flags[4];
    /**
     * SHA-1 of the message file.
     */
    uint8_t guid[20];
    /**
     * When the message was put into this mailbox; 0 if not known.
     */
    int64_t savedate;
    /**
     * Modseq at creation; 0 if not known.
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
     * Nanoseconds of internaldate (index version 20 on); 0 if not known.
     */
    uint32_t internaldate_nsec;
} cyrsync_record;

/**
 * Takes a record.
 */
typedef int (*cyrsync_emit_record)(void *sink, const struct cyrsync_record *record);

/**
 * An annotation of server, mailbox or message.
 */
typedef struct cyrsync_annotation {
    /**
     * sizeof(cyrsync_annotation): CYRSYNC_ANNOTATION_INIT sets it.
     */
    size_t size;
    /**
     * Such as "/comment".
     */
    struct cyrsync_str entry;
    /**
     * Whose private value it is; empty for the shared value.
     */
    struct cyrsync_str userid;
    /**
     * The value.
     */
    struct cyrsync_str value;
    /**
     * When it last changed; 0 if not known.
     */
    uint64_t modseq;
} cyrsync_annotation;

/**
 * Takes an annotation.
 */
typedef int (*cyrsync_emit_annotation)(void *sink, const struct cyrsync_annotation *annotation);

/**
 * Where the file of a message is. The library sets size, fd to -1, and the rest to nothing before.
 */
typedef struct cyrsync_message_file {
    /**
     * How much of it the library knows: write no further.
     */
    size_t size;
    /**
     * The file, open for reading at its beginning. The library closes it. -1 to have content taken
     * or path opened.
     */
    int fd;
    /**
     * Its path: opened if there is neither fd nor content, else for messages about it only, and
     * may be empty. Borrowed until the next call for the same mailbox.
     */
    struct cyrsync_str path;
    /**
     * The message itself, where it is in no file; else empty. Borrowed like path, and copied.
     */
    struct cyrsync_str content;
} cyrsync_message_file;

/**
 * Takes a name, or a piece of a text.
 */
typedef int (*cyrsync_emit_str)(void *sink, struct cyrsync_str text);

/**
 * What a user has seen of a mailbox (struct seendata).
 */
typedef struct cyrsync_seen {
    /**
     * sizeof(cyrsync_seen): CYRSYNC_SEEN_INIT sets it.
     */
    size_t size;
    /**
     * The uniqueid of the mailbox.
     */
    struct cyrsync_str uniqueid;
    /**
     * The seen messages as an IMAP sequence: "1:5,7".
     */
    struct cyrsync_str seenuids;
    /**
     * Highest UID that the user has seen as recent.
     */
    uint32_t lastuid;
    /**
     * When the user last read it, in seconds since 1970.
     */
    int64_t lastread;
    /**
     * When the list last changed.
     */
    int64_t lastchange;
} cyrsync_seen;

/**
 * Takes seen state.
 */
typedef int (*cyrsync_emit_seen)(void *sink, const struct cyrsync_seen *seen);

/**
 * The limits of a quota root (struct quota).
 */
typedef struct cyrsync_quota {
    /**
     * sizeof(cyrsync_quota): CYRSYNC_QUOTA_INIT sets it.
     */
    size_t size;
    /**
     * The root, an internal mailbox name.
     */
    struct cyrsync_str root;
    /**
     * By Cyrus's numbers of resources (STORAGE, MESSAGE, X-ANNOTATION-STORAGE, X-NUM-FOLDERS), in
     * its units; -1 for no limit.
     */
    int64_t limits[CYRSYNC_QUOTA_RESOURCES];
    /**
     * When the limits last changed.
     */
    uint64_t modseq;
} cyrsync_quota;

/**
 * Takes a quota root.
 */
typedef int (*cyrsync_emit_quota)(void *sink, const struct cyrsync_quota *quota);

/**
 * A Sieve script without its content (struct sync_sieve).
 */
typedef struct cyrsync_sieve {
    /**
     * sizeof(cyrsync_sieve): CYRSYNC_SIEVE_INIT sets it.
     */
    size_t size;
    /**
     * File name with extension, such as "main.script". The active script has a second entry,
     * "main.bc", without time and GUID: it alone is marked active.
     */
    struct cyrsync_str name;
    /**
     * SHA-1 of its content.
     */
    uint8_t guid[20];
    /**
     * Not 0: it is the bytecode of the active one.
     */
    uint8_t active;
    /**
     * When it was last changed, in seconds since 1970.
     */
    int64_t last_update;
} cyrsync_sieve;

/**
 * Takes a Sieve script.
 */
typedef int (*cyrsync_emit_sieve)(void *sink, const struct cyrsync_sieve *sieve);

/**
 * The data of the master as a host supplies it: see "The host store" at the head of this header.
 * Begin with CYRSYNC_HOST_INIT, then set the functions. Those that may be NULL say so. Each
 * answers with CYRSYNC_RESULT_OK, with what an emit function gave, or with one of NULL_POINTER to
 * NOT_FOUND, LOCKED to CANCELLED; of a failure cyrsync_failure_set() may tell more.
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
     * Given to every function of this table.
     */
    void *userdata;
    /**
     * Gives userdata back when nobody uses it any more. May be NULL.
     */
    cyrsync_destroy_callback destroy;
    /**
     * Emits the entry of a name, if there is one: tombstones, intermediates and reserved ones
     * too (mboxlist_lookup_allow_all).
     */
    int (*lookup)(void *userdata,
                  struct cyrsync_str name,
                  cyrsync_emit_entry emit,
                  void *sink,
                  struct cyrsync_failure *failure);
    /**
     * Emits the entry with a uniqueid, if there is one, with its former names
     * (mboxlist_lookup_by_uniqueid).
     */
    int (*lookup_by_id)(void *userdata,
                        struct cyrsync_str uniqueid,
                        cyrsync_emit_entry emit,
                        void *sink,
                        struct cyrsync_failure *failure);
    /**
     * Emits all mailboxes of a user, INBOX first, deleted ones ("DELETED.user.fred...") and
     * intermediates too, no tombstones (mboxlist_usermboxtree with MBOXTREE_DELETED).
     */
    int (*list_user)(void *userdata,
                     struct cyrsync_str userid,
                     cyrsync_emit_entry emit,
                     void *sink,
                     struct cyrsync_failure *failure);
    /**
     * Emits every mailbox whose name begins with prefix, tombstones too, no intermediates
     * (mboxlist_allmbox with MBOXTREE_TOMBSTONES). What cannot be read is passed over and
     * answered with CYRSYNC_RESULT_CORRUPT at the end.
     */
    int (*list)(void *userdata,
                struct cyrsync_str prefix,
                cyrsync_emit_entry emit,
                void *sink,
                struct cyrsync_failure *failure);
    /**
     * Excludes whoever else replicates the user (userid empty: shared mailboxes) to the same
     * server (sync_lock of sync_support.c: the name lock "*S*server*userid"). Waits for
     * wait_ms milliseconds, for ever if that is negative; CYRSYNC_RESULT_LOCKED if it is not
     * free then. *lock is what sync_unlock is called with; NULL is fine.
     */
    int (*sync_lock)(void *userdata,
                     struct cyrsync_str server,
                     struct cyrsync_str userid,
                     int64_t wait_ms,
                     void **lock,
                     struct cyrsync_failure *failure);
    /**
     * Releases it.
     */
    void (*sync_unlock)(void *userdata, void *lock);
    /**
     * Opens a mailbox with its index locked for reading (mailbox_open_irl), waiting as
     * sync_lock does. CYRSYNC_RESULT_NOT_FOUND if it is not there, deleted, reserved, an
     * intermediate or on another server; CYRSYNC_RESULT_MOVED if it is on its way to one.
     * *mailbox is what the functions below are called with, and in the end close.
     */
    int (*open)(void *userdata,
                struct cyrsync_str name,
                int64_t wait_ms,
                void **mailbox,
                struct cyrsync_failure *failure);
    /**
     * Tells the state of the mailbox, as it was when its index was locked. Called once, after
     * open. What *state points to is borrowed until the next call for the mailbox.
     */
    int (*state)(void *userdata,
                 void *mailbox,
                 struct cyrsync_mailbox_state *state,
                 struct cyrsync_failure *failure);
    /**
     * Emits the records with a UID of at least from_uid by ascending UID, expunged and unlinked
     * ones too: with from_uid 0 as many as num_records of the state says, or the mailbox fails.
     * That includes those without a UID (0), which fail it too, so that they are noticed.
     * since_modseq 0 is no bound: records with modseq 0, which an old Cyrus wrote, come too. The
     * library passes nothing else; a host may leave out what is not above another since_modseq.
     */
    int (*scan)(void *userdata,
                void *mailbox,
                uint32_t from_uid,
                uint64_t since_modseq,
                cyrsync_emit_record emit,
                void *sink,
                struct cyrsync_failure *failure);
    /**
     * Computes the sync CRCs from all records and annotations (mailbox_synccrcs with force). May
     * be NULL: then the library does, with scan and message_annotations.
     */
    int (*recompute_crcs)(void *userdata,
                          void *mailbox,
                          uint32_t *basic,
                          uint32_t *annot,
                          struct cyrsync_failure *failure);
    /**
     * Emits the annotations of the mailbox itself, in any order.
     */
    int (*mailbox_annotations)(void *userdata,
                               void *mailbox,
                               cyrsync_emit_annotation emit,
                               void *sink,
                               struct cyrsync_failure *failure);
    /**
     * Emits the annotations that are stored for a message, in any order. Those that stand for
     * fields of its record (thrid, savedate, createdmodseq) are not among them.
     */
    int (*message_annotations)(void *userdata,
                               void *mailbox,
                               uint32_t uid,
                               cyrsync_emit_annotation emit,
                               void *sink,
                               struct cyrsync_failure *failure);
    /**
     * Tells where the file of a message is (mailbox_record_fname). The library opens it and
     * compares its size with the record's. Also called after unlock_index.
     */
    int (*message_file)(void *userdata,
                        void *mailbox,
                        const struct cyrsync_record *record,
                        struct cyrsync_message_file *file,
                        struct cyrsync_failure *failure);
    /**
     * Lets others write to the mailbox again, but keeps message files from being unlinked until
     * close (mailbox_unlock_index). Then only message_file and close follow.
     */
    void (*unlock_index)(void *userdata, void *mailbox);
    /**
     * Closes the mailbox and releases its locks. Always called for what open gave.
     */
    void (*close)(void *userdata, void *mailbox);
    /**
     * Emits the annotations of a mailbox without opening it, or those of the server if name is
     * empty.
     */
    int (*annotations)(void *userdata,
                       struct cyrsync_str name,
                       cyrsync_emit_annotation emit,
                       void *sink,
                       struct cyrsync_failure *failure);
    /**
     * Emits the internal names that a user is subscribed to, in the order of the database
     * (mboxlist_sublist).
     */
    int (*subscriptions)(void *userdata,
                         struct cyrsync_str userid,
                         cyrsync_emit_str emit,
                         void *sink,
                         struct cyrsync_failure *failure);
    /**
     * Emits the seen state of a user (seen_foreach).
     */
    int (*seen)(void *userdata,
                struct cyrsync_str userid,
                cyrsync_emit_seen emit,
                void *sink,
                struct cyrsync_failure *failure);
    /**
     * Emits the limits of a quota root, if it is one (quota_read).
     */
    int (*quota)(void *userdata,
                 struct cyrsync_str root,
                 cyrsync_emit_quota emit,
                 void *sink,
                 struct cyrsync_failure *failure);
    /**
     * Emits the Sieve scripts of a user, in any order (sync_sieve_list_generate).
     */
    int (*sieve_scripts)(void *userdata,
                         struct cyrsync_str userid,
                         cyrsync_emit_sieve emit,
                         void *sink,
                         struct cyrsync_failure *failure);
    /**
     * Emits the content of one of them, in pieces of any size.
     */
    int (*sieve_content)(void *userdata,
                         struct cyrsync_str userid,
                         struct cyrsync_str name,
                         cyrsync_emit_str emit,
                         void *sink,
                         struct cyrsync_failure *failure);
    /**
     * Tells the highest modseq that the owner of a mailbox has anywhere; 0 if each mailbox has
     * its own (mboxname_readmodseq).
     */
    int (*used_modseq)(void *userdata,
                       struct cyrsync_str name,
                       uint64_t *modseq,
                       struct cyrsync_failure *failure);
    /**
     * Tells the modseq of the reverse ACLs of the user whose INBOX it is; 0 for other mailboxes
     * and if they are not used (mboxname_readraclmodseq).
     */
    int (*raclmodseq)(void *userdata,
                      struct cyrsync_str name,
                      uint64_t *modseq,
                      struct cyrsync_failure *failure);
    /**
     * Writes to the master, when a repair must. Command is what a sync server would be sent, as
     * one text with all its message literals and its CRLF: "APPLY RESERVE %(...)",
     * "APPLY MESSAGE (%{default 3f... 512}CRLF...)", "APPLY MAILBOX %(...)", "RESTART". Verb is
     * its first word, body what follows it after a space: what dlist_parse() takes, for
     * sync_apply(). Emits the reply as that server would send it, in pieces of any size:
     * "* RESERVE (...)CRLF", then "OK success" or "NO IMAP_SYNC_CHANGED ...". A NO is no
     * failure of this function. Messages stay staged until RESTART. No mailbox is open
     * meanwhile, but sync locks are held. May be NULL: then a mailbox that must be repaired here
     * fails with CYRSYNC_RESULT_NEEDS_FULL_SYNC.
     */
    int (*apply)(void *userdata,
                 struct cyrsync_str verb,
                 struct cyrsync_str body,
                 struct cyrsync_str command,
                 cyrsync_emit_str emit,
                 void *sink,
                 struct cyrsync_failure *failure);
    /**
     * Writes that a mailbox was changed by apply to the sync logs of all channels but that of
     * the client, whose replica has it already. May be NULL: then the library does, to those that
     * the configuration names.
     */
    int (*log_change)(void *userdata, struct cyrsync_str name, struct cyrsync_failure *failure);
    /**
     * About how many bytes the list of mailboxes has (the size of mailboxes.db): as many mailboxes
     * may the replica tell of. May be NULL; then 24 MiB of them may, some thirty-five thousand of
     * a user.
     */
    uint64_t (*list_bytes)(void *userdata);
} cyrsync_host;

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
     * sizeof(cyrsync_report): CYRSYNC_REPORT_INIT sets it.
     */
    size_t size;
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
 * Receives a check: what was looked at, what was found, the topic in words ("name resolves"), what
 * was found in words, and what to do, empty if nothing. The texts are borrowed for the call.
 */
typedef void (*cyrsync_check_callback)(void *userdata,
                                       enum cyrsync_topic topic,
                                       enum cyrsync_verdict verdict,
                                       struct cyrsync_str name,
                                       struct cyrsync_str detail,
                                       struct cyrsync_str hint);

/**
 * What went over the present connection.
 */
typedef struct cyrsync_counters {
    /**
     * sizeof(cyrsync_counters): CYRSYNC_COUNTERS_INIT sets it.
     */
    size_t size;
    /**
     * Whether there is a connection: without one all else is 0.
     */
    bool connected;
    /**
     * Bytes of commands, before compression.
     */
    uint64_t sent;
    /**
     * Bytes of replies, after decompression.
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
 * Takes a userid, or the internal name of a mailbox. It is borrowed for the call.
 */
typedef void (*cyrsync_name_callback)(void *userdata, struct cyrsync_str name);

/**
 * Hears a step of a plan, as sync_client -v prints it ("MAILBOX user.fred"), and why it is needed,
 * if that is known ("HIGHESTMODSEQ is 12 here and 9 on the replica"). Both are borrowed for the
 * call.
 */
typedef void (*cyrsync_step_callback)(void *userdata,
                                      struct cyrsync_str step,
                                      struct cyrsync_str why);

/**
 * One thing that a verification found. Everything in it is borrowed for the call that tells it.
 */
typedef struct cyrsync_finding {
    /**
     * sizeof(cyrsync_finding) of the library: it may be larger than the program's.
     */
    size_t size;
    /**
     * What was found.
     */
    enum cyrsync_found found;
    /**
     * What it was found of: "UID 7 of user.fred".
     */
    struct cyrsync_str subject;
    /**
     * The field that differs, as it is called on the wire: "FLAGS". "MAILBOX" and "RECORD" stand
     * for a mailbox or message that only one side has, "FILE" for a message file.
     */
    struct cyrsync_str field;
    /**
     * The master's value; data is NULL if it has none.
     */
    struct cyrsync_str master;
    /**
     * The replica's value; data is NULL if it has none.
     */
    struct cyrsync_str replica;
    /**
     * The line that sync_client --verify prints of it.
     */
    struct cyrsync_str line;
    /**
     * All of it as a JSON object.
     */
    struct cyrsync_str json;
} cyrsync_finding;

/**
 * Takes what a verification found. It is borrowed for the call.
 */
typedef void (*cyrsync_finding_callback)(void *userdata, const struct cyrsync_finding *finding);

/**
 * How much a verification compared, and what it found.
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
     * Fields that differ because replication has not come to them yet.
     */
    uint64_t pending;
    /**
     * Users, mailboxes and other things that could not be compared.
     */
    uint64_t unknown;
    /**
     * Users whose data beside mailboxes was compared.
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
 * How cyrsync_client_roll() works. Begin with CYRSYNC_ROLLING_INIT, then set what is wanted.
 */
typedef struct cyrsync_rolling {
    /**
     * sizeof(cyrsync_rolling): CYRSYNC_ROLLING_INIT sets it.
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
     * Not 0: try to connect only once.
     */
    uint8_t connect_once;
    /**
     * Not 0: do only what is logged now.
     */
    uint8_t once;
} cyrsync_rolling;

/**
 * How far a client has got.
 */
typedef struct cyrsync_progress {
    /**
     * sizeof(cyrsync_progress): CYRSYNC_PROGRESS_INIT sets it.
     */
    size_t size;
    /**
     * Users whose replication ended, in whichever way, since the last call over several users or
     * mailboxes began.
     */
    uint64_t users;
    /**
     * Users that this call is about; 0 if that is not known.
     */
    uint64_t users_expected;
    /**
     * Mailboxes that are equal on both sides by now, since that call began.
     */
    uint64_t mailboxes;
    /**
     * Mailboxes that this call is about; 0 if that is not known.
     */
    uint64_t mailboxes_expected;
    /**
     * Messages that were sent and that the replica has confirmed, since the client was made.
     */
    uint64_t messages;
    /**
     * Bytes of these messages.
     */
    uint64_t bytes;
    /**
     * Mailboxes that were equal when they were looked at, since the client was made.
     */
    uint64_t mailboxes_there;
    /**
     * Messages that the replica had when their mailboxes were looked at, since the client was made;
     * not counted with a host store.
     */
    uint64_t messages_there;
} cyrsync_progress;

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
 * The result that came with the error; cyrsync_result::CYRSYNC_RESULT_OK for NULL.
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
 * What kind of thing the error is about.
 */
enum cyrsync_subject cyrsync_error_subject_kind(const struct cyrsync_error *error);

/**
 * The user that the error is about, as bytes; empty if it is about something else. Borrowed until
 * the error is freed, as is the mailbox.
 */
struct cyrsync_str cyrsync_error_user(const struct cyrsync_error *error);

/**
 * The mailbox that the error is about, or that its message is in, as bytes; empty if it is about
 * something else.
 */
struct cyrsync_str cyrsync_error_mailbox(const struct cyrsync_error *error);

/**
 * The UID of the message that the error is about; 0 if it is about something else.
 */
uint32_t cyrsync_error_uid(const struct cyrsync_error *error);

/**
 * How many failures the error is made of, each with a subject of its own: those of a user's
 * mailboxes, say. 0 if it is the only one.
 */
size_t cyrsync_error_part_count(const struct cyrsync_error *error);

/**
 * One of the failures that the error is made of, from 0; NULL if there is no such one. It belongs
 * to the error and must not be freed.
 */
const struct cyrsync_error *cyrsync_error_part(const struct cyrsync_error *error,
                                               size_t index);

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
 * Reads a configuration that is in memory: the text of an imapd.conf, "configdirectory: /var/imap"
 * at the least. The rest can be set by cyrsync_config_set(). Only a client with a host store can
 * repair mailboxes with such a configuration. *out is set on success.
 */
enum cyrsync_result cyrsync_config_parse(struct cyrsync_str text,
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
 * Sets how many bytes a second a client sends at most, over all its connections together
 * (sync_client --bwlimit): "10M", or "10M,08:00-18:00=1M" with other rates for times of the day, or
 * "off". If limit is empty it is sync_bwlimit of the channel again.
 */
enum cyrsync_result cyrsync_config_set_bwlimit(struct cyrsync_config *config,
                                               struct cyrsync_str limit,
                                               struct cyrsync_error **err);

/**
 * Leaves out users whose userids match pattern, and where mailboxes are replicated by themselves
 * those whose external names match (sync_client --exclude; cyrsync_client_match_users() says what
 * matches). Each call adds a pattern; if pattern is empty, nothing is left out any more. The action
 * callback receives what was left out, in one line at the end. What a sync log says cannot be left
 * out, for it would be lost: cyrsync_client_roll() and the functions that process or plan a log
 * fail with CYRSYNC_RESULT_INVALID_ARGUMENT.
 */
enum cyrsync_result cyrsync_config_exclude(struct cyrsync_config *config,
                                           struct cyrsync_str pattern,
                                           struct cyrsync_error **err);

/**
 * How long clients that are made from now on wait for locks of users and mailboxes, in
 * milliseconds; if negative, as at first, as long as it takes. What is locked for longer fails
 * with CYRSYNC_RESULT_LOCKED; cyrsync_client_roll() leaves it for later and goes on, and 200 is a
 * good value for it.
 */
enum cyrsync_result cyrsync_config_set_lock_patience(struct cyrsync_config *config,
                                                     int64_t milliseconds,
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
 * Who is shown the traffic of the clients that are made from now on, as sync_client -v -v shows
 * it; nobody if callback is NULL. As cyrsync_config_set_log() in all else.
 */
enum cyrsync_result cyrsync_config_set_traffic(struct cyrsync_config *config,
                                               cyrsync_traffic_callback callback,
                                               void *userdata,
                                               cyrsync_destroy_callback destroy,
                                               struct cyrsync_error **err);

/**
 * Who hears that the replica cannot be reached, from clients that are made from now on and try
 * again by themselves (cyrsync_client_roll()); nobody if callback is NULL. As
 * cyrsync_config_set_log() in all else.
 */
enum cyrsync_result cyrsync_config_set_unreachable(struct cyrsync_config *config,
                                                   cyrsync_unreachable_callback callback,
                                                   void *userdata,
                                                   cyrsync_destroy_callback destroy,
                                                   struct cyrsync_error **err);

/**
 * Frees a configuration. Clients that were made from it live on. NULL is fine.
 */
void cyrsync_config_free(struct cyrsync_config *config);

/**
 * Sets who receives what cyrsync_client_process_log(), cyrsync_client_checkpoint(),
 * cyrsync_client_plan() and cyrsync_client_roll() could not do, for clients created later; nobody
 * if callback is NULL. As cyrsync_config_set_log() in all else.
 */
enum cyrsync_result cyrsync_config_set_undone(struct cyrsync_config *config,
                                              cyrsync_undone_callback callback,
                                              void *userdata,
                                              cyrsync_destroy_callback destroy,
                                              struct cyrsync_error **err);

/**
 * Says what went wrong and, unless empty, what can be done about it. Both are copied; bytes that
 * are no UTF-8 are replaced. Counts only if the host's function then answers with a failure.
 */
void cyrsync_failure_set(struct cyrsync_failure *failure,
                         struct cyrsync_str detail,
                         struct cyrsync_str hint);

/**
 * Makes a client from a configuration, which stays the caller's. Nothing is sent yet. *out is
 * set on success.
 */
enum cyrsync_result cyrsync_client_new(const struct cyrsync_config *config,
                                       struct cyrsync_client **out,
                                       struct cyrsync_error **err);

/**
 * Makes a client that asks host for the data of the master instead of reading the mail store:
 * see "The host store" at the head of this header. The table is copied; its userdata is given
 * back by its destroy function once nobody uses it any more: at once if this call fails.
 */
enum cyrsync_result cyrsync_client_new_with_host(const struct cyrsync_config *config,
                                                 const struct cyrsync_host *host,
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
 * Looks whether a configuration will do, as sync_client --check-config: from what is in it to the
 * rights on the replica. Callback, unless NULL, receives each check as soon as it is made, in the
 * order of cyrsync_topic, each topic once; what cannot be looked at because something before it
 * failed is CYRSYNC_VERDICT_SKIPPED. Nothing is changed, here or on the replica. The call returns
 * CYRSYNC_RESULT_OK whatever was found, and sets *failed, unless NULL, to how many checks failed.
 * Each check takes a minute at the most. The mail store is read as by a client without a host store,
 * from threads of the library. The traffic callback of the configuration is shown what is
 * said to the replica; nothing else of it is called.
 */
enum cyrsync_result cyrsync_config_check(const struct cyrsync_config *config,
                                         cyrsync_check_callback callback,
                                         void *userdata,
                                         size_t *failed,
                                         struct cyrsync_error **err);

/**
 * Replicates what a user has seen of the mailbox with a uniqueid.
 */
enum cyrsync_result cyrsync_client_sync_seen(struct cyrsync_client *client,
                                             struct cyrsync_str user,
                                             struct cyrsync_str uniqueid,
                                             struct cyrsync_error **err);

/**
 * Replicates whether a user is subscribed to a mailbox.
 */
enum cyrsync_result cyrsync_client_sync_subscription(struct cyrsync_client *client,
                                                     struct cyrsync_str user,
                                                     struct cyrsync_str mailbox,
                                                     struct cyrsync_error **err);

/**
 * Replicates the limits of a quota root, or that it is none any more.
 */
enum cyrsync_result cyrsync_client_sync_quota(struct cyrsync_client *client,
                                              struct cyrsync_str root,
                                              struct cyrsync_error **err);

/**
 * Replicates the annotations of a mailbox without its messages, or those of the server if mailbox
 * is empty.
 */
enum cyrsync_result cyrsync_client_sync_annotations(struct cyrsync_client *client,
                                                    struct cyrsync_str mailbox,
                                                    struct cyrsync_error **err);

/**
 * Has the replica let go of the message files that it keeps for this connection.
 */
enum cyrsync_result cyrsync_client_restart(struct cyrsync_client *client,
                                           struct cyrsync_error **err);

/**
 * Tells what went over the present connection.
 */
enum cyrsync_result cyrsync_client_counters(struct cyrsync_client *client,
                                            struct cyrsync_counters *out,
                                            struct cyrsync_error **err);

/**
 * Gives the users who have an INBOX and whose userids match pattern to callback, in the order of
 * mailboxes.db, as sync_client -u does with a name that holds *, ? or [: * stands for any bytes,
 * separators included, ? for one, [a-z] for one of these, [!a-z] for any other. If a part of
 * mailboxes.db cannot be read, the call fails after it gave those that were found.
 */
enum cyrsync_result cyrsync_client_match_users(struct cyrsync_client *client,
                                               struct cyrsync_str pattern,
                                               cyrsync_name_callback callback,
                                               void *userdata,
                                               struct cyrsync_error **err);

/**
 * Gives the mailboxes whose external names match pattern, as an administrator types them, to
 * callback, by their internal names, as sync_client -m does. As cyrsync_client_match_users() in
 * all else.
 */
enum cyrsync_result cyrsync_client_match_mailboxes(struct cyrsync_client *client,
                                                   struct cyrsync_str pattern,
                                                   cyrsync_name_callback callback,
                                                   void *userdata,
                                                   struct cyrsync_error **err);

/**
 * Tells what cyrsync_client_process_log() would do with a log, and does none of it: the replica is
 * asked but told nothing, and nothing is written here. Locks are taken as they would be. Renames
 * and deletes are taken for done when what follows is planned, and a mailbox that would have to be
 * repaired is compared in full. Which message files would go is not known before it is done. *Undone, unless NULL, is set
 * to how many parts cannot be planned.
 */
enum cyrsync_result cyrsync_client_plan(struct cyrsync_client *client,
                                        struct cyrsync_str log,
                                        cyrsync_step_callback callback,
                                        void *userdata,
                                        size_t *undone,
                                        struct cyrsync_error **err);

/**
 * Tells what cyrsync_client_sync_all() would do, and does none of it, as cyrsync_client_plan().
 * Units hears how the planning of each part ended.
 */
enum cyrsync_result cyrsync_client_plan_all(struct cyrsync_client *client,
                                            struct cyrsync_str prefix,
                                            cyrsync_step_callback callback,
                                            cyrsync_unit_callback units,
                                            void *userdata,
                                            struct cyrsync_report *report,
                                            struct cyrsync_error **err);

/**
 * Tells what cyrsync_client_sync_user() would do, or with only_meta cyrsync_client_sync_meta(), and
 * does none of it, as cyrsync_client_plan().
 */
enum cyrsync_result cyrsync_client_plan_user(struct cyrsync_client *client,
                                             struct cyrsync_str user,
                                             bool only_meta,
                                             cyrsync_step_callback callback,
                                             void *userdata,
                                             struct cyrsync_error **err);

/**
 * Tells what cyrsync_client_sync_mailboxes() would do, and does none of it, as
 * cyrsync_client_plan().
 */
enum cyrsync_result cyrsync_client_plan_mailboxes(struct cyrsync_client *client,
                                                  const struct cyrsync_str *names,
                                                  size_t count,
                                                  cyrsync_step_callback callback,
                                                  void *userdata,
                                                  struct cyrsync_error **err);

/**
 * Tells what cyrsync_client_roll() would do with what is logged to the client's channel now, and
 * does none of it, as cyrsync_client_plan(). The logs stay as they are.
 */
enum cyrsync_result cyrsync_client_plan_channel(struct cyrsync_client *client,
                                                cyrsync_step_callback callback,
                                                void *userdata,
                                                size_t *undone,
                                                struct cyrsync_error **err);

/**
 * Sets who receives what verifications find, for clients created later; nobody if callback is
 * NULL. As cyrsync_config_set_log() in all else.
 */
enum cyrsync_result cyrsync_config_set_finding(struct cyrsync_config *config,
                                               cyrsync_finding_callback callback,
                                               void *userdata,
                                               cyrsync_destroy_callback destroy,
                                               struct cyrsync_error **err);

/**
 * Compares a user with all that belongs to it on both sides in full, and changes nothing: the
 * replica is only asked. What differs is given to the callback of cyrsync_config_set_finding().
 * What is empty, or "messages" to read all message files on both sides too, or "messages:10%" to
 * read some of them. Differences are no error; *verified, unless NULL, says what was found.
 */
enum cyrsync_result cyrsync_client_verify_user(struct cyrsync_client *client,
                                               struct cyrsync_str user,
                                               struct cyrsync_str what,
                                               struct cyrsync_verified *verified,
                                               struct cyrsync_error **err);

/**
 * Compares subscriptions, seen state and Sieve scripts of a user, as
 * cyrsync_client_verify_user().
 */
enum cyrsync_result cyrsync_client_verify_meta(struct cyrsync_client *client,
                                               struct cyrsync_str user,
                                               struct cyrsync_verified *verified,
                                               struct cyrsync_error **err);

/**
 * Compares mailboxes, by their internal names, as cyrsync_client_verify_user().
 */
enum cyrsync_result cyrsync_client_verify_mailboxes(struct cyrsync_client *client,
                                                    const struct cyrsync_str *names,
                                                    size_t count,
                                                    struct cyrsync_str what,
                                                    struct cyrsync_verified *verified,
                                                    struct cyrsync_error **err);

/**
 * Compares every user and every shared mailbox whose internal name begins with prefix, and
 * without one the server's annotations too, as cyrsync_client_verify_user().
 */
enum cyrsync_result cyrsync_client_verify_all(struct cyrsync_client *client,
                                              struct cyrsync_str prefix,
                                              struct cyrsync_str what,
                                              struct cyrsync_verified *verified,
                                              struct cyrsync_error **err);

/**
 * Replicates what Cyrus's programs write to the sync log of the client's channel, until asked to
 * stop. What fails stays in the log and is tried again after a growing pause; it is told to the
 * log callback and stops nothing else; what is locked too, after as long as
 * cyrsync_config_set_lock_patience() says. *Ended, unless NULL, is set to why it ended. Fails with
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
 * Does what a sync log in a file says, as sync_client -r -f does. The file stays as it is; all
 * else as cyrsync_client_process_log().
 */
enum cyrsync_result cyrsync_client_process_log_file(struct cyrsync_client *client,
                                                    struct cyrsync_str file,
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

/**
 * Finds out what the replication of the configuration's channel is at: from what the client says
 * that rolls, without one from the logs. Nothing is connected to, locked or changed. *out is set
 * on success.
 */
enum cyrsync_result cyrsync_status_read(const struct cyrsync_config *config,
                                        struct cyrsync_status **out,
                                        struct cyrsync_error **err);

/**
 * How bad it is now. From a lag of warn_lag seconds on it is a warning, from crit_lag on critical;
 * 0 for no such limit. cyrsync_level::CYRSYNC_LEVEL_UNKNOWN for NULL.
 */
enum cyrsync_level cyrsync_status_level(const struct cyrsync_status *status,
                                        uint64_t warn_lag,
                                        uint64_t crit_lag);

/**
 * How long the oldest change has waited that is not replicated yet, in seconds; 0 if there is
 * none, and for NULL.
 */
uint64_t cyrsync_status_lag(const struct cyrsync_status *status);

/**
 * How many entries of the log wait to be replicated; 0 for NULL.
 */
uint64_t cyrsync_status_backlog(const struct cyrsync_status *status);

/**
 * All that is known, as an object in JSON; docs/status.md describes it. Borrowed until the status
 * is freed; empty for NULL.
 */
struct cyrsync_str cyrsync_status_json(const struct cyrsync_status *status);

/**
 * Frees a status; NULL is allowed.
 */
void cyrsync_status_free(struct cyrsync_status *status);

/**
 * Tells how far a client has got. May be called from any thread at any time, while another call
 * of the same client works and from its callbacks too.
 */
enum cyrsync_result cyrsync_client_progress(const struct cyrsync_client *client,
                                            struct cyrsync_progress *out,
                                            struct cyrsync_error **err);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CYRSYNC_H */
