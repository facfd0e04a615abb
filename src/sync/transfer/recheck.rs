//! Checks the replica's state after updates that the replica did not check.

use super::ladder::send_recomputed;
use crate::error::Result;
use crate::events::SyncEvent;
use crate::sync::failures::Failures;
use crate::sync::pass::Pass;

/// Requests the replica's state of all mailboxes with unchecked updates. A mailbox that differs is
/// sent again, as after a CRC mismatch.
pub(crate) fn verify_sent(pass: &mut Pass<'_>, failures: &mut Failures) -> Result<()> {
    let unchecked = std::mem::take(&mut pass.unchecked);
    let names: Vec<_> = unchecked.iter().map(|one| one.entry.name.clone()).collect();
    let remotes = if names.is_empty() { Vec::new() } else { pass.folders(&names)? };
    for one in unchecked {
        let remote = remotes.iter().find(|r| r.uniqueid == one.entry.uniqueid);
        if !remote.is_some_and(|remote| one.differs(remote)) {
            continue;
        }
        let name = one.entry.name.clone();
        pass.report(SyncEvent::UncheckedDiffers { mailbox: name.clone() });
        pass.forget(&name);
        if let Err(error) = send_recomputed(pass, &one.entry) {
            failures.keep_update(pass, &name, error)?;
        }
    }
    Ok(())
}
