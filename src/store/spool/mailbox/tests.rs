use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::error::{Error, Kind, Result};
use crate::format::index as format;
use crate::format::index::recorded::Recorded;
use crate::store::MailboxFiles;
use crate::store::read::{Crcs, ReadMailbox as _};
use crate::store::traits::{Mailbox, Records};
use crate::sys::lock::{Mode, Wait, lock_existing};
use crate::types::{
    Annotation, InternalFlags, MailboxEntry, MboxType, Modseq, Record, SystemFlags, Text, Uid,
    UniqueId, crc,
};

/// A mailbox in a temporary directory of its own.
pub(super) struct Spool {
    dir: tempfile::TempDir,
    pub(super) entry: MailboxEntry,
    pub(super) files: Files,
    annotations: Vec<(Uid, Annotation)>,
}

/// Supplies annotations in place of the annotation databases.
struct Database {
    annotations: Vec<(Uid, Annotation)>,
}

impl Annotations for Database {
    fn of_mailbox(&self) -> Result<Vec<Annotation>> {
        let own = self.annotations.iter().filter(|(of, _)| *of == 0);
        Ok(own.map(|(_, annotation)| annotation.clone()).collect())
    }

    fn of_messages(&self, uids: &[Uid], visit: &mut VisitAnnotation<'_>) -> Result<()> {
        // Return the annotations out of order: a real database sorts by the decimal digits of the
        // UID, not by its value.
        let found = self.annotations.iter().rev().filter(|(uid, _)| uids.contains(uid));
        found.cloned().try_for_each(|(uid, annotation)| visit(uid, annotation))
    }
}

impl Spool {
    pub(super) fn new(reply: &Recorded) -> Spool {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let files = Files {
            name: reply.mailbox["MBOXNAME"].as_str().into(),
            data: path("data"),
            archive: path("archive"),
            header: path("data/cyrus.header"),
            index: path("data/cyrus.index"),
            lock: path("lock/mailbox.lock"),
        };
        fs::create_dir(&files.data).unwrap();
        fs::create_dir(&files.archive).unwrap();
        fs::write(&files.header, &reply.header).unwrap();
        fs::write(&files.index, &reply.index).unwrap();
        let text = |key: &str| Text::from(reply.mailbox[key].as_str());
        let entry = MailboxEntry {
            name: text("MBOXNAME").as_bytes().into(),
            uniqueid: text("UNIQUEID").as_bytes().into(),
            partition: text("PARTITION"),
            acl: text("ACL"),
            foldermodseq: reply.number("FOLDERMODSEQ"),
            ..MailboxEntry::default()
        };
        let header = format::Header::parse(&reply.index, reply.index.len() as u64).unwrap();
        let mut annotations = reply.annotations.clone();
        annotations.retain(|(_, one)| !crc::is_virtual(&one.entry, header.minor_version()));
        Spool { dir, entry, files, annotations }
    }

    fn namespace(&self) -> PathBuf {
        self.dir.path().join("lock/user.lock")
    }

    fn found(&self) -> Found<'static> {
        let annotations = self.annotations.clone();
        Found {
            entry: self.entry.clone(),
            files: self.files.clone(),
            annotations: Box::new(Database { annotations }),
        }
    }

    pub(super) fn open(&self) -> Result<SpoolMailbox<'static>> {
        SpoolMailbox::open(&[self.namespace()], Wait::Block, || Ok(self.found()))
    }

    fn refusal(&self) -> Error {
        self.open().err().expect("not to be opened")
    }
}

/// Returns whether another process could take a shared lock on the file, and whether an exclusive
/// one.
fn lockable(path: &Path) -> (bool, bool) {
    let try_lock = |mode| lock_existing(path, mode, Wait::Fail).is_ok();
    (try_lock(Mode::Shared), try_lock(Mode::Exclusive))
}

/// Asserts that another process can lock the file. A process that another test is starting may have
/// a copy of the descriptor for a moment.
#[track_caller]
fn assert_free(path: &Path) {
    let wait = Wait::For(Duration::from_secs(60));
    lock_existing(path, Mode::Exclusive, wait).expect("nobody has a lock");
}

