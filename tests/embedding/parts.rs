//! Tests that callers in Rust and in C receive every failure of a user, each with the mailbox that
//! failed, on a real master on which two mailboxes of a user are broken. Also tests other calls
//! from C: verification, writing to the sync log, callbacks.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use cyrsync::{
    Client, Config, Error, Kind, MboxName, Overrides, Peer, Scope, Settings, Subject, UserId,
};
use cyrsync_lab::fill::Filler;
use cyrsync_lab::{Imap, Lab, compare, cyrus_sync_client, describe, places, sync_client};

const BROKEN: [&str; 2] = ["user.fred.Drafts", "user.fred.Sent"];

/// Starts a master with two users. Two mailboxes of the first user cannot be read.
fn two_broken() -> Lab {
    let lab = Lab::default();
    let mut filler = Filler::new(&lab.master, 1);
    for name in ["user.fred", "user.fred.Work", BROKEN[0], BROKEN[1], "user.zoe"] {
        filler.mailbox(name, 3);
    }
    drop(filler);
    for name in BROKEN {
        let index = places::place(&lab.master, name).meta.join("cyrus.index");
        let mut bytes = fs::read(&index).expect("the mailbox has an index");
        bytes[200..260].iter_mut().for_each(|byte| *byte ^= 0x55);
        fs::write(&index, bytes).expect("it can be written");
    }
    lab
}

fn client(lab: &Lab) -> Client {
    let config = Config::load(lab.master.imapd_conf()).expect("the master has one");
    let settings = Settings::resolve(&config, None, &Overrides::default());
    let settings = settings.expect("the lab writes what is in order");
    Client::builder(settings).build().expect("there is a spool")
}

fn names(parts: &[Error]) -> Vec<String> {
    parts.iter().map(|part| part.subject().to_string()).collect()
}

#[test]
fn a_rust_caller_gets_every_failure_with_its_subject() {
    let lab = two_broken();
    let mut client = client(&lab);
    let error = client.sync_user(&"fred".into()).expect_err("two mailboxes are broken");
    assert_eq!(*error.subject(), Subject::from(UserId::from("fred")));
    let check = |error: &Error| {
        assert_eq!(names(error.parts()), BROKEN, "{error}");
        for (part, name) in error.parts().iter().zip(BROKEN) {
            assert_eq!(part.subject().mailbox(), Some(&MboxName::from(name)));
            assert_eq!((part.kind(), part.scope()), (Kind::Corrupt, Scope::Unit), "{part}");
            assert!(part.hint().contains("reconstruct"), "{part}");
            assert_eq!(part.peer(), None::<&Peer>, "it is a matter of this server: {part}");
        }
    };
    check(&error);
    check(&client.sync_mailboxes(&BROKEN.map(MboxName::from)).expect_err("both are broken"));
    let mut units = Vec::new();
    let report = client.sync_all(b"", &mut |unit, result| {
        units.push((format!("{unit:?}"), result.is_ok()));
        if let Err(error) = result {
            check(error);
        }
    });
    assert_eq!(report.expect("the connection holds").totals.failed, 1, "{units:?}");
    // Everything else must be on the replica.
    client.disconnect();
    let mut imap = Imap::login(&lab.replica, "fred").with_selected("INBOX.Work");
    assert_eq!(imap.uids(), [1, 2, 3]);
}

#[test]
fn an_error_names_the_server_at_the_other_end() {
    let mut lab = Lab::default();
    Filler::new(&lab.master, 1).mailbox("user.fred", 3);
    client(&lab).sync_user(&"fred".into()).expect("nothing hinders");
    // A flag on the replica makes a repair necessary, which needs the master's own sync_server.
    Imap::login(&lab.replica, "fred").with_selected("INBOX").uid_store("1:*", "+FLAGS (Own)");
    let path = lab.master.scratch().join("no-such-server");
    lab.master.set_config("sync_server_path", Some(&path.display().to_string()));
    let error = client(&lab).sync_user(&"fred".into()).expect_err("there is no such server");
    assert_eq!(error.failures()[0].peer(), Some(&Peer::OwnServer { path }), "{error}");
    lab.replica.stop_server();
    let error = client(&lab).sync_user(&"fred".into()).expect_err("there is no replica any more");
    assert_eq!(error.kind(), Kind::Connect, "{error}");
    let Some(Peer::Replica { host }) = error.peer() else { panic!("{error:?}") };
    assert!(error.to_string().contains(host.as_str()), "{error}");
}

