//! Computes the paths of Cyrus's files. The paths are the same in Cyrus 3.6.1, 3.8.1 and 3.12.3.
//! Since 3.13.1 the files of users may be in another directory (`mboxname_userpath`).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::hash::directory_letter;
use super::namespace::Namespace;
use super::parts::{Parts, Rules, replace};
use crate::error::{Error, Kind, Result};
use crate::settings::{Layout, Naming, Partition};
use crate::types::{MailboxEntry, MboxName, UniqueId, UserId};

/// Computes paths without looking at the file system.
#[derive(Debug, Clone)]
pub struct Paths {
    layout: Layout,
    rules: Rules,
    virtdomains: bool,
}

/// The files of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxPaths {
    /// Directory of the message files.
    pub data: PathBuf,
    /// Directory of the archived message files. Equal to `data` if there is no separate archive.
    pub archive: PathBuf,
    /// Path of `cyrus.header`.
    pub header: PathBuf,
    /// Path of `cyrus.index`.
    pub index: PathBuf,
    /// Path of `cyrus.annotations`, which does not exist while the mailbox has no annotations.
    pub annotations: PathBuf,
    /// The lock file of the mailbox, which every process that opens the mailbox locks
    /// (`mboxname_lock`).
    pub lock: PathBuf,
}

/// The directory scheme of a user's files below `mboxname_userpath`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserHome {
    /// By the uniqueid of the INBOX, for users created by Cyrus 3.6 or later.
    Id(UniqueId),
    /// By userid, for users created before 3.6 and users without INBOX.
    Name(UserId),
}

/// A file of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserFile {
    /// Seen state for mailboxes of other users and for mailboxes with shared seen state.
    Seen,
    /// The user's subscriptions.
    Subscriptions,
    /// Modseqs and UIDVALIDITY of the user.
    Counters,
    /// The database of the user's conversations (threads of messages).
    Conversations,
}

impl UserFile {
    const fn suffix(self) -> &'static str {
        match self {
            UserFile::Seen => "seen",
            UserFile::Subscriptions => "sub",
            UserFile::Counters => "counters",
            UserFile::Conversations => "conversations",
        }
    }
}

/// A metadata file, and the options that move it to another directory: a word in
/// `metapartition_files`, and the partition's directory for this kind of file. As in Cyrus,
/// annotations use the directory for `index`.
struct Meta {
    name: &'static str,
    word: &'static str,
    metadir: fn(&Partition) -> &Option<PathBuf>,
}

const HEADER: Meta =
    Meta { name: "cyrus.header", word: "header", metadir: |partition| &partition.header };
const INDEX: Meta =
    Meta { name: "cyrus.index", word: "index", metadir: |partition| &partition.index };
const ANNOTATIONS: Meta =
    Meta { name: "cyrus.annotations", word: "annotations", metadir: |partition| &partition.index };

impl Paths {
    /// Creates the paths for a configuration.
    pub fn new(layout: &Layout, naming: &Naming) -> Paths {
        let Namespace { rules, virtdomains, .. } = Namespace::new(naming);
        Paths { layout: layout.clone(), rules, virtdomains }
    }

