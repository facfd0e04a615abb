/* cyrsync: the client side of Cyrus IMAP replication.
 *
 * Generated; do not edit. docs/C-API.md is an introduction with an example.
 *
 * Words used in this header:
 * - The master is this server. The replica is the server that receives the data.
 * - Cyrus's programs write an entry to a sync log for each change.
 * - A channel is a name under which imapd.conf has the options for one replica (backup_sync_host
 *   for the channel "backup"). Each channel has its own sync log.
 * - The internal name of a mailbox is the one that Cyrus stores ("user.fred.Sent"). The external
 *   name is the one that an administrator types ("user/fred/Sent").
 * - An item is a user, a mailbox or an entry of a sync log whose outcome a call reports.
 * - A task is what cyrsync_client_roll() replicates and retries at once: one entry of the log, or
 *   several entries that belong together.
 * - A repair makes a mailbox equal again after both sides were changed independently. It may have
 *   to change the master too.
 * - A message file is staged if the replica has received it and keeps it until the client releases
 *   it or disconnects.
 * - A checkpoint replicates a change before a server confirms it to a user.
 * - Locked means that another process or client holds the lock of a user or mailbox, on the master
 *   or on the replica, or that an administrator excludes the user (a file skipuser-USER).
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
 * Arguments. A cyrsync_str is bytes: userids, names of mailboxes and partitions, paths, patterns,
 * the text of an imapd.conf and entries of a sync log need not be UTF-8. These texts must be UTF-8:
 * names and values of options, names of channels, servers, bandwidth limits and the argument "what"
 * of the functions that verify. If they are not, the call fails with
 * CYRSYNC_RESULT_INVALID_ARGUMENT. So does a call whose userid is empty. If the number of elements
 * of an array is 0, the array may be NULL. A size or number of elements that no memory can hold
 * causes CYRSYNC_RESULT_INVALID_ARGUMENT, too.
 *
 * Failed items. Two kinds of calls treat them differently:
 * - cyrsync_client_sync_user(), cyrsync_client_sync_mailboxes(), cyrsync_client_plan_user() and
 *   cyrsync_client_plan_mailboxes() return an error if one mailbox or other part of a user fails.
 *   The other parts are still replicated. The error has all failures as parts
 *   (cyrsync_error_part()). Its code is that of one part, chosen in this order: the first part
 *   that failed because of a concurrent change, such as CYRSYNC_RESULT_CHANGED; a part that was not
 *   locked and concerns more than one mailbox; a part that was not locked; any part. Whether it is
 *   retryable says nothing about the other parts, so ask each part.
 * - These functions return CYRSYNC_RESULT_OK although items failed or were locked:
 *   cyrsync_client_sync_all(), cyrsync_client_plan_all(), cyrsync_client_plan_log(),
 *   cyrsync_client_plan_roll(), cyrsync_client_process_log(), cyrsync_client_process_log_file(),
 *   cyrsync_client_checkpoint() and cyrsync_client_roll(). The item callback receives each failure.
 *   The members failed and locked of the report or result count them; those of cyrsync_roll_result
 *   only if "once" was set.
 * Other functions have only one item, and return its error. Two kinds of functions return
 * CYRSYNC_RESULT_OK although they found a difference or a problem: those whose names begin with
 * cyrsync_client_verify (see cyrsync_verify_totals), and cyrsync_config_check() (see its parameter
 * failed).
 *
 * Ownership. An object that a function writes to "out" belongs to the caller, who frees it with the
 * function whose name ends in _free. The _free functions accept NULL. Returned strings belong to
 * the object that they come from. Arguments are borrowed for the call: the library copies what it
 * needs later. A client copies what it needs of its configuration: a later change of the
 * configuration does not change an existing client.
 *
 * Userdata. cyrsync_callbacks and cyrsync_host have a pointer userdata and a function destroy that
 * releases userdata. The library calls destroy once for each call of cyrsync_config_set_callbacks()
 * or cyrsync_client_new_with_host() that received the table, whether the call succeeded or not:
 * - After a successful cyrsync_config_set_callbacks(), when neither the configuration nor a client
 *   made from it uses the table any more: in cyrsync_config_free(), cyrsync_client_free(), or a
 *   later cyrsync_config_set_callbacks(), whichever comes last.
 * - After a successful cyrsync_client_new_with_host(), in cyrsync_client_free() of this client.
 * - If the call fails, in this call. Exception: if the library cannot read the table, because its
 *   size is wrong or a member is set that the library does not know, it never calls destroy.
 * The thread that makes the named call also runs destroy, before the call returns. destroy must not
 * use the client or configuration of that call. If you pass the same userdata to several calls, as
 * for several clients of one host, destroy is called several times: then let destroy count, or set
 * destroy to NULL and release userdata yourself after the last client and the configuration are
 * freed.
 *
 * Structures. Each begins with its size, which a CYRSYNC_..._INIT sets:
 *
 *     cyrsync_report report = CYRSYNC_REPORT_INIT;
 *
 * Because of the size, a program and a library of different versions can work together:
 * - If the program's version of a structure lacks members that the library has, these members count
 *   as 0. Therefore use a CYRSYNC_..._INIT even if you set every member.
 * - If the program's version has members that the library lacks, the library ignores these members
 *   when it reads the structure, and sets them to 0 when it fills the structure. Exceptions are
 *   cyrsync_roll_options and cyrsync_callbacks: their members request something that the library
 *   could not do. If they are not 0, the call fails with CYRSYNC_RESULT_INVALID_ARGUMENT.
 * - A size that no version has causes CYRSYNC_RESULT_INVALID_ARGUMENT. The error names the
 *   structure or argument.
 * - In an array, the size of the first element is the distance between elements.
 * - In a structure that the library passes to a callback, the size is the size in the library. A
 *   later library has more members, and an earlier library has fewer.
 * - When a host fills a structure, it must not write beyond its size.
 * - A cyrsync_str has no size and never changes.
 *
 * Types of members. A structure that a program makes has only integers, pointers and strings: a yes
 * or no is an integer, in which 0 means no and every other value means yes. So every value that a
 * program stores is defined. bool and enumerations occur only in structures that the library makes
 * for a callback, and as arguments and results of functions. A time span has its unit in its name:
 * _ms or _s. A point in time is a number of seconds since 1970.
 *
 * Later versions may add values to an enumeration.
 *
 * Threads. Different threads may use different objects at the same time. While one thread changes a
 * configuration, no other thread may use it. A client may be used by different threads, but only by
 * one at a time: a second call returns CYRSYNC_RESULT_BUSY. While a thread frees an object, no
 * other thread and no signal handler may use this object in any function; the program must ensure
 * this. During a call a client may have several connections (sync_jobs in imapd.conf), each with
 * its own thread.
 *
 * These functions may be called while another call of the same client runs, from any thread, and
 * also from a callback or from a function of a host:
 * - cyrsync_client_cancel(), cyrsync_client_finish() and cyrsync_client_wake(), which may also be
 *   called from a signal handler;
 * - cyrsync_client_progress() and cyrsync_client_server();
 * - cyrsync_client_free(), which then returns CYRSYNC_RESULT_BUSY and frees nothing;
 * - the functions that have no client as an argument, such as cyrsync_str_from(), those for
 *   versions, results, errors and statuses, and cyrsync_log_append(). Exceptions are
 *   cyrsync_config_check() and the functions that make a client. Do not free an error that the
 *   library only lends to a callback.
 * A function of a host may also call cyrsync_failure_set() and the emit function that it received.
 * Every other function of the same client returns CYRSYNC_RESULT_BUSY. From the log callback, pass
 * an err that is not NULL, because with NULL the error would go to the log callback again. From a
 * callback or a function of a host do not call cyrsync_config_check(), do not make a client, and do
 * not use another client of the same mail store: they do not return CYRSYNC_RESULT_BUSY, but may
 * wait forever for locks that this call holds.
 *
 * Callbacks. A program gives the library one table of functions, a cyrsync_callbacks. The library
 * calls them during a call of the client, from the calling thread or from another thread of the
 * client. Two callbacks of one client may run at the same time, so protect the data that they share
 * (for example with a mutex). During cyrsync_config_check() the library calls only check and
 * traffic, one at a time, from the calling thread. Callbacks must return: they must not throw or
 * longjmp. "Threads" lists the functions that they may call.
 *
 * Waiting. cyrsync_client_connect() and the functions that replicate wait for network, disk and
 * locks. They wait at most sync_timeout of imapd.conf(5) for each answer of the replica. They wait
 * for Cyrus's locks as long as other processes hold them, unless cyrsync_config_set_lock_patience()
 * sets a limit. cyrsync_client_cancel() ends waits for the network, but not a wait for a lock.
 *
 * The process. The library installs no signal handlers, changes neither umask nor locale, never
 * exits, and writes to no log of its own. It prints nothing, with one exception: the message of a
 * panic goes to stderr. It starts one program: if this server must be changed and there is no host
 * store, it starts Cyrus's own sync_server. Repairs change this server, and so does the move of a
 * user's Sieve scripts into the mailbox #sieve; CYRSYNC_FLAG_NO_COPYBACK forbids both. The process
 * must run as the cyrus user. It must not fork without exec while a call runs, because the child
 * would keep the locks, and it must not use a client in a child process.
 *
 * Locks: read this before you link the library into a process of Cyrus. The library reads the mail
 * store under Cyrus's own locks. It takes them as open file description locks (F_OFD_SETLK); Cyrus
 * takes traditional locks (F_SETLK). Using both kinds within one process has two dangers. First, a
 * process loses a traditional lock as soon as it closes any descriptor of that file, and the
 * library opens and closes the same files. Second, a traditional lock of the process itself
 * conflicts with the library's lock, which then fails or waits forever. Therefore, while a call
 * runs, the process must not have mailboxes, databases or lock files of that mail store open by
 * other means. Call the library from a separate process, from a process that has closed these
 * files, or with a host store.
 *
 * The host store. A client of cyrsync_client_new_with_host() opens no file of the mail store and
 * takes none of its locks. Instead it calls the functions of a cyrsync_host, which a process of
 * Cyrus implements with its own mailbox code. That process is the host.
 *
 * The library calls the host's functions only from the thread that called the client, and one at a
 * time for one client. If several clients share a table and several threads use them, several
 * threads call its functions. The host's functions may call any function of Cyrus, and may wait.
 * "Threads" lists the functions of this library that they may call. The library may have several
 * mailboxes of one user open at a time, and closes them in any order. The arguments of the host's
 * functions, and the values that they emit, are borrowed for the call.
 *
 * With a host store the library still reads some files below configdirectory itself: the channel's
 * sync log, the files skipuser-USER beside it (with which an administrator excludes a user), and
 * the record of servers that have TLS. It also writes there: cyrsync_client_roll() changes the
 * channel's sync log, its lock, status file and metrics file; cyrsync_client_checkpoint() writes
 * the replication cache (sync_cache_db_path). The functions that replicate a log append the entries
 * of locked users and mailboxes to the channel's log, if the client has a channel. If log_change is
 * NULL, a repair writes to the sync logs of other channels.
 */

#ifndef CYRSYNC_H
#define CYRSYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Macros ------------------------------------------------------------------------------- */

/**
 * Marks the functions that the library exports. A program may define CYRSYNC_API before it includes
 * this header, to use another attribute.
 */
