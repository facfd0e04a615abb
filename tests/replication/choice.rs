//! Tests how users and mailboxes are selected: by patterns instead of names, and by exclusions.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use cyrsync_lab::fill::Filler;
use cyrsync_lab::{Imap, Lab, Options, Run};

use crate::common::{actions, append, assert_equal, create, lines, ours, replicate};

/// Starts a lab whose master has four users and some shared mailboxes. The replica is empty.
fn lab(options: Options) -> Lab {
    let lab = Lab::new(options);
    let mailboxes = ["user.ann", "user.anna", "user.bob", "user.bob.Sent", "user.zoe"];
    let mailboxes: Vec<String> =
        mailboxes.iter().chain(SHARED).map(|name| lab.master.admin_name(name)).collect();
    create(&lab.master, &mailboxes.iter().map(String::as_str).collect::<Vec<_>>());
    lab
}

const SHARED: &[&str] = &["lists", "lists.c", "lists.rust", "news"];

/// Returns the lines of `-v` that name users, mailboxes, or what was excluded.
fn named(actions: &[String]) -> Vec<&str> {
    const WORDS: [&str; 4] = ["USER ", "META ", "MAILBOXES ", "excluded: "];
    let lines = actions.iter().map(String::as_str);
    lines.filter(|line| WORDS.iter().any(|word| line.starts_with(word))).collect()
}

/// Returns the names of the replica's mailboxes, sorted.
fn there(lab: &Lab) -> Vec<String> {
    let mut there = Imap::admin(&lab.replica).list("*");
    there.sort_unstable();
    there
}

/// Writes a file that the cyrus user can read.
fn file(lab: &Lab, text: &str) -> PathBuf {
    let path = lab.master.scratch().join("patterns");
    fs::write(&path, text).expect("own file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("own file");
    path
}

#[track_caller]
fn refused(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.status.code(), Some(code), "{run}");
    for word in words {
        assert!(run.stderr.contains(word), "{word}: {run}");
    }
    assert_eq!(run.stdout, "", "{run}");
}

#[test]
fn excluded_users_and_shared_mailboxes_are_listed_at_the_end() {
    let lab = lab(Options::default());
    let done = actions(&lab, &["-A", "--exclude", "a*", "--exclude=lists.*"]);
    let expected = [
        "USER bob",
        "USER zoe",
        "MAILBOXES lists news",
        "excluded: 2 users, 2 mailboxes: ann, anna, lists.c, lists.rust",
    ];
    assert_eq!(named(&done), expected);
    assert_eq!(done.last().map(String::as_str), Some(expected[3]));
    assert_eq!(there(&lab), ["lists", "news", "user.bob", "user.bob.Sent", "user.zoe"]);
    // With several connections the exclusions are the same.
    let done = actions(&lab, &["-A", "--exclude", "*", "-j", "3"]);
    assert_eq!(named(&done).len(), 1, "{done:#?}");
    assert!(named(&done)[0].starts_with("excluded: 4 users, 4 mailboxes: ann, "), "{done:#?}");
    let done = replicate(&lab, &["-A", "--exclude", "nobody"]);
    assert!(!done.iter().any(|line| line.starts_with("excluded")), "{done:#?}");
}

#[test]
fn named_users_and_mailboxes_can_be_excluded() {
    let lab = lab(Options::default());
    let done = actions(&lab, &["-u", "ann", "bob", "zoe", "--exclude", "z?e"]);
    assert_eq!(named(&done), ["USER ann", "USER bob", "excluded: 1 user: zoe"]);
    let done = actions(&lab, &["-s", "ann", "bob", "--exclude", "[!a]*"]);
    assert_eq!(named(&done), ["META ann", "excluded: 1 user: bob"]);
    // A pattern can match the name of the mailbox or the name of its user.
    let names = ["-m", "user.bob", "user.bob.Sent", "user.ann", "lists", "lists.c"];
    let all = [&names[..], &["--exclude", "*.Sent", "--exclude", "ann", "--exclude=lists.*"]];
    let done = actions(&lab, &all.concat());
    let left_out = "excluded: 3 mailboxes: user.bob.Sent, user.ann, lists.c";
    assert_eq!(named(&done), ["MAILBOXES user.bob lists", left_out]);
    let done = actions(&lab, &["-m", "user.bob", "--exclude", "*"]);
    assert_eq!(named(&done), ["excluded: 1 mailbox: user.bob"]);
}

