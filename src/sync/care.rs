//! Keeps a mailbox that makes the replica close the connection from blocking all other mailboxes.
//! Updates are sent ahead of their replies, so a lost connection does not show which mailbox caused
//! the loss. The second attempt is therefore made with care: each mailbox is completed before the
//! next one is started. If the connection is lost again, the third attempt leaves out the mailbox
//! that was being sent at that moment.

use crate::error::{Error, Kind, Result, Scope, Subject};

/// Maximum number of parts of a task (mailboxes, or kinds of a user's data) that are left out. If
/// the connection is lost over one more, the whole task fails.
const MOST: usize = 3;

/// The history of lost connections of one task. Each task starts with a new one.
#[derive(Debug, Default)]
pub struct Care {
    careful: bool,
    at: Option<Subject>,
    given_up: Vec<(Subject, Error)>,
}

impl Care {
    /// Records the error that ended an attempt. Returns whether to try again over a new connection.
    pub fn another_try(&mut self, error: &Error) -> bool {
        if !error.kind().is_lost() {
            return false;
        }
        if !self.careful {
            self.careful = true;
            return true;
        }
        match self.at.take() {
            Some(part) if self.given_up.len() < MOST && error.kind() != Kind::Timeout => {
                self.given_up.push((part, error.clone()));
                true
            }
            _ => false,
        }
    }

    /// Returns whether each part must be completed before the next one is started.
    pub fn is_careful(&self) -> bool {
        self.careful
    }

    /// Starts a part of a task. Fails if the part must be left out, because the connection was lost
    /// over it before.
    pub fn begin(&mut self, part: impl Into<Subject>) -> Result<()> {
        if !self.careful {
            return Ok(());
        }
        let part = part.into();
        if let Some((_, error)) = self.given_up.iter().find(|(given_up, _)| *given_up == part) {
            let detail =
                format!("the connection was lost twice during this task: {}", error.detail());
            return Err(Error::new(Kind::ReplicaDenied, "replicate", part, detail)
                .with_hint(error.hint().to_owned())
                .with_scope(Scope::LeftOut)
                .with_source(error.clone()));
        }
        self.at = Some(part);
        Ok(())
    }

    /// Ends the part that [`Care::begin`] started.
    pub fn end(&mut self) {
        self.at = None;
    }
}

/// Returns whether a mailbox was left out because connections were lost over it. Replicating the
/// mailbox's whole user instead would not help then.
pub fn is_left_out(error: &Error) -> bool {
    error.scope() == Scope::LeftOut
}

/// Returns whether an error concerns only one mailbox.
pub(crate) fn is_of_mailbox_alone(error: &Error) -> bool {
    error.scope() != Scope::Unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(kind: Kind) -> Error {
        Error::new(kind, "read from", "the replica", "it closed the connection")
    }

    #[test]
    fn a_unit_is_tried_again_as_long_as_it_is_known_what_to_leave_out() {
        let mut care = Care::default();
        assert!(care.another_try(&lost(Kind::Closed)));
        assert!(!care.another_try(&lost(Kind::Closed)), "nobody knows over what");
        for name in ["a", "b", "c"] {
            care.at = Some(name.into());
            assert!(care.another_try(&lost(Kind::Protocol)));
        }
        care.at = Some("d".into());
        assert!(!care.another_try(&lost(Kind::Protocol)));
        assert_eq!(care.given_up.len(), MOST);
        for kind in [Kind::Auth, Kind::Tls, Kind::Connect, Kind::Corrupt, Kind::Cancelled] {
            assert!(!Care::default().another_try(&lost(kind)), "{kind:?}");
        }
    }
}
