//! Explains the refusal `IMAP_MAILBOX_MOVED`: the replica says that a mailbox exists with another
//! name or uniqueid. Usually it was renamed or created meanwhile, and another try succeeds. But
//! Cyrus may also have purged a mailbox and kept the record that leads from its uniqueid to its
//! name (`mboxlist_deletemailbox` up to 3.6). Then there is no such mailbox to be found, and the
//! replica refuses it forever.

use crate::error::{Error, Kind, Result};
use crate::protocol::Command;
use crate::sync::failures::ends_all;
use crate::sync::pass::Pass;
use crate::types::MailboxEntry;

/// Returns the error of an update, with its cause on the replica if that can be determined.
pub(crate) fn explained(pass: &mut Pass<'_>, entry: &MailboxEntry, error: Error) -> Error {
    // Concurrent changes are settled by another try. So send the two requests only at the second
    // refusal.
    if error.kind() != Kind::ReplicaMoved || pass.moved.insert(entry.uniqueid.clone()) {
        return error;
    }
    match is_nowhere(pass, entry) {
        Ok(true) => stale(entry, error),
        Ok(false) => error,
        Err(lost) if ends_all(&lost) => lost,
        Err(_) => error,
    }
}

/// Returns whether the replica has no mailbox with this name and none with this uniqueid.
fn is_nowhere(pass: &mut Pass<'_>, entry: &MailboxEntry) -> Result<bool> {
    let ids = std::slice::from_ref(&entry.uniqueid);
    let ticket = pass.session.submit(Command::GetUniqueIds(ids))?;
    let by_id = pass.session.wait(ticket)?.into_folders()?;
    let by_name = pass.folders(std::slice::from_ref(&entry.name))?;
    Ok(by_id.is_empty() && by_name.is_empty())
}

fn stale(entry: &MailboxEntry, error: Error) -> Error {
    let id = &entry.uniqueid;
    let detail = format!(
        "it keeps a stale record of the uniqueid {id}: that leads to a mailbox which is not there \
         any more ({})",
        error.detail()
    );
    // This kind does not lead to another try, which could not succeed.
    Error::new(Kind::ReplicaDenied, "replica refused mailbox", &entry.name, detail)
        .hint(format!(
            "on the replica, remove this one record: as the cyrus user run \"cyr_dbtool \
             CONFIGDIRECTORY/mailboxes.db twoskip delete I{id}\" with its configdirectory (and \
             mboxlist_db in the place of twoskip if that is set); then replicate again"
        ))
        .caused_by(error)
}
