//! Finds the cause of the refusal `IMAP_MAILBOX_MOVED`: the replica reports that a mailbox exists
//! with another name or uniqueid. Usually the mailbox was renamed or created meanwhile, and another
//! try succeeds. But Cyrus up to 3.6 may also have purged a mailbox and kept the record that leads
//! from its uniqueid to its name (`mboxlist_deletemailbox`). Then no such mailbox exists, and the
//! replica refuses the update forever.

use crate::error::{Error, Kind, Result};
use crate::protocol::Command;
use crate::sync::failures::ends_all;
use crate::sync::pass::Pass;
use crate::types::MailboxEntry;

/// Returns the error of an update, with its cause on the replica if that can be determined.
pub(crate) fn explained(pass: &mut Pass<'_>, entry: &MailboxEntry, error: Error) -> Error {
    // After a concurrent change another try succeeds. So look for another cause only at the second
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
        "the replica's mailboxes.db has a stale record of the uniqueid {id}, which leads to a \
         mailbox that does not exist ({})",
        error.detail()
    );
    // This kind of error is not tried again, because another try cannot succeed.
    Error::new(Kind::ReplicaDenied, "replica refused mailbox", &entry.name, detail)
        .with_hint(format!(
            "on the replica, remove this one record: as the cyrus user run \"cyr_dbtool \
             CONFIGDIRECTORY/mailboxes.db twoskip delete I{id}\" with the replica's \
             configdirectory (if mboxlist_db is set there, write its value in place of twoskip); \
             then replicate again"
        ))
        .with_source(error)
}
