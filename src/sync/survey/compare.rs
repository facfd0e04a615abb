//! Does the replica's mailbox differ from the master's, and in what?
//!
//! Pure: two views in, the first difference out, in words for logs and dry runs.
//! Which fields count is in the table of [`crate::types::header`] (`is_unchanged` in
//! `imap/sync_support.c`).

use std::fmt;

pub(crate) use crate::events::Difference;
use crate::protocol::RemoteFolder;
use crate::types::header::{Compared, FIELDS, Field, Value};
use crate::types::{Annotation, MailboxEntry, MailboxState};

fn field(name: &'static str, master: impl fmt::Display, replica: impl fmt::Display) -> Difference {
    Difference::Field { field: name, master: master.to_string(), replica: replica.to_string() }
}

/// Whether the values of a field differ in a way that matters.
pub fn differ(compared: Compared, here: &Value<'_>, there: &Value<'_>, reverse_acls: bool) -> bool {
    match compared {
        Compared::Never => false,
        Compared::IfDifferent => here != there,
        Compared::IfReported => there.is_set() && here != there,
        Compared::IfHigher => here.number() > there.number(),
        Compared::WithReverseAcls => {
            reverse_acls && there.is_set() && here.number() > there.number()
        }
    }
}

/// The first difference that can be told without the records: `None` leaves the CRCs to compare.
///
/// `reverse_acls` is the option `reverseacls`.
pub fn mailbox(
    local: &MailboxState,
    annotations: &[Annotation],
    remote: &RemoteFolder,
    reverse_acls: bool,
) -> Option<Difference> {
    let differs = |field: &&Field| {
        let (here, there) = (field.get(local), field.get(remote));
        differ(field.compared, &here, &there, reverse_acls)
    };
    let found = FIELDS.iter().find(differs);
    found.map(|found| field(found.key, found.get(local), found.get(remote))).or_else(|| {
        (!same_annotations(annotations, &remote.annotations)).then_some(Difference::Annotations)
    })
}

/// The differences of an intermediate, a name in the tree without a mailbox behind it: the field's
/// name, and what both sides have. Its HIGHESTMODSEQ on the wire is its FOLDERMODSEQ, so that one
/// tells all.
pub fn intermediate(
    local: &MailboxEntry,
    remote: &RemoteFolder,
) -> Vec<(&'static str, String, String)> {
    let (ours, theirs) = (local.mbtype.synced(), remote.mbtype.synced());
    if ours != theirs {
        return vec![("MBOXTYPE", ours.to_wire().to_string(), theirs.to_wire().to_string())];
    }
    let numbers = [
        ("FOLDERMODSEQ", local.foldermodseq, remote.foldermodseq.unwrap_or(0)),
        ("CREATEDMODSEQ", local.createdmodseq, remote.createdmodseq.unwrap_or(0)),
    ];
    let different = numbers.into_iter().filter(|(_, ours, theirs)| ours != theirs);
    different.map(|(key, ours, theirs)| (key, ours.to_string(), theirs.to_string())).collect()
}

/// Whether two ordered lists hold the same values; when they last changed does not matter
/// (`diff_annotations`).
pub fn same_annotations(ours: &[Annotation], theirs: &[Annotation]) -> bool {
    ours.len() == theirs.len()
        && ours
            .iter()
            .zip(theirs)
            .all(|(a, b)| a.entry == b.entry && a.userid == b.userid && a.value == b.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{MailboxHeader, MboxType, Options, Text};

    fn pair() -> (MailboxState, RemoteFolder) {
        let header = MailboxHeader {
            last_uid: 9,
            highestmodseq: 40,
            uidvalidity: 7,
            acl: Text::from("fred\tlrs\t"),
            foldermodseq: Some(12),
            xconvmodseq: Some(40),
            raclmodseq: Some(5),
            ..MailboxHeader::default()
        };
        let local = MailboxState { header: header.clone(), ..MailboxState::default() };
        (local, RemoteFolder { header, ..RemoteFolder::default() })
    }

    fn note(value: &str, modseq: u64) -> Annotation {
        Annotation {
            entry: "/comment".into(),
            userid: Text::default(),
            value: value.into(),
            modseq,
        }
    }

    #[test]
    fn equal_mailboxes_have_no_difference() {
        let (local, remote) = pair();
        assert_eq!(mailbox(&local, &[], &remote, true), None);
    }

    #[test]
    fn every_compared_field_is_noticed_by_its_name() {
        type Change = fn(&mut RemoteFolder);
        let changes: [(&str, Change); 12] = [
            ("MBOXTYPE", |r| r.mbtype = MboxType::from_wire(b"c").unwrap()),
            ("LAST_UID", |r| r.last_uid = 8),
            ("HIGHESTMODSEQ", |r| r.highestmodseq = 39),
            ("UIDVALIDITY", |r| r.uidvalidity = 8),
            ("RECENTUID", |r| r.recentuid = 1),
            ("RECENTTIME", |r| r.recenttime = 1),
            ("POP3_LAST_LOGIN", |r| r.pop3_last_login = 1),
            ("POP3_SHOW_AFTER", |r| r.pop3_show_after = 1),
            ("OPTIONS", |r| r.options = Options(Options::IMAP_SHAREDSEEN)),
            ("FOLDERMODSEQ", |r| r.foldermodseq = Some(11)),
            ("ACL", |r| r.acl = Text::from("fred\tlr\t")),
            ("XCONVMODSEQ", |r| r.xconvmodseq = None),
        ];
        for (name, change) in changes {
            let (local, mut remote) = pair();
            change(&mut remote);
            match mailbox(&local, &[], &remote, false) {
                Some(Difference::Field { field, .. }) => assert_eq!(field, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_the_replica_does_not_tell_is_no_difference() {
        let (local, mut remote) = pair();
        (remote.foldermodseq, remote.raclmodseq) = (None, None);
        assert_eq!(mailbox(&local, &[], &remote, true), None);
    }

    #[test]
    fn raclmodseq_counts_only_with_reverse_acls_and_only_if_ours_is_higher() {
        let (mut local, remote) = pair();
        local.raclmodseq = Some(6);
        assert_eq!(mailbox(&local, &[], &remote, false), None);
        assert!(mailbox(&local, &[], &remote, true).is_some());
        local.raclmodseq = Some(4);
        assert_eq!(mailbox(&local, &[], &remote, true), None);
    }

    #[test]
    fn xconvmodseq_counts_only_if_ours_is_higher() {
        let (mut local, remote) = pair();
        local.xconvmodseq = Some(39);
        assert_eq!(mailbox(&local, &[], &remote, false), None);
        local.xconvmodseq = Some(41);
        assert!(mailbox(&local, &[], &remote, false).is_some());
    }

    #[test]
    fn annotations_are_compared_by_value_not_by_modseq() {
        let (local, mut remote) = pair();
        remote.annotations = vec![note("hello", 3)];
        assert_eq!(mailbox(&local, &[note("hello", 4)], &remote, false), None);
        assert_eq!(
            mailbox(&local, &[note("hullo", 3)], &remote, false),
            Some(Difference::Annotations)
        );
        assert_eq!(mailbox(&local, &[], &remote, false), Some(Difference::Annotations));
    }
}