    /// Returns the paths of a mailbox's files, in a directory named by uniqueid, or by name for old
    /// mailboxes (`mbentry_datapath`, `mbentry_archivepath`, `mbentry_metapath` in
    /// `imap/mboxlist.c`).
    ///
    /// Fails with [`Kind::Config`] if its partition is not configured, and with [`Kind::Corrupt`]
    /// if its entry in mailboxes.db is impossible.
    pub fn mailbox(&self, entry: &MailboxEntry) -> Result<MailboxPaths> {
        let below = Below::of(entry)?;
        let partition = String::from_utf8_lossy(entry.partition.as_bytes());
        let roots = self.layout.partition(&partition);
        let data = roots.and_then(|roots| roots.data.as_deref()).ok_or_else(|| {
            Error::new(
                Kind::Config,
                "find mailbox",
                entry.name.to_string(),
                format!(
                    "the mailbox is on partition {partition:?}, which imapd.conf does not define"
                ),
            )
            .with_hint(format!("add \"partition-{partition}: DIRECTORY\" to imapd.conf"))
        })?;
        let archive = roots.and_then(|roots| roots.archive.as_deref());
        let meta = |file: &Meta| {
            let metadir = roots.and_then(|roots| (file.metadir)(roots).as_deref());
            let moved = self.layout.metapartition_files.contains(&file.word);
            let root = metadir
                .or_else(|| roots.and_then(|roots| roots.metadata.as_deref()).filter(|_| moved))
                .unwrap_or(data);
            let mut path = self.mailbox_directory(root, &below);
            path.push(file.name);
            path
        };
        Ok(MailboxPaths {
            data: self.mailbox_directory(data, &below),
            archive: self.mailbox_directory(archive.unwrap_or(data), &below),
            header: meta(&HEADER),
            index: meta(&INDEX),
            annotations: meta(&ANNOTATIONS),
            lock: match below {
                Below::Id(id) => self.lock(id.as_bytes()),
                Below::Name(name) => self.lock(name.as_bytes()),
            },
        })
    }

    /// Returns the directory scheme of a user's files (`mboxname_conf_getpath`, `user_sieve_path`).
    /// `inbox` is the entry of the user's INBOX in mailboxes.db. It may be a tombstone, except for
    /// the sieve directory.
    ///
    /// While a user is being renamed, the INBOX may have no entry under its name. Cyrus then uses
    /// the entry of the mailbox that had this name before. Pass that entry in this case.
    pub fn home(&self, user: &UserId, inbox: Option<&MailboxEntry>) -> UserHome {
        match inbox {
            Some(entry) if !entry.legacy_dirs && !entry.uniqueid.is_empty() => {
                UserHome::Id(entry.uniqueid.clone())
            }
            _ => UserHome::Name(user.clone()),
        }
    }

    /// Returns the path of a user's file below `mboxname_userpath` (`mboxname_conf_getpath`,
    /// `mboxid_conf_getpath`): `user/uuid/4/2/42.../seen.db` or `user/f/fred.seen`. The file may
    /// not exist.
    pub fn user_file(&self, home: &UserHome, file: UserFile) -> Result<PathBuf> {
        let suffix = file.suffix();
        match home {
            UserHome::Id(id) => {
                check_id(id)?;
                let root = self.layout.mboxname_userpath.join("user");
                Ok(by_id(&root, id).join(format!("{suffix}.db")))
            }
            UserHome::Name(user) => {
                let (mut path, localpart) = self.user(user)?;
                let hash = char::from(directory_letter(&localpart, self.layout.fulldirhash));
                path.push(format!("user/{hash}"));
                path.push(os(&[&localpart[..], b".", suffix.as_bytes()].concat()));
                Ok(path)
            }
        }
    }

    /// Returns the directory of a user's Sieve scripts (`user_sieve_path`). `home` must be made
    /// from an INBOX that is not a tombstone. `sieveusehomedir` is ignored, because Cyrus does not
    /// replicate scripts in home directories.
    pub fn sieve(&self, home: &UserHome) -> Result<PathBuf> {
        let root = self.layout.sievedir.as_path();
        match home {
            UserHome::Id(id) => {
                check_id(id)?;
                Ok(by_id(root, id))
            }
            UserHome::Name(user) => {
                let user = UserId::new(replace(user.as_bytes(), b'^', b'.'));
                check_component(user.as_bytes(), "userid")?;
                let parts = Parts::of_user(user.as_bytes(), &self.rules);
                let mut path = root.to_owned();
                let mut name = user.as_bytes().to_vec();
                if self.virtdomains {
                    if let Some(domain) = &parts.domain {
                        path.push(self.domain(domain, true));
                    }
                    name = parts.localpart.unwrap_or_default();
                }
                path.push(char::from(directory_letter(&name, self.layout.fulldirhash)).to_string());
                path.push(os(&name));
                Ok(path)
            }
        }
    }

    /// Returns the path of `mailboxes.db` (`mboxlist_fname`).
    pub fn mailboxes_db(&self) -> PathBuf {
        self.database(&self.layout.mboxlist_db_path, "mailboxes.db")
    }

