//! Reads files of newer versions of Cyrus, and compares the result with the replies of the Cyrus
//! that wrote the files (`tests/fixtures/master`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::conv;
use super::mailbox::read_header;
use super::mboxlist::MailboxList;
use super::table::Table;
use super::unknown::Unknown;
use crate::cyrusdb::{Backend, KeyOrder, Options};
use crate::events::{Event, Observer, Silent};
use crate::format::index;
use crate::names::Namespace;
use crate::types::{MailboxEntry, Text, UserId};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/master")
}

fn list(observer: Arc<dyn Observer>) -> MailboxList {
    let path = fixtures().join("master-1/conf/mailboxes.db");
    let unknown = Arc::new(Unknown::new(observer.clone()));
    MailboxList::new(&path, Backend::Twoskip, KeyOrder::Raw, observer, unknown)
}

/// The server's reply about each mailbox, one string for each.
struct Recorded(Vec<String>);

impl Recorded {
    fn read() -> Recorded {
        let replies = std::fs::read(fixtures().join("master-1.replies")).unwrap();
        let replies = String::from_utf8_lossy(&replies).into_owned();
        // The server reports mailboxes for Sieve scripts only on request. Their replies are at the
        // end.
        Recorded(replies.split("* MAILBOX %(").skip(1).map(str::to_owned).collect())
    }

    /// Returns the value of a field, without quotes. `mailbox` must be the full name.
    fn field(&self, mailbox: &str, field: &str) -> Option<String> {
        let is_it = |line: &&String| value(line, "MBOXNAME").as_deref() == Some(mailbox);
        value(self.0.iter().find(is_it).unwrap(), field)
    }
}

fn value(line: &str, field: &str) -> Option<String> {
    let line = format!(" {line}");
    let (_, rest) = line.split_once(&format!(" {field} "))?;
    Some(match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap().0.to_owned(),
        None => rest.split([' ', ')']).next().unwrap().to_owned(),
    })
}

/// Returns the directory of a mailbox or a user in the fixtures, below `spool` or `conf/user`.
fn directory(below: &str, entry: &MailboxEntry) -> PathBuf {
    let id = entry.uniqueid.to_string();
    let path = format!("master-1/{below}/uuid/{}/{}/{id}", &id[..1], &id[1..2]);
    fixtures().join(path)
}

fn entries(list: &MailboxList) -> Vec<MailboxEntry> {
    let mut entries = Vec::new();
    list.each(b"", &mut |entry| {
        entries.push(entry);
        Ok(std::ops::ControlFlow::Continue(()))
    })
    .unwrap();
    entries.retain(|entry| !entry.mbtype.is_deleted());
    entries
}

#[test]
fn ids_of_jmap_are_what_cyrus_says() {
    let (list, recorded) = (list(Arc::new(Silent)), Recorded::read());
    let entries = entries(&list);
    for entry in &entries {
        let jmapid = recorded.field(&entry.name.to_string(), "JMAPID").map(|id| Text::from(&*id));
        assert!(jmapid.is_some());
        assert_eq!(entry.jmapid, jmapid, "{}", entry.name);
        assert_eq!(list.lookup_by_id(&entry.uniqueid).unwrap().unwrap().jmapid, jmapid);
        let header = read_header(&directory("spool", entry).join("cyrus.header")).unwrap();
        assert_eq!((header.jmapid, header.unknown), (jmapid, Text::default()));
    }
    assert_eq!(entries.len(), 16);
}

#[test]
fn groups_are_what_cyrus_says() {
    let (list, recorded) = (list(Arc::new(Silent)), Recorded::read());
    let settings = crate::settings::tests::of("");
    let names = Namespace::new(&settings.naming);
    let mut in_groups = 0;
    for entry in entries(&list) {
        let groups = recorded.field(&entry.name.to_string(), "USERGROUPS");
        in_groups += usize::from(groups.is_some());
        let Some(owner) = names.owner(&entry.name) else {
            assert_eq!(groups, None);
            continue;
        };
        let ours = list.usergroups(&owner).unwrap().expect("there are groups");
        assert_eq!(ours.to_string(), groups.unwrap_or_default(), "{}", entry.name);
    }
    // Eleven mailboxes of fred (deleted ones included) and one mailbox of bert.
    assert_eq!(in_groups, 12);
    // The name of a group is not a userid, and the beginning of a userid is not that user.
    for nobody in ["group:staff", "fre", "nobody"] {
        let found = list.usergroups(&UserId::from(nobody)).unwrap().unwrap();
        let members = if nobody == "group:staff" { "bert\tfred" } else { "" };
        assert_eq!(found, members, "{nobody}");
    }
}

