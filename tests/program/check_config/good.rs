//! Tests the report about servers without a problem.

use std::time::Duration;

use cyrsync_lab::certs::{Authority, Valid};
use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Imap, Lab, Options, Proxy, compare, sync_client};
use serde_json::Value;

use super::common::{Checked, OURS, check, lab, set};

#[test]
fn json_output_has_an_object_for_each_check() {
    let lab = lab(Options::default());
    let checked = check(&lab, &[]);
    let conf = lab.master.imapd_conf();
    let run = sync_client(OURS, &lab.master, &["--check-config", "--json"]).ok();
    let objects: Vec<Value> = run.stdout.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(objects.len(), checked.run.stdout.lines().count(), "{run}");
    let read = objects.iter().find(|object| object["topic"] == "configuration").unwrap();
    assert_eq!((&read["verdict"], &read["hint"]), (&"ok".into(), &"".into()), "{run}");
    assert!(read["detail"].as_str().unwrap().contains(&conf.display().to_string()), "{run}");
    let clocks = objects.last().unwrap();
    assert_eq!(clocks["verdict"], "skipped", "{run}");
}

#[test]
fn a_good_pair_passes_over_csync_over_imap_and_with_a_channel() {
    let channels = ["", "backup"].map(str::to_owned).to_vec();
    let mut lab = lab(Options { sync_log_channels: channels, ..Options::default() });
    let authority = Authority::new(&lab.replica, "ca");
    lab.replica.use_certificate(&authority.issue("replica", &["IP:127.0.0.1"], Valid::Days(90)));
    set(&lab, &[("tls_server_ca_file", &authority.root().display().to_string())]);
    // `check` asserts that the check writes no file. A normal run writes one to remember that the
    // replica offers TLS.
    let checked = check(&lab, &[]);
    checked.fails(&[]).warns(&[]);
    assert_eq!(checked.with("SKIP"), ["clock difference"], "{}", checked.run);
    let port = format!("127.0.0.1 port {}, sync_server", lab.replica.csync_port());
    checked
        .says("imapd.conf read", "OK", &[&lab.master.imapd_conf().display().to_string()])
        .says("cyr_info conf-lint", "OK", &["it will report no option"])
        .says("user", "OK", &["cyrus, the owner of configdirectory", "umask 077"])
        .says("spool readable", "OK", &["partitions default, second", "checked 6 of 6 mailboxes"])
        .says("databases open", "OK", &["mailboxes.db (6 mailboxes)", "of 3 users"])
        .says("own sync_server", "OK", &["/usr/lib/cyrus/bin/sync_server, for repairs"])
        .says("sync_log on", "OK", &["the log without a channel, backup"])
        .says("log writable", "OK", &["/conf/sync", "MiB free"])
        .says("channel free", "OK", &["no rolling client uses it"])
        .says("name resolves", "OK", &["127.0.0.1 is an address"])
        .says("connects", "OK", &[&port])
        .says("TLS", "OK", &["TLSv1.3 with cipher TLS"])
        .says("certificate", "OK", &["verified; ", " days left"])
        .says("mechanism", "OK", &["PLAIN, of PLAIN"])
        .says("login", "OK", &["accepted as repl"])
        .says("admin rights", "OK", &["answers GET"])
        .says("version", "OK", &[&Release::installed().words()])
        .says("capabilities", "OK", &["SIEVE-MAILBOX"])
        .says("replica partitions", "OK", &["the replica has mailboxes on default"])
        .says("compression", "OK", &["DEFLATE, level chosen automatically"])
        .says("clock difference", "SKIP", &["does not report its time", "NTP"]);
    assert_eq!(checked.run.stderr, "", "{}", checked.run);

    // With -n the check uses the options of the channel, like a normal run. -S overrides them.
    let imap = format!("localhost:{}", lab.replica.imap_port());
    set(&lab, &[("backup_sync_host", &imap), ("backup_sync_try_imap", "yes")]);
    let checked = check(&lab, &["-n", "backup"]);
    checked.says("certificate", "FAIL", &["it is for another host"]);
    lab.replica.use_certificate(&authority.issue("replica", &["DNS:localhost"], Valid::Now));
    let checked = check(&lab, &["-n", "backup"]);
    checked
        .fails(&[])
        .warns(&[])
        .says("channel known", "OK", &["backup is in sync_log_channels", "2 options of its own"])
        .says("name resolves", "OK", &["localhost is ", "127.0.0.1"])
        .says("connects", "OK", &[&format!("port {}, imapd", lab.replica.imap_port())])
        .says("TLS", "OK", &["TLSv1.3"])
        .says("capabilities", "OK", &["SIEVE-MAILBOX"]);
    let socket = lab.replica.csync_socket().display().to_string();
    let checked = check(&lab, &["-n", "backup", "-S", &socket, "-u", "fred"]);
    checked
        .fails(&[])
        .says("name resolves", "OK", &["is a socket on this machine"])
        .says("TLS", "OK", &["not needed on a UNIX socket"])
        .says("certificate", "SKIP", &["not encrypted"])
        .says("mechanism", "OK", &["trusts this connection"])
        .says("login", "OK", &["not needed"])
        .says("admin rights", "OK", &["answers GET"]);
    assert!(compare(&lab.master, &lab.replica).is_empty());
}

