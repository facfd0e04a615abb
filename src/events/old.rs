//! How lines of text are reported where there is no event for them yet.

use std::time::Duration;

use super::event::Event;
use super::observer::Observer;
use crate::error::Error;
use crate::types::{Level, MboxName};

impl dyn Observer + '_ {
    /// A line for the log.
    pub fn log(&self, level: Level, line: &str) {
        self.event(&Event::Line { level: Some(level), mailbox: None, text: line.to_owned() });
    }

    /// A line of `-v`.
    pub fn action(&self, line: &str) {
        self.event(&Event::Line { level: None, mailbox: None, text: line.to_owned() });
    }

    /// A line of `-v` about a mailbox.
    pub fn mailbox_action(&self, mailbox: &MboxName, line: &str) {
        let mailbox = Some(mailbox.clone());
        self.event(&Event::Line { level: None, mailbox, text: line.to_owned() });
    }

    /// There is no connection.
    pub fn unreachable(&self, error: &Error, server: &str, pause: Duration) {
        let (error, server) = (error.clone(), server.to_owned());
        self.event(&Event::Unreachable { error, server, pause });
    }
}
