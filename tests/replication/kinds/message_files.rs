//! Tests message files that differ from their records in cyrus.index, on the first upload and
//! later.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use cyrsync_lab::{Cyrus, Imap, Lab, Run, places, tools};

use crate::common::{
    append, assert_cyrus_idle, assert_idle, create, differing, errors, message_file, ours,
    replicate,
};

/// A kind of damage: its name, the function that does it, and the words of its error.
type Damage = (&'static str, fn(&Path), &'static str);

const DAMAGES: [Damage; 8] = [
    ("missing", |file| fs::remove_file(file).expect("own file"), "the file is missing"),
    ("empty", |file| fs::write(file, "").expect("own file"), "0 bytes, but cyrus.index says"),
    (
        "truncated",
        |file| {
            let bytes = fs::read(file).expect("own file");
            fs::write(file, &bytes[..bytes.len() / 2]).expect("own file");
        },
        "bytes, but cyrus.index says",
    ),
    (
        "changed",
        |file| {
            let mut bytes = fs::read(file).expect("own file");
            bytes[9] ^= 1;
            fs::write(file, bytes).expect("own file");
        },
        "with SHA-1",
    ),
    (
        "directory",
        |file| {
            fs::remove_file(file).expect("own file");
            fs::create_dir(file).expect("own directory");
        },
        "is a directory",
    ),
    (
        "fifo",
        |file| {
            fs::remove_file(file).expect("own file");
            assert!(Command::new("mkfifo").arg(file).status().expect("it is there").success());
            let of_all = Permissions::from_mode(0o666);
            fs::set_permissions(file, of_all).expect("own file");
        },
        "it is not a regular file",
    ),
    (
        "unreadable",
        |file| {
            fs::set_permissions(file, Permissions::from_mode(0o000)).expect("own file");
        },
        "Permission denied",
    ),
    (
        "dangling",
        |file| {
            fs::remove_file(file).expect("own file");
            symlink("/nonexistent/elsewhere", file).expect("own directory");
        },
        "a symbolic link whose target does not exist",
    ),
];

/// A file that was damaged, and its original content.
struct Damaged {
    file: PathBuf,
    intact: Vec<u8>,
}

impl Damaged {
    fn new(file: PathBuf, damage: fn(&Path)) -> Damaged {
        let intact = fs::read(&file).expect("own file");
        damage(&file);
        Damaged { file, intact }
    }

    fn put_right(&self) {
        match fs::symlink_metadata(&self.file) {
            Ok(found) if found.is_dir() => fs::remove_dir(&self.file).expect("own directory"),
            Ok(_) => fs::remove_file(&self.file).expect("own file"),
            Err(_) => {}
        }
        fs::write(&self.file, &self.intact).expect("own directory");
        let chown = Command::new("chown").arg("cyrus:mail").arg(&self.file).status();
        assert!(chown.expect("it is there").success());
    }
}

/// Moves a file and puts a symbolic link in its place, which must not be an error.
fn replace_by_link(cyrus: &Cyrus, file: &Path) {
    let elsewhere = cyrus.dir().join("elsewhere");
    fs::rename(file, &elsewhere).expect("own file");
    symlink(elsewhere, file).expect("own directory");
}

/// Damages message 2 in a mailbox for each kind of damage. The mailbox `linked` gets a link, which
/// is harmless.
fn damage_all(lab: &Lab) -> Vec<Damaged> {
    let damaged = DAMAGES.iter().map(|(what, damage, _)| {
        let file = message_file(&lab.master, &format!("user.fred.{what}"), 2);
        Damaged::new(file, *damage)
    });
    let damaged = damaged.collect();
    replace_by_link(&lab.master, &message_file(&lab.master, "user.fred.linked", 2));
    damaged
}

/// Creates the mailboxes for [`damage_all`], and fills them.
fn fill(lab: &Lab) {
    let names = DAMAGES.iter().map(|(what, ..)| *what).chain(["linked"]);
    let names: Vec<String> = names.map(|what| format!("user.fred.{what}")).collect();
    let names = ["user.fred", "user.anna"].into_iter().chain(names.iter().map(String::as_str));
    let names: Vec<&str> = names.collect();
    create(&lab.master, &names);
    for name in names {
        let mut imap = match name {
            "user.anna" => Imap::login(&lab.master, "anna"),
            _ => Imap::login(&lab.master, "fred"),
        };
        let own = if name == "user.anna" { "INBOX".into() } else { lab.master.own_name(name) };
        for number in 1..=3 {
            append(&mut imap, &own, &format!("{number} in {name}"));
        }
    }
}

