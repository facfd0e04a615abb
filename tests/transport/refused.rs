//! Tests that a refused certificate ends a run at once, because another attempt would not help.

use std::time::Duration;

use cyrsync_lab::certs::{Authority, self_signed};
use cyrsync_lab::run::start_sync_client;

use crate::common::{OURS, fill, lab, set};

#[test]
fn a_refused_certificate_ends_a_run_at_once() {
    let mut lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let alone = self_signed(&lab.replica, &lab.replica.scratch(), "127.0.0.1");
    lab.replica.use_certificate(&alone);
    let root = Authority::new(&lab.replica, "others").root().display().to_string();
    let pin = format!("sha256:{}", "00".repeat(32));
    for options in [[("tls_server_ca_file", root.as_str())], [("sync_tls_fingerprint", &pin)]] {
        set(&lab, &options);
        for args in [&["-u", "u0"][..], &["-A"], &["-m", "user.u0"], &["-R", "-1"]] {
            let ended = start_sync_client(OURS, &lab.master, args);
            let run = match ended.wait_within(Duration::from_secs(10)) {
                Ok(run) => run,
                Err(waiting) => panic!("{args:?} waits: {:?}", waiting.so_far()),
            };
            assert_eq!(run.status.code(), Some(1), "{args:?}: {run}");
            assert!(run.stderr.contains("hint: "), "{run}");
            assert!(!run.stderr.contains("retrying"), "{run}");
        }
        set(&lab, &options.map(|(option, _)| (option, "")));
    }
}
