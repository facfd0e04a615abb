//! Tests each login mechanism that Debian's Cyrus offers with a real sync_server, and the error
//! line after a failed login.

use std::time::Duration;

use cyrsync_lab::certs::{Authority, Valid};
use cyrsync_lab::{Imap, Lab, Options, Proxy, Run, compare, describe, sync_client};

const OURS: &str = env!("CARGO_BIN_EXE_sync_client");

/// All mechanisms that work without TLS and Kerberos.
const OFFERED: &str = "PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-224 SCRAM-SHA-256 \
                       SCRAM-SHA-384 SCRAM-SHA-512";

fn lab(mechanisms: &str) -> Lab {
    let replica_conf = format!("sasl_mech_list: {mechanisms}\nfailedloginpause: 0s\n");
    let lab = Lab::new(Options { replica_conf, ..Options::default() });
    let mut imap = Imap::admin(&lab.master);
    imap.ok("CREATE user.fred");
    lab
}

fn ours(lab: &Lab) -> Run {
    sync_client(OURS, &lab.master, &["-o", "-v", "-v", "-u", "fred"])
}

/// Checks that a run fails with one line that contains these words, and that no password appears
/// anywhere.
#[track_caller]
fn assert_refused(run: &Run, words: &[&str]) {
    assert_eq!(run.status.code(), Some(1), "{run}");
    let reported = run.log.lines().find(|line| words.iter().all(|word| line.contains(word)));
    assert!(reported.is_some(), "{words:?}: {run}");
    assert_secret(run);
}

#[track_caller]
fn assert_secret(run: &Run) {
    for text in [&run.stdout, &run.stderr, &run.log] {
        assert!(!text.contains(cyrsync_lab::PASSWORD), "{run}");
        // `\0repl\0lab-secret` and `lab-secret` in base64, for each of the three possible
        // alignments.
        for part in ["bGFiLXNlY3JldA", "xhYi1zZWNyZX", "sYWItc2VjcmV0"] {
            assert!(!text.contains(part), "{run}");
        }
    }
}

