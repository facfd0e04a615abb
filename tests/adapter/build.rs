//! Builds the C programs against the headers of the installed Cyrus.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use cyrsync_lab::run::copy_program;
use cyrsync_lab::{Cyrus, checkout};

fn must_succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Where cargo leaves the libraries that belong to this test.
fn libraries() -> PathBuf {
    let program = std::env::current_exe().expect("the test has a path");
    program.parent().expect("it lies in a directory").to_owned()
}

/// Makes all programs in a directory.
fn make(out: &Path, compiler: &str) {
    must_succeed(&mut Command::new(checkout().join("scripts/cyrus-headers")));
    let mut make = Command::new("make");
    make.arg("-C").arg(checkout().join("c-tests")).arg("adapter").env_remove("MAKEFLAGS");
    make.arg(format!("LIBDIR={}", libraries().display())).arg(format!("OUT={}", out.display()));
    must_succeed(make.arg(format!("CC={compiler}")));
}

/// Tests run side by side, maybe in several processes; make, and what fetches the headers, do not.
fn alone(out: &Path) -> fs::File {
    fs::create_dir_all(out).expect("cargo's directory can be written to");
    let lock = fs::File::create(out.join("adapter.lock")).expect("a file of our own");
    lock.lock().expect("it can be locked");
    lock
}

/// One of the programs, where the cyrus user can run it.
pub fn program(cyrus: &Cyrus, name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let out = libraries().join("c-tests");
        let _lock = alone(&out);
        make(&out, "cc");
        out.join("adapter")
    });
    let there = cyrus.scratch().join(name);
    copy_program(&built.join(name), &there);
    there
}

#[test]
fn another_compiler_has_no_warnings_either() {
    let out = libraries().join("c-tests");
    let _lock = alone(&out);
    make(&out.join("clang"), "clang");
}
