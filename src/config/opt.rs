//! The table of options that this project reads: name, type, unit and default, as in
//! `lib/imapoptions` of Cyrus 3.8.1. Exceptions: the default of `tcp_keepalive` is on here, and
//! `global_lock` comes from Cyrus 3.12. Options that this project does not use are not in the
//! table, so their values are not checked.
//!
//! The identifier of an option has a Rust type for the type of the option, so code that reads a
//! switch as a number does not compile. Only [`crate::settings`] reads options, each of them once.
//! A test checks that it reads all of them.

use super::value::TimeUnit;

/// The type of an option's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Any text.
    String,
    /// `yes` or `no`.
    Switch,
    /// A 32 bit number.
    Int,
    /// `auto`, or a whole number in this range, including both ends.
    AutoOr(i32, i32),
    /// A duration. A number without a unit has this unit.
    Duration(TimeUnit),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One of these words. Instead of `on` and `off`, other spellings of a switch are allowed.
    OnOffOr(&'static [&'static str]),
    /// Any of these words, separated by blanks.
    AnyOf(&'static [&'static str]),
    /// The name of a server: see [`super::Target::parse`].
    Server,
    /// The number of a port or the name of a service: see [`super::service_port`].
    Port,
    /// Fingerprints of certificates: see [`super::Fingerprint::parse_all`].
    Fingerprints,
    /// A limit of bandwidth: see [`super::Bandwidth::parse`].
    Bandwidth,
}

/// A row of the table.
#[derive(Debug)]
pub struct Spec {
    /// Name, as in imapd.conf.
    pub name: &'static str,
    /// Type of the value.
    pub kind: Type,
    /// The value that is used if the file has none, as it would be written in the file.
    pub default: Option<&'static str>,
}

/// Replication options for which a channel cannot have its own value.
const OF_ALL_CHANNELS: [&str; 6] = [
    "sync_log",
    "sync_log_channels",
    "sync_reconnect_maxwait",
    "sync_rightnow_channel",
    "sync_server_path",
    "sync_timeout",
];

/// Options that only cyrsync reads. Cyrus does not know them.
const OURS: [&str; 14] = [
    "sync_allowplaintext",
    "sync_authzid",
    "sync_bwlimit",
    "sync_check_messages",
    "sync_deflate_level",
    "sync_jobs",
    "sync_metrics_file",
    "sync_no_copyback",
    "sync_repair_fuse",
    "sync_repair_max_expunge",
    "sync_server_path",
    "sync_tls",
    "sync_tls_fingerprint",
    "sync_tls_verify",
];

/// Options of Cyrus that this project does not read, but whose names are similar to those of
/// options in the table. They are not typing errors.
pub(super) const NOT_READ: [&str; 5] = [
    "sync_cache_db",
    "sync_log_chain",
    "sync_log_unsuppressable_channels",
    "tls_cert_file",
    "tls_client_certs",
];

impl Spec {
    /// Returns whether only cyrsync reads the option. Cyrus does not know it.
    pub fn is_ours(&self) -> bool {
        OURS.contains(&self.name)
    }

    /// Returns whether a channel may have its own value, `<channel>_<option>` (`sync_get_config`
    /// and similar functions in `imap/sync_support.c`).
    pub fn has_channels(&self) -> bool {
        self.name.starts_with("sync_") && !OF_ALL_CHANNELS.contains(&self.name)
    }
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $type:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $type(pub(super) &'static Spec);

        impl $type {
            /// Returns the option's row in the table.
            pub const fn spec(self) -> &'static Spec {
                self.0
            }
        }
    )*};
}

identifiers! {
    /// Identifies an option whose value is any text.
    StringOpt;
    /// Identifies an option whose value is a switch.
    SwitchOpt;
    /// Identifies an option whose value is a number.
    IntOpt;
    /// Identifies an option whose value is a number or `auto`.
    AutoOpt;
    /// Identifies an option whose value is a duration.
    DurationOpt;
    /// Identifies an option whose value is one of some words.
    ChoiceOpt;
    /// Identifies an option whose value is a set of words.
    SetOpt;
}

