//! Defines the topics and verdicts of a check of a configuration.

use super::sized::lent;
use super::strings::cyrsync_str;
use crate::check::{Check, Grade, Topic};

/// The topics of cyrsync_config_check(), in the order of the checks. Later versions may add topics.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_topic {
    /// Whether imapd.conf and the files that it includes can be read, and every value is valid.
    CYRSYNC_TOPIC_CONFIGURATION = 1,
    /// Whether the names of options are spelt correctly and are up to date.
    CYRSYNC_TOPIC_OPTIONS = 2,
    /// The options that "cyr_info conf-lint" will report as unknown.
    CYRSYNC_TOPIC_CONF_LINT = 3,
    /// Whether the process runs as the cyrus user.
    CYRSYNC_TOPIC_USER = 4,
    /// Whether partitions exist and are readable, and contain their mailboxes.
    CYRSYNC_TOPIC_SPOOL = 5,
    /// Whether the databases of the mail store can be read.
    CYRSYNC_TOPIC_DATABASES = 6,
    /// Whether the sync_server exists through which a repair writes to the master.
    CYRSYNC_TOPIC_OWN_SERVER = 7,
    /// Whether Cyrus's daemons write a sync log.
    CYRSYNC_TOPIC_SYNC_LOG = 8,
    /// Whether they log to this channel.
    CYRSYNC_TOPIC_CHANNEL = 9,
    /// Whether the client can take over the log.
    CYRSYNC_TOPIC_LOG = 10,
    /// Whether another client works on the channel.
    CYRSYNC_TOPIC_CLAIM = 11,
    /// Whether the replica's name has an address.
    CYRSYNC_TOPIC_NAME = 12,
    /// Whether the replica answers, and which service it is.
    CYRSYNC_TOPIC_CONNECTION = 13,
    /// Whether the connection is encrypted.
    CYRSYNC_TOPIC_TLS = 14,
    /// Whether the replica's certificate is trusted, and for how long.
    CYRSYNC_TOPIC_CERTIFICATE = 15,
    /// The mechanism for the login.
    CYRSYNC_TOPIC_MECHANISM = 16,
    /// Whether the login is accepted.
    CYRSYNC_TOPIC_LOGIN = 17,
    /// Whether the login has the rights that replication needs.
    CYRSYNC_TOPIC_ADMIN = 18,
    /// The Cyrus version of the replica.
    CYRSYNC_TOPIC_VERSION = 19,
    /// The replica's capabilities.
    CYRSYNC_TOPIC_CAPABILITIES = 20,
    /// Whether the replica knows the master's partitions.
    CYRSYNC_TOPIC_PARTITIONS = 21,
    /// Whether the connection is compressed.
    CYRSYNC_TOPIC_COMPRESSION = 22,
    /// The difference between the clocks of master and replica.
    CYRSYNC_TOPIC_CLOCKS = 23,
}

/// The result of a check.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_verdict {
    /// It is as it should be.
    CYRSYNC_VERDICT_OK = 1,
    /// Replication works, but a person should look at this.
    CYRSYNC_VERDICT_WARN = 2,
    /// Replication will fail, or do less than it should.
    CYRSYNC_VERDICT_FAIL = 3,
    /// The check was not made.
    CYRSYNC_VERDICT_SKIPPED = 4,
}

use cyrsync_topic::*;
use cyrsync_verdict::*;

/// A check of a configuration and its result. All strings in it are borrowed: they are valid only
/// during the callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_check {
    /// sizeof(cyrsync_check) in the library, which may differ from the program's.
    pub size: usize,
    /// The topic of the check.
    pub topic: cyrsync_topic,
    /// The verdict.
    pub verdict: cyrsync_verdict,
    /// The topic in words: "name resolves".
    pub name: cyrsync_str,
    /// The finding in words.
    pub detail: cyrsync_str,
    /// What a person should do; empty if there is nothing to do.
    pub hint: cyrsync_str,
}

lent!(cyrsync_check);

impl From<&Check> for cyrsync_check {
    fn from(check: &Check) -> Self {
        let lend = |text: &str| cyrsync_str::lend(text.as_bytes());
        cyrsync_check {
            size: size_of::<cyrsync_check>(),
            topic: topic_for_c(check.topic),
            verdict: verdict_for_c(check.verdict),
            name: lend(check.topic.name()),
            detail: lend(&check.detail),
            hint: lend(&check.hint),
        }
    }
}

fn verdict_for_c(verdict: Grade) -> cyrsync_verdict {
    match verdict {
        Grade::Ok => CYRSYNC_VERDICT_OK,
        Grade::Warn => CYRSYNC_VERDICT_WARN,
        Grade::Fail => CYRSYNC_VERDICT_FAIL,
        Grade::Skipped => CYRSYNC_VERDICT_SKIPPED,
    }
}

fn topic_for_c(topic: Topic) -> cyrsync_topic {
    match topic {
        Topic::Configuration => CYRSYNC_TOPIC_CONFIGURATION,
        Topic::Options => CYRSYNC_TOPIC_OPTIONS,
        Topic::ConfLint => CYRSYNC_TOPIC_CONF_LINT,
        Topic::User => CYRSYNC_TOPIC_USER,
        Topic::Spool => CYRSYNC_TOPIC_SPOOL,
        Topic::Databases => CYRSYNC_TOPIC_DATABASES,
        Topic::OwnServer => CYRSYNC_TOPIC_OWN_SERVER,
        Topic::SyncLog => CYRSYNC_TOPIC_SYNC_LOG,
        Topic::Channel => CYRSYNC_TOPIC_CHANNEL,
        Topic::Log => CYRSYNC_TOPIC_LOG,
        Topic::Claim => CYRSYNC_TOPIC_CLAIM,
        Topic::Name => CYRSYNC_TOPIC_NAME,
        Topic::Connection => CYRSYNC_TOPIC_CONNECTION,
        Topic::Tls => CYRSYNC_TOPIC_TLS,
        Topic::Certificate => CYRSYNC_TOPIC_CERTIFICATE,
        Topic::Mechanism => CYRSYNC_TOPIC_MECHANISM,
        Topic::Login => CYRSYNC_TOPIC_LOGIN,
        Topic::Admin => CYRSYNC_TOPIC_ADMIN,
        Topic::Version => CYRSYNC_TOPIC_VERSION,
        Topic::Capabilities => CYRSYNC_TOPIC_CAPABILITIES,
        Topic::Partitions => CYRSYNC_TOPIC_PARTITIONS,
        Topic::Compression => CYRSYNC_TOPIC_COMPRESSION,
        Topic::Clocks => CYRSYNC_TOPIC_CLOCKS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_have_the_same_order_in_c() {
        let numbers: Vec<i32> = Topic::ALL.map(|topic| topic_for_c(topic) as i32).to_vec();
        assert_eq!(numbers, (1..=23).collect::<Vec<_>>());
    }
}
