//! Tests the report about problems of the replica and of the connection to it.

use std::time::Duration;

use cyrsync_lab::trees::Release;
use cyrsync_lab::{ADMIN, Fault, Imap, Options, Proxy};

use super::common::{check, lab, set};

/// The checks that need a successful login.
const BEHIND_LOGIN: [&str; 4] =
    ["admin rights", "capabilities", "replica partitions", "compression"];

#[test]
fn an_unreachable_replica_is_a_failure_with_a_hint() {
    let mut lab = lab(Options::default());
    set(&lab, &[("sync_host", "no-such-host.invalid")]);
    let checked = check(&lab, &[]);
    checked.fails(&["name resolves"]).says(
        "name resolves",
        "FAIL",
        &["no-such-host.invalid", "; check the name in sync_host"],
    );
    for name in ["connects", "TLS", "login", "version", "compression"] {
        checked.says(name, "SKIP", &["the replica's name has no address"]);
    }
    checked.says("databases open", "OK", &[]);

    set(&lab, &[("sync_host", "")]);
    let checked = check(&lab, &[]);
    checked
        .fails(&["name resolves"])
        .says("name resolves", "FAIL", &["sync_host not defined", "; set sync_host"])
        .says("connects", "SKIP", &["no replica is named"]);
    // A replica named on the command line needs no sync_host, like in a normal run.
    let there = format!("127.0.0.1:{}", lab.replica.csync_port());
    check(&lab, &["-S", &there]).fails(&[]).says("connects", "OK", &[]);

    // The proxy accepts the connection and sends nothing.
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, false);
    proxy.fail_next(Fault::Silence);
    set(&lab, &[("sync_host", "127.0.0.1"), ("client_timeout", "1s")]);
    let silent = format!("127.0.0.1:{}", proxy.port());
    let checked = check(&lab, &["-S", &silent]);
    checked.fails(&["connects"]).says("connects", "FAIL", &["; "]);
    checked.says("version", "SKIP", &["sent no greeting"]);

    lab.replica.stop_server();
    let checked = check(&lab, &[]);
    let place = format!("connect to 127.0.0.1:{}", lab.replica.csync_port());
    checked
        .fails(&["connects"])
        .says(
            "connects",
            "FAIL",
            &[&place, "Connection refused", "; check that sync_server or imapd"],
        )
        .says("TLS", "SKIP", &["an earlier check failed: connects"]);
    // Without a configured port, the check tries imapd's port, then sync_server's.
    set(&lab, &[("sync_port", ""), ("sync_try_imap", "yes")]);
    let checked = check(&lab, &["-S", "127.0.0.9"]);
    checked.says("connects", "FAIL", &["127.0.0.9:143", "127.0.0.9:2005"]);
}

#[test]
fn a_refused_login_and_missing_rights_are_different_failures() {
    let lab = lab(Options { users: vec!["fred".to_owned()], ..Options::default() });
    set(&lab, &[("sync_password", "xyzzy")]);
    let checked = check(&lab, &[]);
    checked
        .fails(&["login"])
        .says("mechanism", "OK", &["PLAIN"])
        .says("login", "FAIL", &["log in to the replica as repl", "; check sync_authname"])
        .says("version", "OK", &[&Release::installed().words()]);
    for name in BEHIND_LOGIN {
        checked.says(name, "SKIP", &[]);
    }
    assert!(!checked.run.stdout.contains("xyzzy"), "{}", checked.run);

    set(&lab, &[("sync_password", cyrsync_lab::PASSWORD), ("sync_authname", "fred")]);
    let checked = check(&lab, &[]);
    checked
        .fails(&["admin rights"])
        .says("login", "OK", &["accepted as fred"])
        .says("admin rights", "FAIL", &["Permission denied", "; the login succeeded"])
        .says("replica partitions", "SKIP", &["only to administrators"])
        .says("compression", "SKIP", &[]);
    // For a user without admin rights, imapd answers BAD to replication commands, as if it had
    // none.
    let imap = format!("127.0.0.1:{}", lab.replica.imap_port());
    set(&lab, &[("sync_try_imap", "yes")]);
    let checked = check(&lab, &["-S", &imap]);
    checked.fails(&["admin rights"]).says("login", "OK", &["accepted as fred"]).says(
        "admin rights",
        "FAIL",
        &["BAD", "; imapd accepts these commands only"],
    );

    set(&lab, &[("sync_authname", ADMIN), ("force_sasl_client_mech", "SCRAM-SHA-256")]);
    let checked = check(&lab, &[]);
    checked
        .fails(&["mechanism"])
        .says("mechanism", "FAIL", &["SCRAM-SHA-256", "offers: PLAIN"])
        .says("login", "SKIP", &["an earlier check failed: mechanism"]);
}

#[test]
fn an_unknown_version_or_partition_is_a_warning() {
    let mut lab = lab(Options::default());
    lab.replica.set_config("serverinfo", Some("min"));
    lab.replica.stop_server();
    lab.replica.start_server();
    // Connect to imapd, because sync_server reports its version in spite of `serverinfo: min`.
    set(&lab, &[("sync_port", &lab.replica.imap_port().to_string()), ("sync_try_imap", "yes")]);
    let mut admin = Imap::admin(&lab.master);
    admin.ok("CREATE user.zoe second");
    drop(admin);
    let checked = check(&lab, &[]);
    checked
        .fails(&[])
        .warns(&["version", "replica partitions"])
        .says("version", "WARN", &["does not report its version", "; set serverinfo: on"])
        .says("replica partitions", "WARN", &["second (1 mailbox here)", "cannot be checked"]);
    // -p puts all mailboxes on one partition. The replica's mailboxes show that it has `default`;
    // nothing shows that it has `third`.
    check(&lab, &["-u", "-p", "default"]).says("replica partitions", "OK", &["on default"]);
    check(&lab, &["-u", "-p", "third"]).says("replica partitions", "WARN", &["third (7 mailboxes"]);
    super::common::replicate(&lab);
    check(&lab, &[]).says("replica partitions", "OK", &["on default, second"]);
}
