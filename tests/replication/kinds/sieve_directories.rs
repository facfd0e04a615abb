//! Tests scripts in a sieve directory, where Cyrus stored them before 3.6. The user has no `#sieve`
//! mailbox, and the master's own Cyrus does not move the scripts into one.

use std::fs;

use cyrsync_lab::{Lab, Options, Sieve, SieveDirectory, Status, scripts};

use crate::common::{
    actions, assert_cyrus_idle, assert_equal, assert_idle, create, differing, errors, ours,
    replicate,
};

const KEEP: &str = "keep;\r\n";
/// Makes the master's own `sync_server` unavailable, through which the client would move the
/// scripts.
const NOT_MOVED: &str = "sync_server_path: /nonexistent/sync_server\n";

fn wanted(scripts: &[(&str, &str)]) -> Vec<(String, String)> {
    scripts.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

#[test]
fn scripts_in_a_directory_reach_a_replica_with_a_sieve_mailbox() {
    let lab = Lab::new(Options { master_conf: NOT_MOVED.to_owned(), ..Options::default() });
    create(&lab.master, &["user.fred", "user.anna"]);
    let directory = SieveDirectory::of(&lab.master, "user.fred");
    let dir = directory.path();
    directory.put("main", KEEP);
    directory.put("with space", "stop;\r\n");
    let huge = format!("{}discard;\r\n", "# a remark that fills the file\r\n".repeat(3_000));
    directory.put("huge", &huge);
    fs::remove_file(dir.join("huge.bc")).expect("own file");
    fs::write(dir.join("notes.txt"), "no script").expect("own directory");
    directory.activate("main.bc");

    let args = ["-u", "fred", "anna"];
    let done = actions(&lab, &args);
    for line in ["SIEVE fred main.script", "SIEVE fred with space.script"] {
        assert!(done.iter().any(|l| l == line), "{line}: {done:#?}");
    }
    let there = [("\"huge\"", &*huge), ("\"main\" ACTIVE", KEEP), ("\"with space\"", "stop;\r\n")];
    assert_eq!(scripts(&lab.replica, "fred"), wanted(&there));
    for args in [&args[..], &["-s", "fred"], &["-A"], &["-m", "user.fred"]] {
        assert_idle(&lab, args);
    }
    let others = differing(&lab);
    let of_scripts = |path: &String| {
        path.contains("SIEVE") || path.contains("#sieve") || path.starts_with("mailboxes.db I ")
    };
    assert!(others.iter().all(of_scripts), "{others:#?}");

    directory.put("main", "discard;\r\n");
    fs::remove_file(dir.join("with space.script")).expect("own file");
    directory.put("new", "keep;\r\nstop;\r\n");
    directory.activate("new.bc");
    actions(&lab, &["-s", "fred"]);
    let there = [
        ("\"huge\"", &*huge),
        ("\"main\"", "discard;\r\n"),
        ("\"new\" ACTIVE", "keep;\r\nstop;\r\n"),
    ];
    assert_eq!(scripts(&lab.replica, "fred"), wanted(&there));
    assert_idle(&lab, &args);

    // If the link to the active script leads nowhere, no script is active.
    directory.activate("gone.bc");
    assert!(actions(&lab, &args).contains(&"UNACTIVATE_SIEVE fred".to_owned()));
    assert!(scripts(&lab.replica, "fred").iter().all(|(name, _)| !name.ends_with("ACTIVE")));
    assert_idle(&lab, &args);

    // timsieved moves the master's scripts into a mailbox. This mailbox must replace the replica's
    // own.
    directory.activate("main.bc");
    actions(&lab, &args);
    let before = scripts(&lab.replica, "fred");
    let mut sieve = Sieve::login(&lab.master, "fred");
    assert_eq!(sieve.put("last", "stop;\r\n").0, Status::Ok);
    let done = replicate(&lab, &args);
    assert!(done.contains(&"UNMAILBOX user.fred.#sieve".to_owned()), "{done:#?}");
    let after = scripts(&lab.replica, "fred");
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|script| after.contains(script)), "{after:?}");
    assert_cyrus_idle(&lab, &args);
}

