//! Tests that commands have the form of the table, and that replies are decoded as they were
//! written.

use super::table::{self, Body};
use super::*;
use crate::dlist::{self, Value, Writer};
use crate::error::Result;
use crate::types::header::FIELDS;
use crate::types::{
    Annotation, Guid, InternalFlags, MailboxEntry, MailboxHeader, MboxName, Options, Quota, Record,
    Seen, SieveScript, SyncCrcs, SystemFlags, Text, UniqueId, UserId,
};

/// Supplies one message file of this partition, or none.
struct OneFile(Text, Option<&'static [u8]>);

impl MessageFiles for OneFile {
    fn partition(&self) -> &Text {
        &self.0
    }

    fn next_file(&mut self) -> Result<Option<OutgoingFile<'_>>> {
        let Some(content) = self.1.take() else { return Ok(None) };
        let (guid, size) = (Guid([1; 20]), content.len() as u64);
        Ok(Some(OutgoingFile { partition: &self.0, guid, size, content: Box::new(content) }))
    }
}

fn encoded(command: &mut Command<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    command.encode(&mut Writer::new(&mut bytes)).unwrap();
    bytes
}

/// Checks that a command has the name, the form and the keys of its row in the table.
fn check(command: &mut Command<'_>) {
    let spec = command.spec();
    let bytes = encoded(command);
    if spec.body == Body::None {
        assert_eq!(bytes, b"");
        return;
    }
    let (name, value, used) = dlist::parse_named(&bytes).unwrap();
    assert_eq!(used, bytes.len());
    assert_eq!(*name, *spec.name.as_bytes());
    match (spec.body, &value) {
        (Body::Text, Value::Atom(_)) => {}
        (Body::Texts, Value::List(items)) => {
            assert!(items.iter().all(|item| matches!(item, Value::Atom(_))));
        }
        (Body::Files, Value::List(items)) => {
            assert!(items.iter().all(|item| matches!(item, Value::File { .. })));
        }
        (Body::Keys { required, optional }, Value::Kv(pairs)) => {
            let keys: Vec<&str> =
                pairs.iter().map(|(key, _)| std::str::from_utf8(key).unwrap()).collect();
            for key in required {
                assert!(keys.contains(key), "{}: {key} is missing: {keys:?}", spec.name);
            }
            for key in &keys {
                assert!(required.contains(key) || optional.contains(key), "{}: {key}", spec.name);
            }
        }
        other => panic!("{}: {other:?}", spec.name),
    }
}

fn header() -> MailboxHeader {
    MailboxHeader {
        uniqueid: "6a5b".into(),
        name: "user.fred.A b".into(),
        crcs: SyncCrcs::computed(3, 4),
        last_uid: 7,
        highestmodseq: 12,
        recentuid: 6,
        recenttime: 5,
        last_appenddate: 4,
        pop3_last_login: 3,
        pop3_show_after: 2,
        xconvmodseq: Some(11),
        raclmodseq: Some(10),
        uidvalidity: 9,
        partition: "far".into(),
        acl: "fred\tlrs\t".into(),
        options: Options(Options::IMAP_SHAREDSEEN),
        quotaroot: Some("user.fred".into()),
        createdmodseq: Some(8),
        foldermodseq: Some(9),
        jmapid: Some("P-F".into()),
        compact_emailids: Some(1),
        usergroups: Some("group:board\tgroup:staff".into()),
        minor_version: 20,
        deletedmodseq: 2,
        ..MailboxHeader::default()
    }
}

