//! Checks names against `imap/mboxname.c`, and paths against the files of a real Cyrus
//! (`fixtures/make.py`).

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::*;
use crate::error::Kind;
use crate::format::dbname::{dbname, internal_name};
use crate::settings::{Settings, tests::of as settings};
use crate::types::{MailboxEntry, MboxName, UniqueId, UserId};

fn paths(text: &str) -> Paths {
    let settings = settings(text);
    Paths::new(&settings.layout, &settings.naming)
}

fn namespace(text: &str) -> Namespace {
    Namespace::new(&settings(text).naming)
}

const DOTS: &str = "unixhierarchysep: no\n";
const VIRT: &str = "virtdomains: userid\ndefaultdomain: example.org\n";

#[test]
fn external_names_and_back() {
    for (text, external, internal) in [
        ("", "user/fred", "user.fred"),
        ("", "user/fred.smith/Sent.x", "user.fred^smith.Sent^x"),
        ("", "shared/Team", "shared.Team"),
        ("", "user/fred/Entw&APw-rfe", "user.fred.Entw&APw-rfe"),
        ("", "DELETED/user/fred/Old/5F3A0C11", "DELETED.user.fred.Old.5F3A0C11"),
        ("", "user/fred@example.com", "user.fred@example^com"),
        (DOTS, "user.fred", "user.fred"),
        (DOTS, "user.fred^smith.Sent", "user.fred^smith.Sent"),
        (DOTS, "DELETED.user.fred.5F3A0C11", "DELETED.user.fred.5F3A0C11"),
        (VIRT, "user/fred/Sent@example.com", "example.com!user.fred.Sent"),
        (VIRT, "shared/Team@example.com", "example.com!shared.Team"),
        (VIRT, "user/fred", "user.fred"),
        ("deletedprefix: GONE\n", "GONE/user/fred/A1", "GONE.user.fred.A1"),
        // `altnamespace` does not apply to an administrator.
        ("altnamespace: yes\n", "Other Users/fred", "Other Users.fred"),
    ] {
        let ns = namespace(text);
        let name = ns.read_external(external.as_bytes()).unwrap();
        assert_eq!(name, internal, "{external}");
        assert_eq!(ns.to_external(&name).unwrap(), external, "{internal}");
    }
    let ns = namespace(VIRT);
    assert_eq!(ns.read_external(b"user/fred@example.org").unwrap(), "user.fred");
    assert_eq!(namespace("").read_external(b"user//fred/").unwrap(), "user.fred");
    assert_eq!(namespace("").to_external(&"example.com!user.fred".into()), None);
    assert_eq!(namespace("").to_external(&"INBOX.x".into()), None);
}

#[test]
fn names_that_are_none_are_refused() {
    for bad in [
        "",
        "/",
        "user",
        "user/",
        "INBOX",
        "inbox/Sent",
        "DELETED",
        "DELETED/user/fred/Trash",
        "user/fred^smith",
        "\\Sent",
        "a\0b",
    ] {
        let e = namespace("").read_external(bad.as_bytes()).unwrap_err();
        assert!(e.kind() == Kind::InvalidArgument && !e.hint().is_empty(), "{bad}");
    }
    assert!(namespace(DOTS).read_external(b"user/fred").is_err());
}

