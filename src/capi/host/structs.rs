//! The structures in which a host gives its data, and the functions that take them.

use std::ffi::{c_int, c_void};

use super::super::sized::grows;
use super::super::strings::cyrsync_str;

/// The layout of the structures of the host store in this header, for cyrsync_host.version.
pub const CYRSYNC_HOST_VERSION: u32 = 1;

/// A name that a mailbox had before (name_history of mbentry_t).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_former_name {
    /// sizeof(cyrsync_former_name): CYRSYNC_FORMER_NAME_INIT sets it.
    pub size: usize,
    /// The former internal name.
    pub name: cyrsync_str,
    /// The partition that it was on.
    pub partition: cyrsync_str,
    /// When it was given up, in seconds since 1970.
    pub mtime: i64,
    /// Modseq of the folder then.
    pub foldermodseq: u64,
    /// UIDVALIDITY then.
    pub uidvalidity: u32,
}

/// An entry of mailboxes.db (mbentry_t). Begin with CYRSYNC_ENTRY_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_entry {
    /// sizeof(cyrsync_entry): CYRSYNC_ENTRY_INIT sets it.
    pub size: usize,
    /// Internal name, such as "user.fred.Sent".
    pub name: cyrsync_str,
    /// Stays through renames.
    pub uniqueid: cyrsync_str,
    /// Empty in tombstones and intermediates.
    pub partition: cyrsync_str,
    /// The server it lies on where that is another one, else empty.
    pub server: cyrsync_str,
    /// Access control list as stored: identifier, tab, rights, tab, and so on.
    pub acl: cyrsync_str,
    /// Kind and flags: the MBTYPE_ bits of Cyrus's mboxlist.h, MBTYPE_LEGACY_DIRS included.
    pub mbtype: u32,
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// Modseq at creation.
    pub createdmodseq: u64,
    /// Modseq of the last change of name, ACL or existence.
    pub foldermodseq: u64,
    /// When the entry was written, in seconds since 1970.
    pub mtime: i64,
    /// Names it had before, newest first. Asked for by uniqueid only.
    pub former_names: *const cyrsync_former_name,
    /// How many.
    pub former_name_count: usize,
    /// Empty, or why this entry cannot be read: then only name counts of the rest.
    pub unreadable: cyrsync_str,
    /// Id by which JMAP knows it, since Cyrus 3.13; else empty.
    pub jmapid: cyrsync_str,
}

