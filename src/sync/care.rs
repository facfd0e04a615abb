//! What a replica dies of must not keep the rest from it. Replies come in order but updates are
//! sent ahead, so a connection that is lost does not tell whose fault it was. The second try is
//! therefore made with care: one mailbox after the other, each to its end. Over which the
//! connection is lost again is left out of the third.

use crate::error::{Error, Kind, Result, Scope, Subject};

/// Parts of a task that are left out before the task is given up as a whole.
const MOST: usize = 3;

/// What is known about connections that were lost over a task. New for each task.
#[derive(Debug, Default)]
pub struct Care {
    careful: bool,
    at: Option<Subject>,
    given_up: Vec<(Subject, Error)>,
}

impl Care {
    /// Takes note of how an attempt ended. Whether it is worth another, over a new connection.
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

    /// Whether each part must be seen through before the next is begun.
    pub fn is_careful(&self) -> bool {
        self.careful
    }

    /// Begins with a part of a task. Fails if it must be left out.
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

    /// Ends with the part that [`Care::begin`] began.
    pub fn end(&mut self) {
        self.at = None;
    }
}

/// Whether a mailbox was left out because connections were lost over it: looking at more than it
/// is of no use.
pub fn is_left_out(error: &Error) -> bool {
    error.scope() == Scope::LeftOut
}

/// Whether an error is a matter of one mailbox alone.
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
