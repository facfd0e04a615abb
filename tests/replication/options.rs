//! Tests the effects of the options on the replica, on the master, on the output and on the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cyrsync_lab::{
    Imap, Lab, Options, PASSWORD, Proxy, REPLICATOR, Sieve, Status, another_replica,
    cyrus_sync_client,
};

use crate::common::{
    Holder, actions, append, assert_equal, assert_idle, create, differing, errors, lines,
    mailbox_field, message, ours, replicate, replicate_as_cyrus_would, sent, start_ours,
};

/// Starts a lab in which fred and anna have a message each, which is not replicated.
fn two_users(options: Options) -> Lab {
    let lab = Lab::new(options);
    let names = ["user.fred", "user.anna"].map(|name| lab.master.admin_name(name));
    create(&lab.master, &names.each_ref().map(String::as_str));
    for user in ["fred", "anna"] {
        append(&mut Imap::login(&lab.master, user), "INBOX", &format!("to {user}"));
    }
    lab
}

#[test]
fn a_partition_of_the_replica_can_be_chosen() {
    let lab = two_users(Options::default());
    actions(&lab, &["-p", "second", "-u", "fred"]);
    assert_eq!(mailbox_field(&lab.replica, "user.fred", "PARTITION"), "second");
    assert_eq!(mailbox_field(&lab.master, "user.fred", "PARTITION"), "default");
    assert_idle(&lab, &["-p", "second", "-u", "fred"]);
    // Without -p the mailbox moves to the master's partition. With -p it moves back.
    let done = replicate_and_list_renames(&lab, &["-u", "fred"]);
    assert_eq!(done, ["RENAME user.fred -> user.fred (default)"]);
    let done = replicate_and_list_renames(&lab, &["-p", "second", "-m", "user.fred"]);
    assert_eq!(done, ["RENAME user.fred -> user.fred (second)"]);
    assert_eq!(mailbox_field(&lab.replica, "user.fred", "PARTITION"), "second");
}

fn replicate_and_list_renames(lab: &Lab, args: &[&str]) -> Vec<String> {
    let mut done = actions(lab, args);
    done.retain(|l| l.starts_with("RENAME"));
    done
}

#[test]
fn local_only_uses_the_commands_without_mupdate() {
    let lab = two_users(Options { delayed_delete: false, ..Options::default() });
    create(&lab.master, &["user.fred.a", "user.fred.b"]);
    let done = replicate(&lab, &["-L", "-u", "fred", "anna"]);
    let expected = ["LOCAL_MAILBOX user.fred.a", "LOCAL_MAILBOX user.fred.b"];
    assert!(expected.iter().all(|e| done.iter().any(|l| l == e)), "{done:#?}");
    let mut fred = Imap::login(&lab.master, "fred");
    fred.ok("RENAME INBOX.a INBOX.c");
    fred.ok("DELETE INBOX.b");
    let done = replicate(&lab, &["-L", "-u", "fred"]);
    assert_eq!(done[1], "LOCAL_UNMAILBOX user.fred.b", "{done:#?}");
    assert_eq!(done[2], "LOCAL_RENAME user.fred.a -> user.fred.c (default)", "{done:#?}");
}

#[test]
fn locked_users_are_skipped_or_waited_for() {
    let lab = two_users(Options::default());
    replicate(&lab, &["-A"]);
    for user in ["fred", "anna"] {
        append(&mut Imap::login(&lab.master, user), "INBOX", &format!("again to {user}"));
    }
    let holder = Holder::of(&lab, "*S*127^0^0^1*fred.lock");

    let run = ours(&lab, &["-N", "-v", "-A"]).ok();
    assert!(run.stdout.contains("USER anna\n") && !run.stdout.contains("USER fred\n"), "{run}");
    assert_eq!(run.stderr, "Skipping locked user fred\n", "{run}");
    let run = ours(&lab, &["-N", "-v", "-u", "fred", "anna"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("fred"), "{run}");
    assert!(run.stdout.contains("USER anna\n"), "{run}");

    // Without -N the run waits until the lock is released.
    let waiting = start_ours(&lab, &["-v", "-u", "anna", "fred"]);
    let waiting = waiting.wait_within(Duration::from_secs(1)).expect_err("it waits");
    assert!(!waiting.so_far()[0].contains("USER fred\n"));
    drop(holder);
    let run = waiting.wait().ok();
    assert!(run.stdout.contains("USER fred\nMAILBOX user.fred\n"), "{run}");
    assert_equal(&lab);
}

#[test]
fn with_no_copyback_a_changed_replica_is_an_error_as_with_cyrus() {
    let lab = two_users(Options::default());
    replicate(&lab, &["-A"]);
    let mut there = Imap::login(&lab.replica, "fred").with_selected("INBOX");
    there.ok("UID STORE 1 +FLAGS (\\Flagged $There)");
    there.ok("LOGOUT");
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "another one");
    let before = files(&lab.master.partition_dir("default"));
    let args = ["-O", "-v", "-u", "fred", "anna"];
    let run = ours(&lab, &args);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.starts_with("replicate user fred: update mailbox user.fred: "), "{run}");
    assert_eq!(files(&lab.master.partition_dir("default")), before, "the master was changed");
    let left = differing(&lab);
    assert!(left.iter().all(|path| path.starts_with("user.fred ")), "{left:#?}");
    let theirs = cyrus_sync_client(&lab.master, &args);
    assert_eq!(theirs.status.code(), Some(1), "{theirs}");
}

