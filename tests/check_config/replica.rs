//! Problems of the replica and of the connection to it.

use std::time::Duration;

use cyrsync_lab::{ADMIN, Fault, Imap, Options, Proxy};

use crate::common::{check, lab, set};

/// The checks that need a login.
const BEHIND_LOGIN: [&str; 4] = ["admin rights", "capabilities", "partitions there", "compression"];

#[test]
fn a_replica_that_cannot_be_reached_is_a_failure_with_what_to_do() {
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
    // As for a run, a name on the command line is enough.
    let there = format!("127.0.0.1:{}", lab.replica.csync_port());
    check(&lab, &["-S", &there]).fails(&[]).says("connects", "OK", &[]);

    // A server accepts the connection and never answers.
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, false);
    proxy.fail_next(Fault::Silence);
    set(&lab, &[("sync_host", "127.0.0.1"), ("client_timeout", "1s")]);
    let silent = format!("127.0.0.1:{}", proxy.port());
    let checked = check(&lab, &["-S", &silent]);
    checked.fails(&["connects"]).says("connects", "FAIL", &["; "]);
    checked.says("version", "SKIP", &["did not greet"]);

    lab.replica.stop_server();
    let checked = check(&lab, &[]);
    let place = format!("connect to 127.0.0.1:{}", lab.replica.csync_port());
    checked
        .fails(&["connects"])
        .says("connects", "FAIL", &[&place, "Connection refused", "; is sync_server or imapd"])
        .says("TLS", "SKIP", &["it did not come as far: connects"]);
    // If no port is configured, both are tried.
    set(&lab, &[("sync_port", ""), ("sync_try_imap", "yes")]);
    let checked = check(&lab, &["-S", "127.0.0.9"]);
    checked.says("connects", "FAIL", &["127.0.0.9:143", "127.0.0.9:2005"]);
}

#[test]
fn a_login_that_is_refused_or_without_rights_is_told_apart() {
    let lab = lab(Options { users: vec!["fred".to_owned()], ..Options::default() });
    set(&lab, &[("sync_password", "xyzzy")]);
    let checked = check(&lab, &[]);
    checked
        .fails(&["login"])
        .says("mechanism", "OK", &["PLAIN"])
        .says("login", "FAIL", &["log in to the replica as repl", "; check sync_authname"])
        .says("version", "OK", &["3.6.1"]);
    for name in BEHIND_LOGIN {
        checked.says(name, "SKIP", &[]);
    }
    assert!(!checked.run.stdout.contains("xyzzy"), "{}", checked.run);

    set(&lab, &[("sync_password", cyrsync_lab::PASSWORD), ("sync_authname", "fred")]);
    let checked = check(&lab, &[]);
    checked
        .fails(&["admin rights"])
        .says("login", "OK", &["accepted as fred"])
        .says("admin rights", "FAIL", &["Permission denied", "; the login is good"])
        .says("partitions there", "SKIP", &["only an administrator gets"])
        .says("compression", "SKIP", &[]);
    // Without admin rights imapd does not even know the commands.
    let imap = format!("127.0.0.1:{}", lab.replica.imap_port());
    set(&lab, &[("sync_try_imap", "yes")]);
    let checked = check(&lab, &["-S", &imap]);
    checked.fails(&["admin rights"]).says("login", "OK", &["accepted as fred"]).says(
        "admin rights",
        "FAIL",
        &["BAD", "; imapd knows"],
    );

    set(&lab, &[("sync_authname", ADMIN), ("force_sasl_client_mech", "SCRAM-SHA-256")]);
    let checked = check(&lab, &[]);
    checked
        .fails(&["mechanism"])
        .says("mechanism", "FAIL", &["SCRAM-SHA-256", "offers: PLAIN"])
        .says("login", "SKIP", &["it did not come as far: mechanism"]);
}

#[test]
fn what_the_replica_keeps_to_itself_is_a_warning() {
    let mut lab = lab(Options::default());
    lab.replica.set_config("serverinfo", Some("min"));
    lab.replica.stop_server();
    lab.replica.start_server();
    // sync_server always reports its version.
    set(&lab, &[("sync_port", &lab.replica.imap_port().to_string()), ("sync_try_imap", "yes")]);
    let mut admin = Imap::admin(&lab.master);
    admin.ok("CREATE user.zoe second");
    drop(admin);
    let checked = check(&lab, &[]);
    checked
        .fails(&[])
        .warns(&["version", "partitions there"])
        .says("version", "WARN", &["does not tell its version", "; set serverinfo: on"])
        .says("partitions there", "WARN", &["second (1 mailbox here)", "cannot be asked"]);
    // With -p all mailboxes go to one partition, which is known.
    check(&lab, &["-u", "-p", "default"]).says("partitions there", "OK", &["on default"]);
    check(&lab, &["-u", "-p", "third"]).says("partitions there", "WARN", &["third (7 mailboxes"]);
    crate::common::replicate(&lab);
    check(&lab, &[]).says("partitions there", "OK", &["on default, second"]);
}
