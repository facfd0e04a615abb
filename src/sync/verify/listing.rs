//! Compares which mailboxes exist on both sides.

use std::collections::{HashMap, HashSet};

use super::header;
use super::mailbox::{Pair, compare_all, counts};
use super::part::{Part, there, value};
use crate::error::Result;
use crate::protocol::RemoteFolder;
use crate::sync::pass::Pass;
use crate::types::{MailboxEntry, MboxName, Text, UniqueId};

/// Names of the mailboxes to compare. `None` means all.
pub(super) type Only = Option<HashSet<MboxName>>;

/// The mailboxes of both sides.
pub(super) struct Listing {
    pub entries: Vec<MailboxEntry>,
    pub remotes: Vec<RemoteFolder>,
}

impl Listing {
    /// Compares the mailboxes in `only`, and adds a part for each to `parts`. Returns the quota
    /// roots of the master's mailboxes.
    pub fn compare(
        self,
        pass: &mut Pass<'_>,
        only: &Only,
        parts: &mut Vec<Part>,
    ) -> Result<Vec<Text>> {
        let Listing { entries, remotes } = self;
        let is_wanted = |name: &MboxName| only.as_ref().is_none_or(|only| only.contains(name));
        let real: Vec<&MailboxEntry> =
            entries.iter().filter(|entry| !entry.mbtype.is_intermediate()).collect();
        let mut roots = Vec::new();
        let mut counts = counts(pass, &real, &mut roots).into_iter();
        let here: HashSet<MboxName> = entries.iter().map(|entry| entry.name.clone()).collect();
        let mut by_name: HashMap<MboxName, RemoteFolder> =
            remotes.into_iter().map(|remote| (remote.name.clone(), remote)).collect();
        let mut moved: HashMap<UniqueId, MboxName> = by_name
            .values()
            .filter(|remote| !here.contains(&remote.name))
            .map(|remote| (remote.uniqueid.clone(), remote.name.clone()))
            .collect();
        let mut pairs = Vec::new();
        for entry in entries {
            let is_name_only = entry.mbtype.is_intermediate();
            let records = if is_name_only { 0 } else { counts.next().unwrap_or(0) };
            let found = by_name.remove(&entry.name);
            let former = if found.is_none() { moved.remove(&entry.uniqueid) } else { None };
            former.iter().for_each(|name| drop(by_name.remove(name)));
            if !is_wanted(&entry.name) {
                continue;
            }
            let mut part = Part::new(&entry.name);
            match found {
                Some(remote) if is_name_only || remote.mbtype.is_intermediate() => {
                    header::intermediate(&entry, &remote, &mut part);
                    part.compared.mailboxes += 1;
                }
                Some(remote) if remote.uniqueid != entry.uniqueid && !entry.uniqueid.is_empty() => {
                    let [ours, theirs] = [&entry.uniqueid, &remote.uniqueid].map(value);
                    part.differs("UNIQUEID", ours, theirs, is_newer(&entry, &remote));
                }
                Some(there) => {
                    pairs.push(Pair { entry, there, records });
                    continue;
                }
                None => match former {
                    Some(former) => {
                        part.differs("MBOXNAME", value(&entry.name), value(former), true);
                    }
                    None => part.differs("MAILBOX", there(), None, true),
                },
            }
            parts.push(part);
        }
        compare_all(pass, pairs, parts)?;
        // Skip mailboxes for scripts, because the master may have the scripts in a directory.
        // Scripts are compared separately.
        let is_stray = |name: &MboxName| is_wanted(name) && !pass.names.is_sieve(name);
        let mut strays: Vec<MboxName> = by_name.into_keys().filter(is_stray).collect();
        strays.sort();
        for name in strays {
            let mut part = Part::new(&name);
            match pass.store.lookup(&name) {
                Ok(_) => part.differs("MAILBOX", None, there(), true),
                // An unreadable entry does not show whether the replica should have the mailbox.
                Err(error) => part.fails(&name, error),
            }
            parts.push(part);
        }
        Ok(roots)
    }
}

fn is_newer(entry: &MailboxEntry, remote: &RemoteFolder) -> bool {
    entry.foldermodseq > remote.foldermodseq.unwrap_or(0)
}
