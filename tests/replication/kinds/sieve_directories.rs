//! Scripts in a sieve directory, where Cyrus kept them before 3.6, of a user without `#sieve`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cyrsync_lab::{Cyrus, Lab, Options, Sieve, Status, places};

use crate::common::{
    actions, assert_cyrus_idle, assert_equal, assert_idle, create, differing, errors, lines, ours,
    replicate,
};

const KEEP: &str = "keep;\r\n";

/// The sieve directory of a user whose directories have the uniqueid's name.
fn directory(cyrus: &Cyrus, inbox: &str) -> PathBuf {
    places::place(cyrus, inbox).user.remove("sieve").expect("it is a user's")
}

/// Runs a shell command as the cyrus user.
#[track_caller]
fn shell(cyrus: &Cyrus, script: &str, args: &[&Path]) {
    let mut command = cyrus.command("/bin/sh");
    command.args(["-e", "-c", script, "sh"]).args(args).stdout(Stdio::null());
    assert!(command.status().expect("there is a shell").success(), "{script} {args:?}");
}

/// Puts a script into a directory as Cyrus 3.4 would have: with what it was compiled to.
#[track_caller]
fn put(cyrus: &Cyrus, directory: &Path, name: &str, script: &str) {
    shell(cyrus, "mkdir -p \"$1\"", &[directory]);
    let file = directory.join(format!("{name}.script"));
    fs::write(&file, script).expect("own directory");
    let compiled = directory.join(format!("{name}.bc"));
    let sievec = "/usr/lib/cyrus/bin/sievec -C \"$1\" \"$2\" \"$3\"";
    shell(cyrus, sievec, &[&cyrus.imapd_conf(), &file, &compiled]);
}

/// Makes a script the active one.
fn activate(directory: &Path, target: &str) {
    let link = directory.join("defaultbc");
    let _ = fs::remove_file(&link);
    symlink(target, link).expect("own directory");
}

/// Names of a user's scripts and of the active one, with the contents of all.
fn scripts(cyrus: &Cyrus, user: &str) -> Vec<(String, String)> {
    let mut sieve = Sieve::login(cyrus, user);
    let (status, list) = sieve.command("LISTSCRIPTS");
    assert_eq!(status, Status::Ok, "{list}");
    let mut found = Vec::new();
    for line in lines(&list).into_iter().filter(|line| line.starts_with('"')) {
        let name = line.split('"').nth(1).expect("a name").to_owned();
        let (_, content) = sieve.command(&format!("GETSCRIPT {}", cyrsync_lab::quote(&name)));
        let (_, content) = content.split_once('\n').expect("a literal");
        let content = content.rsplit_once("\r\nOK").map_or(content, |(content, _)| content);
        found.push((line, content.to_owned()));
    }
    found.sort();
    found
}

