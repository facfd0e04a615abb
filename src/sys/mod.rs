//! What the standard library does not offer: file locks that Cyrus respects, waiting for sockets,
//! the identity of the process, the system's log.
//!
//! With the C ABI, the only place where `unsafe` is allowed.
#![allow(unsafe_code, reason = "system calls that the standard library does not wrap")]

pub mod daemon;
pub mod file;
pub mod identity;
pub mod lock;
pub mod poll;
#[cfg(feature = "libsasl2")]
pub mod sasl2;
pub mod syslog;
pub mod wake;
