//! Defines the structures in which a host passes its data, and the types of the emit functions.

use std::ffi::{c_int, c_void};

use super::super::sized::grows;
use super::super::strings::cyrsync_str;

/// The version of the host store's structures in this header, for cyrsync_host.version.
pub const CYRSYNC_HOST_VERSION: u32 = 1;

/// A former name of a mailbox (name_history of mbentry_t).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_former_name {
    /// The size of this structure, sizeof(cyrsync_former_name). CYRSYNC_FORMER_NAME_INIT sets it.
    pub size: usize,
    /// The former internal name.
    pub name: cyrsync_str,
    /// The partition of the mailbox when it had this name.
    pub partition: cyrsync_str,
    /// The time when the mailbox lost this name, in seconds since 1970.
    pub mtime: i64,
    /// The modseq of the folder when it had this name.
    pub foldermodseq: u64,
    /// The UIDVALIDITY of the mailbox when it had this name.
    pub uidvalidity: u32,
}

/// An entry of mailboxes.db (mbentry_t). Begin with CYRSYNC_MAILBOX_ENTRY_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_mailbox_entry {
    /// The size of this structure, sizeof(cyrsync_mailbox_entry). CYRSYNC_MAILBOX_ENTRY_INIT sets
    /// it.
    pub size: usize,
    /// The internal name, such as "user.fred.Sent".
    pub name: cyrsync_str,
    /// The uniqueid, which does not change when the mailbox is renamed.
    pub uniqueid: cyrsync_str,
    /// The partition; empty in tombstones and intermediate entries.
    pub partition: cyrsync_str,
    /// The server that has the mailbox; empty for this server.
    pub server: cyrsync_str,
    /// The access control list as stored: identifier, tab, rights, tab, and so on.
    pub acl: cyrsync_str,
    /// The kind of mailbox and flags: the MBTYPE_ bits of Cyrus's mboxlist.h, with
    /// MBTYPE_LEGACY_DIRS.
    pub mbtype: u32,
    /// The UIDVALIDITY of the mailbox.
    pub uidvalidity: u32,
    /// The modseq when the mailbox was created.
    pub createdmodseq: u64,
    /// The modseq when the mailbox was last created, deleted or renamed, or got another ACL.
    pub foldermodseq: u64,
    /// The time when the entry was written, in seconds since 1970.
    pub mtime: i64,
    /// The former names, newest first. Only lookup_by_id needs to set them.
    pub former_names: *const cyrsync_former_name,
    /// The number of former names.
    pub former_name_count: usize,
    /// The reason why this entry cannot be read; empty if it can be read. If this member is set,
    /// the library uses only this member and name. This applies to lookup, lookup_by_id, list_user
    /// and list. The library uses the entries that can be read, and reports the others as failures
    /// with CYRSYNC_RESULT_CORRUPT. If not even the name can be read, the function does not emit
    /// the entry, and returns CYRSYNC_RESULT_CORRUPT after the last entry.
    pub unreadable: cyrsync_str,
    /// The JMAP id of the mailbox; empty before Cyrus 3.13.
    pub jmapid: cyrsync_str,
}