/// Number of records that a scan reads at a time.
const INDEX_CHUNK_RECORDS: u32 = (crate::limits::INDEX_CHUNK_BYTES / 112) as u32;

const SHARED: (bool, bool) = (true, false);

fn uids(mailbox: &mut SpoolMailbox<'_>, records: Records) -> Vec<Uid> {
    let mut uids = Vec::new();
    let mut visit = |record: &Record| {
        uids.push(record.uid);
        Ok(ControlFlow::Continue(()))
    };
    mailbox.scan(records, &mut visit).unwrap();
    uids
}

/// Replaces the records of `reply` by `count` others. `make` returns UID and modseq of each, for the
/// numbers from 0.
fn with_records(mut reply: Recorded, count: u32, make: impl Fn(u32) -> (Uid, Modseq)) -> Recorded {
    let template = reply.index[160..][..112].to_vec();
    reply.index.truncate(160);
    reply.index[20..24].copy_from_slice(&count.to_be_bytes());
    let crc = crc32fast::hash(&reply.index[..156]).to_be_bytes();
    reply.index[156..].copy_from_slice(&crc);
    for n in 0..count {
        let (uid, modseq) = make(n);
        let mut record = template.clone();
        record[..4].copy_from_slice(&uid.to_be_bytes());
        record[80..88].copy_from_slice(&modseq.to_be_bytes());
        let crc = crc32fast::hash(&record[..108]).to_be_bytes();
        record[108..].copy_from_slice(&crc);
        reply.index.extend_from_slice(&record);
    }
    reply
}

#[test]
fn an_open_mailbox_is_as_cyrus_says() {
    for reply in Recorded::all() {
        let spool = Spool::new(&reply);
        let mut mailbox = spool.open().unwrap();
        mailbox.state_mut().header.xconvmodseq = Some(reply.number("XCONVMODSEQ"));
        mailbox.state_mut().header.raclmodseq = Some(3);
        assert_eq!(mailbox.oddities(), []);
        let state = mailbox.state();
        assert_eq!(state.name, reply.mailbox["MBOXNAME"].as_str());
        assert_eq!(state.uniqueid, reply.mailbox["UNIQUEID"].as_str());
        assert_eq!(state.acl, reply.mailbox["ACL"].as_str());
        assert_eq!(state.options.to_wire(), reply.mailbox["OPTIONS"]);
        assert_eq!(state.highestmodseq, reply.number("HIGHESTMODSEQ"));
        assert_eq!(state.foldermodseq, Some(reply.number("FOLDERMODSEQ")));
        assert_eq!(state.xconvmodseq, Some(reply.number("XCONVMODSEQ")));
        let flags = crate::format::header::parse(&reply.header).unwrap().flags;
        assert_eq!((state.raclmodseq, &state.flags), (Some(3), &flags));
        let own: Vec<Text> =
            mailbox.annotations().unwrap().into_iter().map(|one| one.value).collect();
        let expected = reply.annotations.iter().filter(|(uid, _)| *uid == 0);
        assert!(expected.map(|(_, one)| &one.value).eq(&own), "{own:?}");

        let mut visited = Vec::new();
        let recomputed = mailbox
            .scan_all(Crcs::Recomputed, &mut |record| {
                visited.push(record.uid);
                Ok(())
            })
            .unwrap();
        assert_eq!(visited, uids(&mut mailbox, Records::All));
        assert_eq!(mailbox.crcs(Crcs::Recomputed).unwrap(), recomputed);
        assert_eq!(mailbox.crcs(Crcs::Stored).unwrap(), reply.crcs());
        assert_eq!(recomputed.basic, reply.crcs().basic);
        assert!(recomputed.agrees(reply.crcs()), "{}", reply.name);
        assert!(recomputed.annot.is_some());

        let all: Vec<_> = reply.records.iter().map(|record| record.uid).collect();
        assert_eq!(uids(&mut mailbox, Records::All), all);
    }
}

