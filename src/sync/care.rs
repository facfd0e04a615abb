//! Limits the effect of a mailbox that makes the replica close the connection, so that it does not
//! block all others. Updates are sent ahead of their replies, so a lost connection does not show
//! which mailbox caused it. The second attempt is therefore made with care: each mailbox is
//! completed before the next one is started. If the connection is lost again, the third attempt
//! leaves out the mailbox over which it was lost.

use crate::error::{Error, Kind, Result, Scope, Subject};

/// How many parts of a task are left out before the whole task is given up.
const MOST: usize = 3;

/// The history of lost connections of one task. Each task starts with a new one.
#[derive(Debug, Default)]
pub struct Care {
    careful: bool,
    at: Option<Subject>,
    given_up: Vec<(Subject, Error)>,
}

impl Care {
    /// Records how an attempt ended. Returns whether to try again over a new connection.
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

    /// Starts a part of a task. Fails if it must be left out.
    pub fn begin(&mut self, part: impl Into<Subject>) -> Result<()> {
        if !self.careful {
            return Ok(());
        }
        let part = part.into();
        if let Some((_, error)) = self.given_up.iter().find(|(given_up, _)| *given_up == part) {
            let detail = format!("the connection was lost twice over it: {}", error.detail());
            return Err(Error::new(Kind::ReplicaDenied, "replicate", part, detail)
                .hint(error.hint_text().to_owned())
                .with_scope(Scope::LeftOut)
                .caused_by(error.clone()));
        }
        self.at = Some(part);
        Ok(())
    }

    /// Ends the part that [`Care::begin`] started.
    pub fn end(&mut self) {
        self.at = None;
    }
}

/// Returns whether a mailbox was left out because connections were lost over it. Then it does not
/// help to replicate something larger that contains it.
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