#ifndef CYRSYNC_API
#if defined(__GNUC__)
#define CYRSYNC_API __attribute__((__visibility__("default")))
#else
#define CYRSYNC_API
#endif
#endif

/**
 * Marks functions whose result a program must check: compilers warn if the result is ignored.
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
 * Marks functions that a later version has replaced. text names the replacement. The functions are
 * kept until the soname changes.
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
 * The major version of this header: X in version X.Y.Z.
 */
#define CYRSYNC_VERSION_MAJOR 0

/**
 * The minor version of this header: Y in version X.Y.Z.
 */
#define CYRSYNC_VERSION_MINOR 1

/**
 * The patch version of this header: Z in version X.Y.Z.
 */
#define CYRSYNC_VERSION_PATCH 0

/**
 * The version of this header as one number, 0x00MMmmpp: a byte each for the major, minor and patch
 * version. cyrsync_version_number() returns the version of the library in the same form.
 */
#define CYRSYNC_VERSION_NUMBER 256

/**
 * Returns the version of the library that the program runs with, as a number of the form
 * 0x00MMmmpp. Compare it with CYRSYNC_VERSION_NUMBER, the version that the program was compiled
 * with.
 */
CYRSYNC_API uint32_t cyrsync_version_number(void);

/**
 * Returns the version of the library that the program runs with, such as "0.1.0". The string is
 * static: it must not be freed.
 */
CYRSYNC_API const char *cyrsync_version_string(void);

/* ---- Strings ------------------------------------------------------------------------------ */

/**
 * A string of bytes with a length: a mailbox name, a path, a line of text. The structure does not
 * own the bytes. The bytes do not end with a zero byte and need not be UTF-8. If len is 0, data is
 * not read and may be NULL.
 */
typedef struct cyrsync_str {
    /**
     * Points to the first byte.
     */
    const char *data;
    /**
     * The number of bytes.
     */
    size_t len;
} cyrsync_str;

/**
 * Makes a cyrsync_str from a C string, without the zero byte at its end. The bytes are not copied:
 * the result is valid as long as text is valid.
 *
 * @param text  The C string. NULL gives an empty cyrsync_str.
 */
CYRSYNC_API cyrsync_str cyrsync_str_from(const char *text);

/* ---- Results and errors ------------------------------------------------------------------- */

/**
 * The result of a call. Numbers never change their meaning. Later versions may add numbers:
 * treat an unknown number as a failure. The first digit is the family: 1xx a wrong call; 2xx
 * this server's configuration or mail store; 3xx the connection to the replica; 4xx the
 * protocol; 5xx the replication of a user or mailbox; 9xx a bug in the library.
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
     * Another call uses the client: a call in another thread, or the call whose callback runs now.
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
     * The configuration or the mail store uses a format, type or layout that the library cannot
     * read.
     */
    CYRSYNC_RESULT_UNSUPPORTED = 204,
    /**
     * The user or mailbox is not on this server.
     */
    CYRSYNC_RESULT_NOT_FOUND = 205,
    /**
     * A repair had to write to this server, and failed. It writes through Cyrus's sync_server on
     * this server, or through the host's apply function. That program or function could not be
     * started, failed or refused. The replica is not the cause.
     */
    CYRSYNC_RESULT_OWN_SERVER = 206,
    /**
     * The host (the program that supplies the mail store: see cyrsync_host) gave impossible data.
     */
    CYRSYNC_RESULT_HOST = 207,
    /**
     * The client could not connect to the replica.
     */
    CYRSYNC_RESULT_CONNECT = 301,
    /**
     * The replica refused the credentials, or both sides have no login mechanism in common.
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
     * The connection could not be encrypted, or the replica's certificate is not trusted.
     */
    CYRSYNC_RESULT_TLS = 306,
    /**
     * The replica sent something that violates the protocol.
     */
    CYRSYNC_RESULT_PROTOCOL = 401,
    /**
     * The replica answered NO IMAP_PROTOCOL_ERROR: it did not understand a command.
     */
    CYRSYNC_RESULT_REPLICA_PROTOCOL = 402,
    /**
     * The replica answered NO IMAP_PROTOCOL_BAD_PARAMETERS: it refused the arguments of a command.
     */
    CYRSYNC_RESULT_REPLICA_BAD_PARAMETERS = 403,
    /**
     * The replica answered NO IMAP_MAILBOX_NOTSUPPORTED: it does not support this kind of mailbox.
     */
    CYRSYNC_RESULT_REPLICA_NOT_SUPPORTED = 404,
    /**
     * The replica answered NO IMAP_SYNC_BADSIEVE: the Sieve script does not compile there.
     */
    CYRSYNC_RESULT_REPLICA_BAD_SIEVE = 405,
    /**
     * The replica answered NO for another reason. cyrsync_error_detail() returns the reason.
     */
    CYRSYNC_RESULT_REPLICA_DENIED = 406,
    /**
     * Another process holds a lock, and did not release it within the time limit.
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
     * Master and replica were changed independently, and the repair that is needed is not allowed.
     */
    CYRSYNC_RESULT_NEEDS_FULL_SYNC = 504,
    /**
     * The call was cancelled, by cyrsync_client_cancel() or by the cancel callback.
     */
    CYRSYNC_RESULT_CANCELLED = 505,
    /**
     * The replica answered NO IMAP_INVALID_USER: there is no such user.
     */
    CYRSYNC_RESULT_REPLICA_NO_USER = 511,
    /**
     * The replica answered NO IMAP_MAILBOX_NONEXISTENT: there is no such mailbox.
     */
    CYRSYNC_RESULT_REPLICA_NO_MAILBOX = 512,
    /**
     * The replica answered NO IMAP_MAILBOX_LOCKED: another process there has locked the mailbox.
     */
    CYRSYNC_RESULT_REPLICA_LOCKED = 513,
    /**
     * The replica answered NO IMAP_MAILBOX_MOVED: the mailbox has another name or uniqueid there.
     */
    CYRSYNC_RESULT_REPLICA_MOVED = 514,
    /**
     * The replica answered NO IMAP_SYNC_CHECKSUM: after an update, its checksum of the mailbox
     * differs from this server's checksum.
     */
    CYRSYNC_RESULT_REPLICA_CHECKSUM = 515,
    /**
     * The replica answered NO IMAP_SYNC_CHANGED: the mailbox changed there since the client last
     * read its state.
     */
    CYRSYNC_RESULT_REPLICA_CHANGED = 516,
    /**
     * A bug in the library: it caught its own panic. The client can only be freed.
     */
    CYRSYNC_RESULT_PANIC = 900,
    /**
     * A bug in the library: it detected an impossible state. The client can still be used.
     */
    CYRSYNC_RESULT_INTERNAL = 901,
} cyrsync_result;

/**
 * The kind of object that an error is about.
 */
typedef enum cyrsync_subject_kind {
    /**
     * The error is not about a certain object.
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
     * Another object of replication: an entry of a sync log, or a quota root.
     */
    CYRSYNC_SUBJECT_ITEM = 5,
    /**
     * A file or directory of this server.
     */
    CYRSYNC_SUBJECT_PATH = 6,
    /**
     * A server, by its name in the configuration.
     */
    CYRSYNC_SUBJECT_SERVER = 7,
    /**
     * Another object, which only has a description: see cyrsync_error_subject().
     */
    CYRSYNC_SUBJECT_TEXT = 8,
} cyrsync_subject_kind;

/**
 * The details of a failed call. Free it with cyrsync_error_free().
 */
typedef struct cyrsync_error cyrsync_error;

/**
 * Returns the name of a result without the prefix CYRSYNC_RESULT_, such as "LOCKED". The string is
 * static: it must not be freed.
 *
 * @param result  The result. Any number is allowed; for an unknown number, "UNKNOWN" is returned.
 */
CYRSYNC_API const char *cyrsync_result_name(int result);

/**
 * Returns whether the same call may succeed later without any change by a person.
 *
 * @param result  The result. Any number is allowed; for an unknown number, false is returned.
 */
CYRSYNC_API bool cyrsync_result_is_retryable(int result);

/**
 * Returns the result code of the error, which is also what the failed call returned. A part has
 * its own code.
 *
 * @param error  The error. NULL gives CYRSYNC_RESULT_OK.
 */
CYRSYNC_API cyrsync_result cyrsync_error_code(const cyrsync_error *error);

/**
 * Returns the whole error in one line: the operation, its subject, the problem and the advice. The
 * text belongs to the error and is valid until the error is freed. This also applies to
 * cyrsync_error_op(), _subject(), _detail() and _hint().
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
 * Returns the subject of the operation as text: a path, user, mailbox, server or argument.
 *
 * @param error  The error. NULL gives an empty text.
 */
CYRSYNC_API const char *cyrsync_error_subject(const cyrsync_error *error);

/**
 * Returns a description of the problem, such as "Permission denied".
 *
 * @param error  The error. NULL gives an empty text.
 */
CYRSYNC_API const char *cyrsync_error_detail(const cyrsync_error *error);

/**
 * Returns what a person can do about the error. The text is empty if there is no advice.
 *
 * @param error  The error. NULL gives an empty text.
 */
CYRSYNC_API const char *cyrsync_error_hint(const cyrsync_error *error);

/**
 * Returns the kind of object that the error is about.
 *
 * @param error  The error. NULL gives CYRSYNC_SUBJECT_NONE.
 */
CYRSYNC_API cyrsync_subject_kind cyrsync_error_subject_kind(const cyrsync_error *error);

/**
 * Returns the userid that the error is about, as bytes. The string is empty if the error is not
 * about a user. The bytes belong to the error and are valid until the error is freed.
 *
 * @param error  The error. NULL gives an empty string.
 */
CYRSYNC_API cyrsync_str cyrsync_error_user(const cyrsync_error *error);

/**
 * Returns the internal name of the mailbox that the error is about, as bytes. If the error is
 * about a message, returns the message's mailbox. The string is empty if the error is about
 * something else. The bytes belong to the error and are valid until the error is freed.
 *
 * @param error  The error. NULL gives an empty string.
 */
CYRSYNC_API cyrsync_str cyrsync_error_mailbox(const cyrsync_error *error);

/**
 * Returns the UID of the message that the error is about, or 0 if the error is not about a
 * message.
 *
 * @param error  The error. NULL gives 0.
 */
CYRSYNC_API uint32_t cyrsync_error_uid(const cyrsync_error *error);

/**
 * Returns the error number of the operating system (errno) that caused the error, or 0 if the
 * cause was not an error of the operating system.
 *
 * @param error  The error. NULL gives 0.
 */
CYRSYNC_API int cyrsync_error_os_error(const cyrsync_error *error);

/**
 * Returns whether the same call may succeed later without any change by a person. This is more
 * exact than cyrsync_result_is_retryable(): for example, a login that failed because the replica's
 * password server is down may succeed later.
 *
 * @param error  The error. NULL gives false.
 */
CYRSYNC_API bool cyrsync_error_is_retryable(const cyrsync_error *error);

/**
 * Returns the number of parts of the error, or 0 if it has no parts. Each part is an error with
 * its own subject: for example, the error of a user has a part for each mailbox that failed.
 *
 * @param error  The error. NULL gives 0.
 */
CYRSYNC_API size_t cyrsync_error_part_count(const cyrsync_error *error);