#[test]
fn locks_are_those_of_cyrus() {
    let spool = Spool::new(&Recorded::read("v17"));
    let Files { lock, index, .. } = &spool.files;
    let (namespace, early) = (spool.namespace(), spool.dir.path().join("lock/early.lock"));
    let find = || {
        assert_eq!([lockable(&namespace), lockable(&early)], [SHARED, SHARED]);
        assert!(!lock.exists());
        Ok(spool.found())
    };
    let mut mailbox =
        SpoolMailbox::open(&[early.clone(), namespace.clone()], Wait::Block, find).unwrap();
    for path in [&namespace, &early, lock, index] {
        assert_eq!(lockable(path), SHARED);
    }
    // Another reader can open the mailbox at the same time.
    drop(spool.open().unwrap());

    mailbox.unlock_index();
    assert_eq!(lockable(lock), SHARED);
    for path in [&namespace, &early, index] {
        assert_free(path);
    }
    let error = mailbox.scan_all(Crcs::Stored, &mut |_| Ok(())).unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidArgument);
    assert_eq!(mailbox.crcs(Crcs::Stored).unwrap(), mailbox.state().crcs);

    drop(mailbox);
    assert_free(lock);
}

#[test]
fn a_failed_open_leaves_no_lock() {
    let mut spool = Spool::new(&Recorded::read("v17"));
    fs::remove_file(&spool.files.index).unwrap();
    spool.refusal();
    assert_free(&spool.namespace());
    assert_free(&spool.files.lock);
    spool.entry.mbtype = MboxType(MboxType::DELETED);
    spool.refusal();
    assert_free(&spool.namespace());
    let failing = || Err(Error::new(Kind::NotFound, "look up", "user.x", "gone"));
    let error = SpoolMailbox::open(&[spool.namespace()], Wait::Block, failing).err().unwrap();
    assert_eq!((error.kind(), error.op()), (Kind::NotFound, "look up"));
    assert_free(&spool.namespace());
}

