//! Tests bytes that change on their way through the network, in an encrypted connection.

use std::time::Duration;

use cyrsync_lab::certs::self_signed;
use cyrsync_lab::{Imap, Proxy, tools};

use crate::common::{assert_equal, fill, lab, ours, set};

#[test]
fn a_changed_byte_after_the_login_is_a_lost_connection_and_the_client_continues() {
    let mut lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let certificate = self_signed(&lab.replica, &lab.replica.scratch(), "replica");
    lab.replica.use_certificate(&certificate);
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    let port = proxy.port().to_string();
    set(&lab, &[("sync_port", &port), ("sync_tls", "require"), ("sync_deflate_level", "0")]);
    let ours = || ours(&lab, &["-u", "u0"]);
    ours().ok();
    proxy.reset();
    ours().ok();
    let idle = proxy.traffic();
    for (name, sent, received) in [
        // In the middle of a message. The replica must not store it.
        ("command", Some(idle.sent + 4_000), None),
        // Within the answer to GET USER, which is the longest one.
        ("answer", None, Some(idle.received - 200)),
    ] {
        let body = "0123456789 abcdefghij\r\n".repeat(1000);
        let message = format!("Subject: {name}\r\n\r\n{body}");
        assert!(Imap::login(&lab.master, "u0").append("INBOX", "", message.as_bytes()).is_ok());
        proxy.reset();
        sent.inspect(|at| proxy.flip_at(*at));
        received.inspect(|at| proxy.flip_answer_at(*at));
        let run = ours().ok();
        let line = run.log.lines().find(|line| line.contains("trying again: "));
        let line = line.unwrap_or_else(|| panic!("{name}: {run}"));
        assert!(!line.contains("handshake") && !line.contains("certificate"), "{name}: {line}");
        if received.is_some() {
            assert!(line.contains("cannot be decrypted"), "{name}: {line}");
        }
        assert_eq!(tools::reconstruct_complaints(&lab.replica, "user.*"), [""; 0], "{name}");
        proxy.never_flip();
        assert_equal(&lab);
    }
}
