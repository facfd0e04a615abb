//! Tests which protocol the client uses on ports, sockets and addresses, and how it detects the
//! protocol.

use std::time::Duration;

use cyrsync_lab::{PASSWORD, Proxy};

use crate::common::{assert_equal, fill, lab, ours, sent, set};

#[test]
fn the_protocol_of_a_port_is_detected_with_one_connection() {
    let lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    set(&lab, &[("sync_try_imap", "yes")]);
    for (port, get) in
        [(lab.replica.csync_port(), "GET USER u0"), (lab.replica.imap_port(), "SYNCGET USER u0")]
    {
        let proxy = Proxy::new(port, Duration::ZERO, true);
        set(&lab, &[("sync_port", &proxy.port().to_string())]);
        let run = ours(&lab, &["-v", "-v", "-u", "u0"]).ok();
        assert!(sent(&run, get), "{run}");
        assert_eq!(proxy.traffic().connections, 1, "{run}");
        assert!(!run.stderr.contains(PASSWORD) && !run.log.contains(PASSWORD), "{run}");
    }
    assert_equal(&lab);
}

#[test]
fn an_error_names_an_imap_server_if_imap_is_not_allowed() {
    let lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    set(&lab, &[("sync_port", &lab.replica.imap_port().to_string())]);
    let run = ours(&lab, &["-u", "u0"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("IMAP server"), "{run}");
    assert!(run.stderr.contains("sync_try_imap: yes"), "{run}");
}

#[test]
fn over_imap_only_administrators_can_replicate() {
    let lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    lab.replica.add_user("nobody");
    let port = lab.replica.imap_port().to_string();
    set(&lab, &[("sync_port", &port), ("sync_try_imap", "yes"), ("sync_authname", "nobody")]);
    let run = ours(&lab, &["-u", "u0"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("admins"), "{run}");
}

#[test]
fn a_unix_socket_needs_neither_login_nor_tls() {
    let lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let socket = lab.replica.csync_socket().display().to_string();
    let options = [("sync_host", socket.as_str()), ("sync_authname", ""), ("sync_password", "")];
    set(&lab, &options);
    for (try_imap, tls) in [("yes", "require"), ("no", "off")] {
        set(&lab, &[("sync_try_imap", try_imap), ("sync_tls", tls)]);
        ours(&lab, &["-u", "u0"]).ok();
    }
    assert_equal(&lab);
}

#[test]
fn the_replica_sees_the_address_that_we_bind_to() {
    let lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    set(&lab, &[("client_bind", "yes"), ("client_bind_name", "127.0.0.77")]);
    ours(&lab, &["-u", "u0"]).ok();
    let log = lab.replica.log();
    assert!(log.lines().any(|line| line.contains("127.0.0.77")), "{log}");
    set(&lab, &[("client_bind_name", "192.0.2.1")]);
    let run = ours(&lab, &["-u", "u0"]);
    assert!(run.stderr.contains("bind 192.0.2.1"), "{run}");
}

#[test]
fn messages_are_printed_only_with_a_third_v() {
    let lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned(), "u1".to_owned()]);
    let short = ours(&lab, &["-v", "-v", "-u", "u0"]).ok();
    assert!(short.stderr.contains(" bytes]"), "{short}");
    assert!(!short.stderr.contains("Message-ID:"), "{short}");
    let whole = ours(&lab, &["-v", "-v", "-v", "-u", "u1"]).ok();
    assert!(whole.stderr.contains("Message-ID:"), "{whole}");
}
