//! Notices to systemd (`sd_notify(3)`), where it asks for that: that rolling replication has
//! begun, what it is at, that it is alive.

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};

use cyrsync::monitor::{Contact, Status};
use sd_notify::NotifyState;

/// The service manager, if there is one.
#[derive(Debug, Default)]
pub struct Systemd {
    is_ready: AtomicBool,
}

/// Whether a service manager wants to be told.
fn is_asked() -> bool {
    env::var_os("NOTIFY_SOCKET").is_some()
}

/// A service manager that does not listen is no reason to fail.
fn tell(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

impl Systemd {
    /// What replication is at. The first time says that it has begun, whether the replica can be
    /// reached or not: a service whose start fails because of that would not be there when it can.
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
}

/// The configuration is read again.
pub fn reloading() {
    if is_asked() {
        let now = NotifyState::monotonic_usec_now().ok();
        let states: Vec<NotifyState<'_>> =
            [NotifyState::Reloading].into_iter().chain(now).collect();
        tell(&states);
    }
}

/// It ends.
pub fn stopping() {
    if is_asked() {
        tell(&[NotifyState::Stopping]);
    }
}

/// A status in one line.
pub fn words(status: &Status) -> String {
    let what = match &status.contact {
        Contact::Unknown => format!("connecting to {}", status.server),
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
    };
    match &status.channel {
        Some(channel) => format!("channel {channel}: {what}"),
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_it_is_at() {
        let mut status = Status::unknown("mx2", Some("far"));
        assert_eq!(words(&status), "channel far: connecting to mx2");
        status.contact = Contact::Connected { since: 0 };
        status.channel = None;
        assert_eq!(words(&status), "in sync with mx2");
        status.backlog.entries = 3;
        status.backlog.users = 1;
        status.oldest = Some(status.written - 9);
        assert_eq!(words(&status), "3 entries of 1 users for mx2, lag 9 s");
        let reason = "refused".to_owned();
        status.contact = Contact::Unreachable { since: 0, attempts: 2, next: None, reason };
        assert_eq!(words(&status), "mx2 unreachable, 2 attempts: refused");
    }
}