#[test]
fn short_ids_and_modseqs_are_what_cyrus_says() {
    let (list, recorded) = (list(Arc::new(Silent)), Recorded::read());
    for user in ["fred", "anna", "bert"] {
        let name = format!("user.{user}");
        let inbox = list.lookup(&(&*name).into()).unwrap().unwrap();
        let path = directory("conf/user", &inbox).join("conversations.db");
        let table = Table::new(path, Some(Backend::Skiplist), Options::default());
        let found = conv::read(&table, &[(&inbox.uniqueid, &inbox.name)]).unwrap();
        let short = recorded.field(&name, "COMPACT_EMAILIDS").is_some();
        assert_eq!((found.compact_emailids, found.unknown), (short, vec![]), "{user}");
        assert_eq!(short, user == "bert");
        let modseq = recorded.field(&name, "XCONVMODSEQ");
        assert_eq!(Some(found.modseqs[0].to_string()), modseq, "{user}");
    }
}

#[test]
fn versions_of_indexes_are_what_cyrus_says() {
    let (list, recorded) = (list(Arc::new(Silent)), Recorded::read());
    for (name, version) in [("user.fred.Archive", 19), ("user.fred.Drafts", 17)] {
        let entry = list.lookup(&name.into()).unwrap().unwrap();
        let data = std::fs::read(directory("spool", &entry).join("cyrus.index")).unwrap();
        let header = index::Header::parse(&data, data.len() as u64).unwrap();
        let recorded = |field| recorded.field(name, field);
        assert_eq!(header.minor_version(), version);
        assert_eq!(recorded("VERSION"), Some(version.to_string()));
        let deletedmodseq = recorded("DELETEDMODSEQ").unwrap_or_else(|| "0".to_owned());
        assert_eq!(header.deletedmodseq.to_string(), deletedmodseq);
    }
}

#[test]
fn all_that_this_version_wrote_is_known() {
    struct Deaf;
    impl Observer for Deaf {
        fn event(&self, event: &Event) {
            panic!("{event:?}");
        }
    }
    let list = list(Arc::new(Deaf));
    assert!(!list.is_early().unwrap());
    assert_eq!(entries(&list).len(), 16);
}

/// Each kind of data that a later version may write is reported once.
#[test]
fn data_of_a_later_version_is_reported_once() {
    #[derive(Default)]
    struct Ears(parking_lot::Mutex<Vec<String>>);
    impl Observer for Ears {
        fn event(&self, event: &Event) {
            self.0.lock().extend(crate::events::line(event).map(|line| line.text));
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mailboxes.db");
    let lines = "Ia\t%(N a T e)\nNa\t%(T e I a P default X 1)\nNb\t%(T e I b P default X 2)\nXa\t1\nXb\t1\n";
    std::fs::write(&path, lines).unwrap();
    let ears = Arc::new(Ears::default());
    let unknown = Arc::new(Unknown::new(ears.clone()));
    let list = MailboxList::new(&path, Backend::Flat, KeyOrder::Raw, ears.clone(), unknown);
    for _ in 0..2 {
        assert_eq!(entries(&list).len(), 2);
    }
    let heard = ears.0.lock().clone();
    let start = "SYNCNOTICE: unknown data of a newer Cyrus is not replicated: ";
    let said: Vec<_> = heard.iter().map(|line| line.strip_prefix(start).unwrap()).collect();
    assert_eq!(said, ["mailboxes.db, keys: X", "mailboxes.db, fields of entries: X"]);
}