fn wanted(scripts: &[(&str, &str)]) -> Vec<(String, String)> {
    scripts.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

#[test]
fn scripts_in_a_directory_reach_a_replica_that_keeps_them_in_a_mailbox() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna"]);
    let dir = directory(&lab.master, "user.fred");
    put(&lab.master, &dir, "main", KEEP);
    put(&lab.master, &dir, "with space", "stop;\r\n");
    let huge = format!("{}discard;\r\n", "# a remark that fills the file\r\n".repeat(3_000));
    put(&lab.master, &dir, "huge", &huge);
    fs::remove_file(dir.join("huge.bc")).expect("own file");
    fs::write(dir.join("notes.txt"), "no script").expect("own directory");
    activate(&dir, "main.bc");

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

    put(&lab.master, &dir, "main", "discard;\r\n");
    fs::remove_file(dir.join("with space.script")).expect("own file");
    put(&lab.master, &dir, "new", "keep;\r\nstop;\r\n");
    activate(&dir, "new.bc");
    actions(&lab, &["-s", "fred"]);
    let there = [
        ("\"huge\"", &*huge),
        ("\"main\"", "discard;\r\n"),
        ("\"new\" ACTIVE", "keep;\r\nstop;\r\n"),
    ];
    assert_eq!(scripts(&lab.replica, "fred"), wanted(&there));
    assert_idle(&lab, &args);

    // A link that leads nowhere makes none active.
    activate(&dir, "gone.bc");
    assert!(actions(&lab, &args).contains(&"UNACTIVATE_SIEVE fred".to_owned()));
    assert!(scripts(&lab.replica, "fred").iter().all(|(name, _)| !name.ends_with("ACTIVE")));
    assert_idle(&lab, &args);

    // Cyrus moves the scripts into a mailbox on the master: the replica's own makes room for it.
    activate(&dir, "main.bc");
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

#[test]
fn scripts_of_users_with_directories_by_name_reach_a_replica_without_sieve_mailboxes() {
    let lab = Lab::new(Options {
        virtdomains: true,
        master_conf: "mailbox_legacy_dirs: yes\n".to_owned(),
        replica_conf: "mailbox_legacy_dirs: yes\n".to_owned(),
        ..Options::modern()
    });
    create(&lab.master, &["user/fred@example.com", "user/anna"]);
    let root = lab.master.dir().join("sieve");
    let of_fred = root.join("domain/e/example.com/f/fred");
    let of_anna = root.join("a/anna");
    put(&lab.master, &of_fred, "main", KEEP);
    put(&lab.master, &of_fred, "r\u{e9}sum\u{e9} \u{2713}", "stop;\r\n");
    put(&lab.master, &of_fred, &"y".repeat(90), KEEP);
    activate(&of_fred, "main.bc");
    put(&lab.master, &of_anna, "away", "discard;\r\n");
    let too_big = format!("# {}\r\nkeep;\r\n", "x".repeat(200_000));
    put(&lab.master, &of_anna, "too big", &too_big);

    let socket = lab.replica.csync_socket().display().to_string();
    let args = ["-S", &socket, "-u", "fred@example.com"];
    let done = actions(&lab, &args);
    assert!(done.contains(&"ACTIVATE_SIEVE fred@example.com main.bc".to_owned()), "{done:#?}");
    // Cyrus keeps the name of a script in a header, and shows it as it stands there.
    let accents = "\"=?UTF-8?Q?r=C3=A9sum=C3=A9_=E2=9C=93?=\"";
    let long = format!("\"=?UTF-8?Q?{}?= =?UTF-8?Q?{}?=\"", "y".repeat(62), "y".repeat(28));
    let there = [(accents, "stop;\r\n"), (&*long, KEEP), ("\"main\" ACTIVE", KEEP)];
    assert_eq!(scripts(&lab.replica, "fred@example.com"), wanted(&there));
    assert_idle(&lab, &args);

    // Another active one, one without, and back: over both kinds of connection.
    for args in [&args[..], &args[2..]] {
        for (target, active) in [
            ("r\u{e9}sum\u{e9} \u{2713}.bc", Some(accents)),
            ("none.bc", None),
            ("main.bc", Some("\"main\"")),
        ] {
            activate(&of_fred, target);
            actions(&lab, args);
            let found = scripts(&lab.replica, "fred@example.com");
            let found = found.iter().find_map(|(name, _)| name.strip_suffix(" ACTIVE"));
            assert_eq!(found, active, "{args:?}");
            assert_idle(&lab, args);
        }
    }

    // What the replica does not take is told in its words; others are done.
    let run = ours(&lab, &["-v", "-u", "anna", "fred@example.com"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("it gave up: [TOOBIG]"), "{run}");
    assert!(errors(&run).iter().any(|line| line.contains("userid=<anna>")), "{run}");
    fs::remove_file(of_anna.join("too big.script")).expect("own file");
    actions(&lab, &["-u", "anna"]);
    assert_eq!(scripts(&lab.replica, "anna"), wanted(&[("\"away\"", "discard;\r\n")]));

    // Moved into mailboxes on the master, they are replicated as such.
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
