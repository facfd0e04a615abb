//! Tests which certificates of a real replica the client accepts, and its errors about refused
//! ones. The client must never send a password to a replica whose certificate it refuses.

use std::path::Path;
use std::time::Duration;

use cyrsync_lab::certs::{Authority, Valid, fingerprint, self_signed};
use cyrsync_lab::{Lab, Proxy, Run};

use crate::common::{assert_equal, fill, lab, ours, set};

const OPTIONS: [&str; 6] = [
    "tls_server_ca_file",
    "tls_server_ca_dir",
    "tls_client_ca_dir",
    "sync_tls",
    "sync_tls_verify",
    "sync_tls_fingerprint",
];

/// Runs the client with these options of [`OPTIONS`], and without the other ones.
fn run(lab: &Lab, options: &[(&str, &str)], args: &[&str]) -> Run {
    set(lab, &OPTIONS.map(|option| (option, "")));
    set(lab, options);
    ours(lab, args)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Asserts that a run fails, prints the reason and a hint on one line, and sends no password.
#[track_caller]
fn refused(lab: &Lab, options: &[(&str, &str)], code: i32, says: &[&str]) {
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    set(lab, &[("sync_port", &proxy.port().to_string())]);
    let logged = lab.replica.log().len();
    let run = run(lab, options, &["-u", "u0"]);
    assert_eq!(run.status.code(), Some(code), "{options:?}: {run}");
    let reported: Vec<&str> = run.stderr.lines().filter(|line| line.contains("hint: ")).collect();
    assert_eq!(reported.len(), 1, "{options:?}: {run}");
    for words in says {
        assert!(reported[0].contains(words), "{options:?} does not say {words:?}: {run}");
    }
    let transcript = proxy.transcript();
    let sent = String::from_utf8_lossy(&transcript);
    assert!(!sent.contains("AUTHENTICATE"), "{options:?}: {sent}");
    let log = lab.replica.log();
    assert!(!log[logged..].contains("login"), "{options:?}: {}", &log[logged..]);
}

/// Asserts that a run succeeds over TLS. Returns it.
#[track_caller]
fn taken(lab: &Lab, options: &[(&str, &str)]) -> Run {
    set(lab, &[("sync_port", &lab.replica.csync_port().to_string())]);
    let run = run(lab, options, &["-u", "u0"]);
    assert!(run.status.success(), "{options:?}: {run}");
    assert!(run.log.contains("TLSv1.3 with cipher"), "{options:?}: {run}");
    run
}

#[test]
fn no_password_is_sent_if_the_certificate_does_not_verify() {
    let mut lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let ours = Authority::new(&lab.replica, "ours");
    let others = Authority::new(&lab.replica, "others");
    let root = text(ours.root());
    let trust = [("tls_server_ca_file", root.as_str())];
    let ways_out =
        ["verify the certificate of 127.0.0.1", "sync_tls_verify: no", "sync_tls_fingerprint"];

    for (names, valid, why) in [
        (&["IP:127.0.0.1"][..], Valid::Once, "it expired"),
        (&["IP:127.0.0.1"], Valid::Later, "it is not valid yet"),
        (&["DNS:elsewhere.example", "IP:127.0.0.9"], Valid::Now, "it is for another host"),
        (&[], Valid::Now, "no subjectAltName"),
    ] {
        lab.replica.use_certificate(&ours.issue("127.0.0.1", names, valid));
        refused(&lab, &trust, 1, &[&ways_out[..], &[why]].concat());
    }

    let alone = self_signed(&lab.replica, &lab.replica.scratch(), "127.0.0.1");
    lab.replica.use_certificate(&alone);
    refused(
        &lab,
        &trust,
        1,
        &[&ways_out[..], &["the authority that signed it is not among"]].concat(),
    );

    let good = ours.issue("replica", &["IP:127.0.0.1"], Valid::Now);
    lab.replica.use_certificate(&good);
    let others = text(others.root());
    let wrong = [("tls_server_ca_file", others.as_str())];
    refused(
        &lab,
        &wrong,
        1,
        &[&ways_out[..], &["the authority that signed it is not among"]].concat(),
    );

    let pin = format!("sha256:{}", fingerprint(&lab.replica, &alone.cert));
    let seen = fingerprint(&lab.replica, &good.cert).replace(':', "").to_lowercase();
    let pinned = [("sync_tls_fingerprint", pin.as_str())];
    refused(&lab, &pinned, 1, &["its fingerprint is not in sync_tls_fingerprint", &seen]);

    let missing = [("tls_server_ca_file", "/nonexistent/ca.pem")];
    refused(&lab, &missing, 1, &["/nonexistent/ca.pem", "No such file", "tls_server_ca_file"]);
    let empty = text(&lab.replica.config_dir().join("db"));
    refused(&lab, &[("tls_server_ca_dir", &empty)], 1, &[&empty, "contains no certificate"]);
}

#[test]
fn trusted_certificates_are_accepted() {
    let mut lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let authority = Authority::new(&lab.replica, "ca");
    let good = authority.issue("replica", &["IP:127.0.0.1", "DNS:localhost"], Valid::Now);
    lab.replica.use_certificate(&good);
    let (root, dir) = (text(authority.root()), text(&authority.hashed_dir()));
    for options in [
        [("tls_server_ca_file", root.as_str()), ("sync_tls", "require")],
        [("tls_server_ca_dir", &dir), ("sync_host", "localhost")],
        // tls_client_ca_dir is the option that Debian's imapd.conf sets.
        [("tls_client_ca_dir", &dir), ("sync_host", "127.0.0.1")],
    ] {
        let run = taken(&lab, &options);
        assert!(!run.log.contains("not verified"), "{options:?}: {run}");
    }
    assert_equal(&lab);

    let plain = fingerprint(&lab.replica, &good.cert).replace(':', "").to_lowercase();
    for options in [&[][..], &[("sync_tls_verify", "no"), ("tls_server_ca_file", "/nonexistent")]] {
        let run = taken(&lab, options);
        let warned = run.log.lines().find(|line| line.contains("is not verified"));
        assert!(warned.is_some_and(|line| line.contains(&plain)), "{options:?}: {run}");
    }

    // A self-signed certificate, as openssl req -x509 makes it, is accepted if it is trusted or
    // pinned.
    let alone = self_signed(&lab.replica, &lab.replica.scratch(), "anything");
    lab.replica.use_certificate(&alone);
    let run = taken(&lab, &[("tls_server_ca_file", &text(&alone.cert))]);
    assert!(!run.log.contains("not verified"), "{run}");
    let pin = format!("sha256:{}", fingerprint(&lab.replica, &alone.cert));
    taken(&lab, &[("sync_tls_fingerprint", &pin), ("tls_server_ca_file", &root)]);
}

#[test]
fn clear_text_is_refused_if_tls_is_required() {
    let lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let says = ["does not offer STARTTLS", "tls_server_cert"];
    refused(&lab, &[("sync_tls", "require")], 1, &says);
}

#[test]
fn an_error_names_tls_versions_without_a_common_one() {
    let mut lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    lab.replica.set_config("tls_versions", Some("tls1_0 tls1_1"));
    let certificate = self_signed(&lab.replica, &lab.replica.scratch(), "old");
    lab.replica.use_certificate(&certificate);
    refused(&lab, &[], 1, &["no common version of TLS", "tls_versions"]);
    refused(&lab, &[("sync_tls", "try")], 1, &["no common version of TLS"]);
}

#[test]
fn a_client_certificate_logs_in_without_a_password() {
    let mut lab = lab("PLAIN EXTERNAL");
    fill(&lab, &["u0".to_owned()]);
    let authority = Authority::new(&lab.replica, "ca");
    let root = text(authority.root());
    lab.replica.set_config("tls_client_ca_file", Some(&root));
    lab.replica.use_certificate(&authority.issue("replica", &["IP:127.0.0.1"], Valid::Now));
    let identity = authority.issue("repl", &[], Valid::Now);
    let (cert, key) = (text(&identity.cert), text(&identity.key));
    set(
        &lab,
        &[
            ("sync_authname", ""),
            ("sync_password", ""),
            ("sync_try_imap", "yes"),
            ("127_client_cert", &cert),
            ("127_client_key", &key),
        ],
    );
    for port in [lab.replica.csync_port(), lab.replica.imap_port()] {
        set(&lab, &[("sync_host", &format!("127.0.0.1:{port}"))]);
        let run = run(&lab, &[("tls_server_ca_file", &root)], &["-u", "u0"]);
        assert!(run.status.success(), "{run}");
    }
    let log = lab.replica.log();
    assert_eq!(log.matches(" repl EXTERNAL").count(), 2, "{log}");
    assert_equal(&lab);

    set(&lab, &[("127_client_key", &text(authority.root()))]);
    let run = run(&lab, &[("tls_server_ca_file", &root)], &["-u", "u0"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("tls_client_key"), "{run}");
}
