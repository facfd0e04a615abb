//! Writes the library's events to stdout, stderr and syslog.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::sys::syslog;
use cyrsync::event::{Direction, Line, Step, SyncEvent, To, json, line_for};
use cyrsync::monitor::Status;
use cyrsync::option::ReplicaName;
use cyrsync::{Error, Event, Level, Observer};

use crate::progress::Reporter;
use crate::systemd::Systemd;
use crate::terminal::{complain, print};
use crate::traffic::Wire;

/// The observer of the program's client: writes events and traffic.
#[derive(Debug, Default)]
pub struct Console {
    /// The replica, which every alarm line names.
    pub replica: ReplicaName,
    /// Whether actions are printed to stdout (`-v`).
    pub print_actions: bool,
    /// Whether actions are logged to syslog (`-l`).
    pub log_actions: bool,
    /// Whether every event is printed to stdout as a JSON object (`--json`).
    pub json: bool,
    /// Whether traffic is written to stderr (`-v -v`).
    pub show_wire: bool,
    /// Formats the traffic.
    pub wire: Mutex<Wire>,
    /// The last error of a connection that was printed, to print it only once.
    pub reported: Mutex<String>,
    /// Whether the user named users or mailboxes. Then a name that does not exist is a mistake.
    pub names_typed: bool,
    /// Whether a mistake was reported.
    pub mistaken: AtomicBool,
    /// Reports the progress.
    pub reporter: Arc<Reporter>,
    /// Counts the data that the replica already has, until the first message is sent.
    pub there: Mutex<Option<There>>,
    /// Whether a person follows the run: on a terminal, or with `--progress`.
    pub is_followed: bool,
    /// Reports the status of rolling replication to the service manager.
    pub systemd: Systemd,
}

/// Counts of mailboxes and messages that were already on the replica.
#[derive(Debug, Clone, Copy, Default)]
pub struct There {
    mailboxes: u64,
    messages: u64,
}

impl Console {
    /// Reports once, before the first message is sent, how much is already on the replica. After an
    /// interrupted run this shows how far that run got.
    fn resumed(&self, event: &Event) {
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(found) = &mut *there else { return };
        match event {
            Event::Sync(SyncEvent::AlreadyThere { mailboxes, messages, .. }) => {
                found.mailboxes += mailboxes;
                found.messages += messages;
            }
            Event::Step(Step::Mailbox { messages: 1.., .. }) => {
                let There { mailboxes, messages } = *found;
                *there = None;
                if mailboxes > 0 || messages > 0 {
                    let line = format!(
                        "already on the replica: {mailboxes} mailboxes, {messages} messages"
                    );
                    syslog::send(Level::Info, &line);
                    if self.is_followed {
                        complain(&line);
                    }
                }
            }
            _ => {}
        }
    }

    fn action(&self, line: &str) {
        if self.print_actions && !self.json {
            print(line);
        }
        if self.log_actions {
            syslog::send(Level::Info, line);
        }
    }

    /// Logs an error that an operator should look at.
    pub fn alarm(&self, line: impl Display) {
        syslog::send(Level::Error, format!("{line} {}", self.replica));
    }

    /// Returns whether the run failed because of a mistake: only with `--strict`.
    pub fn fails(&self, is_strict: bool) -> bool {
        is_strict && self.mistaken.load(Ordering::Relaxed)
    }

    /// Reports a mistake, such as a mistyped name, to stderr and syslog.
    pub fn mistake(&self, line: &str) {
        self.mistaken.store(true, Ordering::Relaxed);
        complain(line);
        syslog::send(Level::Notice, line);
    }

    /// Reports names from the command line that do not exist.
    fn check_names(&self, event: &Event) {
        match event {
            Event::Step(Step::Absent { user, .. })
            | Event::Sync(SyncEvent::UnknownUser { user, .. }) => {
                self.mistake(&format!("user {user}: no such user on this server (no INBOX)"));
            }
            Event::Sync(SyncEvent::UnknownMailbox { external, .. }) => {
                self.mistake(&format!("mailbox {external}: no such mailbox on this server"));
            }
            _ => {}
        }
    }

    /// Prints why the replica cannot be reached. Prints the same reason only once, not at every
    /// attempt.
    fn unreachable(&self, error: &Error) {
        let reason = error.to_string();
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if *reported != reason {
            complain(&reason);
            *reported = reason;
        }
    }
}

/// Reports events with the same text as Cyrus's client.
impl Observer for Console {
    fn event(&self, event: &Event) {
        if let Event::Unreachable { error, .. } = event {
            self.unreachable(error);
        }
        if self.json {
            print(&json(event));
        }
        if self.names_typed {
            self.check_names(event);
        }
        self.resumed(event);
        match line_for(event, &self.replica) {
            Some(Line { to: To::Log(level), text, .. }) => syslog::send(level, text),
            Some(Line { to: To::Verbose, text, .. }) => self.action(&text),
            Some(Line { to: To::Terminal, text, .. }) => complain(text),
            Some(Line { to: To::Answer, text, .. }) if !self.json => print(&text),
            _ => {}
        }
    }

    fn wire(&self, direction: Direction, bytes: &[u8]) {
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = io::stderr().lock().write_all(&wire.show(direction, unix_time(), bytes));
    }

    fn status(&self, status: &Status, is_alive: bool) {
        self.reporter.note(status);
        self.systemd.status(status, is_alive);
    }

    fn wants_wire(&self) -> bool {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).begin();
        self.show_wire
    }
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
