//! The table of options that this project reads: name, type, unit and default, as in
//! `lib/imapoptions` of Cyrus 3.8.1. Exceptions are `tcp_keepalive`, which is on here, and
//! `global_lock` of 3.12. Options on which nothing here depends are not in the table, so their
//! values are not checked.
//!
//! The type of an identifier is the type of the option, so that reading a switch as a number does
//! not compile. Only [`crate::settings`] reads options, each once; a test checks that it reads them
//! all.

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
    /// `auto`, or a whole number from the first to the last.
    AutoOr(i32, i32),
    /// A duration; the unit applies to a number without one.
    Duration(TimeUnit),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One of these words; `on` and `off` may also be spelled like a switch.
    OnOffOr(&'static [&'static str]),
    /// Any of these words, separated by blanks.
    AnyOf(&'static [&'static str]),
    /// The name of a server: see [`super::Target::parse`].
    Server,
    /// A number or a service name: see [`super::service_port`].
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
    /// The value if the file has none, in the file's grammar.
    pub default: Option<&'static str>,
}

/// Options of replication for which Cyrus reads the same value for all channels.
const OF_ALL_CHANNELS: [&str; 6] = [
    "sync_log",
    "sync_log_channels",
    "sync_reconnect_maxwait",
    "sync_rightnow_channel",
    "sync_server_path",
    "sync_timeout",
];

/// Options that only cyrsync reads: Cyrus knows none of them.
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

/// Options of Cyrus that are not read here, but whose names resemble those of options that are.
pub(super) const NOT_READ: [&str; 5] = [
    "sync_cache_db",
    "sync_log_chain",
    "sync_log_unsuppressable_channels",
    "tls_cert_file",
    "tls_client_certs",
];

impl Spec {
    /// Whether only cyrsync knows the option, and Cyrus does not.
    pub fn is_ours(&self) -> bool {
        OURS.contains(&self.name)
    }

    /// Whether a channel may have a value of its own, `<channel>_<option>` (`sync_get_config` and
    /// its relatives in `imap/sync_support.c`).
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
    /// Identifies an option of free text.
    StringOpt;
    /// Identifies a switch.
    SwitchOpt;
    /// Identifies a number.
    IntOpt;
    /// Identifies a number, or `auto`.
    AutoOpt;
    /// Identifies a duration.
    DurationOpt;
    /// Identifies a choice of one word.
    ChoiceOpt;
    /// Identifies a set of words.
    SetOpt;
}

