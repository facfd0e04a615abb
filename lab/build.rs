//! Builds the syslog shim that the lab preloads into Cyrus's programs and ours.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=syslog_shim.c");
    println!("cargo:rerun-if-env-changed=CC");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let status = Command::new(&cc)
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-o"])
        .arg(out.join("syslog_shim.so"))
        .arg("syslog_shim.c")
        .status()
        .unwrap_or_else(|e| panic!("cannot run the C compiler {cc}: {e}; install build-essential"));
    assert!(status.success(), "{cc} could not build syslog_shim.c");
}
