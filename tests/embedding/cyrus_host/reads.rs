//! Compares what Cyrus's functions report about a master with what the native store reads, field by
//! field.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use cyrsync::host::{Annotation, Mailbox, MailboxEntry, MboxType, Record, Records, Spool, Store};
use cyrsync::testing::{Crcs, ReadMailbox as _};
use cyrsync::{Config, Error, Kind, MboxName, Overrides, Settings, Silent, Subject, UserId};
use cyrsync_lab::{Cyrus, Imap, Lab, Options, Sieve, random_changes, tools};

use super::build::program;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Prints a master in the format of cyrus-host's `tool`, but reads it with the native store.
struct Dump {
    store: Spool,
    lines: Vec<String>,
}

impl Dump {
    fn of(cyrus: &Cyrus) -> Result<Vec<String>, Error> {
        let config = Config::load(cyrus.imapd_conf())?;
        let settings = Settings::resolve(&config, None, &Overrides::default())?;
        let store = Spool::open(&settings, Arc::new(Silent))?;
        let mut dump = Dump { store, lines: Vec::new() };
        let mut entries = Vec::new();
        dump.store.each_mailbox(b"", &mut |entry| {
            entries.push(entry);
            Ok(ControlFlow::Continue(()))
        })?;
        for entry in &entries {
            dump.entry(entry)?;
        }
        dump.annotations("OF SERVER", 0, dump.store.annotations(None)?);
        Ok(dump.lines)
    }

    fn entry(&mut self, entry: &MailboxEntry) -> Result<(), Error> {
        self.print_entry("ENTRY", entry);
        if !entry.uniqueid.is_empty()
            && let Some(same) = self.store.lookup_by_id(&entry.uniqueid)?
        {
            self.print_entry("BY ID", &same);
        }
        self.lines.push(format!("USED {}", self.store.used_modseq(&entry.name)?));
        if let Some(quota) = self.store.quota(&entry.name.as_bytes().into())? {
            let limits = quota.limits.map(|limit| limit.map_or("-1".into(), |n| n.to_string()));
            self.lines.push(format!("QUOTA {} {}", quota.modseq, limits.join(" ")));
        }
        self.annotations("BY NAME", 0, self.store.annotations(Some(&entry.name))?);
        self.mailbox(&entry.name)?;
        let name = entry.name.to_string();
        match name.strip_prefix("user.") {
            Some(user) if !user.contains('.') => self.user(&UserId::from(&*user.replace('^', "."))),
            _ => Ok(()),
        }
    }

    fn print_entry(&mut self, what: &str, entry: &MailboxEntry) {
        let legacy = if entry.legacy_dirs { MboxType::LEGACY_DIRS } else { 0 };
        self.lines.push(format!(
            "{what} {} <{}> {:x} <{}> <{}> <{}> {} {} {} {}",
            entry.name,
            entry.uniqueid,
            entry.mbtype.0 | legacy,
            entry.partition,
            entry.server,
            entry.acl,
            entry.uidvalidity,
            entry.createdmodseq,
            entry.foldermodseq,
            entry.mtime
        ));
        for former in &entry.name_history {
            self.lines.push(format!(
                "FORMER {} <{}> {} {} {}",
                former.name,
                former.partition,
                former.mtime,
                former.foldermodseq,
                former.uidvalidity
            ));
        }
    }

    fn annotations(&mut self, what: &str, uid: u32, annotations: Vec<Annotation>) {
        for Annotation { entry, userid, value, modseq, .. } in annotations {
            let value = hex(value.as_bytes());
            self.lines.push(format!("{what} {uid} {entry} <{userid}> {modseq} {value}"));
        }
    }

    fn mailbox(&mut self, name: &MboxName) -> Result<(), Error> {
        let opened = match self.store.open(name) {
            Err(error) if error.kind() == Kind::NotFound => {
                self.lines.push(format!("NOT THERE {name}"));
                return Ok(());
            }
            opened => opened?,
        };
        let mut mailbox = opened;
        let mut lines = states(mailbox.as_ref());
        let own = mailbox.annotations()?;
        let mut records = Vec::new();
        let crcs = mailbox.scan_all(Crcs::Recomputed, &mut |record| {
            records.push(*record);
            Ok(())
        })?;
        let [basic, annot] = crcs.to_wire();
        lines.push(format!("RECOMPUTED {basic} {annot}"));
        let last_uid = mailbox.state().last_uid;
        let mut after = String::from("AFTER");
        mailbox.scan(Records::After(last_uid / 2), &mut |record| {
            let _ = write!(after, " {}", record.uid);
            Ok(ControlFlow::Continue(()))
        })?;
        let uids: Vec<_> = records.iter().map(|record| record.uid).collect();
        let minor_version = mailbox.state().minor_version;
        let mut annotations = mailbox.message_annotations(&uids)?;
        let mut of_records = Vec::new();
        for record in &records {
            let line = line_of(mailbox.as_ref(), record);
            of_records.push((line, record.uid, annotations.take(record, minor_version)));
        }
        drop(mailbox);
        self.lines.append(&mut lines);
        self.annotations("OF MAILBOX", 0, own);
        for (line, uid, annotations) in of_records {
            self.lines.push(line);
            self.annotations("OF MESSAGE", uid, annotations);
        }
        self.lines.push(after);
        Ok(())
    }

