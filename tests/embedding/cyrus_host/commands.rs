//! Tests the C code that applies a repair's commands to a master, command by command. `tool` of
//! cyrus-host reads the commands and prints the replies.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use cyrsync_lab::{Imap, Lab, Options, Rng, SyncServer, Value, tools};
use sha1::{Digest, Sha1};

use super::build::program;
use super::filled::{append, filled, subjects};

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Environment variable with the number of seeds for random mutations. Set more for a long run.
const SEEDS: &str = "CYRSYNC_ADAPTER_SEEDS";

/// A message that paula's INBOX does not have.
const MESSAGE: &[u8] = b"From: a@example.org\r\nSubject: three\r\n\r\nThe third.\r\n";

/// An update of paula's INBOX (`APPLY MAILBOX`) in parts: the fields of the mailbox and the
/// records.
pub struct Inbox {
    pub fields: Vec<(&'static str, String)>,
    pub records: Vec<String>,
}

impl Inbox {
    /// Returns an update that makes message 1 flagged, expunges message 2, copies it to UID 3 and
    /// appends [`MESSAGE`] as UID 4.
    fn of(lab: &Lab) -> Inbox {
        let all = full(lab, "user.paula");
        let records = all.get("RECORD").expect("it has records").items().to_vec();
        let modseq = all.num("HIGHESTMODSEQ") + 5;
        let mut fields = fields_of(&all, 4, modseq);
        fields.push(("ANNOTATIONS", annotations("/vendor/cmu/cyrus-imapd/sortorder", "7")));
        let record = |uid: u32, of: &Value, flags: &str, more: &str| {
            let [guid, size, date] = ["GUID", "SIZE", "INTERNALDATE"].map(|key| of.str(key));
            record(uid, modseq, &guid, &size, &date, flags, more)
        };
        let [one, two] = &records[..] else { panic!("two messages: {}", all.show()) };
        let note = annotations("/comment", "noted");
        let guid = hex(&Sha1::digest(MESSAGE));
        let size = MESSAGE.len().to_string();
        let records = vec![
            record(1, one, "\\Flagged Work New", &note),
            record(2, two, "\\Expunged", ""),
            record(3, two, "\\Seen", &note),
            self::record(4, modseq, &guid, &size, "1700000000", "\\Answered Work", ""),
        ];
        Inbox { fields, records }
    }

    fn guid_of_two(&self) -> &str {
        self.records[1].split("GUID ").nth(1).and_then(|rest| rest.get(..40)).expect("its GUID")
    }

    pub fn command(&self) -> Vec<u8> {
        self.with(&[], &self.records)
    }

    /// Returns the command with other values of some fields, and with the given records.
    fn with(&self, others: &[(&str, &str)], records: &[String]) -> Vec<u8> {
        let mut text = "APPLY MAILBOX %(".to_owned();
        for (key, value) in &self.fields {
            let other = others.iter().find(|(other, _)| other == key).map(|(_, value)| *value);
            let _ = write!(text, "{key} {} ", other.unwrap_or(value));
        }
        let _ = write!(text, "RECORD ({}))\r\n", records.join(" "));
        text.into_bytes()
    }

