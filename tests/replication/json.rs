//! Tests `--json`: every mode prints its events and the result of the run as objects.

use cyrsync_lab::{Imap, Lab, Run};
use serde_json::Value;

use crate::common::{append, create, message_file, ours, start_ours, until};

/// Returns the objects that a run printed. Asserts that each follows the schema.
#[track_caller]
fn objects(run: &Run) -> Vec<Value> {
    let path = cyrsync_lab::checkout().join("docs/events.schema.json");
    let schema = std::fs::read_to_string(path).expect("own file");
    let schema = serde_json::from_str(&schema).expect("it is JSON");
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let parse = |line: &str| {
        let object = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let faults: Vec<String> = validator.iter_errors(&object).map(|e| e.to_string()).collect();
        assert!(faults.is_empty(), "{line}: {faults:#?}");
        object
    };
    run.stdout.lines().map(parse).collect()
}

/// Returns the subjects of all `ended` events with their outcomes.
fn ended(objects: &[Value]) -> Vec<(String, String)> {
    let ended = objects.iter().filter(|object| object["event"] == "ended");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let subject = |of: &Value| text(&of["user"]) + &text(&of["mailbox"]) + &text(&of["item"]);
    ended.map(|object| (subject(&object["subject"]), text(&object["outcome"]))).collect()
}

#[test]
fn each_mode_prints_objects_and_nothing_else() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "two");
    std::fs::write(message_file(&lab.master, "user.fred", 2), "nonsense").expect("own file");
    let run = ours(&lab, &["--json", "-v", "-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let found = objects(&run);
    let pair = |user: &str, outcome: &str| (user.to_owned(), outcome.to_owned());
    let all = ended(&found);
    assert!(all.contains(&pair("anna", "done")) && all.contains(&pair("fred", "failed")), "{run}");
    let failed = found.iter().find(|object| object["outcome"] == "failed").unwrap();
    assert_eq!(failed["error"]["kind"], "corrupt", "{failed}");
    let summary = found.last().unwrap();
    assert_eq!(summary["event"], "summary", "{run}");
    // One message of fred's INBOX was sent, and one could not be sent.
    let numbers = ["users", "mailboxes", "messages"].map(|name| summary[name].as_u64());
    assert_eq!(numbers, [2, 1, 1].map(Some), "{run}");
    assert_eq!(summary["failed_count"], 1, "{run}");
    for args in [&["-u", "anna"][..], &["-s", "anna"], &["-m", "user.anna"]] {
        let run = ours(&lab, &[&["--json"], args].concat()).ok();
        let found = objects(&run);
        assert_eq!(ended(&found).len(), 1, "{run}");
        assert_eq!(found.last().unwrap()["event"], "summary", "{run}");
    }
}

#[test]
fn rolling_replication_prints_each_object_immediately() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = start_ours(&lab, &["--json", "-R"]);
    let sent = |text: &str| text.contains("\"command\":\"MAILBOX\",\"mailbox\":\"user.fred\"");
    let running = until(running, |so_far| sent(&so_far[0]));
    running.signal(libc::SIGTERM);
    let run = running.wait();
    assert!(!objects(&run).is_empty(), "{run}");
}
