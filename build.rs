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
    use std::path::{Path, PathBuf};
    use std::{env, fs};

    pub fn generate() {
        println!("cargo:rerun-if-changed=cbindgen.toml");
        println!("cargo:rerun-if-changed=src/capi");
        let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
        let config = cbindgen::Config::from_file(root.join("cbindgen.toml"))
            .expect("cbindgen.toml is a configuration of cbindgen");
        let mut builder = cbindgen::Builder::new().with_config(config);
        // One file after the other, not the crate: that needs no `cargo metadata`, and leaves
        // out what is not C's business. Sorted, so that the header does not depend on the disk.
        for file in sources(&root.join("src/capi")) {
            builder = builder.with_src(file);
        }
        builder.generate().expect("src/capi can be put in C").write_to_file(out.join("cyrsync.h"));
    }

    fn sources(dir: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).expect("src/capi is there");
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("src/capi is readable").path())
            .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
            .collect();
        files.sort();
        files
    }
}
