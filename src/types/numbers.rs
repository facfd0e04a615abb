//! Numeric types.

/// UID of a message in its mailbox. The lowest UID is 1.
pub type Uid = u32;
/// Modification sequence (RFC 7162); 0 means none or unknown.
pub type Modseq = u64;
/// Seconds since 1970.
pub type Time = i64;