/// Builds a program of c-tests. Returns its path.
fn build(out: &Path, program: &str) -> PathBuf {
    let libraries = std::env::current_exe().expect("the test has a path");
    let libraries = libraries.parent().expect("it lies in a directory");
    let program = out.join(format!("{program}-shared"));
    let mut make = Command::new("make");
    make.arg("-C").arg(cyrsync_lab::checkout().join("c-tests")).arg(&program);
    make.arg(format!("LIBDIR={}", libraries.display())).arg(format!("OUT={}", out.display()));
    let output = make.env_remove("MAKEFLAGS").output().expect("make is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

#[test]
fn a_c_caller_gets_every_failure_with_its_subject() {
    let lab = two_broken();
    let program = build(&lab.master.scratch(), "parts");
    let mut command = lab.master.command(program);
    command.arg(lab.master.imapd_conf()).args(["fred", "USER zoe\nUSER fred\n"]);
    let output = command.output().expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = |call: &str| -> Vec<String> {
        let own = printed.lines().filter(|line| line.starts_with(&format!("{call} ")));
        own.map(str::to_owned).collect()
    };
    let failed = |call: &str| {
        let mut lines = vec![format!("{call} failed USER fred")];
        lines.extend(BROKEN.map(|name| format!("{call} {name}")));
        lines
    };
    assert_eq!(lines("user"), failed("user"), "{stderr}");
    // Calls for several users report a result for each user, independent of the other users.
    for call in ["log", "all", "plan"] {
        let mut wanted = failed(call);
        wanted.push(format!("{call} done USER zoe"));
        let mut found = lines(call);
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{stderr}");
    }
    let rolled = lines("roll");
    for wanted in ["roll failed USER fred", "roll done USER zoe"] {
        assert!(rolled.iter().any(|line| line == wanted), "{rolled:?}");
    }
    assert_eq!(lines("verify"), ["verify done USER zoe"]);
    // A call for several mailboxes of one user reports a result for each mailbox.
    let mailboxes = ["failed MAILBOX user.fred.Sent", "done MAILBOX user.fred.Work"];
    assert_eq!(lines("mailboxes"), mailboxes.map(|line| format!("mailboxes {line}")), "{stderr}");
}

#[test]
fn a_c_program_compares_both_sides() {
    let lab = Lab::default();
    let program = build(&lab.master.scratch(), "verify");
    Filler::new(&lab.master, 1).mailbox("user.fred", 5);
    let verify = |args: &[&str]| {
        let mut command = lab.master.command(&program);
        let output = command.arg(lab.master.imapd_conf()).args(args).output().expect("it starts");
        let [stdout, stderr] = [output.stdout, output.stderr]
            .map(|text| String::from_utf8_lossy(&text).lines().map(str::to_owned).collect());
        let (stdout, stderr): (Vec<String>, Vec<String>) = (stdout, stderr);
        (output.status.code(), stdout, stderr)
    };
    cyrus_sync_client(&lab.master, &["-u", "fred"]).ok();
    let counts = "1 users, 1 mailboxes, 5 records, 5 messages";
    for args in [&["all", "", "messages"], &["user", "fred", "messages"]] {
        let (code, stdout, stderr) = verify(args);
        assert_eq!(code, Some(0), "{stdout:?} {stderr:?}");
        assert_eq!(stdout, ["user.fred: equal, 5 records", counts]);
    }
    Imap::admin(&lab.replica).ok("SETQUOTA user.fred (STORAGE 7)");
    let (code, stdout, stderr) = verify(&["user", "fred", ""]);
    assert_eq!(code, Some(2), "{stdout:?} {stderr:?}");
    let line = "quota root user.fred: QUOTA is missing on the master and there on the replica";
    assert!(stdout.iter().any(|one| one == line), "{stdout:?}");
    let field = "\"field\":\"QUOTA\",\"master\":null,\"replica\":\"there\"";
    assert!(stderr.iter().any(|one| one.contains(field)), "{stderr:?}");
    assert_eq!(verify(&["meta", "fred", ""]).0, Some(0));
    let (code, stdout, _) = verify(&["mailbox", "user.nobody", ""]);
    assert_eq!(code, Some(1));
    assert!(stdout[0].contains("neither side has such a mailbox"), "{stdout:?}");
}

#[test]
fn a_c_program_requests_replication_through_the_sync_log() {
    let lab = Lab::default();
    let program = build(&lab.master.scratch(), "log_append");
    lab.master.set_config("sync_log_channels", Some("\"\" second"));
    let append = |args: &[&str]| {
        let mut command = lab.master.command(&program);
        let output = command.arg(lab.master.imapd_conf()).args(args).output().expect("it starts");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
    };
    // The filler logs nothing, so the program must log the user.
    Filler::new(&lab.master, 1).mailbox("user.fred", 4);
    let read = |log: &str| fs::read_to_string(lab.master.config_dir().join("sync").join(log));
    let entries = "MAILBOX user.fred\nSUB fred \"user.fred.A b\"\n";
    append(&[entries]);
    for log in ["log", "second/log"] {
        let text = read(log).expect("the directory is made with it");
        assert!(text.ends_with(entries), "{log}: {text}");
    }
    append(&["USER fred\n", "second"]);
    assert!(read("second/log").expect("it was there").ends_with("USER fred\n"));
    assert!(!read("log").expect("it was there").contains("USER fred\n"));
    // A client of the channel must process these entries like those of Cyrus's programs.
    assert!(!compare(&lab.master, &lab.replica).is_empty());
    sync_client(env!("CARGO_BIN_EXE_sync_client"), &lab.master, &["-1"]).ok();
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

#[test]
fn a_c_program_disconnects_when_no_thread_can_be_started() {
    let lab = Lab::default();
    let program = build(&lab.master.scratch(), "no_threads");
    let mut filler = Filler::new(&lab.master, 1);
    (0..8).for_each(|number| filler.mailbox(&format!("user.user{number}"), 5));
    drop(filler);
    let output = lab.master.command(program).arg(lab.master.imapd_conf()).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_log_whose_directory_cannot_be_synced_gets_no_entry() {
    let lab = Lab::default();
    let program = build(&lab.master.scratch(), "log_append");
    lab.master.set_config("sync_log_channels", Some("\"\" second"));
    let append = |entry: &str| {
        let mut command = lab.master.command(&program);
        command.arg(lab.master.imapd_conf()).args([entry, "second"]).output().expect("it starts")
    };
    assert!(append("USER anna\n").status.success());
    let log = lab.master.config_dir().join("sync/second/log");
    let directory = log.parent().expect("it is in a directory");
    fs::remove_file(&log).expect("own file");
    let mode = |mode| fs::set_permissions(directory, fs::Permissions::from_mode(mode));
    // Without read permission the directory cannot be opened.
    mode(0o300).expect("own directory");
    let output = append("USER fred\n");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains("write directory"), "{stderr}");
    assert_eq!(fs::read_to_string(&log).expect("root can read it"), "");
    mode(0o700).expect("own directory");
    assert!(append("USER mary\n").status.success());
    assert_eq!(fs::read_to_string(&log).expect("it is there"), "USER mary\n");
}

#[test]
fn the_callbacks_of_a_c_program_get_items_events_and_progress_and_stop_the_client() {
    let lab = Lab::default();
    let program = build(&lab.master.scratch(), "callbacks");
    let output = lab.master.command(program).arg(lab.master.imapd_conf()).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut imap = Imap::login(&lab.replica, "memory").with_selected("INBOX");
    assert_eq!(imap.uids(), [1, 2, 4]);
}
