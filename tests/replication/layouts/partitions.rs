//! Tests partitions, metapartitions, metadata directories and archives.

use std::fs;
use std::path::{Path, PathBuf};

use cyrsync_lab::{Imap, Lab, Options, places, tools};

use super::{assert_sound, change, lab, populate};
use crate::common::{append, create, mailbox_field, replicate_as_cyrus_would};

/// Collects the names of the files below a directory, each once.
fn files(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.path().is_dir() {
            true => files(&entry.path(), found),
            false => found.push(entry.file_name().to_string_lossy().into_owned()),
        }
    }
    found.sort();
    found.dedup();
}

fn below(root: PathBuf) -> Vec<String> {
    let mut found = Vec::new();
    files(&root, &mut found);
    found
}

#[test]
fn users_and_folders_on_three_partitions() {
    let third = "partition-third: {dir}/third\nallowusermoves: yes\n";
    for legacy in ["no", "yes"] {
        let options = Options { conversations: true, ..Options::default() };
        let lab = lab(options, &format!("{third}mailbox_legacy_dirs: {legacy}\n"), third);
        let mut admin = Imap::admin(&lab.master);
        create(&lab.master, &["user.reader"]);
        admin.ok("CREATE user.anna second");
        admin.ok("CREATE lists third");
        populate(&lab, "user.fred", "user.reader");
        admin.ok("RENAME user.fred.Sent user.fred.Sent third");
        admin.ok("CREATE user.fred.Sent.new");
        append(&mut Imap::login(&lab.master, "anna"), "INBOX", "on the second");
        replicate_as_cyrus_would(&lab, &["-A"]);
        for (mailbox, partition) in
            [("user.anna", "second"), ("user.fred.Sent", "third"), ("user.fred", "default")]
        {
            assert_eq!(mailbox_field(&lab.replica, mailbox, "PARTITION"), partition, "{mailbox}");
        }
        // Move a folder, an INBOX and a shared mailbox to other partitions between two runs.
        change(&lab, "user.fred", "user.reader");
        admin.ok("RENAME user.fred.Sent user.fred.Sent second");
        admin.ok("RENAME lists lists default");
        replicate_as_cyrus_would(&lab, &["-A"]);
        admin.ok("RENAME user.anna user.anna third");
        append(&mut Imap::login(&lab.master, "anna"), "INBOX", "on the third");
        replicate_as_cyrus_would(&lab, &["-u", "anna"]);
        assert_eq!(mailbox_field(&lab.replica, "user.anna", "PARTITION"), "third");
        // Rename a user on this partition.
        admin.ok("RENAME user.anna user.zoe");
        replicate_as_cyrus_would(&lab, &["-A"]);
        assert_sound(&lab);
    }
}

const WORDS: [&str; 9] =
    ["header", "index", "cache", "expunge", "squat", "annotations", "lock", "dav", "archivecache"];

/// Returns the name of the file that a word of `metapartition_files` moves, or `None` if a plain
/// mailbox does not have this file.
fn file_of(word: &str) -> Option<String> {
    ["header", "index", "cache", "annotations"].contains(&word).then(|| format!("cyrus.{word}"))
}

/// Tests a user whose metadata files are on metapartitions: these files on the master, and other
/// ones on the replica.
fn metapartition(master: &[&str], replica: &[&str], legacy: bool) {
    let conf = |words: &[&str]| {
        format!("metapartition-default: {{dir}}/meta\nmetapartition_files: {}\n", words.join(" "))
    };
    let legacy = if legacy { "mailbox_legacy_dirs: yes\n" } else { "" };
    let lab = lab(Options::default(), &(conf(master) + legacy), &conf(replica));
    create(&lab.master, &["user.reader"]);
    populate(&lab, "user.fred", "user.reader");
    replicate_as_cyrus_would(&lab, &["-A"]);
    change(&lab, "user.fred", "user.reader");
    replicate_as_cyrus_would(&lab, &["-u", "fred", "reader"]);
    for (server, words) in [(&lab.master, master), (&lab.replica, replica)] {
        let mut moved: Vec<String> = words.iter().filter_map(|word| file_of(word)).collect();
        moved.sort();
        assert_eq!(below(server.dir().join("meta")), moved, "{words:?} of {}", server.name());
        assert_eq!(tools::reconstruct_complaints(server, "*"), [""; 0], "{words:?}");
    }
}

#[test]
fn each_metadata_file_on_the_metapartition() {
    for (n, word) in WORDS.iter().enumerate() {
        metapartition(&[word], &[WORDS[(n + 1) % WORDS.len()]], n % 2 == 1);
    }
}

#[test]
fn several_metadata_files_on_the_metapartition() {
    metapartition(&["header", "index"], &[], false);
    metapartition(&["index", "cache", "annotations"], &["header"], true);
    metapartition(&WORDS, &WORDS, false);
}