/// A header has the same fields in the same order as in Cyrus 3.13 (`sync_prepare_dlists`). The
/// fixture holds replies of such a server.
#[test]
fn a_header_is_written_as_cyrus_writes_it() {
    let replies = include_bytes!("../../tests/fixtures/master/master-1.replies");
    let mut compared = 0;
    let starts = replies.windows(10).enumerate().filter(|(_, start)| *start == b"* MAILBOX ");
    for (at, _) in starts {
        let item = &replies[at + 2..];
        let (_, value, used) = dlist::parse_named(item).unwrap();
        let folder = RemoteFolder::from_kv(&value.kv().unwrap()).unwrap();
        let mut ours = Vec::new();
        let mut w = Writer::new(&mut ours);
        folder.encode(w.name("MAILBOX").unwrap()).unwrap();
        let theirs = &item[..used];
        let header = |text: &[u8]| -> String {
            let text = String::from_utf8_lossy(text).into_owned();
            let end = [" ANNOTATIONS (", " USERFLAGS ("].iter().filter_map(|key| text.find(key));
            // Cyrus writes this name in quotes although they are not necessary.
            text[..end.min().unwrap()]
                .replace("\"user.fred.Entw&APw-rfe\"", "user.fred.Entw&APw-rfe")
        };
        assert_eq!(header(&ours), header(theirs));
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
}

#[test]
fn an_intermediate_goes_with_its_id_in_jmap() {
    let jmapid = Some(Text::from("P-F"));
    let with = MailboxEntry { jmapid, ..MailboxEntry::default() };
    let text = |entry| String::from_utf8(encoded(&mut Command::Intermediate(entry))).unwrap();
    assert!(text(&with).starts_with("MAILBOX %(JMAPID P-F UNIQUEID "), "{}", text(&with));
    assert!(text(&MailboxEntry::default()).starts_with("MAILBOX %(UNIQUEID "));
}

fn annotation() -> Annotation {
    Annotation { entry: "/comment".into(), userid: "".into(), value: "a\r\nb".into(), modseq: 3 }
}

#[test]
fn every_command_is_as_the_table_says() {
    let (user, name, text): (UserId, MboxName, Text) =
        ("fred".into(), "user.fred.A b".into(), "main.script".into());
    let (names, ids): ([MboxName; 1], [UniqueId; 1]) = ([name.clone()], ["6a5b".into()]);
    let (folder, entry) = (RemoteFolder::default(), MailboxEntry::default());
    let header = header();
    let record = RecordUpdate {
        record: Record { uid: 7, modseq: 9, ..Record::default() },
        modseq: 8,
        annotations: [annotation()].into(),
    };
    let update = MailboxUpdate {
        local_only: false,
        header: &header,
        whole: true,
        annotations: &[annotation()],
        flags: &[Some("$Junk".into())],
        minor_version: 17,
        since: Some(Since { modseq: 3, crcs: SyncCrcs::UNKNOWN }),
        records: &[record],
    };
    let rename = Rename { from: &name, to: &name, partition: &text, uidvalidity: 1 };
    let seen = Seen {
        uniqueid: "6a5b".into(),
        lastread: 1,
        lastuid: 2,
        lastchange: 3,
        seenuids: "1:2".into(),
    };
    let script =
        SieveScript { name: text.clone(), last_update: 1, guid: Guid::default(), active: false };
    let quota = Quota { root: "user.fred".into(), limits: [Some(5), None, None, None], modseq: 1 };
    let one = annotation();
    let mut files = OneFile("far".into(), Some(b"hello"));
    let reserve = Reserve { partition: &text, among: &names, guids: &[Guid([1; 20])] };
    let mut commands = vec![
        Command::GetUser(&user),
        Command::GetMeta(&user),
        Command::GetMailboxes(&names),
        Command::GetUniqueIds(&ids),
        Command::GetFullMailbox((&name).into()),
        Command::GetQuota(&text),
        Command::GetAnnotations(&name),
        Command::Fetch(folder.fetch(1, Guid::default(), None)),
        Command::Capabilities(&["SIEVE-MAILBOX"]),
        Command::Force,
        Command::Reserve(reserve),
        Command::Messages(&mut files),
        Command::Mailbox(update),
        Command::Mailbox(MailboxUpdate { local_only: true, whole: false, ..update }),
        Command::Intermediate(&entry),
        Command::UnMailbox { mailbox: &name, local_only: false },
        Command::UnMailbox { mailbox: &name, local_only: true },
        Command::Rename { rename, local_only: false },
        Command::Rename { rename, local_only: true },
        Command::Annotation(&name, &one),
        Command::UnAnnotation(&name, &one),
        Command::Sub(&user, &name),
        Command::UnSub(&user, &name),
        Command::Seen(&user, &seen),
        Command::Sieve(&user, &script, b"keep;"),
        Command::UnSieve(&user, &text),
        Command::ActivateSieve(&user, &text),
        Command::UnActivateSieve(&user),
        Command::Quota(&quota),
        Command::UnQuota(&text),
        Command::UnUser(&user),
        Command::Restart,
    ];
    let mut seen: Vec<_> = commands.iter().map(|c| (c.verb().word(), c.spec().name)).collect();
    for command in &mut commands {
        check(command);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), table::ALL.len(), "a command of the table is not tried");
}

