//! The store that reads a Cyrus mail spool.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::groups::{Groups, Remembered};
use super::mailbox::{self, Annotations, Files, Found, SpoolMailbox, VisitAnnotation};
use super::mboxlist::MailboxList;
use super::modseqs::Modseqs;
use super::places::Places;
use super::table::Table;
use super::unknown::Unknown;
use super::{annot, quota, seen, sieve, subs, unlocked};
use crate::cyrusdb::{self, Backend, KeyOrder};
use crate::error::{Error, Kind, Result};
use crate::events::{Observer, StoreEvent};
use crate::names::{Namespace, Paths, UserFile, UserHome};
use crate::settings::Settings;
use crate::store::skip::SkipFiles;
use crate::store::traits::{
    Lock, Mailbox, Metadata, ScriptDirectory, Store, UnlockedState, UserTree,
};
use crate::sys::lock::{LockGuard, Mode, Wait, lock_name};
use crate::types::{
    Annotation, MailboxEntry, MboxName, Modseq, Quota, Seen, SieveScript, Text, Uid, UniqueId,
    UserId,
};

/// A wait for a lock is reported if it takes longer than this.
const LONG_WAIT: Duration = Duration::from_secs(5);

/// Name that reports use for the place of unknown fields of cyrus.header.
const HEADER_FIELDS: &str = "cyrus.header, fields";
/// Name that reports use for the place of unknown keys of subscriptions databases.
const SUBSCRIPTION_KEYS: &str = "subscriptions databases, keys";

/// The types that imapd.conf declares for databases of users and mailboxes.
#[derive(Debug, Clone, Copy)]
struct Declared {
    subscriptions: Backend,
    seen: Backend,
    annotations: Backend,
    /// The order of keys in databases that Cyrus up to 3.4 wrote.
    early_order: KeyOrder,
}

/// The mail spool that a configuration describes.
pub struct Spool {
    observer: Arc<dyn Observer>,
    places: Places,
    list_path: PathBuf,
    annotations: Table,
    quotas: Table,
    /// The database of quotas too, with the key order of Cyrus up to 3.4.
    early_quotas: Table,
    declared: Declared,
    modseqs: Modseqs,
    groups: Groups,
    unknown: Arc<Unknown>,
    deleted_prefix: String,
    patience: Wait,
    /// Finds the files that mark users to be skipped.
    skip: SkipFiles,
}

impl Spool {
    /// Opens the spool that `settings` describe. Each database file is opened at its first read.
    /// Unreadable entries of mailboxes.db are reported to `observer`. Users for whom a skip file of
    /// the settings' channel exists are skipped.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] if a database has an unsupported type.
    pub fn open(settings: &Settings, observer: Arc<dyn Observer>) -> Result<Spool> {
        let Settings { naming, layout, databases, .. } = settings;
        let options = cyrusdb::Options {
            full_dir_hash: layout.fulldirhash,
            virtual_domains: naming.virtdomains,
            ..cyrusdb::Options::default()
        };
        let paths = Paths::new(layout, naming);
        let early_order =
            if databases.improved_mboxlist_sort { KeyOrder::Mailbox } else { KeyOrder::Raw };
        let list_db = Backend::of(databases.mboxlist_db)?;
        let annotation_db = Backend::of(databases.annotation_db)?;
        let quota_db = Backend::of(databases.quota_db)?;
        // A missing file is an error for these two, because imapd creates mailboxes.db and
        // annotations.db when it starts.
        let required = cyrusdb::Options { required: true, ..options };
        let unknown = Arc::new(Unknown::new(observer.clone()));
        let skip_prefix = paths.sync_log(settings.channel()).with_file_name("skipuser-");
        Ok(Spool {
            list_path: paths.mailboxes_db(),
            annotations: Table::new(paths.annotations_db(), Some(annotation_db), required),
            quotas: Table::new(paths.quota_db(), Some(quota_db), options),
            early_quotas: Table::new(
                paths.quota_db(),
                Some(quota_db),
                cyrusdb::Options { order: early_order, ..options },
            ),
            places: Places {
                list: MailboxList::new(
                    &paths.mailboxes_db(),
                    list_db,
                    early_order,
                    observer.clone(),
                    unknown.clone(),
                ),
                names: Namespace::new(naming),
                paths,
            },
            modseqs: Modseqs {
                conversations: databases.conversations,
                submissions: databases.jmapsubmissionfolder.clone().into(),
                declared: Backend::of(databases.conversations_db)?,
                observer: observer.clone(),
                unknown: unknown.clone(),
            },
            groups: Groups::new(databases.mboxgroups, observer.clone()),
            unknown,
            observer,
            declared: Declared {
                subscriptions: Backend::of(databases.subscription_db)?,
                seen: Backend::of(databases.seenstate_db)?,
                annotations: annotation_db,
                early_order,
            },
            deleted_prefix: naming.deletedprefix.clone(),
            patience: Wait::up_to(settings.lock_patience),
            skip: SkipFiles::new(skip_prefix),
        })
    }

