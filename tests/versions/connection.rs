//! Tests TLS, and staging to the archive, with other versions of Cyrus.

use cyrsync_lab::certs::{Authority, Valid};
use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Imap, Lab, Options};

use super::{assert_equal, furnish, is_of_one_side, ours};

/// Tests TLS over csync and over IMAP, by STARTTLS and from the first byte on. With `alpn`, the
/// replica supports ALPN, and both sides must agree on `imap`.
fn encrypted(release: Release, alpn: bool) {
    let options = Options { replica_tree: Some(Tree::of(release)), ..Options::default() };
    let mut lab = Lab::new(options);
    let authority = Authority::new(&lab.replica, "ca");
    let certificate = authority.issue("replica", &["IP:127.0.0.1"], Valid::Now);
    lab.replica.use_certificate(&certificate);
    set_tls(&lab, &authority);
    // Since 3.8.6 and 3.10.2 STARTTLS is offered only if an option enables it, which the lab sets.
    lab.replica.set_config("allowstarttls", None);
    lab.replica.stop_server();
    lab.replica.start_server();
    let run = ours(&lab, &["-o", "-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("hint: ") && run.stderr.contains("allowstarttls: yes"), "{run}");
    lab.replica.use_certificate(&certificate);
    let set = |option: &str, value: &str| lab.master.set_config(option, Some(value));
    let replica = &lab.replica;
    for (round, (place, try_imap)) in [
        (format!("127.0.0.1:{}", replica.csync_port()), "no"),
        (format!("127.0.0.1:{}", replica.imap_port()), "yes"),
        (format!("127.0.0.1:{}/tls", replica.imaps_port()), "yes"),
    ]
    .into_iter()
    .enumerate()
    {
        set("sync_host", &place);
        set("sync_try_imap", try_imap);
        furnish(&lab.master, round as u64);
        let run = ours(&lab, &["-o", "-v", "-v", "-A"]).ok();
        assert!(run.log.contains("TLSv1.3 with cipher"), "{place}: {run}");
        assert!(!run.log.contains("not verified"), "{place}: {run}");
        let imap = try_imap == "yes";
        assert_eq!(run.stderr.contains("SYNCAPPLY MESSAGE"), imap, "{place}: {run}");
        assert_eq!(run.log.contains(" for imap\n"), imap && alpn, "{place}: {run}");
        assert_equal(&lab.master, &lab.replica, &place, |it| is_of_one_side(&lab, it));
    }
}

fn set_tls(lab: &Lab, authority: &Authority) {
    let root = authority.root().display().to_string();
    lab.master.set_config("tls_server_ca_file", Some(&root));
    lab.master.set_config("sync_tls", Some("require"));
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn over_tls_to_3_10() {
    encrypted(Release::Trixie, false);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn over_tls_to_3_12() {
    encrypted(Release::Forky, true);
}

/// Tests staging to the archive over csync and IMAP. imapd also offers it if `archive_enabled` is
/// off, but then refuses to enable it.
fn staged_to_the_archive(release: Release) {
    for enabled in [false, true] {
        let options = Options {
            replica_tree: Some(Tree::of(release)),
            archive_on_replica: enabled,
            ..Options::default()
        };
        let lab = Lab::new(options);
        let replica = &lab.replica;
        for (round, (port, try_imap)) in
            [(replica.csync_port(), "no"), (replica.imap_port(), "yes")].into_iter().enumerate()
        {
            lab.master.use_port(port);
            lab.master.set_config("sync_try_imap", Some(try_imap));
            furnish(&lab.master, round as u64);
            let run = ours(&lab, &["-o", "-a", "-v", "-A"]).ok();
            let imap = try_imap == "yes";
            let asked = run.stdout.contains("ENABLE 0x1800");
            assert_eq!(asked, enabled || imap, "enabled {enabled}, {try_imap}: {run}");
            let says = match (enabled, imap) {
                (true, _) => "Destination supports replication to archive",
                (false, false) => "Destination doesn't support replication to archive",
                (false, true) => "didn't enable it",
            };
            assert!(run.log.contains(says), "enabled {enabled}, {try_imap}: {run}");
            assert_equal(&lab.master, replica, "staged", |it| is_of_one_side(&lab, it));
        }
    }
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn staging_to_the_archive_of_3_10() {
    staged_to_the_archive(Release::Trixie);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn staging_to_the_archive_of_3_12() {
    staged_to_the_archive(Release::Forky);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_login_without_admin_rights_is_reported_as_such_by_imapd_3_12() {
    let conf = "admins: somebody\nsasl_mech_list: PLAIN\n".to_owned();
    let tree = Some(Tree::of(Release::Forky));
    let lab = Lab::new(Options { replica_conf: conf, replica_tree: tree, ..Options::default() });
    Imap::admin(&lab.master).ok("CREATE user.fred");
    lab.master.use_port(lab.replica.imap_port());
    lab.master.set_config("sync_try_imap", Some("yes"));
    let run = ours(&lab, &["-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    for words in ["only administrators may use", "admins in the replica's imapd.conf"] {
        assert!(run.stderr.contains(words), "{words}: {run}");
    }
    assert!(!run.stderr.contains("retrying in"), "{run}");
}