/// The state of an open mailbox, from its entry, its header and its index header (struct mailbox).
/// Before the call, the library sets size, and sets all other members to zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_mailbox_state {
    /// The size of the structure in the library. The host must not write beyond it.
    pub size: usize,
    /// The internal name of the mailbox.
    pub name: cyrsync_str,
    /// The uniqueid of the mailbox.
    pub uniqueid: cyrsync_str,
    /// The partition of the mailbox.
    pub partition: cyrsync_str,
    /// The access control list, in the same form as in cyrsync_mailbox_entry.
    pub acl: cyrsync_str,
    /// The quota root of the mailbox; empty if it has none.
    pub quotaroot: cyrsync_str,
    /// The names of the user flags, in the order of their bits; an empty name for an unused bit.
    pub flags: *const cyrsync_str,
    /// The number of names in flags, at most 128.
    pub flag_count: usize,
    /// The kind of mailbox and flags, as in cyrsync_mailbox_entry.
    pub mbtype: u32,
    /// The minor version of cyrus.index, which is the version of its format.
    pub minor_version: u32,
    /// The OPT_ bits of Cyrus's mailbox.h, masked by MAILBOX_OPTIONS_MASK.
    pub options: u32,
    /// The UIDVALIDITY of the mailbox.
    pub uidvalidity: u32,
    /// The highest UID that was ever assigned in the mailbox.
    pub last_uid: u32,
    /// The last UID that was shown to the owner as recent.
    pub recentuid: u32,
    /// The number of records in the index, expunged ones included.
    pub num_records: u32,
    /// The sync CRC of the records, as stored in cyrus.index. If no CRCs are stored, or the mailbox
    /// is empty, this member and annot_crc are 0. Then the library computes both CRCs when it needs
    /// them.
    pub basic_crc: u32,
    /// The sync CRC of the annotations of messages, as stored in cyrus.index; 0 if there is none.
    pub annot_crc: u32,
    /// The highest modseq of the mailbox.
    pub highestmodseq: u64,
    /// The modseq up to which expunged records have been removed from the index.
    pub deletedmodseq: u64,
    /// The modseq when the mailbox was created.
    pub createdmodseq: u64,
    /// The modseq of the mailbox's entry in mailboxes.db (foldermodseq).
    pub foldermodseq: u64,
    /// The highest modseq of the mailbox's conversations (mailbox_get_xconvmodseq). Valid only if
    /// has_xconvmodseq is not 0.
    pub xconvmodseq: u64,
    /// The modseq of the owner's reverse ACLs (mboxname_readraclmodseq); 0 if reverse ACLs are not
    /// used.
    pub raclmodseq: u64,
    /// The time when recentuid was set, in seconds since 1970. The next three members are times in
    /// the same unit.
    pub recenttime: i64,
    /// The time when a message was last appended.
    pub last_appenddate: i64,
    /// The time of the last POP3 login.
    pub pop3_last_login: i64,
    /// POP3 clients see only messages that arrived after this time.
    pub pop3_show_after: i64,
    /// Not 0 if the mailbox has conversations: then xconvmodseq is set.
    pub has_xconvmodseq: u8,
    /// A description of an inconsistency: the reason why the files of this mailbox may not belong
    /// together, such as a cyrus.header of another mailbox. Empty if there is no inconsistency. If
    /// this member is set, the mailbox is replicated, but never repaired.
    pub inconsistency: cyrsync_str,
    /// The number of records that are not expunged, from the index header. Valid only if has_exists
    /// is not 0. If scan emits fewer such records, replication of the mailbox fails.
    pub exists: u32,
    /// Not 0 if exists is set.
    pub has_exists: u8,
    /// Not 0 if the owner's messages have short ids in JMAP (USER_COMPACT_EMAILIDS, since Cyrus
    /// 3.13).
    pub compact_emailids: u8,
    /// Not 0 if this server has groups of users: then usergroups is set.
    pub knows_usergroups: u8,
    /// The groups of the owner, separated by tabs; empty if the owner is in no group
    /// (mboxlist_lookup_usergroups, since Cyrus 3.12).
    pub usergroups: cyrsync_str,
    /// The JMAP id of the mailbox (mailbox_jmapid); empty before Cyrus 3.13.
    pub jmapid: cyrsync_str,
}

/// A record of cyrus.index, which describes a message (struct index_record).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct cyrsync_record {
    /// The size of this structure, sizeof(cyrsync_record). CYRSYNC_RECORD_INIT sets it.
    pub size: usize,
    /// The UID of the message.
    pub uid: u32,
    /// The size of the message file in bytes.
    pub message_size: u64,
    /// The internal date, which is the time when the message arrived, in seconds since 1970.
    pub internaldate: i64,
    /// The time of the record's last change, in seconds since 1970.
    pub last_updated: i64,
    /// The modseq when the record was created or expunged, or when its flags last changed.
    pub modseq: u64,
    /// The FLAG_ bits of Cyrus's mailbox.h.
    pub system_flags: u32,
    /// The FLAG_INTERNAL_ bits of Cyrus's mailbox.h.
    pub internal_flags: u32,
    /// The user flags. Flag i in flags of the mailbox state (from 0) is bit i%32 of word i/32.
    pub user_flags: [u32; 4],
    /// The SHA-1 of the message file.
    pub guid: [u8; 20],
    /// The time when the message was put into this mailbox, in seconds since 1970; 0 if not known.
    pub savedate: i64,
    /// The modseq when the record was created; 0 if not known.
    pub createdmodseq: u64,
    /// The id of the message's conversation; 0 if there is none.
    pub cid: u64,
    /// The conversation from which that conversation was split off (index version 20 on); 0 if
    /// there is none.
    pub basecid: u64,
    /// The nanoseconds of internaldate (index version 20 on); 0 if not known.
    pub internaldate_nsec: u32,
}

/// The location of a message. Before the call, the library sets size, sets fd to -1, and sets the
/// strings to empty.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_message_file {
    /// The size of the structure in the library. The host must not write beyond it.
    pub size: usize,
    /// A file descriptor of the message file, open for reading, positioned at the start. Once the
    /// function has set it, the library owns and closes it, even if the function then fails. -1 if
    /// content or path is set instead.
    pub fd: c_int,
    /// The path of the message file. If fd is -1 and content is empty, the library opens this path.
    /// Otherwise the path is used only in log lines and errors, and may be empty. Borrowed until
    /// the next call for the same mailbox.
    pub path: cyrsync_str,
    /// The message itself, if it is not in a file; else empty. Borrowed like path; the library
    /// copies it.
    pub content: cyrsync_str,
}