    /// Returns whether Cyrus up to 3.4 wrote mailboxes.db. Then mailbox names are the keys of all
    /// other data too.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn is_early(&self) -> Result<bool> {
        self.places.list.is_early()
    }

    /// Takes locks with `take`, waiting as `wait` says. If the wait is long, reports the holder of
    /// the lock and continues to wait.
    fn patiently<T>(&self, wait: Wait, take: impl Fn(Wait) -> Result<T>) -> Result<T> {
        if wait != Wait::Block {
            return take(wait);
        }
        match take(Wait::For(LONG_WAIT)) {
            Err(error) if error.kind() == Kind::Locked => {
                self.observer.event(&StoreEvent::LockWait { error }.into());
                take(wait)
            }
            taken => taken,
        }
    }

    fn stored_scripts(&self, user: &UserId) -> Result<Vec<sieve::Stored>> {
        let inbox = self.places.names.inbox(user);
        match self.open(&self.places.names.sieve_mailbox(user)) {
            Ok(mut mailbox) => sieve::in_mailbox(mailbox.as_mut()),
            Err(error) if error.kind() == Kind::NotFound => {
                let inbox = self.places.list.lookup(&inbox)?;
                let directory = self.places.script_directory(user, inbox.as_ref())?;
                Ok(sieve::in_directory(&directory)?.unwrap_or_default())
            }
            Err(error) => Err(error),
        }
    }

    fn subscriptions_at(&self, home: &UserHome, inbox: &MboxName) -> Result<Vec<MboxName>> {
        let declared = self.declared.subscriptions;
        let is_early = self.places.list.is_early()?;
        let order = if is_early { self.declared.early_order } else { KeyOrder::Raw };
        let table = self.places.table_at(home, UserFile::Subscriptions, declared, order)?;
        let mut unknown = |key: &[u8]| self.unknown.report(SUBSCRIPTION_KEYS, key);
        subs::list(&table, inbox, &mut unknown)
    }

    /// Returns whether the subscriptions file is missing. An empty file counts as missing unless its
    /// type is flat, because Cyrus writes a header into files of the other types.
    fn is_missing(&self, path: &Path) -> bool {
        let is_flat = self.declared.subscriptions == Backend::Flat;
        !path.metadata().is_ok_and(|file| is_flat || file.len() > 0)
    }

    fn seen_at(&self, home: &UserHome) -> Result<Vec<Seen>> {
        seen::list(&self.places.table_at(
            home,
            UserFile::Seen,
            self.declared.seen,
            KeyOrder::Raw,
        )?)
    }
}

/// The lock that prevents other clients from replicating the same user, and the global lock that
/// every writer takes (`mboxname_lock` of `imap/mboxname.c`). The global lock is released last.
struct SyncLock {
    _groups: Option<Remembered>,
    _user: LockGuard,
    _global: Option<LockGuard>,
}

impl Lock for SyncLock {}

/// Reads the annotations of one mailbox: those of the mailbox itself from annotations.db, those of
/// its messages from its cyrus.annotations.
struct MailboxAnnotations<'a> {
    global: &'a Table,
    local: Table,
    /// The mailbox's uniqueid or, up to Cyrus 3.4, its name.
    id: Vec<u8>,
    owner: Option<UserId>,
}

impl Annotations for MailboxAnnotations<'_> {
    fn of_mailbox(&self) -> Result<Vec<Annotation>> {
        annot::of_mailbox(self.global, &self.id, self.owner.as_ref())
    }

    fn of_messages(&self, uids: &[Uid], visit: &mut VisitAnnotation<'_>) -> Result<()> {
        annot::of_messages(&self.local, uids, self.owner.as_ref(), visit)
    }
}

