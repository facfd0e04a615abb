//! Tests mailboxes of every type, and mail with the data that JMAP adds.

use cyrsync_lab::trees::is_before;
use cyrsync_lab::{Cyrus, Imap, Lab, Options, another_replica, compare, cyrus_sync_client, tools};

use super::made::{Made, Message};
use crate::common::{
    actions, append, assert_cyrus_idle, assert_idle, create, differing, errors, mailbox_field,
    ours, replicate_as_cyrus_would,
};

const COLOR: &str = "/vendor/cmu/cyrus-httpd/<http://apple.com/ns/ical/>calendar-color";
const NAME: &str = "/vendor/cmu/cyrus-httpd/<DAV:>displayname";
const SNOOZED: &str = "/vendor/cmu/cyrus-imapd/snoozed";
const SPLIT: &str = "/vendor/cmu/cyrus-imapd/basethrid";
const THREAD: &str = "/vendor/cmu/cyrus-imapd/thrid";
const SAVED: &str = "/vendor/cmu/cyrus-imapd/savedate";
const CREATED: &str = "/vendor/cmu/cyrus-imapd/createdmodseq";

/// Returns a message as Cyrus's DAV code stores a resource: a header with the file name, then the
/// content.
fn resource(file: &str, kind: &str, content: &str) -> String {
    format!(
        "User-Agent: Lab\r\nFrom: <fred@localhost>\r\nSubject: {file}\r\n\
         Date: Mon, 06 May 2024 10:00:00 +0000\r\nMessage-ID: <{file}@localhost>\r\n\
         Content-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\n\
         Content-Disposition: attachment;\r\n\tfilename=\"{file}\"\r\nMIME-Version: 1.0\r\n\r\n\
         {content}",
        content.len()
    )
}

fn event(uid: &str) -> String {
    resource(
        &format!("{uid}.ics"),
        "text/calendar",
        &format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Lab//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
             DTSTAMP:20240506T100000Z\r\nDTSTART:20240507T080000Z\r\nDTEND:20240507T090000Z\r\n\
             SUMMARY:Breakfast\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        ),
    )
}

fn card(uid: &str) -> String {
    resource(
        &format!("{uid}.vcf"),
        "text/vcard",
        &format!(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:Anna\r\nN:Anna;;;;\r\nEND:VCARD\r\n"
        ),
    )
}

fn plain(text: String) -> Message<'static> {
    (text, &["\\Seen"], Vec::new())
}

/// Returns fred's calendars, address books and the like. With `later`, each has a change.
fn collections(later: bool) -> Vec<Made<'static>> {
    let modseq = if later { 200 } else { 100 };
    let color = if later { "#00FF00FF" } else { "#FF0000FF" };
    let mut events = vec![plain(event("one")), plain(event("two"))];
    events[0].1 = if later { &["\\Flagged", "$hidden", "custom"] } else { &["$hidden"] };
    if later {
        events.push(plain(event("three")));
    }
    let calendar_notes = vec![
        (COLOR, "", color),
        (NAME, "", "Arbeit \u{2013} B\u{fc}ro"),
        (NAME, "fred", "Work"),
        (NAME, "anna", "Fred's work"),
        (
            "/vendor/cmu/cyrus-httpd/<urn:ietf:params:xml:ns:caldav>supported-calendar-component-set",
            "",
            "59",
        ),
        ("/vendor/cmu/cyrus-jmap/sharesanyflags", "", "1"),
    ];
    let made = |name, mbtype, messages| Made { name, mbtype, modseq, messages, ..Made::default() };
    vec![
        made("user.fred.#calendars", "c", Vec::new()),
        Made {
            notes: calendar_notes,
            options: "PA",
            ..made("user.fred.#calendars.Default", "c", events)
        },
        made("user.fred.#calendars.Inbox", "c", Vec::new()),
        made("user.fred.#addressbooks", "a", Vec::new()),
        Made {
            notes: vec![(NAME, "", if later { "People" } else { "Contacts" })],
            ..made("user.fred.#addressbooks.Default", "a", vec![plain(card("c1"))])
        },
        made(
            "user.fred.#drive",
            "b",
            vec![plain(resource("a.bin", "application/octet-stream", "\0\u{1}\u{fffd}\r\n"))],
        ),
        made("user.fred.#notifications", "b", Vec::new()),
        made(
            "user.fred.#jmapsubmission",
            "s",
            vec![plain(resource("s", "application/json", "{\"emailId\":\"M1\"}"))],
        ),
        made(
            "user.fred.#jmappushsubscription",
            "p",
            vec![plain(resource("p", "application/json", "{\"url\":\"https://a.example\"}"))],
        ),
        made("user.fred.news", "n", vec![plain(resource("n", "text/plain", "news\r\n"))]),
    ]
}

