//! Contains system calls that affect the whole process: its log, its user, and moving it to the
//! background. The library makes none of these calls.
//!
//! `unsafe` is allowed only here in this package.
#![allow(unsafe_code, reason = "system calls that the standard library does not wrap")]

pub mod daemon;
pub mod identity;
pub mod syslog;
