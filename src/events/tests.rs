//! Every event both ways: as the line that Cyrus writes, and as an object. The samples are
//! committed (`samples.txt`): they are the schema by example.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::error::{Error, Kind, Mark, Subject};
use crate::types::{Backlog, Guid, MboxName, ReplicaName, SyncCrcs, UserId};

const SAMPLES: &str = include_str!("samples.txt");

fn error() -> Error {
    Error::new(Kind::Corrupt, "open mailbox", MboxName::from("user.fred.x"), "bad").hint("mend it")
}

fn replica() -> ReplicaName {
    ReplicaName { server: "mx2".to_owned(), channel: Some("second".to_owned()) }
}

fn locked() -> Error {
    Error::new(Kind::Locked, "lock", "/x/fred.lock", "somebody else holds the lock")
}

fn mailbox() -> MboxName {
    "user.fred".into()
}

fn user() -> UserId {
    "fred".into()
}

fn steps() -> Vec<Step> {
    let (user, mailbox, local) = (user(), mailbox(), false);
    let (script, root) = ("vacation".into(), "user.fred".into());
    let record = RecordSeen {
        side: Side::Replica,
        uid: 7,
        modseq: 12,
        last_updated: 1000,
        internaldate: 900,
        flags: vec!["\\Deleted".into(), "\\Expunged".into(), "Junk".into()],
        cid: "00000000000000ab".into(),
    };
    vec![
        Step::User { user: user.clone() },
        Step::Meta { user: user.clone() },
        Step::Mailboxes { mailboxes: vec![mailbox.clone(), MboxName::new(b"user.fr\xe9d")] },
        Step::MailboxAgain { mailbox: mailbox.clone() },
        Step::Absent { user: user.clone() },
        Step::Mailbox { mailbox: mailbox.clone(), local, messages: 3, bytes: 4096 },
        Step::Mailbox { mailbox: mailbox.clone(), local: true, messages: 0, bytes: 0 },
        Step::MasterMailbox { mailbox: mailbox.clone() },
        Step::MasterScripts { user: user.clone() },
        Step::DeleteMailbox { mailbox: mailbox.clone(), local },
        Step::DeleteMailbox { mailbox: mailbox.clone(), local: true },
        Step::Rename {
            from: mailbox.clone(),
            to: "user.fred.new".into(),
            partition: "default".into(),
            local,
        },
        Step::Rename {
            from: mailbox.clone(),
            to: mailbox.clone(),
            partition: "fast".into(),
            local: true,
        },
        Step::FullMailbox { mailbox: mailbox.clone() },
        Step::Repair { found: RepairEvent::Record { mailbox: mailbox.clone(), record } },
        Step::DeleteUser { user: user.clone() },
        Step::Subscribe { user: user.clone(), mailbox: mailbox.clone() },
        Step::Unsubscribe { user: user.clone(), mailbox: mailbox.clone() },
        Step::Seen { user: user.clone(), uniqueid: "0123-ab".into() },
        Step::UploadSieve { user: user.clone(), script: Clone::clone(&script) },
        Step::DeleteSieve { user: user.clone(), script: Clone::clone(&script) },
        Step::ActivateSieve { user: user.clone(), script },
        Step::DeactivateSieve { user },
        Step::SetQuota { root: Clone::clone(&root) },
        Step::DeleteQuota { root },
        Step::SetAnnotation { mailbox, entry: "/comment".into(), userid: "fred".into() },
        Step::DeleteAnnotation {
            mailbox: MboxName::default(),
            entry: "/comment".into(),
            userid: "".into(),
        },
        Step::Enable { capabilities: 0x1800 },
    ]
}

