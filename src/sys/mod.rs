//! What the standard library does not offer: file locks that Cyrus respects.
//!
//! With the C ABI, the only place where `unsafe` is allowed.

pub mod lock;