fn put_all(cyrus: &Cyrus, all: &[Made<'_>]) {
    all.iter().for_each(|made| made.put(cyrus));
}

#[test]
fn mailboxes_of_every_type_are_replicated_with_their_contents() {
    for conversations in [false, true] {
        let lab = Lab::new(Options { conversations, ..Options::default() });
        create(&lab.master, &["user.fred", "user.anna"]);
        put_all(&lab.master, &collections(false));
        let done = replicate_as_cyrus_would(&lab, &["-u", "fred", "anna"]);
        for made in collections(false) {
            let line = format!("MAILBOX {}", made.name);
            assert!(done.contains(&line), "{line}: {done:#?}");
            let there = mailbox_field(&lab.replica, made.name, "MBOXTYPE");
            assert_eq!(there, made.mbtype, "{}", made.name);
        }
        put_all(&lab.master, &collections(true));
        let names: Vec<String> = collections(true)
            .iter()
            .filter(|made| !made.messages.is_empty())
            .map(|made| made.name.to_owned())
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        actions(&lab, &[&["-m"], &names[..]].concat());
        replicate_as_cyrus_would(&lab, &["-A"]);

        let mut admin = Imap::admin(&lab.master);
        admin.ok("RENAME user.fred.#calendars.Default user.fred.#calendars.Work");
        admin.ok("SETACL user.fred.#addressbooks.Default admin lrx");
        admin.ok("DELETE user.fred.#addressbooks.Default");
        let made = admin.command("CREATE user.fred.#calendars.New (TYPE CALENDAR)");
        assert!(made.is_ok(), "{made:?}");
        admin.ok("CREATE user.fred.#addressbooks.New (TYPE ADDRESSBOOK)");
        admin.ok("CREATE user.fred.#drive.New (TYPE COLLECTION)");
        replicate_as_cyrus_would(&lab, &["-A"]);
        assert_eq!(mailbox_field(&lab.replica, "user.fred.#calendars.Work", "MBOXTYPE"), "c");
        for server in [&lab.master, &lab.replica] {
            assert_eq!(tools::reconstruct_complaints(server, "user.*"), [""; 0]);
        }
    }
}

#[test]
fn snoozed_messages_and_virtual_annotations_are_replicated() {
    let options = Options { conversations: true, ..Options::default() };
    let lab = Lab::new(options.clone());
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    let snoozed = |modseq, until: Option<&'static str>| {
        let text = |n: u32| {
            format!(
                "From: a@example.org\r\nMessage-ID: <{n}@a>\r\nSubject: S{n}\r\n\r\nBody {n}\r\n"
            )
        };
        let mut notes = vec![(THREAD, "", "0123456789abcdef"), (SAVED, "", "1700000123")];
        notes.push((CREATED, "", "95"));
        notes.extend(until.map(|until| (SNOOZED, "", until)));
        Made {
            name: "user.fred.Snoozed",
            options: "PA",
            modseq,
            notes: vec![("/specialuse", "fred", "\\Snoozed")],
            messages: vec![
                (text(1), &["\\Seen"], notes),
                (
                    text(2),
                    &[],
                    vec![(SPLIT, "", "00000000deadbeef"), (THREAD, "", "0fedcba987654321")],
                ),
                (text(3), &[], Vec::new()),
            ],
            ..Made::default()
        }
    };
    let until = "{\"@type\":\"SnoozeDetails\",\"until\":\"2030-01-01T00:00:00Z\"}";
    snoozed(100, Some(until)).put(&lab.master);
    append(&mut fred, "INBOX", "S1");
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    assert_eq!(mailbox_field(&lab.replica, "user.fred.Snoozed", "OPTIONS"), "PA");
    let later = "{\"@type\":\"SnoozeDetails\",\"until\":\"2031-01-01T00:00:00Z\"}";
    snoozed(200, Some(later)).put(&lab.master);
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    snoozed(300, None).put(&lab.master);
    replicate_as_cyrus_would(&lab, &["-u", "fred"]);
    snoozed(400, Some(until)).put(&lab.master);
    fred.ok("SELECT INBOX.Snoozed");
    fred.ok("UID COPY 1:2 INBOX");
    fred.ok("UID STORE 3 +FLAGS (\\Deleted)");
    fred.ok("EXPUNGE");
    actions(&lab, &["-A"]);
    // Message 3 is a copy that was split from its conversation. With any client, the replica gives
    // its annotation `basethrid` a modseq of its own.
    let own = "user.fred RECORD 3 ANNOTATION /vendor/cmu/cyrus-imapd/basethrid  MODSEQ";
    assert_eq!(differing(&lab), [own]);
    assert_idle(&lab, &["-A"]);
    assert_cyrus_idle(&lab, &["-A"]);
    let second = another_replica(&lab, "second", &options);
    lab.master.use_replica(&second);
    cyrus_sync_client(&lab.master, &["-A"]).ok();
    let theirs = compare(&lab.master, &second).into_iter().map(|d| d.path);
    assert_eq!(theirs.collect::<Vec<_>>(), [own]);
    for server in [&lab.master, &lab.replica] {
        assert_eq!(tools::reconstruct_complaints(server, "user.*"), [""; 0]);
    }
}

#[test]
fn a_type_unknown_to_the_replica_fails_only_its_mailbox() {
    if !is_before((3, 8), "the replica has this type") {
        return;
    }
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.#jmapnotification", "user.zoe"]);
    for user in ["fred", "zoe"] {
        append(&mut Imap::login(&lab.master, user), "INBOX", "one");
    }
    // Write the type that a master of 3.8 gives this mailbox. Cyrus 3.6 cannot read it, so stop the
    // server first.
    lab.master.stop_server();
    tools::set_entry(&lab.master, "user.fred.#jmapnotification", |entry| {
        entry.replace("T e ", "T j ")
    });
    let run = ours(&lab, &["-v", "-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let line = errors(&run).into_iter().find(|line| line.contains("SYNCERROR"));
    let line = line.unwrap_or_else(|| panic!("{run}"));
    assert!(line.contains("user.fred.#jmapnotification") && line.contains("3.8"), "{line}");
    assert!(run.stdout.contains("MAILBOX user.zoe\n"), "{run}");
    assert!(!lab.replica.log().contains("Assert"), "{}", lab.replica.log());
    for user in ["fred", "zoe"] {
        assert_eq!(Imap::login(&lab.replica, user).with_selected("INBOX").uids(), [1]);
    }
}
