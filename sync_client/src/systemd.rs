//! Notifies systemd (`sd_notify(3)`) if it started the program as a notifying service: that
//! rolling replication is ready, what its status is, and that it is alive.

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};

use cyrsync::monitor::{Contact, Status};
use sd_notify::NotifyState;

/// Sends notifications to the service manager, if there is one.
#[derive(Debug, Default)]
pub struct Systemd {
    is_ready: AtomicBool,
}

/// Returns whether a service manager expects notifications.
fn is_asked() -> bool {
    env::var_os("NOTIFY_SOCKET").is_some()
}

/// Sends a notification. Ignores errors: replication does not depend on the service manager.
fn tell(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

impl Systemd {
    /// Sends the status. The first call also reports the service as ready, even if the replica is
    /// unreachable. Otherwise systemd would stop the service, and it would not run when the replica
    /// returns.
    pub fn status(&self, status: &Status, is_alive: bool) {
        if !is_asked() {
            return;
        }
        let text = words(status);
        let mut states = vec![NotifyState::Status(&text)];
        if !self.is_ready.swap(true, Ordering::Relaxed) {
            states.push(NotifyState::Ready);
        }
        if is_alive {
            states.push(NotifyState::Watchdog);
        }
        tell(&states);
    }

    /// Reports the service as ready again with the next status, after [`reloading`].
    pub fn reloaded(&self) {
        self.is_ready.store(false, Ordering::Relaxed);
    }
}

/// Reports that the configuration is being reloaded.
pub fn reloading() {
    if is_asked() {
        let now = NotifyState::monotonic_usec_now().ok();
        let states: Vec<NotifyState<'_>> =
            [NotifyState::Reloading].into_iter().chain(now).collect();
        tell(&states);
    }
}

/// Reports that the program is about to end.
pub fn stopping() {
    if is_asked() {
        tell(&[NotifyState::Stopping]);
    }
}

/// Formats a status as one line.
pub fn words(status: &Status) -> String {
    let what = match &status.contact {
        Contact::Unreachable { attempts, reason, .. } => {
            format!("{} unreachable, {attempts} attempts: {reason}", status.server)
        }
        Contact::Connected { .. } if status.backlog.entries == 0 => {
            format!("in sync with {}", status.server)
        }
        Contact::Connected { .. } => {
            format!(
                "{} for {}, lag {} s",
                status.backlog,
                status.server,
                status.lag(status.written)
            )
        }
        _ => format!("connecting to {}", status.server),
    };
    match &status.channel {
        Some(channel) => format!("channel {channel}: {what}"),
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(json: &str) -> Contact {
        serde_json::from_str(json).expect("it is in the status file like this")
    }

    #[test]
    fn a_line_says_what_it_is_at() {
        let mut status = Status::unknown("mx2", Some("far"));
        assert_eq!(words(&status), "channel far: connecting to mx2");
        status.contact = contact(r#"{"state":"connected","since":0}"#);
        status.channel = None;
        assert_eq!(words(&status), "in sync with mx2");
        status.backlog.entries = 3;
        status.backlog.users = 1;
        status.oldest = Some(status.written - 9);
        assert_eq!(words(&status), "3 entries of 1 users for mx2, lag 9 s");
        status.contact = contact(
            r#"{"state":"unreachable","since":0,"attempts":2,"next":null,"reason":"refused"}"#,
        );
        assert_eq!(words(&status), "mx2 unreachable, 2 attempts: refused");
    }
}
