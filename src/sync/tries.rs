//! The tries of one task: after renames on the replica all is looked at again, and so it is where
//! something changed meanwhile.

use super::failures::{TRIES, wants_another_try};
use super::folders::sides::Refused;
use super::pass::Pass;
use crate::error::{Error, Kind, Result, Subject};
use crate::events::SyncEvent;
use crate::types::UserId;

/// How a try ended, if not with an error.
pub(crate) enum Attempted {
    /// All is sent.
    Done,
    /// Folders were renamed on the replica; everything must be looked at again.
    Renamed,
}

/// What earlier tries leave to the next.
#[derive(Default)]
pub(crate) struct Tries {
    /// What the replica refused: it is not asked for that again.
    pub refused: Refused,
    last: Option<Error>,
}

impl Tries {
    /// Takes note of how a try ended. Returns the end of the task, or `None` if there is to be
    /// another try.
    pub fn ended(&mut self, pass: &Pass<'_>, attempted: Result<Attempted>) -> Option<Result<()>> {
        match attempted {
            Ok(Attempted::Done) => return Some(Ok(())),
            Ok(Attempted::Renamed) => pass.report(SyncEvent::Renamed),
            Err(error) if wants_another_try(&error) => {
                self.last = Some(error);
                // It holds for what was refused too, whose failures this error took with it.
                self.refused = Refused::default();
            }
            Err(error) => return Some(Err(error)),
        }
        None
    }

    /// Reports that there are no tries left. Returns why.
    pub fn used_up(
        self,
        pass: &Pass<'_>,
        user: Option<&UserId>,
        subject: impl Into<Subject>,
    ) -> Error {
        pass.report(SyncEvent::Unsettled { user: user.cloned(), tries: TRIES });
        self.last.unwrap_or_else(|| {
            let detail = format!("renames did not settle in {TRIES} tries");
            Error::new(Kind::Changed, "replicate", subject, detail)
                .hint("try again when the user's folders rest")
        })
    }
}
