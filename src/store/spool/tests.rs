//! Reads databases of user data that a real Cyrus wrote, and compares the result with the replies
//! of that Cyrus.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mboxlist::MailboxList;
use super::table::Table;
use super::unknown::Unknown;
use super::{annot, conv, counters, quota, seen, subs};
use crate::cyrusdb::{Backend, KeyOrder, Options};
use crate::events::Silent;
use crate::settings;
use crate::store::Store;
use crate::store::spool::Spool;
use crate::types::{MailboxEntry, Text, UserId};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/userdata")
}

fn table(name: &str, backend: Backend) -> Table {
    Table::new(fixtures().join("raw").join(name), Some(backend), Options::default())
}

fn recorded(name: &str) -> String {
    std::fs::read_to_string(fixtures().join("replies").join(name)).unwrap()
}

/// Returns the value of `field` in a reply of Cyrus, from the first line that contains `line`.
fn field<'a>(answer: &'a str, line: &str, field: &str) -> &'a str {
    let line = answer.lines().find(|it| it.contains(line)).unwrap();
    let mut words = line.split([' ', '(', ')']).filter(|word| !word.is_empty());
    words.find(|word| *word == field).unwrap();
    words.next().unwrap()
}

fn list() -> MailboxList {
    let path = fixtures().join("raw/mailboxes.db");
    let unknown = Arc::new(Unknown::new(Arc::new(Silent)));
    MailboxList::new(&path, Backend::Twoskip, KeyOrder::Raw, Arc::new(Silent), unknown)
}

fn inbox() -> MailboxEntry {
    list().lookup(&"user.fred".into()).unwrap().unwrap()
}

#[test]
fn mailboxes() {
    let list = list();
    let tree = list.user_tree(&"user.fred".into(), "DELETED", &"fred".into()).unwrap().0.entries;
    let ours: Vec<_> = tree.iter().filter(|entry| !entry.mbtype.is_sieve()).collect();
    let answer = recorded("user.fred");
    let lines: Vec<_> = answer.lines().filter(|line| line.starts_with("* MAILBOX")).collect();
    assert_eq!(ours.len(), lines.len());
    for (entry, line) in ours.iter().zip(lines) {
        assert_eq!(entry.name, field(line, "", "MBOXNAME"));
        assert_eq!(entry.uniqueid, field(line, "", "UNIQUEID"));
        assert_eq!(list.lookup_by_id(&entry.uniqueid).unwrap().unwrap().name, entry.name);
    }
}

#[test]
fn annotations() {
    let fred = UserId::from("fred");
    let global = table("annotations.db", Backend::Twoskip);
    assert_eq!(annot::of_server(&global).unwrap().len(), 2);
    let of_inbox = annot::of_mailbox(&global, inbox().uniqueid.as_bytes(), Some(&fred)).unwrap();
    let values: Vec<_> = of_inbox.iter().map(|it| it.value.to_string()).collect();
    assert_eq!(values, ["ten chars.", "for fred only"]);
    let local = table("fred.cyrus.annotations", Backend::Twoskip);
    let count = |uid| {
        let mut count = 0;
        annot::of_messages(&local, &[uid], Some(&fred), &mut |_, _| {
            count += 1;
            Ok(())
        })
        .unwrap();
        count
    };
    assert_eq!(count(1), 2);
    assert_eq!(count(2), 0);
}

#[test]
fn seen_state_and_subscriptions() {
    let seen = seen::list(&table("anna.seen.db", Backend::Twoskip)).unwrap();
    let answer = recorded("meta.anna");
    let ids: Vec<_> = seen.iter().map(|seen| seen.uniqueid.to_string()).collect();
    assert_eq!(ids, [field(&answer, "SEEN", "UNIQUEID")]);
    let subscriptions = table("fred.sub.db", Backend::Flat);
    let names = subs::list(&subscriptions, &"user.fred".into(), &mut |_| panic!()).unwrap();
    let names: Vec<_> = names.iter().map(|name| name.to_string()).collect();
    assert!(recorded("meta.fred").contains(&format!("* LSUB ({})", names.join(" "))), "{names:?}");
}

