//! Tests `--dry-run`: it prints the steps of every mode and changes nothing.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use cyrsync_lab::{Imap, Lab, Proxy, Sieve, compare, describe};

use crate::common::{append, create, errors, is_of_the_run, lines, ours, replicate};
use crate::rolling::log;

/// Starts a lab with equal servers, then makes changes of each kind.
fn changed() -> Lab {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.Sent", "user.fred.old", "user.anna", "shared"]);
    let mut fred = Imap::login(&lab.master, "fred");
    for subject in ["one", "two", "three"] {
        append(&mut fred, "INBOX", subject);
    }
    replicate(&lab, &["-A"]);
    append(&mut fred, "INBOX", "four");
    fred.ok("SELECT INBOX");
    fred.ok("STORE 1 +FLAGS (\\Flagged)");
    fred.ok("CREATE INBOX.new");
    fred.ok("DELETE INBOX.old");
    fred.ok("SUBSCRIBE INBOX.new");
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETQUOTA user.fred (STORAGE 5000)");
    admin.ok("SETACL shared anna lrs");
    Sieve::login(&lab.master, "anna").put("keep", "keep;\n");
    // Both sides have different messages with UID 1, so this mailbox needs a repair.
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "here");
    append(&mut Imap::login(&lab.replica, "anna"), "INBOX", "there");
    lab
}

/// Returns the steps that a run prints with `-v`, without lines about the connection. A step that a
/// rename makes the run repeat counts once, as in a plan.
fn done(lab: &Lab, args: &[&str]) -> Vec<String> {
    let mut done = lines(&ours(lab, &[&["-v", "-j", "1"], args].concat()).ok().stdout);
    let mut known = HashSet::new();
    done.retain(|line| !is_of_the_run(line) && known.insert(line.clone()));
    done
}

/// Returns the steps of a dry run.
fn planned(lab: &Lab, args: &[&str]) -> Vec<String> {
    let run = ours(lab, &[&["--dry-run", "-j", "1"], args].concat()).ok();
    let mut steps = lines(&run.stdout);
    let summary = steps.pop().unwrap();
    assert!(summary.ends_with("; nothing was changed"), "{run}");
    assert_eq!(run.stderr, "", "{run}");
    // A run reports that the replica has no records of a mailbox that is not created yet. A dry run
    // must not report it.
    assert_eq!(errors(&run), [""; 0], "{run}");
    steps
}

/// Asserts that a dry run printed these steps, each with optional reasons in parentheses.
#[track_caller]
fn assert_same(planned: &[String], done: &[String]) {
    let is_same = |(planned, done): (&String, &String)| {
        planned.strip_prefix(done.as_str()).is_some_and(|r| r.is_empty() || r.starts_with(" ("))
    };
    let all = planned.len() == done.len() && planned.iter().zip(done).all(is_same);
    assert!(all, "{planned:#?}\n{done:#?}");
}

#[test]
fn a_dry_run_prints_the_steps_of_the_run_in_every_mode_and_changes_nothing() {
    for mode in [
        &["-A"][..],
        &["-u", "fred", "anna"],
        &["-m", "user.fred", "user.fred.new", "user.fred.old", "shared"],
        &["-s", "fred", "anna"],
        &["-R"],
        &["-1"],
    ] {
        let lab = changed();
        let port = lab.replica.csync_port();
        let proxy = Proxy::new(port, Duration::ZERO, true);
        let before = describe(&compare(&lab.master, &lab.replica), 1000);
        let logged = fs::read(log(&lab)).expect("something was logged");
        lab.master.use_port(proxy.port());
        let steps = planned(&lab, mode);
        let commands = proxy.commands();
        let frame = ["AUTHENTICATE PLAIN", "APPLY CAPABILITIES", "EXIT"];
        let others = commands.iter().filter(|command| !frame.contains(&command.as_str()));
        assert!(others.clone().count() > 0, "{mode:?}");
        assert!(
            others.clone().all(|command| command.starts_with("GET ")),
            "{mode:?}: {commands:?}"
        );
        assert_eq!(describe(&compare(&lab.master, &lab.replica), 1000), before, "{mode:?}");
        assert_eq!(fs::read(log(&lab)).expect("it stays"), logged, "{mode:?}");
        lab.master.use_port(port);
        let run = if mode == ["-R"] { &["-1"][..] } else { mode };
        assert_same(&steps, &done(&lab, run));
    }
}

#[test]
fn each_step_has_its_reason_and_its_size() {
    let lab = changed();
    let run = ours(&lab, &["--dry-run", "-u", "fred"]).ok();
    for line in [
        "MAILBOX user.fred (LAST_UID is 4 here and 3 on the replica; ",
        "MAILBOX user.fred.new (not on the replica)",
        "QUOTA user.fred (the replica has other limits or none)",
        "SUB fred user.fred.new (subscribed only on this server)",
        " (default) (MBOXNAME is DELETED.user.fred.old.",
    ] {
        assert!(run.stdout.contains(line), "{line}: {run}");
    }
    let summary = run.stdout.lines().last().unwrap();
    assert!(summary.contains("at most 1 messages of "), "{run}");
    let json = ours(&lab, &["--dry-run", "--json", "-u", "fred"]).ok();
    let steps: Vec<serde_json::Value> =
        json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let inbox = steps.iter().find(|step| step["line"] == "MAILBOX user.fred").unwrap();
    assert_eq!(inbox["command"], "MAILBOX", "{json}");
    assert_eq!(inbox["reasons"][0]["field"], "LAST_UID", "{json}");
    assert!(inbox["bytes"].as_u64() > Some(0), "{json}");
}

#[test]
fn a_failure_is_reported_and_the_rest_is_planned() {
    let lab = changed();
    let run = ours(&lab, &["--dry-run", "-u", "nobody", "anna"]).ok();
    let strict = ours(&lab, &["--dry-run", "--strict", "-u", "nobody", "anna"]);
    assert_eq!(strict.status.code(), Some(1), "{strict}");
    assert!(run.stdout.contains("MAILBOX user.anna.#sieve"), "{run}");
    assert!(run.stderr.contains("user nobody: no such user"), "{run}");
    let list = lab.master.scratch().join("none");
    let run = ours(&lab, &["--dry-run", "-u", "-f", list.to_str().unwrap()]);
    assert_eq!(run.status.code(), Some(1), "{run}");
}
