//! Tests repairs of mailboxes whose contents Cyrus also indexes elsewhere: calendars, address
//! books, scripts.

use cyrsync_lab::{Cyrus, Imap, Lab, Options, Sieve, tools};

use super::filled::{embedded, filled};

/// Returns a message as Cyrus's DAV code stores a resource: a header with the file name, then the
/// content.
fn resource(file: &str, kind: &str, content: &str) -> String {
    format!(
        "From: <paula@localhost>\r\nSubject: {file}\r\nDate: Mon, 06 May 2024 10:00:00 +0000\r\n\
         Message-ID: <{file}@localhost>\r\nContent-Type: {kind}; charset=utf-8\r\n\
         Content-Disposition: attachment;\r\n\tfilename=\"{file}\"\r\nMIME-Version: 1.0\r\n\r\n\
         {content}"
    )
}

fn event(uid: &str) -> String {
    let content = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Lab//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20240506T100000Z\r\nDTSTART:20240507T080000Z\r\nDTEND:20240507T090000Z\r\n\
         SUMMARY:Breakfast\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    resource(&format!("{uid}.ics"), "text/calendar", &content)
}

fn card(uid: &str) -> String {
    let content = format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:Anna\r\nN:Anna;;;;\r\nEND:VCARD\r\n"
    );
    resource(&format!("{uid}.vcf"), "text/vcard", &content)
}

/// Stores a script, an event and an address card with this name.
fn write(cyrus: &Cyrus, name: &str) {
    let mut paula = Imap::login(cyrus, "paula");
    for (mailbox, message) in
        [("INBOX.#calendars.Default", event(name)), ("INBOX.#addressbooks.Default", card(name))]
    {
        let response = paula.append(mailbox, "\\Seen", message.as_bytes());
        assert!(response.is_ok(), "{mailbox}: {response:?}");
    }
    Sieve::login(cyrus, "paula").put(name, "keep;\r\n");
}

const INDEXED: &str = r#"
import glob, os, sqlite3, sys
for path in glob.glob(sys.argv[1] + '/**/dav.db', recursive=True):
    dav = sqlite3.connect('file:' + path + '?mode=ro', uri=True)
    for table in 'ical_objs', 'vcard_objs':
        for name, in dav.execute('SELECT resource FROM ' + table + ' WHERE alive = 1'):
            print(name)
for at, _, names in os.walk(sys.argv[2]):
    for name in names:
        if name.endswith('.bc'):
            print(name)
"#;

/// Returns the names of the resources in paula's DAV database and of her compiled scripts.
fn indexed(cyrus: &Cyrus) -> Vec<String> {
    let mut command = cyrus.command("/usr/bin/python3");
    command.args(["-c", INDEXED]).arg(cyrus.config_dir()).arg(cyrus.dir().join("sieve"));
    let output = command.output().expect("python3 is there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let mut found: Vec<String> =
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    found.sort();
    found
}

#[track_caller]
fn assert_sound(lab: &Lab) {
    for cyrus in [&lab.master, &lab.replica] {
        let pattern = cyrus.admin_name("user.*");
        assert_eq!(tools::reconstruct_complaints(cyrus, &pattern), [""; 0], "{}", cyrus.name());
        assert_eq!(tools::quota_complaints(cyrus), [""; 0], "{}", cyrus.name());
    }
}

#[test]
fn repaired_calendars_address_books_and_scripts_are_indexed() {
    let lab = filled(Options { conversations: true, ..Options::default() });
    let mut admin = Imap::admin(&lab.master);
    for (name, kind) in [("#calendars", "CALENDAR"), ("#addressbooks", "ADDRESSBOOK")] {
        admin.ok(&format!("CREATE user.paula.{name} (TYPE {kind})"));
        admin.ok(&format!("CREATE user.paula.{name}.Default (TYPE {kind})"));
    }
    write(&lab.master, "common");
    embedded(&lab, &["-A"]).ok();
    write(&lab.master, "here");
    write(&lab.replica, "there");
    // By default a repair does not write a replica's scripts to the master.
    lab.master.set_config("sync_repair_fuse", Some("no"));
    let run = embedded(&lab, &["-v", "-u", "paula"]).ok();
    for name in ["#calendars.Default", "#addressbooks.Default", "#sieve"] {
        let line = format!("MAILBOX user.paula.{name} (on the master)");
        assert!(run.stdout.contains(&line), "{line}: {run}");
    }
    let mut all = vec!["main.bc".to_owned()];
    for name in ["common", "here", "there"] {
        all.extend(["ics", "vcf", "bc"].map(|kind| format!("{name}.{kind}")));
    }
    all.sort();
    assert_eq!(indexed(&lab.master), all, "{run}");
    assert_eq!(indexed(&lab.replica), all, "{run}");
    assert_sound(&lab);
    let again = embedded(&lab, &["-v", "-u", "paula"]).ok();
    assert!(!again.stdout.contains("MAILBOX "), "there was something left to do: {again}");
}