/// Makes the error for a tombstone or an intermediate, which has no mailbox.
fn no_mailbox(entry: &MailboxEntry) -> Error {
    let (kind, detail) = if entry.mbtype.is_deleted() {
        (Kind::NotFound, "it was deleted")
    } else {
        (Kind::Moved, "it was renamed or deleted, but the mailboxes below it were not")
    };
    Error::new(kind, "open mailbox", entry.name.to_string(), detail)
}

impl Store for Spool {
    fn list_bytes(&self) -> u64 {
        std::fs::metadata(&self.list_path).map_or(0, |file| file.len())
    }

    fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>> {
        Ok(self.places.list.lookup(name)?.map(|entry| self.places.identified(entry)))
    }

    fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>> {
        self.places.list.lookup_by_id(id)
    }

    fn user_tree(&self, user: &UserId) -> Result<UserTree> {
        let Places { list, names, .. } = &self.places;
        let (mut tree, groups) = list.user_tree(&names.inbox(user), &self.deleted_prefix, user)?;
        self.groups.found(user, groups);
        let entries = tree.entries.into_iter();
        tree.entries = entries.map(|entry| self.places.identified(entry)).collect();
        Ok(tree)
    }

    fn each_mailbox(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.places.list.each(prefix, visit)
    }

    fn sync_lock(&self, server: &str, user: Option<&UserId>, wait: Wait) -> Result<Box<dyn Lock>> {
        self.skip.lock(user, || {
            // Wait for the global lock even if `wait` is [`Wait::Fail`], like Cyrus: an
            // administrator may hold the lock for a while to stop all writers.
            let at_least = if wait == Wait::Fail { Wait::Block } else { wait };
            let global =
                self.places.paths.lock_global().map(|path| {
                    self.patiently(at_least, |wait| lock_name(&path, Mode::Shared, wait))
                });
            let path = self.places.paths.lock_sync(server, user);
            let global = global.transpose()?;
            let lock = self.patiently(wait, |wait| lock_name(&path, Mode::Exclusive, wait))?;
            let groups = user.map(|user| self.groups.remember(user));
            Ok(Box::new(SyncLock { _groups: groups, _user: lock, _global: global }))
        })
    }

    fn skipped_since(&self) -> Option<Error> {
        self.skip.since()
    }