/// Only the native store reports whether the directory exists.
#[test]
#[cfg(not(through_host))]
fn the_last_script_of_a_directory_is_deleted_and_a_missing_directory_deletes_none() {
    let lab = Lab::new(Options { master_conf: NOT_MOVED.to_owned(), ..Options::default() });
    create(&lab.master, &["user.fred"]);
    let directory = SieveDirectory::of(&lab.master, "user.fred");
    let (dir, there) = (directory.path(), wanted(&[("\"main\" ACTIVE", KEEP)]));
    let args = ["-u", "fred"];
    let sent = || {
        directory.put("main", KEEP);
        directory.activate("main.bc");
        actions(&lab, &args);
        assert_eq!(scripts(&lab.replica, "fred"), there);
    };
    sent();
    for file in ["main.script", "main.bc", "defaultbc"] {
        fs::remove_file(dir.join(file)).expect("own file");
    }
    let verified = ours(&lab, &["--verify", "-u", "fred"]);
    assert_eq!(verified.status.code(), Some(2), "{verified}");
    let done = actions(&lab, &args);
    assert!(done.contains(&"UNSIEVE fred main.script".to_owned()), "{done:#?}");
    assert_eq!(scripts(&lab.replica, "fred"), []);
    assert_idle(&lab, &args);

    sent();
    let away = dir.with_extension("away");
    fs::rename(dir, &away).expect("own directory");
    for args in [&args[..], &["-A"], &["-s", "fred"]] {
        assert_idle(&lab, args);
        assert_eq!(scripts(&lab.replica, "fred"), there);
    }
}

#[test]
fn scripts_of_users_with_directories_by_name_reach_a_replica_without_sieve_mailboxes() {
    let lab = Lab::new(Options {
        virtdomains: true,
        master_conf: format!("mailbox_legacy_dirs: yes\n{NOT_MOVED}"),
        replica_conf: "mailbox_legacy_dirs: yes\n".to_owned(),
        ..Options::modern()
    });
    create(&lab.master, &["user/fred@example.com", "user/anna"]);
    let root = lab.master.dir().join("sieve");
    let of_fred = SieveDirectory::at(&lab.master, root.join("domain/e/example.com/f/fred"));
    let of_anna = SieveDirectory::at(&lab.master, root.join("a/anna"));
    of_fred.put("main", KEEP);
    of_fred.put("r\u{e9}sum\u{e9} \u{2713}", "stop;\r\n");
    of_fred.put(&"y".repeat(90), KEEP);
    of_fred.activate("main.bc");
    of_anna.put("away", "discard;\r\n");
    let too_big = format!("# {}\r\nkeep;\r\n", "x".repeat(200_000));
    of_anna.put("too big", &too_big);

    let socket = lab.replica.csync_socket().display().to_string();
    let args = ["-S", &socket, "-u", "fred@example.com"];
    let done = actions(&lab, &args);
    assert!(done.contains(&"ACTIVATE_SIEVE fred@example.com main.bc".to_owned()), "{done:#?}");
    // Cyrus stores the name of a script in a mail header, and shows the encoded text of this
    // header.
    let accents = "\"=?UTF-8?Q?r=C3=A9sum=C3=A9_=E2=9C=93?=\"";
    let long = format!("\"=?UTF-8?Q?{}?= =?UTF-8?Q?{}?=\"", "y".repeat(62), "y".repeat(28));
    let there = [(accents, "stop;\r\n"), (&*long, KEEP), ("\"main\" ACTIVE", KEEP)];
    assert_eq!(scripts(&lab.replica, "fred@example.com"), wanted(&there));
    assert_idle(&lab, &args);

    // Activate another script, then none, then the first again, over both kinds of connection.
    for args in [&args[..], &args[2..]] {
        for (target, active) in [
            ("r\u{e9}sum\u{e9} \u{2713}.bc", Some(accents)),
            ("none.bc", None),
            ("main.bc", Some("\"main\"")),
        ] {
            of_fred.activate(target);
            actions(&lab, args);
            let found = scripts(&lab.replica, "fred@example.com");
            let found = found.iter().find_map(|(name, _)| name.strip_suffix(" ACTIVE"));
            assert_eq!(found, active, "{args:?}");
            assert_idle(&lab, args);
        }
    }

    // The error of a refused script contains the replica's words. Other scripts are replicated.
    let run = ours(&lab, &["-v", "-u", "anna", "fred@example.com"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("it gave up: [TOOBIG]"), "{run}");
    assert!(errors(&run).iter().any(|line| line.contains("userid=<anna>")), "{run}");
    fs::remove_file(of_anna.path().join("too big.script")).expect("own file");
    actions(&lab, &["-u", "anna"]);
    assert_eq!(scripts(&lab.replica, "anna"), wanted(&[("\"away\"", "discard;\r\n")]));

    // timsieved moves the scripts into mailboxes on the master. They are then replicated as
    // mailboxes.
    for user in ["fred@example.com", "anna"] {
        let before = scripts(&lab.replica, user);
        assert_eq!(Sieve::login(&lab.master, user).put("last", KEEP).0, Status::Ok);
        actions(&lab, &["-u", user]);
        let after = scripts(&lab.replica, user);
        assert!(before.iter().all(|script| after.contains(script)), "{before:?}, {after:?}");
    }
    assert_equal(&lab);
    assert_idle(&lab, &["-A"]);
    assert_cyrus_idle(&lab, &["-A"]);
}
