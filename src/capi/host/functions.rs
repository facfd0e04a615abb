//! Defines the table of functions that a host supplies.

use std::ffi::{c_int, c_void};

use super::super::callbacks::cyrsync_destroy_callback;
use super::super::failure::cyrsync_failure;
use super::super::sized::grows;
use super::super::strings::cyrsync_str;
use super::structs::*;

/// The functions through which a host supplies the data of the master: see "The host store" at the
/// head of this header. Begin with CYRSYNC_HOST_INIT, then set the functions. A function is
/// required unless its comment says that it may be NULL.
///
/// To emit a value means to call the argument emit with the argument sink and the value. A function
/// that looks for something and does not find it emits nothing and returns CYRSYNC_RESULT_OK.
///
/// A function that returns int returns CYRSYNC_RESULT_OK on success. If a call of emit returns a
/// number other than 0, the function returns this number at once. On failure the function returns a
/// CYRSYNC_RESULT_ code from 101 to 206 or from 501 to 505, and may first call
/// cyrsync_failure_set() to describe the failure. Any other code counts as CYRSYNC_RESULT_HOST.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_host {
    /// The size of this structure, sizeof(cyrsync_host). CYRSYNC_HOST_INIT sets it.
    pub size: usize,
    /// CYRSYNC_HOST_VERSION: CYRSYNC_HOST_INIT sets it. It will only change if the meaning of an
    /// existing function or structure changes; new functions only change the size. A table with
    /// another version is refused with CYRSYNC_RESULT_INVALID_ARGUMENT.
    pub version: u32,
    /// A pointer of the host's choice. The library passes it to every function of this table.
    pub userdata: *mut c_void,
    /// Releases userdata. Called once for each call of cyrsync_client_new_with_host() with this
    /// table: see "Userdata" at the head of this header. May be NULL.
    pub destroy: cyrsync_destroy_callback,

    /// Emits the entry of mailboxes.db for the mailbox called name, if there is one: also the
    /// tombstone of a deleted mailbox, an intermediate entry or a reserved entry
    /// (mboxlist_lookup_allow_all).
    pub lookup: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            emit: cyrsync_emit_mailbox_entry,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the entry of the mailbox with this uniqueid, if there is one, with its former names
    /// (mboxlist_lookup_by_uniqueid).
    pub lookup_by_id: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            uniqueid: cyrsync_str,
            emit: cyrsync_emit_mailbox_entry,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the entries of all mailboxes of a user, INBOX first. Includes deleted mailboxes
    /// ("DELETED.user.fred...") and intermediate entries, but no tombstones (mboxlist_usermboxtree
    /// with MBOXTREE_DELETED).
    pub list_user: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            userid: cyrsync_str,
            emit: cyrsync_emit_mailbox_entry,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the entry of every mailbox whose name begins with prefix. Includes tombstones, but no
    /// intermediate entries (mboxlist_allmbox with MBOXTREE_TOMBSTONES).
    pub list: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            prefix: cyrsync_str,
            emit: cyrsync_emit_mailbox_entry,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,

    /// Locks the replication of a user to a server, so that no other process replicates the user to
    /// the same server (sync_lock of sync_support.c: the name lock "*S*server*userid"). An empty
    /// userid stands for the shared mailboxes. Waits at most wait_ms milliseconds for the lock; 0
    /// does not wait, and a negative number waits without a limit. Returns CYRSYNC_RESULT_LOCKED if
    /// another process still holds the lock then. Sets *lock to a pointer of the host's choice,
    /// which may be NULL. The library passes this pointer to sync_unlock.
    pub sync_lock: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            server: cyrsync_str,
            userid: cyrsync_str,
            wait_ms: i64,
            lock: *mut *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Releases a lock of sync_lock. lock is the pointer that sync_lock set.
    pub sync_unlock: Option<unsafe extern "C" fn(userdata: *mut c_void, lock: *mut c_void)>,

    /// Opens a mailbox with its index locked for reading (mailbox_open_irl). wait_ms limits the
    /// wait for the lock, as for sync_lock. Returns CYRSYNC_RESULT_NOT_FOUND if the mailbox does
    /// not exist, or is deleted, reserved, an intermediate entry or on another server. Returns
    /// CYRSYNC_RESULT_MOVED if the mailbox is being moved to another server. Sets *mailbox to a
    /// pointer of the host's choice. The library passes this pointer to the functions below, and at
    /// last to close.
    pub open: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            wait_ms: i64,
            mailbox: *mut *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Fills *state with the state that the mailbox had when open locked its index. Called once,
    /// after open. Pointers in *state are borrowed until the next call for the mailbox.
    pub state: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            mailbox: *mut c_void,
            state: *mut cyrsync_mailbox_state,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits all records whose UID is at least from_uid, in ascending order of UID. These include
    /// expunged and unlinked records, and records with modseq 0. If from_uid is 0, emits every
    /// record of the index, even damaged records with UID 0. The library then compares their number
    /// with num_records of the state. If the number differs, or a record has UID 0, replication of
    /// the mailbox fails, so that the damage is noticed. since_modseq is reserved: it is always 0.
    pub scan: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            mailbox: *mut c_void,
            from_uid: u32,
            since_modseq: u64,
            emit: cyrsync_emit_record,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the annotations of the mailbox itself, in any order.
    pub mailbox_annotations: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            mailbox: *mut c_void,
            emit: cyrsync_emit_annotation,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the stored annotations of a message, in any order. Leaves out the annotations whose
    /// values are fields of the message's record (thrid, savedate, createdmodseq).
    pub message_annotations: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            mailbox: *mut c_void,
            uid: u32,
            emit: cyrsync_emit_annotation,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Fills *file with the location of a message file (mailbox_record_fname). The library opens
    /// the file and compares its size with message_size of the record. Also called after
    /// unlock_index.
    pub message_file: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            mailbox: *mut c_void,
            record: *const cyrsync_record,
            file: *mut cyrsync_message_file,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Unlocks the index, so that other processes can write to the mailbox again. Message files
    /// must still not be removed until close (mailbox_unlock_index). After this, the library calls
    /// only message_file and close for the mailbox.
    pub unlock_index: Option<unsafe extern "C" fn(userdata: *mut c_void, mailbox: *mut c_void)>,
    /// Closes a mailbox and releases its locks. Called once for each successful open.
    pub close: Option<unsafe extern "C" fn(userdata: *mut c_void, mailbox: *mut c_void)>,

    /// Emits the annotations of the mailbox called name, which the library has not opened. If name
    /// is empty, emits the annotations of the server.
    pub annotations: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            emit: cyrsync_emit_annotation,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the internal names of the mailboxes that a user is subscribed to, in the order of the
    /// database (mboxlist_sublist).
    pub subscriptions: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            userid: cyrsync_str,
            emit: cyrsync_emit_str,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the seen state of a user in each mailbox (seen_foreach).
    pub seen: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            userid: cyrsync_str,
            emit: cyrsync_emit_seen,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the limits of the quota root called root, if it exists (quota_read).
    pub quota: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            root: cyrsync_str,
            emit: cyrsync_emit_quota,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the Sieve scripts of a user, in any order (sync_sieve_list_generate).
    pub sieve_scripts: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            userid: cyrsync_str,
            emit: cyrsync_emit_sieve,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the content of the Sieve script called name, in pieces of any size.
    pub sieve_content: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            userid: cyrsync_str,
            name: cyrsync_str,
            emit: cyrsync_emit_str,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Sets *modseq to the highest modseq that the owner of the mailbox called name has in all
    /// mailboxes (mboxname_readmodseq). Sets it to 0 if each mailbox counts its own modseqs.
    pub used_modseq: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            modseq: *mut u64,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// If name is the INBOX of a user, sets *modseq to the modseq of this user's reverse ACLs
    /// (mboxname_readraclmodseq). Sets it to 0 for other mailboxes, and if reverse ACLs are not
    /// used.
    pub raclmodseq: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            modseq: *mut u64,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,

    /// Executes a command of a repair that writes to the master.
    ///
    /// command is the whole command as a client sends it to a sync server, with message literals
    /// and the final CRLF. Examples: "APPLY RESERVE %(...)", "APPLY MESSAGE (%{default 3f...
    /// 512}CRLF...)", "APPLY MAILBOX %(...)", "RESTART". verb is the first word of command. body is
    /// the rest after a space, without the final CRLF; it is empty for RESTART. Cyrus's
    /// dlist_parse() can parse body, and sync_apply() can execute the result. Messages in body may
    /// contain NUL bytes, so use its len.
    ///
    /// The function emits the reply as a sync server sends it, in pieces of any size: first lines
    /// such as "* RESERVE (...)CRLF", then "OK success" or "NO IMAP_SYNC_CHANGED ...". After
    /// emitting a NO it returns CYRSYNC_RESULT_OK: the library reads the NO from the reply.
    ///
    /// Messages stay staged until RESTART. During the call no mailbox is open, but sync locks are
    /// held. apply may be NULL: then a mailbox that needs a repair on this server fails with
    /// CYRSYNC_RESULT_NEEDS_FULL_SYNC.
    pub apply: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            verb: cyrsync_str,
            body: cyrsync_str,
            command: cyrsync_str,
            emit: cyrsync_emit_str,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Writes to sync logs that apply changed the mailbox called name: to the logs of all channels
    /// except the client's own channel, whose replica already has the change. May be NULL: then the
    /// library writes to the logs of the other channels in the configuration.
    pub log_change: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Returns the approximate size of the list of mailboxes in bytes (the size of mailboxes.db).
    /// The library uses it to limit the size of the replica's replies. May be NULL: then the limit
    /// is 24 MiB, which is enough for about 35,000 mailboxes of a user.
    pub list_bytes: Option<unsafe extern "C" fn(userdata: *mut c_void) -> u64>,
}

grows! {
    cyrsync_host may end before list_bytes, unknown members are Ignored;
}
