//! Checks that a scan visited all records of a mailbox. If a scan missed a record, the message
//! would be missing on the replica. CRCs would not show that, because they can be computed from the
//! same incomplete scan.

use crate::error::{Error, Kind, Result};
use crate::types::{MailboxState, Record};

const HINT: &str = "run reconstruct on the mailbox; if a program supplies the mail store and that \
                    does not help, the program leaves records out";

/// Counts the records that a scan visits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RecordCount {
    all: u64,
    living: u64,
}

impl RecordCount {
    /// Counts a record.
    pub(crate) fn add(&mut self, record: &Record) {
        self.all += 1;
        self.living += u64::from(!record.is_expunged());
    }

    /// Compares the numbers of visited records and messages with the header of the mailbox.
    ///
    /// It is no error if there are more unexpunged messages than the header's EXISTS, because all
    /// of them are replicated.
    ///
    /// # Errors
    /// [`Kind::Corrupt`] if the number of records differs from the header, or if there are fewer
    /// unexpunged messages than EXISTS.
    pub(crate) fn check(self, state: &MailboxState) -> Result<()> {
        let RecordCount { all, living } = self;
        let detail = match state.exists {
            _ if all != u64::from(state.num_records) => {
                format!("there are {all} records, but the header counts {}", state.num_records)
            }
            Some(exists) if living < u64::from(exists) => {
                format!("{living} messages are not expunged, but the header counts {exists}")
            }
            _ => return Ok(()),
        };
        let name = state.name.to_string();
        Err(Error::new(Kind::Corrupt, "read records of mailbox", name, detail).with_hint(HINT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{InternalFlags, MailboxHeader};

    fn check(living: u32, expunged: u32, num_records: u32, exists: Option<u32>) -> Result<()> {
        let gone = InternalFlags(InternalFlags::EXPUNGED);
        let mut count = RecordCount::default();
        (0..living).for_each(|_| count.add(&Record::default()));
        (0..expunged)
            .for_each(|_| count.add(&Record { internal_flags: gone, ..Record::default() }));
        let header = MailboxHeader { name: "user.fred".into(), ..MailboxHeader::default() };
        count.check(&MailboxState { header, num_records, exists, ..MailboxState::default() })
    }

    #[test]
    fn a_count_that_is_not_the_headers_is_an_error_that_names_the_mailbox() {
        check(2, 1, 3, None).unwrap();
        check(2, 1, 3, Some(2)).unwrap();
        check(2, 1, 3, Some(0)).unwrap();
        for (found, num_records, exists) in
            [((2, 1), 4, None), ((2, 1), 2, Some(2)), ((2, 1), 3, Some(3)), ((0, 0), 1, None)]
        {
            let error = check(found.0, found.1, num_records, exists).unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt);
            let text = error.to_string();
            assert!(text.contains("user.fred") && text.contains("reconstruct"), "{text}");
        }
    }
}
