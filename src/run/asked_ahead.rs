//! Requests the replica's state of the next users in advance, so that no task waits for this reply.

use std::collections::VecDeque;

use super::task::Goal;
use crate::error::Result;
use crate::protocol::Ticket;
use crate::sync::{self, Pass};
use crate::types::UserId;

/// Requests without a reply, in the order in which they were sent over the session.
#[derive(Debug, Default)]
pub struct AskedAhead(VecDeque<(UserId, Ticket)>);

impl AskedAhead {
    /// Requests the state of the goal's user and of the users in `ahead`. Discards requests for all
    /// other users. If `ahead` is empty, no request is sent: the task of the last user sends its
    /// own request.
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

    /// Removes the request for a user and returns its ticket. Returns `None` if there is no
    /// request.
    pub fn take(&mut self, user: &UserId) -> Option<Ticket> {
        let at = self.0.iter().position(|(asked, _)| asked == user)?;
        self.0.remove(at).map(|(_, ticket)| ticket)
    }

    /// Discards all requests. Called if other workers replicate these users.
    pub fn discard(&mut self, pass: &mut Pass<'_>) {
        self.0.drain(..).for_each(|(_, ticket)| pass.session.discard(ticket));
    }

    /// Removes all requests. Called after the session was lost.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
