//! The functions that a host supplies.

use std::ffi::{c_int, c_void};

use super::super::callbacks::cyrsync_destroy_callback;
use super::super::failure::cyrsync_failure;
use super::super::sized::grows;
use super::super::strings::cyrsync_str;
use super::structs::*;

/// The data of the master as a host supplies it: see "The host store" at the head of this header.
/// Begin with CYRSYNC_HOST_INIT, then set the functions. Those that may be NULL say so. Each
/// answers with CYRSYNC_RESULT_OK, with what an emit function gave, or with one of NULL_POINTER to
/// NOT_FOUND, LOCKED to CANCELLED; of a failure cyrsync_failure_set() may tell more.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_host {
    /// sizeof(cyrsync_host): CYRSYNC_HOST_INIT sets it.
    pub size: usize,
    /// CYRSYNC_HOST_VERSION: CYRSYNC_HOST_INIT sets it.
    pub version: u32,
    /// Given to every function of this table.
    pub userdata: *mut c_void,
    /// Gives userdata back when nobody uses it any more. May be NULL.
    pub destroy: cyrsync_destroy_callback,

    /// Emits the entry of a name, if there is one: tombstones, intermediates and reserved ones
    /// too (mboxlist_lookup_allow_all).
    pub lookup: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            emit: cyrsync_emit_entry,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the entry with a uniqueid, if there is one, with its former names
    /// (mboxlist_lookup_by_uniqueid).
    pub lookup_by_id: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            uniqueid: cyrsync_str,
            emit: cyrsync_emit_entry,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits all mailboxes of a user, INBOX first, deleted ones ("DELETED.user.fred...") and
    /// intermediates too, no tombstones (mboxlist_usermboxtree with MBOXTREE_DELETED).
    pub list_user: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            userid: cyrsync_str,
            emit: cyrsync_emit_entry,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits every mailbox whose name begins with prefix, tombstones too, no intermediates
    /// (mboxlist_allmbox with MBOXTREE_TOMBSTONES). What cannot be read is passed over and
    /// answered with CYRSYNC_RESULT_CORRUPT at the end.
    pub list: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            prefix: cyrsync_str,
            emit: cyrsync_emit_entry,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,

    /// Excludes all others that replicate the user (userid empty: shared mailboxes) to the same
    /// server (sync_lock of sync_support.c: the name lock "*S*server*userid"). Waits for
    /// wait_ms milliseconds, for ever if that is negative; CYRSYNC_RESULT_LOCKED if it is not
    /// free then. *lock is what sync_unlock is called with; NULL is fine.
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
    /// Releases it.
    pub sync_unlock: Option<unsafe extern "C" fn(userdata: *mut c_void, lock: *mut c_void)>,

    /// Opens a mailbox with its index locked for reading (mailbox_open_irl), waiting as
    /// sync_lock does. CYRSYNC_RESULT_NOT_FOUND if it is not there, deleted, reserved, an
    /// intermediate or on another server; CYRSYNC_RESULT_MOVED if it is on its way to one.
    /// *mailbox is what the functions below are called with, and in the end close.
    pub open: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            wait_ms: i64,
            mailbox: *mut *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Fills in the state of the mailbox, as it was when its index was locked. Called once, after
    /// open. What *state points to is borrowed until the next call for the mailbox.
    pub state: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            mailbox: *mut c_void,
            state: *mut cyrsync_mailbox_state,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the records with a UID of at least from_uid by ascending UID, expunged and unlinked
    /// ones too: with from_uid 0 as many as num_records of the state says, or the mailbox fails.
    /// That includes those without a UID (0), which fail it too, so that they are noticed.
    /// since_modseq 0 is no bound: records with modseq 0, which an old Cyrus wrote, come too. The
    /// library passes nothing else; a host may leave out what is not above another since_modseq.
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
    /// Computes the sync CRCs from all records and annotations (mailbox_synccrcs with force). May
    /// be NULL: then the library does, with scan and message_annotations.
    pub recompute_crcs: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            mailbox: *mut c_void,
            basic: *mut u32,
            annot: *mut u32,
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
    /// Emits the annotations that are stored for a message, in any order. Those that stand for
    /// fields of its record (thrid, savedate, createdmodseq) are not among them.
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
    /// Fills in where the file of a message is (mailbox_record_fname). The library opens it and
    /// compares its size with the record's. Also called after unlock_index.
    pub message_file: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            mailbox: *mut c_void,
            record: *const cyrsync_record,
            file: *mut cyrsync_message_file,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Lets others write to the mailbox again, but keeps message files from being unlinked until
    /// close (mailbox_unlock_index). Then only message_file and close follow.
    pub unlock_index: Option<unsafe extern "C" fn(userdata: *mut c_void, mailbox: *mut c_void)>,
    /// Closes the mailbox and releases its locks. Always called for what open gave.
    pub close: Option<unsafe extern "C" fn(userdata: *mut c_void, mailbox: *mut c_void)>,

    /// Emits the annotations of a mailbox without opening it, or those of the server if name is
    /// empty.
    pub annotations: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            emit: cyrsync_emit_annotation,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the internal names that a user is subscribed to, in the order of the database
    /// (mboxlist_sublist).
    pub subscriptions: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            userid: cyrsync_str,
            emit: cyrsync_emit_str,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the seen state of a user (seen_foreach).
    pub seen: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            userid: cyrsync_str,
            emit: cyrsync_emit_seen,
            sink: *mut c_void,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Emits the limits of a quota root, if it is one (quota_read).
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
    /// Emits the content of one of them, in pieces of any size.
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
    /// Sets *modseq to the highest modseq that the owner of a mailbox has anywhere; 0 if each mailbox has
    /// its own (mboxname_readmodseq).
    pub used_modseq: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            modseq: *mut u64,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// Sets *modseq to the modseq of the reverse ACLs of the user whose INBOX it is; 0 for other mailboxes
    /// and if they are not used (mboxname_readraclmodseq).
    pub raclmodseq: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            modseq: *mut u64,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,

    /// Writes to the master, when a repair must. Command is what a sync server would be sent, as
    /// one text with all its message literals and its CRLF: "APPLY RESERVE %(...)",
    /// "APPLY MESSAGE (%{default 3f... 512}CRLF...)", "APPLY MAILBOX %(...)", "RESTART". Verb is
    /// its first word, body what follows it after a space: what dlist_parse() takes, for
    /// sync_apply(). Emits the reply as that server would send it, in pieces of any size:
    /// "* RESERVE (...)CRLF", then "OK success" or "NO IMAP_SYNC_CHANGED ...". A NO is no
    /// failure of this function. Messages stay staged until RESTART. No mailbox is open
    /// meanwhile, but sync locks are held. May be NULL: then a mailbox that must be repaired here
    /// fails with CYRSYNC_RESULT_NEEDS_FULL_SYNC.
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
    /// Writes that a mailbox was changed by apply to the sync logs of all channels but that of
    /// the client, whose replica has it already. May be NULL: then the library does, to those that
    /// the configuration names.
    pub log_change: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            name: cyrsync_str,
            failure: *mut cyrsync_failure,
        ) -> c_int,
    >,
    /// About how many bytes the list of mailboxes has (the size of mailboxes.db): as many mailboxes
    /// may the replica tell of. May be NULL; then 24 MiB of them may, some thirty-five thousand of
    /// a user.
    pub list_bytes: Option<unsafe extern "C" fn(userdata: *mut c_void) -> u64>,
}

grows! {
    cyrsync_host may end before list_bytes, unknown members are Ignored;
}
