//! Functions for the names of mailboxes.

use crate::types::{MboxName, UserId};

/// Returns the names above a mailbox, the nearest first. The last one for a mailbox of a user is
/// the INBOX.
pub(in crate::sim) fn parents(name: &MboxName) -> Vec<MboxName> {
    let mut parents = Vec::new();
    let mut rest = name.as_bytes();
    while let Some(dot) = rest.iter().rposition(|byte| *byte == b'.') {
        rest = &rest[..dot];
        parents.push(MboxName::new(rest));
    }
    if name.as_bytes().starts_with(b"user.") {
        parents.pop();
    }
    parents
}

/// Returns the owner of a mailbox. The mailbox may be deleted.
pub(in crate::sim) fn owner(name: &MboxName) -> Option<UserId> {
    let name = name.as_bytes();
    let name = name.strip_prefix(b"DELETED.").unwrap_or(name);
    let rest = name.strip_prefix(b"user.")?;
    Some(UserId::new(rest.split(|byte| *byte == b'.').next().unwrap_or_default()))
}

pub(in crate::sim) fn inbox(user: &UserId) -> MboxName {
    MboxName::from(&*format!("user.{user}"))
}

pub(in crate::sim) fn is_deleted_name(name: &MboxName) -> bool {
    name.as_bytes().starts_with(b"DELETED.")
}

/// Returns whether `name` is equal to `above` or below it.
pub(in crate::sim) fn is_within(name: &MboxName, above: &[u8]) -> bool {
    let rest = name.as_bytes().strip_prefix(above);
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'.')))
}
