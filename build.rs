//! Sets the soname of the shared library and generates the C header from `src/capi`.
//!
//! The header is written to `OUT_DIR` only; `tests/house/header.rs` compares the committed
//! `include/cyrsync.h` with it.

#[cfg(feature = "capi")]
#[path = "build/header.rs"]
mod header;

/// The soname of the shared library. Its number rises when a released function changes or is
/// removed.
const SONAME: &str = "libcyrsync.so.0";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
    #[cfg(feature = "capi")]
    header::generate();
}