/// The state of an open mailbox: entry, header and index header (struct mailbox). The library sets
/// all of it to zero, and size, before the host fills it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_mailbox_state {
    /// How much of it the library knows: write no further.
    pub size: usize,
    /// Internal name.
    pub name: cyrsync_str,
    /// uniqueid.
    pub uniqueid: cyrsync_str,
    /// Partition.
    pub partition: cyrsync_str,
    /// Access control list.
    pub acl: cyrsync_str,
    /// The quota root that applies; empty if none does.
    pub quotaroot: cyrsync_str,
    /// Names of the user flags by bit; empty where a bit is not used.
    pub flags: *const cyrsync_str,
    /// How many, 128 at most.
    pub flag_count: usize,
    /// Kind and flags, as in cyrsync_entry.
    pub mbtype: u32,
    /// Minor version of cyrus.index.
    pub minor_version: u32,
    /// The OPT_ bits of Cyrus's mailbox.h, masked by MAILBOX_OPTIONS_MASK.
    pub options: u32,
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// Highest UID ever given.
    pub last_uid: u32,
    /// Last UID that the owner has seen as recent.
    pub recentuid: u32,
    /// Records in the index, expunged ones included.
    pub num_records: u32,
    /// The sync CRC of the records that cyrus.index stores. If this and annot_crc are 0 there is
    /// none: then the library computes both whenever it needs them.
    pub basic_crc: u32,
    /// The sync CRC of the annotations of messages that cyrus.index stores; 0 for none.
    pub annot_crc: u32,
    /// Highest modseq.
    pub highestmodseq: u64,
    /// Up to this modseq expunged records are forgotten.
    pub deletedmodseq: u64,
    /// Modseq at creation.
    pub createdmodseq: u64,
    /// Modseq of the entry in mailboxes.db.
    pub foldermodseq: u64,
    /// Highest modseq of its conversations (mailbox_get_xconvmodseq); has_xconvmodseq says
    /// whether it has any.
    pub xconvmodseq: u64,
    /// Modseq of the owner's reverse ACLs (mboxname_readraclmodseq); 0 if not used.
    pub raclmodseq: u64,
    /// When recentuid was set, in seconds since 1970, as all that follow.
    pub recenttime: i64,
    /// Last append.
    pub last_appenddate: i64,
    /// Last POP3 login.
    pub pop3_last_login: i64,
    /// POP3 clients see messages from then on.
    pub pop3_show_after: i64,
    /// Not 0: the mailbox has conversations.
    pub has_xconvmodseq: u8,
    /// Empty, or why the parts of this mailbox may not belong together (cyrus.header of another
    /// mailbox, say): then it is replicated as it is but never repaired.
    pub inconsistency: cyrsync_str,
    /// Records that are not expunged, as the index header counts them; has_exists says whether the
    /// host tells it. A mailbox with fewer of them fails.
    pub exists: u32,
    /// Not 0: exists is set.
    pub has_exists: u8,
    /// Not 0: its owner's messages have short ids in JMAP (USER_COMPACT_EMAILIDS, since Cyrus
    /// 3.13).
    pub compact_emailids: u8,
    /// Not 0: this server has groups of users, and usergroups is set.
    pub knows_usergroups: u8,
    /// The groups that its owner is in, joined by tabs; empty for none
    /// (mboxlist_lookup_usergroups, since Cyrus 3.12).
    pub usergroups: cyrsync_str,
    /// Id by which JMAP knows it (mailbox_jmapid, since Cyrus 3.13); else empty.
    pub jmapid: cyrsync_str,
}

/// A message as cyrus.index holds it (struct index_record).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct cyrsync_record {
    /// sizeof(cyrsync_record): CYRSYNC_RECORD_INIT sets it.
    pub size: usize,
    /// Number of the message in its mailbox.
    pub uid: u32,
    /// Size of the message file in bytes.
    pub message_size: u64,
    /// When the message arrived, in seconds since 1970.
    pub internaldate: i64,
    /// When the record last changed.
    pub last_updated: i64,
    /// Last change of flags or existence.
    pub modseq: u64,
    /// The FLAG_ bits of Cyrus's mailbox.h.
    pub system_flags: u32,
    /// The FLAG_INTERNAL_ bits of Cyrus's mailbox.h.
    pub internal_flags: u32,
    /// Bit i of word i/32 is for the i-th name of the mailbox's flags.
    pub user_flags: [u32; 4],
    /// SHA-1 of the message file.
    pub guid: [u8; 20],
    /// When the message was put into this mailbox; 0 if not known.
    pub savedate: i64,
    /// Modseq at creation; 0 if not known.
    pub createdmodseq: u64,
    /// Conversation id; 0 if none.
    pub cid: u64,
    /// The conversation from which this one was split off (index version 20 on); 0 if none.
    pub basecid: u64,
    /// Nanoseconds of internaldate (index version 20 on); 0 if not known.
    pub internaldate_nsec: u32,
}

/// Where the file of a message is. The library sets size, fd to -1, and the rest to nothing before.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_message_file {
    /// How much of it the library knows: write no further.
    pub size: usize,
    /// The file, open for reading at its beginning. The library closes it. -1 to have content taken
    /// or path opened.
    pub fd: c_int,
    /// Its path: opened if there is neither fd nor content, else for messages about it only, and
    /// may be empty. Borrowed until the next call for the same mailbox.
    pub path: cyrsync_str,
    /// The message itself, where it is in no file; else empty. Borrowed like path, and copied.
    pub content: cyrsync_str,
}

/// An annotation of server, mailbox or message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_annotation {
    /// sizeof(cyrsync_annotation): CYRSYNC_ANNOTATION_INIT sets it.
    pub size: usize,
    /// Such as "/comment".
    pub entry: cyrsync_str,
    /// Whose private value it is; empty for the shared value.
    pub userid: cyrsync_str,
    /// The value.
    pub value: cyrsync_str,
    /// When it last changed; 0 if not known.
    pub modseq: u64,
}

