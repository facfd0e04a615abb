//! C programs replicate from a real master, with the shared library and with the static one.

use std::path::{Path, PathBuf};
use std::process::Command;

use cyrsync_lab::fill::Filler;
use cyrsync_lab::{Imap, Lab, compare, describe};

/// Where cargo leaves the libraries that belong to this test.
fn libraries() -> PathBuf {
    let program = std::env::current_exe().expect("the test has a path");
    program.parent().expect("it lies in a directory").to_owned()
}

/// Builds the C programs into a directory that the cyrus user can read.
fn build(out: &Path) {
    let mut make = Command::new("make");
    make.arg("-C").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("c-tests")).arg("all");
    make.arg(format!("LIBDIR={}", libraries().display())).arg(format!("OUT={}", out.display()));
    let output = make.env_remove("MAKEFLAGS").output().expect("make is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_c_program_replicates_a_user_with_either_library() {
    let lab = Lab::default();
    let programs = lab.master.scratch();
    build(&programs);
    let conf = lab.master.imapd_conf();
    for (seed, user, form) in [(1, "fred", "shared"), (2, "mary", "static")] {
        let mut filler = Filler::new(&lab.master, seed);
        filler.mailbox(&format!("user.{user}"), 20);
        filler.mailbox(&format!("user.{user}.Sent"), 10);
        drop(filler);
        let program = programs.join(format!("sync_user-{form}"));
        let mut command = lab.master.command(&program);
        let output = command.arg(&conf).arg("").arg(user).output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{form}: {told}");
        let differences = compare(&lab.master, &lab.replica);
        assert!(differences.is_empty(), "{form}:\n{}", describe(&differences, 20));
    }
}

#[test]
fn a_c_program_replicates_what_was_just_logged() {
    let lab = Lab::default();
    let programs = lab.master.scratch();
    build(&programs);
    Filler::new(&lab.master, 1).mailbox("user.fred", 5);
    let mut admin = Imap::admin(&lab.master);
    admin.ok("CREATE user.mary");
    let mut command = lab.master.command(programs.join("checkpoint-shared"));
    let log = "MAILBOX user.fred\r\nSUB fred user.fred\n";
    let output = command.arg(lab.master.imapd_conf()).arg(log).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    // fred by the log in memory, which the filler did not write to disk, mary by that on disk.
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

#[test]
fn a_c_program_is_told_what_went_wrong() {
    let mut lab = Lab::default();
    let programs = lab.master.scratch();
    build(&programs);
    lab.replica.stop_server();
    let mut command = lab.master.command(programs.join("sync_user-shared"));
    let output = command.arg(lab.master.imapd_conf()).arg("").arg("fred").output();
    let output = output.expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("connect to 127.0.0.1:"), "{told}");
}