fn connection() -> Vec<ConnectionEvent> {
    let (host, how) = ("mx2".to_owned(), "TLSv1.3 with TLS13_AES_256_GCM_SHA384".to_owned());
    vec![
        ConnectionEvent::PortFailed { port: 143, error: error() },
        ConnectionEvent::OptionFailed { option: "TCP_KEEPIDLE", why: "not supported".into() },
        ConnectionEvent::Encrypted { how, host: host.clone() },
        ConnectionEvent::Layer { how: "GSSAPI (256 bits)".into(), host: host.clone() },
        ConnectionEvent::CertificateWarning { why: "the certificate ends in 3 days".into() },
        ConnectionEvent::TlsNotRemembered { host: host.clone(), error: error() },
        ConnectionEvent::StartTlsRefused { text: "no certificate".into() },
        ConnectionEvent::NotEncrypted { server: "mx2:2005".into() },
        ConnectionEvent::ClearPassword {
            host: host.clone(),
            address: Some("192.0.2.7".into()),
            mechanism: "PLAIN".into(),
        },
        ConnectionEvent::ClearPassword { host, address: None, mechanism: "LOGIN".into() },
        ConnectionEvent::NotCompressed,
        ConnectionEvent::CompressionLevel { deflate_level: 6, sent: 1_048_576, sent_raw: 349_525 },
        ConnectionEvent::SieveMailbox,
        ConnectionEvent::Archive,
        ConnectionEvent::NoArchive,
        ConnectionEvent::ArchiveNotEnabled,
        ConnectionEvent::CapabilitiesRefused { error: error() },
        ConnectionEvent::ForceRefused,
        ConnectionEvent::Refused { command: "MAILBOX".into(), text: "IMAP_X Bad".into() },
    ]
}

fn store() -> Vec<StoreEvent> {
    vec![
        StoreEvent::LockWait { error: locked() },
        StoreEvent::MailboxLeftOut { error: error() },
        StoreEvent::CountersIgnored { user: user(), error: error() },
        StoreEvent::HeaderOdd { mailbox: mailbox(), why: "another uniqueid".into() },
    ]
}

fn sync() -> Vec<SyncEvent> {
    let mailbox = mailbox();
    let crcs = |basic| SyncCrcs { basic: Some(basic), annot: None };
    vec![
        SyncEvent::Sending { mailbox: mailbox.clone(), why: Difference::Annotations },
        SyncEvent::Sending {
            mailbox: mailbox.clone(),
            why: Difference::Crcs { master: crcs(1), replica: crcs(2) },
        },
        SyncEvent::Partial { mailbox: mailbox.clone(), uids: [1, 2, 3], modseqs: [4, 5, 6] },
        SyncEvent::Confirmed { mailbox: mailbox.clone(), messages: 3, bytes: 4096, whole: true },
        SyncEvent::AlreadyThere { mailboxes: 2, messages: 40 },
        SyncEvent::Renamed,
        SyncEvent::Unsettled { user: Some(user()), tries: 3 },
        SyncEvent::Unsettled { user: None, tries: 3 },
        SyncEvent::UserFailed {
            user: user(),
            error: error().over(user()).with_parts(vec![error()]),
            replica: "mx2".into(),
        },
        SyncEvent::UserFailed { user: user(), error: error(), replica: replica() },
        SyncEvent::PartFailed { subject: Subject::from(&mailbox), error: error() },
        SyncEvent::UserFailed {
            user: user(),
            error: error()
                .over(user())
                .with_parts(vec![error().marked(Mark::Reported), error().marked(Mark::Reported)]),
            replica: replica(),
        },
        SyncEvent::PartFailed { subject: Subject::item("SUB fred"), error: locked() },
        SyncEvent::UnknownUser { user: user() },
        SyncEvent::UnknownMailbox { mailbox: mailbox.clone(), external: "user/fred".into() },
        SyncEvent::UserNotGone { user: user() },
        SyncEvent::Stray { mailbox: mailbox.clone() },
        SyncEvent::Double { mailbox: mailbox.clone() },
        SyncEvent::FillIn { mailbox: mailbox.clone() },
        SyncEvent::DeleteFailed { mailbox: mailbox.clone(), error: error() },
        SyncEvent::RenameFailed { from: mailbox.clone(), to: "user.fred.new".into() },
        SyncEvent::SendingAllMessages { error: error() },
        SyncEvent::InboxWithoutMessages { mailbox: mailbox.clone() },
        SyncEvent::Forgotten { mailbox: mailbox.clone(), deletedmodseq: 9, highestmodseq: 3 },
        SyncEvent::ChecksumDiffers { mailbox: mailbox.clone() },
        SyncEvent::ChecksumDiffersAgain { mailbox: mailbox.clone() },
        SyncEvent::UncheckedDiffers { mailbox: mailbox.clone() },
        SyncEvent::ComparingAgain { mailbox: mailbox.clone(), error: error() },
        SyncEvent::MasterFailed { mailbox: mailbox.clone(), error: error() },
        SyncEvent::ScriptsStay { user: user(), error: error() },
        SyncEvent::Damaged { mailbox: mailbox.clone(), error: error() },
        SyncEvent::MessageDamaged { error: error() },
        SyncEvent::NotChecked { mailbox: mailbox.clone(), error: error() },
        SyncEvent::NotSearched { mailbox, error: error() },
    ]
}