/// What a user has seen of a mailbox (struct seendata).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_seen {
    /// sizeof(cyrsync_seen): CYRSYNC_SEEN_INIT sets it.
    pub size: usize,
    /// The uniqueid of the mailbox.
    pub uniqueid: cyrsync_str,
    /// The seen messages as an IMAP sequence: "1:5,7".
    pub seenuids: cyrsync_str,
    /// Highest UID that the user has seen as recent.
    pub lastuid: u32,
    /// When the user last read it, in seconds since 1970.
    pub lastread: i64,
    /// When the list last changed.
    pub lastchange: i64,
}

/// How many kinds of resources a quota root limits.
pub const CYRSYNC_QUOTA_RESOURCES: usize = 4;

/// The limits of a quota root (struct quota).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_quota {
    /// sizeof(cyrsync_quota): CYRSYNC_QUOTA_INIT sets it.
    pub size: usize,
    /// The root, an internal mailbox name.
    pub root: cyrsync_str,
    /// By Cyrus's numbers of resources (STORAGE, MESSAGE, X-ANNOTATION-STORAGE, X-NUM-FOLDERS), in
    /// its units; -1 for no limit.
    pub limits: [i64; CYRSYNC_QUOTA_RESOURCES],
    /// When the limits last changed.
    pub modseq: u64,
}

/// A Sieve script without its content (struct sync_sieve).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_sieve {
    /// sizeof(cyrsync_sieve): CYRSYNC_SIEVE_INIT sets it.
    pub size: usize,
    /// File name with extension, such as "main.script". The active script has a second entry,
    /// "main.bc", without time and GUID: it alone is marked active.
    pub name: cyrsync_str,
    /// SHA-1 of its content.
    pub guid: [u8; 20],
    /// Not 0: it is the bytecode of the active one.
    pub active: u8,
    /// When it was last changed, in seconds since 1970.
    pub last_update: i64,
}

grows! {
    cyrsync_former_name may end before mtime, unknown members are Ignored;
    cyrsync_entry may end before former_names, unknown members are Ignored;
    cyrsync_record may end before savedate, unknown members are Ignored;
    cyrsync_annotation may end before modseq, unknown members are Ignored;
    cyrsync_seen may end before lastread, unknown members are Ignored;
    cyrsync_quota may end before modseq, unknown members are Ignored;
    cyrsync_sieve may end before last_update, unknown members are Ignored;
}

/// Takes an entry. These functions answer with 0 for "go on"; else the host stops at once and
/// answers with what they gave. What is passed to them is borrowed for the call. They never call
/// the host.
pub type cyrsync_emit_entry =
    Option<unsafe extern "C" fn(sink: *mut c_void, entry: *const cyrsync_entry) -> c_int>;
/// Takes a record.
pub type cyrsync_emit_record =
    Option<unsafe extern "C" fn(sink: *mut c_void, record: *const cyrsync_record) -> c_int>;
/// Takes an annotation.
pub type cyrsync_emit_annotation =
    Option<unsafe extern "C" fn(sink: *mut c_void, annotation: *const cyrsync_annotation) -> c_int>;
/// Takes seen state.
pub type cyrsync_emit_seen =
    Option<unsafe extern "C" fn(sink: *mut c_void, seen: *const cyrsync_seen) -> c_int>;
/// Takes a quota root.
pub type cyrsync_emit_quota =
    Option<unsafe extern "C" fn(sink: *mut c_void, quota: *const cyrsync_quota) -> c_int>;
/// Takes a Sieve script.
pub type cyrsync_emit_sieve =
    Option<unsafe extern "C" fn(sink: *mut c_void, sieve: *const cyrsync_sieve) -> c_int>;
/// Takes a name, or a piece of a text.
pub type cyrsync_emit_str =
    Option<unsafe extern "C" fn(sink: *mut c_void, text: cyrsync_str) -> c_int>;
