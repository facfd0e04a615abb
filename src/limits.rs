//! The limits on input from disk, wire and hosts, all in one file.
//!
//! Input may be hostile. A count is believed only as far as there are bytes left for it. Input
//! beyond a limit causes a clear error.

/// Deepest nesting of lists in a dlist. Cyrus itself nests about five deep.
pub const DLIST_DEPTH: usize = 64;
/// Longest literal that a peer may announce. It is received only as far as [`REPLY_BYTES`] and the
/// expected data beyond that allow. A message that is fetched to repair the master may be longer,
/// up to the size in the replica's record.
pub const DLIST_ITEM_BYTES: u64 = 64 << 20;
/// Longest fetched message that is kept in memory. A longer one is written to a file as it arrives.
pub const FETCH_MEMORY_BYTES: u64 = 1 << 20;
/// Longest message that a replica may report: a tebibyte. Versions of cyrus.index before 20 store
/// sizes in 32 bits.
pub const MESSAGE_BYTES: u64 = 1 << 40;
/// Longest item of a reply that is kept in memory if it could go to a file: a mailbox of about six
/// thousand messages.
pub const ITEM_MEMORY_BYTES: usize = 1 << 20;
/// Memory that the parts of one parsed value may take. Parsed values take many times the memory of
/// their bytes. Therefore a reply is kept as bytes, its items are parsed when they are used, and
/// the records of `GET FULLMAILBOX` are parsed one by one. The largest remaining values are lists:
/// a hundred thousand subscriptions take 10 MB.
pub const DLIST_PARSED_BYTES: usize = 16 << 20;
/// Memory for replies that are complete or arriving: bytes received, [`REPLY_ITEM_BYTES`] for each
/// item, [`REPLY_ELEMENT_BYTES`] for each element of a list. Decoded replies take about as much
/// again, so a replica can use at most twice this limit. Thirty-five thousand mailboxes of a user
/// or seventy thousand records of a mailbox fit.
///
/// If the master has more data, [`Replica::expect`](crate::replica::Replica::expect) raises the
/// limit for its replica. So the memory for an honest replica grows with the master's own data, and
/// a hostile replica cannot use more.
pub const REPLY_BYTES: u64 = 24 << 20;
/// Counted for each item of a reply besides its bytes.
pub const REPLY_ITEM_BYTES: u64 = 256;
/// Counted for each element of a list in a reply besides its bytes.
pub const REPLY_ELEMENT_BYTES: u64 = 96;
/// Reply bytes expected for each byte of the master's mailboxes.db. A mailbox has about 700 bytes
/// there; a replica describes it in 450 bytes, which count as 700.
pub const REPLY_PER_LIST_BYTE: u64 = 2;
/// Reply bytes expected for each message of a mailbox on the master: about 160 on the wire.
pub const REPLY_RECORD_BYTES: u64 = 768;
/// Bytes of lines that belong to no reply (imapd's `* OK still here`), until the next reply ends.
pub const REPLY_NOISE_BYTES: u64 = 1 << 20;
/// Bytes of a reply that must arrive within the timeout, unless it ends. Fewer bytes count as
/// silence.
pub const REPLY_PROGRESS_BYTES: u64 = 4096;
/// Timeouts that one reply may take in total, besides the time for its bytes. Without this limit,
/// a replica that sends a line before each timeout could hold the client for ever. With the default
/// of `sync_timeout` this is two hours, for a command that keeps the replica's disks busy.
pub const REPLY_WAITS: u32 = 4;
/// Bytes for which a reply gets one more second, so that a long reply over a slow line can arrive.
/// The rate is below that of a telephone modem. The longest reply to an ordinary command thus ends
/// within two more hours.
pub const REPLY_RATE: u64 = 4096;
/// Longest line of a greeting or of a login.
pub const LOGIN_LINE_BYTES: usize = 64 << 10;
/// Most iterations that a server may request in SCRAM. RFC 7677 requires at least 4096, and each
/// iteration takes time.
pub const SCRAM_ITERATIONS: u32 = 1_000_000;
/// Most steps of a SASL exchange; real exchanges have three.
pub const SASL_STEPS: usize = 32;
/// Bytes that may be written to the replica before its replies are read.
pub const IN_FLIGHT_BYTES: u64 = 64 << 20;
/// Commands that may be written to the replica before their replies are read.
pub const IN_FLIGHT_COMMANDS: usize = 256;
/// Longest name of a mailbox, including deleted ones (`MAX_MAILBOX_BUFFER` in `imap/mailbox.h`).
pub const MAILBOX_NAME_BYTES: usize = 1024;
/// Total bytes of the names of one user's groups.
pub const USER_GROUPS_BYTES: usize = 1 << 20;
/// Most user flags of one mailbox (`MAX_USER_FLAGS` in `imap/mailbox.h`).
pub const USER_FLAGS: usize = 128;
/// Longest logical line of imapd.conf.
pub const CONFIG_LINE_BYTES: usize = 1 << 20;
/// Largest configuration file.
pub const CONFIG_FILE_BYTES: u64 = 16 << 20;
/// Deepest chain of `@include` in imapd.conf.
pub const CONFIG_INCLUDE_DEPTH: usize = 16;
/// Largest cyrus.header that can be read.
pub const MAILBOX_HEADER_BYTES: u64 = 1 << 20;
/// Longest key of a Cyrus database (names of mailboxes and annotations, message IDs).
pub const DB_KEY_BYTES: u64 = 1 << 20;
/// Longest value of a Cyrus database.
pub const DB_VALUE_BYTES: u64 = 16 << 20;
/// Records of a database that are read under one lock. They are visited after it is released.
pub const DB_CHUNK_RECORDS: usize = 4096;
/// Bytes of keys and values held for such a visit. The last record may exceed the limit.
pub const DB_CHUNK_BYTES: usize = 1 << 20;
/// Cached bytes of a database for each open file, which are valid until it changes.
pub const DB_CACHE_BYTES: usize = 1 << 20;
/// A user's database that is needed only once is read completely if it is smaller than this.
pub const WHOLE_DB_BYTES: usize = 32 << 10;
/// Largest record of a replication cache: a mailbox with its annotations.
pub const CACHE_RECORD_BYTES: usize = 4 << 20;
/// Longest line of a sync log, including literals. Names take a few hundred bytes.
pub const LOG_LINE_BYTES: usize = 64 << 10;
/// Bytes of keys in a skiplist's log that are held in memory during a replay. Cyrus makes a
/// checkpoint when the log is as long as the rest of the file.
pub const DB_REPLAY_BYTES: usize = 64 << 20;
/// Most records of a skiplist whose log is replayed. Each takes four bytes after the replay.
pub const DB_REPLAY_RECORDS: usize = 8 << 20;
/// Largest file of a quota root.
pub const QUOTA_FILE_BYTES: u64 = 64 << 10;
/// Bytes of a counters file that are read; current files have 296 bytes.
pub const COUNTERS_FILE_BYTES: u64 = 4096;
/// Largest Sieve script. Cyrus's own limit (`sieve_maxscriptsize`) is 32 KiB by default.
pub const SIEVE_SCRIPT_BYTES: u64 = 8 << 20;
/// Bytes that a host store may emit in one call of a function that lists data of a user or a
/// mailbox: bytes of names and values, plus [`HOST_ITEM_BYTES`] for each item. The limit keeps a
/// host that never stops from using all memory.
#[cfg(feature = "capi")]
pub const HOST_LIST_BYTES: usize = 64 << 20;
/// Counted for each item that a host store emits besides its bytes.
#[cfg(feature = "capi")]
pub const HOST_ITEM_BYTES: usize = 128;
/// Largest record of cyrus.index that can be read. Records of Cyrus 3.12 have 112 bytes.
pub const INDEX_RECORD_BYTES: u32 = 4096;
/// Bytes of cyrus.index in memory at a time.
pub const INDEX_CHUNK_BYTES: usize = 256 << 10;

