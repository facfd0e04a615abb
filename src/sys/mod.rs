//! System calls that the standard library does not offer: file locks that Cyrus respects, waiting
//! for sockets, the user of the process.
//!
//! `unsafe` code is allowed only here and in the C ABI.
#![allow(unsafe_code, reason = "system calls that the standard library does not wrap")]

pub(crate) mod access;
pub(crate) mod advise;
pub(crate) mod file;
pub(crate) mod identity;
pub(crate) mod local_time;
pub(crate) mod lock;
pub(crate) mod poll;
pub(crate) mod queue;
#[cfg(feature = "libsasl2")]
pub(crate) mod sasl2;
pub(crate) mod wake;