#[test]
fn patterns_come_from_files_too() {
    let lab = lab(Options::default());
    let path = file(&lab, "# who\na*\n\n#b*\nlists\r\n");
    let path = path.to_str().expect("a plain name");
    let done = actions(&lab, &["-A", "--exclude-from", path, "--exclude", "zoe"]);
    let expected = [
        "USER bob",
        "MAILBOXES lists.c lists.rust news",
        "excluded: 3 users, 1 mailbox: ann, anna, zoe, lists",
    ];
    assert_eq!(named(&done), expected);

    file(&lab, "bob\nu[1\n");
    let args = ["-A", "--exclude-from", path];
    refused(&ours(&lab, &args), 64, &[path, "u[1"]);
    refused(&ours(&lab, &["-A", "--exclude", "x[y"]), 64, &["--exclude: ", "x[y"]);
    fs::remove_file(path).expect("own file");
    let run = ours(&lab, &args);
    refused(&run, 1, &[&format!("Unable to open {path}: No such file or directory")]);
    assert!(run.log.contains(&format!("Unable to open {path}")), "{run}");
    assert_eq!(there(&lab).len(), 5, "nothing was replicated without the patterns");
}

#[test]
fn rolling_replication_refuses_exclusions() {
    let lab = lab(Options::default());
    let log = lab.master.config_dir().join("sync/log");
    fs::write(&log, "USER ann\n").expect("own file");
    for mode in [&["-r"][..], &["-R"], &["-1"], &["-R", "-f", "/dev/null"]] {
        for flag in ["--exclude=ann", "--exclude-from=/dev/null"] {
            let run = ours(&lab, &[mode, &[flag]].concat());
            refused(&run, 64, &["rolling replication", "lost"]);
        }
    }
    assert_eq!(fs::read_to_string(&log).expect("it is there"), "USER ann\n");
}

