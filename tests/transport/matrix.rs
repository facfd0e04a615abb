//! Tests every combination of protocol, encryption, mechanism and compression with a real replica.
//! Each combination replicates its own user.

use cyrsync_lab::certs::{Authority, Valid};
use cyrsync_lab::{Lab, Run};

use crate::common::{assert_equal, fill, lab, ours, sent, set};

/// Mechanisms that both our client and the lab's replica support.
const MECHANISMS: [&str; 5] = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Csync,
    Imap,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Clear,
    StartTls,
    /// TLS from the first byte on. Cyrus has such a service only for IMAP.
    Immediate,
}

#[derive(Debug)]
struct Case {
    user: String,
    protocol: Protocol,
    encryption: Encryption,
    mechanism: &'static str,
    deflate: bool,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for protocol in [Protocol::Csync, Protocol::Imap] {
        for encryption in [Encryption::Clear, Encryption::StartTls, Encryption::Immediate] {
            if (protocol, encryption) == (Protocol::Csync, Encryption::Immediate) {
                continue;
            }
            for mechanism in MECHANISMS {
                for deflate in [false, true] {
                    let user = format!("u{}", cases.len());
                    cases.push(Case { user, protocol, encryption, mechanism, deflate });
                }
            }
        }
    }
    cases
}

#[test]
fn every_combination_replicates_a_user_completely() {
    let mut lab = lab(&MECHANISMS.join(" "));
    let authority = Authority::new(&lab.replica, "ca");
    lab.replica.use_certificate(&authority.issue("replica", &["IP:127.0.0.1"], Valid::Now));
    set(&lab, &[("tls_server_ca_file", &authority.root().display().to_string())]);
    let cases = cases();
    assert_eq!(cases.len(), 5 * MECHANISMS.len() * 2);
    let users: Vec<String> = cases.iter().map(|case| case.user.clone()).collect();
    fill(&lab, &users);
    for case in &cases {
        check(&lab, case);
    }
    assert_equal(&lab);
}

fn check(lab: &Lab, case: &Case) {
    let replica = &lab.replica;
    let (port, immediate) = match (case.protocol, case.encryption) {
        (Protocol::Csync, _) => (replica.csync_port(), ""),
        (Protocol::Imap, Encryption::Immediate) => (replica.imaps_port(), "/tls"),
        (Protocol::Imap, _) => (replica.imap_port(), ""),
    };
    set(
        lab,
        &[
            ("sync_host", &format!("127.0.0.1:{port}{immediate}")),
            ("sync_try_imap", if case.protocol == Protocol::Imap { "yes" } else { "no" }),
            ("sync_tls", if case.encryption == Encryption::Clear { "off" } else { "require" }),
            ("force_sasl_client_mech", case.mechanism),
            ("sync_deflate_level", if case.deflate { "3" } else { "0" }),
        ],
    );
    let compress: &[&str] = if case.deflate { &["-z"] } else { &[] };
    let run = ours(lab, &[compress, &["-v", "-v", "-u", &case.user]].concat());
    assert!(run.status.success(), "{case:?}: {run}");
    assert_eq!(sent(&run, "SYNCAPPLY"), case.protocol == Protocol::Imap, "{case:?}: {run}");
    assert_eq!(sent(&run, "APPLY"), case.protocol == Protocol::Csync, "{case:?}: {run}");
    assert_eq!(sent(&run, "COMPRESS DEFLATE"), case.deflate, "{case:?}: {run}");
    assert_eq!(encrypted(&run), case.encryption != Encryption::Clear, "{case:?}: {run}");
    assert!(!run.log.contains("not verified"), "{case:?}: {run}");
}

fn encrypted(run: &Run) -> bool {
    run.log.contains("TLSv1.3 with cipher")
}
