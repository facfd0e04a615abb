//! Tests TLS handshakes with all kinds of real servers, and with servers that are too old.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use cyrsync_lab::certs::{Authority, Certificate, Key, Valid};
use cyrsync_lab::{Lab, PASSWORD};

use crate::common::{assert_equal, fill, lab, ours, sent, set};
use crate::terminator::Terminator;

/// Starts a lab with users. Also returns a certificate that the master trusts.
fn trusting(users: usize, key: Key) -> (Lab, Certificate) {
    let lab = lab("PLAIN");
    fill(&lab, &(0..users).map(|number| format!("u{number}")).collect::<Vec<_>>());
    let authority = Authority::new(&lab.replica, "ca");
    let root = authority.root().display().to_string();
    set(&lab, &[("tls_server_ca_file", &root), ("sync_tls", "require")]);
    let certificate = authority.issue_for(key, "replica", &["IP:127.0.0.1"], Valid::Now);
    (lab, certificate)
}

#[test]
fn immediate_tls_works_with_a_sync_server() {
    let (lab, certificate) = trusting(2, Key::Ec);
    let terminator = Terminator::new(lab.replica.csync_port(), &certificate, None);
    let server = format!("127.0.0.1:{}/tls", terminator.port());
    // If the server may be an imapd, the client offers the protocol `imap` by ALPN.
    for (user, try_imap, offered) in [("u0", "no", &[][..]), ("u1", "yes", &["imap"])] {
        set(&lab, &[("sync_host", &server), ("sync_try_imap", try_imap)]);
        let run = ours(&lab, &["-v", "-v", "-u", user]).ok();
        assert!(run.log.contains("TLSv1.3 with cipher"), "{run}");
        assert!(!run.log.contains("not verified") && sent(&run, "APPLY"), "{run}");
        assert_eq!(terminator.take_offers(), [offered], "{run}");
    }
    assert_equal(&lab);
}

#[test]
fn imap_is_offered_by_alpn_only_to_a_possible_imapd() {
    let (mut lab, certificate) = trusting(3, Key::Ec);
    set(&lab, &[("sync_try_imap", "yes")]);
    // This server refuses clients that offer only other protocols.
    let terminator = Terminator::new(lab.replica.imap_port(), &certificate, Some("imap"));
    let through = format!("127.0.0.1:{}/tls", terminator.port());
    lab.replica.use_certificate(&certificate);
    let imaps = format!("127.0.0.1:{}/tls", lab.replica.imaps_port());
    let imap = format!("127.0.0.1:{}", lab.replica.imap_port());
    for (user, server) in [("u0", &through), ("u1", &imaps), ("u2", &imap)] {
        set(&lab, &[("sync_host", server)]);
        let run = ours(&lab, &["-v", "-v", "-u", user]).ok();
        assert!(run.log.contains("TLSv1.3 with cipher") && sent(&run, "SYNCAPPLY"), "{run}");
        // Cyrus 3.6 does not support ALPN.
        assert_eq!(run.log.lines().any(|line| line.ends_with(" for imap")), user == "u0", "{run}");
    }
    assert_eq!(terminator.take_offers(), [["imap"]]);
    assert_equal(&lab);
}

#[test]
fn replicas_with_one_tls_version_or_an_rsa_key_work() {
    let cases =
        [(Key::Rsa, "tls1_2"), (Key::Rsa, "tls1_3"), (Key::Ec, "tls1_2"), (Key::Ec, "tls1_3")];
    for (key, version) in cases {
        let (mut lab, certificate) = trusting(2, key);
        lab.replica.set_config("tls_versions", Some(version));
        lab.replica.use_certificate(&certificate);
        let cipher = match (key, version) {
            (Key::Rsa, "tls1_2") => "TLSv1.2 with cipher TLS_ECDHE_RSA_WITH_",
            (Key::Ec, "tls1_2") => "TLSv1.2 with cipher TLS_ECDHE_ECDSA_WITH_",
            _ => "TLSv1.3 with cipher TLS13_",
        };
        let ports = [lab.replica.csync_port(), lab.replica.imap_port()];
        for (number, (port, try_imap)) in ports.into_iter().zip(["no", "yes"]).enumerate() {
            lab.master.use_port(port);
            set(&lab, &[("sync_try_imap", try_imap)]);
            let run = ours(&lab, &["-u", &format!("u{number}")]).ok();
            assert!(run.log.contains(cipher), "{key:?} {version}: {run}");
            assert!(!run.log.contains("not verified"), "{key:?} {version}: {run}");
        }
        assert_equal(&lab);
    }
}

/// A running `openssl s_server`, for handshakes that no current version of Cyrus performs.
struct OpenSsl {
    child: Child,
    port: u16,
}

impl OpenSsl {
    fn new(certificate: &Certificate, args: &[&str]) -> OpenSsl {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-cert"]).arg(&certificate.cert);
        command.arg("-key").arg(&certificate.key).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("openssl is installed");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            line.unwrap().strip_prefix("ACCEPT ")?.rsplit(':').next()?.parse().ok()
        });
        std::thread::spawn(move || lines.for_each(drop));
        OpenSsl { child, port: port.expect("it says where it listens") }
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn servers_with_too_old_tls_give_a_clear_error() {
    let (lab, certificate) = trusting(1, Key::Rsa);
    for (args, says) in [
        // These ciphers have no ECDHE, no AEAD, or neither.
        (&["-tls1_2", "-cipher", "AES128-SHA"][..], "no cipher in common"),
        (&["-tls1_2", "-cipher", "AES128-GCM-SHA256"], "no cipher in common"),
        (&["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"], "no cipher in common"),
        (&["-tls1_1", "-cipher", "ALL@SECLEVEL=0"], "no common version of TLS"),
    ] {
        let peer = OpenSsl::new(&certificate, args);
        set(&lab, &[("sync_host", &format!("127.0.0.1:{}/tls", peer.port))]);
        let run = ours(&lab, &["-u", "u0"]);
        assert_eq!(run.status.code(), Some(1), "{args:?}: {run}");
        let reported: Vec<&str> =
            run.stderr.lines().filter(|line| line.contains("hint: ")).collect();
        assert!(reported.len() == 1 && reported[0].contains(says), "{args:?}: {run}");
        assert!(!format!("{run}").contains(PASSWORD), "{args:?}: {run}");
    }
}
