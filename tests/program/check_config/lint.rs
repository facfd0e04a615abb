//! Our check lists the options about which Cyrus's own check, `cyr_info conf-lint`, will complain.
//! These tests compare the list with the real report.

use std::collections::BTreeSet;

use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Lab, Options, sync_client, tools};

use super::common::{check, set};

/// Every option of ours that Cyrus does not have, with a valid value.
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
fn conf_lint_reports_the_options_that_our_check_lists() {
    conf_lint(Options::default());
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn conf_lint_of_3_2_reports_the_options_that_our_check_lists() {
    of(Release::Bullseye);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn conf_lint_of_3_10_reports_the_options_that_our_check_lists() {
    of(Release::Trixie);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn conf_lint_of_3_12_reports_the_options_that_our_check_lists() {
    of(Release::Forky);
}

/// Fails if an option of ours that Cyrus does not have is missing from [`OURS`].
#[test]
fn the_list_of_our_options_is_complete() {
    let lab = Lab::default();
    let names = |printed: &str| -> BTreeSet<String> {
        let lines = printed.lines().filter_map(|line| line.split_once(':'));
        lines.map(|(name, _)| name.to_owned()).filter(|name| !name.contains('-')).collect()
    };
    let ours = sync_client(super::common::OURS, &lab.master, &["--print-config"]).ok();
    let theirs = tools::run(&lab.master, "cyr_info", &["conf-default"]);
    let mut unknown = names(&ours.stdout);
    unknown.retain(|name| !names(&theirs).contains(name));
    // Cyrus has these two options since 3.12 and 3.13. Earlier versions report them if they are
    // set.
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
    let expected: BTreeSet<&str> =
        list.split(", ").filter_map(|item| item.split(' ').next()).collect();
    assert_eq!(expected, reported, "{printed}{line}");
    let set_here = OURS.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| *name);
    assert!(set_here.collect::<BTreeSet<_>>().is_subset(&reported), "{printed}");
    assert!(!reported.contains("far_sync_batchsize"), "{printed}");
}