/// Asserts that each damage is logged as an error that names the file, the problem and the command
/// to run.
#[track_caller]
fn tells_of_each(run: &Run, damaged: &[Damaged]) {
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("reconstruct"), "{run}");
    for ((_, _, why), Damaged { file, .. }) in DAMAGES.iter().zip(damaged) {
        let file = file.display().to_string();
        let reported = |line: &String| line.contains(&file) && line.contains(why);
        assert!(errors(run).iter().any(reported), "{file}: {run}");
    }
}

#[test]
fn each_damaged_file_stops_only_its_mailbox_on_first_upload() {
    let lab = Lab::default();
    fill(&lab);
    let damaged = damage_all(&lab);
    let run = ours(&lab, &["-v", "-A"]);
    tells_of_each(&run, &damaged);
    let others: Vec<String> = differing(&lab)
        .into_iter()
        .filter(|path| !DAMAGES.iter().any(|(what, ..)| path.contains(what)))
        .filter(|path| !path.starts_with("mailboxes.db I "))
        .collect();
    assert!(others.is_empty(), "{others:#?}\n{run}");
    damaged.iter().for_each(Damaged::put_right);
    replicate(&lab, &["-A"]);
}

#[test]
fn replicated_messages_are_read_with_sync_check_messages() {
    let lab = Lab::default();
    fill(&lab);
    create(&lab.master, &["lists"]);
    Imap::admin(&lab.master).ok("SETACL lists fred lrswipt");
    append(&mut Imap::login(&lab.master, "fred"), "lists", "to all");
    replicate(&lab, &["-A"]);
    lab.master.set_config("sync_check_messages", Some("yes"));
    replicate(&lab, &["-A"]);

    let damaged = damage_all(&lab);
    let shared = Damaged::new(message_file(&lab.master, "lists", 1), DAMAGES[0].1);
    // An expunged message needs no file.
    let mut anna = Imap::login(&lab.master, "anna").with_selected("INBOX");
    anna.ok("UID STORE 1 +FLAGS (\\Deleted)");
    anna.ok("EXPUNGE");
    fs::remove_file(message_file(&lab.master, "user.anna", 1)).expect("own file");
    let mut fred = Imap::login(&lab.master, "fred").with_selected("INBOX.empty");
    append(&mut fred, "INBOX.empty", "later");
    fred.ok("UID STORE 2 +FLAGS (\\Seen)");

    let run = ours(&lab, &["-v", "-u", "fred", "anna"]);
    tells_of_each(&run, &damaged);
    assert!(run.stdout.contains("MAILBOX user.fred.empty\n"), "{run}");
    assert!(!run.log.contains("userid=<anna>"), "{run}");
    let run = ours(&lab, &["-v", "-m", "lists"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains(&shared.file.display().to_string()), "{run}");
    let left = differing(&lab);
    assert!(left.iter().all(|path| path.ends_with(" FILE")), "{left:#?}");
    tells_of_each(&ours(&lab, &["-A"]), &damaged);

    // Without sync_check_messages the client does not read these files.
    lab.master.set_config("sync_check_messages", None);
    assert_idle(&lab, &["-A"]);
    assert_cyrus_idle(&lab, &["-A"]);
    lab.master.set_config("sync_check_messages", Some("yes"));
    damaged.iter().chain([&shared]).for_each(Damaged::put_right);
    replicate(&lab, &["-A"]);
}

#[test]
fn archived_messages_are_read_where_they_are() {
    let lab = Lab::default();
    let archive = lab.master.archive_dir("default").display().to_string();
    for (option, value) in [
        ("archive_enabled", "yes"),
        ("archive_maxsize", "1"),
        ("archivepartition-default", &archive),
    ] {
        lab.master.set_config(option, Some(value));
    }
    create(&lab.master, &["user.fred", "user.fred.Old"]);
    let mut fred = Imap::login(&lab.master, "fred");
    let big = format!("archived {}", "x".repeat(2000));
    for mailbox in ["INBOX", "INBOX.Old"] {
        append(&mut fred, mailbox, "small");
        append(&mut fred, mailbox, &format!("{big} of {mailbox}"));
    }
    tools::run(&lab.master, "cyr_expire", &["-E", "1", "-A", "0"]);
    let archived = |mailbox: &str| {
        let [_, path] = places::place(&lab.master, mailbox).message(2);
        assert!(path.exists(), "{} is not archived", path.display());
        path
    };
    let damaged = Damaged::new(archived("user.fred.Old"), DAMAGES[3].1);
    let run = ours(&lab, &["-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains(&damaged.file.display().to_string()), "{run}");
    let left = differing(&lab);
    assert!(!left.iter().any(|path| path.starts_with("user.fred ")), "{left:#?}");
    damaged.put_right();
    replicate(&lab, &["-u", "fred"]);
    lab.master.set_config("sync_check_messages", Some("yes"));
    let damaged = Damaged::new(archived("user.fred"), DAMAGES[0].1);
    let run = ours(&lab, &["-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains(&damaged.file.display().to_string()), "{run}");
}