#[test]
fn owners_and_kinds() {
    let ns = namespace(VIRT);
    for (name, owner) in [
        ("user.fred", Some("fred")),
        ("user.fred^smith.Sent", Some("fred.smith")),
        ("example.com!user.fred.Sent", Some("fred@example.com")),
        ("example.org!user.fred", Some("fred")),
        ("DELETED.user.fred.Old.5F3A0C11", Some("fred")),
        ("shared.Team", None),
        ("user", None),
        ("", None),
        ("example.com!", None),
    ] {
        assert_eq!(ns.owner(&name.into()), owner.map(UserId::from), "{name}");
    }
    for (user, inbox) in [
        ("fred.smith", "user.fred^smith"),
        ("fred@example.com", "example.com!user.fred"),
        ("fred@example.org", "user.fred"),
    ] {
        assert_eq!(ns.inbox(&user.into()), inbox);
        assert!(ns.is_inbox(&inbox.into()));
    }
    assert!(!ns.is_inbox(&"user.fred.Sent".into()) && !ns.is_inbox(&"shared".into()));
    assert!(ns.is_deleted(&"DELETED.user.fred.5F3A0C11".into()));
    assert!(ns.is_deleted(&"example.com!DELETED.user.fred.5F3A0C11".into()));
    // A mailbox below `DELETED` counts as deleted only if its name ends with a time.
    let gone = ns.to_deleted(&"user.fred^smith.Sent".into(), 0x5F3A_0C11);
    assert_eq!(gone, "DELETED.user.fred^smith.Sent.5F3A0C11");
    assert!(!ns.is_deleted(&"DELETED.5F3A0C11".into()));
    assert!(!ns.is_deleted(&"DELETED.user.xyz".into()));
    assert!(ns.is_sieve(&"user.fred.#sieve".into()) && ns.is_sieve(&"user.fred.#sieve.x".into()));
    assert!(!ns.is_sieve(&"user.fred.x.#sieve".into()));
}

#[test]
fn a_mailbox_comes_right_before_those_below_it() {
    let mut names = ["user.a", "user.a^b", "user.a.b", "user.a-b", "user.a b", "user.a.b.c"]
        .map(MboxName::from)
        .to_vec();
    names.sort_by_key(|name| dbname(name.as_bytes()));
    let sorted = ["user.a", "user.a.b", "user.a.b.c", "user.a b", "user.a-b", "user.a^b"];
    assert_eq!(names, sorted.map(MboxName::from));
}

#[test]
fn any_bytes_are_a_name() {
    let ns = namespace(VIRT);
    let alphabet: [&[u8]; 9] = [b"", b"user", b".", b"^", b"!", b"DELETED", b"0x1", b"\xff", b"/"];
    for a in alphabet {
        for b in alphabet {
            for c in alphabet {
                for d in alphabet {
                    let bytes = [a, b, c, b".", d].concat();
                    let name = MboxName::new(&bytes);
                    let _ = (ns.owner(&name), ns.to_external(&name), ns.read_external(&bytes));
                    let internal = ns.parts(&name).to_internal(&ns.rules);
                    assert_eq!(ns.parts(&internal).to_internal(&ns.rules), internal);
                    let _ = paths("").locks_user(ns.owner(&name).as_ref(), Some(&name));
                }
            }
        }
    }
}

/// A fixture: options, keys of mailboxes.db in their order, users, files.
struct Layout {
    settings: Settings,
    keys: Vec<(String, UniqueId, Vec<u8>)>,
    users: Vec<UserId>,
    files: BTreeSet<PathBuf>,
}

impl Layout {
    fn read(text: &str) -> Layout {
        let blocks: Vec<_> = text.split("\n\n").collect();
        let [options, keys, users, files] = blocks[..] else { panic!("four blocks") };
        let keys = keys.lines().map(|line| {
            let [kind, id, name] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!() };
            let name = name.replace("\\x1f", "\x1f").replace("\\x1d", "\x1d");
            (kind.to_owned(), UniqueId::from(id), name.into_bytes())
        });
        Layout {
            settings: settings(options),
            keys: keys.collect(),
            users: users.lines().map(UserId::from).collect(),
            files: files.lines().map(PathBuf::from).collect(),
        }
    }

    fn entries(&self) -> Vec<MailboxEntry> {
        let entry = |(kind, id, name): &(String, UniqueId, Vec<u8>)| MailboxEntry {
            name: internal_name(name),
            uniqueid: id.clone(),
            partition: "default".into(),
            legacy_dirs: kind.ends_with('l'),
            ..Default::default()
        };
        self.keys.iter().map(entry).collect()
    }
}