#[test]
fn every_mechanism_of_the_replica_logs_in() {
    let lab = lab(OFFERED);
    for mechanism in OFFERED.split(' ').filter(|name| *name != "DIGEST-MD5") {
        lab.master.set_config("force_sasl_client_mech", Some(mechanism));
        let run = ours(&lab);
        assert!(run.status.success(), "{mechanism}: {run}");
        assert_secret(&run);
        let logins = lab.replica.log();
        let login = logins.lines().rfind(|line| line.contains("login: ")).unwrap_or_default();
        assert!(login.contains(&format!(" repl {mechanism} ")), "{mechanism}: {login}");
    }
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

#[test]
fn the_strongest_mechanism_is_chosen_and_a_realm_does_not_matter() {
    let lab = lab(OFFERED);
    let run = ours(&lab).ok();
    assert_secret(&run);
    let log = lab.replica.log();
    assert!(log.contains(" repl SCRAM-SHA-512 "), "{log}");
    // `127_mechs`, the option for this host, overrides `force_sasl_client_mech`.
    lab.master.set_config("force_sasl_client_mech", Some("SCRAM-SHA-1"));
    lab.master.set_config("127_mechs", Some("GSSAPI LOGIN CRAM-MD5"));
    ours(&lab).ok();
    let log = lab.replica.log();
    assert!(log.contains(" repl CRAM-MD5 "), "{log}");
}

#[test]
fn a_wrong_password_is_reported_in_one_line_for_every_mechanism() {
    let lab = lab(OFFERED);
    lab.master.set_config("sync_password", Some("not-the-password"));
    for mechanism in OFFERED.split(' ').filter(|name| *name != "DIGEST-MD5") {
        lab.master.set_config("force_sasl_client_mech", Some(mechanism));
        let run = ours(&lab);
        assert_refused(
            &run,
            &["log in to the replica as repl: ", mechanism, "hint: ", "sync_password"],
        );
        assert!(!format!("{run}").contains("not-the-password"), "{run}");
    }
}

#[test]
fn credentials_are_not_sent_without_a_usable_mechanism() {
    let lab = lab("PLAIN LOGIN");
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    let set = |option: &str, value: Option<&str>| lab.master.set_config(option, value);
    set("force_sasl_client_mech", Some("GSSAPI"));
    assert_refused(&ours(&lab), &["allows only GSSAPI", "offers: ", "hint: change"]);
    set("force_sasl_client_mech", None);
    set("sync_allowplaintext", Some("no"));
    assert_refused(&ours(&lab), &["would send the password", "not encrypted"]);
    set("sync_allowplaintext", None);
    set("sync_password", None);
    assert_refused(&ours(&lab), &["sync_password is not set", "hint: set sync_authname"]);
    let sent = String::from_utf8_lossy(&proxy.transcript()).into_owned();
    assert!(proxy.traffic().connections >= 3 && !sent.contains("AUTHENTICATE"), "{sent}");
}

/// Sets up TLS on the replica. Returns an authority whose certificates both sides trust.
fn with_tls(lab: &mut Lab) -> Authority {
    let authority = Authority::new(&lab.replica, "ca");
    let root = authority.root().display().to_string();
    lab.replica.set_config("tls_client_ca_file", Some(&root));
    lab.replica.use_certificate(&authority.issue("replica", &["IP:127.0.0.1"], Valid::Now));
    lab.master.set_config("tls_server_ca_file", Some(&root));
    lab.master.set_config("sync_tls", Some("require"));
    authority
}

#[test]
fn a_client_certificate_logs_in_by_external() {
    let mut lab = lab("PLAIN EXTERNAL");
    let authority = with_tls(&mut lab);
    lab.master.set_config("sync_password", None);
    assert_refused(&ours(&lab), &["sync_password is not set"]);
    let certificate = authority.issue("repl", &[], Valid::Now);
    lab.master.set_config("tls_client_cert", Some(&certificate.cert.display().to_string()));
    lab.master.set_config("tls_client_key", Some(&certificate.key.display().to_string()));
    for imap in [false, true] {
        if imap {
            lab.master.use_port(lab.replica.imap_port());
            lab.master.set_config("sync_try_imap", Some("yes"));
        }
        let run = ours(&lab);
        assert!(run.status.success(), "imap {imap}: {run}\n{}", lab.replica.log());
    }
    let log = lab.replica.log();
    let logins: Vec<&str> = log.lines().filter(|line| line.contains("login: ")).collect();
    assert!(logins.iter().all(|line| line.contains(" repl EXTERNAL")), "{logins:?}");
    assert!(logins.len() >= 2, "{logins:?}");
    // The login must fail with the certificate of fred, who is no administrator of the replica.
    let other = authority.issue("fred", &[], Valid::Now);
    lab.master.set_config("tls_client_cert", Some(&other.cert.display().to_string()));
    lab.master.set_config("tls_client_key", Some(&other.key.display().to_string()));
    lab.master.use_port(lab.replica.csync_port());
    lab.master.set_config("sync_try_imap", None);
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
}

#[test]
fn scram_over_tls_works_without_channel_binding() {
    let mut lab = lab("SCRAM-SHA-256");
    with_tls(&mut lab);
    ours(&lab).ok();
    let log = lab.replica.log();
    assert!(log.contains(" repl SCRAM-SHA-256+TLS "), "{log}");
    // Cyrus offers SCRAM-SHA-256-PLUS, but only with the channel binding tls-unique, which our
    // client does not support.
    lab.master.set_config("force_sasl_client_mech", Some("SCRAM-SHA-256-PLUS"));
    assert_refused(&ours(&lab), &["log in to the replica as repl", "SCRAM-SHA-256-PLUS"]);
}
