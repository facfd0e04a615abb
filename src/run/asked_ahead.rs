//! Requests the replica's state of the next users ahead of time, so that no task waits a round trip
//! between one user and the next.

use std::collections::VecDeque;

use super::task::Goal;
use crate::error::Result;
use crate::protocol::Ticket;
use crate::sync::{self, Pass};
use crate::types::UserId;

/// The pending requests of a session, in the order in which they were sent.
#[derive(Debug, Default)]
pub struct AskedAhead(VecDeque<(UserId, Ticket)>);

impl AskedAhead {
    /// Requests the state of the goal's user and of the users `ahead`, and discards requests for
    /// all other users. If `ahead` is empty, nothing is requested: the task of the last user sends
    /// its own request.
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

    /// Removes and returns the ticket of the request for a user.
    pub fn take(&mut self, user: &UserId) -> Option<Ticket> {
        let at = self.0.iter().position(|(asked, _)| asked == user)?;
        self.0.remove(at).map(|(_, ticket)| ticket)
    }

    /// Discards all requests, because their users will not be replicated over this session.
    pub fn discard(&mut self, pass: &mut Pass<'_>) {
        self.0.drain(..).for_each(|(_, ticket)| pass.session.discard(ticket));
    }

    /// Forgets all requests, because the session is lost.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
