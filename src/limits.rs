//! Every bound on what strangers' bytes may make us do, in one place.
//!
//! Disk and wire are hostile: a count is believed only as far as bytes are
//! left to back it, and past these limits a clear error is returned.

/// Deepest nesting of lists in a dlist. Cyrus itself nests about five deep.
pub const DLIST_DEPTH: usize = 64;
/// Longest literal that may be announced. It is received only as far as [`REPLY_BYTES`] and what is
/// expected beyond that allow. A message that is fetched to repair the master may be longer: as
/// long as the replica has said in its record before, which 32 bits tell.
pub const DLIST_ITEM_BYTES: u64 = 64 << 20;
/// Longest fetched message that is held in memory; a longer one goes to a file while it arrives.
pub const FETCH_MEMORY_BYTES: u64 = 1 << 20;
/// Longest message that a replica is believed to have: a tebibyte. Versions of cyrus.index before 20
/// hold 32 bits.
pub const MESSAGE_BYTES: u64 = 1 << 40;
/// Longest item of a reply that is held in memory where it may go to a file: a mailbox of about six
/// thousand messages.
pub const ITEM_MEMORY_BYTES: usize = 1 << 20;
/// Memory that the parts of one parsed value may take. As values they take many times what they
/// have on the wire, so a reply is kept as it came and its items are parsed when they are used, the
/// records of `GET FULLMAILBOX` one by one. What is left has a list at the most: a hundred
/// thousand subscriptions take 10 MB.
pub const DLIST_PARSED_BYTES: usize = 16 << 20;
/// What replies may take that are complete or on their way: bytes as received,
/// [`REPLY_ITEM_BYTES`] for each item, [`REPLY_ELEMENT_BYTES`] for each element of a list. That
/// is about what they take when they are decoded, so that a replica can have no more than this
/// twice. Thirty-five thousand mailboxes of a user or seventy thousand records of a mailbox fit.
///
/// Who has more on the master may expect more of the replica:
/// [`Replica::expect`](crate::replica::Replica::expect) adds to it. So the memory that an honest
/// replica needs grows with the master's own data, and a hostile one cannot have more.
pub const REPLY_BYTES: u64 = 24 << 20;
/// Counted for each item of a reply beside its bytes.
pub const REPLY_ITEM_BYTES: u64 = 256;
/// Counted for each element of a list in a reply beside its bytes.
pub const REPLY_ELEMENT_BYTES: u64 = 96;
/// Expected for each byte of the master's mailboxes.db, which has about 700 for a mailbox: a
/// replica tells a mailbox in 450, and it counts 700.
pub const REPLY_PER_LIST_BYTE: u64 = 2;
/// Counted for each message of a mailbox that the master has: about 160 bytes on the wire.
pub const REPLY_RECORD_BYTES: u64 = 768;
/// Bytes of lines that belong to no reply (imapd's `* OK still here`) before the next reply ends.
pub const REPLY_NOISE_BYTES: u64 = 1 << 20;
/// Bytes of a reply that must come within the timeout, or its end: what comes in drops is silence.
pub const REPLY_PROGRESS_BYTES: u64 = 4096;
/// Timeouts that one reply may take in all, beside the time that its bytes need: a replica that
/// sends a line before each timeout would hold us for ever. With the default of `sync_timeout` this
/// is two hours, for a command on which the replica's disks work long.
pub const REPLY_WAITS: u32 = 4;
/// Bytes a second that lengthen this time, so that a long reply over a slow line arrives: slower
/// than a telephone line's modem, and the longest reply to an ordinary command ends within two more
/// hours.
pub const REPLY_RATE: u64 = 4096;
/// Longest line of a greeting or of a login.
pub const LOGIN_LINE_BYTES: usize = 64 << 10;
/// Most iterations that a server may ask for in SCRAM: RFC 7677 wants 4096 at the least, and each
/// costs time.
pub const SCRAM_ITERATIONS: u32 = 1_000_000;
/// Steps of a SASL exchange; real ones have three.
pub const SASL_STEPS: usize = 32;
/// Bytes that may be written to the replica ahead of its replies.
pub const IN_FLIGHT_BYTES: u64 = 64 << 20;
/// Commands that may be written to the replica ahead of their replies.
pub const IN_FLIGHT_COMMANDS: usize = 256;
/// Longest name of a mailbox, deleted ones included (`MAX_MAILBOX_BUFFER` of `imap/mailbox.h`).
pub const MAILBOX_NAME_BYTES: usize = 1024;
/// Names of groups of one user, together.
pub const USER_GROUPS_BYTES: usize = 1 << 20;
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
/// A database of a user that is read once is read at once if it is smaller than this.
pub const WHOLE_DB_BYTES: usize = 32 << 10;
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
/// What a host store may emit in one call of a function that lists what belongs to a user or a
/// mailbox: bytes of names and values, and [`HOST_ITEM_BYTES`] for each item. A host that never
/// ends must not take all memory.
#[cfg(feature = "capi")]
pub const HOST_LIST_BYTES: usize = 64 << 20;
/// Counted for each item that a host store emits beside its bytes.
#[cfg(feature = "capi")]
pub const HOST_ITEM_BYTES: usize = 128;
/// Largest record of cyrus.index that is read; today's have 112 bytes.
pub const INDEX_RECORD_BYTES: u32 = 4096;
/// Bytes of cyrus.index that are in memory at a time.
pub const INDEX_CHUNK_BYTES: usize = 256 << 10;

