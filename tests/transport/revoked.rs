//! Tests lists of revoked certificates (`tls_crl_file`).

use std::fs;
use std::path::Path;

use cyrsync_lab::certs::{Authority, Valid};

use crate::common::{assert_equal, fill, lab, ours, set};

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn revoked_certificates_and_unusable_lists_are_refused() {
    let mut lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let authority = Authority::new(&lab.replica, "ca");
    let others = Authority::new(&lab.replica, "others");
    let bad = authority.issue("replica", &["IP:127.0.0.1"], Valid::Now);
    let good = authority.issue("replica", &["IP:127.0.0.1"], Valid::Now);
    let before = authority.revoked(Valid::Now);
    authority.revoke(&bad);
    let list = authority.revoked(Valid::Now);
    let expired = authority.revoked(Valid::Once);
    let elsewhere = others.revoked(Valid::Now);
    let both = lab.replica.scratch().join("both.pem");
    fs::write(&both, [fs::read(&elsewhere).unwrap(), fs::read(&list).unwrap()].concat()).unwrap();
    let nonsense = lab.replica.scratch().join("nonsense.pem");
    fs::write(&nonsense, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n").unwrap();
    let (root, pem) = (text(authority.root()), text(&good.cert));
    set(&lab, &[("tls_server_ca_file", &root), ("sync_tls", "require")]);

    let verify = "verify the certificate of 127.0.0.1: ";
    let revoked = [verify, "was revoked", "hint: give the replica a new certificate"];
    let old = [verify, "the list in tls_crl_file expired", "days ago", "hint: get a new list"];
    let useless = ["read tls_crl_file ", "hint: the file must contain lists"];
    let missing = Path::new("/nonexistent/crl.pem");
    for (certificate, file, says) in [
        (&bad, list.as_path(), &revoked[..]),
        (&bad, &both, &revoked),
        (&good, &both, &[]),
        (&good, &list, &[]),
        (&bad, &before, &[]),
        // A list of another authority is no error and revokes nothing. Cyrus uses tls_crl_file for
        // the certificates of its clients, which may have another authority.
        (&bad, &elsewhere, &[]),
        (&good, &expired, &old),
        (&good, missing, &[useless[0], useless[1], "No such file"]),
        (&good, Path::new(&pem), &[useless[0], useless[1], "contains no list"]),
        (&good, &nonsense, &useless),
    ] {
        lab.replica.use_certificate(certificate);
        set(&lab, &[("tls_crl_file", &text(file))]);
        let run = ours(&lab, &["-u", "u0"]);
        let code = i32::from(!says.is_empty());
        assert_eq!(run.status.code(), Some(code), "{}: {run}", file.display());
        let lines: Vec<&str> = run.stderr.lines().filter(|l| l.contains("hint: ")).collect();
        assert_eq!(lines.len(), usize::from(code == 1), "{}: {run}", file.display());
        assert!(lines.iter().all(|line| !line.contains("os error")), "{run}");
        for words in says {
            assert!(lines[0].contains(words), "{} {words}: {run}", file.display());
        }
    }
    // A pinned certificate is accepted even if it is revoked: the administrator has chosen it.
    lab.replica.use_certificate(&bad);
    let pin = format!("sha256:{}", cyrsync_lab::certs::fingerprint(&lab.replica, &bad.cert));
    set(&lab, &[("tls_crl_file", &text(&list)), ("sync_tls_fingerprint", &pin)]);
    ours(&lab, &["-u", "u0"]).ok();
    assert_equal(&lab);
}
