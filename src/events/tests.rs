//! Formats every event in both forms: as a line and as a JSON object. The file `samples.txt` shows
//! the result for sample events, as documentation by example.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::sample_events::{self, error, locked, samples, user};
use super::*;
use crate::types::{MboxName, UserId};

const SAMPLES: &str = include_str!("samples.txt");

/// Returns two lines for an event: its log line, preceded by the destination, and its JSON object.
fn rendered(event: &Event) -> String {
    let line = match line(event) {
        None => "(no line)".to_owned(),
        Some(Line { to: To::Verbose, text }) => format!("-v      {text}"),
        Some(Line { to: To::Terminal, text }) => format!("stderr  {text}"),
        Some(Line { to: To::Answer, text }) => format!("stdout  {text}"),
        Some(Line { to: To::Log(level), text }) => {
            let level = format!("{level:?}").to_lowercase();
            format!("{level:<7} {text}")
        }
    };
    format!("{line}\n{}\n", json(event))
}

#[test]
fn every_event_has_its_line_and_its_object() {
    let all: Vec<String> = samples().iter().map(rendered).collect();
    let all = all.join("\n");
    if std::env::var_os("CYRSYNC_UPDATE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/events/samples.txt");
        std::fs::write(path, &all).unwrap();
        return;
    }
    for (ours, committed) in all.lines().zip(SAMPLES.lines()) {
        assert_eq!(ours, committed, "run with CYRSYNC_UPDATE=1 if that is right");
    }
    assert_eq!(all.lines().count(), SAMPLES.lines().count());
}

/// Returns the names of the variants of an enum in source code.
fn declared(source: &str, name: &str) -> BTreeSet<String> {
    let start = source.find(&format!("pub enum {name} {{\n")).expect("the enum is there");
    let body = source[start..].split("\n}\n").next().expect("it ends");
    let variants = body.lines().skip(1).filter(|line| {
        line.starts_with("    ") && line.as_bytes().get(4).is_some_and(u8::is_ascii_uppercase)
    });
    let name = |line: &str| line.trim().split([' ', ',', '(']).next().unwrap_or("").to_owned();
    variants.map(name).collect()
}

#[test]
fn no_event_lacks_a_sample() {
    fn shown(events: &[impl std::fmt::Debug]) -> BTreeSet<String> {
        let word = |event: &dyn std::fmt::Debug| {
            let text = format!("{event:?}");
            text.split([' ', '(']).next().unwrap_or("").to_owned()
        };
        events.iter().map(|event| word(event)).collect()
    }
    assert_eq!(shown(&samples()), declared(include_str!("event.rs"), "Event"));
    assert_eq!(shown(&sample_events::steps()), declared(include_str!("step.rs"), "Step"));
    assert_eq!(
        shown(&sample_events::connection()),
        declared(include_str!("connection.rs"), "ConnectionEvent")
    );
    assert_eq!(shown(&sample_events::store()), declared(include_str!("store.rs"), "StoreEvent"));
    assert_eq!(shown(&sample_events::sync()), declared(include_str!("sync.rs"), "SyncEvent"));
    assert_eq!(shown(&sample_events::repair()), declared(include_str!("repair.rs"), "RepairEvent"));
    assert_eq!(shown(&sample_events::run()), declared(include_str!("run.rs"), "RunEvent"));
    assert_eq!(shown(&sample_events::verify()), declared(include_str!("verify.rs"), "VerifyEvent"));
}

#[test]
fn every_family_of_events_is_described() {
    let page = include_str!("../../docs/events.md");
    let header = include_str!("../../include/cyrsync.h");
    let (_, comment) = header.split_once("The family of the event:").unwrap();
    let (comment, _) = comment.split_once("*/").unwrap();
    let quoted: BTreeSet<&str> = comment.split('"').skip(1).step_by(2).collect();
    let row = |line: &'static str| line.strip_prefix("| `")?.split_once("` |").map(|row| row.0);
    let (_, table) = page.split_once("| `event` in JSON |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows: BTreeSet<&str> = table.lines().filter_map(row).collect();
    let events: Vec<serde_json::Value> =
        samples().iter().map(|event| serde_json::from_str(&json(event)).unwrap()).collect();
    let families: BTreeSet<&str> =
        events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(families.len(), 10);
    assert_eq!((&rows, &quoted), (&families, &families));
}

#[test]
fn an_object_can_be_read_back_whatever_a_name_holds() {
    let mailbox = MboxName::new(b"user.\xff\"\\\n");
    let text = json(&Event::Differs { mailbox, why: Difference::Missing });
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["mailbox"]["base64"], "dXNlci7/IlwK");
    assert_eq!(value["why"]["what"], "missing");
}

