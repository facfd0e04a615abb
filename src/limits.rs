//! Every bound on what strangers' bytes may make us do, in one place.
//!
//! Disk and wire are hostile: a count is believed only as far as bytes are
//! left to back it, and past these limits a clear error is returned.

/// Deepest nesting of lists in a dlist. Cyrus itself nests about five deep.
pub const DLIST_DEPTH: usize = 64;
/// Longest atom, quoted string or literal held in memory (a mailbox annotation, a sieve script).
pub const DLIST_ITEM_BYTES: u64 = 64 << 20;
/// Longest response line outside literals: all records of a mailbox, or a user's subscriptions,
/// come in one.
pub const LINE_BYTES: usize = 64 << 20;
/// Longest line of a greeting or of a login.
pub const LOGIN_LINE_BYTES: usize = 64 << 10;
/// Longest reply: a user with a hundred thousand mailboxes needs about 100 MB.
pub const REPLY_BYTES: u64 = 256 << 20;
/// Bytes that may be written to the replica ahead of its replies.
pub const IN_FLIGHT_BYTES: u64 = 64 << 20;
/// Commands that may be written to the replica ahead of their replies.
pub const IN_FLIGHT_COMMANDS: usize = 256;
/// Longest name of a mailbox, deleted ones included (`MAX_MAILBOX_BUFFER` of `imap/mailbox.h`).
pub const MAILBOX_NAME_BYTES: usize = 1024;
/// User flags of one mailbox (`MAX_USER_FLAGS` of `imap/mailbox.h`).
pub const USER_FLAGS: usize = 128;
/// Longest logical line of imapd.conf.
pub const CONFIG_LINE_BYTES: usize = 1 << 20;
/// Largest file of a configuration.
pub const CONFIG_FILE_BYTES: u64 = 16 << 20;
/// Deepest chain of `@include` in imapd.conf.
pub const CONFIG_INCLUDE_DEPTH: usize = 16;
/// Largest cyrus.header that is read.
pub const MAILBOX_HEADER_BYTES: u64 = 1 << 20;
/// Longest key of a Cyrus database (names of mailboxes and annotations, message IDs).
pub const DB_KEY_BYTES: u64 = 1 << 20;
/// Longest value of a Cyrus database.
pub const DB_VALUE_BYTES: u64 = 16 << 20;
/// Records of a database that are read under one lock before they are visited without it.
pub const DB_CHUNK_RECORDS: usize = 4096;
/// Keys and values that are held for that, in bytes; one record may go beyond it.
pub const DB_CHUNK_BYTES: usize = 1 << 20;
/// Blocks of a database that are kept as long as it stays the same, in bytes for each open file.
pub const DB_CACHE_BYTES: usize = 1 << 20;
/// Largest record of a replication cache: a mailbox with its annotations.
pub const CACHE_RECORD_BYTES: usize = 4 << 20;
/// Longest line of a sync log, literals included. Names have some hundred bytes.
pub const LOG_LINE_BYTES: usize = 64 << 10;
/// Keys of a skiplist's log that are held while it is replayed, in bytes. Cyrus checkpoints when
/// the log is as long as the rest.
pub const DB_REPLAY_BYTES: usize = 64 << 20;
/// Records of a skiplist whose log is replayed; each takes four bytes afterwards.
pub const DB_REPLAY_RECORDS: usize = 8 << 20;
/// Largest file of a quota root.
pub const QUOTA_FILE_BYTES: u64 = 64 << 10;
/// What is read of a counters file; today's have 296 bytes.
pub const COUNTERS_FILE_BYTES: u64 = 4096;
/// Largest sieve script; Cyrus's own limit (`sieve_maxscriptsize`) is 32 KiB unless raised.
pub const SIEVE_SCRIPT_BYTES: u64 = 8 << 20;
/// Largest record of cyrus.index that is read; today's have 112 bytes.
pub const INDEX_RECORD_BYTES: u32 = 4096;
/// Bytes of cyrus.index that are in memory at a time.
pub const INDEX_CHUNK_BYTES: usize = 256 << 10;