/// Returns every file below a directory with its content.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).expect("a directory of the lab").flatten() {
            match entry.path() {
                path if path.is_dir() => dirs.push(path),
                path => found.push((path.clone(), fs::read(&path).expect("a file of the lab"))),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn replication_writes_nothing_on_the_master() {
    let lab = two_users(Options { conversations: true, ..Options::default() });
    let before = ["default", "second"].map(|name| files(&lab.master.partition_dir(name)));
    let sieve = files(&lab.master.dir().join("sieve"));
    replicate(&lab, &["-A"]);
    let after = ["default", "second"].map(|name| files(&lab.master.partition_dir(name)));
    assert_eq!(after, before);
    assert_eq!(files(&lab.master.dir().join("sieve")), sieve);
}

#[test]
fn compression_can_be_required_and_switched_off() {
    let lab = two_users(Options::default());
    create(&lab.master, &["user.emma"]);
    let long = [&message("long")[..], &b"the same line over and over\r\n".repeat(4096)].concat();
    for user in ["fred", "anna", "emma"] {
        assert!(Imap::login(&lab.master, user).append("INBOX", "", &long).is_ok());
    }
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, false);
    lab.master.use_port(proxy.port());
    let compresses = |args: &[&str]| {
        proxy.reset();
        ours(&lab, args).ok();
        let sent = proxy.traffic().sent;
        assert!(sent > 200, "{sent}");
        sent < long.len() as u64 / 4
    };
    assert!(compresses(&["-z", "-u", "fred"]));
    assert!(compresses(&["-u", "anna"]));
    lab.master.set_config("sync_deflate_level", Some("0"));
    assert!(!compresses(&["-u", "emma"]));
    assert_equal(&lab);
}

