//! What takes the operating system by the hand: the only `unsafe` outside the C ABI.
#![allow(unsafe_code, reason = "system calls that the standard library does not wrap")]

pub mod poll;
