//! Names the shared library for the linker and generates the C header from `src/capi`.
//!
//! The header is written to `OUT_DIR` alone; `tests/header.rs` holds the committed
//! `include/cyrsync.h` against it.

/// The ABI's number: raised when a released function changes or goes away.
const SONAME: &str = "libcyrsync.so.0";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
    #[cfg(feature = "capi")]
    header::generate();
}

#[cfg(feature = "capi")]
mod header {
    use std::env;
    use std::path::PathBuf;

    /// The files of `src/capi` with something for C, in the order in which to read it.
    const SOURCES: &[&str] = &[
        "version",
        "strings",
        "result",
        "error",
        "inspect",
        "callbacks",
        "finding",
        "config",
        "undone",
        "failure",
        "host/structs",
        "host/functions",
        "client",
        "check",
        "pieces",
        "matching",
        "plan",
        "verify",
        "rolling",
        "status",
        "progress",
    ];

    pub fn generate() {
        println!("cargo:rerun-if-changed=cbindgen.toml");
        println!("cargo:rerun-if-changed=src/capi");
        let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
        let config = cbindgen::Config::from_file(root.join("cbindgen.toml"))
            .expect("cbindgen.toml is a configuration of cbindgen");
        let mut builder = cbindgen::Builder::new().with_config(config);
        // File by file, not the crate: that needs no `cargo metadata`, and gives the order of
        // the header.
        for name in SOURCES {
            builder = builder.with_src(root.join("src/capi").join(name).with_extension("rs"));
        }
        builder.generate().expect("src/capi can be put in C").write_to_file(out.join("cyrsync.h"));
    }
}