#[test]
fn compression_that_the_replica_does_not_offer_ends_the_run() {
    let lab = two_users(Options::default());
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    let run = ours(&lab, &["-z", "-o", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("Failed to enable compression to server '127.0.0.1'"), "{run}");
    ours(&lab, &["-u", "fred"]).ok();
}

#[test]
fn staging_to_the_archive_is_ignored_by_a_replica_without_it() {
    let lab = two_users(Options { archive_on_replica: true, ..Options::default() });
    let run = ours(&lab, &["-a", "-v", "-A"]).ok();
    assert!(run.log.to_lowercase().contains("archive"), "nothing is said of it: {run}");
    assert_eq!(errors(&run), [""; 0], "{run}");
    assert_equal(&lab);
}

#[test]
fn the_server_can_be_named_on_the_command_line() {
    let lab = two_users(Options::default());
    let address = format!("127.0.0.1:{}", lab.replica.csync_port());
    lab.master.set_config("sync_host", Some("nobody.invalid"));
    lab.master.set_config("sync_port", None);
    actions(&lab, &["-S", &address, "-u", "fred"]);
    // On a UNIX socket the client needs no login, so the wrong password does not matter.
    lab.master.set_config("sync_password", Some("wrong"));
    let socket = lab.replica.csync_socket().display().to_string();
    replicate(&lab, &["-S", &socket, "-A"]);
}

#[test]
fn a_channel_has_its_own_replica() {
    let lab = two_users(Options::default());
    let second = another_replica(&lab, "second-replica", &Options::default());
    lab.master.set_config("far_sync_host", Some("127.0.0.1"));
    lab.master.set_config("far_sync_port", Some(&second.csync_port().to_string()));
    lab.master.set_config("far_sync_realm", Some(second.name()));
    lab.master.set_config("far_sync_authname", Some(REPLICATOR));
    lab.master.set_config("far_sync_password", Some(PASSWORD));
    ours(&lab, &["-n", "far", "-A"]).ok();
    let left = cyrsync_lab::compare(&lab.master, &second);
    assert_eq!(cyrsync_lab::describe(&left, 9), "0 differences\n");
    assert!(!differing(&lab).is_empty(), "the other replica was replicated to");
    replicate(&lab, &["-A"]);
}

#[test]
fn names_can_come_from_a_file() {
    let lab = two_users(Options::default());
    let list = lab.master.scratch().join("users");
    fs::write(&list, "# those who matter\nfred\r\n\n#anna\n").expect("own file");
    let list = list.display().to_string();
    assert_eq!(actions(&lab, &["-u", "-f", &list]), ["USER fred", "MAILBOX user.fred"]);
    fs::write(&list, "user.anna\n").expect("own file");
    let done = replicate(&lab, &["-m", "-f", &list]);
    assert_eq!(done, ["MAILBOXES user.anna", "MAILBOX user.anna"]);
    let run = ours(&lab, &["-u", "-f", "/nonexistent/list"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("/nonexistent/list"), "{run}");
}

#[test]
fn actions_are_logged_with_l() {
    let lab = two_users(Options::default());
    let run = ours(&lab, &["-l", "-u", "fred"]).ok();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{run}");
    for action in ["USER fred", "MAILBOX user.fred"] {
        // With CYRSYNC_CLIENT, the program logs as "cyrus/sync_client", like Cyrus's own programs.
        let reported = |line: &str| {
            line.strip_prefix("INFO ")
                .and_then(|l| l.rsplit('/').next()?.strip_prefix("sync_client: "))
                == Some(action)
        };
        assert!(run.log.lines().any(reported), "{run}");
    }
    let run = ours(&lab, &["-u", "anna"]).ok();
    assert!(!run.log.contains("USER anna"), "{run}");
}

#[test]
fn traffic_is_printed_without_the_password() {
    let lab = two_users(Options::default());
    let run = ours(&lab, &["-v", "-v", "-u", "fred"]).ok();
    let sent = sent(&run);
    for command in ["GET USER fred", "APPLY MESSAGE", "APPLY MAILBOX"] {
        assert!(sent.iter().any(|l| l.starts_with(command)), "{command}: {run}");
    }
    // Messages are shown only with a third -v.
    assert!(!run.stderr.contains("Subject: to fred"), "{run}");
    let full = ours(&lab, &["-v", "-v", "-v", "-u", "anna"]).ok();
    assert!(full.stderr.contains("Subject: to anna"), "{full}");
    // The password in clear, and in base64 as PLAIN sends it, in three alignments.
    let plain = "bGFiLXNlY3JldA";
    for secret in [PASSWORD, plain, "xhYi1zZWNyZX", "sYWItc2VjcmV0"] {
        for run in [&run, &full] {
            assert!(!run.stderr.contains(secret) && !run.log.contains(secret), "{run}");
        }
    }
}

#[test]
fn meta_mode_sends_no_mailbox() {
    let lab = two_users(Options::default());
    create(&lab.master, &["user.fred.Sent"]);
    replicate(&lab, &["-A"]);
    let mut fred = Imap::login(&lab.master, "fred");
    fred.ok("SUBSCRIBE INBOX.Sent");
    append(&mut fred, "INBOX", "not for meta mode");
    let done = actions(&lab, &["-s", "fred"]);
    assert!(done.contains(&"SUB fred user.fred.Sent".to_owned()), "{done:#?}");
    assert!(!done.iter().any(|l| l.starts_with("MAILBOX ")), "{done:#?}");
    let left = differing(&lab);
    assert!(left.iter().all(|path| path.starts_with("user.fred ") || path.contains("QUOTA")));
    assert!(!left.is_empty());
    let mut sieve = Sieve::login(&lab.master, "fred");
    assert_eq!(sieve.put("main", "keep;\r\n").0, Status::Ok);
    ours(&lab, &["-v", "-s", "fred"]).ok();
    replicate(&lab, &["-A"]);
}

#[test]
fn mailboxes_are_named_as_an_administrator_does() {
    let lab = two_users(Options::modern());
    create(&lab.master, &["user/an.na", "user/an.na/two words", "lists/rust"]);
    replicate(&lab, &["-A"]);
    let mut anna = Imap::login(&lab.master, "an.na");
    append(&mut anna, "two words", "in a folder");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "another one");
    let done = replicate(&lab, &["-m", "user/an.na/two words", "user/fred"]);
    let expected = [
        "MAILBOXES user.an^na.two words user.fred",
        "MAILBOX user.an^na.two words",
        "MAILBOX user.fred",
    ];
    assert_eq!(done, expected);
    ours(&lab, &["-m", "user/fred", "user/nobody"]).ok();
    anna.ok("RENAME \"two words\" \"three words\"");
    let both = ["-m", "user/an.na/two words", "user/an.na/three words"];
    let done = replicate_as_cyrus_would(&lab, &both);
    let rename = "RENAME user.an^na.two words -> user.an^na.three words (default)";
    assert!(done.iter().any(|l| l == rename), "{done:#?}");
}

#[test]
fn all_mode_takes_a_prefix() {
    let lab = two_users(Options::default());
    create(&lab.master, &["lists", "user.frederic"]);
    let users = |done: Vec<String>| -> Vec<String> {
        done.into_iter().filter(|l| l.starts_with("USER") || l.starts_with("MAILBOXES")).collect()
    };
    let done = users(actions(&lab, &["-A", "user.fred"]));
    assert_eq!(done, ["USER fred", "USER frederic"]);
    assert_eq!(users(actions(&lab, &["-A", "lists"])), ["MAILBOXES lists"]);
    assert_eq!(users(actions(&lab, &["-A", "user.anna"])), ["USER anna"]);
    assert_equal(&lab);
    assert_eq!(lines(&ours(&lab, &["-A", "nothing"]).ok().stdout), [""; 0]);
}
