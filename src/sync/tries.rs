//! Repeats a task: after renames on the replica, and after concurrent changes, all lists are
//! requested again.

use super::failures::{TRIES, wants_another_try};
use super::folders::sides::Refused;
use super::pass::Pass;
use crate::error::{Error, Kind, Result, Subject};
use crate::events::SyncEvent;
use crate::types::UserId;

/// How a try ended without an error.
pub(crate) enum Attempted {
    /// Everything was sent.
    Done,
    /// Folders were renamed on the replica, so its lists must be requested again.
    Renamed,
}

/// What earlier tries pass on to the next.
#[derive(Default)]
pub(crate) struct Tries {
    /// What the replica refused. It is not tried again.
    pub refused: Refused,
    last: Option<Error>,
}

impl Tries {
    /// Records how a try ended. Returns the result of the task, or `None` if another try follows.
    pub fn ended(&mut self, pass: &Pass<'_>, attempted: Result<Attempted>) -> Option<Result<()>> {
        match attempted {
            Ok(Attempted::Done) => return Some(Ok(())),
            Ok(Attempted::Renamed) => pass.report(SyncEvent::Renamed),
            Err(error) if wants_another_try(&error) => {
                self.last = Some(error);
                // Forget refusals too, because their failures were dropped together with this
                // error.
                self.refused = Refused::default();
            }
            Err(error) => return Some(Err(error)),
        }
        None
    }

    /// Reports that there are no tries left. Returns the error.
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
