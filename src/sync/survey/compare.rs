//! Compares the replica's state of a mailbox with the master's.
//!
//! Pure: takes both states and returns the first difference, for logs and dry runs. The table in
//! [`crate::types::header`] defines which fields are compared (`is_unchanged` in
//! `imap/sync_support.c`).

use std::collections::BTreeSet;
use std::fmt;

pub(crate) use crate::events::Difference;
use crate::protocol::RemoteFolder;
use crate::sync::pass::Pass;
use crate::types::header::{Compared, FIELDS, Field, Value};
use crate::types::{Annotation, MailboxEntry, MailboxHeader, MailboxState, Text};

fn field(name: &'static str, master: impl fmt::Display, replica: impl fmt::Display) -> Difference {
    Difference::Field { field: name, master: master.to_string(), replica: replica.to_string() }
}

/// Properties of both sides that decide whether some fields are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// The value of the option `reverseacls`.
    pub reverse_acls: bool,
    /// Whether the replica's version is known to support groups of users.
    pub usergroups: bool,
}

impl Known {
    /// Returns these properties for the replica of a pass.
    pub fn of(pass: &Pass<'_>) -> Known {
        Known {
            reverse_acls: pass.settings.reverseacls,
            usergroups: pass.session.capabilities().usergroups,
        }
    }
}

/// Returns whether the values of a field differ so that the mailbox must be sent.
pub fn differ(field: &Field, local: &MailboxHeader, remote: &MailboxHeader, known: Known) -> bool {
    let (here, there) = (field.get(local), field.get(remote));
    match field.compared {
        Compared::Never | Compared::InFull | Compared::AtCreation => false,
        Compared::IfDifferent => here != there,
        Compared::IfReported => there.is_set() && here != there,
        Compared::IfHigher => here.number() > there.number(),
        Compared::WithReverseAcls => {
            known.reverse_acls && there.is_set() && here.number() > there.number()
        }
        Compared::IfBoth => here.is_set() && there.is_set() && here != there,
        Compared::Groups => {
            // Only versions from 3.13 on report the version of the index.
            let knows = known.usergroups || there.is_set() || remote.minor_version != 0;
            here.is_set() && knows && groups(here) != groups(there)
        }
    }
}

/// Returns the groups in a text in which groups are separated by TAB.
fn groups(joined: Value<'_>) -> BTreeSet<&[u8]> {
    let Value::Text(joined) = joined else { return BTreeSet::new() };
    joined.split(|byte| *byte == b'\t').filter(|group| !group.is_empty()).collect()
}

/// Returns the groups of the owner to send in an update. If the owner has left all groups and the
/// replica still has some, returns an empty text, which deletes them (`sync_apply_mailbox` in
/// `imap/sync_support.c`). Cyrus's client does not send that.
pub fn groups_to_send(here: Option<Text>, remote: Option<&RemoteFolder>) -> Option<Text> {
    let there = remote.and_then(|remote| remote.usergroups.as_ref());
    let is_empty = |text: &Text| groups(Value::Text(text.as_bytes())).is_empty();
    here.filter(|here| !is_empty(here) || there.is_some_and(|there| !is_empty(there)))
}

/// Returns the first difference between the headers or the annotations. If this returns `None`, the
/// CRCs must be compared.
pub fn mailbox(
    local: &MailboxState,
    annotations: &[Annotation],
    remote: &RemoteFolder,
    known: Known,
) -> Option<Difference> {
    let found = FIELDS.iter().find(|field| differ(field, local, remote, known));
    found.map(|found| field(found.key, found.get(local), found.get(remote))).or_else(|| {
        (!same_annotations(annotations, &remote.annotations)).then_some(Difference::Annotations)
    })
}

/// Returns the differences of an intermediate (a name in the tree without a mailbox): the name of
/// the field, and the values of both sides. Replication sends the FOLDERMODSEQ of an intermediate
/// as its HIGHESTMODSEQ too, so only FOLDERMODSEQ is compared.
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