#[test]
fn each_metadata_file_in_its_own_directory() {
    // For each file there is a partition on which only this file has its own directory. On the last
    // partition each file has one. Annotations are in the directory of the index.
    let words = ["header", "index", "cache", "archivecache", "squat", "dav"];
    let mut conf = String::from("metapartition-all: {dir}/meta-all\nmetapartition_files: header\n");
    for word in words {
        conf.push_str(&format!("partition-{word}: {{dir}}/{word}\n"));
        conf.push_str(&format!("metadir-{word}-{word}: {{dir}}/meta-{word}\n"));
        conf.push_str(&format!("metadir-{word}-all: {{dir}}/all-{word}\n"));
    }
    conf.push_str("partition-all: {dir}/all\n");
    for legacy in ["no", "yes"] {
        let master = format!("{conf}mailbox_legacy_dirs: {legacy}\n");
        let lab = lab(Options::default(), &master, &conf);
        create(&lab.master, &["user.reader"]);
        populate(&lab, "user.fred", "user.reader");
        let mut admin = Imap::admin(&lab.master);
        for partition in words.into_iter().chain(["all"]) {
            admin.ok(&format!("CREATE user.fred.{partition} {partition}"));
            let mut fred = Imap::login(&lab.master, "fred");
            let mailbox = format!("INBOX.{partition}");
            append(&mut fred, &mailbox, partition);
            fred.ok(&format!("SELECT {mailbox}"));
            assert!(fred.annotate_messages("1", "/comment", true, Some(b"mine")).is_ok());
        }
        replicate_as_cyrus_would(&lab, &["-A"]);
        admin.ok("RENAME user.fred.Sent user.fred.Sent all");
        let run = change_annotations(&lab, &["INBOX.header", "INBOX.Sent"]);
        assert!(run > 0);
        replicate_as_cyrus_would(&lab, &["-u", "fred"]);
        let index = below(lab.master.dir().join("all-index"));
        assert_eq!(index, ["cyrus.annotations", "cyrus.index"]);
        assert_sound(&lab);
    }
}

fn change_annotations(lab: &Lab, mailboxes: &[&str]) -> usize {
    let mut fred = Imap::login(&lab.master, "fred");
    for mailbox in mailboxes {
        fred.ok(&format!("SELECT {mailbox}"));
        assert!(fred.annotate_messages("1", "/comment", false, Some(b"ours")).is_ok());
    }
    mailboxes.len()
}

/// Tests mail that the master has moved to its archive. The mail is later expunged, and its mailbox
/// renamed.
fn archive(legacy: &str, replica: bool, extra: &str) {
    let conf = "archive_enabled: yes\narchive_after: 1d\narchivepartition-default: {dir}/archive\n";
    let master = format!("{conf}mailbox_legacy_dirs: {legacy}\n{extra}");
    let lab = lab(Options::default(), &master, if replica { conf } else { "" });
    create(&lab.master, &["user.reader"]);
    populate(&lab, "user.fred", "user.reader");
    let archived = |server: &cyrsync_lab::Cyrus| {
        let mut names = below(server.archive_dir("default"));
        names.retain(|name| name.ends_with('.'));
        names.len()
    };
    assert_eq!(archived(&lab.master), 0);
    tools::run(&lab.master, "cyr_expire", &["-E", "1000", "-A", "0"]);
    assert!(archived(&lab.master) > 0, "{}", lab.master.log());
    let [kept, moved] = places::place(&lab.master, "user.fred").message(2);
    assert!(!kept.exists() && moved.exists());
    replicate_as_cyrus_would(&lab, &["-A"]);
    change(&lab, "user.fred", "user.reader");
    let mut fred = Imap::login(&lab.master, "fred");
    fred.ok("RENAME INBOX.Sent INBOX.Archive");
    fred.ok("SELECT INBOX.Archive");
    fred.ok("UID MOVE 2 INBOX");
    replicate_as_cyrus_would(&lab, &["-u", "fred", "reader"]);
    tools::run(&lab.master, "cyr_expire", &["-E", "1000", "-A", "0"]);
    tools::run(&lab.replica, "cyr_expire", &["-E", "1000", "-A", "0"]);
    replicate_as_cyrus_would(&lab, &["-A"]);
    assert_eq!(archived(&lab.replica) > 0, replica);
    assert_sound(&lab);
}

#[test]
fn archived_mail_on_the_master_and_on_the_replica() {
    archive("no", true, "");
    archive("yes", true, "metapartition-default: {dir}/meta\nmetapartition_files: archivecache\n");
}

#[test]
fn archived_mail_only_on_the_master() {
    archive("no", false, "");
    archive("yes", false, "metadir-archivecache-default: {dir}/meta\n");
}