    fn open<'s>(&'s self, name: &MboxName) -> Result<Box<dyn Mailbox + 's>> {
        let owner = self.places.names.owner(name);
        let find = || {
            let entry = self.places.list.lookup(name)?.ok_or_else(|| {
                let detail = "it is not in mailboxes.db";
                Error::new(Kind::NotFound, "open mailbox", name.to_string(), detail)
            })?;
            if entry.mbtype.is_deleted() || entry.mbtype.is_intermediate() {
                return Err(no_mailbox(&entry));
            }
            mailbox::openable(&entry)?;
            let paths = self.places.paths.mailbox(&entry)?;
            let options = cyrusdb::Options::default();
            let annotations = MailboxAnnotations {
                global: &self.annotations,
                local: Table::once(paths.annotations, Some(self.declared.annotations), options),
                id: self.places.annotated_as(&entry)?,
                owner: owner.clone(),
            };
            let files = Files {
                name: entry.name.clone(),
                data: paths.data,
                archive: paths.archive,
                header: paths.header,
                index: paths.index,
                lock: paths.lock,
            };
            Ok(Found { entry, files, annotations: Box::new(annotations) })
        };
        let inbox = owner.as_ref().map(|owner| self.places.names.inbox(owner));
        let namespaces = self.places.paths.locks_user(owner.as_ref(), inbox.as_ref())?;
        let open = |wait| SpoolMailbox::open(&namespaces, wait, find);
        let mut mailbox = self.patiently(self.patience, open)?;
        self.modseqs.complete(&self.places, &mut [mailbox.state_mut()])?;
        self.groups.complete(&self.places, &mut [mailbox.state_mut()])?;
        self.unknown.report_letters(HEADER_FIELDS, mailbox.state().unknown.as_bytes());
        for oddity in mailbox.oddities() {
            let (mailbox, why) = (name.clone(), oddity.to_string());
            self.observer.event(&StoreEvent::HeaderOdd { mailbox, why }.into());
        }
        Ok(Box::new(mailbox))
    }

    fn read_unlocked(&self, entries: &[&MailboxEntry]) -> Vec<Option<UnlockedState>> {
        let Spool { places, annotations, modseqs, groups, .. } = self;
        let found = unlocked::read_unlocked(places, annotations, modseqs, groups, entries);
        // Ignore errors here: opening the mailboxes reports them.
        let found = found.unwrap_or_else(|_| entries.iter().map(|_| None).collect());
        for unlocked in found.iter().flatten() {
            self.unknown.report_letters(HEADER_FIELDS, unlocked.state.unknown.as_bytes());
        }
        found
    }

    fn metadata(&self, user: &UserId, sieve_mailbox: Option<&MboxName>) -> Metadata {
        let (inbox, own) = (self.places.names.inbox(user), self.places.names.sieve_mailbox(user));
        let wanted = sieve_mailbox.unwrap_or(&inbox);
        let Ok([entry, wanted, own]) = self.places.list.lookup_each([&inbox, wanted, &own]) else {
            return Metadata::by_parts(self, user, sieve_mailbox);
        };
        let lives = |entry: &MailboxEntry| !entry.mbtype.is_deleted();
        let paths = &self.places.paths;
        let home = paths.home(user, entry.as_ref());
        let subscriptions = self.subscriptions_at(&home, &inbox);
        let has_mailbox = own.as_ref().is_some_and(lives);
        let mut script_directory = ScriptDirectory::Unknown;
        let scripts = match sieve_mailbox {
            Some(_) if wanted.as_ref().is_some_and(lives) => Ok(None),
            None if has_mailbox => self.stored_scripts(user).map(Some),
            _ => self.places.script_directory(user, entry.as_ref()).and_then(|path| {
                let stored = sieve::in_directory(&path)?;
                script_directory = match stored {
                    _ if has_mailbox => ScriptDirectory::Unknown,
                    Some(_) => ScriptDirectory::There,
                    None => ScriptDirectory::Missing(path),
                };
                Ok(Some(stored.unwrap_or_default()))
            }),
        };
        let no_subscriptions = subscriptions.as_ref().is_ok_and(Vec::is_empty).then(|| {
            let path = paths.user_file(&home, UserFile::Subscriptions).ok();
            path.filter(|path| self.is_missing(path))
        });
        Metadata {
            subscriptions,
            scripts: scripts.map(|stored| stored.as_deref().map(sieve::listed)),
            seen: self.seen_at(&home),
            no_subscriptions: no_subscriptions.flatten(),
            script_directory,
        }
    }

    fn subscriptions(&self, user: &UserId) -> Result<Vec<MboxName>> {
        self.subscriptions_at(&self.places.home(user)?, &self.places.names.inbox(user))
    }

    fn seen(&self, user: &UserId) -> Result<Vec<Seen>> {
        self.seen_at(&self.places.home(user)?)
    }

    fn quota(&self, root: &Text) -> Result<Option<Quota>> {
        let early = self.places.list.is_early()?;
        quota::read(if early { &self.early_quotas } else { &self.quotas }, root)
    }

    fn sieve_scripts(&self, user: &UserId) -> Result<Vec<SieveScript>> {
        Ok(sieve::listed(&self.stored_scripts(user)?))
    }

    fn sieve_content(&self, user: &UserId, name: &Text) -> Result<Vec<u8>> {
        sieve::content(self.stored_scripts(user)?, name)
    }

    fn annotations(&self, mailbox: Option<&MboxName>) -> Result<Vec<Annotation>> {
        let Some(name) = mailbox else { return annot::of_server(&self.annotations) };
        match self.places.list.lookup(name)? {
            // The annotations of a deleted mailbox are found under its new name, because it keeps
            // its uniqueid.
            Some(entry) if !entry.mbtype.is_deleted() => {
                let owner = self.places.names.owner(name);
                let id = self.places.annotated_as(&entry)?;
                annot::of_mailbox(&self.annotations, &id, owner.as_ref())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn used_modseq(&self, name: &MboxName) -> Result<Modseq> {
        let Some(owner) = self.places.names.owner(name) else { return Ok(0) };
        Ok(self.modseqs.counters(&self.places, &owner)?.highestmodseq)
    }

    fn raclmodseq(&self, name: &MboxName) -> Result<Modseq> {
        self.modseqs.raclmodseq(&self.places, name)
    }
}
