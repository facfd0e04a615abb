//! What a replica dies of must not keep the rest from it. Replies come in order but updates are
//! sent ahead, so a connection that is lost does not tell whose fault it was. The second try is
//! therefore made with care: one mailbox after the other, each to its end. Over which the
//! connection is lost again is left out of the third.

use super::damage::of_mailbox_alone;
use super::{Failures, Syncer};
use crate::error::{Error, Kind, Result, Subject};

/// Parts of a unit that are left out before the unit is given up as a whole.
const MOST: usize = 3;

/// What is known about connections that were lost over a unit. New for each unit.
#[derive(Debug, Default)]
pub struct Care {
    careful: bool,
    at: Option<Subject>,
    given_up: Vec<(Subject, Error)>,
}

impl Care {
    /// Takes note of how an attempt ended. Whether it is worth another, over a new connection.
    pub fn another_try(&mut self, error: &Error) -> bool {
        if !error.is_lost() {
            return false;
        }
        if !self.careful {
            self.careful = true;
            return true;
        }
        match self.at.take() {
            Some(name) if self.given_up.len() < MOST && error.kind() != Kind::Timeout => {
                self.given_up.push((name, error.again()));
                true
            }
            _ => false,
        }
    }
}

impl<'a> Syncer<'a> {
    /// Keeps in mind over what connections were lost.
    pub fn with_care(self, care: Option<&'a mut Care>) -> Self {
        Syncer { care, ..self }
    }

    /// Whether each part must be seen through before the next is begun.
    pub(super) fn is_careful(&self) -> bool {
        self.care.as_ref().is_some_and(|care| care.careful)
    }

    /// Begins with a part of a unit. An error if it must be left out.
    pub(super) fn begin(&mut self, part: impl Into<Subject>) -> Result<()> {
        let part = part.into();
        let Some(care) = self.care.as_mut().filter(|care| care.careful) else { return Ok(()) };
        if let Some((_, error)) = care.given_up.iter().find(|(given_up, _)| *given_up == part) {
            let detail = format!("the connection was lost twice over it: {}", error.detail());
            let told = Error::new(Kind::ReplicaDenied, "replicate", part, detail)
                .hint(error.hint_text().to_owned());
            return Err(of_mailbox_alone(told, error.again()));
        }
        care.at = Some(part);
        Ok(())
    }

    /// Ends with the part that [`Syncer::begin`] began.
    pub(super) fn end(&mut self) {
        if let Some(care) = &mut self.care {
            care.at = None;
        }
    }
}

/// Whether to begin with a part, or to keep the failure of it.
pub(super) fn begin_or_keep(
    syncer: &mut Syncer<'_>,
    part: &Subject,
    failures: &mut Failures,
) -> Result<bool> {
    match syncer.begin(part) {
        Ok(()) => Ok(true),
        Err(error) => failures.keep(syncer, part, error).map(|()| false),
    }
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
