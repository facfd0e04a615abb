//! The topics and results of checks.

use std::fmt;

use serde::Serialize;

use crate::error::Error;

/// The subject of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Topic {
    /// Whether imapd.conf and its included files can be read and all values are valid.
    Configuration,
    /// Whether option names are spelt correctly and not replaced by newer names.
    Options,
    /// Which options `cyr_info conf-lint` will report as unknown.
    ConfLint,
    /// Whether the process runs as the owner of the mail store.
    User,
    /// Whether partitions exist, are readable, and contain their mailboxes.
    Spool,
    /// Whether the databases of the mail store can be read.
    Databases,
    /// Whether the `sync_server` through which repairs change the master exists.
    OwnServer,
    /// Whether Cyrus's programs log changes.
    SyncLog,
    /// Whether Cyrus's programs log to the channel.
    Channel,
    /// Whether the sync log can be taken over.
    Log,
    /// Whether another client works on the channel.
    Claim,
    /// Whether the replica's name has an address.
    Name,
    /// Whether the replica answers, and which service it is.
    Connection,
    /// Whether the connection is encrypted.
    Tls,
    /// Whether the replica's certificate is trusted, and for how long it is valid.
    Certificate,
    /// The mechanism for the login.
    Mechanism,
    /// Whether the login is accepted.
    Login,
    /// Whether the user has the rights that replication needs.
    Admin,
    /// The version of Cyrus on the replica.
    Version,
    /// The capabilities that the replica offers.
    Capabilities,
    /// Whether the replica has mailboxes on the master's partitions.
    Partitions,
    /// Whether the connection is compressed.
    Compression,
    /// The difference between the clocks of master and replica. The protocol does not transmit the
    /// replica's time, so this check is always skipped.
    Clocks,
}

impl Topic {
    /// All topics, in the order of the checks.
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

    /// Returns the name of the topic, as shown in the output.
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
            Topic::Partitions => "replica partitions",
            Topic::Compression => "compression",
            Topic::Clocks => "clock difference",
        }
    }
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Grade {
    /// No problem.
    Ok,
    /// Replication works, but an administrator should look at this.
    Warn,
    /// Replication will fail, or will do less than it should.
    Fail,
    /// The topic was not checked.
    Skipped,
}

impl Grade {
    /// Returns the word with which the line in the output begins.
    pub fn word(self) -> &'static str {
        match self {
            Grade::Ok => "OK",
            Grade::Warn => "WARN",
            Grade::Fail => "FAIL",
            Grade::Skipped => "SKIP",
        }
    }
}

/// The result of checking one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// The topic.
    pub topic: Topic,
    /// The result.
    pub verdict: Grade,
    /// What was found. For a skipped check, why it was skipped.
    pub detail: String,
    /// What to do. Empty if nothing has to be done.
    pub hint: String,
}

impl Check {
    /// Makes the result of a check without a problem.
    pub(super) fn ok(topic: Topic, detail: impl Into<String>) -> Check {
        Check { topic, verdict: Grade::Ok, detail: detail.into(), hint: String::new() }
    }

    /// Makes the result of a check with a problem that an administrator should look at.
    pub(super) fn warn(topic: Topic, detail: impl Into<String>, hint: impl Into<String>) -> Check {
        Check { topic, verdict: Grade::Warn, detail: detail.into(), hint: hint.into() }
    }

    /// Makes the result of a check with a problem that will make replication fail.
    pub(super) fn fail(topic: Topic, detail: impl Into<String>, hint: impl Into<String>) -> Check {
        Check { topic, verdict: Grade::Fail, detail: detail.into(), hint: hint.into() }
    }

    /// Makes the result of a check that was not run.
    pub(super) fn skipped(topic: Topic, why: impl Into<String>) -> Check {
        Check { topic, verdict: Grade::Skipped, detail: why.into(), hint: String::new() }
    }

    /// Makes the result of a check from an error that will make replication fail.
    pub(super) fn failed(topic: Topic, error: &Error) -> Check {
        Check::fail(topic, reported(error), error.hint())
    }

    /// Makes a warning from an error that does not make replication fail.
    pub(super) fn failed_harmlessly(topic: Topic, error: &Error) -> Check {
        Check { verdict: Grade::Warn, ..Check::failed(topic, error) }
    }
}

/// Returns a number with the noun in singular or plural.
pub(super) fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// Returns a number of mailboxes as text.
pub(super) fn mailboxes(number: usize) -> String {
    count(number, "mailbox", "mailboxes")
}

/// Returns an error as text, without its hint.
pub(super) fn reported(error: &Error) -> String {
    format!("{} {}: {}", error.op(), error.subject(), error.detail())
}

/// Writes the result as a line, such as `OK   name resolves: replica.example is 192.0.2.7`. If
/// there is a hint, it follows after a semicolon.
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
        let error =
            Error::new(Kind::Auth, "log in as", "repl", "no\nwith this").with_hint("do that");
        assert_eq!(
            Check::failed(Topic::Login, &error).to_string(),
            "FAIL login: log in as repl: no with this; do that"
        );
    }

    #[test]
    fn the_names_of_all_topics_are_different() {
        for (at, topic) in Topic::ALL.iter().enumerate() {
            assert!(Topic::ALL[..at].iter().all(|other| other.name() != topic.name()));
        }
    }
}
