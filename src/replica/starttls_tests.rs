//! Tests that clear text is refused if TLS was promised. The peers offer no TLS, or refuse it.

use std::sync::{Arc, Mutex};

use super::connect_tests::{CSYNC, CSYNC_CLEAR, IMAP, destination, local, peer};
use super::destination::Destination;
use super::session::Session;
use super::tls::VerifiedServers;
use crate::error::{Error, Kind};
use crate::events::{Event, Level, Line, Observer, To, line};
use crate::settings::{Fingerprint, TlsMode};

const IMAP_CLEAR: &str =
    "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] a Cyrus IMAP 3.6.1 server ready\r\n";
const IMAP_PREAUTH: &str = "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN X-REPLICATION] a \
                            Cyrus IMAP 3.6.1 server ready\r\n";
const IMAP_ASKED: &str = "* OK a ready\r\n";
const CAPABILITY: &str = "* CAPABILITY IMAP4rev1 AUTH=PLAIN X-REPLICATION\r\nC1 OK done\r\n";

/// Scripts of all ways in which a peer, or an attacker in between, can refuse TLS.
const WAYS: [&[&str]; 8] = [
    &[CSYNC_CLEAR],
    &[CSYNC, "NO Error initializing TLS\r\n"],
    &[CSYNC, "BAD Unrecognized command\r\n"],
    &[IMAP_CLEAR],
    &[IMAP_ASKED, CAPABILITY],
    &[IMAP, "C1 NO Error initializing TLS\r\n"],
    &[IMAP, "C1 BAD Unrecognized command\r\n"],
    &[IMAP_PREAUTH, "* CAPABILITY IMAP4rev1\r\nC1 OK done\r\n"],
];

#[derive(Default)]
struct Lines(Mutex<Vec<(Level, String)>>);

impl Observer for Lines {
    fn event(&self, event: &Event) {
        if let Some(Line { to: To::Log(level), text }) = line(event) {
            self.0.lock().unwrap().push((level, text));
        }
    }
}

struct Attempt {
    error: Error,
    heard: String,
    port: u16,
    lines: Vec<(Level, String)>,
}

/// Connects to a peer with this script. `adjust` changes the destination; it receives the peer's
/// port.
fn attempt(script: &[&str], adjust: impl Fn(&mut Destination, u16)) -> Attempt {
    let script = script.iter().map(|line| (*line).to_owned()).collect();
    let (place, peer) = peer(local(), script);
    let port = place.rsplit_once(':').unwrap().1.parse().unwrap();
    let mut destination = destination(&place, "try");
    adjust(&mut destination, port);
    // Allow no mechanism, so that a login that should not start fails.
    destination.settings.credentials.mechanisms = Some("NONE".into());
    let lines = Arc::new(Lines::default());
    let session = Session::connect(&destination, lines.clone(), Arc::default(), None);
    let error = session.err().expect("nobody can log in");
    let heard = String::from_utf8_lossy(&peer.join().unwrap()).into_owned();
    let lines = lines.0.lock().unwrap().clone();
    Attempt { error, heard, port, lines }
}

/// Checks the error, and that the client sent no commands other than STARTTLS and CAPABILITY.
#[track_caller]
fn assert_refused(attempt: &Attempt, says: &str, advice: &str) {
    let Attempt { error, heard, .. } = attempt;
    assert_eq!(error.kind(), Kind::Tls, "{error}");
    let text = error.to_string();
    for words in [says, advice, &format!("127.0.0.1:{}", attempt.port)] {
        assert!(text.contains(words), "{words:?}: {text}");
    }
    assert!(!text.contains("Ending") && !text.contains("(\""), "{text}");
    for line in heard.lines() {
        let command = line.rsplit(' ').next();
        assert!(matches!(command, Some("STARTTLS" | "CAPABILITY")), "{heard}");
    }
}

#[test]
fn a_pin_refuses_clear_text() {
    for script in WAYS {
        let pinned = attempt(script, |to, _| {
            to.settings.tls.sync_tls_fingerprint = vec![Fingerprint::of(b"it")];
        });
        assert_refused(&pinned, "STARTTLS", "remove sync_tls_fingerprint from");
        let required = attempt(script, |to, _| to.settings.tls.sync_tls = TlsMode::Require);
        assert_refused(&required, "STARTTLS", "sync_tls: off");
        let neither = attempt(script, |_, _| ());
        assert_ne!(neither.error.kind(), Kind::Tls, "{}", neither.error);
    }
}

#[test]
fn a_server_that_verified_is_not_spoken_to_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let known = VerifiedServers::new(dir.path().join("sync/tls-verified"), "forget it:");
    for script in WAYS {
        let remembered = attempt(script, |to, port| {
            known.remember("127.0.0.1", port, None).unwrap();
            to.memory.verified = Some(known.clone());
        });
        let command = format!("forget it: 127.0.0.1:{}", remembered.port);
        assert_refused(&remembered, "STARTTLS", &command);

        let another = attempt(script, |to, port| {
            // Forget the port, because an earlier peer of this test may have used it too.
            known.forget("127.0.0.1", Some(port)).unwrap();
            to.memory.verified = Some(known.clone());
        });
        assert_ne!(another.error.kind(), Kind::Tls, "{}", another.error);

        let off = attempt(script, |to, port| {
            known.remember("127.0.0.1", port, None).unwrap();
            to.memory.verified = Some(known.clone());
            to.settings.tls.sync_tls = TlsMode::Off;
        });
        assert_ne!(off.error.kind(), Kind::Tls, "{}", off.error);
        let notices = off.lines.iter().filter(|(level, _)| *level == Level::Notice);
        let place = format!("127.0.0.1:{}", off.port);
        assert!(notices.clone().any(|(_, line)| line.contains(&place)), "{:?}", off.lines);
    }
}