/**
 * Returns a part of the error. The part belongs to the error and must not be freed.
 *
 * @param error  The error. NULL gives NULL.
 * @param index  The index of the part, from 0. If there is no such part, NULL is returned.
 */
CYRSYNC_API const cyrsync_error *cyrsync_error_part(const cyrsync_error *error, size_t index);

/**
 * Frees an error, with its texts and parts.
 *
 * @param error  The error. NULL is allowed.
 */
CYRSYNC_API void cyrsync_error_free(cyrsync_error *error);

/* ---- Callbacks ---------------------------------------------------------------------------- */

/**
 * The importance of a log line. The numbers are those of syslog.
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
 * What the call was asked to do with an item (a user, a mailbox or an entry of a sync log).
 */
typedef enum cyrsync_act {
    /**
     * Replicate the item.
     */
    CYRSYNC_ACT_REPLICATE = 1,
    /**
     * Plan the replication of the item, and change nothing.
     */
    CYRSYNC_ACT_PLAN = 2,
    /**
     * Compare the item on both sides, and change nothing.
     */
    CYRSYNC_ACT_VERIFY = 3,
} cyrsync_act;

/**
 * The outcome of an item.
 */
typedef enum cyrsync_outcome {
    /**
     * The item is done: replicated, planned or compared.
     */
    CYRSYNC_OUTCOME_DONE = 1,
    /**
     * The item was not replicated, because another process had locked it.
     */
    CYRSYNC_OUTCOME_LOCKED = 2,
    /**
     * The item failed.
     */
    CYRSYNC_OUTCOME_FAILED = 3,
} cyrsync_outcome;

/**
 * The kind of a finding of a verification.
 */
typedef enum cyrsync_finding_kind {
    /**
     * A field has different values on master and replica.
     */
    CYRSYNC_FINDING_DIFFERENT = 1,
    /**
     * A field differs, because the master's last change of it is not replicated yet.
     */
    CYRSYNC_FINDING_PENDING = 2,
    /**
     * More fields of this mailbox or user differ than are reported one by one. The member line has
     * their number.
     */
    CYRSYNC_FINDING_MORE = 3,
    /**
     * A mailbox is equal on both sides.
     */
    CYRSYNC_FINDING_EQUAL = 4,
    /**
     * An object could not be compared. The member line has the reason.
     */
    CYRSYNC_FINDING_UNKNOWN = 5,
} cyrsync_finding_kind;

/**
 * The topics of cyrsync_config_check(), in the order of the checks. Each check has one topic.
 * Later versions may add topics.
 */
typedef enum cyrsync_check_topic {
    /**
     * Whether imapd.conf and the files that it includes can be read, and every value is valid.
     */
    CYRSYNC_CHECK_TOPIC_CONFIGURATION = 1,
    /**
     * Whether the names of options are spelt correctly and are up to date.
     */
    CYRSYNC_CHECK_TOPIC_OPTIONS = 2,
    /**
     * Which options of this library "cyr_info conf-lint" reports as unknown. They do no harm.
     */
    CYRSYNC_CHECK_TOPIC_CONF_LINT = 3,
    /**
     * Whether the process runs as the cyrus user.
     */
    CYRSYNC_CHECK_TOPIC_USER = 4,
    /**
     * Whether partitions exist and can be read, and contain their mailboxes.
     */
    CYRSYNC_CHECK_TOPIC_SPOOL = 5,
    /**
     * Whether the databases of the mail store can be read.
     */
    CYRSYNC_CHECK_TOPIC_DATABASES = 6,
    /**
     * Whether Cyrus's sync_server exists here and can be run. A repair writes to the master
     * through it.
     */
    CYRSYNC_CHECK_TOPIC_OWN_SERVER = 7,
    /**
     * Whether Cyrus's daemons write a sync log.
     */
    CYRSYNC_CHECK_TOPIC_SYNC_LOG = 8,
    /**
     * Whether Cyrus's daemons write to the sync log of this channel.
     */
    CYRSYNC_CHECK_TOPIC_CHANNEL = 9,
    /**
     * Whether the client can write, rename and replace the sync log, and has enough disk space for
     * it.
     */
    CYRSYNC_CHECK_TOPIC_LOG = 10,
    /**
     * Whether a client runs cyrsync_client_roll() or sync_client -r on the channel already.
     */
    CYRSYNC_CHECK_TOPIC_CLAIM = 11,
    /**
     * Whether the name of the replica has an IP address.
     */
    CYRSYNC_CHECK_TOPIC_NAME = 12,
    /**
     * Whether the replica answers, and whether it is an imapd or a sync_server.
     */
    CYRSYNC_CHECK_TOPIC_CONNECTION = 13,
    /**
     * Whether the connection is encrypted with TLS.
     */
    CYRSYNC_CHECK_TOPIC_TLS = 14,
    /**
     * Whether the replica's certificate is trusted, and for how long it is valid.
     */
    CYRSYNC_CHECK_TOPIC_CERTIFICATE = 15,
    /**
     * Which SASL mechanism the login uses.
     */
    CYRSYNC_CHECK_TOPIC_MECHANISM = 16,
    /**
     * Whether the replica accepts the login.
     */
    CYRSYNC_CHECK_TOPIC_LOGIN = 17,
    /**
     * Whether the user of the login has the rights that replication needs.
     */
    CYRSYNC_CHECK_TOPIC_ADMIN = 18,
    /**
     * The Cyrus version of the replica.
     */
    CYRSYNC_CHECK_TOPIC_VERSION = 19,
    /**
     * Which optional capabilities of the replica the client uses.
     */
    CYRSYNC_CHECK_TOPIC_CAPABILITIES = 20,
    /**
     * Whether the replica has mailboxes on partitions with the same names as the master's
     * partitions.
     */
    CYRSYNC_CHECK_TOPIC_PARTITIONS = 21,
    /**
     * Whether the connection is compressed.
     */
    CYRSYNC_CHECK_TOPIC_COMPRESSION = 22,
    /**
     * The difference between the clocks of master and replica. The protocol does not transmit the
     * replica's time, so this check is always skipped.
     */
    CYRSYNC_CHECK_TOPIC_CLOCKS = 23,
} cyrsync_check_topic;

/**
 * The result of a check.
 */
typedef enum cyrsync_check_verdict {
    /**
     * There is no problem.
     */
    CYRSYNC_CHECK_VERDICT_OK = 1,
    /**
     * Replication works, but a person should look at this.
     */
    CYRSYNC_CHECK_VERDICT_WARN = 2,
    /**
     * Replication will fail, or do less than it should.
     */
    CYRSYNC_CHECK_VERDICT_FAIL = 3,
    /**
     * The check was not made. The member detail has the reason.
     */
    CYRSYNC_CHECK_VERDICT_SKIPPED = 4,
} cyrsync_check_verdict;

/**
 * The outcome of one item: a user, a mailbox or an entry of a sync log. If outcome is not
 * CYRSYNC_OUTCOME_DONE, the members from code to error describe the reason. All strings and
 * pointers in it are borrowed: they are valid only during the callback.
 */
typedef struct cyrsync_item {
    /**
     * The size of the structure in the library, which may differ from sizeof(cyrsync_item) in the
     * program. Do not read members beyond it.
     */
    size_t size;
    /**
     * What the call was asked to do with the item.
     */
    cyrsync_act act;
    /**
     * The outcome.
     */
    cyrsync_outcome outcome;
    /**
     * The kind of item: CYRSYNC_SUBJECT_USER, CYRSYNC_SUBJECT_MAILBOX or CYRSYNC_SUBJECT_ITEM.
     */
    cyrsync_subject_kind kind;
    /**
     * The item as text: "user fred", "user.fred.Sent".
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
     * The entry of a sync log that names the item: "MAILBOX user.fred.Sent". To replicate the item
     * again, pass this entry to cyrsync_log_append().
     */
    cyrsync_str entry;
    /**
     * The reason why the item is not done. CYRSYNC_RESULT_OK if the item is done.
     */
    cyrsync_result code;
    /**
     * Whether another attempt may succeed without any change by a person.
     */
    bool retryable;
    /**
     * The error number of the operating system (errno) that caused the failure; 0 if the cause was
     * not an error of the operating system.
     */
    int os_error;
    /**
     * The whole error in one line, like cyrsync_error_message(); empty if the item is done.
     */
    cyrsync_str message;
    /**
     * What a person can do about the error; empty if there is no advice.
     */
    cyrsync_str hint;
    /**
     * The error, with its parts; NULL if the item is done. The library frees it.
     */
    const cyrsync_error *error;
} cyrsync_item;

/**
 * An event: a report of something that the client did or found. docs/events.md lists all events.
 * All strings and pointers in it are borrowed: they are valid only during the callback.
 */
typedef struct cyrsync_event {
    /**
     * The size of the structure in the library, which may differ from sizeof(cyrsync_event) in the
     * program. Do not read members beyond it.
     */
    size_t size;
    /**
     * The family of the event: "step", "differs", "unreachable", "connection", "store", "sync",
     * "repair", "run", "ended" or "verify". docs/events.md describes the families. Later versions
     * may add families.
     */
    cyrsync_str family;
    /**
     * The name of the event within its family, such as "encrypted" or "left_for_later". For a
     * step, the name of the command, such as "MAILBOX". Empty if the family has only one event.
     */
    cyrsync_str what;
    /**
     * The level of the event's log line: a cyrsync_log_level (3 to 7), or 0 if the event has no
     * log line. The type is int because cyrsync_log_level has no value 0.
     */
    int level;
    /**
     * The line that Cyrus's programs would write for this event; empty if they would write none.
     */
    cyrsync_str line;
    /**
     * The whole event as a JSON object, in UTF-8.
     */
    cyrsync_str json;
    /**
     * The error that the event reports; NULL if it reports none.
     */
    const cyrsync_error *error;
} cyrsync_event;

/**
 * A failed attempt to connect to the replica, after which the library will try again. All strings
 * and pointers in it are borrowed: they are valid only during the callback.
 */
typedef struct cyrsync_unreachable {
    /**
     * The size of the structure in the library, which may differ from sizeof(cyrsync_unreachable)
     * in the program. Do not read members beyond it.
     */
    size_t size;
    /**
     * The error of the failed attempt. The library frees it.
     */
    const cyrsync_error *error;
    /**
     * The name of the replica in the configuration.
     */
    cyrsync_str server;
    /**
     * The pause before the next attempt, in seconds.
     */
    uint64_t pause_s;
} cyrsync_unreachable;

/**
 * A planned step: one command of the replication protocol that replication would execute. All
 * strings in it are borrowed: they are valid only during the callback.
 */
typedef struct cyrsync_step {
    /**
     * The size of the structure in the library, which may differ from sizeof(cyrsync_step) in the
     * program. Do not read members beyond it.
     */
    size_t size;
    /**
     * The name of the command, such as "MAILBOX".
     */
    cyrsync_str command;
    /**
     * The user, mailbox or other object of the command as text, such as "user.fred".
     */
    cyrsync_str subject;
    /**
     * The line that sync_client -v prints for the step, such as "MAILBOX user.fred".
     */
    cyrsync_str line;
    /**
     * The reason why the step is needed, such as "HIGHESTMODSEQ is 12 here and 9 on the replica";
     * empty if the reason is not known.
     */
    cyrsync_str why;
    /**
     * The number of messages that the step would send, as far as the plan can count them.
     */
    uint64_t messages;
    /**
     * The size of these messages together, in bytes.
     */
    uint64_t bytes;
} cyrsync_step;