macro_rules! options {
    ($($id:ident: $type:ident = $name:literal, $kind:expr, $default:expr;)*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub const $id: $type = $type(&Spec { name: $name, kind: $kind, default: $default });
        )*
        /// All options of the table.
        pub const ALL: &[&Spec] = &[$($id.0),*];
    };
}

use TimeUnit::Seconds;
use Type::{
    AnyOf, AutoOr, Bandwidth, Duration, Fingerprints, Int, OnOffOr, OneOf, Port, Server,
    String as Text, Switch,
};

const YES: Option<&str> = Some("yes");
const NO: Option<&str> = Some("no");

options! {
    // Replication.
    SYNC_AUTHNAME: StringOpt = "sync_authname", Text, None;
    // Only cyrsync: the user to act as on the replica, if it is not the user who logs in.
    SYNC_AUTHZID: StringOpt = "sync_authzid", Text, None;
    // Only cyrsync: whether a password may be sent over a network that is not encrypted.
    SYNC_ALLOWPLAINTEXT: SwitchOpt = "sync_allowplaintext", Switch, YES;
    SYNC_BATCHSIZE: IntOpt = "sync_batchsize", Int, Some("8192");
    // Only cyrsync: number of bytes that all connections together may send per second.
    SYNC_BWLIMIT: StringOpt = "sync_bwlimit", Bandwidth, Some("off");
    SYNC_CACHE_DB_PATH: StringOpt = "sync_cache_db_path", Text, None;
    // Only cyrsync: the program through which a repair writes to the master.
    SYNC_SERVER_PATH: StringOpt = "sync_server_path", Text, None;
    // Only cyrsync: whether to read the files of messages that are already replicated, to check
    // them.
    SYNC_CHECK_MESSAGES: SwitchOpt = "sync_check_messages", Switch, NO;
    // Only cyrsync: the compression level, 0 (off) to 9, or `auto` for a level that adapts to the
    // connection.
    SYNC_DEFLATE_LEVEL: AutoOpt = "sync_deflate_level", AutoOr(0, 9), Some("auto");
    SYNC_HOST: StringOpt = "sync_host", Server, None;
    // Only cyrsync: number of simultaneous connections.
    SYNC_JOBS: AutoOpt = "sync_jobs", AutoOr(1, 64), Some("auto");
    SYNC_LOG: SwitchOpt = "sync_log", Switch, NO;
    SYNC_LOG_CHANNELS: StringOpt = "sync_log_channels", Text, None;
    // Only cyrsync: whether the master must not be changed, as with -O.
    SYNC_NO_COPYBACK: SwitchOpt = "sync_no_copyback", Switch, NO;
    SYNC_PASSWORD: StringOpt = "sync_password", Text, None;
    SYNC_PORT: StringOpt = "sync_port", Port, None;
    SYNC_REALM: StringOpt = "sync_realm", Text, None;
    SYNC_RECONNECT_MAXWAIT: DurationOpt =
        "sync_reconnect_maxwait", Duration(Seconds), Some("20m");
    SYNC_RIGHTNOW_CHANNEL: StringOpt = "sync_rightnow_channel", Text, None;
    // Only cyrsync: `sync_repair_fuse` tells whether a repair that could do harm is refused.
    // `sync_repair_max_expunge` is the number of messages that a repair may expunge in a mailbox if
    // they are more than a tenth of it; a negative number means no limit.
    SYNC_REPAIR_FUSE: SwitchOpt = "sync_repair_fuse", Switch, YES;
    SYNC_REPAIR_MAX_EXPUNGE: IntOpt = "sync_repair_max_expunge", Int, Some("100");
    SYNC_REPEAT_INTERVAL: DurationOpt = "sync_repeat_interval", Duration(Seconds), Some("1s");
    SYNC_METRICS_FILE: StringOpt = "sync_metrics_file", Text, None;
    SYNC_SHUTDOWN_FILE: StringOpt = "sync_shutdown_file", Text, None;
    // Only cyrsync: whether to encrypt, which certificates to accept, and whether to verify them.
    SYNC_TLS: ChoiceOpt = "sync_tls", OneOf(&["off", "try", "require"]), Some("try");
    SYNC_TLS_FINGERPRINT: StringOpt = "sync_tls_fingerprint", Fingerprints, None;
    SYNC_TLS_VERIFY: SwitchOpt = "sync_tls_verify", Switch, YES;
    SYNC_TIMEOUT: DurationOpt = "sync_timeout", Duration(Seconds), Some("30m");
    SYNC_TRY_IMAP: SwitchOpt = "sync_try_imap", Switch, YES;

    // The connection.
    CLIENT_BIND: SwitchOpt = "client_bind", Switch, NO;
    CLIENT_BIND_NAME: StringOpt = "client_bind_name", Text, None;
    CLIENT_TIMEOUT: DurationOpt = "client_timeout", Duration(Seconds), Some("10s");
    FORCE_SASL_CLIENT_MECH: StringOpt = "force_sasl_client_mech", Text, None;
    // The default is on here and off in Cyrus, so that a lost replica is noticed on an idle
    // connection.
    TCP_KEEPALIVE: SwitchOpt = "tcp_keepalive", Switch, YES;
    TCP_KEEPALIVE_CNT: IntOpt = "tcp_keepalive_cnt", Int, Some("0");
    TCP_KEEPALIVE_IDLE: DurationOpt = "tcp_keepalive_idle", Duration(Seconds), Some("0");
    TCP_KEEPALIVE_INTVL: DurationOpt = "tcp_keepalive_intvl", Duration(Seconds), Some("0");
    TLS_CLIENT_CA_DIR: StringOpt = "tls_client_ca_dir", Text, None;
    TLS_CLIENT_CA_FILE: StringOpt = "tls_client_ca_file", Text, None;
    TLS_CLIENT_CERT: StringOpt = "tls_client_cert", Text, None;
    TLS_CLIENT_KEY: StringOpt = "tls_client_key", Text, None;
    TLS_CRL_FILE: StringOpt = "tls_crl_file", Text, None;
    TLS_SERVER_CA_DIR: StringOpt = "tls_server_ca_dir", Text, None;
    TLS_SERVER_CA_FILE: StringOpt = "tls_server_ca_file", Text, None;
    TLS_VERSIONS: StringOpt = "tls_versions", Text, Some("tls1_0 tls1_1 tls1_2 tls1_3");

    // Directories and files.
    CONFIGDIRECTORY: StringOpt = "configdirectory", Text, None;
    HASHIMAPSPOOL: SwitchOpt = "hashimapspool", Switch, NO;
    FULLDIRHASH: SwitchOpt = "fulldirhash", Switch, NO;
    // Cyrus has this option since 3.12.
    GLOBAL_LOCK: SwitchOpt = "global_lock", Switch, YES;
    MBOXNAME_LOCKPATH: StringOpt = "mboxname_lockpath", Text, None;
    // Cyrus has this option since 3.13.1; its default is configdirectory.
    MBOXNAME_USERPATH: StringOpt = "mboxname_userpath", Text, None;
    METAPARTITION_FILES: SetOpt = "metapartition_files",
        AnyOf(&["header", "index", "cache", "expunge", "squat", "annotations", "lock", "dav",
            "archivecache"]), Some("");
    ARCHIVE_ENABLED: SwitchOpt = "archive_enabled", Switch, NO;
    SIEVEDIR: StringOpt = "sievedir", Text, Some("/usr/sieve");
    SIEVE_FOLDER: StringOpt = "sieve_folder", Text, Some("#sieve");
    TEMP_PATH: StringOpt = "temp_path", Text, Some("/tmp");

    // Databases. `twom` comes after Cyrus 3.12. `sql` and `zeroskip` are allowed here; opening such
    // a database later fails with a better error.
    MBOXLIST_DB: ChoiceOpt = "mboxlist_db",
        OneOf(&["flat", "skiplist", "sql", "twom", "twoskip", "zeroskip"]), Some("twoskip");
    MBOXLIST_DB_PATH: StringOpt = "mboxlist_db_path", Text, None;
    ANNOTATION_DB: ChoiceOpt = "annotation_db",
        OneOf(&["skiplist", "twom", "twoskip", "zeroskip"]), Some("twoskip");
    ANNOTATION_DB_PATH: StringOpt = "annotation_db_path", Text, None;
    SUBSCRIPTION_DB: ChoiceOpt = "subscription_db",
        OneOf(&["flat", "skiplist", "twom", "twoskip", "zeroskip"]), Some("flat");
    SEENSTATE_DB: ChoiceOpt = "seenstate_db",
        OneOf(&["flat", "skiplist", "twom", "twoskip", "zeroskip"]), Some("twoskip");
    QUOTA_DB: ChoiceOpt = "quota_db",
        OneOf(&["flat", "skiplist", "sql", "quotalegacy", "twom", "twoskip", "zeroskip"]),
        Some("quotalegacy");
    QUOTA_DB_PATH: StringOpt = "quota_db_path", Text, None;
    CONVERSATIONS: SwitchOpt = "conversations", Switch, NO;
    CONVERSATIONS_DB: ChoiceOpt = "conversations_db",
        OneOf(&["skiplist", "sql", "twom", "twoskip", "zeroskip"]), Some("skiplist");
    JMAPSUBMISSIONFOLDER: StringOpt = "jmapsubmissionfolder", Text, Some("#jmapsubmission");
    REVERSEACLS: SwitchOpt = "reverseacls", Switch, NO;

    // `mboxgroups` means that mailboxes.db has groups of users, since Cyrus 3.12.
    AUTH_MECH: StringOpt = "auth_mech", Text, Some("unix");

    // Names.
    UNIXHIERARCHYSEP: SwitchOpt = "unixhierarchysep", Switch, YES;
    VIRTDOMAINS: ChoiceOpt = "virtdomains", OnOffOr(&["off", "userid", "on"]), Some("off");
    DEFAULTDOMAIN: StringOpt = "defaultdomain", Text, Some("internal");
    DELETEDPREFIX: StringOpt = "deletedprefix", Text, Some("DELETED");
    // Up to Cyrus 3.4, for mailboxes.db, quotas.db and subscriptions.
    IMPROVED_MBOXLIST_SORT: SwitchOpt = "improved_mboxlist_sort", Switch, NO;

    // The process.
    SERVERNAME: StringOpt = "servername", Text, None;
    CYRUS_USER: StringOpt = "cyrus_user", Text, None;
    CYRUS_GROUP: StringOpt = "cyrus_group", Text, None;
    DEBUG: SwitchOpt = "debug", Switch, NO;
    SYSLOG_PREFIX: StringOpt = "syslog_prefix", Text, None;
    SYSLOG_FACILITY: StringOpt = "syslog_facility", Text, None;
    UMASK: StringOpt = "umask", Text, Some("077");
}

/// A former name of an option. It can still be used.
#[derive(Debug)]
pub struct Deprecated {
    /// The former name.
    pub name: &'static str,
    /// The option that replaced it.
    pub preferred: &'static Spec,
    /// The version of Cyrus that renamed it.
    pub since: &'static str,
}

/// All former names of options in the table.
pub const DEPRECATED: &[Deprecated] = &[
    Deprecated { name: "tls_ca_file", preferred: TLS_CLIENT_CA_FILE.0, since: "2.5.0" },
    Deprecated { name: "tls_ca_path", preferred: TLS_CLIENT_CA_DIR.0, since: "2.5.0" },
];
