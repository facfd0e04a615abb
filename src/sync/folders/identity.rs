//! Decides which mailbox of the master keeps a uniqueid, if several mailboxes have the same one.
//!
//! Master and replica match mailboxes by uniqueid. If a folder was copied together with its
//! cyrus.header, for instance from a backup, it has the uniqueid of the original. If the replica's
//! mailbox were renamed from one to the other, mail would move to a wrong place, and in every run
//! once more. So only one mailbox keeps the uniqueid, and the others fail.

use crate::error::{Error, Kind, Result};
use crate::names::Namespace;
use crate::protocol::RemoteFolder;
use crate::sync::pass::Pass;
use crate::sync::survey::difference::moved_meanwhile;
use crate::types::{FormerName, MailboxEntry, MboxName, UniqueId, UserId};

/// The names on the master that have or had the uniqueid of one mailbox.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// The name in the master's record for the uniqueid, unless that record is a tombstone.
    record: Option<MboxName>,
    /// Former names in that record, newest first.
    pub history: Vec<FormerName>,
    /// Other mailboxes that have the same uniqueid at present, sorted by name.
    others: Vec<MboxName>,
}

/// Finds other mailboxes with the uniqueid of `entry`. `record` is the master's record for that
/// uniqueid. `more` are names to check in addition to the names in the record.
///
/// Fails with [`Kind::Moved`] if another mailbox has the uniqueid and `entry` has lost it
/// meanwhile.
pub(crate) fn claims<'n>(
    pass: &Pass<'_>,
    entry: &MailboxEntry,
    record: Option<MailboxEntry>,
    more: impl IntoIterator<Item = &'n MboxName>,
) -> Result<Claims> {
    let history = record.as_ref().map(|r| r.name_history.clone()).unwrap_or_default();
    let record = record.filter(|r| !r.mbtype.is_deleted()).map(|r| r.name);
    let mut names: Vec<MboxName> = more.into_iter().cloned().collect();
    names.extend(record.iter().cloned().chain(history.iter().map(|former| former.name.clone())));
    names.sort();
    names.dedup();
    let mut others = Vec::new();
    for name in names {
        if name != entry.name && is_alive_as(pass, &name, &entry.uniqueid)? {
            others.push(name);
        }
    }
    // A mailbox that is renamed during this search is found under its old and its new name.
    if !others.is_empty() && !is_alive_as(pass, &entry.name, &entry.uniqueid)? {
        return Err(moved_meanwhile(entry));
    }
    Ok(Claims { record, history, others })
}

/// Returns the reason why a mailbox must not be repaired, if another mailbox has the same uniqueid.
/// The changes could reach that other mailbox.
pub(crate) fn shared_id(pass: &Pass<'_>, entry: &MailboxEntry) -> Result<Option<String>> {
    let record = pass.store.lookup_by_id(&entry.uniqueid)?;
    let claims = claims(pass, entry, record, [])?;
    Ok(claims.others.first().map(|other| format!("{other} has the same uniqueid")))
}

/// Returns whether the master has a mailbox with this name and this uniqueid.
pub(crate) fn is_alive_as(pass: &Pass<'_>, name: &MboxName, id: &UniqueId) -> Result<bool> {
    let found = pass.store.lookup(name)?;
    Ok(found.is_some_and(|entry| {
        !entry.mbtype.is_deleted() && !entry.mbtype.is_reserved() && entry.uniqueid == *id
    }))
}

/// Checks that the replica's folder may be renamed to the name of `entry`. `there` are the
/// replica's folders with the uniqueid of `entry`.
pub(crate) fn check_claim(
    pass: &Pass<'_>,
    entry: &MailboxEntry,
    claims: &Claims,
    there: &[MboxName],
) -> Result<()> {
    let own = &entry.name;
    let Claims { record, history, others } = claims;
    if let Some(other) = others.first() {
        let keeper = keeper(pass.names, own, others, there, record.as_ref());
        if keeper != own {
            return Err(same_id(pass, entry, keeper));
        }
        let is_foreign = |name: &MboxName| pass.names.owner(name) != pass.names.owner(own);
        if !there.contains(own) && there.iter().any(is_foreign) {
            return Err(same_id(pass, entry, other));
        }
        return Ok(());
    }
    let known = |name: &MboxName| history.iter().any(|former| former.name == *name);
    let foreign =
        there.iter().find(|name| pass.names.owner(name) != pass.names.owner(own) && !known(name));
    match foreign {
        Some(name) if !there.contains(own) => Err(moved_unseen(entry, name)),
        _ => Ok(()),
    }
}

/// Fails if another mailbox has the same uniqueid as the user's INBOX, and keeps it. Cyrus finds a
/// user's files by the uniqueid of the INBOX, so it would use the files of the other mailbox's
/// owner.
pub(crate) fn check_owner(pass: &mut Pass<'_>, user: &UserId) -> Result<()> {
    let Some(inbox) = pass.store.lookup(&pass.names.inbox(user))? else { return Ok(()) };
    if inbox.mbtype.is_deleted() || inbox.uniqueid.is_empty() {
        return Ok(());
    }
    let record = pass.store.lookup_by_id(&inbox.uniqueid)?;
    let claims = claims(pass, &inbox, record, [])?;
    if claims.others.is_empty() {
        return Ok(());
    }
    let names: Vec<MboxName> = claims.others.iter().chain([&inbox.name]).cloned().collect();
    let there = places(&pass.folders(&names)?, &inbox.uniqueid);
    check_claim(pass, &inbox, &claims, &there).map_err(|error| {
        Error::new(error.kind(), "replicate", user, error.detail())
            .with_hint(error.hint().to_owned())
    })
}

