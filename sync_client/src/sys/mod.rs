//! What a program does to its own process: the system's log, another user, the background. The
//! library does none of it.
//!
//! The only place of this package where `unsafe` is allowed.
#![allow(unsafe_code, reason = "system calls that the standard library does not wrap")]

pub mod daemon;
pub mod identity;
pub mod syslog;