    fn user(&mut self, user: &UserId) -> Result<(), Error> {
        self.lines.push(format!("USER {user}"));
        for name in self.store.subscriptions(user)? {
            self.lines.push(format!("SUBSCRIBED {name}"));
        }
        for seen in self.store.seen(user)? {
            self.lines.push(format!(
                "SEEN {} {} {} {} <{}>",
                seen.uniqueid, seen.lastread, seen.lastuid, seen.lastchange, seen.seenuids
            ));
        }
        for script in self.store.sieve_scripts(user)? {
            // Only compiled scripts are marked active. The store returns no content for them.
            let content = match script.active {
                true => Vec::new(),
                false => self.store.sieve_content(user, &script.name)?,
            };
            self.lines.push(format!(
                "SCRIPT {} {} {} {} {}",
                script.name,
                script.last_update,
                script.guid,
                u8::from(script.active),
                hex(&content)
            ));
        }
        for entry in self.store.user_tree(user)?.entries {
            self.print_entry("OF USER", &entry);
        }
        Ok(())
    }
}

fn states(mailbox: &dyn Mailbox) -> Vec<String> {
    let state = mailbox.state();
    let quotaroot = state.quotaroot.clone().unwrap_or_default();
    let [basic, annot] = state.crcs.to_wire();
    let mut lines = vec![
        format!(
            "MAILBOX {} <{}> {:x} <{}> <{}> <{quotaroot}>",
            state.name,
            state.uniqueid,
            state.mbtype.0 & !MboxType::LEGACY_DIRS,
            state.partition,
            state.acl
        ),
        format!(
            "INDEX {} {:x} {} {} {} {} {} {} {} {} {} {} {} {}",
            state.minor_version,
            state.options.0,
            state.uidvalidity,
            state.last_uid,
            state.highestmodseq,
            state.deletedmodseq,
            state.createdmodseq.unwrap_or(0),
            state.foldermodseq.unwrap_or(0),
            state.recentuid,
            state.recenttime,
            state.last_appenddate,
            state.pop3_last_login,
            state.pop3_show_after,
            state.num_records
        ),
        format!("CRCS {basic} {annot}"),
    ];
    lines.extend(state.xconvmodseq.map(|modseq| format!("XCONVMODSEQ {modseq}")));
    lines.push(format!("RACLMODSEQ {}", state.raclmodseq.unwrap_or(0)));
    let flags = state.flags.iter().enumerate();
    let named = flags.filter_map(|(bit, name)| Some(format!("FLAG {bit} {}", name.as_ref()?)));
    lines.extend(named);
    lines
}

fn line_of(mailbox: &dyn Mailbox, record: &Record) -> String {
    let flags = record.user_flags.map(|word| format!("{word:x}")).join(".");
    let path = match mailbox.message_name(record) {
        Subject::Message { path: Some(path), .. } => path.display().to_string(),
        _ => String::new(),
    };
    format!(
        "RECORD {} {} {} {} {} {} {} {:016x} {:x} {:x} {flags} {} {path}",
        record.uid,
        record.size,
        record.internaldate,
        record.last_updated,
        record.savedate,
        record.modseq,
        record.createdmodseq,
        record.cid,
        record.system_flags.0,
        record.internal_flags.0,
        record.guid
    )
}

/// Sorts adjacent lines of one kind, for the kinds whose order has no meaning.
fn in_order(mut lines: Vec<String>) -> Vec<String> {
    const LOOSE: [&str; 5] = ["OF MAILBOX", "OF MESSAGE", "OF SERVER", "BY NAME", "SCRIPT"];
    let kind = |line: &str| LOOSE.iter().position(|kind| line.starts_with(kind));
    for run in lines.chunk_by_mut(|a, b| kind(a).is_some() && kind(a) == kind(b)) {
        run.sort();
    }
    lines
}

