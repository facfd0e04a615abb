//! What was looked at, and what was found.

use std::fmt;

use serde::Serialize;

use crate::error::Error;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Topic {
    /// Whether imapd.conf and what it includes can be read, and every value be used.
    Configuration,
    /// Whether names of options are written right, and as they are called now.
    Options,
    /// What `cyr_info conf-lint` will report as unknown.
    ConfLint,
    /// Whether the process runs as the cyrus user.
    User,
    /// Whether partitions are there and readable, and mailboxes lie on them.
    Spool,
    /// Whether the databases of the mail store can be read.
    Databases,
    /// Whether there is a program through which a repair can write to the master.
    OwnServer,
    /// Whether Cyrus's daemons log what they change.
    SyncLog,
    /// Whether the channel is one that they log to.
    Channel,
    /// Whether the log can be taken over.
    Log,
    /// Whether another client works on the channel.
    Claim,
    /// Whether the replica's name has an address.
    Name,
    /// Whether the replica answers, and what it is.
    Connection,
    /// Whether the connection is encrypted.
    Tls,
    /// Whether the replica's certificate is to be trusted, and for how long.
    Certificate,
    /// How to log in.
    Mechanism,
    /// Whether the login is accepted.
    Login,
    /// Whether the login has the rights that replication needs.
    Admin,
    /// Which Cyrus the replica is.
    Version,
    /// What the replica offers.
    Capabilities,
    /// Whether the replica knows the master's partitions.
    Partitions,
    /// Whether the connection is compressed.
    Compression,
    /// How far the clocks of master and replica are apart.
    Clocks,
}

impl Topic {
    /// All of them, in the order in which they are looked at.
    pub const ALL: [Topic; 23] = [
        Topic::Configuration,
        Topic::Options,
        Topic::ConfLint,
        Topic::User,
        Topic::Spool,
        Topic::Databases,
        Topic::OwnServer,
        Topic::SyncLog,
        Topic::Channel,
        Topic::Log,
        Topic::Claim,
        Topic::Name,
        Topic::Connection,
        Topic::Tls,
        Topic::Certificate,
        Topic::Mechanism,
        Topic::Login,
        Topic::Admin,
        Topic::Version,
        Topic::Capabilities,
        Topic::Partitions,
        Topic::Compression,
        Topic::Clocks,
    ];

    /// As a line of the output calls it.
    pub fn name(self) -> &'static str {
        match self {
            Topic::Configuration => "imapd.conf read",
            Topic::Options => "options",
            Topic::ConfLint => "cyr_info conf-lint",
            Topic::User => "user",
            Topic::Spool => "spool readable",
            Topic::Databases => "databases open",
            Topic::OwnServer => "own sync_server",
            Topic::SyncLog => "sync_log on",
            Topic::Channel => "channel known",
            Topic::Log => "log writable",
            Topic::Claim => "channel free",
            Topic::Name => "name resolves",
            Topic::Connection => "connects",
            Topic::Tls => "TLS",
            Topic::Certificate => "certificate",
            Topic::Mechanism => "mechanism",
            Topic::Login => "login",
            Topic::Admin => "admin rights",
            Topic::Version => "version",
            Topic::Capabilities => "capabilities",
            Topic::Partitions => "partitions there",
            Topic::Compression => "compression",
            Topic::Clocks => "clocks apart",
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it should be.
    Ok,
    /// Replication works, but somebody should look at this.
    Warn,
    /// Replication will fail, or do less than it should.
    Fail,
    /// It was not looked at.
    Skipped,
}

impl Verdict {
    /// As a line of the output begins.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "OK",
            Verdict::Warn => "WARN",
            Verdict::Fail => "FAIL",
            Verdict::Skipped => "SKIP",
        }
    }
}

/// A topic with what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub topic: Topic,
    /// How it is.
    pub verdict: Verdict,
    /// What was found; of what was skipped, why.
    pub detail: String,
    /// What to do; empty if there is nothing to do.
    pub hint: String,
}

impl Check {
    /// What is as it should be.
    pub(super) fn ok(topic: Topic, detail: impl Into<String>) -> Check {
        Check { topic, verdict: Verdict::Ok, detail: detail.into(), hint: String::new() }
    }

    /// What somebody should look at.
    pub(super) fn warn(topic: Topic, detail: impl Into<String>, hint: impl Into<String>) -> Check {
        Check { topic, verdict: Verdict::Warn, detail: detail.into(), hint: hint.into() }
    }

    /// What replication will fail at.
    pub(super) fn fail(topic: Topic, detail: impl Into<String>, hint: impl Into<String>) -> Check {
        Check { topic, verdict: Verdict::Fail, detail: detail.into(), hint: hint.into() }
    }

    /// What could not be looked at.
    pub(super) fn skipped(topic: Topic, why: impl Into<String>) -> Check {
        Check { topic, verdict: Verdict::Skipped, detail: why.into(), hint: String::new() }
    }

    /// What replication will fail at with this error.
    pub(super) fn failed(topic: Topic, error: &Error) -> Check {
        Check::fail(topic, told(error), error.hint_text())
    }

    /// The same, where replication goes on without.
    pub(super) fn failed_harmlessly(topic: Topic, error: &Error) -> Check {
        Check { verdict: Verdict::Warn, ..Check::failed(topic, error) }
    }
}

/// A number with the word for one or for several.
pub(super) fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// Mailboxes by their number.
pub(super) fn mailboxes(number: usize) -> String {
    count(number, "mailbox", "mailboxes")
}

/// An error without its hint.
pub(super) fn told(error: &Error) -> String {
    format!("{} {}: {}", error.op(), error.subject(), error.detail())
}

/// A line: `OK   name resolves: replica.example is 192.0.2.7`, with what to do behind a semicolon.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| text.replace(|c: char| c.is_control(), " ");
        let Check { topic, verdict, detail, hint } = self;
        write!(f, "{:<4} {}: {}", verdict.word(), topic.name(), line(detail))?;
        if hint.is_empty() { Ok(()) } else { write!(f, "; {}", line(hint)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_check_is_a_line_that_begins_with_its_verdict() {
        let name = Check::ok(Topic::Name, "replica.example is 192.0.2.7");
        assert_eq!(name.to_string(), "OK   name resolves: replica.example is 192.0.2.7");
        let error = Error::new(Kind::Auth, "log in as", "repl", "no\nwith this").hint("do that");
        assert_eq!(
            Check::failed(Topic::Login, &error).to_string(),
            "FAIL login: log in as repl: no with this; do that"
        );
    }

    #[test]
    fn names_differ() {
        for (at, topic) in Topic::ALL.iter().enumerate() {
            assert!(Topic::ALL[..at].iter().all(|other| other.name() != topic.name()));
        }
    }
}
