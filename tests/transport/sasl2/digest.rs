//! Tests DIGEST-MD5: its security layer, its rank among the mechanisms, and the errors when it
//! fails.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cyrsync_lab::certs::{Authority, Valid};
use cyrsync_lab::sync_client;

use super::meddling::Forger;
use super::*;

#[test]
fn digest_md5_encrypts_the_session_over_csync_and_imap() {
    let lab = lab("DIGEST-MD5", "");
    assert_hidden(&lab, "DIGEST-MD5");
}

#[test]
fn compression_works_above_a_security_layer() {
    let lab = lab("DIGEST-MD5", "");
    for imap in [false, true] {
        if imap {
            over_imap(&lab, lab.replica.imap_port());
            append(&lab, 2);
        }
        let run = sync_client(OURS, &lab.master, &["-o", "-z", "-u", "fred"]).ok();
        assert_same(&lab);
        assert!(login(&lab).contains(" repl DIGEST-MD5 "), "{run}");
    }
}

#[test]
fn over_tls_there_is_no_second_layer() {
    let mut lab = lab("DIGEST-MD5", "");
    let authority = Authority::new(&lab.replica, "ca");
    let root = authority.root().display().to_string();
    let certificate = authority.issue("replica", &["IP:127.0.0.1"], Valid::Now);
    lab.replica.use_certificate(&certificate);
    lab.master.set_config("tls_client_ca_file", Some(&root));
    lab.master.set_config("sync_tls", Some("require"));
    for imap in [false, true] {
        if imap {
            over_imap(&lab, lab.replica.imap_port());
            append(&lab, 1);
        }
        let run = ours(&lab).ok();
        assert!(login(&lab).contains(" repl DIGEST-MD5+TLS "), "{run}\n{}", login(&lab));
        assert!(reported(&run, &["TLSv1.3 with cipher"]), "{run}");
        // The security layer is used by both sides or by neither, so it is enough to look at our
        // log.
        assert!(!run.log.contains("security layer"), "{run}");
        assert_same(&lab);
    }
}

#[test]
fn a_wrong_or_missing_password_is_reported_in_one_line() {
    let lab = lab("DIGEST-MD5", "");
    lab.master.set_config("sync_password", Some("not-the-password"));
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(reported(&run, &["log in to the replica as repl", "DIGEST-MD5", "hint: "]), "{run}");
    assert!(!format!("{run}").contains("not-the-password"), "{run}");
    lab.master.set_config("sync_password", None);
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(reported(&run, &["DIGEST-MD5 cannot be used: ", "hint: set sync_authname"]), "{run}");
}

#[test]
fn scram_is_preferred_to_digest_md5() {
    let lab = lab("PLAIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-256", "");
    ours(&lab).ok();
    assert!(login(&lab).contains(" repl SCRAM-SHA-256 "), "{}", login(&lab));
    // Cyrus's client also chooses SCRAM.
    append(&lab, 1);
    cyrsync_lab::cyrus_sync_client(&lab.master, &["-u", "fred"]).ok();
    assert!(login(&lab).contains(" repl SCRAM-SHA-256 "), "{}", login(&lab));
    lab.master.set_config("force_sasl_client_mech", Some("CRAM-MD5 DIGEST-MD5"));
    append(&lab, 1);
    ours(&lab).ok();
    assert!(login(&lab).contains(" repl DIGEST-MD5 "), "{}", login(&lab));
}

/// If a replica offers one realm, the plug-in uses it and ignores our option `sync_realm`.
#[test]
fn an_unknown_realm_is_reported_in_one_line() {
    let lab = lab("DIGEST-MD5", "");
    lab.master.set_config("sync_realm", Some("nowhere.example"));
    ours(&lab).ok();
    for (realm, code) in [("nowhere.example", 1), (lab.replica.name(), 0)] {
        // The forger adds a second realm to the offer, which the replica does not have.
        let forger = Forger::new(lab.replica.csync_port(), another_realm);
        lab.master.use_port(forger.port);
        lab.master.set_config("sync_realm", Some(realm));
        append(&lab, 1);
        let run = ours(&lab);
        assert_eq!(run.status.code(), Some(code), "{realm}: {run}");
        let words = ["log in to the replica as repl", "(by DIGEST-MD5)", "hint: ", "sync_realm"];
        assert_eq!(reported(&run, &words), code == 1, "{realm}: {run}");
        let lines = run.stderr.lines().filter(|line| line.contains("by DIGEST-MD5")).count();
        assert_eq!(lines, usize::from(code == 1), "{run}");
    }
    assert_same(&lab);
}

/// Adds another realm to the realm that a challenge offers.
fn another_realm(bytes: Vec<u8>) -> Vec<u8> {
    let challenge = bytes.strip_prefix(b"+ ").and_then(|text| text.strip_suffix(b"\r\n"));
    let challenge = challenge.and_then(|text| BASE64.decode(text).ok()).unwrap_or_default();
    match String::from_utf8(challenge) {
        Ok(text) if text.contains("realm=") => {
            format!("+ {}\r\n", BASE64.encode(format!("realm=\"elsewhere\",{text}"))).into_bytes()
        }
        _ => bytes,
    }
}