/// An annotation of the server, a mailbox or a message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_annotation {
    /// The size of this structure, sizeof(cyrsync_annotation). CYRSYNC_ANNOTATION_INIT sets it.
    pub size: usize,
    /// The name of the annotation, such as "/comment".
    pub name: cyrsync_str,
    /// The user whose private value this is; empty for the shared value.
    pub userid: cyrsync_str,
    /// The value.
    pub value: cyrsync_str,
    /// The modseq of the annotation's last change; 0 if not known.
    pub modseq: u64,
}

/// The seen state of a user in a mailbox: which messages the user has seen (struct seendata).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_seen {
    /// The size of this structure, sizeof(cyrsync_seen). CYRSYNC_SEEN_INIT sets it.
    pub size: usize,
    /// The uniqueid of the mailbox.
    pub uniqueid: cyrsync_str,
    /// The seen messages as an IMAP sequence: "1:5,7".
    pub seenuids: cyrsync_str,
    /// The highest UID that was shown to the user as recent.
    pub lastuid: u32,
    /// The time when the user last read the mailbox, in seconds since 1970.
    pub lastread: i64,
    /// The time when seenuids last changed, in seconds since 1970.
    pub lastchange: i64,
}

/// The number of resources that a quota root can limit.
pub const CYRSYNC_QUOTA_RESOURCES: usize = 4;

/// The limits of a quota root (struct quota).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_quota {
    /// The size of this structure, sizeof(cyrsync_quota). CYRSYNC_QUOTA_INIT sets it.
    pub size: usize,
    /// The quota root, as an internal mailbox name.
    pub root: cyrsync_str,
    /// The limits, in Cyrus's order of resources: STORAGE in KiB, MESSAGE as a number,
    /// X-ANNOTATION-STORAGE in KiB, X-NUM-FOLDERS as a number. -1 means no limit.
    pub limits: [i64; CYRSYNC_QUOTA_RESOURCES],
    /// The modseq of the last change of the limits.
    pub modseq: u64,
}

/// A Sieve script without its content (struct sync_sieve).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_sieve {
    /// The size of this structure, sizeof(cyrsync_sieve). CYRSYNC_SIEVE_INIT sets it.
    pub size: usize,
    /// The file name with its extension, such as "main.script". The active script is emitted a
    /// second time, as "main.bc" with time and GUID 0. Only "main.bc" has active set.
    pub name: cyrsync_str,
    /// The SHA-1 of the script's content.
    pub guid: [u8; 20],
    /// Not 0 if this is the bytecode of the active script.
    pub active: u8,
    /// The time of the last change, in seconds since 1970.
    pub last_update: i64,
}

grows! {
    cyrsync_former_name may end before mtime, unknown members are Ignored;
    cyrsync_mailbox_entry may end before former_names, unknown members are Ignored;
    cyrsync_record may end before savedate, unknown members are Ignored;
    cyrsync_annotation may end before modseq, unknown members are Ignored;
    cyrsync_seen may end before lastread, unknown members are Ignored;
    cyrsync_quota may end before modseq, unknown members are Ignored;
    cyrsync_sieve may end before last_update, unknown members are Ignored;
}

/// A function of the library that receives a value from the host: here an entry of mailboxes.db. If
/// it returns 0, the host's
/// function goes on. If it returns another number, the host's function must return this number at
/// once. The arguments are borrowed: the library copies what it needs. The function never calls the
/// host. The same rules apply to the other emit functions.
pub type cyrsync_emit_mailbox_entry =
    Option<unsafe extern "C" fn(sink: *mut c_void, entry: *const cyrsync_mailbox_entry) -> c_int>;
/// Receives a record, like cyrsync_emit_mailbox_entry.
pub type cyrsync_emit_record =
    Option<unsafe extern "C" fn(sink: *mut c_void, record: *const cyrsync_record) -> c_int>;
/// Receives an annotation, like cyrsync_emit_mailbox_entry.
pub type cyrsync_emit_annotation =
    Option<unsafe extern "C" fn(sink: *mut c_void, annotation: *const cyrsync_annotation) -> c_int>;
/// Receives the seen state of a user in a mailbox, like cyrsync_emit_mailbox_entry.
pub type cyrsync_emit_seen =
    Option<unsafe extern "C" fn(sink: *mut c_void, seen: *const cyrsync_seen) -> c_int>;
/// Receives the limits of a quota root, like cyrsync_emit_mailbox_entry.
pub type cyrsync_emit_quota =
    Option<unsafe extern "C" fn(sink: *mut c_void, quota: *const cyrsync_quota) -> c_int>;
/// Receives a Sieve script without its content, like cyrsync_emit_mailbox_entry.
pub type cyrsync_emit_sieve =
    Option<unsafe extern "C" fn(sink: *mut c_void, sieve: *const cyrsync_sieve) -> c_int>;
/// Receives a name or a piece of a text, like cyrsync_emit_mailbox_entry.
pub type cyrsync_emit_str =
    Option<unsafe extern "C" fn(sink: *mut c_void, text: cyrsync_str) -> c_int>;