    /// Returns the command with one text in a record replaced. The record must contain the text.
    fn record_with(&self, number: usize, from: &str, to: &str) -> Vec<u8> {
        let mut records = self.records.clone();
        assert!(records[number].contains(from), "{from} in {}", records[number]);
        records[number] = records[number].replacen(from, to, 1);
        self.with(&[], &records)
    }
}

/// Returns a mailbox as Cyrus's replication server reports it.
pub fn full(lab: &Lab, name: &str) -> Value {
    let mut server = SyncServer::spawn(&lab.master);
    server.get("FULLMAILBOX", &Value::text(name)).ok().remove(0).1
}

/// Returns the fields of an update that sets another last UID and HIGHESTMODSEQ.
pub fn fields_of(all: &Value, last_uid: u32, modseq: u64) -> Vec<(&'static str, String)> {
    let same = ["UNIQUEID", "MBOXNAME", "PARTITION", "UIDVALIDITY", "RECENTUID", "RECENTTIME"];
    let mut fields: Vec<(&str, String)> = same.into_iter().map(|key| (key, all.str(key))).collect();
    let mbtype = all.get("MBOXTYPE").map_or_else(|| "\"\"".to_owned(), Value::show);
    fields.extend([
        ("MBOXTYPE", mbtype),
        ("ACL", format!("\"{}\"", all.str("ACL"))),
        ("LAST_APPENDDATE", all.str("LAST_APPENDDATE")),
        ("POP3_LAST_LOGIN", all.str("POP3_LAST_LOGIN")),
        ("OPTIONS", "\"\"".to_owned()),
        ("CREATEDMODSEQ", all.str("CREATEDMODSEQ")),
        ("LAST_UID", last_uid.to_string()),
        ("HIGHESTMODSEQ", modseq.to_string()),
        ("SINCE_MODSEQ", all.str("HIGHESTMODSEQ")),
        ("SINCE_CRC", all.str("SYNC_CRC")),
        ("SINCE_CRC_ANNOT", all.str("SYNC_CRC_ANNOT")),
        ("SYNC_CRC", "0".to_owned()),
    ]);
    fields
}

fn annotations(entry: &str, value: &str) -> String {
    format!("(%(ENTRY {entry} USERID \"\" MODSEQ 7 VALUE {{{}+}}\r\n{value}))", value.len())
}

pub fn record(
    uid: u32,
    modseq: u64,
    guid: &str,
    size: &str,
    date: &str,
    flags: &str,
    more: &str,
) -> String {
    let more = if more.is_empty() { String::new() } else { format!(" ANNOTATIONS {more}") };
    format!(
        "%(UID {uid} MODSEQ {modseq} LAST_UPDATED 1700000001 FLAGS ({flags}) INTERNALDATE {date} \
         SIZE {size} GUID {guid}{more})"
    )
}

pub fn upload(partition: &str, guid: &str, size: usize, message: &[u8]) -> Vec<u8> {
    let mut command = format!("APPLY MESSAGE (%{{{partition} {guid} {size}}}\r\n").into_bytes();
    command.extend_from_slice(message);
    command.extend_from_slice(b")\r\n");
    command
}

fn good_upload() -> Vec<u8> {
    upload("default", &hex(&Sha1::digest(MESSAGE)), MESSAGE.len(), MESSAGE)
}

fn reserve(guid: &str) -> Vec<u8> {
    let names = "PARTITION default MBOXNAME (user.paula user.nobody)";
    format!("APPLY RESERVE %({names} GUID ({guid}))\r\n").into_bytes()
}

/// Passes commands to a program of cyrus-host. Returns its reply to each.
#[track_caller]
fn carried_out(lab: &Lab, mut program: Command, commands: &[Vec<u8>]) -> Vec<String> {
    let input = lab.master.scratch().join("commands");
    let mut framed = Vec::new();
    for command in commands {
        framed.extend_from_slice(format!("{}\n", command.len()).as_bytes());
        framed.extend_from_slice(command);
    }
    fs::write(&input, framed).expect("the scratch directory can be written to");
    program.arg("apply");
    program.stdin(Stdio::from(fs::File::open(input).expect("it was written")));
    let output = program.output().expect("the tool starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", output.status);
    let records = String::from_utf8(output.stdout).expect("replies are text");
    let replies: Vec<String> = records.split_terminator("END\n").map(str::to_owned).collect();
    assert_eq!(replies.len(), commands.len(), "{records}");
    replies
}

#[track_caller]
pub fn apply(lab: &Lab, commands: &[Vec<u8>]) -> Vec<String> {
    carried_out(lab, lab.master.linked_program(&program(&lab.master, "tool")), commands)
}

/// Returns everything that Cyrus's functions report about the master, and a hash of every file of
/// the partition. Cache files are left out, because a refused update may append unused data to
/// them.
pub fn everything(lab: &Lab) -> String {
    let tool = program(&lab.master, "tool");
    let output = lab.master.linked_program(&tool).output();
    let mut all = String::from_utf8(output.expect("the tool starts").stdout).expect("ASCII");
    files(&lab.master.partition_dir("default"), &mut all);
    all
}

fn files(directory: &Path, all: &mut String) {
    let entries = fs::read_dir(directory).expect("it can be listed").flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, all);
        } else if !path.ends_with("cyrus.cache") {
            let bytes = fs::read(&path).expect("it can be read");
            let _ = writeln!(all, "{} {}", path.display(), hex(&Sha1::digest(bytes)));
        }
    }
}

