//! Defines the data that a task compares, and compares it once.

use std::collections::HashSet;

use super::listing::{Listing, Only};
use super::part::{Part, there};
use super::{annotations, user};
use crate::error::{Error, Kind, Result, Subject};
use crate::protocol::{Command, RemoteFolder, RemoteUser};
use crate::store::UserTree;
use crate::sync::pass::Pass;
use crate::sync::pieces::has_inbox;
use crate::types::{MailboxEntry, MboxName, Quota, Text, UserId};

/// The data that a task compares.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'s> {
    /// All data of a user.
    User(&'s UserId),
    /// Subscriptions, seen state and Sieve scripts of a user.
    Meta(&'s UserId),
    /// Mailboxes of one owner.
    Mailboxes(&'s [MboxName]),
    /// The annotations of the server.
    Server,
}

impl Scope<'_> {
    /// Returns the subject for errors that affect the whole comparison.
    pub(super) fn subject(&self) -> Subject {
        match *self {
            Scope::User(user) | Scope::Meta(user) => user.into(),
            Scope::Mailboxes(names) => names.into(),
            Scope::Server => server(),
        }
    }

    /// Returns the owner of the data. Returns `None` for shared mailboxes and for the server.
    pub(super) fn owner(&self, pass: &Pass<'_>) -> Option<UserId> {
        match *self {
            Scope::User(user) | Scope::Meta(user) => Some(user.clone()),
            Scope::Mailboxes(names) => names.first().and_then(|name| pass.names.owner(name)),
            Scope::Server => None,
        }
    }

    /// Compares both sides once, while the sync lock is held. Reads the replica first and then the
    /// master. So newer data of the master may be a change that is not replicated yet. `again`
    /// limits a repeated comparison.
    pub(super) fn look(&self, pass: &mut Pass<'_>, again: Option<&Again>) -> Result<Vec<Part>> {
        let all = Again::default();
        let again = again.unwrap_or(&all);
        let mut parts = Vec::new();
        let _lock = match self {
            Scope::Server => None,
            _ => Some(pass.lock(self.owner(pass).as_ref(), pass.settings.wait)?),
        };
        match *self {
            Scope::User(user) => whole_user(pass, user, again, &mut parts)?,
            Scope::Meta(user) => meta(pass, user, &mut parts)?,
            Scope::Mailboxes(names) => mailboxes(pass, names, again, &mut parts)?,
            Scope::Server => server_annotations(pass, &mut parts)?,
        }
        Ok(parts)
    }
}

/// The data to compare again.
#[derive(Debug, Default)]
pub(super) struct Again {
    /// Names of the mailboxes to compare. `None` means all.
    pub mailboxes: Only,
    /// Whether to compare only mailboxes, and not the user's other data.
    pub only_mailboxes: bool,
}

impl Again {
    fn has(&self, name: &MboxName) -> bool {
        self.mailboxes.as_ref().is_none_or(|only| only.contains(name))
    }
}

fn server() -> Subject {
    "the server".into()
}

fn whole_user(
    pass: &mut Pass<'_>,
    name: &UserId,
    again: &Again,
    parts: &mut Vec<Part>,
) -> Result<()> {
    let remote = ask(pass, Command::GetUser(name))?;
    let UserTree { mut entries, unreadable } = pass.store.user_tree(name)?;
    let mut part = Part::new(name);
    unreadable.into_iter().for_each(|error| part.fails(error.subject().clone(), error));
    let sieve_mailbox = pass.session.capabilities().sieve_mailbox;
    entries.retain(|entry| {
        !entry.mbtype.is_elsewhere() && (sieve_mailbox || !entry.mbtype.is_sieve())
    });
    if !has_inbox(pass, name)? {
        return gone(pass, name, (&entries, &remote.folders), again, parts);
    }
    let RemoteUser { folders: remotes, quotas, .. } = &remote;
    let listing = Listing { entries, remotes: remotes.clone() };
    let roots = listing.compare(pass, &again.mailboxes, parts)?;
    if !again.only_mailboxes {
        user::compare(pass, name, &remote, &mut part)?;
        user::quotas(pass, roots, quotas, &mut part);
        parts.push(part);
    }
    Ok(())
}

/// Compares a user who has no INBOX on the master. The replica must not have mailboxes of this user
/// either, except deleted mailboxes, which each side removes at its own time.
fn gone(
    pass: &Pass<'_>,
    name: &UserId,
    (here, remotes): (&[MailboxEntry], &[RemoteFolder]),
    again: &Again,
    parts: &mut Vec<Part>,
) -> Result<()> {
    let is_left = |name: &MboxName| !pass.names.is_deleted(name);
    let mut part = Part::new(name);
    if here.iter().any(|entry| is_left(&entry.name) && !entry.mbtype.is_intermediate()) {
        let detail = "the user has mailboxes on the master, but no INBOX";
        part.fails(name, Error::new(Kind::Corrupt, "compare", name, detail));
    } else if remotes.is_empty() && pass.store.lookup(&pass.names.inbox(name))?.is_none() {
        part.fails(name, user::nobody(name));
    }
    parts.extend((!again.only_mailboxes).then_some(part));
    let left = remotes.iter().filter(|remote| is_left(&remote.name) && again.has(&remote.name));
    for remote in left {
        let mut part = Part::new(&remote.name);
        part.differs("MAILBOX", None, there(), true);
        parts.push(part);
    }
    Ok(())
}

fn meta(pass: &mut Pass<'_>, name: &UserId, parts: &mut Vec<Part>) -> Result<()> {
    let remote = ask(pass, Command::GetMeta(name))?;
    let mut part = Part::new(name);
    let is_here = user::compare(pass, name, &remote, &mut part)?;
    if !is_here && !remote.has_metadata() && !has_inbox(pass, name)? {
        part.fails(name, user::nobody(name));
    }
    parts.push(part);
    Ok(())
}

fn ask(pass: &mut Pass<'_>, command: Command<'_>) -> Result<RemoteUser> {
    let ticket = pass.session.submit(command)?;
    match pass.session.wait(ticket) {
        Ok(reply) => reply.into_user(),
        Err(error) if error.kind() == Kind::ReplicaNoMailbox => Ok(RemoteUser::default()),
        Err(error) => Err(error),
    }
}

fn mailboxes(
    pass: &mut Pass<'_>,
    names: &[MboxName],
    again: &Again,
    parts: &mut Vec<Part>,
) -> Result<()> {
    let mut remotes = pass.folders(names)?;
    let there: HashSet<MboxName> = remotes.iter().map(|remote| remote.name.clone()).collect();
    let mut unread = HashSet::new();
    let mut entries = Vec::new();
    let sieve_mailbox = pass.session.capabilities().sieve_mailbox;
    for name in names {
        let mut part = Part::new(name);
        match pass.store.lookup(name) {
            Ok(Some(entry)) if entry.mbtype.is_sieve() && !sieve_mailbox => {}
            Ok(Some(entry)) if entry.mbtype.is_elsewhere() => {}
            Ok(Some(entry)) if entry.mbtype.is_deleted() => {}
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) if there.contains(name) => {}
            Ok(None) => {
                let detail = "neither side has such a mailbox";
                let error = Error::new(Kind::NotFound, "compare", name, detail);
                part.fails(name, error.with_hint("check the name"));
            }
            Err(error) => {
                unread.insert(name);
                part.fails(name, error);
            }
        }
        parts.extend((!part.is_equal() && again.has(name)).then_some(part));
    }
    // An unreadable entry does not show whether the replica should have the mailbox.
    remotes.retain(|remote| !unread.contains(&remote.name));
    let is_shared = |root: &Text| pass.names.owner(&MboxName::new(root.as_bytes())).is_none();
    let mut roots: Vec<Text> =
        remotes.iter().filter_map(|remote| remote.quotaroot.clone()).collect();
    let here = Listing { entries, remotes }.compare(pass, &again.mailboxes, parts)?;
    roots.extend(here);
    roots.retain(is_shared);
    if !again.only_mailboxes && !roots.is_empty() {
        shared_quotas(pass, roots, parts)?;
    }
    Ok(())
}

/// Compares the quota roots that belong to no user.
fn shared_quotas(pass: &mut Pass<'_>, mut roots: Vec<Text>, parts: &mut Vec<Part>) -> Result<()> {
    roots.sort();
    roots.dedup();
    let mut theirs: Vec<Quota> = Vec::new();
    for root in &roots {
        let ticket = pass.session.submit(Command::GetQuota(root))?;
        theirs.extend(pass.session.wait(ticket)?.into_quota()?);
    }
    let mut part = Part::new("quota roots");
    user::quotas(pass, roots, &theirs, &mut part);
    parts.push(part);
    Ok(())
}

fn server_annotations(pass: &mut Pass<'_>, parts: &mut Vec<Part>) -> Result<()> {
    let ticket = pass.session.submit(Command::GetAnnotations(&MboxName::default()))?;
    let theirs = pass.session.wait(ticket)?.into_annotations()?;
    let ours = pass.store.annotations(None)?;
    let mut part = Part::new(server());
    for (field, master, replica) in annotations::differing(&ours, &theirs) {
        part.differs(field, master, replica, true);
    }
    parts.push(part);
    Ok(())
}