#[test]
fn only_the_login_and_get_are_sent_to_the_replica() {
    let lab = lab(Options::default());
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    set(&lab, &[("sync_port", &proxy.port().to_string()), ("sync_no_copyback", "yes")]);
    let checked = check(&lab, &["-a", "-v", "-v"]);
    checked
        .fails(&[])
        .warns(&["capabilities", "compression"])
        .says("own sync_server", "OK", &["not needed"])
        .says("capabilities", "WARN", &["archive partition (-a)"])
        .says("compression", "WARN", &["does not offer it"]);
    assert_eq!(
        proxy.commands(),
        ["AUTHENTICATE PLAIN", "GET ANNOTATION", "GET MAILBOXES", "EXIT"],
        "{}",
        checked.run
    );
    // The traffic that -v -v prints must show the same commands.
    assert!(checked.run.stderr.contains("GET MAILBOXES"), "{}", checked.run);
    assert!(!checked.run.stderr.contains("APPLY"), "{}", checked.run);

    let checked = check(&lab, &["-z"]);
    checked.fails(&["compression"]).says("compression", "FAIL", &["-z requires it"]);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_master_of_3_2_is_in_order() {
    other(Some(Release::Bullseye), None, "3.6.1");
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_master_and_a_replica_of_3_10_are_in_order() {
    other(Some(Release::Trixie), Some(Release::Trixie), "3.10");
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_replica_of_3_12_is_in_order() {
    other(None, Some(Release::Forky), "3.12");
}

fn other(master: Option<Release>, replica: Option<Release>, version: &str) {
    let (master_tree, replica_tree) = (master.map(Tree::of), replica.map(Tree::of));
    let lab = Lab::new(Options { master_tree, replica_tree, ..Options::default() });
    Imap::admin(&lab.master).ok("CREATE user.fred");
    sync_client(OURS, &lab.master, &["-u", "fred"]).ok();
    let checked = check(&lab, &[]);
    checked
        .fails(&[])
        .warns(&[])
        .says("databases open", "OK", &["(1 mailbox)", "of 1 user"])
        .says("own sync_server", "OK", &["/sync_server, for repairs"])
        .says("version", "OK", &[version])
        .says("replica partitions", "OK", &["on default"]);
}

#[test]
fn another_rolling_client_is_reported_and_not_disturbed() {
    let lab = lab(Options::default());
    let rolling = cyrsync_lab::run::start_sync_client(OURS, &lab.master, &["-R"]);
    let claim = lab.master.config_dir().join("sync/sync_client.lock");
    let says = format!("process {} uses it for rolling replication", rolling.pid());
    let end = std::time::Instant::now() + Duration::from_secs(60);
    let checked = loop {
        // The client claims the channel some time after its start. No event announces it, so check
        // again.
        let run = sync_client(OURS, &lab.master, &["--check-config"]);
        let checked = Checked::new(run);
        if checked.of("channel free").1.contains(&says) {
            break checked;
        }
        assert!(std::time::Instant::now() < end, "{}: {}", claim.display(), checked.run);
    };
    checked.fails(&[]);
    rolling.signal(libc::SIGTERM);
    let run = rolling.wait();
    assert!(!run.stderr.contains("works on it"), "{run}");
    check(&lab, &[]).says("channel free", "OK", &["no rolling client uses it"]);
}