#[test]
fn a_command_is_called_by_its_words_and_what_it_names() {
    let (user, name, text): (UserId, MboxName, Text) =
        ("fred".into(), "user.a\u{1}".into(), "p".into());
    let other: MboxName = "user.b c".into();
    let folder = RemoteFolder {
        header: MailboxHeader { name: other.clone(), partition: text.clone(), ..header() },
        ..RemoteFolder::default()
    };
    let rename = Rename { from: &name, to: &other, partition: &text, uidvalidity: 1 };
    let server = MboxName::default();
    let one = annotation();
    let mut files = OneFile("far".into(), None);
    let among = [name.clone(), other.clone()];
    let reserve = Reserve { partition: &text, among: &among, guids: &[] };
    for (command, label) in [
        (Command::GetUser(&user), "GET USER fred"),
        (Command::Restart, "RESTART"),
        (Command::GetMailboxes(&among), "GET MAILBOXES"),
        (
            Command::Rename { rename, local_only: false },
            "APPLY RENAME user.a -> user.b c, partition p",
        ),
        (Command::Reserve(reserve), "APPLY RESERVE user.a, partition p"),
        (Command::Messages(&mut files), "APPLY MESSAGE partition far"),
        (Command::Sub(&user, &name), "APPLY SUB fred user.a"),
        (Command::Annotation(&server, &one), "APPLY ANNOTATION /comment"),
        (
            Command::Fetch(folder.fetch(5, Guid::default(), None)),
            "GET FETCH user.b c uid 5, partition p",
        ),
    ] {
        assert_eq!(command.label().to_string(), label);
    }
}

#[test]
fn a_folder_is_read_as_it_was_written() {
    let folder = RemoteFolder { header: header(), annotations: vec![annotation()], beyond: None };
    for field in [None].into_iter().chain(FIELDS.iter().map(Some)) {
        let mut folder = folder.clone();
        // Test the header with all values, and with each single value missing.
        if let Some(field) = field {
            field.set(&mut folder.header, crate::types::header::Value::Absent);
        }
        let mut bytes = Vec::new();
        folder.encode(&mut Writer::new(&mut bytes)).unwrap();
        let (value, _) = dlist::parse(&bytes).unwrap();
        assert_eq!(RemoteFolder::from_kv(&value.kv().unwrap()).unwrap(), folder);
    }
}

#[test]
fn a_partial_state_has_no_crc_to_check() {
    let update = |whole| {
        let header = header();
        let update = MailboxUpdate {
            local_only: false,
            header: &header,
            whole,
            annotations: &[],
            flags: &[],
            minor_version: 17,
            since: None,
            records: &[],
        };
        String::from_utf8(encoded(&mut Command::Mailbox(update))).unwrap()
    };
    assert!(update(true).contains(" SYNC_CRC 3 SYNC_CRC_ANNOT 4 "));
    assert!(update(false).contains(" SYNC_CRC 3 LAST_UID "), "{}", update(false));
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let mut record = Record {
        uid: 7,
        modseq: 12,
        size: 5,
        guid: Guid([3; 20]),
        internaldate: 4,
        last_updated: 5,
        cid: 0xab,
        savedate: 6,
        createdmodseq: 2,
        user_flags: [0b10, 0, 0, 0],
        ..Record::default()
    };
    record.system_flags = SystemFlags(SystemFlags::SEEN | SystemFlags::DELETED);
    record.internal_flags = InternalFlags(InternalFlags::EXPUNGED);
    let flags = [None, Some(Text::from("$Junk"))];
    let update = RecordUpdate { record, modseq: 9, annotations: [annotation()].into() };
    let mut bytes = Vec::new();
    encode::record(&mut Writer::new(&mut bytes), &update, &flags, 17).unwrap();
    let (value, _) = dlist::parse(&bytes).unwrap();
    let mut beyond = None;
    let read = decode::record(&value.kv().unwrap(), &mut beyond).unwrap();
    assert_eq!(beyond, None);
    assert_eq!(read.record, Record { modseq: 9, user_flags: [0; 4], ..record });
    assert_eq!(read.flags.into_iter().collect::<Vec<_>>(), ["$Junk"]);
    assert_eq!(read.annotations, [annotation()]);
}