#[track_caller]
fn assert_sound(lab: &Lab) {
    let pattern = lab.master.admin_name("user.*");
    assert_eq!(tools::reconstruct_complaints(&lab.master, &pattern), [""; 0]);
    assert_eq!(tools::quota_complaints(&lab.master), [""; 0]);
    let (_, found) = tools::try_run(&lab.master, "ctl_conversationsdb", &["-v", "-A", "-r"]);
    assert!(found.contains(" is OK") && !found.contains("BROKEN"), "{found}");
}

fn lab() -> Lab {
    lab_of(Options { conversations: true, ..Options::default() })
}

pub fn lab_of(options: Options) -> Lab {
    let lab = filled(options);
    // Create the file for annotations before the test, because a refused command would also create
    // it.
    everything(&lab);
    lab
}

#[test]
fn a_valid_update_is_applied_completely() {
    let lab = lab();
    let inbox = Inbox::of(&lab);
    let unknown = "5".repeat(40);
    let before = subjects(&lab.master, "paula");
    let replies = apply(
        &lab,
        &[
            reserve(&format!("{} {unknown}", inbox.guid_of_two())),
            good_upload(),
            Inbox::of(&lab).command(),
            Inbox::of(&lab).command(),
            b"RESTART\r\n".to_vec(),
        ],
    );
    assert_eq!(replies[0], format!("* MISSING ({unknown})\r\nOK success\r\n"));
    for done in [1, 2, 4] {
        assert_eq!(replies[done], "OK success\r\n");
    }
    assert!(replies[3].starts_with("NO IMAP_SYNC_CHANGED "), "{}", replies[3]);
    assert_eq!(before, ["one", "two"]);
    assert_eq!(subjects(&lab.master, "paula"), ["one", "three", "two"]);
    let all = full(&lab, "user.paula");
    for (key, value) in &inbox.fields {
        let given = value.trim_matches('"');
        match *key {
            "LAST_UID" | "HIGHESTMODSEQ" | "ACL" | "UIDVALIDITY" => assert_eq!(all.str(key), given),
            _ => {}
        }
    }
    let records = all.get("RECORD").expect("it has records").items();
    let shown = |n: usize, key: &str| records[n].get(key).map(Value::show).unwrap_or_default();
    let uids: Vec<String> = records.iter().map(|record| record.str("UID")).collect();
    assert_eq!(uids, ["1", "2", "3", "4"]);
    let modseq = all.str("HIGHESTMODSEQ");
    for record in records {
        assert_eq!(record.str("MODSEQ"), modseq, "{}", all.show());
        assert_eq!(record.str("LAST_UPDATED"), "1700000001");
    }
    assert_eq!(shown(0, "FLAGS"), r"(\\Flagged Work New)");
    assert!(shown(1, "FLAGS").contains("\\Expunged"), "{}", all.show());
    assert_eq!(shown(2, "FLAGS"), r"(\\Seen)");
    assert_eq!(shown(3, "FLAGS"), r"(\\Answered Work)");
    assert_eq!(records[3].str("INTERNALDATE"), "1700000000");
    assert!(shown(0, "ANNOTATIONS").contains("noted"), "{}", all.show());
    assert!(!shown(3, "ANNOTATIONS").contains("noted"), "{}", all.show());
    let own = all.get("ANNOTATIONS").map(Value::show).unwrap_or_default();
    assert!(own.contains("sortorder"), "{}", all.show());
    assert_sound(&lab);
}

#[test]
fn truncated_commands_are_refused_and_write_nothing() {
    let lab = lab();
    let inbox = Inbox::of(&lab);
    let before = everything(&lab);
    let whole = [reserve(inbox.guid_of_two()), good_upload(), inbox.command()];
    // Upload the message that the third command needs, so that only the truncation can be the
    // error.
    let mut commands = whole[..2].to_vec();
    for command in &whole {
        // A command without its line end is not in the list, because it is complete.
        commands.extend((0..command.len() - 2).map(|end| command[..end].to_vec()));
    }
    let replies = apply(&lab, &commands);
    for (command, reply) in commands.iter().zip(&replies).skip(2) {
        let text = String::from_utf8_lossy(command);
        assert!(reply.starts_with("NO IMAP_PROTOCOL_BAD_PARAMETERS "), "{text}: {reply}");
    }
    assert_eq!(everything(&lab), before);
}

