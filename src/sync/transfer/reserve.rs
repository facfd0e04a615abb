//! Asks the replica which of the messages to send it already has (`APPLY RESERVE`).

use crate::error::Result;
use crate::events::SyncEvent;
use crate::protocol::{Command, Reserve};
use crate::sync::pass::Pass;
use crate::sync::survey::snapshot::Snapshot;
use crate::types::{MboxName, Record};

/// The replica is always asked for larger messages, whatever their dates are, because sending such
/// a message costs more than a round trip.
const NOT_WORTH_ASKING: u64 = 64 << 10;

/// Records the files that an update needs and that the replica may have.
pub(crate) fn want_files(pass: &mut Pass<'_>, snapshot: &Snapshot) {
    for record in snapshot.new_messages().filter(|record| !is_delivered(record)) {
        pass.staged.want(&snapshot.header.partition, record.guid);
    }
}

/// Records all files that an update needs.
pub(crate) fn want_all_files(pass: &mut Pass<'_>, snapshot: &Snapshot) {
    for record in snapshot.new_messages() {
        pass.staged.want(&snapshot.header.partition, record.guid);
    }
}

/// Returns whether a message was delivered to this mailbox. Then the replica has it nowhere else,
/// and asking would only cost time. A copy keeps the date of the original. If the dates are
/// misleading, the message is sent although the replica has it, which does no harm.
fn is_delivered(record: &Record) -> bool {
    let came = if record.savedate == 0 { record.last_updated } else { record.savedate };
    record.size <= NOT_WORTH_ASKING && came.abs_diff(record.internaldate) <= 1
}

/// Asks the replica which of the recorded files it has in the mailboxes `among`.
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
                // Ignore the error, because the answer would only reduce the amount of data.
                pass.report(SyncEvent::SendingAllMessages { error });
                guids.clone()
            }
        };
        pass.staged.answered(&partition, &guids, &missing);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_where_it_arrived_is_not_asked_for_and_a_copy_is() {
        let record = Record { internaldate: 100, last_updated: 101, size: 5, ..Record::default() };
        assert!(is_delivered(&record), "as old indexes have it");
        assert!(is_delivered(&Record { savedate: 100, last_updated: 900, ..record }), "flags");
        assert!(!is_delivered(&Record { last_updated: 103, ..record }));
        assert!(!is_delivered(&Record { savedate: 200, ..record }));
        assert!(!is_delivered(&Record { size: NOT_WORTH_ASKING + 1, ..record }));
    }
}