#[test]
fn a_pattern_selects_users_in_order_each_once() {
    let lab = lab(Options::default());
    let users = |args: &[&str]| {
        let done = actions(&lab, args);
        named(&done).iter().map(|line| line.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(users(&["-u", "a*"]), ["USER ann", "USER anna"]);
    assert_eq!(
        users(&["-u", "bob", "*n*", "[a-b]*", "ann"]),
        ["USER bob", "USER ann", "USER anna"]
    );
    assert_eq!(users(&["-s", "an?"]), ["META ann"]);
    let left = users(&["-u", "*", "--exclude", "?o?"]);
    assert_eq!(left, ["USER ann", "USER anna", "excluded: 2 users: bob, zoe"]);
    let path = file(&lab, "zoe\n# all\n*\n");
    let list = users(&["-u", "-f", path.to_str().expect("a plain name")]);
    assert_eq!(list, ["USER zoe", "USER ann", "USER anna", "USER bob", "USER zoe"]);
    replicate(&lab, &["-A"]);
}

#[test]
fn a_pattern_selects_mailboxes_by_the_names_that_an_administrator_types() {
    let unix = lab(Options::modern());
    replicate(&unix, &["-A"]);
    let done = actions(&unix, &["-m", "user/bob*", "lists/?"]);
    assert_eq!(named(&done), ["MAILBOXES user.bob user.bob.Sent lists.c"]);
    let lab = lab(Options::default());
    replicate(&lab, &["-A"]);
    let done = actions(&lab, &["-m", "user.bob.*", "*ews", "lists"]);
    assert_eq!(named(&done), ["MAILBOXES user.bob.Sent news lists"]);
    append(&mut Imap::login(&lab.master, "bob"), "INBOX.Sent", "one");
    actions(&lab, &["-m", "*"]);
    assert_equal(&lab);
}

#[test]
fn a_dry_run_plans_what_would_be_chosen() {
    let lab = lab(Options::default());
    let planned = |args: &[&str]| {
        let run = ours(&lab, &[&["--dry-run", "-v"], args].concat()).ok();
        assert_eq!(run.stderr, "", "{run}");
        named(&lines(&run.stdout)).iter().map(|line| line.to_string()).collect::<Vec<_>>()
    };
    let left_out = "excluded: 1 user: ann";
    assert_eq!(
        planned(&["-u", "an*", "bob", "--exclude=ann"]),
        ["USER anna", "USER bob", left_out]
    );
    let all = planned(&["-A", "--exclude", "*a*", "--exclude", "list*"]);
    let expected = [
        "USER bob",
        "USER zoe",
        "MAILBOXES news",
        "excluded: 2 users, 3 mailboxes: ann, anna, lists, lists.c, lists.rust",
    ];
    assert_eq!(all, expected);
    assert_eq!(planned(&["-m", "lists*", "--exclude", "*.c"]).len(), 2);
    refused(&ours(&lab, &["--dry-run", "-u", "b[ob"]), 64, &["b[ob"]);
    refused(&ours(&lab, &["--dry-run", "-R", "--exclude=ann"]), 64, &["rolling replication"]);
    assert_eq!(there(&lab), [""; 0]);
}

#[test]
fn a_name_that_exists_is_not_a_pattern() {
    let lab = Lab::default();
    let mut filler = Filler::new(&lab.master, 1);
    // A mail client cannot create these names, but Cyrus accepts them by replication.
    for name in ["user.a?b", "user.axb", "user.u[1", "user.axb.x*", "user.axb.xy"] {
        filler.mailbox(name, 1);
    }
    drop(filler);
    let done = actions(&lab, &["-u", "a?b", "u[1"]);
    assert_eq!(named(&done), ["USER a?b", "USER u[1"]);
    let done = actions(&lab, &["-u", "a??", "--exclude", "a[?]b"]);
    assert_eq!(named(&done), ["USER axb", "excluded: 1 user: a?b"]);
    let done = actions(&lab, &["-m", "user.axb.x*"]);
    assert_eq!(named(&done), ["MAILBOXES user.axb.x*"]);
    assert_equal(&lab);
}

#[test]
fn a_pattern_without_a_match_is_reported_and_no_failure() {
    let lab = lab(Options::default());
    for (mode, pattern, reported) in [
        ("-u", "q*", "no user matches q*"),
        ("-s", "q?", "no user matches q?"),
        ("-m", "user.q*", "no mailbox matches user.q*"),
    ] {
        let run = ours(&lab, &["-v", mode, pattern]).ok();
        assert_eq!(lines(&run.stderr), [reported], "{run}");
        assert!(
            run.log.lines().any(|line| line == format!("NOTICE sync_client: {reported}")),
            "{run}"
        );
        assert_eq!(named(&lines(&run.stdout)), [""; 0], "{run}");
        let run = ours(&lab, &["--strict", mode, pattern]);
        assert_eq!((run.status.code(), lines(&run.stderr)), (Some(1), vec![reported.to_owned()]));
    }
    for mode in ["-u", "-m", "-s"] {
        refused(&ours(&lab, &[mode, "bob", "b[ob"]), 64, &["b[ob"]);
    }
    let path = file(&lab, "b[ob\nzoe\n");
    let run = ours(&lab, &["-v", "-u", "-f", path.to_str().expect("a plain name")]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("b[ob") && run.stdout.contains("USER zoe\n"), "{run}");
}