/**
 * One finding of a verification. All strings in it are borrowed: they are valid only during the
 * callback.
 */
typedef struct cyrsync_finding {
    /**
     * The size of the structure in the library, which may differ from sizeof(cyrsync_finding) in
     * the program. Do not read members beyond it.
     */
    size_t size;
    /**
     * The kind of the finding.
     */
    cyrsync_finding_kind kind;
    /**
     * The object that was compared, as text: "UID 7 of user.fred".
     */
    cyrsync_str subject;
    /**
     * The name in the protocol of the field that differs, such as "FLAGS". "MAILBOX" means that
     * only one side has the mailbox. "RECORD" means that only one side has the message. "FILE"
     * means that the message files differ. Empty if the finding is not about one field.
     */
    cyrsync_str field;
    /**
     * The value on the master; its data is NULL if the master has no value.
     */
    cyrsync_str master;
    /**
     * The value on the replica; its data is NULL if the replica has no value.
     */
    cyrsync_str replica;
    /**
     * The line that sync_client --verify prints for the finding.
     */
    cyrsync_str line;
    /**
     * The whole finding as a JSON object, in UTF-8.
     */
    cyrsync_str json;
} cyrsync_finding;

/**
 * A check of a configuration and its result. All strings in it are borrowed: they are valid only
 * during the callback.
 */
typedef struct cyrsync_check {
    /**
     * The size of the structure in the library, which may differ from sizeof(cyrsync_check) in the
     * program. Do not read members beyond it.
     */
    size_t size;
    /**
     * The topic of the check.
     */
    cyrsync_check_topic topic;
    /**
     * The result of the check.
     */
    cyrsync_check_verdict verdict;
    /**
     * The topic as text, such as "name resolves".
     */
    cyrsync_str name;
    /**
     * What the check found, as text.
     */
    cyrsync_str detail;
    /**
     * What a person should do about a problem; empty if there is nothing to do.
     */
    cyrsync_str hint;
} cyrsync_check;

/**
 * The progress of a client. Four numbers count since the last reset; the comment of each says so.
 * These functions reset them when they begin: cyrsync_client_sync_all(),
 * cyrsync_client_sync_mailboxes(), cyrsync_client_plan_all(), and cyrsync_client_verify_user(),
 * _verify_meta() and _verify_all(). Other functions do not reset them, but add to users and
 * mailboxes. The other numbers count since the client was made.
 */
typedef struct cyrsync_progress {
    /**
     * The size of this structure, sizeof(cyrsync_progress). CYRSYNC_PROGRESS_INIT sets it.
     */
    size_t size;
    /**
     * Users whose replication ended, with or without success. Since the last reset.
     */
    uint64_t users;
    /**
     * The number of all users of the call that made the last reset; 0 if it is not known.
     */
    uint64_t users_expected;
    /**
     * Mailboxes that were already equal on both sides, or that replication made equal. Since the
     * last reset.
     */
    uint64_t mailboxes;
    /**
     * The number of all mailboxes of the call that made the last reset; 0 if it is not known.
     */
    uint64_t mailboxes_expected;
    /**
     * Messages that the client sent and the replica confirmed. Since the client was made.
     */
    uint64_t messages;
    /**
     * The size of these messages together, in bytes. Since the client was made.
     */
    uint64_t bytes;
    /**
     * Mailboxes that were already equal on both sides when the client compared them. A mailbox
     * counts each time that it is compared. Since the client was made.
     */
    uint64_t mailboxes_equal;
    /**
     * Messages that the replica already had when the client compared their mailboxes. With a host
     * store they are not counted. Since the client was made.
     */
    uint64_t messages_present;
} cyrsync_progress;

/**
 * Initial value of a cyrsync_progress: its size, and all other members 0.
 */
#define CYRSYNC_PROGRESS_INIT CYRSYNC_SIZED_INIT(cyrsync_progress)

/**
 * A function of the program that releases userdata. "Userdata" at the head of this header says
 * when the library calls it, and how often.
 */
typedef void (*cyrsync_destroy_callback)(void *userdata);

/**
 * A table of the program's callbacks. The library reports everything through them. Begin with
 * CYRSYNC_CALLBACKS_INIT, then set the callbacks that you need; the others stay NULL. The
 * arguments of a callback are borrowed: they are valid only during the call. "Callbacks" at the
 * head of this header lists the rules for callbacks.
 */
