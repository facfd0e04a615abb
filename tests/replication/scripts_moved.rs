//! Tests scripts in a sieve directory, where Cyrus stored them before 3.6. Our client makes the
//! master's own Cyrus move them into the mailbox `#sieve`, and then replicates this mailbox.

use std::fs;

use cyrsync_lab::{Imap, Lab, Options, SieveDirectory, scripts};

use crate::common::{
    actions, append, assert_idle, assert_verified, create, errors, ours, replicate,
    replicate_as_cyrus_would,
};

const KEEP: &str = "keep;\r\n";
const STOP: &str = "stop;\r\n";

/// Starts a lab in which fred has two scripts in a directory, one of them active. anna has none.
fn lab(options: Options) -> Lab {
    let lab = Lab::new(options);
    create(&lab.master, &["user.fred", "user.fred.Sent", "user.anna"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "first");
    put_scripts(&lab, "fred");
    lab
}

fn put_scripts(lab: &Lab, user: &str) {
    let directory = SieveDirectory::of(&lab.master, &format!("user.{user}"));
    directory.put("main", KEEP);
    directory.put("r\u{e9}sum\u{e9}", STOP);
    directory.activate("main.bc");
}

/// Asserts that both sides have the scripts of [`lab`], and that `main` is active.
#[track_caller]
fn assert_scripts(lab: &Lab, user: &str) {
    let wanted = [("\"=?UTF-8?Q?r=C3=A9sum=C3=A9?=\"", STOP), ("\"main\" ACTIVE", KEEP)];
    let wanted = wanted.map(|(name, content)| (name.to_owned(), content.to_owned()));
    for server in [&lab.master, &lab.replica] {
        assert_eq!(scripts(server, user), wanted, "{}", server.name());
    }
}

/// Asserts that a run moved a user's scripts and replicated them as a mailbox. `done` are the lines
/// of `-v`.
#[track_caller]
fn assert_moved(done: &[String], user: &str) {
    let wanted = [
        format!("SIEVE {user} (on the master)"),
        format!("MAILBOXES user.{user}.#sieve"),
        format!("MAILBOX user.{user}.#sieve"),
    ];
    let as_scripts = |line: &&String| line.starts_with("SIEVE ") && !line.ends_with(" master)");
    assert!(wanted.iter().all(|line| done.contains(line)), "{done:#?}");
    assert_eq!(done.iter().find(as_scripts), None, "{done:#?}");
}

#[test]
fn runs_for_users_and_for_all_move_scripts() {
    for args in [&["-u", "fred", "anna"][..], &["-A"]] {
        let lab = lab(Options::default());
        let directory = SieveDirectory::of(&lab.master, "user.fred");
        assert!(directory.files().contains(&"main.script".to_owned()));
        assert_moved(&replicate_as_cyrus_would(&lab, args), "fred");
        assert!(!directory.files().iter().any(|name| name.ends_with(".script")));
        assert_scripts(&lab, "fred");
        assert_idle(&lab, &["-s", "fred"]);
    }
}

#[test]
fn runs_for_metadata_move_scripts() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.Sent"]);
    replicate(&lab, &["-u", "fred"]);
    put_scripts(&lab, "fred");
    // Verification does not move the scripts. It compares the directory with the replica, which has
    // no scripts yet.
    let run = ours(&lab, &["--verify", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(2), "{run}");
    assert_moved(&replicate_as_cyrus_would(&lab, &["-s", "fred"]), "fred");
    assert_scripts(&lab, "fred");
    assert_verified(&lab, &["-u", "fred"]);
}

/// The channel of the run replicates the moved scripts at once. The other channels replicate them
/// later, because the client logs the move for them.
#[test]
fn scripts_moved_by_one_channel_are_logged_for_all_channels() {
    let channels = ["", "second"].map(str::to_owned).to_vec();
    let lab = Lab::new(Options { sync_log_channels: channels, ..Options::default() });
    let log = |name: &str| lab.master.config_dir().join("sync").join(name);
    for entry in ["USER", "SIEVE", "META"] {
        let user = entry.to_lowercase();
        create(&lab.master, &[&format!("user.{user}")]);
        replicate(&lab, &["-u", &user]);
        put_scripts(&lab, &user);
        let _ = fs::remove_file(log("second/log"));
        fs::write(log("log"), format!("{entry} {user}\n")).expect("own directory");
        assert_moved(&actions(&lab, &["-1"]), &user);
        assert!(!log("log").exists(), "{entry}");
        let second = fs::read_to_string(log("second/log")).expect("it is there");
        assert_eq!(second, format!("MAILBOX user.{user}.#sieve\n"));
        assert_scripts(&lab, &user);
    }
    replicate_as_cyrus_would(&lab, &["-A"]);
}

/// Earlier runs may have created a mailbox for the scripts on the replica that the master does not
/// have.
#[test]
fn moved_scripts_replace_the_replicas_own_mailbox() {
    let lab = lab(Options {
        master_conf: "sync_server_path: /nonexistent/sync_server\n".to_owned(),
        ..Options::default()
    });
    let run = ours(&lab, &["-v", "-A"]).ok();
    assert_eq!(errors(&run), [""; 0]);
    let reported = ": fred: the sieve scripts stay in their directory and are sent from there: ";
    let reported: Vec<_> = run.log.lines().filter(|line| line.contains(reported)).collect();
    assert!(reported.len() == 1 && reported[0].contains("/nonexistent/sync_server"), "{run}");
    assert!(run.stdout.contains("\nSIEVE fred main.script\n"), "{run}");
    assert_verified(&lab, &["-A"]);
    assert_idle(&lab, &["-A"]);
    lab.master.set_config("sync_server_path", None);
    let done = replicate_as_cyrus_would(&lab, &["-A"]);
    assert_moved(&done, "fred");
    assert!(done.contains(&"UNMAILBOX user.fred.#sieve".to_owned()), "{done:#?}");
    assert_scripts(&lab, "fred");
}

#[test]
fn scripts_are_not_moved_if_the_master_must_not_change() {
    let lab = lab(Options::default());
    let directory = SieveDirectory::of(&lab.master, "user.fred");
    let files = directory.files();
    for args in [&["-O", "-A"][..], &["--dry-run", "-A"], &["--verify", "-A"]] {
        let run = ours(&lab, args);
        assert_eq!(errors(&run), [""; 0], "{args:?}: {run}");
        assert!(!run.log.contains("stay in their directory"), "{args:?}: {run}");
        assert_eq!(directory.files(), files, "{args:?}: {run}");
    }
    let there = scripts(&lab.replica, "fred");
    assert_eq!(there.len(), 2, "{there:?}");
    let run = ours(&lab, &["--dry-run", "-A"]).ok();
    assert!(run.stdout.contains("SIEVE fred (on the master)"), "{run}");
    assert_eq!(directory.files(), files);
    replicate_as_cyrus_would(&lab, &["-A"]);
    assert_scripts(&lab, "fred");
}

/// Scripts are moved only once. If a run moves them and then fails, a later run must still
/// replicate them.
#[test]
fn scripts_moved_by_a_failed_run_are_replicated_by_the_next() {
    for args in [&["-s", "fred"][..], &["-u", "fred"]] {
        let lab = Lab::default();
        create(&lab.master, &["user.fred"]);
        replicate(&lab, &["-u", "fred"]);
        put_scripts(&lab, "fred");
        // timsieved moves the scripts. This is also the state after a run that failed right after
        // the move.
        scripts(&lab.master, "fred");
        assert!(actions(&lab, args).contains(&"MAILBOX user.fred.#sieve".to_owned()));
        assert_scripts(&lab, "fred");
        assert_idle(&lab, args);
    }
}

#[test]
fn scripts_are_moved_before_or_after_a_rename_of_the_user() {
    let moves = "allowusermoves: yes\n".to_owned();
    let options = || Options {
        master_conf: moves.clone(),
        replica_conf: moves.clone(),
        ..Options::default()
    };
    // The scripts are moved, then the user is renamed.
    let renamed = lab(options());
    replicate(&renamed, &["-A"]);
    Imap::admin(&renamed.master).ok("RENAME user.fred user.frida");
    replicate_as_cyrus_would(&renamed, &["-u", "frida"]);
    assert_scripts(&renamed, "frida");
    // The scripts are replicated from the directory, then the user is renamed, and the scripts stay
    // there.
    let stay = lab(Options {
        master_conf: format!("{moves}sync_server_path: /nonexistent/sync_server\n"),
        ..options()
    });
    actions(&stay, &["-A"]);
    Imap::admin(&stay.master).ok("RENAME user.fred user.frida");
    let done = actions(&stay, &["-u", "frida"]);
    let rename = "RENAME user.fred.#sieve -> user.frida.#sieve (default)";
    assert!(done.contains(&rename.to_owned()), "{done:#?}");
    assert_idle(&stay, &["-u", "frida"]);
    assert_verified(&stay, &["-u", "frida"]);
    let there = scripts(&stay.replica, "frida");
    assert!(there.len() == 2 && there[1].0 == "\"main\" ACTIVE", "{there:?}");
    // Now the scripts can be moved.
    stay.master.set_config("sync_server_path", None);
    replicate_as_cyrus_would(&stay, &["-u", "frida"]);
    assert_scripts(&stay, "frida");
}

/// One process moves the scripts of all users, one user after the other.
#[test]
fn scripts_of_many_users_are_moved() {
    let lab = lab(Options::default());
    for user in ["u1", "u2", "u3"] {
        create(&lab.master, &[&format!("user.{user}")]);
        let directory = SieveDirectory::of(&lab.master, &format!("user.{user}"));
        directory.put("main", KEEP);
    }
    lab.master.set_config("sync_jobs", Some("1"));
    replicate_as_cyrus_would(&lab, &["-A"]);
    for user in ["u1", "u2", "u3"] {
        assert_eq!(scripts(&lab.replica, user), [("\"main\"".to_owned(), KEEP.to_owned())]);
    }
    assert_scripts(&lab, "fred");
}

/// Tests users with domains and dots, whose directories are named by name.
#[test]
fn scripts_in_directories_by_name_are_moved() {
    let lab = Lab::new(Options {
        virtdomains: true,
        conversations: true,
        master_conf: "mailbox_legacy_dirs: yes\nfulldirhash: yes\n".to_owned(),
        ..Options::modern()
    });
    for (inbox, user) in
        [("user.old", "old"), ("example.com!user.old", "old@example.com"), ("user.j^r", "j.r")]
    {
        create(&lab.master, &[&lab.master.admin_name(inbox)]);
        let directory = SieveDirectory::of(&lab.master, inbox);
        directory.put("main", KEEP);
        directory.activate("main.bc");
        let done = replicate_as_cyrus_would(&lab, &["-u", user]);
        assert!(done.contains(&format!("SIEVE {user} (on the master)")), "{done:#?}");
        let there = [("\"main\" ACTIVE".to_owned(), KEEP.to_owned())];
        assert_eq!(scripts(&lab.replica, user), there);
        assert_eq!(scripts(&lab.master, user), there);
    }
}
