//! Tracks whether the replica can be reached: since when it cannot, how many attempts to connect
//! failed, and when to report this again. Pure: no I/O, no clock.

use std::time::Duration;

use super::moment::Moment;
use crate::error::Error;

/// The interval between reports that the replica is still unreachable.
const REMIND: Duration = Duration::from_secs(300);

/// A period during which the replica cannot be reached.
#[derive(Debug, Clone)]
pub struct Outage {
    /// When the first attempt failed.
    pub since: Moment,
    /// Number of failed attempts.
    pub attempts: u32,
    /// The error of the last attempt.
    pub error: Error,
    /// When the next attempt begins. `None` if there will be no further attempt.
    pub next: Option<Moment>,
    /// When the outage was last reported.
    reported: Moment,
}

/// Whether the replica can be reached.
#[derive(Debug, Clone, Default)]
pub enum Contact {
    /// No attempt to connect has ended yet, or the connection was lost and no attempt has followed.
    #[default]
    Unknown,
    /// There is a connection, or the last attempt to connect succeeded.
    Reached {
        /// When the last connection was made.
        since: Moment,
    },
    /// The replica cannot be reached.
    Lost(Outage),
}

impl Contact {
    /// Records a failed attempt to connect. `next` is when the next attempt begins, if there will
    /// be one. Returns the number of attempts that have failed in a row.
    pub fn failed(&mut self, error: &Error, now: Moment, next: Option<Moment>) -> u32 {
        let error = error.clone();
        let outage = match self {
            Contact::Lost(outage) => Outage {
                since: outage.since,
                attempts: outage.attempts.saturating_add(1),
                error,
                next,
                reported: outage.reported,
            },
            _ => Outage { since: now, attempts: 1, error, next, reported: now },
        };
        let attempts = outage.attempts;
        *self = Contact::Lost(outage);
        attempts
    }

    /// Records that there is a connection. Returns the outage that has ended, if there was one.
    pub fn reached(&mut self, now: Moment) -> Option<Outage> {
        if matches!(self, Contact::Reached { .. }) {
            return None;
        }
        match std::mem::replace(self, Contact::Reached { since: now }) {
            Contact::Lost(outage) => Some(outage),
            _ => None,
        }
    }

    /// Records that the last connection was lost. The next attempt to connect will show whether the
    /// replica can be reached.
    pub fn dropped(&mut self) {
        if let Contact::Reached { .. } = self {
            *self = Contact::Unknown;
        }
    }

    /// Returns the outage, if it is time to report it again.
    pub fn remind(&mut self, now: Moment) -> Option<&Outage> {
        if self.next_reminder()? > now {
            return None;
        }
        let Contact::Lost(outage) = self else { return None };
        outage.reported = now;
        Some(outage)
    }

    /// Returns when to report the outage again. Returns `None` if there is no outage, or no further
    /// attempt to connect.
    pub fn next_reminder(&self) -> Option<Moment> {
        match self {
            // Without a further attempt, the caller has already received the error.
            Contact::Lost(outage) if outage.next.is_some() => {
                Some(outage.reported.saturating_add(REMIND))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    const SECOND: Duration = Duration::from_secs(1);

    fn refused() -> Error {
        Error::new(Kind::Connect, "connect to", "replica", "refused")
    }

    #[test]
    fn an_outage_is_reported_again_every_five_minutes_until_it_ends() {
        let mut contact = Contact::default();
        let mut reported = Vec::new();
        for second in 10..1_000 {
            let now = SECOND * second;
            if second % 60 == 10 {
                contact.failed(&refused(), now, Some(now + SECOND * 60));
            }
            if let Some(outage) = contact.remind(now) {
                reported.push((second, outage.attempts, (now - outage.since).as_secs()));
            }
        }
        assert_eq!(reported, [(310, 6, 300), (610, 11, 600), (910, 16, 900)]);
        let ended = contact.reached(SECOND * 1_000).unwrap();
        assert_eq!((ended.attempts, ended.since), (17, SECOND * 10));
        assert!(contact.next_reminder().is_none() && contact.reached(SECOND * 1_001).is_none());
    }

    #[test]
    fn a_connection_that_is_lost_and_made_again_is_no_outage() {
        let mut contact = Contact::default();
        assert!(contact.reached(SECOND).is_none());
        contact.dropped();
        assert!(contact.reached(SECOND * 2).is_none());
        assert!(matches!(contact, Contact::Reached { since } if since == SECOND * 2));
    }

    #[test]
    fn no_reminder_is_due_after_the_last_attempt() {
        let mut contact = Contact::default();
        contact.failed(&refused(), SECOND, None);
        assert!(contact.remind(SECOND * 10_000).is_none());
    }
}
