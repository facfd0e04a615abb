//! Tests of the library inside other programs: examples in Rust, programs in C, and processes of
//! Cyrus (cyrus-host).

mod c_programs;
mod cyrus_host;
mod examples;
mod parts;
