//! The places of files and directories of the mail spool.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::resolver::Resolver;
use crate::config::{opt, value};
use crate::types::UserId;

/// The places of files and directories of the mail spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The directory of databases, user files and locks.
    pub configdirectory: PathBuf,
    /// Whether the directories of mailboxes are in directories of one letter (`hashimapspool`).
    pub hashimapspool: bool,
    /// Whether that letter is computed from the whole name (`fulldirhash`). Otherwise it is
    /// computed from the beginning of the name.
    pub fulldirhash: bool,
    /// The directory of lock files. `None` means `lock` in `configdirectory`.
    pub mboxname_lockpath: Option<PathBuf>,
    /// The directory that contains `user` and `domain`, which contain the files of users:
    /// `mboxname_userpath` of Cyrus 3.13.1 and later, otherwise `configdirectory`.
    pub mboxname_userpath: PathBuf,
    /// Whether to take the lock `$GLOBAL`, with which `cyr_withlock_run` of Cyrus 3.12 and later
    /// stops all programs that write. It is `global_lock`, but off if `cyr_withlock_run` has
    /// started this program and holds the lock (`CYRUS_HAVELOCK_GLOBAL`, `cyrus_init` of
    /// `imap/global.c`).
    pub global_lock: bool,
    /// The user whose lock is held by the program that has started this program
    /// (`CYRUS_HAVELOCK_USER`).
    pub locked_user: Option<UserId>,
    /// The files that are on the metapartition, as words of the option.
    pub metapartition_files: Vec<&'static str>,
    /// The directory of Sieve scripts.
    pub sievedir: PathBuf,
    /// The path of mailboxes.db. `None` means that it is in `configdirectory`.
    pub mboxlist_db_path: Option<PathBuf>,
    /// The path of annotations.db. `None` means that it is in `configdirectory`.
    pub annotation_db_path: Option<PathBuf>,
    /// The path of quotas.db. `None` means that it is in `configdirectory`.
    pub quota_db_path: Option<PathBuf>,
    /// The partitions by their names, in lower case.
    partitions: BTreeMap<String, Partition>,
}

/// The root directories of a partition. `None` means that the directory is not configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partition {
    /// `partition-<name>`
    pub data: Option<PathBuf>,
    /// `metapartition-<name>`. [`Layout::metapartition_files`] lists the files that are there.
    pub metadata: Option<PathBuf>,
    /// `archivepartition-<name>`, if `archive_enabled` is on.
    pub archive: Option<PathBuf>,
    /// `metadir-header-<name>`
    pub header: Option<PathBuf>,
    /// `metadir-index-<name>`
    pub index: Option<PathBuf>,
}

impl Layout {
    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Layout {
        let archive_enabled = resolver.switch(opt::ARCHIVE_ENABLED);
        let configdirectory = resolver.path(opt::CONFIGDIRECTORY).unwrap_or_default();
        let userpath = resolver.path(opt::MBOXNAME_USERPATH);
        Layout {
            mboxname_userpath: userpath.unwrap_or_else(|| configdirectory.clone()),
            configdirectory,
            hashimapspool: resolver.switch(opt::HASHIMAPSPOOL),
            fulldirhash: resolver.switch(opt::FULLDIRHASH),
            global_lock: resolver.switch(opt::GLOBAL_LOCK)
                && !is_held(env::var_os("CYRUS_HAVELOCK_GLOBAL")),
            locked_user: env::var_os("CYRUS_HAVELOCK_USER").map(|user| user.into_vec().into()),
            mboxname_lockpath: resolver.path(opt::MBOXNAME_LOCKPATH),
            metapartition_files: resolver.set(opt::METAPARTITION_FILES),
            sievedir: resolver.path(opt::SIEVEDIR).unwrap_or_default(),
            mboxlist_db_path: resolver.path(opt::MBOXLIST_DB_PATH),
            annotation_db_path: resolver.path(opt::ANNOTATION_DB_PATH),
            quota_db_path: resolver.path(opt::QUOTA_DB_PATH),
            partitions: partitions(resolver, archive_enabled),
        }
    }

    /// Returns all partitions with their names, in lower case.
    pub fn partitions(&self) -> impl Iterator<Item = (&str, &Partition)> {
        self.partitions.iter().map(|(name, partition)| (name.as_str(), partition))
    }

    /// Returns the partition with this name. Upper and lower case are the same.
    pub fn partition(&self, name: &str) -> Option<&Partition> {
        self.partitions.get(&name.to_ascii_lowercase())
    }
}

/// Returns whether an environment variable is set to a switch that is on.
fn is_held(variable: Option<OsString>) -> bool {
    let text = variable.as_ref().and_then(|variable| variable.to_str());
    text.and_then(value::switch).unwrap_or(false)
}

fn partitions(resolver: &mut Resolver<'_>, archive_enabled: bool) -> BTreeMap<String, Partition> {
    type Place = fn(&mut Partition) -> &mut Option<PathBuf>;
    let places: [(&str, Place); 5] = [
        ("partition-", |partition| &mut partition.data),
        ("metapartition-", |partition| &mut partition.metadata),
        ("archivepartition-", |partition| &mut partition.archive),
        ("metadir-header-", |partition| &mut partition.header),
        ("metadir-index-", |partition| &mut partition.index),
    ];
    let mut partitions: BTreeMap<String, Partition> = BTreeMap::new();
    for (prefix, place) in places {
        if prefix == "archivepartition-" && !archive_enabled {
            continue;
        }
        for name in resolver.others(prefix) {
            let root = resolver.other(&format!("{prefix}{name}")).map(PathBuf::from);
            *place(partitions.entry(name).or_default()) = root;
        }
    }
    partitions
}