fn repair() -> Vec<RepairEvent> {
    let mailbox = mailbox();
    let (uid, guid) = (7, Guid([0xab; 20]));
    let fates = [
        Fate::OnlyOnMaster,
        Fate::OnlyOnReplica,
        Fate::OnlyOnReplicaStale,
        Fate::ExpungedOnMaster,
        Fate::ExpungedOnReplica,
        Fate::ExpungedLongAgo,
        Fate::CameBack,
        Fate::MasterStays,
        Fate::CopiedBack { to: None },
        Fate::CopiedBack { to: Some(9) },
        Fate::Renumbered { to: 9 },
    ];
    let values =
        [Raised::UidValidity, Raised::HighestModseq, Raised::LastUid, Raised::FolderModseq];
    let record = RecordSeen {
        side: Side::Master,
        uid,
        modseq: 12,
        last_updated: 1000,
        internaldate: 900,
        flags: Vec::new(),
        cid: "0000000000000000".into(),
    };
    let message = |fate| RepairEvent::Message { mailbox: mailbox.clone(), uid, guid, fate };
    let raised = |value| RepairEvent::Raised { mailbox: mailbox.clone(), value, old: 1, new: 2 };
    let mut all = vec![
        RepairEvent::GuidMismatch {
            mailbox: mailbox.clone(),
            uid,
            replica: guid,
            master: Guid([0xcd; 20]),
        },
        RepairEvent::NewerOnReplica { mailbox: mailbox.clone() },
        RepairEvent::Record { mailbox: mailbox.clone(), record },
        RepairEvent::BumpingModseq { mailbox: mailbox.clone(), uid },
        RepairEvent::Annotations { mailbox: mailbox.clone(), stay: Side::Master },
        RepairEvent::Annotations { mailbox: mailbox.clone(), stay: Side::Replica },
    ];
    all.extend(fates.into_iter().map(message));
    all.extend(values.into_iter().map(raised));
    all
}

fn run() -> Vec<RunEvent> {
    let path = std::path::PathBuf::from("/conf/sync/log-run");
    let items = || vec!["USER fred".into(), "MAILBOX user.jim".into()];
    let next = Duration::from_secs(60);
    vec![
        RunEvent::ConnectFailed { replica: replica(), attempts: 1, error: error() },
        RunEvent::ConnectFailed { replica: "mx2".into(), attempts: 3, error: error() },
        RunEvent::StillUnreachable {
            replica: replica(),
            time: Duration::from_secs(600),
            attempts: 7,
            next: Duration::from_secs(40),
            backlog: Backlog { entries: 123, users: 4 },
            error: error(),
        },
        RunEvent::ShutdownFileFound { path: "/conf/sync/shutdown".into() },
        RunEvent::NobodyLogs { mailbox: mailbox(), path: "/x/sync/log".into(), time: next },
        RunEvent::NoSyncLog,
        RunEvent::NotLogged { channel: Some("second".to_owned()) },
        RunEvent::StatusNotWritten { error: error() },
        RunEvent::ReachableAgain {
            replica: replica(),
            time: Duration::from_secs(605),
            attempts: 8,
        },
        RunEvent::TryingAllTheSame,
        RunEvent::TryingAgain { error: error() },
        RunEvent::ReplicaGone { error: error() },
        RunEvent::RestartFailed { error: error() },
        RunEvent::NoCache { error: error() },
        RunEvent::Excluded { users: 2, mailboxes: 0, names: vec!["ann".into(), "bob".into()] },
        RunEvent::Excluded { users: 1, mailboxes: 30, names: vec!["ann".into()] },
        RunEvent::Reprocessing { path: path.clone() },
        RunEvent::BadLogLine { path: path.clone(), line: 3, why: "no name follows".into() },
        RunEvent::LogNotTaken { error: error() },
        RunEvent::NotNoted { error: error() },
        RunEvent::ChangeNotLogged { mailbox: mailbox(), error: error() },
        RunEvent::ChannelShared { path },
        RunEvent::Promoting { item: "MAILBOX user.fred.x".into(), to: "USER fred".into() },
        RunEvent::Deferred { item: "USER fred".into() },
        RunEvent::LeftForLater { items: items(), tries: 2, next, error: error() },
        RunEvent::LeftForLater {
            items: items(),
            tries: 2,
            next,
            error: error().marked(Mark::Reported),
        },
        RunEvent::LeftForLater { items: items(), tries: 1, next, error: locked() },
        RunEvent::NotReplicated { items: items(), error: error() },
    ]
}