macro_rules! options {
    ($($id:ident: $type:ident = $name:literal, $kind:expr, $default:expr;)*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub const $id: $type = $type(&Spec { name: $name, kind: $kind, default: $default });
        )*
        /// All of them.
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
    // Only cyrsync: the user to act as on the replica, if not the one who logs in.
    SYNC_AUTHZID: StringOpt = "sync_authzid", Text, None;
    // Only cyrsync: whether a password may cross the network in clear.
    SYNC_ALLOWPLAINTEXT: SwitchOpt = "sync_allowplaintext", Switch, YES;
    SYNC_BATCHSIZE: IntOpt = "sync_batchsize", Int, Some("8192");
    // Only cyrsync: how many bytes a second all connections together may send.
    SYNC_BWLIMIT: StringOpt = "sync_bwlimit", Bandwidth, Some("off");
    SYNC_CACHE_DB_PATH: StringOpt = "sync_cache_db_path", Text, None;
    // Only cyrsync: the program through which a repair writes to the master.
    SYNC_SERVER_PATH: StringOpt = "sync_server_path", Text, None;
    // Only cyrsync: whether to read the files of messages that were replicated before.
    SYNC_CHECK_MESSAGES: SwitchOpt = "sync_check_messages", Switch, NO;
    // Only cyrsync: the level of deflate, 0 (off) to 9, or one that follows the connection.
    SYNC_DEFLATE_LEVEL: AutoOpt = "sync_deflate_level", AutoOr(0, 9), Some("auto");
    SYNC_HOST: StringOpt = "sync_host", Server, None;
    // Only cyrsync: how many connections there are at once.
    SYNC_JOBS: AutoOpt = "sync_jobs", AutoOr(1, 64), Some("auto");
    SYNC_LOG: SwitchOpt = "sync_log", Switch, NO;
    SYNC_LOG_CHANNELS: StringOpt = "sync_log_channels", Text, None;
    // Only cyrsync: whether to leave the master unchanged, as with -O.
    SYNC_NO_COPYBACK: SwitchOpt = "sync_no_copyback", Switch, NO;
    SYNC_PASSWORD: StringOpt = "sync_password", Text, None;
    SYNC_PORT: StringOpt = "sync_port", Port, None;
    SYNC_REALM: StringOpt = "sync_realm", Text, None;
    SYNC_RECONNECT_MAXWAIT: DurationOpt =
        "sync_reconnect_maxwait", Duration(Seconds), Some("20m");
    SYNC_RIGHTNOW_CHANNEL: StringOpt = "sync_rightnow_channel", Text, None;
    // Only cyrsync: whether a harmful repair is refused, and how many messages it may expunge in a
    // mailbox if they are more than a tenth of it; no limit if negative.
    SYNC_REPAIR_FUSE: SwitchOpt = "sync_repair_fuse", Switch, YES;
    SYNC_REPAIR_MAX_EXPUNGE: IntOpt = "sync_repair_max_expunge", Int, Some("100");
    SYNC_REPEAT_INTERVAL: DurationOpt = "sync_repeat_interval", Duration(Seconds), Some("1s");
    SYNC_METRICS_FILE: StringOpt = "sync_metrics_file", Text, None;
    SYNC_SHUTDOWN_FILE: StringOpt = "sync_shutdown_file", Text, None;
    // Only cyrsync: whether to encrypt, how to verify, and which certificates to accept.
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
    // On here, where Cyrus has it off, so that a vanished replica is noticed on an idle connection.
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
    // Since Cyrus 3.12.
    GLOBAL_LOCK: SwitchOpt = "global_lock", Switch, YES;
    MBOXNAME_LOCKPATH: StringOpt = "mboxname_lockpath", Text, None;
    // Since Cyrus 3.13.1, whose default is configdirectory.
    MBOXNAME_USERPATH: StringOpt = "mboxname_userpath", Text, None;
    METAPARTITION_FILES: SetOpt = "metapartition_files",
        AnyOf(&["header", "index", "cache", "expunge", "squat", "annotations", "lock", "dav",
            "archivecache"]), Some("");
    ARCHIVE_ENABLED: SwitchOpt = "archive_enabled", Switch, NO;
    SIEVEDIR: StringOpt = "sievedir", Text, Some("/usr/sieve");
    SIEVE_FOLDER: StringOpt = "sieve_folder", Text, Some("#sieve");
    TEMP_PATH: StringOpt = "temp_path", Text, Some("/tmp");

    // Databases. `twom` comes after Cyrus 3.12; `sql` and `zeroskip` are valid here, and are
    // refused later with a better error.
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

    // Whether mailboxes.db has groups of users: `mboxgroups`, since Cyrus 3.12.
    AUTH_MECH: StringOpt = "auth_mech", Text, Some("unix");

    // Names.
    UNIXHIERARCHYSEP: SwitchOpt = "unixhierarchysep", Switch, YES;
    VIRTDOMAINS: ChoiceOpt = "virtdomains", OnOffOr(&["off", "userid", "on"]), Some("off");
    DEFAULTDOMAIN: StringOpt = "defaultdomain", Text, Some("internal");
    DELETEDPREFIX: StringOpt = "deletedprefix", Text, Some("DELETED");
    // Since 3.0 no program but cyr_dbtool, by a flag, reads it; checked because it may be in the
    // file.
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

/// An option's former name, still accepted.
#[derive(Debug)]
pub struct Deprecated {
    /// The former name.
    pub name: &'static str,
    /// The option that replaced it.
    pub preferred: &'static Spec,
    /// The version of Cyrus that renamed it.
    pub since: &'static str,
}

/// The former names of the options above.
pub const DEPRECATED: &[Deprecated] = &[
    Deprecated { name: "tls_ca_file", preferred: TLS_CLIENT_CA_FILE.0, since: "2.5.0" },
    Deprecated { name: "tls_ca_path", preferred: TLS_CLIENT_CA_DIR.0, since: "2.5.0" },
];
