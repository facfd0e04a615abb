//! Units of work: cut so that each can fail, be skipped or be repeated by itself.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;

use crate::error::{Error, Kind, Result};
use crate::names::Namespace;
use crate::protocol::Ticket;
use crate::store::Store;
use crate::sync;
use crate::sync::{Pass, is_locked};
use crate::types::{MboxName, UserId};

/// Users whose state is asked for ahead of time, so that no round trip is waited for between
/// one user and the next.
const USERS_AHEAD: usize = 4;
/// Shared mailboxes that are replicated as one unit.
const SHARED_PER_UNIT: usize = 64;

/// A part of the work that depends on no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// A user with all that belongs to it.
    User(UserId),
    /// Mailboxes that belong to no user.
    Shared(Vec<MboxName>),
    /// Annotations of the server.
    ServerAnnotations,
}

impl Unit {
    /// Replicates it.
    pub fn run(&self, pass: &mut Pass<'_>) -> Result<()> {
        match self {
            Unit::User(user) => sync::user(pass, user, None),
            Unit::Shared(names) => sync::mailboxes(pass, names),
            Unit::ServerAnnotations => sync::annotations(pass, None),
        }
    }
}

/// How many units ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Units that are equal on both sides now.
    pub done: u64,
    /// Units that somebody else had locked.
    pub skipped_locked: u64,
    /// Units that failed.
    pub failed: u64,
}

impl Report {
    /// Counts a unit and tells how it ended.
    pub fn ended(&mut self, unit: &Unit, result: &Result<()>, on_result: &mut OnResult<'_>) {
        match result {
            Ok(()) => self.done += 1,
            Err(error) if is_locked(error) => self.skipped_locked += 1,
            Err(_) => self.failed += 1,
        }
        on_result(unit, result);
    }
}

/// All units of the mailboxes whose name begins with `prefix`, in the order of mailboxes.db:
/// each user once, shared mailboxes in groups, with those whose tombstones tell the replica to
/// delete them. Deleted mailboxes of users come with their user.
///
/// Where mailboxes.db cannot be read as a whole, those units that could be found, and why there
/// may be more.
pub fn all_units(
    store: &dyn Store,
    names: &Namespace,
    prefix: &[u8],
) -> (Vec<Unit>, Option<Error>) {
    let mut units = Vec::new();
    let mut shared = Vec::new();
    let mut users = HashSet::new();
    let listed = store.each_mailbox(prefix, &mut |entry| {
        match names.owner(&entry.name) {
            Some(user) => {
                let deleted = entry.mbtype.is_deleted() || names.is_deleted(&entry.name);
                if !deleted && users.insert(user.clone()) {
                    units.push(Unit::User(user));
                }
            }
            None => shared.push(entry.name),
        }
        Ok(ControlFlow::Continue(()))
    });
    units.extend(shared.chunks(SHARED_PER_UNIT).map(|names| Unit::Shared(names.to_vec())));
    // If they cannot be read their unit will say so.
    if prefix.is_empty() && !store.annotations(None).is_ok_and(|found| found.is_empty()) {
        units.push(Unit::ServerAnnotations);
    }
    (units, listed.err())
}

/// How the work goes on after a unit failed.
pub type OnResult<'r> = dyn FnMut(&Unit, &Result<()>) + 'r;

/// Why the units of [`run`] did not all end.
#[derive(Debug)]
pub struct Interrupted {
    /// The unit that was being worked on, if one was. Nobody heard of its end.
    pub unit: Option<Unit>,
    /// The units that were not reached.
    pub rest: Vec<Unit>,
    /// A lost connection, or a request to stop.
    pub error: Error,
}

/// Runs units over one connection until they are done or the connection is lost.
pub fn run(
    pass: &mut Pass<'_>,
    units: impl IntoIterator<Item = Unit>,
    report: &mut Report,
    on_result: &mut OnResult<'_>,
) -> Result<(), Interrupted> {
    let mut units = units.into_iter();
    let mut ahead: VecDeque<(Unit, Option<Ticket>)> = VecDeque::new();
    loop {
        while ahead.len() < USERS_AHEAD {
            let Some(unit) = units.next() else { break };
            let ticket = match &unit {
                Unit::User(user) => match sync::ask_user(pass, user) {
                    Ok(ticket) => Some(ticket),
                    Err(error) => {
                        let rest = ahead.into_iter().map(|(unit, _)| unit).chain([unit]);
                        return Err(Interrupted {
                            unit: None,
                            rest: rest.chain(units).collect(),
                            error,
                        });
                    }
                },
                _ => None,
            };
            ahead.push_back((unit, ticket));
        }
        let Some((unit, ticket)) = ahead.pop_front() else { return Ok(()) };
        let result = match &unit {
            Unit::User(user) => sync::user(pass, user, ticket),
            other => other.run(pass),
        };
        match result {
            Err(error) if error.is_connection() || error.kind() == Kind::Cancelled => {
                let rest = ahead.into_iter().map(|(unit, _)| unit).chain(units).collect();
                return Err(Interrupted { unit: Some(unit), rest, error });
            }
            result => report.ended(&unit, &result, on_result),
        }
    }
}