/// Returns whether two ordered lists have the same values. Modseqs are not compared
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
    use crate::types::{MboxType, Options};

    const RACL: Known = Known { reverse_acls: true, usergroups: false };

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
        assert_eq!(mailbox(&local, &[], &remote, RACL), None);
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
            match mailbox(&local, &[], &remote, Known::default()) {
                Some(Difference::Field { field, .. }) => assert_eq!(field, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn fields_that_the_replica_does_not_report_are_no_difference() {
        let (local, mut remote) = pair();
        (remote.foldermodseq, remote.raclmodseq) = (None, None);
        assert_eq!(mailbox(&local, &[], &remote, RACL), None);
    }

    #[test]
    fn raclmodseq_counts_only_with_reverse_acls_and_only_if_ours_is_higher() {
        let (mut local, remote) = pair();
        local.header.raclmodseq = Some(6);
        assert_eq!(mailbox(&local, &[], &remote, Known::default()), None);
        assert!(mailbox(&local, &[], &remote, RACL).is_some());
        local.header.raclmodseq = Some(4);
        assert_eq!(mailbox(&local, &[], &remote, RACL), None);
    }

    #[test]
    fn xconvmodseq_counts_only_if_ours_is_higher() {
        let (mut local, remote) = pair();
        local.header.xconvmodseq = Some(39);
        assert_eq!(mailbox(&local, &[], &remote, Known::default()), None);
        local.header.xconvmodseq = Some(41);
        assert!(mailbox(&local, &[], &remote, Known::default()).is_some());
    }

    #[test]
    fn annotations_are_compared_by_value_not_by_modseq() {
        let (local, mut remote) = pair();
        remote.annotations = vec![note("hello", 3)];
        assert_eq!(mailbox(&local, &[note("hello", 4)], &remote, Known::default()), None);
        assert_eq!(
            mailbox(&local, &[note("hullo", 3)], &remote, Known::default()),
            Some(Difference::Annotations)
        );
        assert_eq!(mailbox(&local, &[], &remote, Known::default()), Some(Difference::Annotations));
    }

    fn in_groups(here: Option<&str>, there: Option<&str>) -> (MailboxState, RemoteFolder) {
        let (mut local, mut remote) = pair();
        (local.header.usergroups, remote.header.usergroups) =
            (here.map(Text::from), there.map(Text::from));
        (local, remote)
    }

    #[test]
    fn groups_are_compared_as_sets_where_the_replica_knows_them() {
        let differ = |here, there, usergroups| {
            let (local, remote) = in_groups(here, there);
            mailbox(&local, &[], &remote, Known { usergroups, ..Known::default() }).is_some()
        };
        let (staff, both) = (Some("group:staff"), Some("group:board\tgroup:staff"));
        let turned = Some("group:staff\tgroup:board");
        for known in [false, true] {
            assert!(differ(staff, both, known) && differ(both, staff, known));
            assert!(!differ(both, both, known) && !differ(turned, both, known));
            // If the owner left the last group, `here` is empty. If the master never had groups, it
            // is `None`.
            assert!(differ(Some(""), staff, known));
            assert!(!differ(None, staff, known) && !differ(None, None, known));
            assert!(!differ(Some(""), None, known));
        }
        // A version before 3.12 never reports groups.
        assert!(differ(staff, None, true) && !differ(staff, None, false));
        let (local, mut remote) = in_groups(staff, None);
        remote.header.minor_version = 20;
        assert!(mailbox(&local, &[], &remote, Known::default()).is_some(), "3.13 tells VERSION");
    }

    #[test]
    fn an_update_tells_of_no_groups_only_where_the_replica_has_some() {
        let reported = |here: Option<&str>, there: Option<&str>| {
            let (local, remote) = in_groups(here, there);
            let reported = groups_to_send(local.header.usergroups, Some(&remote));
            reported.map(|text| text.to_string())
        };
        let staff = Some("group:staff");
        assert_eq!(reported(staff, None).as_deref(), staff);
        assert_eq!(reported(staff, staff).as_deref(), staff);
        assert_eq!(reported(Some(""), staff).as_deref(), Some(""));
        assert_eq!(reported(Some(""), None), None);
        assert_eq!(reported(Some(""), Some("")), None);
        assert_eq!(reported(None, staff), None);
        assert_eq!(groups_to_send(Some("".into()), None), None);
    }

    #[test]
    fn ids_of_jmap_differ_if_both_sides_have_one_and_what_an_update_cannot_change_never() {
        let differ = |here: Option<&str>, there: Option<&str>| {
            let (mut local, mut remote) = pair();
            (local.header.jmapid, remote.header.jmapid) =
                (here.map(Text::from), there.map(Text::from));
            (local.header.minor_version, remote.header.minor_version) = (19, 20);
            (local.header.deletedmodseq, remote.header.deletedmodseq) = (30, 1);
            local.header.compact_emailids = Some(1);
            mailbox(&local, &[], &remote, Known::default()).is_some()
        };
        assert!(differ(Some("P-F"), Some("P-V")));
        assert!(!differ(Some("P-F"), Some("P-F")));
        assert!(!differ(None, Some("P-F")) && !differ(Some("P-F"), None));
    }
}