#[test]
fn invalid_or_outdated_commands_are_refused_and_write_nothing() {
    let lab = lab();
    Imap::admin(&lab.master).ok("CREATE other");
    let inbox = Inbox::of(&lab);
    let before = everything(&lab);
    let records = &inbox.records;
    let field = |key: &str, value: &str| inbox.with(&[(key, value)], records);
    let order = |numbers: &[usize]| {
        let records: Vec<String> = numbers.iter().map(|n| records[*n].clone()).collect();
        inbox.with(&[], &records)
    };
    let guid = hex(&Sha1::digest(MESSAGE));
    let flags: Vec<String> = (0..130).map(|n| format!("Flag{n}")).collect();
    let deep = format!("{}{}", "(".repeat(50_000), ")".repeat(50_000));
    let bad = "NO IMAP_PROTOCOL_BAD_PARAMETERS ";
    let cases: Vec<(&str, Vec<u8>)> = vec![
        (bad, b"GET USER paula\r\n".to_vec()),
        (bad, b"APPLY UNMAILBOX user.paula\r\n".to_vec()),
        (bad, b"APPLY EXPUNGE %(MBOXNAME user.paula UNIQUEID x UID (1))\r\n".to_vec()),
        (bad, b"RESTART now\r\n".to_vec()),
        (bad, Vec::new()),
        (bad, upload("nowhere", &guid, MESSAGE.len(), MESSAGE)),
        (bad, upload("default", &"1".repeat(40), MESSAGE.len(), MESSAGE)),
        (bad, upload("default", "12", MESSAGE.len(), MESSAGE)),
        (bad, upload("default", &guid, usize::MAX, MESSAGE)),
        (bad, reserve("../../etc/passwd")),
        (bad, reserve(&"g".repeat(40))),
        (bad, format!("APPLY MESSAGE {deep}\r\n").into_bytes()),
        (bad, format!("APPLY MAILBOX {deep}\r\n").into_bytes()),
        ("NO IMAP_MAILBOX_NONEXISTENT ", field("MBOXNAME", "user.nobody")),
        // Cyrus resolves this name to user.paula.
        ("NO IMAP_MAILBOX_NONEXISTENT ", field("MBOXNAME", "DELETED.user.paula")),
        ("NO IMAP_MAILBOX_MOVED ", field("MBOXNAME", "other")),
        ("NO IMAP_MAILBOX_MOVED ", field("UNIQUEID", "abcdef")),
        ("NO IMAP_MAILBOX_MOVED ", field("PARTITION", "second")),
        (bad, field("MBOXNAME", "{3+}\r\na\0b")),
        (bad, field("MBOXNAME", &format!("user.{}", "n".repeat(5000)))),
        ("NO IMAP_SYNC_CHANGED ", field("ACL", "{3+}\r\na\nb")),
        (bad, field("HIGHESTMODSEQ", "18446744073709551616")),
        (bad, field("HIGHESTMODSEQ", "-1")),
        (bad, field("LAST_UID", "4294967296")),
        (bad, field("LAST_UID", "3")),
        ("NO IMAP_SYNC_CHANGED ", field("SINCE_MODSEQ", "1")),
        ("NO IMAP_SYNC_CHANGED ", field("SINCE_CRC", "1")),
        ("NO IMAP_SYNC_CHECKSUM ", field("HIGHESTMODSEQ", "1")),
        ("NO IMAP_SYNC_CHECKSUM ", field("LAST_UID", "1")),
        ("NO IMAP_SYNC_CHECKSUM ", field("UIDVALIDITY", "1")),
        // SYNC_CRC is not accepted, because its value is known only after the update is written.
        (bad, field("SYNC_CRC", "1")),
        ("NO IMAP_SYNC_CHANGED ", field("ACL", "anyone")),
        (bad, order(&[1, 0])),
        (bad, order(&[0, 0])),
        (bad, inbox.record_with(0, "UID 1 ", "UID 0 ")),
        (bad, inbox.record_with(0, "UID 1 ", "UID 99 ")),
        (bad, inbox.record_with(0, "\\Flagged", "\\Unheard")),
        (bad, inbox.record_with(0, "Work", "{3+}\r\na b")),
        (bad, inbox.record_with(0, "Work", &flags.join(" "))),
        (bad, inbox.record_with(0, "ENTRY /comment", &format!("ENTRY /{}", "x".repeat(5000)))),
        // These values do not fit into the fields of the index.
        (bad, inbox.record_with(0, "LAST_UPDATED 1", "LAST_UPDATED 11")),
        (bad, field("RECENTTIME", "4294967296")),
        ("NO IMAP_SYNC_CHECKSUM ", inbox.record_with(0, "INTERNALDATE 1", "INTERNALDATE 2")),
        (bad, inbox.record_with(3, "GUID ", "GUID 0")),
        (bad, inbox.record_with(3, "SIZE ", "SIZE 1")),
        (bad, inbox.record_with(3, &guid, &"7".repeat(40))),
        ("NO IMAP_SYNC_CHECKSUM ", inbox.record_with(0, "GUID ", &format!("GUID {guid} OLD "))),
        ("NO IMAP_SYNC_CHECKSUM ", {
            let modseq = records[0].split(' ').nth(3).expect("its modseq");
            inbox.record_with(0, modseq, "1")
        }),
    ];
    let mut commands = vec![reserve(inbox.guid_of_two()), good_upload()];
    commands.extend(cases.iter().map(|(_, command)| command.clone()));
    let replies = apply(&lab, &commands);
    for ((expected, command), reply) in cases.iter().zip(&replies[2..]) {
        let text = String::from_utf8_lossy(&command[..command.len().min(2000)]);
        assert!(reply.starts_with(expected), "{text}: {reply}");
        assert_eq!(reply.lines().count(), 1, "{reply}");
    }
    assert_eq!(everything(&lab), before);
    // The refused commands left nothing, so the valid update is still accepted.
    let replies = apply(&lab, &[reserve(inbox.guid_of_two()), good_upload(), inbox.command()]);
    assert_eq!(replies, ["OK success\r\n"; 3]);
    assert_sound(&lab);
}

