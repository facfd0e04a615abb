//! Tests of the request for capabilities: if the replica does not support the archive, `-a`
//! continues without it.

use std::sync::{Arc, Mutex};

use super::connect_tests::{destination, local, peer};
use super::session::Session;
use super::{Capabilities, Replica};
use crate::events::{Event, Level, Line, Observer, To, line};
use crate::types::ThreadIds;

#[derive(Default)]
struct Notices(Mutex<Vec<String>>);

impl Observer for Notices {
    fn event(&self, event: &Event) {
        if let Some(Line { to: To::Log(Level::Notice), text }) = line(event) {
            self.0.lock().unwrap().push(text);
        }
    }
}

/// Logs in with `-a` to a sync_server and to an imapd that both offer the capabilities `offers`.
/// They answer the requests for capabilities with `answers`, in order. Returns for each server the
/// capabilities that were enabled, the requests that it received, and the notices in the log.
fn agree(offers: &[&str], answers: &[&str]) -> [(Capabilities, Vec<String>, Vec<String>); 2] {
    agree_with("3.12.3", offers, answers)
}

/// Same as [`agree`], for servers of this version.
fn agree_with(
    version: &str,
    offers: &[&str],
    answers: &[&str],
) -> [(Capabilities, Vec<String>, Vec<String>); 2] {
    let lines: String = offers.iter().map(|offer| format!("* {offer}\r\n")).collect();
    let words: String = offers.iter().map(|offer| format!(" X-{offer}")).collect();
    let mut csync = vec![
        format!("* SASL PLAIN\r\n{lines}* OK a Cyrus sync server {version}\r\n"),
        "OK logged in\r\n".to_owned(),
    ];
    let mut imap = vec![
        format!(
            "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] a Cyrus IMAP {version} server ready\r\n"
        ),
        "C1 OK logged in\r\n".to_owned(),
        format!("* CAPABILITY IMAP4rev1 X-REPLICATION{words}\r\nC2 OK done\r\n"),
    ];
    for (number, answer) in answers.iter().enumerate() {
        csync.push(format!("{answer}\r\n"));
        let tag = format!("C{} ", number + 3);
        let (items, ending) = answer.rsplit_once('\n').unwrap_or(("", answer));
        let items = if items.is_empty() { String::new() } else { format!("{items}\n") };
        imap.push(format!("{items}{tag}{ending}\r\n"));
    }
    [csync, imap].map(|script| {
        let (place, peer) = peer(local(), script);
        let mut destination = destination(&place, "off");
        destination.settings.stage_to_archive = true;
        let notices = Arc::new(Notices::default());
        let session = Session::connect(&destination, notices.clone(), Arc::default(), None);
        let session = session.unwrap_or_else(|error| panic!("{offers:?}: {error}"));
        let enabled = session.capabilities();
        drop(session);
        let heard = String::from_utf8_lossy(&peer.join().unwrap()).into_owned();
        let asked = heard.lines().filter_map(|line| line.split_once("APPLY CAPABILITIES "));
        let asked = asked.map(|(_, what)| what.to_owned()).collect();
        let notices = notices.0.lock().unwrap().clone();
        (enabled, asked, notices)
    })
}

const SIEVE: &str = "SIEVE-MAILBOX";
const ARCHIVE: &str = "REPLICATION-ARCHIVE";

#[test]
fn staging_to_the_archive_is_done_without_where_it_is_not_enabled() {
    for (answer, sieve) in [
        ("* ENABLED (SIEVE-MAILBOX)\r\nOK success", true),
        ("* ENABLED ()\r\nOK success", false),
        ("OK success", false),
    ] {
        for (enabled, asked, notices) in agree(&[SIEVE, ARCHIVE], &[answer]) {
            assert_eq!(asked, ["(SIEVE-MAILBOX REPLICATION-ARCHIVE)"]);
            assert_eq!((enabled.sieve_mailbox, enabled.archive), (sieve, false), "{answer}");
            assert!(enabled.notifications && enabled.usergroups);
            assert_eq!(notices.len(), 1, "{notices:?}");
            assert!(notices[0].contains("didn't enable it") && notices[0].contains("-a"));
        }
    }
    for (enabled, _, notices) in agree(&[ARCHIVE], &["* ENABLED (replication-archive)\r\nOK"]) {
        assert!(enabled.archive && notices.is_empty(), "{notices:?}");
    }
}

#[test]
fn staging_to_the_archive_is_done_without_where_it_is_not_offered() {
    for (enabled, asked, notices) in agree(&[], &[]) {
        assert!(!enabled.archive && asked.is_empty());
        assert!(notices.iter().any(|line| line.contains("doesn't support")), "{notices:?}");
    }
    for (enabled, asked, _) in agree(&[SIEVE], &["* ENABLED (SIEVE-MAILBOX)\r\nOK success"]) {
        assert_eq!(asked, ["(SIEVE-MAILBOX)"]);
        assert!(enabled.sieve_mailbox && !enabled.archive);
    }
}

#[test]
fn if_the_replica_refuses_the_archive_only_the_rest_is_requested() {
    let refusals = ["NO IMAP_PROTOCOL_ERROR Protocol error", "NO unknown capability"];
    for refusal in refusals {
        let answers = [refusal, "* ENABLED (SIEVE-MAILBOX)\r\nOK success"];
        for (enabled, asked, notices) in agree(&[SIEVE, ARCHIVE], &answers) {
            assert_eq!(asked, ["(SIEVE-MAILBOX REPLICATION-ARCHIVE)", "(SIEVE-MAILBOX)"]);
            assert!(enabled.sieve_mailbox && !enabled.archive);
            assert!(notices.iter().any(|line| line.contains("didn't enable it")), "{notices:?}");
        }
        for (enabled, asked, _) in agree(&[ARCHIVE], &[refusal]) {
            assert_eq!(asked, ["(REPLICATION-ARCHIVE)"]);
            assert!(!enabled.archive && enabled.notifications);
        }
    }
}

#[test]
fn thread_ids_count_as_in_the_version_of_the_replica() {
    for (version, expected) in [
        ("3.6.1-4+deb12u5", ThreadIds::Plain),
        ("3.12.4", ThreadIds::Plain),
        ("3.13.1", ThreadIds::Padded),
        ("4.0.0", ThreadIds::Padded),
    ] {
        for (enabled, ..) in agree_with(version, &[SIEVE], &["* ENABLED (SIEVE-MAILBOX)\r\nOK"]) {
            assert_eq!(enabled.thread_ids, expected, "{version}");
        }
    }
}