typedef struct cyrsync_callbacks {
    /**
     * The size of this structure, sizeof(cyrsync_callbacks). CYRSYNC_CALLBACKS_INIT sets it.
     */
    size_t size;
    /**
     * A pointer of the program's choice. The library passes it to every function of this table.
     */
    void *userdata;
    /**
     * Releases userdata. Called once for each call of cyrsync_config_set_callbacks() with this
     * table: see "Userdata" at the head of this header. May be NULL.
     */
    cyrsync_destroy_callback destroy;
    /**
     * Receives a line for the log, with its level.
     */
    void (*log)(void *userdata, cyrsync_log_level level, cyrsync_str line);
    /**
     * Receives a line for each action of the client, as sync_client -v prints it: "USER fred".
     */
    void (*action)(void *userdata, cyrsync_str line);
    /**
     * Receives the traffic with the replica in clear text, without compression and encryption.
     * Credentials are left out. Each message is replaced by its length, "[2301 bytes]", unless
     * CYRSYNC_FLAG_WHOLE_MESSAGES is set. sent is true for bytes that go to the replica, and false
     * for bytes that come from it. A client with this callback uses only one connection, even if
     * sync_jobs allows more. Also called during cyrsync_config_check().
     */
    void (*traffic)(void *userdata, bool sent, cyrsync_str bytes);
    /**
     * Receives every event as a structure. Only some events also have a log or action line.
     */
    void (*event)(void *userdata, const cyrsync_event *event);
    /**
     * Receives the outcome of each item (a user, a mailbox or an entry of a sync log), in every
     * call that replicates, plans or verifies. If a call ends before it has tried all items, it
     * fails, and reports only the items that it tried. cyrsync_client_roll() retries failed items,
     * and reports each failed attempt.
     */
    void (*item)(void *userdata, const cyrsync_item *item);
    /**
     * Receives each planned step of the functions whose names begin with cyrsync_client_plan.
     */
    void (*step)(void *userdata, const cyrsync_step *step);
    /**
     * Receives each finding of the functions whose names begin with cyrsync_client_verify.
     */
    void (*finding)(void *userdata, const cyrsync_finding *finding);
    /**
     * Receives the result of each check of cyrsync_config_check(). Not called during other calls.
     */
    void (*check)(void *userdata, const cyrsync_check *check);
    /**
     * Receives each failed attempt to connect to the replica, in calls that then wait and try
     * again, such as cyrsync_client_roll().
     */
    void (*unreachable)(void *userdata, const cyrsync_unreachable *unreachable);
    /**
     * Receives the progress of the client. Called after each item, on other events at most five
     * times a second, and at the end of the call.
     */
    void (*progress)(void *userdata, const cyrsync_progress *progress);
    /**
     * Returns true to cancel the client, like cyrsync_client_cancel(): later calls are cancelled
     * too, until cyrsync_client_reset_cancel(). Called after each item, and on other events at
     * most five times a second. Not called while the library waits for network, disk or locks.
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
 * fails at once with CYRSYNC_RESULT_LOCKED. The client still waits for the locks of mailboxes. In
 * contrast, with cyrsync_config_set_lock_patience() of 0 it waits for no lock of a user or mailbox.
 */
#define CYRSYNC_FLAG_SKIP_LOCKED 2

/**
 * Change no data of a user on this server, whatever the replica has (sync_client -O). The replica
 * is made equal to the master by force: for example, flags that were changed only there are lost.
 * A mailbox for which this is not possible, for example because only the replica has one of its
 * messages, fails with CYRSYNC_RESULT_NEEDS_FULL_SYNC. Sync logs and status files on this server
 * are still written. If CYRSYNC_FLAG_COPYBACK is set too, this flag wins.
 */
#define CYRSYNC_FLAG_NO_COPYBACK 4

/**
 * Ask the replica to store received messages on its archive partition (sync_client -a).
 */
#define CYRSYNC_FLAG_STAGE_TO_ARCHIVE 8

/**
 * Fail if the connection cannot be compressed (sync_client -z).
 */
#define CYRSYNC_FLAG_REQUIRE_COMPRESSION 16

/**
 * Pass whole messages to the traffic callback (sync_client -v -v -v).
 */
#define CYRSYNC_FLAG_WHOLE_MESSAGES 32

/**
 * Allow changes that a repair refuses by default (sync_client --allow-repair all): for example, to
 * expunge many messages of a mailbox on this server, or to delete a user's subscriptions on the
 * replica because their file is missing here.
 */
#define CYRSYNC_FLAG_ALLOW_REPAIR 64

/**
 * Allow changes on this server even if sync_no_copyback in imapd.conf forbids them (sync_client
 * --copyback). Has no effect together with CYRSYNC_FLAG_NO_COPYBACK.
 */
#define CYRSYNC_FLAG_COPYBACK 128

/**
 * A configuration: the options of imapd.conf, the settings of the program, and its callbacks. Free
 * it with cyrsync_config_free().
 */
typedef struct cyrsync_config cyrsync_config;

/**
 * Reads a configuration from an imapd.conf file.
 *
 * @param path  The path of the file. If empty, /etc/imapd.conf is read.
 * @param out   Set to the configuration on success. Free it with cyrsync_config_free().
 * @param err   Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_load(cyrsync_str path, cyrsync_config **out, cyrsync_error **err);

/**
 * Reads a configuration from memory. cyrsync_config_set() can add options later. A client of such
 * a configuration can repair the master only with a host store. Without a host store, Cyrus's
 * sync_server writes to the master, and sync_server needs a configuration file.
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
 * Sets an option of imapd.conf. This value replaces the value from the file. Fails with
 * CYRSYNC_RESULT_CONFIG if the value is empty, or not allowed for the option.
 *
 * @param config  The configuration.
 * @param name    The name of the option, such as "sync_host" or "partition-default".
 * @param value   The value, as it is written in imapd.conf.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set(
    cyrsync_config *config,
    cyrsync_str name,
    cyrsync_str value,
    cyrsync_error **err);

/**
 * Sets the channel: clients use the options of this channel in imapd.conf, and its sync log
 * (sync_client -n). By default no channel is set.
 *
 * @param config   The configuration.
 * @param channel  The name of the channel. Empty for no channel.
 * @param err      Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_channel(
    cyrsync_config *config,
    cyrsync_str channel,
    cyrsync_error **err);

/**
 * Sets the replica (sync_client -S). The default is the option sync_host of the channel.
 *
 * @param config  The configuration.
 * @param server  A host, host:port, or the path of a UNIX socket. If empty, the default is
 *                restored.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_server(
    cyrsync_config *config,
    cyrsync_str server,
    cyrsync_error **err);

/**
 * Puts all mailboxes on one partition of the replica (sync_client -p). By default each mailbox is
 * put on the replica's partition with the same name as here.
 *
 * @param config     The configuration.
 * @param partition  The name of the partition. If empty, the default is restored.
 * @param err        Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_partition(
    cyrsync_config *config,
    cyrsync_str partition,
    cyrsync_error **err);

/**
 * Sets the flags. Flags that are not given are cleared. By default no flag is set. Fails with
 * CYRSYNC_RESULT_INVALID_ARGUMENT if a flag is unknown.
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
 * --bwlimit). The default is the option sync_bwlimit of the channel.
 *
 * @param config  The configuration.
 * @param limit   "10M", or "10M,08:00-18:00=1M" with other limits for times of the day, or "off"
 *                for no limit. If empty, the default is restored.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_bwlimit(
    cyrsync_config *config,
    cyrsync_str limit,
    cyrsync_error **err);

/**
 * Excludes the users whose userids match a pattern (sync_client --exclude). Calls that replicate
 * single mailboxes also exclude mailboxes whose external names match. cyrsync_client_match_users()
 * describes patterns. Each call adds a pattern. At the end of a call that replicates, the action
 * callback receives one line with the number of excluded users and mailboxes, and names of some of
 * them.
 *
 * Entries of a sync log cannot be excluded, because they would be lost. Therefore, while a pattern
 * is set, cyrsync_client_roll() and the functions that process or plan a log fail with
 * CYRSYNC_RESULT_INVALID_ARGUMENT.
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
 * Locks of databases are held only for moments: the client always waits for them.
 * In cyrsync_client_roll() it is then retried later, and others are replicated meanwhile; for
 * this, 200 milliseconds are a good value.
 *
 * @param config        The configuration.
 * @param milliseconds  The time limit in milliseconds. 0 does not wait. A negative number waits
 *                      without a limit, which is the default.
 * @param err           Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_set_lock_patience(
    cyrsync_config *config,
    int64_t milliseconds,
    cyrsync_error **err);

/**
 * Sets the callbacks of clients created later, and of cyrsync_config_check(). The library may call
 * the callbacks from several threads at once. The table is copied.
 *
 * The library calls destroy once for each call of this function with the table, when neither the
 * configuration nor a client made from it uses the table: at once if a later call replaces a table
 * that no client uses, and in this call if it fails. Exception: if the size of the table is wrong,
 * or a member is set that this library does not know, destroy is never called. See "Userdata" at
 * the head of this header.
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
 * @param config  The configuration. NULL is allowed.
 */
CYRSYNC_API void cyrsync_config_free(cyrsync_config *config);

/**
 * Checks a configuration, like sync_client --check-config: from its options to the rights on the
 * replica. The check callback receives one result for each topic, in the order of
 * cyrsync_check_topic, as soon as the result is known. A check that depends on a failed check is
 * not made, and its verdict is CYRSYNC_CHECK_VERDICT_SKIPPED. Nothing is changed, here or on the
 * replica. Each step of a check takes at most a
 * minute; a replica with several addresses or ports takes several steps. Threads of the library read the mail store directly,
 * like a client without a host store; if a file system does not answer, such a thread outlives the
 * call. The library calls the callbacks check and traffic, and no others: one at a time, from the
 * calling thread.
 *
 * @param config  The configuration.
 * @param failed  Set to the number of checks with CYRSYNC_CHECK_VERDICT_FAIL. May be NULL.
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
 * The description of a failure of a host's function. The library passes it to the function, which
 * may set it with cyrsync_failure_set(). It is valid only during the call of that function.
 */
typedef struct cyrsync_failure cyrsync_failure;

/**
 * A former name of a mailbox (name_history of mbentry_t).
 */
typedef struct cyrsync_former_name {
    /**
     * The size of this structure, sizeof(cyrsync_former_name). CYRSYNC_FORMER_NAME_INIT sets it.
     */
    size_t size;
    /**
     * The former internal name.
     */
    cyrsync_str name;
    /**
     * The partition of the mailbox when it had this name.
     */
    cyrsync_str partition;
    /**
     * The time when the mailbox lost this name, in seconds since 1970.
     */
    int64_t mtime;
    /**
     * The modseq of the folder when it had this name.
     */
    uint64_t foldermodseq;
    /**
     * The UIDVALIDITY of the mailbox when it had this name.
     */
    uint32_t uidvalidity;
} cyrsync_former_name;

/**
 * Initial value of a cyrsync_former_name: its size, and all other members 0.
 */
#define CYRSYNC_FORMER_NAME_INIT CYRSYNC_SIZED_INIT(cyrsync_former_name)

/**
 * An entry of mailboxes.db (mbentry_t). Begin with CYRSYNC_MAILBOX_ENTRY_INIT.
 */
typedef struct cyrsync_mailbox_entry {
    /**
     * The size of this structure, sizeof(cyrsync_mailbox_entry). CYRSYNC_MAILBOX_ENTRY_INIT sets
     * it.
     */
    size_t size;
    /**
     * The internal name, such as "user.fred.Sent".
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
     * The access control list as stored: identifier, tab, rights, tab, and so on.
     */
    cyrsync_str acl;
    /**
     * The kind of mailbox and flags: the MBTYPE_ bits of Cyrus's mboxlist.h, with
     * MBTYPE_LEGACY_DIRS.
     */
    uint32_t mbtype;
    /**
     * The UIDVALIDITY of the mailbox.
     */
    uint32_t uidvalidity;
    /**
     * The modseq when the mailbox was created.
     */
    uint64_t createdmodseq;
    /**
     * The modseq when the mailbox was last created, deleted or renamed, or got another ACL.
     */
    uint64_t foldermodseq;
    /**
     * The time when the entry was written, in seconds since 1970.
     */
    int64_t mtime;
    /**
     * The former names, newest first. Only lookup_by_id needs to set them.
     */
    const cyrsync_former_name *former_names;
    /**
     * The number of former names.
     */
    size_t former_name_count;
    /**
     * The reason why this entry cannot be read; empty if it can be read. If this member is set,
     * the library uses only this member and name. This applies to lookup, lookup_by_id, list_user
     * and list. The library uses the entries that can be read, and reports the others as failures
     * with CYRSYNC_RESULT_CORRUPT. If not even the name can be read, the function does not emit
     * the entry, and returns CYRSYNC_RESULT_CORRUPT after the last entry.
     */
    cyrsync_str unreadable;
    /**
     * The JMAP id of the mailbox; empty before Cyrus 3.13.
     */
    cyrsync_str jmapid;
} cyrsync_mailbox_entry;

/**
 * Initial value of a cyrsync_mailbox_entry: its size, and all other members 0.
 */
#define CYRSYNC_MAILBOX_ENTRY_INIT CYRSYNC_SIZED_INIT(cyrsync_mailbox_entry)

/**
 * The state of an open mailbox, from its entry, its header and its index header (struct mailbox).
 * Before the call, the library sets size, and sets all other members to zero.
 */
typedef struct cyrsync_mailbox_state {
    /**
     * The size of the structure in the library. The host must not write beyond it.
     */
    size_t size;
    /**
     * The internal name of the mailbox.
     */
    cyrsync_str name;
    /**
     * The uniqueid of the mailbox.
     */
    cyrsync_str uniqueid;
    /**
     * The partition of the mailbox.
     */
    cyrsync_str partition;
    /**
     * The access control list, in the same form as in cyrsync_mailbox_entry.
     */
    cyrsync_str acl;
    /**
     * The quota root of the mailbox; empty if it has none.
     */
    cyrsync_str quotaroot;
    /**
     * The names of the user flags, in the order of their bits; an empty name for an unused bit.
     */
    const cyrsync_str *flags;
    /**
     * The number of names in flags, at most 128.
     */
    size_t flag_count;
    /**
     * The kind of mailbox and flags, as in cyrsync_mailbox_entry.
     */
    uint32_t mbtype;
    /**
     * The minor version of cyrus.index, which is the version of its format.
     */
    uint32_t minor_version;
    /**
     * The OPT_ bits of Cyrus's mailbox.h, masked by MAILBOX_OPTIONS_MASK.
     */
    uint32_t options;
    /**
     * The UIDVALIDITY of the mailbox.
     */
    uint32_t uidvalidity;
    /**
     * The highest UID that was ever assigned in the mailbox.
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
     * The sync CRC of the records, as stored in cyrus.index. If no CRCs are stored, or the mailbox
     * is empty, this member and annot_crc are 0. Then the library computes both CRCs when it needs
     * them.
     */
    uint32_t basic_crc;
    /**
     * The sync CRC of the annotations of messages, as stored in cyrus.index; 0 if there is none.
     */
    uint32_t annot_crc;
    /**
     * The highest modseq of the mailbox.
     */
    uint64_t highestmodseq;
    /**
     * The modseq up to which expunged records have been removed from the index.
     */
    uint64_t deletedmodseq;
    /**
     * The modseq when the mailbox was created.
     */
    uint64_t createdmodseq;
    /**
     * The modseq of the mailbox's entry in mailboxes.db (foldermodseq).
     */
    uint64_t foldermodseq;
    /**
     * The highest modseq of the mailbox's conversations (mailbox_get_xconvmodseq). Valid only if
     * has_xconvmodseq is not 0.
     */
    uint64_t xconvmodseq;
    /**
     * The modseq of the owner's reverse ACLs (mboxname_readraclmodseq); 0 if reverse ACLs are not
     * used.
     */
    uint64_t raclmodseq;
    /**
     * The time when recentuid was set, in seconds since 1970. The next three members are times in
     * the same unit.
     */
    int64_t recenttime;
    /**
     * The time when a message was last appended.
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
     * Not 0 if the mailbox has conversations: then xconvmodseq is set.
     */
    uint8_t has_xconvmodseq;
    /**
     * A description of an inconsistency: the reason why the files of this mailbox may not belong
     * together, such as a cyrus.header of another mailbox. Empty if there is no inconsistency. If
     * this member is set, the mailbox is replicated, but never repaired.
     */
    cyrsync_str inconsistency;
    /**
     * The number of records that are not expunged, from the index header. Valid only if has_exists
     * is not 0. If scan emits fewer such records, replication of the mailbox fails.
     */
    uint32_t exists;
    /**
     * Not 0 if exists is set.
     */
    uint8_t has_exists;
    /**
     * Not 0 if the owner's messages have short ids in JMAP (USER_COMPACT_EMAILIDS, since Cyrus
     * 3.13).
     */
    uint8_t compact_emailids;
    /**
     * Not 0 if this server has groups of users: then usergroups is set.
     */
    uint8_t knows_usergroups;
    /**
     * The groups of the owner, separated by tabs; empty if the owner is in no group
     * (mboxlist_lookup_usergroups, since Cyrus 3.12).
     */
    cyrsync_str usergroups;
    /**
     * The JMAP id of the mailbox (mailbox_jmapid); empty before Cyrus 3.13.
     */
    cyrsync_str jmapid;
} cyrsync_mailbox_state;

/**
 * A record of cyrus.index, which describes a message (struct index_record).
 */
typedef struct cyrsync_record {
    /**
     * The size of this structure, sizeof(cyrsync_record). CYRSYNC_RECORD_INIT sets it.
     */
    size_t size;
    /**
     * The UID of the message.
     */
    uint32_t uid;
    /**
     * The size of the message file in bytes.
     */
    uint64_t message_size;
    /**
     * The internal date, which is the time when the message arrived, in seconds since 1970.
     */
    int64_t internaldate;
    /**
     * The time of the record's last change, in seconds since 1970.
     */
    int64_t last_updated;
    /**
     * The modseq when the record was created or expunged, or when its flags last changed.
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
     * The user flags. Flag i in flags of the mailbox state (from 0) is bit i%32 of word i/32.
     */
    uint32_t user_flags[4];
    /**
     * The SHA-1 of the message file.
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
     * The id of the message's conversation; 0 if there is none.
     */
    uint64_t cid;
    /**
     * The conversation from which that conversation was split off (index version 20 on); 0 if
     * there is none.
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
 * The location of a message. Before the call, the library sets size, sets fd to -1, and sets the
 * strings to empty.
 */
typedef struct cyrsync_message_file {
    /**
     * The size of the structure in the library. The host must not write beyond it.
     */
    size_t size;
    /**
     * A file descriptor of the message file, open for reading, positioned at the start. Once the
     * function has set it, the library owns and closes it, even if the function then fails. -1 if
     * content or path is set instead.
     */
    int fd;
    /**
     * The path of the message file. If fd is -1 and content is empty, the library opens this path.
     * Otherwise the path is used only in log lines and errors, and may be empty. Borrowed until
     * the next call for the same mailbox.
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
     * The size of this structure, sizeof(cyrsync_annotation). CYRSYNC_ANNOTATION_INIT sets it.
     */
    size_t size;
    /**
     * The name of the annotation, such as "/comment".
     */
    cyrsync_str name;
    /**
     * The user whose private value this is; empty for the shared value.
     */
    cyrsync_str userid;
    /**
     * The value.
     */
    cyrsync_str value;
    /**
     * The modseq of the annotation's last change; 0 if not known.
     */
    uint64_t modseq;
} cyrsync_annotation;

/**
 * Initial value of a cyrsync_annotation: its size, and all other members 0.
 */
#define CYRSYNC_ANNOTATION_INIT CYRSYNC_SIZED_INIT(cyrsync_annotation)

/**
 * The seen state of a user in a mailbox: which messages the user has seen (struct seendata).
 */
typedef struct cyrsync_seen {
    /**
     * The size of this structure, sizeof(cyrsync_seen). CYRSYNC_SEEN_INIT sets it.
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
     * The size of this structure, sizeof(cyrsync_quota). CYRSYNC_QUOTA_INIT sets it.
     */
    size_t size;
    /**
     * The quota root, as an internal mailbox name.
     */
    cyrsync_str root;
    /**
     * The limits, in Cyrus's order of resources: STORAGE in KiB, MESSAGE as a number,
     * X-ANNOTATION-STORAGE in KiB, X-NUM-FOLDERS as a number. -1 means no limit.
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
     * The size of this structure, sizeof(cyrsync_sieve). CYRSYNC_SIEVE_INIT sets it.
     */
    size_t size;
    /**
     * The file name with its extension, such as "main.script". The active script is emitted a
     * second time, as "main.bc" with time and GUID 0. Only "main.bc" has active set.
     */
    cyrsync_str name;
    /**
     * The SHA-1 of the script's content.
     */
    uint8_t guid[20];
    /**
     * Not 0 if this is the bytecode of the active script.
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
 * A function of the library that receives a value from the host: here an entry of mailboxes.db. If
 * it returns 0, the host's
 * function goes on. If it returns another number, the host's function must return this number at
 * once. The arguments are borrowed: the library copies what it needs. The function never calls the
 * host. The same rules apply to the other emit functions.
 */
typedef int (*cyrsync_emit_mailbox_entry)(void *sink, const cyrsync_mailbox_entry *entry);

/**
 * Receives a record, like cyrsync_emit_mailbox_entry.
 */
typedef int (*cyrsync_emit_record)(void *sink, const cyrsync_record *record);

/**
 * Receives an annotation, like cyrsync_emit_mailbox_entry.
 */
typedef int (*cyrsync_emit_annotation)(void *sink, const cyrsync_annotation *annotation);

/**
 * Receives the seen state of a user in a mailbox, like cyrsync_emit_mailbox_entry.
 */
typedef int (*cyrsync_emit_seen)(void *sink, const cyrsync_seen *seen);

/**
 * Receives the limits of a quota root, like cyrsync_emit_mailbox_entry.
 */
typedef int (*cyrsync_emit_quota)(void *sink, const cyrsync_quota *quota);

/**
 * Receives a Sieve script without its content, like cyrsync_emit_mailbox_entry.
 */
typedef int (*cyrsync_emit_sieve)(void *sink, const cyrsync_sieve *sieve);

/**
 * Receives a name or a piece of a text, like cyrsync_emit_mailbox_entry.
 */
typedef int (*cyrsync_emit_str)(void *sink, cyrsync_str text);

/**
 * The functions through which a host supplies the data of the master: see "The host store" at the
 * head of this header. Begin with CYRSYNC_HOST_INIT, then set the functions. A function is
 * required unless its comment says that it may be NULL.
 *
 * To emit a value means to call the argument emit with the argument sink and the value. A function
 * that looks for something and does not find it emits nothing and returns CYRSYNC_RESULT_OK.
 *
 * A function that returns int returns CYRSYNC_RESULT_OK on success. If a call of emit returns a
 * number other than 0, the function returns this number at once. On failure the function returns a
 * CYRSYNC_RESULT_ code from 101 to 206 or from 501 to 505, and may first call
 * cyrsync_failure_set() to describe the failure. Any other code counts as CYRSYNC_RESULT_HOST.
 */
typedef struct cyrsync_host {
    /**
     * The size of this structure, sizeof(cyrsync_host). CYRSYNC_HOST_INIT sets it.
     */
    size_t size;
    /**
     * CYRSYNC_HOST_VERSION: CYRSYNC_HOST_INIT sets it. It will only change if the meaning of an
     * existing function or structure changes; new functions only change the size. A table with
     * another version is refused with CYRSYNC_RESULT_INVALID_ARGUMENT.
     */
    uint32_t version;
    /**
     * A pointer of the host's choice. The library passes it to every function of this table.
     */
    void *userdata;
    /**
     * Releases userdata. Called once for each call of cyrsync_client_new_with_host() with this
     * table: see "Userdata" at the head of this header. May be NULL.
     */
    cyrsync_destroy_callback destroy;
    /**
     * Emits the entry of mailboxes.db for the mailbox called name, if there is one: also the
     * tombstone of a deleted mailbox, an intermediate entry or a reserved entry
     * (mboxlist_lookup_allow_all).
     */
    int (*lookup)(
        void *userdata,
        cyrsync_str name,
        cyrsync_emit_mailbox_entry emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the entry of the mailbox with this uniqueid, if there is one, with its former names
     * (mboxlist_lookup_by_uniqueid).
     */
    int (*lookup_by_id)(
        void *userdata,
        cyrsync_str uniqueid,
        cyrsync_emit_mailbox_entry emit,
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
        cyrsync_emit_mailbox_entry emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the entry of every mailbox whose name begins with prefix. Includes tombstones, but no
     * intermediate entries (mboxlist_allmbox with MBOXTREE_TOMBSTONES).
     */
    int (*list)(
        void *userdata,
        cyrsync_str prefix,
        cyrsync_emit_mailbox_entry emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Locks the replication of a user to a server, so that no other process replicates the user to
     * the same server (sync_lock of sync_support.c: the name lock "*S*server*userid"). An empty
     * userid stands for the shared mailboxes. Waits at most wait_ms milliseconds for the lock; 0
     * does not wait, and a negative number waits without a limit. Returns CYRSYNC_RESULT_LOCKED if
     * another process still holds the lock then. Sets *lock to a pointer of the host's choice,
     * which may be NULL. The library passes this pointer to sync_unlock.
     */
    int (*sync_lock)(
        void *userdata,
        cyrsync_str server,
        cyrsync_str userid,
        int64_t wait_ms,
        void **lock,
        cyrsync_failure *failure);
    /**
     * Releases a lock of sync_lock. lock is the pointer that sync_lock set.
     */
    void (*sync_unlock)(void *userdata, void *lock);
    /**
     * Opens a mailbox with its index locked for reading (mailbox_open_irl). wait_ms limits the
     * wait for the lock, as for sync_lock. Returns CYRSYNC_RESULT_NOT_FOUND if the mailbox does
     * not exist, or is deleted, reserved, an intermediate entry or on another server. Returns
     * CYRSYNC_RESULT_MOVED if the mailbox is being moved to another server. Sets *mailbox to a
     * pointer of the host's choice. The library passes this pointer to the functions below, and at
     * last to close.
     */
    int (*open)(
        void *userdata,
        cyrsync_str name,
        int64_t wait_ms,
        void **mailbox,
        cyrsync_failure *failure);
    /**
     * Fills *state with the state that the mailbox had when open locked its index. Called once,
     * after open. Pointers in *state are borrowed until the next call for the mailbox.
     */
    int (*state)(
        void *userdata,
        void *mailbox,
        cyrsync_mailbox_state *state,
        cyrsync_failure *failure);
    /**
     * Emits all records whose UID is at least from_uid, in ascending order of UID. These include
     * expunged and unlinked records, and records with modseq 0. If from_uid is 0, emits every
     * record of the index, even damaged records with UID 0. The library then compares their number
     * with num_records of the state. If the number differs, or a record has UID 0, replication of
     * the mailbox fails, so that the damage is noticed. since_modseq is reserved: it is always 0.
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
     * Emits the stored annotations of a message, in any order. Leaves out the annotations whose
     * values are fields of the message's record (thrid, savedate, createdmodseq).
     */
    int (*message_annotations)(
        void *userdata,
        void *mailbox,
        uint32_t uid,
        cyrsync_emit_annotation emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Fills *file with the location of a message file (mailbox_record_fname). The library opens
     * the file and compares its size with message_size of the record. Also called after
     * unlock_index.
     */
    int (*message_file)(
        void *userdata,
        void *mailbox,
        const cyrsync_record *record,
        cyrsync_message_file *file,
        cyrsync_failure *failure);
    /**
     * Unlocks the index, so that other processes can write to the mailbox again. Message files
     * must still not be removed until close (mailbox_unlock_index). After this, the library calls
     * only message_file and close for the mailbox.
     */
    void (*unlock_index)(void *userdata, void *mailbox);
    /**
     * Closes a mailbox and releases its locks. Called once for each successful open.
     */
    void (*close)(void *userdata, void *mailbox);
    /**
     * Emits the annotations of the mailbox called name, which the library has not opened. If name
     * is empty, emits the annotations of the server.
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
     * Emits the seen state of a user in each mailbox (seen_foreach).
     */
    int (*seen)(
        void *userdata,
        cyrsync_str userid,
        cyrsync_emit_seen emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Emits the limits of the quota root called root, if it exists (quota_read).
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
     * Emits the content of the Sieve script called name, in pieces of any size.
     */
    int (*sieve_content)(
        void *userdata,
        cyrsync_str userid,
        cyrsync_str name,
        cyrsync_emit_str emit,
        void *sink,
        cyrsync_failure *failure);
    /**
     * Sets *modseq to the highest modseq that the owner of the mailbox called name has in all
     * mailboxes (mboxname_readmodseq). Sets it to 0 if each mailbox counts its own modseqs.
     */
    int (*used_modseq)(
        void *userdata,
        cyrsync_str name,
        uint64_t *modseq,
        cyrsync_failure *failure);
    /**
     * If name is the INBOX of a user, sets *modseq to the modseq of this user's reverse ACLs
     * (mboxname_readraclmodseq). Sets it to 0 for other mailboxes, and if reverse ACLs are not
     * used.
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
     * 512}CRLF...)", "APPLY MAILBOX %(...)", "RESTART". verb is the first word of command. body is
     * the rest after a space, without the final CRLF; it is empty for RESTART. Cyrus's
     * dlist_parse() can parse body, and sync_apply() can execute the result. Messages in body may
     * contain NUL bytes, so use its len.
     *
     * The function emits the reply as a sync server sends it, in pieces of any size: first lines
     * such as "* RESERVE (...)CRLF", then "OK success" or "NO IMAP_SYNC_CHANGED ...". After
     * emitting a NO it returns CYRSYNC_RESULT_OK: the library reads the NO from the reply.
     *
     * Messages stay staged until RESTART. During the call no mailbox is open, but sync locks are
     * held. apply may be NULL: then a mailbox that needs a repair on this server fails with
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
     * Writes to sync logs that apply changed the mailbox called name: to the logs of all channels
     * except the client's own channel, whose replica already has the change. May be NULL: then the
     * library writes to the logs of the other channels in the configuration.
     */
    int (*log_change)(void *userdata, cyrsync_str name, cyrsync_failure *failure);
    /**
     * Returns the approximate size of the list of mailboxes in bytes (the size of mailboxes.db).
     * The library uses it to limit the size of the replica's replies. May be NULL: then the limit
     * is 24 MiB, which is enough for about 35,000 mailboxes of a user.
     */
    uint64_t (*list_bytes)(void *userdata);
} cyrsync_host;

/**
 * Describes why a function of the host fails. The texts are copied; bytes that are not UTF-8 are
 * replaced. The library uses the description only if the function then returns a failure.
 *
 * @param failure  The pointer that the library passed to the host's function. If NULL, nothing is
 *                 done.
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
 * The number of items of one call by outcome. The item callback receives the same items.
 */
typedef struct cyrsync_report {
    /**
     * The size of this structure, sizeof(cyrsync_report). CYRSYNC_REPORT_INIT sets it.
     */
    size_t size;
    /**
     * Items that were replicated or planned.
     */
    uint64_t done;
    /**
     * Items that were not replicated because another process had locked them
     * (CYRSYNC_OUTCOME_LOCKED).
     */
    uint64_t locked;
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
 * Counters of a client. Each number is the sum over the client's current connections since these
 * were made: a new connection begins at 0. For numbers since the client was made, see
 * cyrsync_progress.
 */
typedef struct cyrsync_counters {
    /**
     * The size of this structure, sizeof(cyrsync_counters). CYRSYNC_COUNTERS_INIT sets it.
     */
    size_t size;
    /**
     * Not 0 if the client is connected. If it is not, all other members are 0.
     */
    uint8_t connected;
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
     * Message files that the replica has staged and keeps until cyrsync_client_release_staged().
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
 * Makes a client from a configuration, and does not connect yet. The configuration still belongs
 * to the caller.
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
 * itself: see "The host store" at the head of this header. The table is copied. Several clients
 * may be made with one table; destroy is then called once for each of them. If this call fails,
 * destroy is called in this call. Exception: if the size of the table is wrong, destroy is never
 * called. See "Userdata" at the head of this header.
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
 * Disconnects from the replica and frees the client. Callbacks may be called while it disconnects.
 * If the client is in use, returns CYRSYNC_RESULT_BUSY and does nothing. A callback that calls this
 * function for its own client gets CYRSYNC_RESULT_BUSY, too. If no call of the client runs, the
 * function cannot fail, and the result need not be checked.
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
 * So does every later call that connects, replicates, plans or verifies, until
 * cyrsync_client_reset_cancel() is called. Exception: cyrsync_client_roll() then returns
 * CYRSYNC_RESULT_OK, and its result has CYRSYNC_ROLL_REASON_STOPPED. May be called from any
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
 * callback receives the outcome of each mailbox.
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
 * Replicates every shared mailbox whose internal name begins with prefix, and every user who has
 * such a mailbox. If prefix is empty, replicates the server's annotations too. If an item fails,
 * the others are still replicated; the item callback receives the failure, and the report counts
 * it. The call itself fails only if it could not try all items.
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
 * Replicates which messages of a mailbox a user has seen.
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
cyrsync_result cyrsync_client_release_staged(cyrsync_client *client, cyrsync_error **err);

/**
 * Returns the counters of a client.
 *
 * @param client  The client.
 * @param out     Filled with the counters. Its size must be set.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_counters(
    cyrsync_client *client,
    cyrsync_counters *out,
    cyrsync_error **err);

/**
 * Calls a callback for each user who has an INBOX and whose userid matches a pattern, in the order
 * of mailboxes.db, like sync_client -u. If a part of mailboxes.db cannot be read, calls the
 * callback for the users that were found, and then fails.
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
 * like sync_client -m. In other respects like cyrsync_client_match_users().
 *
 * @param client    The client.
 * @param pattern   The pattern for the external name, as an administrator types it.
 * @param callback  The callback, which receives each internal name. May be NULL, as for
 *                  cyrsync_client_match_users().
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
 * The reason why cyrsync_client_roll() ended.
 */
typedef enum cyrsync_roll_reason {
    /**
     * cyrsync_client_finish() or cyrsync_client_cancel() was called.
     */
    CYRSYNC_ROLL_REASON_STOPPED = 1,
    /**
     * The shutdown file existed. The library has removed it.
     */
    CYRSYNC_ROLL_REASON_SHUTDOWN_FILE = 2,
    /**
     * cyrsync_client_wake() was called. To continue, call cyrsync_client_roll() again.
     */
    CYRSYNC_ROLL_REASON_WOKEN = 3,
    /**
     * "once" was set, and all entries were replicated.
     */
    CYRSYNC_ROLL_REASON_ONCE = 4,
    /**
     * "once" was set, and some tasks failed. Their entries were put back into the log.
     */
    CYRSYNC_ROLL_REASON_ONCE_FAILED = 5,
    /**
     * "connect_once" was set, and the replica closed the connection (BYE).
     */
    CYRSYNC_ROLL_REASON_GOODBYE = 6,
    /**
     * "once" was set, and no task failed, but another process had locked some users or mailboxes.
     * The entries of their tasks were put back into the log.
     */
    CYRSYNC_ROLL_REASON_ONCE_LOCKED = 7,
} cyrsync_roll_reason;

/**
 * Options of cyrsync_client_roll(). Begin with CYRSYNC_ROLL_OPTIONS_INIT, which does not read
 * imapd.conf: all options are 0. cyrsync_config_rolling() sets them as imapd.conf says. Then
 * change the options that you need. The comments give the name of the same option in imapd.conf or
 * of sync_client.
 */
typedef struct cyrsync_roll_options {
    /**
     * The size of this structure, sizeof(cyrsync_roll_options). CYRSYNC_ROLL_OPTIONS_INIT sets it.
     */
    size_t size;
    /**
     * The shortest time from the start of one pass over the log to the start of the next, in
     * milliseconds (sync_repeat_interval). A pass replicates all entries that are in the log. 0
     * starts a pass as soon as something is logged.
     */
    uint64_t interval_ms;
    /**
     * While there is nothing to replicate, the client tells the replica at intervals of this many
     * seconds to release its staged message files (sync_client -t); 0 for never.
     */
    uint64_t release_after_s;
    /**
     * The path of the shutdown file (sync_shutdown_file): the call ends when this file exists. If
     * empty, there is no shutdown file.
     */
    cyrsync_str shutdown_file;
    /**
     * The longest pause between attempts to connect, in seconds (sync_reconnect_maxwait); 0 for no
     * limit.
     */
    uint64_t longest_pause_s;
    /**
     * Not 0: try to connect only once (sync_client -o). If the attempt fails, the call fails with
     * its error; the entries stay in the log.
     */
    uint32_t connect_once;
    /**
     * Not 0: replicate only the entries that are in the log at the start of the call (sync_client
     * -1).
     */
    uint32_t once;
} cyrsync_roll_options;

/**
 * Initial value of a cyrsync_roll_options: its size, and all other members 0.
 */
#define CYRSYNC_ROLL_OPTIONS_INIT CYRSYNC_SIZED_INIT(cyrsync_roll_options)

/**
 * The result of cyrsync_client_roll().
 */
typedef struct cyrsync_roll_result {
    /**
     * The size of this structure, sizeof(cyrsync_roll_result). CYRSYNC_ROLL_RESULT_INIT sets it.
     */
    size_t size;
    /**
     * The reason for the end: a value of cyrsync_roll_reason.
     */
    uint32_t reason;
    /**
     * If "once" was set: the number of tasks that were put back into the log because another
     * process had locked their users or mailboxes. Otherwise 0.
     */
    uint64_t locked;
    /**
     * If "once" was set: the number of tasks that failed and were put back into the log. Otherwise
     * 0.
     */
    uint64_t failed;
} cyrsync_roll_result;

/**
 * Initial value of a cyrsync_roll_result: its size, and all other members 0.
 */
#define CYRSYNC_ROLL_RESULT_INIT CYRSYNC_SIZED_INIT(cyrsync_roll_result)

/**
 * Appends entries to sync logs. Clients that run cyrsync_client_roll() on these channels then
 * replicate the users and mailboxes that the entries name. In Cyrus, the function sync_log() and
 * the program cyr_synclog do the same. The entries are written under Cyrus's own locks. A missing
 * log directory is created. All entries and channels are checked before anything is written. If
 * one log cannot be written, the logs of the channels before it already have the entries.
 *
 * An entry is a word and one or two names:
 *
 * - USER, UNUSER, META: a userid.
 * - MAILBOX, APPEND, UNMAILBOX, ANNOTATION: the internal name of a mailbox. An empty name after
 *   ANNOTATION stands for the server's annotations.
 * - QUOTA: a quota root.
 * - DOUBLEMAILBOX: the mailboxes from which and to which messages were copied.
 * - RENAME: the old and the new internal name of a mailbox.
 * - SEEN: a userid and the uniqueid of a mailbox.
 * - SUB, UNSUB: a userid and the internal name of a mailbox.
 *
 * A name must be in double quotes if it is empty or contains blanks, parentheses, braces or double
 * quotes. Within the quotes, write a backslash before each double quote and each backslash.
 *
 * @param config         The configuration, which determines where the logs are. It needs no
 *                       sync_host.
 * @param channels       The names of the channels. An empty name stands for the log without a
 *                       channel. If a channel is not in the configuration, the call fails with
 *                       CYRSYNC_RESULT_CONFIG.
 * @param channel_count  The number of channels. If 0, the entries go to all channels that Cyrus's
 *                       programs log to (sync_log_channels). If sync_log is off, the call then
 *                       fails with CYRSYNC_RESULT_CONFIG.
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
 * Sets the options of cyrsync_client_roll() as imapd.conf and the channel of the configuration
 * say: sync_repeat_interval, sync_shutdown_file and sync_reconnect_maxwait. release_after_s
 * becomes 600, as in sync_client; connect_once and once become 0.
 *
 * @param config   The configuration.
 * @param options  Filled with the options. Its size must be set. The text shutdown_file belongs to
 *                 the configuration and is valid until the configuration is freed.
 * @param err      Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_config_rolling(
    const cyrsync_config *config,
    cyrsync_roll_options *options,
    cyrsync_error **err);

/**
 * Replicates the entries that Cyrus's programs write to the sync log of the client's channel,
 * until cyrsync_client_finish() or cyrsync_client_cancel() is called, or for another reason of
 * cyrsync_roll_reason. If an entry fails, the others are still replicated. The failed entry stays
 * in the log and is retried after a growing pause; the item and log callbacks receive the failure.
 * An entry is also retried if its user or mailbox was locked for longer than the time of
 * cyrsync_config_set_lock_patience(). The call fails with CYRSYNC_RESULT_LOCKED if another client
 * already runs cyrsync_client_roll() or this project's sync_client -r on the channel. Cyrus's own
 * sync_client is not detected: stop it first.
 *
 * @param client   The client.
 * @param options  The options.
 * @param result   Filled with the reason for the end and, if once was set, the number of tasks
 *                 that are not done.
 *                 May be NULL.
 * @param err      Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_roll(
    cyrsync_client *client,
    const cyrsync_roll_options *options,
    cyrsync_roll_result *result,
    cyrsync_error **err);

/**
 * Tells cyrsync_client_roll() to end after the current task. This lasts until
 * cyrsync_client_reset_cancel() is called: until then every cyrsync_client_roll() ends at once. In
 * other calls, it ends only a pause between two attempts to connect, and a wait while an
 * administrator holds the server still; such a call fails with CYRSYNC_RESULT_CANCELLED. May be
 * called from any thread, callback or signal handler, like cyrsync_client_cancel().
 *
 * @param client  The client. NULL is fine.
 */
CYRSYNC_API void cyrsync_client_finish(const cyrsync_client *client);

/**
 * Wakes cyrsync_client_roll(), also from a pause between attempts to connect: it ends with
 * CYRSYNC_ROLL_REASON_WOKEN. The next cyrsync_client_roll() retries failed entries at once. In
 * other calls, it ends only a pause between two attempts to connect, and the next attempt begins.
 * Has no effect if no call of the client runs: it does not wake a later call. The exception is the
 * time after a cyrsync_client_roll() that ended with CYRSYNC_ROLL_REASON_WOKEN: a call at that time
 * ends the next cyrsync_client_roll() at once. May be called from any thread, callback or signal
 * handler, like cyrsync_client_cancel().
 *
 * @param client  The client. NULL is fine.
 */
CYRSYNC_API void cyrsync_client_wake(const cyrsync_client *client);

/**
 * Replicates the entries of a sync log in memory, like Cyrus's sync_do_reader().
 *
 * An entry that fails does not stop the others, and the call returns CYRSYNC_RESULT_OK. The
 * library does not keep the failed entry: it is lost unless the program keeps it. Therefore look
 * at the report's members failed and locked, or set the item callback, and pass the entry of each
 * failed item to cyrsync_log_append(). Locked entries: if the client has a channel, the library
 * appends them to the channel's log, so cyrsync_client_roll() will replicate them. If the client
 * has no channel, they are lost like failed entries, so pass them to cyrsync_log_append() too.
 *
 * If the call does not return CYRSYNC_RESULT_OK, nothing was appended, not even locked entries:
 * keep the whole log, and process it again or pass it to cyrsync_log_append(). A line that is not a
 * valid entry is skipped. Only the callbacks log and event receive it; the report does not count it.
 *
 * @param client  The client.
 * @param log     The entries, one per line: "MAILBOX user.fred".
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
 * Replicates the entries of a sync log in a file, like sync_client -r -f. The file is not changed.
 * In other respects like cyrsync_client_process_log(): failed entries are not kept elsewhere, and
 * the call returns CYRSYNC_RESULT_OK.
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
 * Like cyrsync_client_process_log(), for a server that calls it before it confirms a change to a
 * user, like Cyrus's sync_checkpoint(). In addition it uses the replication cache
 * (sync_cache_db_path), and starts the time that cyrsync_client_disconnect_if_idle() measures. The
 * replica has every change only if the call returns CYRSYNC_RESULT_OK, failed and locked of the
 * report are 0, and all lines were valid entries.
 *
 * @param client  The client.
 * @param log     The entries, one per line: "MAILBOX user.fred".
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
 * Disconnects from the replica if the last cyrsync_client_checkpoint() ended long ago. Call this
 * function from a timer. Cyrus disconnects after 30 seconds.
 *
 * @param client   The client.
 * @param seconds  How long ago the last checkpoint must have ended, in seconds.
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
 * mailbox that needs a repair is compared in full. A plan does not show which message files
 * replication will send.
 *
 * @param client  The client.
 * @param log     The entries, one per line: "MAILBOX user.fred".
 * @param report  On success filled with the number of entries by outcome. May be NULL.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_plan_log(
    cyrsync_client *client,
    cyrsync_str log,
    cyrsync_report *report,
    cyrsync_error **err);

/**
 * Plans what cyrsync_client_sync_all() would do, like cyrsync_client_plan_log().
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
 * Plans what cyrsync_client_sync_user() would do, like cyrsync_client_plan_log(). If only_meta is
 * true, plans what cyrsync_client_sync_meta() would do.
 *
 * @param client     The client.
 * @param user       The userid.
 * @param only_meta  Whether to plan only the seen state, subscriptions and Sieve scripts.
 * @param err        Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_plan_user(
    cyrsync_client *client,
    cyrsync_str user,
    bool only_meta,
    cyrsync_error **err);

/**
 * Plans what cyrsync_client_sync_mailboxes() would do, like cyrsync_client_plan_log().
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
 * channel, like cyrsync_client_plan_log(). The logs are not changed.
 *
 * @param client  The client.
 * @param report  On success filled with the number of entries by outcome. May be NULL.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_plan_roll(
    cyrsync_client *client,
    cyrsync_report *report,
    cyrsync_error **err);

/* ---- Verification ------------------------------------------------------------------------- */

/**
 * The totals of a verification.
 */
typedef struct cyrsync_verify_totals {
    /**
     * The size of this structure, sizeof(cyrsync_verify_totals). CYRSYNC_VERIFY_TOTALS_INIT sets
     * it.
     */
    size_t size;
    /**
     * Fields that differ, without those in pending. If differences, pending and unknown are all 0,
     * everything that was compared is equal; if users and mailboxes are 0 too, nothing was
     * compared. cyrsync_client_verify_all() does not find users that only the replica has.
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
     * Users whose data outside mailboxes was compared: subscriptions, seen state, Sieve scripts.
     */
    uint64_t users;
    /**
     * Mailboxes that were compared.
     */
    uint64_t mailboxes;
    /**
     * Message records that were compared.
     */
    uint64_t records;
    /**
     * Message files that were read on both sides.
     */
    uint64_t messages;
} cyrsync_verify_totals;

/**
 * Initial value of a cyrsync_verify_totals: its size, and all other members 0.
 */
#define CYRSYNC_VERIFY_TOTALS_INIT CYRSYNC_SIZED_INIT(cyrsync_verify_totals)

/**
 * Compares all data of a user on both sides, and changes nothing. The finding callback receives
 * the differences. The call succeeds even if there are differences.
 *
 * @param client    The client.
 * @param user      The userid.
 * @param what      What to compare beside the records. Empty: nothing more. "messages": all
 *                  message files, which are read on both sides. "messages:10%": this share of the
 *                  message files.
 * @param totals    Filled with the totals. May be NULL.
 * @param err       Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_verify_user(
    cyrsync_client *client,
    cyrsync_str user,
    cyrsync_str what,
    cyrsync_verify_totals *totals,
    cyrsync_error **err);

/**
 * Compares the subscriptions, seen state and Sieve scripts of a user, like
 * cyrsync_client_verify_user(). It has no parameter what, because it reads no message files.
 *
 * @param client    The client.
 * @param user      The userid.
 * @param totals    Filled with the totals. May be NULL.
 * @param err       Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_verify_meta(
    cyrsync_client *client,
    cyrsync_str user,
    cyrsync_verify_totals *totals,
    cyrsync_error **err);

/**
 * Compares mailboxes, like cyrsync_client_verify_user().
 *
 * @param client    The client.
 * @param names     The internal names of the mailboxes.
 * @param count     The number of names.
 * @param what      As for cyrsync_client_verify_user().
 * @param totals    Filled with the totals. May be NULL.
 * @param err       Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_verify_mailboxes(
    cyrsync_client *client,
    const cyrsync_str *names,
    size_t count,
    cyrsync_str what,
    cyrsync_verify_totals *totals,
    cyrsync_error **err);

/**
 * Compares every shared mailbox whose internal name begins with prefix, and every user who has
 * such a mailbox, like cyrsync_client_verify_user(). If prefix is empty, compares the server's
 * annotations too.
 *
 * @param client    The client.
 * @param prefix    The beginning of the internal names. Empty for all.
 * @param what      As for cyrsync_client_verify_user().
 * @param totals    Filled with the totals. May be NULL.
 * @param err       Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_verify_all(
    cyrsync_client *client,
    cyrsync_str prefix,
    cyrsync_str what,
    cyrsync_verify_totals *totals,
    cyrsync_error **err);

/* ---- Progress and status ------------------------------------------------------------------ */

/**
 * The severity of a status. The numbers are the exit statuses of a Nagios plugin. Log lines have a
 * different enumeration, cyrsync_log_level.
 */
typedef enum cyrsync_health {
    /**
     * There is no problem.
     */
    CYRSYNC_HEALTH_OK = 0,
    /**
     * There is a problem that a person should look at during working hours.
     */
    CYRSYNC_HEALTH_WARNING = 1,
    /**
     * There is a problem that a person should look at immediately.
     */
    CYRSYNC_HEALTH_CRITICAL = 2,
    /**
     * The state cannot be determined.
     */
    CYRSYNC_HEALTH_UNKNOWN = 3,
} cyrsync_health;

/**
 * The state of the replication of a channel. Free it with cyrsync_status_free().
 */
typedef struct cyrsync_status cyrsync_status;

/**
 * Returns the progress of a client. May be called from any thread or callback, even while another
 * call of the same client runs.
 *
 * @param client  The client.
 * @param out     Filled with the progress. Its size must be set.
 * @param err     Set to the error on failure. May be NULL.
 */
CYRSYNC_API CYRSYNC_NODISCARD
cyrsync_result cyrsync_client_progress(
    const cyrsync_client *client,
    cyrsync_progress *out,
    cyrsync_error **err);

/**
 * Reads the state of the replication of the configuration's channel. If a client runs
 * cyrsync_client_roll() or sync_client -r on the channel, reads its status file; otherwise reads
 * the sync logs. Does not connect, lock or change anything.
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
 * Returns the severity of the status at the current time.
 *
 * @param status      The status. NULL gives CYRSYNC_HEALTH_UNKNOWN.
 * @param warn_lag_s  The cyrsync_status_lag() from which the health is at least a warning. 0 for
 *                    no limit.
 * @param crit_lag_s  The cyrsync_status_lag() from which the health is critical. 0 for no limit.
 */
CYRSYNC_API cyrsync_health cyrsync_status_health(
    const cyrsync_status *status,
    uint64_t warn_lag_s,
    uint64_t crit_lag_s);

/**
 * Returns the lag: the age in seconds of the oldest change that is not replicated yet, or 0 if
 * there is no such change.
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
