//! Compares the report of Cyrus's own check of imapd.conf with what ours announces.

use std::collections::BTreeSet;

use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Lab, Options, sync_client, tools};

use crate::common::{check, set};

/// Every option that Cyrus does not know, with a valid value.
const OURS: [(&str, &str); 14] = [
    ("sync_allowplaintext", "yes"),
    ("sync_authzid", "repl"),
    ("sync_bwlimit", "10M"),
    ("sync_check_messages", "no"),
    ("sync_deflate_level", "auto"),
    ("sync_jobs", "2"),
    ("sync_metrics_file", "/nonexistent"),
    ("sync_no_copyback", "no"),
    ("sync_repair_fuse", "yes"),
    ("sync_repair_max_expunge", "100"),
    ("sync_server_path", "/usr/lib/cyrus/bin/sync_server"),
    ("sync_tls", "try"),
    ("sync_tls_fingerprint", ""),
    ("sync_tls_verify", "yes"),
];

#[test]
fn conf_lint_reports_what_is_foretold() {
    conf_lint(Options::default());
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn conf_lint_of_3_2_reports_what_is_foretold() {
    of(Release::Bullseye);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn conf_lint_of_3_10_reports_what_is_foretold() {
    of(Release::Trixie);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn conf_lint_of_3_12_reports_what_is_foretold() {
    of(Release::Forky);
}

/// Also fails if a new option of ours is missing from the list.
#[test]
fn every_option_that_cyrus_does_not_know_is_among_them() {
    let lab = Lab::default();
    let names = |printed: &str| -> BTreeSet<String> {
        let lines = printed.lines().filter_map(|line| line.split_once(':'));
        lines.map(|(name, _)| name.to_owned()).filter(|name| !name.contains('-')).collect()
    };
    let ours = sync_client(crate::common::OURS, &lab.master, &["--print-config"]).ok();
    let theirs = tools::run(&lab.master, "cyr_info", &["conf-default"]);
    let mut unknown = names(&ours.stdout);
    unknown.retain(|name| !names(&theirs).contains(name));
    // Cyrus knows these two since 3.12 and 3.13; earlier versions report them if they are set.
    assert!(unknown.remove("global_lock") && unknown.remove("mboxname_userpath"));
    let unknown: Vec<String> = unknown.into_iter().collect();
    assert_eq!(unknown, OURS.map(|(name, _)| name), "{theirs}");
}

fn of(release: Release) {
    conf_lint(Options { master_tree: Some(Tree::of(release)), ..Options::default() });
}

fn conf_lint(options: Options) {
    let lab = Lab::new(options);
    set(&lab, &OURS);
    let pin = format!("sha256:{}", "ab".repeat(32));
    set(
        &lab,
        &[
            ("sync_log_channels", "\"\" far"),
            ("far_sync_tls_fingerprint", &pin),
            ("far_sync_jobs", "3"),
            ("far_sync_batchsize", "100"),
            ("other_sync_batchsize", "100"),
            ("sync_client_sync_batchsize", "100"),
            ("sync_repeat_interval", "1s"),
        ],
    );
    let conf = lab.master.dir().join("cyrus.conf").display().to_string();
    let (good, printed) = tools::try_run(&lab.master, "cyr_info", &["-M", &conf, "conf-lint"]);
    assert!(good, "{printed}");
    let reported: BTreeSet<&str> =
        printed.lines().filter_map(|line| line.split_once(": ")).map(|(key, _)| key).collect();

    let checked = check(&lab, &[]);
    let (verdict, line) = checked.of("cyr_info conf-lint");
    assert_eq!(verdict, "OK", "{line}");
    let list = line.strip_prefix("it will report ").unwrap_or_else(|| panic!("{line}"));
    let list = list.split(", which ").next().unwrap_or_default();
    let foretold: BTreeSet<&str> =
        list.split(", ").filter_map(|item| item.split(' ').next()).collect();
    assert_eq!(foretold, reported, "{printed}{line}");
    let set_here = OURS.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| *name);
    assert!(set_here.collect::<BTreeSet<_>>().is_subset(&reported), "{printed}");
    assert!(!reported.contains("far_sync_batchsize"), "{printed}");
}