// What a replica may claim. A value that the master has too, or exceeds, is never refused: only
// what would be new here. Real servers stay far below all of these.

/// A modseq from here on is refused: IMAP clients take 63 bits (RFC 7162).
pub const MODSEQ_BOUND: u64 = 1 << 63;
/// How far a modseq may be above all that the mailbox and its owner have here. Each change of a
/// mailbox takes one: at a million changes a second this is twelve days.
pub const MODSEQ_JUMP: u64 = 1 << 40;
/// A UID from here on is refused: a mailbox whose last UID is the highest number takes no message
/// any more, so that a million must be left.
pub const UID_BOUND: u32 = u32::MAX - (1 << 20) + 1;
/// How far a repair raises the last UID without being asked to: more messages than a mailbox gets
/// while its sides are apart.
pub const UID_JUMP: u32 = 1 << 20;
/// Seconds that a time may lie in the future if a server's clock gave it, UIDVALIDITY included. A
/// clock that is a year fast is broken; renames raise a UIDVALIDITY by one each.
pub const CLOCK_AHEAD: i64 = 366 * 86_400;
/// Seconds that the date of a message may lie in the future. Clients choose it: mail from 2038, the
/// end of 32-bit clocks, is common among spam.
pub const MESSAGE_DATE_AHEAD: i64 = 20 * CLOCK_AHEAD;
/// Times before this one (the year 1833) are refused. Mail from before 1970 exists: what the wire
/// has for a negative time are the 64 bits of it.
pub const EARLIEST_TIME: i64 = -(1 << 32);
/// Times after this one (the year 9999) are refused wherever a replica tells one.
pub const LATEST_TIME: i64 = 253_402_300_799;
/// Longest name of a user flag (`imparse_isnatom` in `lib/imparse.c`).
pub const FLAG_NAME_BYTES: usize = 1023;
/// Longest name of an annotation, and longest name of the user whose value it is.
pub const ANNOTATION_NAME_BYTES: usize = 1024;
/// Longest value of an annotation. Calendars keep time zones of some ten kilobytes in them.
pub const ANNOTATION_VALUE_BYTES: usize = 1 << 20;
/// Messages that a repair expunges on the master without being asked to, in a mailbox of which
/// this is more than [`REPAIR_EXPUNGE_SHARE`] (`sync_repair_max_expunge`). Who tidies up a mailbox
/// by hand stays below it.
pub const REPAIR_MAX_EXPUNGE: u64 = 100;
/// One in so many messages of a mailbox: so few may always be expunged.
pub const REPAIR_EXPUNGE_SHARE: u64 = 10;
/// Bytes of messages that are read to find out which of a mailbox are damaged beside the first.
/// Of those beyond that only presence and size count: a mailbox that is tried again and again must
/// not cost reading all of it each time.
pub const SURVEY_BYTES: u64 = 64 << 20;
