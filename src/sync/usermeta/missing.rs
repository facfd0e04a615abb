//! Prevents the deletion of a user's data on the replica only because the file or directory is
//! missing on the master.
//!
//! Cyrus removes the subscriptions file and the script directory only together with the user. A
//! user who unsubscribes from everything keeps a file without entries. If the file or directory is
//! missing but the replica has such data, something may be wrong: an option of imapd.conf points
//! elsewhere, a file system is not mounted, or a backup was restored only in part.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::sync::pass::Pass;
use crate::types::UserId;

/// A kind of user data that is stored in one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// Name of the data in messages.
    pub what: &'static str,
    /// What is wrong with the path if the data is missing, in messages.
    pub is_missing: &'static str,
    /// Options of imapd.conf that determine where the data is stored.
    pub options: &'static str,
}

/// The subscriptions file.
pub(crate) const SUBSCRIPTIONS: Kept = Kept {
    what: "subscriptions",
    is_missing: "does not exist or has no content",
    options: "configdirectory and mboxname_userpath",
};
/// The directory of sieve scripts.
pub(crate) const SCRIPTS: Kept =
    Kept { what: "sieve scripts", is_missing: "does not exist", options: "sievedir" };

/// Fails with [`Kind::NeedsFullSync`] if user data is missing on the master, the user has an INBOX
/// there, and the replica has such data. The replica's data must not be deleted in that case,
/// unless `--allow-repair=missing` allows it. `place` is the path of the missing file or directory,
/// or `None` if nothing is missing. `theirs` is the number of items on the replica, or `None` if it
/// is unknown.
pub(crate) fn check(
    pass: &Pass<'_>,
    user: &UserId,
    kept: Kept,
    place: Option<&Path>,
    theirs: Option<usize>,
) -> Result<()> {
    let allowed = theirs == Some(0) || pass.settings.fuse.allowed.missing;
    let Some(place) = place.filter(|_| !allowed) else { return Ok(()) };
    // While a user is being deleted or renamed, missing files are normal.
    let inbox = pass.store.lookup(&pass.names.inbox(user))?;
    if inbox.is_none_or(|inbox| inbox.mbtype.is_deleted()) {
        return Ok(());
    }
    let Kept { what, is_missing, options } = kept;
    let theirs = theirs.map(|count| format!(", and the replica has {count}")).unwrap_or_default();
    let detail = format!(
        "the user's {what} are missing on this server: {} {is_missing}{theirs}; nothing was deleted \
         on the replica",
        place.display()
    );
    let channel = pass.settings.channel.as_ref();
    let channel = channel.map(|channel| format!("-n {channel} ")).unwrap_or_default();
    let hint = format!(
        "check that {options} in imapd.conf name the right place and that it is mounted, or \
         restore it from a backup; if the user really has none, delete those of the replica once: \
         sync_client {channel}--allow-repair=missing -s '{user}'"
    );
    Err(Error::new(Kind::NeedsFullSync, "replicate", user, detail).with_hint(hint))
}
