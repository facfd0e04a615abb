//! Tests login to real servers through the platform's libsasl2, with its security layers.
//!
//! `make sasl2` runs these tests with the feature `libsasl2`.

mod digest;
mod kerberos;
mod meddling;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cyrsync_lab::{Imap, Lab, Options, PASSWORD, Proxy, Run, compare, describe, sync_client};

const OURS: &str = env!("CARGO_BIN_EXE_sync_client");

/// A line of a replicated message, which must not be visible on the wire.
const MARK: &str = "Subject: for nobody else";

fn lab(mechanisms: &str, more: &str) -> Lab {
    let conf = format!("sasl_mech_list: {mechanisms}\nfailedloginpause: 0s\n{more}");
    filled(Options { replica_conf: conf, ..Options::default() })
}

fn filled(options: Options) -> Lab {
    let lab = Lab::new(options);
    let mut imap = Imap::admin(&lab.master);
    imap.ok("CREATE user.fred");
    append(&lab, 3);
    lab
}

fn append(lab: &Lab, count: usize) {
    let mut imap = Imap::login(&lab.master, "fred");
    for _ in 0..count {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Larger than a packet of the security layer, which has the size of Cyrus's buffers.
        let body = "0123456789 abcdefghij\r\n".repeat(1000);
        let message = format!("{MARK}\r\nMessage-ID: <{number}@x>\r\n\r\n{body}");
        imap.append("INBOX", "", message.as_bytes());
    }
}

fn ours(lab: &Lab) -> Run {
    let run = sync_client(OURS, &lab.master, &["-o", "-v", "-v", "-u", "fred"]);
    for text in [&run.stdout, &run.stderr, &run.log] {
        assert!(!text.contains(PASSWORD), "{run}");
    }
    run
}

#[track_caller]
fn assert_same(lab: &Lab) {
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

/// Returns the last login in the replica's log.
fn login(lab: &Lab) -> String {
    let log = lab.replica.log();
    log.lines().rfind(|line| line.contains("login: ")).unwrap_or_default().to_owned()
}

/// Returns whether a run logged a line with all these words.
fn reported(run: &Run, words: &[&str]) -> bool {
    run.log.lines().any(|line| words.iter().all(|word| line.contains(word)))
}

fn over_imap(lab: &Lab, port: u16) {
    lab.master.use_port(port);
    lab.master.set_config("sync_try_imap", Some("yes"));
}

/// Returns everything that both sides sent, as text.
fn seen(proxy: &Proxy) -> String {
    let all = [proxy.transcript(), proxy.answers()].concat();
    String::from_utf8_lossy(&all).into_owned()
}

/// Replicates over csync and over IMAP. Asserts that no replicated text is visible in the traffic.
fn assert_hidden(lab: &Lab, mechanism: &str) {
    // Switch compression off. Compressed text would not be visible in any case.
    lab.master.set_config("sync_deflate_level", Some("0"));
    for imap in [false, true] {
        let port = if imap { lab.replica.imap_port() } else { lab.replica.csync_port() };
        let proxy = Proxy::new(port, Duration::ZERO, true);
        lab.master.use_port(proxy.port());
        if imap {
            over_imap(lab, proxy.port());
            append(lab, 2);
        }
        let run = ours(lab).ok();
        assert!(run.stderr.contains("APPLY MESSAGE "), "{run}");
        assert_same(lab);
        let login = login(lab);
        assert!(login.contains(&format!(" repl {mechanism} ")), "{login}");
        let seen = seen(&proxy);
        assert!(seen.contains(&format!("AUTHENTICATE {mechanism}")), "{imap}: {seen}");
        assert!(seen.contains("OK Success (privacy protection)"), "{imap}: {seen}");
        assert!(reported(&run, &["encrypted: security layer of", mechanism, " bits)"]), "{run}");
        assert!(proxy.traffic().sent > 20_000, "{imap}: {:?}", proxy.traffic());
        for clear in [MARK, "APPLY ", "MBOXNAME", "UNIQUEID", "user.fred"] {
            assert!(!seen.contains(clear), "over IMAP {imap}: {clear}: {seen}");
        }
    }
}