/// Asserts that both programs print the same about a master, with at least one line of each kind.
#[track_caller]
fn assert_same(lab: &Lab, kinds: &[&str]) {
    let tool = program(&lab.master, "tool");
    let run = lab.master.linked_program(&tool).output();
    let run = run.expect("the tool starts");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let theirs = String::from_utf8(run.stdout).expect("the lab's names are ASCII");
    let theirs = in_order(theirs.lines().map(str::to_owned).collect());
    let ours = in_order(Dump::of(&lab.master).expect("the spool can be read"));
    let first = (0..theirs.len().max(ours.len())).find(|n| theirs.get(*n) != ours.get(*n));
    if let Some(n) = first {
        let from = n.saturating_sub(3);
        let part =
            |lines: &[String]| lines[from.min(lines.len())..(n + 3).min(lines.len())].join("\n  ");
        panic!("line {n}: Cyrus says\n  {}\nthe native store\n  {}", part(&theirs), part(&ours));
    }
    for kind in kinds {
        assert!(ours.iter().any(|line| line.starts_with(kind)), "nothing of {kind}");
    }
}

const ALWAYS: [&str; 10] = [
    "ENTRY",
    "BY ID",
    "QUOTA",
    "BY NAME",
    "MAILBOX",
    "FLAG",
    "RECORD",
    "OF MAILBOX",
    "USER",
    "SUBSCRIBED",
];

/// Creates data that the random changes may lack.
fn extras(lab: &Lab) {
    let mut admin = Imap::admin(&lab.master);
    let inbox = lab.master.admin_name("user.paula");
    admin.ok(&format!("CREATE {inbox}"));
    admin.ok(&format!("SETQUOTA {inbox} (STORAGE 90000 MESSAGE 1000)"));
    admin.ok("SETMETADATA \"\" (/shared/comment \"good day\")");
    let mut paula = Imap::login(&lab.master, "paula");
    for subject in ["one", "two"] {
        let message = format!("From: a@example.org\r\nSubject: {subject}\r\n\r\nHello.\r\n");
        let response = paula.append("INBOX", "\\Flagged Work", message.as_bytes());
        assert!(response.is_ok(), "{response:?}");
    }
    paula.ok("SUBSCRIBE INBOX");
    paula.ok("SETMETADATA INBOX (/private/comment \"mine\" /shared/comment \"ours\")");
    paula.ok("SELECT INBOX");
    paula.ok("UID STORE 2 ANNOTATION (/comment (value.priv \"mine\" value.shared \"ours\"))");
    let mut paul = Imap::login(&lab.master, "paul");
    admin.ok(&format!("CREATE {}", lab.master.admin_name("user.paul")));
    admin.ok(&format!("SETACL {inbox} paul lrswipkxtecda"));
    paul.ok(&format!("SELECT \"{}\"", lab.master.others_name("user.paula")));
    paul.ok("UID STORE 1 +FLAGS (\\Seen)");
    paul.ok("UNSELECT");
}

#[test]
fn cyrus_functions_and_the_native_store_read_the_same() {
    for (seed, options) in [
        (31, Options::default()),
        (32, Options { conversations: true, reverseacls: true, ..Options::modern() }),
    ] {
        let users = vec!["paula".to_owned()];
        let lab = Lab::new(Options { users, ..options });
        random_changes(&lab.master, seed, 120);
        extras(&lab);
        let mut sieve = Sieve::login(&lab.master, "paula");
        sieve.put("main", "keep;\r\n");
        sieve.put("other", "discard;\r\n");
        sieve.activate("main");
        assert_same(&lab, &ALWAYS);
        assert_same(&lab, &["SCRIPT main.script", "SEEN", "OF MESSAGE", "OF SERVER"]);
    }
}

#[test]
fn expired_tombstones_and_deleted_mailboxes_are_read_the_same() {
    let lab = Lab::new(Options { delayed_delete: false, ..Options::default() });
    random_changes(&lab.master, 33, 150);
    extras(&lab);
    let mut admin = Imap::admin(&lab.master);
    let inbox = lab.master.admin_name("user.paul");
    admin.ok(&format!("SETACL {inbox} admin lrswipkxtecda"));
    admin.ok(&format!("DELETE {inbox}"));
    tools::run(&lab.master, "cyr_expire", &["-E", "1", "-X", "0"]);
    assert_same(&lab, &["ENTRY user.paul", "NOT THERE user.paul"]);
}

#[test]
fn annotations_of_a_deleted_mailbox_are_only_there_under_its_new_name() {
    let lab = Lab::new(Options::default());
    let inbox = lab.master.admin_name("user.paula");
    Imap::admin(&lab.master).ok(&format!("CREATE {inbox}"));
    let mut paula = Imap::login(&lab.master, "paula");
    for name in ["INBOX.renamed", "INBOX.deleted", "INBOX.kept"] {
        paula.ok(&format!("CREATE {name}"));
        paula.ok(&format!(
            "SETMETADATA {name} (/private/comment \"mine\" /shared/comment \"ours\")"
        ));
    }
    paula.ok("RENAME INBOX.renamed INBOX.again");
    paula.ok("DELETE INBOX.deleted");
    assert_same(&lab, &["NOT THERE user.paula.renamed", "NOT THERE user.paula.deleted", "BY NAME"]);
}