/// Checks that Cyrus has created a file at each computed path, and no files at other paths.
fn agrees_with_cyrus(fixture: &str) {
    let layout = Layout::read(fixture);
    let Settings { naming, layout: places, .. } = &layout.settings;
    let (ns, paths) = (Namespace::new(naming), Paths::new(places, naming));
    let entries = layout.entries();
    for pair in entries.windows(2) {
        let [before, after] = pair else { continue };
        assert!(dbname(before.name.as_bytes()) < dbname(after.name.as_bytes()), "{pair:?}");
    }
    let mut needed = vec![paths.mailboxes_db(), paths.annotations_db()];
    // The Cyrus versions of the fixtures create only the first of the two locks.
    needed.push(paths.locks_user(None, None).unwrap().remove(0));
    let mut possible = vec![PathBuf::from("/lab/imapd.conf")];
    for (entry, (_, _, key)) in entries.iter().zip(&layout.keys) {
        assert_eq!(dbname(entry.name.as_bytes()), *key);
        let files = paths.mailbox(entry).unwrap();
        possible.extend([files.data.join("1."), files.annotations]);
        needed.extend([files.header, files.index, files.lock]);
    }
    for user in &layout.users {
        let inbox = entries.iter().find(|entry| entry.name == ns.inbox(user)).unwrap();
        assert_eq!(ns.owner(&inbox.name).unwrap(), *user);
        let home = paths.home(user, Some(inbox));
        use UserFile::{Conversations, Counters, Seen, Subscriptions};
        for file in [Seen, Subscriptions, Counters, Conversations] {
            needed.push(paths.user_file(&home, file).unwrap());
        }
        needed.push(paths.sieve(&home).unwrap().join("x.bc"));
        needed.push(paths.locks_user(Some(user), Some(&inbox.name)).unwrap().remove(0));
    }
    for path in &needed {
        assert!(layout.files.contains(path), "Cyrus has no {}", path.display());
    }
    possible.extend(needed);
    // Skip files that this project does not read, and quota files, whose paths
    // `cyrusdb::quotalegacy` computes.
    let other = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default();
        name == "shared.counters"
            || name == "cyrus.cache"
            || name == "$QUOTACHANGE.lock"
            || path.iter().any(|directory| directory == "quota")
            || name == "dav.db"
            || path.extension().is_some_and(|e| e == "dav")
    };
    for path in layout.files.iter().filter(|path| !other(path)) {
        assert!(possible.contains(path), "unexpected {}", path.display());
    }
}

macro_rules! layouts {
    ($($name:ident: $file:literal;)*) => {$(
        #[test]
        fn $name() {
            agrees_with_cyrus(include_str!(concat!("fixtures/", $file)));
        }
    )*};
}

layouts! {
    directories_by_uniqueid: "id.txt";
    directories_by_uniqueid_with_metapartition: "id-hashed.txt";
    directories_by_uniqueid_with_domains: "id-virtdomains.txt";
    directories_by_name: "name.txt";
    directories_by_name_with_hashimapspool: "name-hashed.txt";
    directories_by_name_with_fulldirhash: "name-fulldirhash.txt";
    directories_by_name_with_domains: "name-virtdomains.txt";
    directories_by_name_with_domains_hashed: "name-virtdomains-hashed.txt";
}

/// Expects the names that Cyrus 3.12 uses.
#[test]
fn locks_of_later_versions() {
    let user = UserId::from("fred.smith");
    let inbox = MboxName::from("user.fred^smith");
    let early = PathBuf::from("/conf/lock/*U*fred^smith.lock");
    let late = |name: &str| PathBuf::from(format!("/conf/lock/{name}"));
    let locks = |text: &str| paths(text).locks_user(Some(&user), Some(&inbox)).unwrap();
    assert_eq!(locks(""), [early, late("*U*user/fred^smith.lock")]);
    assert_eq!(paths("").locks_user(None, None).unwrap(), [late("*U*.lock")]);
    assert_eq!(paths("").lock_global(), Some(late("$GLOBAL.lock")));
    assert_eq!(paths("global_lock: no\n").lock_global(), None);
}

#[test]
fn a_name_of_a_log_cannot_lead_a_lock_out_of_its_directory() {
    let domains = paths("virtdomains: userid\n");
    for name in ["../../x!user.fred", "x/y!user.fred", "user.fred/../x", ""] {
        let locks = domains.locks_user(Some(&"fred".into()), Some(&MboxName::from(name)));
        assert_eq!(locks.unwrap_err().kind(), Kind::Corrupt, "{name}");
    }
}