#[test]
fn scans_start_and_end_at_the_requested_uids() {
    // Use more records than a scan reads at a time, and UIDs with gaps.
    let count = 2 * (INDEX_CHUNK_RECORDS + 10);
    let reply = with_records(Recorded::read("v17"), count, |n| (2 * n + 10, u64::from(n % 100)));
    let mut mailbox = Spool::new(&reply).open().unwrap();
    let all: Vec<Uid> = (0..count).map(|n| 2 * n + 10).collect();
    assert_eq!(uids(&mut mailbox, Records::All), all, "whatever their modseq");
    for last in [0, 8, 9, 10, 11, 4999, 2 * count + 6, 2 * count + 7, 2 * count + 8, u32::MAX] {
        let expected: Vec<_> = all.iter().copied().filter(|uid| *uid > last).collect();
        assert_eq!(uids(&mut mailbox, Records::After(last)), expected, "after {last}");
    }

    let mut seen = 0;
    let mut stop = |record: &Record| {
        seen += 1;
        Ok(if record.uid == 24 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    mailbox.scan(Records::After(19), &mut stop).unwrap();
    assert_eq!(seen, 3);
    let failing = &mut |_: &Record| Err(Error::new(Kind::Cancelled, "scan", "", "enough"));
    let error = mailbox.scan(Records::All, failing).unwrap_err();
    assert_eq!(error.kind(), Kind::Cancelled);
}

#[test]
fn records_out_of_order_are_damage() {
    let reply = with_records(Recorded::read("v17"), 4, |n| ([3, 5, 7, 7][n as usize], 1));
    let spool = Spool::new(&reply);
    let mut mailbox = spool.open().unwrap();
    let mut seen = Vec::new();
    let mut visit = |record: &Record| {
        seen.push(record.uid);
        Ok(ControlFlow::Continue(()))
    };
    let error = mailbox.scan(Records::All, &mut visit).unwrap_err();
    assert_eq!(seen, [3, 5, 7]);
    assert_eq!(error.kind(), Kind::Corrupt);
    let text = error.to_string();
    assert!(text.contains("UID 7 follows UID 7 at offset 0x1f0"), "{text}");
    assert!(text.contains("cyrus.index") && text.contains("reconstruct"), "{text}");
}

#[test]
fn a_record_without_a_uid_is_damage_and_hides_no_other() {
    // If the scan skipped this record, as Cyrus does, its message would never be replicated.
    let reply = with_records(Recorded::read("v17"), 4, |n| ([6, 7, 0, 9][n as usize], 1));
    let spool = Spool::new(&reply);
    let mut mailbox = spool.open().unwrap();
    let complaints = [Records::All, Records::After(5), Records::After(8)].map(|records| {
        let error = mailbox.scan(records, &mut |_| Ok(ControlFlow::Continue(()))).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        error.to_string()
    });
    for text in complaints {
        assert!(text.contains("a record has no UID at offset 0x180"), "{text}");
        assert!(text.contains("reconstruct"), "{text}");
    }
    assert_eq!(mailbox.crcs(Crcs::Recomputed).unwrap_err().kind(), Kind::Corrupt);
}

#[test]
fn a_header_that_counts_more_messages_than_there_are_is_damage() {
    let mut reply = with_records(Recorded::read("v17"), 3, |n| (n + 1, 0));
    reply.index[84..88].copy_from_slice(&4u32.to_be_bytes());
    let crc = crc32fast::hash(&reply.index[..156]).to_be_bytes();
    reply.index[156..160].copy_from_slice(&crc);
    let spool = Spool::new(&reply);
    let mut mailbox = spool.open().unwrap();
    assert_eq!(uids(&mut mailbox, Records::All), [1, 2, 3], "those of modseq 0 too");
    let error = mailbox.crcs(Crcs::Recomputed).unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    let name = mailbox.state().name.to_string();
    assert!(error.to_string().contains(&name), "{error}");
}

#[test]
fn damage_is_an_error_that_names_the_file() {
    let reply = Recorded::read("v16");
    let spool = Spool::new(&reply);
    let outcome = || {
        let mut mailbox = spool.open()?;
        mailbox.crcs(Crcs::Recomputed)
    };
    for end in 0..reply.index.len() {
        fs::write(&spool.files.index, &reply.index[..end]).unwrap();
        let error = outcome().unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
    }
    let mut damaged = reply.index.clone();
    for at in 0..damaged.len() {
        damaged[at] ^= 1 << (at % 8);
        fs::write(&spool.files.index, &damaged).unwrap();
        let error = outcome().unwrap_err();
        assert!(matches!(error.kind(), Kind::Corrupt | Kind::Unsupported), "{error}");
        assert!(error.subject().to_string().ends_with("cyrus.index"), "{error}");
        damaged[at] ^= 1 << (at % 8);
    }
    fs::write(&spool.files.index, &reply.index).unwrap();

    fs::write(&spool.files.header, &reply.header[..100]).unwrap();
    assert!(outcome().unwrap_err().subject().to_string().ends_with("cyrus.header"));
    for file in [&spool.files.header, &spool.files.index] {
        fs::remove_file(file).unwrap();
        let error = outcome().unwrap_err();
        assert_eq!((error.kind(), error.detail()), (Kind::Corrupt, "the file is missing"));
        assert_eq!(error.io_kind(), Some(io::ErrorKind::NotFound));
        assert!(error.hint().contains("reconstruct"));
    }
}

#[test]
fn a_header_without_end_is_not_read() {
    let spool = Spool::new(&Recorded::read("v17"));
    let file = File::options().write(true).open(&spool.files.header).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(spool.refusal().detail().contains("too large"));
}

#[test]
fn entries_that_cyrus_does_not_open_are_not_opened() {
    let mut spool = Spool::new(&Recorded::read("v17"));
    for (flag, kind) in [
        (MboxType::DELETED, Kind::NotFound),
        (MboxType::INTERMEDIATE, Kind::NotFound),
        (MboxType::RESERVE, Kind::NotFound),
        (MboxType::REMOTE, Kind::NotFound),
        (MboxType::MOVING, Kind::Moved),
    ] {
        spool.entry.mbtype = MboxType(flag);
        assert_eq!(spool.refusal().kind(), kind);
    }
    spool.entry.mbtype = MboxType::default();
    spool.entry.partition = Text::default();
    assert_eq!(spool.refusal().kind(), Kind::Corrupt);
}

#[test]
fn a_mailbox_being_deleted_is_not_there() {
    let mut reply = Recorded::read("v17");
    reply.index[60] |= 0x80;
    let crc = crc32fast::hash(&reply.index[..156]).to_be_bytes();
    reply.index[156..160].copy_from_slice(&crc);
    let error = Spool::new(&reply).refusal();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().contains("user.fred.v17"), "{error}");
}

#[test]
fn oddities_that_cyrus_tolerates_are_reported() {
    let mut reply = Recorded::read("v17");
    reply.header.extend_from_slice(b"\n");
    let mut spool = Spool::new(&reply);
    let of_header = spool.entry.uniqueid.clone();
    spool.entry.uniqueid = "other".into();
    let mailbox = spool.open().unwrap();
    assert_eq!(mailbox.state().uniqueid, "other");
    let texts: Vec<_> = mailbox.oddities().iter().map(ToString::to_string).collect();
    assert!(texts[0].starts_with("the CRC of cyrus.header is "), "{texts:?}");
    assert_eq!(
        texts[1..],
        [format!("the uniqueid is other in mailboxes.db, but {of_header} in cyrus.header")]
    );

    // Entries written before Cyrus 2.5 have no uniqueid. So the one in cyrus.header does not
    // contradict them.
    spool.entry.uniqueid = UniqueId::default();
    let mailbox = spool.open().unwrap();
    assert_eq!(mailbox.state().uniqueid, of_header);
    assert_eq!(mailbox.oddities().len(), 1, "{:?}", mailbox.oddities());

    let neither =
        String::from_utf8_lossy(&reply.header[12..]).replace(&format!(" I {of_header}"), "");
    fs::write(&spool.files.header, [&reply.header[..12], neither.as_bytes()].concat()).unwrap();
    assert_eq!(spool.refusal().kind(), Kind::Corrupt);
}

#[test]
fn messages_are_found_on_either_partition() {
    let spool = Spool::new(&Recorded::read("v17"));
    let mailbox = spool.open().unwrap();
    fs::write(spool.files.data.join("1."), "data").unwrap();
    fs::write(spool.files.archive.join("2."), "archive").unwrap();
    let record = |uid, size, flags| Record {
        uid,
        size,
        system_flags: SystemFlags(SystemFlags::SEEN),
        internal_flags: InternalFlags(flags),
        ..Record::default()
    };
    let read = |record| mailbox.message(&record).map(|file| io::read_to_string(file).unwrap());
    assert_eq!(read(record(1, 4, InternalFlags::EXPUNGED)).unwrap(), "data");
    assert_eq!(read(record(2, 7, InternalFlags::ARCHIVED)).unwrap(), "archive");

    let missing = read(record(2, 7, 0)).unwrap_err();
    assert_eq!(missing.kind(), Kind::Corrupt);
    assert_eq!(missing.io_kind(), Some(io::ErrorKind::NotFound));
    let text = missing.to_string();
    for part in ["UID 2 of user.fred.v17", "/data/2.", "missing", "reconstruct"] {
        assert!(text.contains(part), "{text}");
    }
    let short = read(record(1, 5, 0)).unwrap_err();
    assert_eq!(short.detail(), "the file has 4 bytes, but cyrus.index says 5");
    let unlinked = read(record(1, 4, InternalFlags::EXPUNGED | InternalFlags::UNLINKED));
    assert!(unlinked.unwrap_err().detail().contains("removed"));
}

#[test]
fn annotations_of_messages_come_by_uid_and_in_order() {
    let spool = Spool::new(&Recorded::read("v17"));
    let mailbox = spool.open().unwrap();
    let mut found = mailbox.message_annotations(&[4, 5, 6, 7, 8]).unwrap();
    for uid in 4..=8 {
        let of_message = found.take(&Record { uid, ..Record::default() }, 17);
        let count = spool.annotations.iter().filter(|(of, _)| *of == uid).count();
        assert_eq!(of_message.len(), count, "{uid}");
        assert!(of_message.is_sorted());
    }
    assert_eq!(
        mailbox
            .message_annotations(&[5])
            .unwrap()
            .take(&Record { uid: 6, ..Record::default() }, 17),
        []
    );
}
