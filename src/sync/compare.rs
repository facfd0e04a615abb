//! Does the replica's mailbox differ from the master's, and in what?
//!
//! Pure: two views in, the first difference out, in words for logs and dry runs.
//! The fields are those of `is_unchanged` in `imap/sync_support.c`.

use std::fmt;

use super::remote::RemoteFolder;
pub use crate::events::Difference;
use crate::types::{Annotation, MailboxEntry, MailboxState};

fn field(name: &'static str, master: impl fmt::Display, replica: impl fmt::Display) -> Difference {
    Difference::Field { field: name, master: master.to_string(), replica: replica.to_string() }
}

macro_rules! compare_fields {
    ($($name:literal: $master:expr, $replica:expr;)*) => {
        $(if $master != $replica {
            return Some(field($name, $master, $replica));
        })*
    };
}

/// The first difference that can be told without the records: `None` leaves the CRCs to compare.
///
/// `reverse_acls` is the option `reverseacls`; a raclmodseq that one side does not have is version skew
/// and a higher one on the replica is nothing that sending would mend: neither counts. The same
/// goes for a higher xconvmodseq there, which an `APPLY EXPUNGE` leaves behind.
pub fn mailbox(
    local: &MailboxState,
    annotations: &[Annotation],
    remote: &RemoteFolder,
    reverse_acls: bool,
) -> Option<Difference> {
    compare_fields! {
        "MBOXTYPE": local.mbtype.synced().to_wire(), remote.mbtype.synced().to_wire();
        "LAST_UID": local.last_uid, remote.last_uid;
        "HIGHESTMODSEQ": local.highestmodseq, remote.highestmodseq;
        "UIDVALIDITY": local.uidvalidity, remote.uidvalidity;
        "RECENTUID": local.recentuid, remote.recentuid;
        "RECENTTIME": local.recenttime, remote.recenttime;
        "POP3_LAST_LOGIN": local.pop3_last_login, remote.pop3_last_login;
        "POP3_SHOW_AFTER": local.pop3_show_after, remote.pop3_show_after;
        "OPTIONS": local.options.to_wire(), remote.options.to_wire();
    }
    if let Some(theirs) = remote.foldermodseq
        && theirs != local.foldermodseq
    {
        return Some(field("FOLDERMODSEQ", local.foldermodseq, theirs));
    }
    if local.acl != remote.acl {
        return Some(field("ACL", &local.acl, &remote.acl));
    }
    if let Some(theirs) = remote.raclmodseq
        && reverse_acls
        && local.raclmodseq > theirs
    {
        return Some(field("RACLMODSEQ", local.raclmodseq, theirs));
    }
    if let Some(xconvmodseq) = local.xconvmodseq
        && let theirs = remote.xconvmodseq.unwrap_or(0)
        && xconvmodseq > theirs
    {
        return Some(field("XCONVMODSEQ", xconvmodseq, theirs));
    }
    (!same_annotations(annotations, &remote.annotations)).then_some(Difference::Annotations)
}

/// The difference of an intermediate: a name in the tree without a mailbox behind it.
/// Its HIGHESTMODSEQ on the wire is its FOLDERMODSEQ, so that one tells all.
pub fn intermediate(local: &MailboxEntry, remote: &RemoteFolder) -> Option<Difference> {
    compare_fields! {
        "MBOXTYPE": local.mbtype.synced().to_wire(), remote.mbtype.synced().to_wire();
        "FOLDERMODSEQ": local.foldermodseq, remote.foldermodseq.unwrap_or(0);
        "CREATEDMODSEQ": local.createdmodseq, remote.createdmodseq;
    }
    None
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
    use crate::types::{MboxType, Options, Text};

    fn pair() -> (MailboxState, RemoteFolder) {
        let local = MailboxState {
            last_uid: 9,
            highestmodseq: 40,
            uidvalidity: 7,
            acl: Text::from("fred\tlrs\t"),
            foldermodseq: 12,
            xconvmodseq: Some(40),
            raclmodseq: 5,
            ..MailboxState::default()
        };
        let remote = RemoteFolder {
            last_uid: 9,
            highestmodseq: 40,
            uidvalidity: 7,
            acl: Text::from("fred\tlrs\t"),
            foldermodseq: Some(12),
            xconvmodseq: Some(40),
            raclmodseq: Some(5),
            ..RemoteFolder::default()
        };
        (local, remote)
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
        local.raclmodseq = 6;
        assert_eq!(mailbox(&local, &[], &remote, false), None);
        assert!(mailbox(&local, &[], &remote, true).is_some());
        local.raclmodseq = 4;
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
