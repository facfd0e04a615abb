//! Users whose state the replica is asked for before it is their turn, so that no round trip is
//! waited for between one user and the next.

use std::collections::VecDeque;

use super::task::Goal;
use crate::error::Result;
use crate::protocol::Ticket;
use crate::sync::{self, Pass};
use crate::types::UserId;

/// The questions on a session, in the order in which they were asked.
#[derive(Debug, Default)]
pub struct AskedAhead(VecDeque<(UserId, Ticket)>);

impl AskedAhead {
    /// Asks for the user of a goal and for those who come next, and forgets what was asked for
    /// others. A user after whom nobody comes asks when it is its turn.
    pub fn ask(&mut self, goal: &Goal, ahead: &[UserId], pass: &mut Pass<'_>) -> Result<()> {
        let now = if let Goal::User(user) = goal { Some(user) } else { None };
        let is_wanted = |user: &UserId| Some(user) == now || ahead.contains(user);
        for (user, ticket) in std::mem::take(&mut self.0) {
            if is_wanted(&user) {
                self.0.push_back((user, ticket));
            } else {
                pass.session.discard(ticket);
            }
        }
        if ahead.is_empty() {
            return Ok(());
        }
        for user in now.into_iter().chain(ahead) {
            if !self.0.iter().any(|(asked, _)| asked == user) {
                self.0.push_back((user.clone(), sync::ask_user(pass, user)?));
            }
        }
        Ok(())
    }

    /// Takes out what the replica was asked for a user.
    pub fn take(&mut self, user: &UserId) -> Option<Ticket> {
        let at = self.0.iter().position(|(asked, _)| asked == user)?;
        self.0.remove(at).map(|(_, ticket)| ticket)
    }

    /// Forgets all, for nobody will replicate them over this session.
    pub fn discard(&mut self, pass: &mut Pass<'_>) {
        self.0.drain(..).for_each(|(_, ticket)| pass.session.discard(ticket));
    }

    /// Forgets all, for the session is over.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