#[derive(Default)]
struct Ears(Mutex<Vec<String>>);

impl Observer for Ears {
    fn event(&self, event: &Event) {
        self.0.lock().unwrap().extend(line(event).map(|line| line.text));
    }
}

#[test]
fn a_reason_belongs_to_its_mailbox_whatever_that_is_called() {
    let names = ["user.fred.A b", "user.fred.A", "user.x -> y (z)", "a\u{e9} [1]", "<>", " "];
    let ears = Arc::new(Ears::default());
    let collector = PlanCollector::new(ears.clone());
    let why = |name: &str| Difference::Field {
        field: "ACL",
        master: name.to_owned(),
        replica: String::new(),
    };
    for name in names {
        let mailbox = MboxName::from(name);
        let step = Step::Mailbox { mailbox: mailbox.clone(), local: false, messages: 2, bytes: 9 };
        collector.event(&Event::Differs { mailbox, why: why(name) });
        collector.event(&step.clone().into());
        collector.event(&step.into());
    }
    collector.event(&Step::User { user: user() }.into());
    collector.event(&SyncEvent::Stray { mailbox: "s".into() }.into());
    collector.event(&SyncEvent::Damaged { mailbox: "d".into(), error: error() }.into());
    let plan = collector.take();
    let (last, mailboxes) = plan.steps.split_last().unwrap();
    assert_eq!((last.line.as_str(), last.reasons.len()), ("USER fred", 0));
    assert_eq!(mailboxes.len(), names.len());
    for (step, name) in mailboxes.iter().zip(names) {
        assert_eq!((step.line.as_str(), step.command), (&*format!("MAILBOX {name}"), "MAILBOX"));
        assert_eq!(step.subject.mailbox(), Some(&name.into()));
        assert_eq!((step.reasons.as_slice(), step.messages, step.bytes), (&[why(name)][..], 2, 9));
    }
    // The collector passes on other events than steps, except errors, which the run returns.
    let passed_on = ears.0.lock().unwrap().clone();
    assert_eq!(passed_on, ["SYNCNOTICE: no tombstone for deleted mailbox s, left on the replica"]);
    assert_eq!(collector.take(), super::plan::Plan::default(), "taken once");
}

#[test]
fn a_report_keeps_every_failure_of_every_item() {
    let mut report = Report::default();
    let parts = ["user.fred.a", "user.fred.b"].map(|name| error().over(MboxName::from(name)));
    report.add(UserId::from("jim"), Ok(()));
    report.add(user(), Err(error().over(user()).with_parts(parts.to_vec())));
    report.add(UserId::from("eve"), Err(locked()));
    assert_eq!(report.totals, ItemTotals { done: 1, locked: 1, failed: 1 });
    let failed: Vec<String> = report.failures().map(|e| e.subject().to_string()).collect();
    assert_eq!(failed, ["user.fred.a", "user.fred.b", "/x/fred.lock"]);
    let text = serde_json::to_string(&report).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["items"][0]["outcome"], "done");
    assert_eq!(value["items"][0]["subject"]["user"], "jim");
    assert_eq!(value["items"][1]["error"]["parts"][1]["subject"]["mailbox"], "user.fred.b");
    assert_eq!(value["totals"]["failed"], 1);
}

#[test]
fn every_object_is_as_the_schema_says_and_the_schema_says_no_more() {
    let schema = include_str!("../../docs/events.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut seen = BTreeSet::new();
    for event in samples() {
        let object: serde_json::Value = serde_json::from_str(&json(&event)).unwrap();
        let faults: Vec<String> = validator.iter_errors(&object).map(|e| e.to_string()).collect();
        assert!(faults.is_empty(), "{object}: {faults:#?}");
        let text = |key: &str| object[key].as_str().map(str::to_owned).unwrap_or_default();
        let kind = if object["what"].is_null() { text("command") } else { text("what") };
        seen.insert((text("event"), kind));
    }
    for rule in schema["allOf"].as_array().unwrap() {
        let event = rule["if"]["properties"]["event"]["const"].as_str().unwrap();
        let properties = &rule["then"]["properties"];
        let kinds = properties["what"]["enum"].as_array();
        let kinds = kinds.or(properties["command"]["enum"].as_array()).into_iter().flatten();
        for kind in kinds.filter_map(serde_json::Value::as_str) {
            assert!(seen.contains(&(event.to_owned(), kind.to_owned())), "{event} {kind}");
        }
    }
}