/// Replaces, removes, doubles or adds bytes at one place of a command.
fn mutated(rng: &mut Rng, command: &[u8]) -> Vec<u8> {
    let mut bytes = command.to_vec();
    let at = rng.below(bytes.len());
    let length = 1 + rng.below(6).min(bytes.len() - at - 1);
    match rng.below(4) {
        0 => bytes[at] = u8::try_from(rng.below(256)).expect("it is below 256"),
        1 => drop(bytes.drain(at..at + length)),
        2 => drop(bytes.splice(at..at, command[at..at + length].to_vec())),
        _ => bytes[at] = *rng.pick(b"(){}%\" +0189\\\r\n\0").expect("there are some"),
    }
    bytes
}

fn mutations(lab: &Lab, seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(seed);
    let inbox = Inbox::of(lab);
    // With SINCE_MODSEQ 0 the update has no condition, so that some mutations are carried out.
    let loose = inbox.with(&[("SINCE_MODSEQ", "0")], &inbox.records);
    let whole = [reserve(inbox.guid_of_two()), good_upload(), loose];
    let mut commands = whole[..2].to_vec();
    for n in 0..count {
        let of = if n.is_multiple_of(8) { n / 8 % 2 } else { 2 };
        commands.push(mutated(&mut rng, &whole[of]));
    }
    commands
}

#[test]
fn mutated_commands_never_damage_the_mailbox() {
    let seeds = std::env::var(SEEDS).ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    for seed in 1..=seeds {
        let lab = lab();
        let replies = apply(&lab, &mutations(&lab, seed, 500));
        let done = replies.iter().filter(|reply| reply.starts_with("OK")).count();
        assert!(done > 2 && done < 400, "seed {seed}: {done} of {} carried out", replies.len());
        assert_sound(&lab);
        append(&lab.master, "paula", "INBOX", &format!("goes on {seed}"));
    }
}

#[test]
fn mutated_commands_cause_no_invalid_read_under_valgrind() {
    let lab = lab();
    let mut command = lab.master.command("/usr/bin/valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
    command.args(["--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite"]);
    command.arg(program(&lab.master, "tool")).arg("-C").arg(lab.master.imapd_conf());
    carried_out(&lab, command, &mutations(&lab, 9, 150));
}
