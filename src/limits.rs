//! The limits on input from files, from the network, and from programs that use the library.
//!
//! Input may be hostile. A count in the input is accepted only if enough bytes follow for that many
//! items. Input beyond a limit causes an error that names the limit or the value.

/// Maximum depth of nested lists in a dlist (the syntax of replication commands). Cyrus itself
/// nests about five deep.
pub const DLIST_DEPTH: usize = 64;
/// Longest literal that a peer may announce. The memory for received literals is limited by
/// [`REPLY_BYTES`]. A message that is fetched to repair the master may be longer, up to the size in
/// the replica's record.
pub const DLIST_ITEM_BYTES: u64 = 64 << 20;
/// Longest fetched message that is kept in memory. A longer one is written to a file as it arrives.
pub const FETCH_MEMORY_BYTES: u64 = 1 << 20;
/// Longest message that a replica may report: a tebibyte. Versions of cyrus.index before 20 store
/// sizes in 32 bits.
pub const MESSAGE_BYTES: u64 = 1 << 40;
/// Longest item of a reply that is kept in memory if the caller allows a file instead. A mailbox of
/// about six thousand messages has this size.
pub const ITEM_MEMORY_BYTES: usize = 1 << 20;
/// Maximum memory for one parsed value, in bytes. A parsed value needs many times the memory of its
/// bytes. Therefore a reply is kept as bytes, its items are parsed when they are used, and the
/// records of `GET FULLMAILBOX` are parsed one by one. The largest remaining values are lists: a
/// hundred thousand subscriptions take 10 MB.
pub const DLIST_PARSED_BYTES: usize = 16 << 20;
/// Maximum memory for replies that are complete or arriving, in bytes. Counted are the received
/// bytes, [`REPLY_ITEM_BYTES`] for each item, and [`REPLY_ELEMENT_BYTES`] for each element of a
/// list. Decoded replies take about as much memory in addition, so a replica can use at most twice
/// this limit. Thirty-five thousand mailboxes of a user or seventy thousand records of a mailbox
/// fit.
///
/// If the master has more data, [`Replica::expect`](crate::replica::Replica::expect) raises the
/// limit for its replica. So the memory for an honest replica grows with the master's own data, and
/// a hostile replica cannot use more.
pub const REPLY_BYTES: u64 = 24 << 20;
/// Bytes that are counted for each item of a reply, in addition to the bytes of the item.
pub const REPLY_ITEM_BYTES: u64 = 256;
/// Bytes that are counted for each element of a list in a reply, in addition to the bytes of the
/// element.
pub const REPLY_ELEMENT_BYTES: u64 = 96;
/// Reply bytes that are expected for each byte of the master's mailboxes.db. A mailbox has about
/// 700 bytes there. A replica describes a mailbox in 450 bytes, which count as 700.
pub const REPLY_PER_LIST_BYTE: u64 = 2;
/// Reply bytes that are expected for each message of a mailbox on the master. About 160 of them are
/// really sent.
pub const REPLY_RECORD_BYTES: u64 = 768;
/// Maximum number of bytes, until the next reply ends, in lines that belong to no reply, such as
/// imapd's `* OK still here`.
pub const REPLY_NOISE_BYTES: u64 = 1 << 20;
/// Bytes of a reply that must arrive within each timeout, unless the reply ends. Fewer bytes do not
/// count as progress.
pub const REPLY_PROGRESS_BYTES: u64 = 4096;
/// Number of timeouts that one reply may take in total, besides the time that [`REPLY_RATE`] allows
/// for its bytes. Without this limit, a replica that sends a line before each timeout could hold
/// the client for ever. With the default of `sync_timeout` this is two hours, for a command that
/// keeps the replica's disks busy.
pub const REPLY_WAITS: u32 = 4;
/// Number of received bytes for which a reply gets one more second, so that a long reply can arrive
/// over a slow line. A telephone modem is faster than this rate. The longest reply to an ordinary
/// command thus gets less than two more hours.
pub const REPLY_RATE: u64 = 4096;
/// Longest line of a greeting or of a login, in bytes.
pub const LOGIN_LINE_BYTES: usize = 64 << 10;
/// Maximum number of iterations that a server may request in SCRAM, because each iteration takes
/// time. RFC 7677 requires at least 4096.
pub const SCRAM_ITERATIONS: u32 = 1_000_000;
/// Maximum number of steps of a SASL exchange. Real exchanges have at most three.
pub const SASL_STEPS: usize = 32;
/// Maximum number of bytes of commands that are sent to the replica before their replies are read.
pub const IN_FLIGHT_BYTES: u64 = 64 << 20;
/// Maximum number of commands that are sent to the replica before their replies are read.
pub const IN_FLIGHT_COMMANDS: usize = 256;
/// Longest name of a mailbox, including deleted ones (`MAX_MAILBOX_BUFFER` in `imap/mailbox.h`).
pub const MAILBOX_NAME_BYTES: usize = 1024;
/// Maximum number of bytes of the names of one user's groups together.
pub const USER_GROUPS_BYTES: usize = 1 << 20;
/// Maximum number of user flags of one mailbox (`MAX_USER_FLAGS` in `imap/mailbox.h`).
pub const USER_FLAGS: usize = 128;
/// Longest logical line of imapd.conf, in bytes, with its continuation lines.
pub const CONFIG_LINE_BYTES: usize = 1 << 20;
/// Size of the largest configuration file that is read, in bytes.
pub const CONFIG_FILE_BYTES: u64 = 16 << 20;
/// Maximum depth of nested `@include` in imapd.conf.
pub const CONFIG_INCLUDE_DEPTH: usize = 16;
/// Size of the largest cyrus.header that is read, in bytes.
pub const MAILBOX_HEADER_BYTES: u64 = 1 << 20;
/// Longest key of a Cyrus database, in bytes. Keys are names of mailboxes and annotations, and
/// message IDs.
pub const DB_KEY_BYTES: u64 = 1 << 20;
/// Longest value of a Cyrus database, in bytes.
pub const DB_VALUE_BYTES: u64 = 16 << 20;
/// Maximum number of records of a database that are read under one lock. They are handled after the
/// lock is released.
pub const DB_CHUNK_RECORDS: usize = 4096;
/// Maximum number of bytes of keys and values that are read under one lock. The last record may
/// exceed the limit.
pub const DB_CHUNK_BYTES: usize = 1 << 20;
/// Maximum number of bytes of a database that are cached for each open file. The cache is dropped
/// when the file changes.
pub const DB_CACHE_BYTES: usize = 1 << 20;
/// A user's database that is needed only once is read completely if it is smaller than this, in
/// bytes.
pub const WHOLE_DB_BYTES: usize = 32 << 10;
/// Longest record of a replication cache, in bytes. A record is a mailbox with its annotations.
pub const CACHE_RECORD_BYTES: usize = 4 << 20;
/// Longest line of a sync log, in bytes, including literals. Ordinary lines have at most a few
/// hundred bytes.
pub const LOG_LINE_BYTES: usize = 64 << 10;
/// Maximum number of bytes of keys in the log of a skiplist file that are in memory while the log
/// is replayed. Cyrus makes a checkpoint when the log is as long as the rest of the file.
pub const DB_REPLAY_BYTES: usize = 64 << 20;
/// Maximum number of records of a skiplist file whose log is replayed. Each record takes four bytes
/// of memory after the replay.
pub const DB_REPLAY_RECORDS: usize = 8 << 20;
/// Size of the largest file of a quota root, in bytes.
pub const QUOTA_FILE_BYTES: u64 = 64 << 10;
/// Maximum number of bytes of a counters file that are read. Files of current versions have 296
/// bytes.
pub const COUNTERS_FILE_BYTES: u64 = 4096;
/// Size of the largest Sieve script, in bytes. Cyrus's own limit (`sieve_maxscriptsize`) is 32 KiB
/// by default.
pub const SIEVE_SCRIPT_BYTES: u64 = 8 << 20;
/// Maximum number of bytes that a host store may return from one call of a function that lists data
/// of a user or a mailbox. Counted are the bytes of names and values, and [`HOST_ITEM_BYTES`] for
/// each item. Without this limit a host that never ends its list would use all memory.
#[cfg(feature = "capi")]
pub const HOST_LIST_BYTES: usize = 64 << 20;
/// Bytes that are counted for each item that a host store returns, in addition to the bytes of the
/// item.
#[cfg(feature = "capi")]
pub const HOST_ITEM_BYTES: usize = 128;
/// Longest record of cyrus.index that is read, in bytes. Records of Cyrus 3.12 have 112 bytes.
pub const INDEX_RECORD_BYTES: u32 = 4096;
/// Number of bytes of cyrus.index that are in memory at a time.
pub const INDEX_CHUNK_BYTES: usize = 256 << 10;