fn verify() -> Vec<VerifyEvent> {
    let subject = Subject::message(mailbox(), 7, None);
    let flags = ["(\\Seen)", "()"].map(|flags| Some(flags.to_owned()));
    let [master, replica] = flags;
    let field = "FLAGS".to_owned();
    let flags = Finding { subject: subject.clone(), field, master, replica, pending: false };
    let gone = Finding {
        subject: (&mailbox()).into(),
        field: "MAILBOX".into(),
        master: None,
        replica: Some("there".into()),
        pending: false,
    };
    let new = Finding {
        field: "RECORD".into(),
        master: Some("there".into()),
        replica: None,
        pending: true,
        ..flags.clone()
    };
    let totals = VerifyTotals { users: 1, mailboxes: 3, records: 70, ..VerifyTotals::default() };
    let found = VerifyTotals { differences: 2, pending: 1, unknown: 1, messages: 5, ..totals };
    let ended = |totals: VerifyTotals| VerifyEvent::Summary { totals, verdict: totals.verdict() };
    vec![
        VerifyEvent::Difference(flags),
        VerifyEvent::Difference(gone),
        VerifyEvent::Difference(new),
        VerifyEvent::More { subject: (&mailbox()).into(), differences: 7, pending: 1 },
        VerifyEvent::Equal { mailbox: mailbox(), records: 70 },
        VerifyEvent::Unknown { subject: user().into(), error: locked() },
        ended(totals),
        ended(found),
        ended(VerifyTotals { pending: 1, ..totals }),
    ]
}

/// One of each at least.
fn samples() -> Vec<Event> {
    let field =
        Difference::Field { field: "LAST_UID", master: "9".to_owned(), replica: "8".to_owned() };
    let mut all = vec![
        Event::Differs { mailbox: mailbox(), why: Difference::Missing },
        Event::Differs { mailbox: mailbox(), why: field },
        Event::Unreachable {
            error: Error::new(Kind::Connect, "connect to", Subject::host("mx2:2005"), "refused"),
            server: "mx2".into(),
            pause: Duration::from_secs(15),
        },
    ];
    all.extend(steps().into_iter().map(Event::from));
    all.extend(connection().into_iter().map(Event::from));
    all.extend(store().into_iter().map(Event::from));
    all.extend(sync().into_iter().map(Event::from));
    all.extend(repair().into_iter().map(Event::from));
    all.extend(run().into_iter().map(Event::from));
    all.extend(verify().into_iter().map(Event::from));
    all.push(Event::Ended(Item::new(user(), Ok(()))));
    all.push(Event::Ended(Item::new(user(), Err(locked()))));
    all.push(Event::Ended(Item::new(&[mailbox(), mailbox()][..], Err(error()))));
    all
}

/// The line with its place, and the object below it.
fn rendered(event: &Event) -> String {
    let line = match words(event) {
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

/// The names that variants have in the source of this module.
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
    assert_eq!(shown(&steps()), declared(include_str!("step.rs"), "Step"));
    assert_eq!(shown(&connection()), declared(include_str!("connection.rs"), "ConnectionEvent"));
    assert_eq!(shown(&store()), declared(include_str!("store.rs"), "StoreEvent"));
    assert_eq!(shown(&sync()), declared(include_str!("sync.rs"), "SyncEvent"));
    assert_eq!(shown(&repair()), declared(include_str!("repair.rs"), "RepairEvent"));
    assert_eq!(shown(&run()), declared(include_str!("run.rs"), "RunEvent"));
    assert_eq!(shown(&verify()), declared(include_str!("verify.rs"), "VerifyEvent"));
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
        self.0.lock().unwrap().extend(words(event).map(|line| line.text));
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
    // What is no step goes on; a failure comes back by itself.
    let passed_on = ears.0.lock().unwrap().clone();
    assert_eq!(passed_on, ["SYNCNOTICE: no tombstone for deleted mailbox s, left on the replica"]);
    assert_eq!(collector.take(), Plan::default(), "taken once");
}

#[test]
fn a_report_keeps_every_failure_of_every_item() {
    let mut report = Report::default();
    let parts = ["user.fred.a", "user.fred.b"].map(|name| error().over(MboxName::from(name)));
    report.add(UserId::from("jim"), Ok(()));
    report.add(user(), Err(error().over(user()).with_parts(parts.to_vec())));
    report.add(UserId::from("eve"), Err(locked()));
    assert_eq!(report.totals, Totals { done: 1, locked: 1, failed: 1 });
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