/// Expects the names that Cyrus's own client created for a replica on a UNIX socket.
#[test]
fn sync_locks() {
    let user = UserId::from("fred.smith");
    for (text, path) in [
        ("", "/conf/lock/*S*/run/rep/s^sock*fred^smith.lock"),
        ("hashimapspool: 1\n", "/conf/lock/q/*S*/run/rep/s^sock*fred^smith.lock"),
    ] {
        let lock = paths(text).lock_sync("/run/rep/s.sock", Some(&user));
        assert_eq!(lock, PathBuf::from(path));
    }
    let full = paths("hashimapspool: 1\nfulldirhash: 1\n");
    let lock = full.lock_sync("/tmp/rep/s.sock", None);
    assert_eq!(lock, PathBuf::from("/conf/lock/B/*S*/tmp/rep/s^sock*.lock"));
    let lock = paths("").lock_sync("replica.example.com", Some(&"fred@example.com".into()));
    assert_eq!(lock, PathBuf::from("/conf/lock/*S*replica^example^com*fred@example^com.lock"));
}

/// Expects paths that `mbpath -a` printed, and directories of single metadata files, which `mbpath`
/// cannot print.
#[test]
fn partitions() {
    let text = "partition-a: /data\nmetapartition-a: /meta\narchivepartition-a: /arch\n\
                metapartition_files: index annotations\n";
    let entry = MailboxEntry {
        name: "user.fred".into(),
        uniqueid: "42000000000000000000000000000001".into(),
        partition: "a".into(),
        ..Default::default()
    };
    let below = |root: &str, rest: &str| {
        PathBuf::from(format!("{root}/uuid/4/2/42000000000000000000000000000001{rest}"))
    };
    let files = paths(text).mailbox(&entry).unwrap();
    assert_eq!((&files.data, &files.archive), (&below("/data", ""), &below("/data", "")));
    assert_eq!(files.index, below("/meta", "/cyrus.index"));
    assert_eq!(files.annotations, below("/meta", "/cyrus.annotations"));
    assert_eq!(files.header, below("/data", "/cyrus.header"));

    let archive = format!("{text}archive_enabled: 1\nmetadir-index-a: /fast\n");
    let files = paths(&archive).mailbox(&entry).unwrap();
    assert_eq!((&files.data, &files.archive), (&below("/data", ""), &below("/arch", "")));
    assert_eq!(files.index, below("/fast", "/cyrus.index"));
    assert_eq!(files.annotations, below("/fast", "/cyrus.annotations"));

    let e = paths("").mailbox(&entry).unwrap_err();
    assert_eq!(e.kind(), Kind::Config);
    assert!(e.hint().contains("partition-a"), "{e}");
}

#[test]
fn no_name_leads_out_of_its_directory() {
    let paths = paths("partition-a: /data\n");
    for id in ["x", "../../etc", "a/b", "..", "a\0b"] {
        let entry = MailboxEntry {
            name: "user.fred".into(),
            uniqueid: id.into(),
            partition: "a".into(),
            ..Default::default()
        };
        assert_eq!(paths.mailbox(&entry).unwrap_err().kind(), Kind::Corrupt, "{id}");
        let home = UserHome::Id(id.into());
        assert!(paths.sieve(&home).is_err() && paths.user_file(&home, UserFile::Seen).is_err());
    }
    for user in ["../x", "a/b", "", "a\0"] {
        let home = UserHome::Name(user.into());
        assert!(paths.sieve(&home).is_err() && paths.user_file(&home, UserFile::Seen).is_err());
    }
}

#[test]
fn homes() {
    let paths = paths("");
    let user = UserId::from("fred.smith");
    let mut inbox = MailboxEntry { uniqueid: "ab1".into(), ..Default::default() };
    assert_eq!(paths.home(&user, Some(&inbox)), UserHome::Id("ab1".into()));
    inbox.legacy_dirs = true;
    assert_eq!(paths.home(&user, Some(&inbox)), UserHome::Name(user.clone()));
    assert_eq!(paths.home(&user, None), UserHome::Name(user));
}

#[test]
fn sync_logs() {
    let paths = paths("");
    assert_eq!(paths.sync_log(None), PathBuf::from("/conf/sync/log"));
    assert_eq!(paths.sync_log(Some("backup")), PathBuf::from("/conf/sync/backup/log"));
}
