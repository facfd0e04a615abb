//! What the standard library does not offer of the operating system: beside the C ABI the only
//! place with `unsafe`.

pub mod identity;
pub mod syslog;
