//! Checks the directories of the mail store: partitions, mailboxes and locks.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::survey::Survey;
use super::value::{Check, Topic, mailboxes, reported};
use crate::error::reason;
use crate::names::Paths;
use crate::settings::{Partition, Settings};
use crate::store::Store;
use crate::store::spool::Spool;
use crate::sys::access;
use crate::types::MailboxEntry;

/// The number of faults that are described. Further faults are only counted.
const NAMED: usize = 3;

/// The faults that were found: descriptions of the first ones, and the number of all.
#[derive(Debug, Default)]
struct Faults {
    named: Vec<String>,
    count: usize,
    hint: String,
}

impl Faults {
    fn add(&mut self, what: impl Into<String>, hint: impl Into<String>) {
        if self.count == 0 {
            self.hint = hint.into();
        }
        if self.named.len() < NAMED {
            self.named.push(what.into());
        }
        self.count += 1;
    }
}

/// Checks whether the partitions exist, and whether a sample of mailboxes is where mailboxes.db
/// says. Without `listed`, checks only the partitions.
pub(super) fn check(settings: &Settings, listed: Option<(&Spool, &Survey)>) -> Check {
    let mut faults = Faults::default();
    let names: Vec<&str> = settings.layout.partitions().map(|(name, _)| name).collect();
    for (name, partition) in settings.layout.partitions() {
        for (option, root) in roots(name, partition) {
            if let Err(error) = fs::read_dir(root) {
                let what = format!("{option} {}: {}", root.display(), reason(&error));
                faults.add(what, "check that it is mounted and belongs to the cyrus user");
            }
        }
    }
    let users = &settings.layout.mboxname_userpath;
    if let Err(error) = fs::read_dir(users.join("user"))
        && *users != settings.layout.configdirectory
    {
        let what = format!("mboxname_userpath {}: user: {}", users.display(), reason(&error));
        faults.add(what, "check that it is mounted and belongs to the cyrus user");
    }
    locks(settings, &mut faults);
    let mut looked_at = 0;
    if let Some((spool, survey)) = listed {
        let paths = Paths::new(&settings.layout, &settings.naming);
        for (name, sample) in &survey.partitions {
            let known = settings.layout.partition(name).is_some_and(|found| found.data.is_some());
            if !known {
                let count = mailboxes(sample.offered());
                let what =
                    format!("{count} on {name}, a partition that imapd.conf does not define");
                faults.add(what, format!("add partition-{name} to imapd.conf"));
                continue;
            }
            for entry in sample.kept() {
                looked_at += 1;
                mailbox(spool, &paths, entry, &mut faults);
            }
        }
    }
    if faults.count > 0 {
        let more = match faults.count - faults.named.len() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        return Check::fail(Topic::Spool, faults.named.join(", ") + &more, faults.hint);
    }
    let detail = format!("partitions {}", names.join(", "));
    match listed {
        Some((_, survey)) => {
            let all = mailboxes(survey.mailboxes);
            let detail = format!("{detail}; checked {looked_at} of {all}");
            Check::ok(Topic::Spool, detail)
        }
        None => {
            let detail =
                format!("{detail}; no mailbox was checked, because mailboxes.db cannot be read");
            Check::warn(Topic::Spool, detail, "repair mailboxes.db first")
        }
    }
}

/// Returns the directories of a partition, each with the name of its option in imapd.conf.
fn roots<'p>(name: &str, partition: &'p Partition) -> Vec<(String, &'p Path)> {
    let all = [
        ("partition", &partition.data),
        ("metapartition", &partition.metadata),
        ("archivepartition", &partition.archive),
        ("metadir-header", &partition.header),
        ("metadir-index", &partition.index),
    ];
    let set = all.into_iter().filter_map(|(option, root)| Some((option, root.as_deref()?)));
    set.map(|(option, root)| (format!("{option}-{name}"), root)).collect()
}

/// Checks whether lock files can be created. Cyrus creates a lock file when a name is locked for
/// the first time.
fn locks(settings: &Settings, faults: &mut Faults) {
    let configured = settings.layout.mboxname_lockpath.clone();
    let root = configured.unwrap_or_else(|| settings.layout.configdirectory.join("lock"));
    let there: PathBuf = root.ancestors().find(|above| above.exists()).unwrap_or(&root).to_owned();
    if let Err(error) = access::may_write(&there) {
        let what =
            format!("lock files cannot be created in {}: {}", there.display(), reason(&error));
        faults.add(what, "give the directory (mboxname_lockpath) to the cyrus user");
    }
}

/// Checks whether the files of a mailbox exist. Takes no locks.
fn mailbox(spool: &Spool, paths: &Paths, entry: &MailboxEntry, faults: &mut Faults) {
    let hint = "check that the partition is mounted and belongs to the cyrus user; if files of the \
                mailbox are lost, run reconstruct on it";
    let at = match paths.mailbox(entry) {
        Ok(at) => at,
        Err(error) => return faults.add(reported(&error), error.hint()),
    };
    let files = [&at.header, &at.index].into_iter().map(|path| (path, File::open(path).map(drop)));
    let directory = (&at.data, fs::read_dir(&at.data).map(drop));
    let wrong = std::iter::once(directory)
        .chain(files)
        .find_map(|(path, found)| Some((path, found.err()?)));
    let Some((path, error)) = wrong else { return };
    // If the mailbox was renamed or deleted after the list was read, missing files are not a fault.
    let still = spool.lookup(&entry.name).ok().flatten();
    if still.is_some_and(|still| (still.uniqueid, still.partition) == of(entry)) {
        let what = format!("mailbox {}: {}: {}", entry.name, path.display(), reason(&error));
        faults.add(what, hint);
    }
}

fn of(entry: &MailboxEntry) -> (crate::types::UniqueId, crate::types::Text) {
    (entry.uniqueid.clone(), entry.partition.clone())
}
