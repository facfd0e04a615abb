//! Asks which of the messages that are to be sent the replica has already (`APPLY RESERVE`).

use crate::error::Result;
use crate::events::SyncEvent;
use crate::protocol::{Command, Reserve};
use crate::sync::pass::Pass;
use crate::sync::survey::snapshot::Snapshot;
use crate::types::MboxName;

/// Notes the files that an update needs.
pub(crate) fn want_files(pass: &mut Pass<'_>, snapshot: &Snapshot) {
    for record in snapshot.new_messages() {
        pass.staged.want(&snapshot.header.partition, record.guid);
    }
}

/// Asks the replica which of the wanted files it has in the mailboxes `among`.
pub(crate) fn reserve(pass: &mut Pass<'_>, among: &[MboxName]) -> Result<()> {
    if among.is_empty() {
        return Ok(()); // nowhere to find them
    }
    let mut asked = Vec::new();
    for (partition, guids) in pass.staged.ask() {
        let reserve = Reserve { partition: &partition, among, guids: &guids };
        let ticket = pass.session.submit(Command::Reserve(reserve))?;
        asked.push((partition, guids, ticket));
    }
    for (partition, guids, ticket) in asked {
        let missing = match pass.session.wait(ticket) {
            Ok(reply) => reply.missing()?,
            Err(error) if error.is_connection() => return Err(error),
            Err(error) => {
                // It is only about sending less.
                pass.report(SyncEvent::SendingAllMessages { error });
                guids.clone()
            }
        };
        pass.staged.answered(&partition, &guids, &missing);
    }
    Ok(())
}
