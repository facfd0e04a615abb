//! Tests random combinations of layouts.

use cyrsync_lab::{Imap, Options, Rng, random_changes, tools};

use super::{assert_sound, change, lab, populate};
use crate::common::{append, create, replicate, replicate_as_cyrus_would};

/// Returns random lines of imapd.conf for one server: the options in which master and replica may
/// differ.
fn own(rng: &mut Rng) -> String {
    let mut conf = String::new();
    let mut maybe = |rng: &mut Rng, line: &str| {
        if rng.below(2) == 0 {
            conf.push_str(line);
        }
    };
    maybe(rng, "mailbox_legacy_dirs: yes\n");
    maybe(rng, "fulldirhash: yes\n");
    maybe(rng, "mboxname_lockpath:\n");
    maybe(rng, "metadir-index-second: {dir}/indexes\n");
    maybe(rng, "metadir-header-default: {dir}/headers\n");
    maybe(
        rng,
        "archive_enabled: yes\narchive_after: 1d\narchivepartition-default: {dir}/archive\n\
         archivepartition-second: {dir}/archive2\n",
    );
    let words = ["header", "index", "cache", "annotations", "archivecache"];
    let words: Vec<&str> = words.into_iter().filter(|_| rng.below(2) == 0).collect();
    if !words.is_empty() {
        conf.push_str("metapartition-default: {dir}/meta\nmetapartition-second: {dir}/meta2\n");
        conf.push_str(&format!("metapartition_files: {}\n", words.join(" ")));
    }
    conf
}

fn round(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut coin = || rng.below(2) == 0;
    let options = Options {
        hashimapspool: coin(),
        unixhierarchysep: coin(),
        altnamespace: coin(),
        conversations: coin(),
        reverseacls: coin(),
        virtdomains: coin(),
        ..Options::default()
    };
    let domain = if options.virtdomains { "example.com!" } else { "" };
    let (master, replica) = (own(&mut rng), own(&mut rng));
    // If the test fails, this output shows the combination.
    println!("seed {seed}: {options:?}\nmaster:\n{master}replica:\n{replica}");
    let lab = lab(options, &master, &replica);
    let [inbox, reader] = ["user.j^r", "user.reader"].map(|name| format!("{domain}{name}"));
    create(&lab.master, &[&*lab.master.admin_name(&reader)]);
    populate(&lab, &inbox, &reader);
    let mut admin = Imap::admin(&lab.master);
    let sent = lab.master.admin_name(&format!("{inbox}.Sent"));
    admin.ok(&format!("RENAME {sent} {sent} second"));
    if master.contains("archive_enabled") {
        tools::run(&lab.master, "cyr_expire", &["-E", "1000", "-A", "0"]);
    }
    replicate_as_cyrus_would(&lab, &["-A"]);
    change(&lab, &inbox, &reader);
    if master.contains("legacy_dirs") {
        tools::run(&lab.master, "relocate_by_id", &["-q", &sent]);
    }
    admin.ok(&format!("RENAME {sent} {sent} default"));
    replicate_as_cyrus_would(&lab, &["-A"]);
    for _ in 0..3 {
        random_changes(&lab.master, rng.number(), 12);
        replicate(&lab, &["-A"]);
    }
    let inbox = lab.master.admin_name(&inbox);
    append(&mut admin, &inbox, "the last");
    replicate_as_cyrus_would(&lab, &["-m", &inbox]);
    assert_sound(&lab);
}

#[test]
fn layouts_at_random() {
    for seed in 1..=5 {
        round(seed);
    }
}
