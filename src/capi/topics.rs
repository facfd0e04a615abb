//! Defines the topics and verdicts of a check of a configuration.

use super::sized::lent;
use super::strings::cyrsync_str;
use crate::check::{Check, Grade, Topic};

/// The topics of cyrsync_config_check(), in the order of the checks. Each check has one topic.
/// Later versions may add topics.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_check_topic {
    /// Whether imapd.conf and the files that it includes can be read, and every value is valid.
    CYRSYNC_CHECK_TOPIC_CONFIGURATION = 1,
    /// Whether the names of options are spelt correctly and are up to date.
    CYRSYNC_CHECK_TOPIC_OPTIONS = 2,
    /// Which options of this library "cyr_info conf-lint" reports as unknown. They do no harm.
    CYRSYNC_CHECK_TOPIC_CONF_LINT = 3,
    /// Whether the process runs as the cyrus user.
    CYRSYNC_CHECK_TOPIC_USER = 4,
    /// Whether partitions exist and can be read, and contain their mailboxes.
    CYRSYNC_CHECK_TOPIC_SPOOL = 5,
    /// Whether the databases of the mail store can be read.
    CYRSYNC_CHECK_TOPIC_DATABASES = 6,
    /// Whether Cyrus's sync_server exists here and can be run. A repair writes to the master
    /// through it.
    CYRSYNC_CHECK_TOPIC_OWN_SERVER = 7,
    /// Whether Cyrus's daemons write a sync log.
    CYRSYNC_CHECK_TOPIC_SYNC_LOG = 8,
    /// Whether Cyrus's daemons write to the sync log of this channel.
    CYRSYNC_CHECK_TOPIC_CHANNEL = 9,
    /// Whether the client can write, rename and replace the sync log, and has enough disk space for
    /// it.
    CYRSYNC_CHECK_TOPIC_LOG = 10,
    /// Whether a client runs cyrsync_client_roll() or sync_client -r on the channel already.
    CYRSYNC_CHECK_TOPIC_CLAIM = 11,
    /// Whether the name of the replica has an IP address.
    CYRSYNC_CHECK_TOPIC_NAME = 12,
    /// Whether the replica answers, and whether it is an imapd or a sync_server.
    CYRSYNC_CHECK_TOPIC_CONNECTION = 13,
    /// Whether the connection is encrypted with TLS.
    CYRSYNC_CHECK_TOPIC_TLS = 14,
    /// Whether the replica's certificate is trusted, and for how long it is valid.
    CYRSYNC_CHECK_TOPIC_CERTIFICATE = 15,
    /// Which SASL mechanism the login uses.
    CYRSYNC_CHECK_TOPIC_MECHANISM = 16,
    /// Whether the replica accepts the login.
    CYRSYNC_CHECK_TOPIC_LOGIN = 17,
    /// Whether the user of the login has the rights that replication needs.
    CYRSYNC_CHECK_TOPIC_ADMIN = 18,
    /// The Cyrus version of the replica.
    CYRSYNC_CHECK_TOPIC_VERSION = 19,
    /// Which optional capabilities of the replica the client uses.
    CYRSYNC_CHECK_TOPIC_CAPABILITIES = 20,
    /// Whether the replica has mailboxes on partitions with the same names as the master's
    /// partitions.
    CYRSYNC_CHECK_TOPIC_PARTITIONS = 21,
    /// Whether the connection is compressed.
    CYRSYNC_CHECK_TOPIC_COMPRESSION = 22,
    /// The difference between the clocks of master and replica. The protocol does not transmit the
    /// replica's time, so this check is always skipped.
    CYRSYNC_CHECK_TOPIC_CLOCKS = 23,
}

/// The result of a check.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum cyrsync_check_verdict {
    /// There is no problem.
    CYRSYNC_CHECK_VERDICT_OK = 1,
    /// Replication works, but a person should look at this.
    CYRSYNC_CHECK_VERDICT_WARN = 2,
    /// Replication will fail, or do less than it should.
    CYRSYNC_CHECK_VERDICT_FAIL = 3,
    /// The check was not made. The member detail has the reason.
    CYRSYNC_CHECK_VERDICT_SKIPPED = 4,
}

use cyrsync_check_topic::*;
use cyrsync_check_verdict::*;

/// A check of a configuration and its result. All strings in it are borrowed: they are valid only
/// during the callback.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cyrsync_check {
    /// The size of the structure in the library, which may differ from sizeof(cyrsync_check) in the
    /// program. Do not read members beyond it.
    pub size: usize,
    /// The topic of the check.
    pub topic: cyrsync_check_topic,
    /// The result of the check.
    pub verdict: cyrsync_check_verdict,
    /// The topic as text, such as "name resolves".
    pub name: cyrsync_str,
    /// What the check found, as text.
    pub detail: cyrsync_str,
    /// What a person should do about a problem; empty if there is nothing to do.
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

fn verdict_for_c(verdict: Grade) -> cyrsync_check_verdict {
    match verdict {
        Grade::Ok => CYRSYNC_CHECK_VERDICT_OK,
        Grade::Warn => CYRSYNC_CHECK_VERDICT_WARN,
        Grade::Fail => CYRSYNC_CHECK_VERDICT_FAIL,
        Grade::Skipped => CYRSYNC_CHECK_VERDICT_SKIPPED,
    }
}

fn topic_for_c(topic: Topic) -> cyrsync_check_topic {
    match topic {
        Topic::Configuration => CYRSYNC_CHECK_TOPIC_CONFIGURATION,
        Topic::Options => CYRSYNC_CHECK_TOPIC_OPTIONS,
        Topic::ConfLint => CYRSYNC_CHECK_TOPIC_CONF_LINT,
        Topic::User => CYRSYNC_CHECK_TOPIC_USER,
        Topic::Spool => CYRSYNC_CHECK_TOPIC_SPOOL,
        Topic::Databases => CYRSYNC_CHECK_TOPIC_DATABASES,
        Topic::OwnServer => CYRSYNC_CHECK_TOPIC_OWN_SERVER,
        Topic::SyncLog => CYRSYNC_CHECK_TOPIC_SYNC_LOG,
        Topic::Channel => CYRSYNC_CHECK_TOPIC_CHANNEL,
        Topic::Log => CYRSYNC_CHECK_TOPIC_LOG,
        Topic::Claim => CYRSYNC_CHECK_TOPIC_CLAIM,
        Topic::Name => CYRSYNC_CHECK_TOPIC_NAME,
        Topic::Connection => CYRSYNC_CHECK_TOPIC_CONNECTION,
        Topic::Tls => CYRSYNC_CHECK_TOPIC_TLS,
        Topic::Certificate => CYRSYNC_CHECK_TOPIC_CERTIFICATE,
        Topic::Mechanism => CYRSYNC_CHECK_TOPIC_MECHANISM,
        Topic::Login => CYRSYNC_CHECK_TOPIC_LOGIN,
        Topic::Admin => CYRSYNC_CHECK_TOPIC_ADMIN,
        Topic::Version => CYRSYNC_CHECK_TOPIC_VERSION,
        Topic::Capabilities => CYRSYNC_CHECK_TOPIC_CAPABILITIES,
        Topic::Partitions => CYRSYNC_CHECK_TOPIC_PARTITIONS,
        Topic::Compression => CYRSYNC_CHECK_TOPIC_COMPRESSION,
        Topic::Clocks => CYRSYNC_CHECK_TOPIC_CLOCKS,
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
