//! Prevents that data is deleted on the replica only because it is missing on the master.
//!
//! Cyrus removes the subscriptions file and the script directory only together with the user. A
//! user who unsubscribes from everything keeps an empty file. If the file or directory does not
//! exist but the replica has such data, something may be wrong: an option of imapd.conf points
//! elsewhere, a file system is not mounted, or a backup was restored only in part.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::sync::pass::Pass;
use crate::types::UserId;

/// A kind of user data that is stored in one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// Its name in messages.
    pub what: &'static str,
    /// The options of imapd.conf that determine the place.
    pub options: &'static str,
}

/// The subscriptions file.
pub(crate) const SUBSCRIPTIONS: Kept =
    Kept { what: "subscriptions", options: "configdirectory and mboxname_userpath" };
/// The directory of sieve scripts.
pub(crate) const SCRIPTS: Kept = Kept { what: "sieve scripts", options: "sievedir" };

/// Fails with [`Kind::NeedsFullSync`] if user data is missing on the master, the user has an INBOX
/// there, and the replica has such data. Then the replica's data must not be deleted, unless
/// `--allow-repair=missing` allows it. `place` is where the data should be, and `theirs` how much
/// the replica has; `None` if it was not asked.
pub(crate) fn check(
    pass: &Pass<'_>,
    user: &UserId,
    kept: Kept,
    place: Option<&Path>,
    theirs: Option<usize>,
) -> Result<()> {
    let allowed = theirs == Some(0) || pass.settings.fuse.allowed.missing;
    let Some(place) = place.filter(|_| !allowed) else { return Ok(()) };
    // If the user is being deleted or renamed, it is normal that this is missing.
    let inbox = pass.store.lookup(&pass.names.inbox(user))?;
    if inbox.is_none_or(|inbox| inbox.mbtype.is_deleted()) {
        return Ok(());
    }
    let Kept { what, options } = kept;
    let theirs = theirs.map(|count| format!(", and the replica has {count}")).unwrap_or_default();
    let detail = format!(
        "the user's {what} are missing here: there is no {}{theirs}; nothing was deleted on the \
         replica",
        place.display()
    );
    let channel = pass.settings.channel.as_ref();
    let channel = channel.map(|channel| format!("-n {channel} ")).unwrap_or_default();
    let hint = format!(
        "see that {options} in imapd.conf name the right place and that it is mounted, or restore \
         it from a backup; if the user really has none, delete the replica's once: sync_client \
         {channel}--allow-repair=missing -s '{user}'"
    );
    Err(Error::new(Kind::NeedsFullSync, "replicate", user, detail).hint(hint))
}
