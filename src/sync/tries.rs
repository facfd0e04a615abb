//! Decides whether a task is tried again. After renames on the replica and after concurrent
//! changes, the next try reads the lists of mailboxes of both sides again.

use super::failures::{TRIES, wants_another_try};
use super::folders::sides::Refused;
use super::pass::Pass;
use crate::error::{Error, Kind, Result, Subject};
use crate::events::SyncEvent;
use crate::types::UserId;

/// The result of a try that did not fail.
pub(crate) enum Attempted {
    /// Everything was sent.
    Done,
    /// Folders were renamed on the replica, so its lists must be requested again.
    Renamed,
    /// Something must be replicated first, so another try would end in the same way.
    TooEarly(Error),
}

/// What the earlier tries of a task leave for the next one.
#[derive(Default)]
pub(crate) struct Tries {
    /// Renames and deletes that the replica refused. The next try does not send them.
    pub refused: Refused,
    last: Option<Error>,
}

impl Tries {
    /// Records how a try ended. Returns the result of the task, or `None` if another try follows.
    pub fn ended(&mut self, pass: &Pass<'_>, attempted: Result<Attempted>) -> Option<Result<()>> {
        match attempted {
            Ok(Attempted::Done) => return Some(Ok(())),
            Ok(Attempted::TooEarly(error)) => return Some(Err(error)),
            Ok(Attempted::Renamed) => pass.report(SyncEvent::Renamed),
            Err(error) if wants_another_try(&error) => {
                self.last = Some(error);
                // Forget the refusals too, because this try's failures, which include theirs, are
                // dropped.
                self.refused = Refused::default();
            }
            Err(error) => return Some(Err(error)),
        }
        None
    }

    /// Reports that all tries are used up. Returns the last error.
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
                .with_hint("try again when no folders of the user are being renamed")
        })
    }
}