#[test]
fn quotas() {
    let quotas = table("quotas.db", Backend::QuotaLegacy);
    let fred = quota::read(&quotas, &"user.fred".into()).unwrap().unwrap();
    assert_eq!(fred.limits, [Some(10000), Some(500), Some(100), Some(20)]);
    assert_eq!(fred.modseq.to_string(), field(&recorded("quota.fred"), "QUOTA", "MODSEQ"));
    assert_eq!(quota::read(&quotas, &"user.bob".into()).unwrap(), None);
}

#[test]
fn modseqs_beside_the_index() {
    let answer = recorded("user.fred");
    let table = table("fred.conversations.db", Backend::Skiplist);
    let name = "user.fred".into();
    let found = conv::read(&table, &[(&inbox().uniqueid, &name)]).unwrap();
    assert_eq!((found.compact_emailids, found.unknown), (false, vec![]));
    assert_eq!(found.modseqs[0].to_string(), field(&answer, "user.fred ", "XCONVMODSEQ"));
    let modseq = counters::read(&fixtures().join("dump/fred.counters.db")).unwrap().raclmodseq;
    assert_eq!(modseq.to_string(), field(&answer, "user.fred ", "RACLMODSEQ"));
}

/// Reads a whole spool. Its files are laid out as on the server that wrote them.
#[test]
fn a_spool_whose_databases_are_all_twom() {
    let dir = tempfile::tempdir().unwrap();
    let live = fixtures().with_file_name("twom").join("live");
    for file in std::fs::read_dir(live).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap().replace(',', "/");
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(file, path).unwrap();
    }
    let types = ["mboxlist", "annotation", "seenstate", "subscription", "quota", "conversations"]
        .map(|name| format!("{name}_db: twom\n"))
        .concat();
    let root = dir.path().display();
    let settings = settings::tests::of(&format!(
        "configdirectory: {root}/conf\npartition-default: {root}/spool\n{types}\
         defaultpartition: default\nsync_cache_db: twom\nunixhierarchysep: yes\n\
         conversations: yes\n"
    ));
    let spool = Spool::open(&settings, Arc::new(Silent)).unwrap();
    let (fred, anna) = (UserId::from("fred"), UserId::from("anna"));
    let inbox = spool.lookup(&"user.fred".into()).unwrap().unwrap();
    assert_eq!(inbox.uniqueid, "55e41f06-4007-4925-880c-0e4f76929a29");
    let tree = spool.user_tree(&fred).unwrap().entries;
    let living = tree.iter().filter(|entry| !entry.mbtype.is_deleted()).count();
    let renamed = tree.iter().any(|entry| entry.name == "user.fred.Elsewhere");
    assert!(living >= 11 && renamed, "{living}");
    let quota = spool.quota(&Text::from("user.fred")).unwrap().unwrap();
    assert_eq!(quota.limits[..2], [Some(50000), Some(1000)]);
    let seen = spool.seen(&anna).unwrap();
    assert_eq!((seen.len(), &seen[0].uniqueid), (1, &inbox.uniqueid));
    assert_eq!(spool.subscriptions(&fred).unwrap().len(), 4);
    let of_server = spool.annotations(None).unwrap();
    assert_eq!(of_server[0].value.to_string(), "of the server");
    let conversations = "conf/user/uuid/5/5/55e41f06-4007-4925-880c-0e4f76929a29/conversations.db";
    let table =
        Table::once(dir.path().join(conversations), Some(Backend::Twom), Options::default());
    let name = "user.fred".into();
    let modseqs = conv::read(&table, &[(&inbox.uniqueid, &name)]).unwrap().modseqs;
    assert!(modseqs[0] > 0);
}