    /// Returns the path of `annotations.db`, with the server's own annotations
    /// (`annotate_dbname_mbentry`). The annotations of a mailbox are in
    /// [`MailboxPaths::annotations`].
    pub fn annotations_db(&self) -> PathBuf {
        self.database(&self.layout.annotation_db_path, "annotations.db")
    }

    /// Returns the path of `quotas.db`, which exists unless `quota_db` is `quotalegacy`
    /// (`quotadb_open`).
    pub fn quota_db(&self) -> PathBuf {
        self.database(&self.layout.quota_db_path, "quotas.db")
    }

    /// Returns the lock files of a user's namespace. `None` means shared mailboxes. Up to Cyrus
    /// 3.10 the name is `*U*fred` (`user_namespacelock_full` in `imap/user.c`). Since 3.12 it is
    /// `*U*user.fred`, with the name of the INBOX (`_namelock_name_from_userid`). Both are
    /// returned, because the version of the running Cyrus is not known.
    ///
    /// # Errors
    /// [`Kind::Corrupt`] if the name of the INBOX could lead out of the directory of locks.
    pub fn locks_user(
        &self,
        user: Option<&UserId>,
        inbox: Option<&MboxName>,
    ) -> Result<Vec<PathBuf>> {
        if let Some(inbox) = inbox {
            check_component(inbox.as_bytes(), "mailbox name")?;
        }
        let early = lock_word(user.map_or(b"", UserId::as_bytes));
        let late = inbox.map_or(&b""[..], MboxName::as_bytes);
        let held = user.is_some() && user == self.layout.locked_user.as_ref();
        let late: &[&[u8]] = if held { &[late, b"~"] } else { &[late] };
        let mut locks = vec![[b"*U*", &early[..]].concat(), [b"*U*", &late.concat()[..]].concat()];
        locks.dedup();
        Ok(locks.iter().map(|name| self.lock(name)).collect())
    }

    /// Returns the lock file on which every writer has a shared lock while it writes
    /// (`GLOBAL_LOCKNAME` in `imap/mboxname.c`). Returns `None` if `global_lock` is off.
    pub fn lock_global(&self) -> Option<PathBuf> {
        self.layout.global_lock.then(|| self.lock(b"$GLOBAL"))
    }

    /// Returns the sync lock file of a user, for replication to `server`, for example
    /// `*S*replica^example^com*fred` (`sync_lock` in `imap/sync_support.c`). `server` is the text
    /// in `sync_host` or after `-S`.
    pub fn lock_sync(&self, server: &str, user: Option<&UserId>) -> PathBuf {
        let user = lock_word(user.map_or(b"", UserId::as_bytes));
        self.lock(&[b"*S*", &*lock_word(server.as_bytes()), b"*", &*user].concat())
    }

    /// Returns the sync log of a channel, or the log without channel (`sync_log_fname` in
    /// `imap/sync_log.c`).
    pub fn sync_log(&self, channel: Option<&str>) -> PathBuf {
        let directory = self.layout.configdirectory.join("sync");
        channel.map_or(directory.clone(), |channel| directory.join(channel)).join("log")
    }

    /// Returns the directory with this program's records of servers that were reached over TLS.
    /// Cyrus does not use this directory.
    pub fn tls_verified(&self) -> PathBuf {
        self.layout.configdirectory.join("sync/tls-verified")
    }

    fn database(&self, configured: &Option<PathBuf>, name: &str) -> PathBuf {
        configured.clone().unwrap_or_else(|| self.layout.configdirectory.join(name))
    }

    /// Returns the path of a lock file. The directory is computed from the lock's name as if that
    /// were the name of a mailbox.
    fn lock(&self, name: &[u8]) -> PathBuf {
        let root = self.layout.mboxname_lockpath.clone();
        let root = root.unwrap_or_else(|| self.layout.configdirectory.join("lock"));
        let mut path = self.by_name(&root, name).into_os_string();
        path.push(".lock");
        path.into()
    }

