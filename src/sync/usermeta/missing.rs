//! What a user is missing here altogether is not deleted on the replica.
//!
//! Cyrus removes the file of subscriptions and the directory of scripts only with the user: who
//! unsubscribes from everything keeps an empty file. Where there is none at all and the replica has
//! some, an option of imapd.conf may point elsewhere, a file system not be mounted, a backup be
//! restored in part.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::sync::pass::Pass;
use crate::types::UserId;

/// Something of a user that is kept in one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// What it is, for people.
    pub what: &'static str,
    /// The options of imapd.conf that say where it is.
    pub options: &'static str,
}

/// Subscriptions.
pub(crate) const SUBSCRIPTIONS: Kept =
    Kept { what: "subscriptions", options: "configdirectory and mboxname_userpath" };
/// Sieve scripts in a directory.
pub(crate) const SCRIPTS: Kept = Kept { what: "sieve scripts", options: "sievedir" };

/// Fails with [`Kind::NeedsFullSync`] if something of a user is missing here (`place` is where it should
/// be), the replica has some of it (`theirs`; `None` if it was not asked), and the user has an INBOX
/// here: then the replica's is not to be deleted, unless `--allow-repair=missing` says so.
pub(crate) fn check(
    pass: &Pass<'_>,
    user: &UserId,
    kept: Kept,
    place: Option<&Path>,
    theirs: Option<usize>,
) -> Result<()> {
    let allowed = theirs == Some(0) || pass.settings.fuse.allowed.missing;
    let Some(place) = place.filter(|_| !allowed) else { return Ok(()) };
    // A user who is being deleted or renamed has none, rightly.
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