// Limits on values that a replica reports. A value is always accepted if the master has the same or
// a higher value. Real servers stay far below all limits.

/// The lowest modseq that is refused. IMAP clients accept only 63 bits (RFC 7162).
pub const MODSEQ_BOUND: u64 = 1 << 63;
/// Maximum difference between a modseq of the replica and the highest modseq of the mailbox and its
/// owner on the master. Each change of a mailbox takes one modseq. A million changes a second use
/// up this difference in twelve days.
pub const MODSEQ_JUMP: u64 = 1 << 40;
/// The lowest UID that is refused. So a million UIDs stay free, because a mailbox whose last UID is
/// the highest possible number accepts no more messages.
pub const UID_BOUND: u32 = u32::MAX - (1 << 20) + 1;
/// Maximum number by which a repair raises the last UID of a mailbox without permission
/// (`--allow-repair=uids`). A mailbox gets fewer messages while both sides are not connected.
pub const UID_JUMP: u32 = 1 << 20;
/// Maximum number of seconds that a time from a server's clock may be in the future. A clock that
/// is a year ahead is broken. UIDVALIDITY is such a time: Cyrus sets it from the clock, and each
/// rename raises it by one.
pub const CLOCK_AHEAD: i64 = 366 * 86_400;
/// Maximum number of seconds that the date of a message may be in the future. Clients choose this
/// date. Spam is often dated 2038, when 32-bit clocks end.
pub const MESSAGE_DATE_AHEAD: i64 = 20 * CLOCK_AHEAD;
/// Earliest time that is accepted (in the year 1833). Dates before 1970 are possible in mail. The
/// protocol has a negative time as the unsigned number with the same 64 bits.
pub const EARLIEST_TIME: i64 = -(1 << 32);
/// Latest time that is accepted in any field (the end of the year 9999).
pub const LATEST_TIME: i64 = 253_402_300_799;
/// Longest name of a user flag, in bytes (`imparse_isnatom` in `lib/imparse.c`).
pub const FLAG_NAME_BYTES: usize = 1023;
/// Longest name of an annotation, and longest name of the user to whom its value belongs, in bytes.
pub const ANNOTATION_NAME_BYTES: usize = 1024;
/// Longest value of an annotation, in bytes. Calendars store time zones of about 10 kB in
/// annotations.
pub const ANNOTATION_VALUE_BYTES: usize = 1 << 20;
/// Default of `sync_repair_max_expunge`: maximum number of messages that a repair expunges on the
/// master without permission. The limit applies only to more than one in [`REPAIR_EXPUNGE_SHARE`]
/// messages of a mailbox. A person who cleans up a mailbox expunges fewer messages.
pub const REPAIR_MAX_EXPUNGE: u64 = 100;
/// A repair may always expunge one in this number of messages of a mailbox.
pub const REPAIR_EXPUNGE_SHARE: u64 = 10;
/// Number of bytes of messages that are read to find further damaged messages after the first one.
/// For the rest of the mailbox, only the presence and size of files are checked. So a mailbox is
/// not read completely at each retry.
pub const SURVEY_BYTES: u64 = 64 << 20;
