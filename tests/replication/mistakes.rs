//! Tests command lines that select nothing: the run must say so, and fail with `--strict`.

use std::fs;

use cyrsync_lab::{Lab, Run};

use crate::common::{create, ours, replicate, sync_client_itself};

/// Returns the path of an empty list.
fn empty_list(lab: &Lab) -> String {
    let path = lab.master.scratch().join("empty");
    fs::write(&path, "# nobody\n\n").expect("own directory");
    path.display().to_string()
}

#[track_caller]
fn assert_reported(run: &Run, says: &str) {
    assert_eq!(run.stderr.matches(says).count(), 1, "{says}: {run}");
    let notices = run.log.lines().filter(|line| line.starts_with("NOTICE"));
    assert_eq!(notices.filter(|line| line.contains(says)).count(), 1, "{says}: {run}");
}

#[test]
fn a_run_that_has_nothing_to_do_says_so() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "lists"]);
    let list = empty_list(&lab);
    let none = "nothing to do: no user or mailbox was named";
    let prefix = "no mailbox has a name that begins with user/fred";
    for (args, says) in [
        (&["-u"][..], none),
        (&["-m"], none),
        (&["-s"], none),
        (&["-s", "-f", &list], "-s reads no list, so -f has no effect"),
        (&["-u", "-f", &list], "nothing to do: the list names no user"),
        (&["-m", "-f", &list], "nothing to do: the list names no mailbox"),
        (&["-A", "user/fred"], prefix),
    ] {
        for how in [&[][..], &["--dry-run"]] {
            let run = ours(&lab, &[how, args].concat()).ok();
            assert_reported(&run, says);
            let strict = ours(&lab, &[how, &["--strict"], args].concat());
            assert_eq!(strict.status.code(), Some(1), "{strict}");
        }
    }
    for args in [&["-A", "user.fred"][..], &["-A", "lists"], &["-u", "fred"]] {
        for how in [&["--dry-run", "--strict"][..], &["--strict"]] {
            let run = ours(&lab, &[how, args].concat()).ok();
            assert_eq!(run.stderr, "", "{run}");
        }
    }
}

#[test]
fn a_verification_that_compared_nothing_fails() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    replicate(&lab, &["-A"]);
    let list = empty_list(&lab);
    let compared = "nothing was compared: name users";
    for (args, says) in [
        (&["-A", "user/fred"][..], "no mailbox has a name that begins with user/fred"),
        (&["-u", "-f", &list], compared),
        (&["-u", "typo*"], compared),
        (&["-m", "user.typo*"], compared),
        (&["-s"], compared),
    ] {
        let run = sync_client_itself(&lab, &[&["--verify"], args].concat());
        assert_eq!(run.status.code(), Some(1), "{run}");
        assert_reported(&run, says);
        assert!(run.stdout.ends_with(": nothing was compared\n"), "{run}");
    }
}

#[test]
fn a_verification_honours_strict() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    replicate(&lab, &["-A"]);
    for args in [&["-u", "fred", "typo*"][..], &["-m", "user.fred", "typo*"]] {
        let run = sync_client_itself(&lab, &[&["--verify"], args].concat()).ok();
        assert!(run.stderr.contains(" matches typo*"), "{run}");
        let strict = sync_client_itself(&lab, &[&["--verify", "--strict"], args].concat());
        assert_eq!(strict.status.code(), Some(1), "{strict}");
    }
    sync_client_itself(&lab, &["--verify", "--strict", "-u", "fred"]).ok();
}

#[test]
fn the_argument_of_verify_is_no_operand() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    for word in ["messages", "messages:10%"] {
        let run = sync_client_itself(&lab, &["--verify", word, "-A"]);
        assert_eq!(run.status.code(), Some(64), "{run}");
        assert!(run.stderr.contains(&format!("write --verify={word}")), "{run}");
    }
}
