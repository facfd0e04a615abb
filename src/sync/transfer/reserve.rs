//! Asks the replica which of the messages to send it has already (`APPLY RESERVE`).

use crate::error::Result;
use crate::events::SyncEvent;
use crate::protocol::{Command, Reserve};
use crate::sync::pass::Pass;
use crate::sync::survey::snapshot::Snapshot;
use crate::types::{MboxName, Record};

/// For messages larger than this, in bytes, the replica is always asked, whatever their dates are,
/// because sending such a message costs more than a round trip.
const NOT_WORTH_ASKING: u64 = 64 << 10;

/// Adds to the list of files to ask for the files that an update needs and that the replica may
/// have.
pub(crate) fn want_files(pass: &mut Pass<'_>, snapshot: &Snapshot) {
    for record in snapshot.new_messages().filter(|record| !is_delivered(record)) {
        pass.staged.want(&snapshot.header.partition, record.guid);
    }
}

/// Adds to the list of files to ask for all files that an update needs.
pub(crate) fn want_all_files(pass: &mut Pass<'_>, snapshot: &Snapshot) {
    for record in snapshot.new_messages() {
        pass.staged.want(&snapshot.header.partition, record.guid);
    }
}

/// Returns whether a message was delivered to this mailbox. Such a message is in no other mailbox
/// of the replica, so a request would only cost time. A copy has the date of the original. If the
/// dates are misleading, the message is sent although the replica has it, which does no harm.
fn is_delivered(record: &Record) -> bool {
    let came = if record.savedate == 0 { record.last_updated } else { record.savedate };
    record.size <= NOT_WORTH_ASKING && came.abs_diff(record.internaldate) <= 1
}

/// Asks the replica which of the listed files it has in the mailboxes `among`.
pub(crate) fn reserve(pass: &mut Pass<'_>, among: &[MboxName]) -> Result<()> {
    if among.is_empty() {
        return Ok(()); // The replica has no mailbox that could contain a file.
    }
    let mut asked = Vec::new();
    for (partition, guids) in pass.staged.ask() {
        let reserve = Reserve { partition: &partition, among, guids: &guids };
        let ticket = pass.session.submit(Command::Reserve(reserve))?;
        asked.push(((partition, guids), ticket));
    }
    pass.each_reply(asked, |pass, (partition, guids), reply| {
        let missing = match reply {
            Ok(reply) => reply.missing()?,
            Err(error) if error.is_connection() => return Err(error),
            Err(error) => {
                // Continue, because the reply would only reduce the number of files to send.
                pass.report(SyncEvent::SendingAllMessages { error });
                guids.clone()
            }
        };
        pass.staged.answered(&partition, &guids, &missing);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_possible_copies_are_looked_up_on_the_replica() {
        let record = Record { internaldate: 100, last_updated: 101, size: 5, ..Record::default() };
        assert!(is_delivered(&record), "as old indexes have it");
        assert!(is_delivered(&Record { savedate: 100, last_updated: 900, ..record }), "flags");
        assert!(!is_delivered(&Record { last_updated: 103, ..record }));
        assert!(!is_delivered(&Record { savedate: 200, ..record }));
        assert!(!is_delivered(&Record { size: NOT_WORTH_ASKING + 1, ..record }));
    }
}