    fn mailbox_directory(&self, root: &Path, below: &Below<'_>) -> PathBuf {
        match below {
            Below::Id(id) => by_id(root, id),
            Below::Name(name) => self.by_name(root, name.as_bytes()),
        }
    }

    /// Returns the directory of a mailbox name (`mboxname_hash`).
    fn by_name(&self, root: &Path, name: &[u8]) -> PathBuf {
        let parts = Parts::read(name, &self.rules);
        let mut path = root.as_os_str().as_bytes().to_vec();
        if let Some(domain) = &parts.domain {
            path.push(b'/');
            path.extend_from_slice(
                self.domain(domain, self.layout.hashimapspool).as_os_str().as_bytes(),
            );
        }
        let levels = parts.levels(&self.rules);
        // The directory letter is computed from the second level of the name, which is the user's
        // name except in shared mailboxes.
        if let Some(level) = levels.get(1).or(levels.first()).filter(|_| self.layout.hashimapspool)
        {
            path.extend([b'/', directory_letter(level, self.layout.fulldirhash)]);
        }
        for level in &levels {
            path.push(b'/');
            path.extend(replace(level, b'.', b'^'));
        }
        os(&path).into()
    }

    /// Returns the directory of the users of a domain, and the user's name in it.
    fn user(&self, user: &UserId) -> Result<(PathBuf, Vec<u8>)> {
        check_component(user.as_bytes(), "userid")?;
        let parts = Parts::of_user(user.as_bytes(), &self.rules);
        let mut path = self.layout.mboxname_userpath.clone();
        if let Some(domain) = &parts.domain {
            path.push(self.domain(domain, true));
        }
        Ok((path, parts.localpart.unwrap_or_default()))
    }

    fn domain(&self, domain: &[u8], hashed: bool) -> PathBuf {
        let mut path = PathBuf::from("domain");
        if hashed {
            path.push(char::from(directory_letter(domain, self.layout.fulldirhash)).to_string());
        }
        path.push(os(domain));
        path
    }
}

/// The naming of a mailbox's directories.
enum Below<'a> {
    Id(&'a UniqueId),
    Name(&'a MboxName),
}

impl<'a> Below<'a> {
    fn of(entry: &'a MailboxEntry) -> Result<Self> {
        if entry.legacy_dirs || entry.uniqueid.is_empty() {
            check_component(entry.name.as_bytes(), "mailbox name")?;
            Ok(Below::Name(&entry.name))
        } else {
            check_id(&entry.uniqueid)?;
            Ok(Below::Id(&entry.uniqueid))
        }
    }
}

/// Returns the directory of a uniqueid (`mboxname_id_hash`). The id must have been checked.
fn by_id(root: &Path, id: &UniqueId) -> PathBuf {
    let id = id.as_bytes();
    // Allocate space for a file name too, because a very large number of these paths is made.
    let mut path = PathBuf::with_capacity(root.as_os_str().len() + id.len() + 32);
    path.push(root);
    path.push("uuid");
    for byte in id.iter().take(2) {
        path.push(os(std::slice::from_ref(byte)));
    }
    path.push(os(id));
    path
}

fn lock_word(word: &[u8]) -> Vec<u8> {
    replace(word, b'.', b'^')
}

fn check_id(id: &UniqueId) -> Result<()> {
    let letters_and_digits =
        id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if letters_and_digits && id.as_bytes().len() >= 2 {
        return Ok(());
    }
    Err(Error::new(Kind::Corrupt, "find uniqueid", id.to_string(), "this is not a uniqueid")
        .with_hint(
            "mailboxes.db may be damaged; run reconstruct -P, or recover it from its backup",
        ))
}

/// Checks a name from a database or log. A name with a slash or NUL byte could lead out of its
/// directory.
fn check_component(name: &[u8], what: &'static str) -> Result<()> {
    if !name.is_empty() && !name.iter().any(|b| matches!(b, b'/' | 0)) {
        return Ok(());
    }
    let name = String::from_utf8_lossy(name);
    Err(Error::new(Kind::Corrupt, "find files", name, format!("this is not a {what}"))
        .with_hint("Cyrus accepts no name that is empty or contains a slash"))
}

fn os(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}
