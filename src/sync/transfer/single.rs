//! Sends a single update: its files, then the update, and waits for the result.

use super::pending::confirmed;
use super::unchecked::Unchecked;
use super::upload::{Base, Prepared, Update, confirm, prepare};
use crate::error::{Error, Kind, Result};
use crate::protocol::Command;
use crate::sync::pass::Pass;

/// Sends the update of one mailbox with its files, and waits for the result.
pub(crate) fn send_alone(pass: &mut Pass<'_>, base: &Base<'_>) -> Result<()> {
    let Prepared::Update(update) = prepare(pass, base)? else { return Ok(()) };
    let Update { snapshot, uploads, amount, damage, .. } = *update;
    confirm(pass, uploads, &snapshot.header.partition)?;
    // The update changes the replica's state, so remove the cached state.
    pass.forget(&base.entry.name);
    pass.forget_groups(&snapshot.header);
    let update = snapshot.update(pass.settings.local_only);
    let ticket = pass.session.submit(Command::Mailbox(update))?;
    pass.session.wait(ticket)?;
    if let Some(unchecked) = Unchecked::of(base.entry, &snapshot) {
        verify(pass, &unchecked)?;
    }
    pass.report(confirmed(&snapshot, amount, snapshot.whole && damage.is_none()));
    damage.map_or(Ok(()), Err)
}

/// Requests the replica's state after an update that the replica did not check. Fails with
/// [`Kind::ReplicaChecksum`] if that state differs from the state that was sent.
fn verify(pass: &mut Pass<'_>, unchecked: &Unchecked) -> Result<()> {
    let entry = &unchecked.entry;
    let found = pass.folders(std::slice::from_ref(&entry.name))?;
    let remote = found.iter().find(|r| r.uniqueid == entry.uniqueid);
    if remote.is_some_and(|remote| unchecked.differs(remote)) {
        let detail = "the replica's records differ from those that were sent";
        return Err(Error::new(Kind::ReplicaChecksum, "update mailbox", &entry.name, detail));
    }
    Ok(())
}
