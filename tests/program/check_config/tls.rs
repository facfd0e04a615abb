//! Tests the checks of certificates and of encryption.

use cyrsync_lab::Options;
use cyrsync_lab::certs::{Authority, Valid, fingerprint};
use cyrsync_lab::trees::Release;

use super::common::{check, lab, set};

#[test]
fn certificates_are_verified_like_in_a_run() {
    let mut lab = lab(Options::default());
    let authority = Authority::new(&lab.replica, "ca");
    let root = authority.root().display().to_string();
    set(&lab, &[("tls_server_ca_file", &root)]);
    let here = ["IP:127.0.0.1"];
    for (names, valid, why) in [
        (&here[..], Valid::Once, "it expired"),
        (&here[..], Valid::Later, "it is not valid yet"),
        (&["DNS:elsewhere.example"], Valid::Now, "it is for another host: "),
    ] {
        lab.replica.use_certificate(&authority.issue("replica", names, valid));
        let checked = check(&lab, &[]);
        checked
            .fails(&["certificate"])
            .says("connects", "OK", &["sync_server"])
            .says("TLS", "SKIP", &["the certificate was refused"])
            .says("certificate", "FAIL", &["verify the certificate of", why, "; renew"])
            .says("login", "SKIP", &["the certificate was refused"])
            .says("version", "OK", &[&Release::installed().words()]);
    }

    let short = authority.issue("replica", &here, Valid::Days(5));
    lab.replica.use_certificate(&short);
    let checked = check(&lab, &[]);
    checked.fails(&[]).warns(&["certificate"]);
    checked.says("certificate", "WARN", &["verified; ", " days left; renew it"]);
    // The report rounds down: one second after the start of the five days it shows 4.
    assert!((4..=5).contains(&days(checked.of("certificate").1)), "{}", checked.run);

    // Without the authority's certificate, the replica's certificate cannot be verified.
    set(&lab, &[("tls_server_ca_file", "")]);
    let seen = fingerprint(&lab.replica, &short.cert).replace(':', "").to_lowercase();
    let checked = check(&lab, &[]);
    checked.fails(&[]).warns(&["certificate"]);
    let pin = format!("sync_tls_fingerprint: sha256:{seen}");
    checked.says("certificate", "WARN", &["not verified, imapd.conf names no", "days left", &pin]);
    set(&lab, &[("sync_tls_verify", "no")]);
    check(&lab, &[]).says("certificate", "WARN", &["sync_tls_verify is off"]);
    set(&lab, &[("sync_tls_fingerprint", &format!("sha256:{seen}"))]);
    check(&lab, &[]).fails(&[]).warns(&[]).says(
        "certificate",
        "OK",
        &["its fingerprint is in sync_tls_fingerprint"],
    );

    set(&lab, &[("sync_tls_fingerprint", ""), ("tls_server_ca_file", "/nonexistent")]);
    set(&lab, &[("sync_tls_verify", "yes")]);
    let checked = check(&lab, &[]);
    checked.fails(&["TLS"]).says("TLS", "FAIL", &["/nonexistent"]);
}

#[test]
fn an_unencrypted_connection_is_reported() {
    let lab = lab(Options::default());
    let checked = check(&lab, &[]);
    checked
        .fails(&[])
        .warns(&[])
        .says("TLS", "OK", &["no mail leaves this machine", "does not offer STARTTLS"])
        .says("certificate", "SKIP", &["not encrypted"]);
    set(&lab, &[("sync_tls", "require")]);
    let checked = check(&lab, &[]);
    checked.fails(&["TLS"]).says(
        "TLS",
        "FAIL",
        &["does not offer STARTTLS", "; set tls_server_cert"],
    );
}

/// Returns the number of days in `verified; 4 days left`.
fn days(line: &str) -> u32 {
    let before = line.split(" days left").next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number of days")
}