/// Makes the error for a mailbox with the same uniqueid as `other`.
pub(crate) fn same_id(pass: &Pass<'_>, entry: &MailboxEntry, other: &MboxName) -> Error {
    let external = |name: &MboxName| {
        pass.names.to_external(name).map_or_else(|| name.to_string(), |name| name.to_string())
    };
    let detail = format!(
        "it has the same uniqueid as {other} ({}), and only one of them can be replicated",
        entry.uniqueid
    );
    let name = external(&entry.name);
    let hint = if entry.legacy_dirs {
        format!(
            "if {name} was copied or restored, give it a uniqueid of its own on this server: as \
             the cyrus user run mbtool -r '{name}', then reconstruct '{name}'"
        )
    } else {
        format!(
            "both names lead to the same directory on this server: see ctl_mboxlist -d, and remove \
             the wrong entry ({name} or {})",
            external(other)
        )
    };
    Error::new(Kind::Corrupt, "update mailbox", &entry.name, detail).with_hint(hint)
}

/// Returns the names under which the replica has a uniqueid.
pub(crate) fn places(remotes: &[RemoteFolder], id: &UniqueId) -> Vec<MboxName> {
    let same = remotes.iter().filter(|remote| remote.uniqueid == *id);
    same.map(|remote| remote.name.clone()).collect()
}

/// Decides which of several mailboxes keeps their common uniqueid. A mailbox that the replica has
/// under the same name comes first, so that a copy changes nothing there. Next comes a mailbox
/// whose owner has the uniqueid on the replica, then the one in the master's record by uniqueid.
/// The result is the same for each of the mailboxes.
fn keeper<'n>(
    names: &Namespace,
    own: &'n MboxName,
    others: &'n [MboxName],
    there: &[MboxName],
    record: Option<&MboxName>,
) -> &'n MboxName {
    let owned_there =
        |name: &MboxName| there.iter().any(|place| names.owner(place) == names.owner(name));
    let rank = |name: &MboxName| (!there.contains(name), !owned_there(name), record != Some(name));
    let all = others.iter().chain([own]);
    all.min_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b))).unwrap_or(own)
}

/// Makes the error for a mailbox that belongs to another owner on the replica, if that owner never
/// had it on the master.
fn moved_unseen(entry: &MailboxEntry, there: &MboxName) -> Error {
    let detail = format!(
        "on the replica, {there} of another owner has its uniqueid ({}), but nothing on this \
         server shows that the mailbox ever had that name",
        entry.uniqueid
    );
    Error::new(Kind::NeedsFullSync, "update mailbox", &entry.name, detail).with_hint(
        "compare both mailboxes: if the one on the replica is this one, rename it there; if not, \
         give this one another uniqueid (mbtool -r) or delete the one on the replica",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    /// Returns the mailbox that keeps the uniqueid. Checks that the result is the same for each
    /// mailbox in `all`.
    #[track_caller]
    fn keeps(all: &[&str], there: &[&str], record: Option<&str>) -> String {
        let names = Namespace::new(&settings::tests::of("").naming);
        let of = |list: &[&str]| -> Vec<MboxName> { list.iter().map(|n| (*n).into()).collect() };
        let (all, there) = (of(all), of(there));
        let record = record.map(MboxName::from);
        let asked = all.iter().map(|own| {
            let others: Vec<MboxName> = all.iter().filter(|name| *name != own).cloned().collect();
            keeper(&names, own, &others, &there, record.as_ref()).to_string()
        });
        let mut answers: Vec<String> = asked.collect();
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    #[test]
    fn the_mailbox_that_the_replica_has_in_its_place_keeps_the_uniqueid() {
        let both = ["user.a.orig", "user.b.copy"];
        assert_eq!(keeps(&both, &["user.a.orig"], Some("user.b.copy")), "user.a.orig");
        assert_eq!(keeps(&both, &["user.b.copy"], Some("user.a.orig")), "user.b.copy");
    }

    #[test]
    fn a_mailbox_of_the_owner_who_has_it_on_the_replica_goes_before_the_record() {
        let both = ["user.a.new", "user.b.copy"];
        assert_eq!(keeps(&both, &["user.a.old"], Some("user.b.copy")), "user.a.new");
        let within = ["user.a.new", "user.a.copy"];
        assert_eq!(keeps(&within, &["user.a.old"], Some("user.a.new")), "user.a.new");
    }

    #[test]
    fn where_the_replica_has_none_the_record_decides_and_else_the_name() {
        let three = ["user.c", "user.a", "user.b"];
        assert_eq!(keeps(&three, &[], Some("user.b")), "user.b");
        assert_eq!(keeps(&three, &[], Some("user.gone")), "user.a");
        assert_eq!(keeps(&three, &[], None), "user.a");
    }
}