// Limits on values that a replica reports. They apply only to values that are new here: a value
// that the master has or exceeds is always accepted. Real servers stay far below all limits.

/// Modseqs from this one on are refused, because IMAP clients accept 63 bits (RFC 7162).
pub const MODSEQ_BOUND: u64 = 1 << 63;
/// How far a modseq may be above all modseqs of the mailbox and its owner here. Each change of a
/// mailbox takes one; at a million changes a second this lasts twelve days.
pub const MODSEQ_JUMP: u64 = 1 << 40;
/// UIDs from this one on are refused, so that a million UIDs stay free. A mailbox whose last UID is
/// the highest number accepts no more messages.
pub const UID_BOUND: u32 = u32::MAX - (1 << 20) + 1;
/// How far a repair raises the last UID without an explicit request: more messages than a mailbox
/// gets while its sides are not connected.
pub const UID_JUMP: u32 = 1 << 20;
/// Seconds that a time may be in the future if a server's clock set it, including UIDVALIDITY. A
/// clock that is a year ahead is broken. Each rename raises a UIDVALIDITY by one.
pub const CLOCK_AHEAD: i64 = 366 * 86_400;
/// Seconds that the date of a message may be in the future. Clients choose it: spam is often dated
/// 2038, the end of 32-bit clocks.
pub const MESSAGE_DATE_AHEAD: i64 = 20 * CLOCK_AHEAD;
/// Times before this one (the year 1833) are refused. Mail from before 1970 exists: the wire has a
/// negative time as its 64 bits, read as an unsigned number.
pub const EARLIEST_TIME: i64 = -(1 << 32);
/// Times after this one (the year 9999) are refused in everything that a replica reports.
pub const LATEST_TIME: i64 = 253_402_300_799;
/// Longest name of a user flag (`imparse_isnatom` in `lib/imparse.c`).
pub const FLAG_NAME_BYTES: usize = 1023;
/// Longest name of an annotation, and longest name of the user who owns its value.
pub const ANNOTATION_NAME_BYTES: usize = 1024;
/// Longest value of an annotation. Calendars store time zones of about 10 kB in annotations.
pub const ANNOTATION_VALUE_BYTES: usize = 1 << 20;
/// Messages that a repair may expunge on the master without an explicit request, if they are more
/// than one in [`REPAIR_EXPUNGE_SHARE`] of the mailbox (`sync_repair_max_expunge`). A person who
/// tidies a mailbox expunges fewer.
pub const REPAIR_MAX_EXPUNGE: u64 = 100;
/// A repair may always expunge one in this many messages of a mailbox.
pub const REPAIR_EXPUNGE_SHARE: u64 = 10;
/// Bytes of messages that are read to find damaged messages after the first one. For the rest of
/// the mailbox only presence and size are checked, so that a mailbox with many retries is not read
/// completely each time.
pub const SURVEY_BYTES: u64 = 64 << 20;
