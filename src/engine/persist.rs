//! What is done when a connection is lost over the work: in one place, for every mode.

use super::{Client, Context};
use crate::error::{Error, Kind, Result};
use crate::observe::Level;
use crate::sync::{Care, Syncer};

/// A part of the work, which can be repeated: what is done already is found to be.
type Part<'p, T> = dyn FnMut(&mut Syncer<'_>, Context<'_>) -> Result<T> + 'p;

impl Client {
    /// Does a part of the work. If the connection is lost over it, once more over a new one, with
    /// care; what the connection is lost over again is left out, see [`Care`].
    ///
    /// # Errors
    /// Those of `part`; those of connecting.
    pub(super) fn persistently<T>(
        &mut self,
        mut part: impl FnMut(&mut Syncer<'_>, Context<'_>) -> Result<T>,
    ) -> Result<T> {
        self.care = Care::default();
        match self.with_syncer(&mut part) {
            Err(error) if error.kind().is_lost() => self.go_on_after(error, &mut part)?,
            result => result,
        }
    }

    /// The rest of [`Client::persistently`], after the first attempt lost the connection.
    /// The outer result is an error if none can be made, or it was asked to stop.
    pub(super) fn go_on_after<T>(
        &mut self,
        error: Error,
        part: &mut Part<'_, T>,
    ) -> Result<Result<T>> {
        let mut error = error;
        while self.care.another_try(&error) {
            self.observer.log(Level::Notice, &format!("trying again: {error}"));
            self.disconnect();
            match self.reconnect {
                Some(persistence) => self.reach(persistence, &mut || false)?,
                None => self.connect()?,
            }
            match self.with_syncer(&mut *part) {
                Err(again) if again.kind() == Kind::Cancelled => return Err(again),
                Err(again) if again.kind().is_lost() => error = again,
                result => return Ok(result),
            }
        }
        Ok(Err(error))
    }
}
