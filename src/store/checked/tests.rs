use std::collections::HashSet;
use std::ops::ControlFlow;

use super::mailbox::CheckedMailbox;
use crate::error::{Kind, Result, Subject};
use crate::store::MessageFile;
use crate::store::read::{Crcs, ReadMailbox as _};
use crate::store::traits::{Mailbox, MailboxFiles, Records};
use crate::types::{
    Annotation, InternalFlags, MailboxHeader, MailboxState, Record, SyncCrcs, Text, Uid,
};

/// A mailbox that returns what the test sets.
#[derive(Default)]
struct Recorded {
    state: MailboxState,
    uids: Vec<Uid>,
    content: Vec<u8>,
}

impl MailboxFiles for Recorded {
    fn message(&self, _: &Record) -> Result<MessageFile> {
        Ok(self.content.clone().into())
    }
    fn message_name(&self, record: &Record) -> Subject {
        Subject::message("user.fred", record.uid, None)
    }
}

impl Mailbox for Recorded {
    fn state(&self) -> &MailboxState {
        &self.state
    }
    fn annotations(&self) -> Result<Vec<Annotation>> {
        Ok(vec![annotation("/b"), annotation("/a"), annotation("/b")])
    }
    fn scan(
        &mut self,
        _: Records,
        visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.uids.iter().try_for_each(|uid| visit(&record(*uid)).map(drop))
    }
    fn visit_annotations(
        &self,
        _: &[Uid],
        visit: &mut dyn FnMut(Uid, Annotation) -> Result<()>,
    ) -> Result<()> {
        self.uids.iter().try_for_each(|uid| visit(*uid, annotation("/a")))
    }
    fn unlock_index(&mut self) {}
}

fn annotation(entry: &str) -> Annotation {
    let (userid, value) = (Text::default(), Text::from("x"));
    Annotation { entry: entry.into(), userid, value, modseq: 0 }
}

fn record(uid: Uid) -> Record {
    Record { uid, size: 4, ..Record::default() }
}

fn recorded(uids: &[Uid]) -> Recorded {
    let header = MailboxHeader {
        name: "user.fred".into(),
        uniqueid: "id".into(),
        minor_version: 17,
        ..MailboxHeader::default()
    };
    let num_records = u32::try_from(uids.len()).unwrap();
    let state = MailboxState { header, num_records, ..MailboxState::default() };
    Recorded { state, uids: uids.to_vec(), content: b"text".to_vec() }
}

fn checked(recorded: Recorded) -> Result<CheckedMailbox<'static>> {
    CheckedMailbox::new(Box::new(recorded), &"user.fred".into())
}

fn scanned(uids: &[Uid], records: Records) -> Result<Vec<Uid>> {
    let mut seen = Vec::new();
    checked(recorded(uids))?.scan(records, &mut |record| {
        seen.push(record.uid);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(seen)
}

#[test]
fn records_are_visited_once_in_order_and_only_the_requested_ones() {
    assert_eq!(scanned(&[1, 3, 9], Records::All).unwrap(), [1, 3, 9]);
    assert_eq!(scanned(&[1, 3, 9], Records::After(1)).unwrap(), [3, 9]);
    let refused = |uids: &[Uid]| scanned(uids, Records::All).unwrap_err().kind();
    assert_eq!(refused(&[0, 1, 2]), Kind::Corrupt);
    for senseless in [[1, 1, 2], [2, 1, 3]] {
        assert_eq!(refused(&senseless), Kind::Host);
    }
}

#[test]
fn a_mailbox_that_cannot_be_is_not_opened() {
    let spoil: [fn(&mut MailboxState); 5] = [
        |state| state.header.name = "user.anna".into(),
        |state| state.header.uniqueid = "".into(),
        |state| state.header.minor_version = 99,
        |state| state.flags = vec![Some(Text::from("flag")); 129],
        |state| state.header.usergroups = Some("x".repeat(2 << 20).as_str().into()),
    ];
    for spoil in spoil {
        let mut recorded = recorded(&[]);
        spoil(&mut recorded.state);
        assert!(checked(recorded).is_err());
    }
    let mut recorded = recorded(&[]);
    recorded.state.flags = vec![None, Some("flag".into()), None];
    let checked = checked(recorded).unwrap();
    assert_eq!((checked.state().flags.len(), checked.state().highestmodseq), (2, 1));
}

#[test]
fn messages_have_the_size_of_their_record() {
    let mailbox = checked(recorded(&[1])).unwrap();
    assert_eq!(mailbox.message(&record(1)).unwrap().byte_len(), 4);
    let longer = Record { size: 5, ..record(1) };
    assert_eq!(mailbox.message(&longer).unwrap_err().kind(), Kind::Corrupt);
    let internal_flags = InternalFlags(InternalFlags::UNLINKED);
    let unlinked = Record { internal_flags, ..record(1) };
    assert!(mailbox.message(&unlinked).unwrap_err().detail().contains("removed"));
}

#[test]
fn annotations_are_sorted_and_only_of_the_requested_messages() {
    let mailbox = checked(recorded(&[1, 2, 3])).unwrap();
    let entries: HashSet<_> = mailbox.annotations().unwrap().into_iter().map(|a| a.entry).collect();
    assert_eq!(entries.len(), mailbox.annotations().unwrap().len());
    assert!(mailbox.annotations().unwrap().is_sorted());
    let mut found = mailbox.message_annotations(&[2]).unwrap();
    assert_eq!(
        [1, 2, 3].map(|uid| found.take(&Record { uid, ..Record::default() }, 17).len()),
        [0, 1, 0]
    );
}

#[test]
fn crcs_are_summed_up_in_the_pass_that_visits_the_records() {
    let mut mailbox = checked(recorded(&[1, 2])).unwrap();
    let mut visited = 0;
    let mut count = |_: &Record| {
        visited += 1;
        Ok(())
    };
    let summed = mailbox.scan_all(Crcs::Recomputed, &mut count).unwrap();
    assert_eq!(visited, 2);
    assert_ne!(summed, SyncCrcs::UNKNOWN);
    assert_eq!(mailbox.crcs(Crcs::Recomputed).unwrap(), summed);
    assert_eq!(mailbox.crcs(Crcs::Stored).unwrap(), SyncCrcs::UNKNOWN);
}

#[test]
fn without_the_index_lock_nothing_is_read_of_the_index() {
    let mut mailbox = checked(recorded(&[1])).unwrap();
    mailbox.unlock_index();
    for refused in [
        mailbox.scan_all(Crcs::Stored, &mut |_| Ok(())).map(drop),
        mailbox.crcs(Crcs::Recomputed).map(drop),
        mailbox.message_annotations(&[1]).map(drop),
    ] {
        assert_eq!(refused.unwrap_err().kind(), Kind::InvalidArgument);
    }
    assert!(mailbox.message(&record(1)).is_ok());
}
