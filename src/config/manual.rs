//! Makes docs/cyrsync-imapd.conf.5, the manual page of the options that are read, from the table in
//! [`opt`](super::opt) and the descriptions here. A test compares the page with the result. Only
//! that test uses this module, so it is not part of any program.

use std::fmt::Write as _;

use super::opt::{self, DEPRECATED, Spec, Type};
use super::value::TimeUnit;

/// The sections, each with its options and their descriptions.
const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    ("Replica and login", REPLICA),
    ("TLS", TLS),
    ("Replication", SENDING),
    ("Rolling replication", ROLLING),
    ("Connection", CONNECTION),
    ("Files and directories", PLACES),
    ("Databases", DATABASES),
    ("Names", NAMES),
    ("Process", PROCESS),
];

const REPLICA: &[(&str, &str)] = &[
    (
        "sync_host",
        "Name of the replica: host, host:port, [address]:port, or the path of a UNIX socket. After \
         host or port, /tls starts TLS with the first byte, and /noauth skips the login. -S \
         overrides this option.",
    ),
    (
        "sync_port",
        "Port of the replica. A port in the name of the server overrides this option. Default: \
         first port imap (143) for imapd, then port csync (2005) for sync_server.",
    ),
    (
        "sync_try_imap",
        "yes: the replica can be an imapd or a sync_server. no: connect only to a sync_server; an \
         imapd on the port is an error.",
    ),
    ("sync_authname", "User who logs in. The option admins of the replica must contain this user."),
    (
        "sync_authzid",
        "User to act as on the replica, if this is not sync_authname. The replica must allow it.",
    ),
    ("sync_password", "Password of sync_authname. It is never shown or logged."),
    ("sync_realm", "Realm for the login. Used only by plugins of libsasl2, such as DIGEST-MD5."),
    (
        "sync_allowplaintext",
        "no: never send the password itself (mechanisms PLAIN and LOGIN) over a connection without \
         TLS, except over a UNIX socket. yes: send it if the replica offers no better mechanism.",
    ),
    (
        "force_sasl_client_mech",
        "The only SASL mechanisms that may be used, separated by blanks. Default: the strongest \
         mechanism that the replica offers. HOST_mechs is the same for one replica and overrides \
         this option; HOST is the name of the replica up to its first dot.",
    ),
];

const TLS: &[(&str, &str)] = &[
    (
        "sync_tls",
        "require: send no login and no mail to a replica without TLS. try: use TLS if the replica \
         offers it, but refuse connections without TLS to a replica that was once reached over TLS \
         with a verified certificate (see --forget-tls in sync_client(8)). off: use no TLS, except \
         for a server name with /tls. A UNIX socket never has TLS, and is accepted in all three \
         cases.",
    ),
    (
        "sync_tls_verify",
        "yes: verify the replica's certificate, if imapd.conf names trusted certificates \
         (tls_server_ca_file and the like). no: accept any certificate. sync_tls_fingerprint \
         overrides this option.",
    ),
    (
        "sync_tls_fingerprint",
        "SHA-256 fingerprints (sha256:...) of the certificates that are accepted, separated by \
         blanks. No other certificate is accepted. Issuer, name and dates are not checked. The \
         replica must use TLS then. Default: none.",
    ),
    (
        "tls_client_ca_file",
        "File of trusted certificates, like tls_server_ca_file. Used only if neither \
         tls_server_ca_file nor tls_server_ca_dir is set.",
    ),
    (
        "tls_client_ca_dir",
        "Directory of trusted certificates, like tls_server_ca_dir. Used only if neither \
         tls_server_ca_file nor tls_server_ca_dir is set.",
    ),
    (
        "tls_server_ca_file",
        "File (PEM) with the certificates of trusted authorities, which sign replicas' \
         certificates.",
    ),
    (
        "tls_server_ca_dir",
        "Directory with the certificates of trusted authorities. The file names are hashes, as \
         openssl rehash makes them.",
    ),
    (
        "tls_crl_file",
        "File (PEM) with lists of revoked certificates. The replica is refused if a list contains \
         its certificate or its issuer. Used only if the certificate is verified by its issuer. \
         Default: no check.",
    ),
    (
        "tls_client_cert",
        "File (PEM) with the certificate that the client sends if the replica requests one. \
         disabled: none. HOST_client_cert overrides this option for one replica.",
    ),
    (
        "tls_client_key",
        "File (PEM) with the private key of tls_client_cert. Default: the file of tls_client_cert. \
         HOST_client_key overrides this option for one replica.",
    ),
    (
        "tls_versions",
        "Versions of TLS that may be used, separated by blanks. The client supports only tls1_2 \
         and tls1_3, and ignores other versions.",
    ),
];

const SENDING: &[(&str, &str)] = &[
    (
        "sync_jobs",
        "Number of simultaneous connections. auto starts with one connection and adds connections, \
         up to four, as long as each one raises the transfer rate. -j overrides this option.",
    ),
    (
        "sync_bwlimit",
        "Maximum number of bytes sent per second by all connections together, optionally with K, M \
         or G (KiB, MiB, GiB). off or 0: no limit. Rates for periods of the day can follow: \
         10M,08:00-18:00=1M. --bwlimit overrides this option.",
    ),
    (
        "sync_batchsize",
        "Maximum number of message records of a mailbox in one update. 0 or a negative number: no \
         limit.",
    ),
    (
        "sync_deflate_level",
        "Compression level of zlib: 1 (fast) to 9 (small), or 0 for no compression. auto adapts \
         the level to the speed of the connection.",
    ),
    (
        "sync_check_messages",
        "yes: each run also reads the message files that were replicated before, and reports \
         damaged files. no: read only the files of messages that are sent.",
    ),
    (
        "sync_no_copyback",
        "yes: never change this server to make both sides equal, like -O. --copyback overrides \
         this option.",
    ),
    (
        "sync_repair_fuse",
        "yes: without --allow-repair, a repair makes no harmful changes on this server, and \
         subscriptions and Sieve scripts that are only missing here are not deleted on the \
         replica. no: both are always allowed.",
    ),
    (
        "sync_repair_max_expunge",
        "Maximum number of messages that a repair may expunge, or mark \\Deleted, in a mailbox on \
         this server without --allow-repair. A tenth of the mailbox is always allowed. Negative: \
         no limit.",
    ),
    (
        "sync_server_path",
        "Path of the program sync_server through which a repair changes this server. Default: \
         sync_server in the directory of the programs of the running Cyrus.",
    ),
    (
        "sync_cache_db_path",
        "File in which rolling replication caches the state of the replica, to send fewer \
         requests. The client appends .cyrsync to the name. Default: no cache.",
    ),
    (
        "archive_enabled",
        "yes: archived messages are on archivepartition-NAME. no: the options \
         archivepartition-NAME are ignored.",
    ),
];

const ROLLING: &[(&str, &str)] = &[
    (
        "sync_log",
        "yes: Cyrus's programs write their changes to the sync log. Rolling replication needs the \
         log.",
    ),
    (
        "sync_log_channels",
        "Channels for which Cyrus's programs write a sync log, separated by blanks. \"\" is the \
         log without a channel, which is also the default.",
    ),
    (
        "sync_repeat_interval",
        "Minimum time between the starts of two runs of rolling replication. 0: no minimum. -d \
         overrides this option.",
    ),
    (
        "sync_shutdown_file",
        "When this file exists, rolling replication removes it and ends. -F overrides this option. \
         Default: none.",
    ),
    (
        "sync_reconnect_maxwait",
        "Maximum pause between two attempts to connect. The pauses start at 15 seconds and double. \
         0: no maximum.",
    ),
    (
        "sync_rightnow_channel",
        "Channel of the changes that Cyrus's services replicate before they answer their clients. \
         -n accepts this channel even if no option is set for it.",
    ),
    (
        "sync_metrics_file",
        "File for metrics in the text format of Prometheus. Each channel needs its own file. \
         --metrics-file overrides this option. Default: none.",
    ),
];

const CONNECTION: &[(&str, &str)] = &[
    (
        "sync_timeout",
        "Maximum time without an answer from the replica. Values below 3 seconds count as 3 \
         seconds.",
    ),
    (
        "client_timeout",
        "Maximum time for connecting to each address, and for each step of TLS and login. Values \
         below 1 second count as 1 second.",
    ),
    (
        "client_bind",
        "yes: connect from the address of client_bind_name or, if that is not set, of servername. \
         no: the system chooses the address.",
    ),
    (
        "client_bind_name",
        "Host name or address of this server to connect from. Used only with client_bind: yes.",
    ),
    (
        "tcp_keepalive",
        "yes: the system probes an idle connection, so a lost replica is noticed. Cyrus's default \
         is no.",
    ),
    (
        "tcp_keepalive_cnt",
        "Number of unanswered probes after which the connection has failed. 0: the system's \
         default.",
    ),
    ("tcp_keepalive_idle", "Idle time before the first probe. 0: the system's default."),
    ("tcp_keepalive_intvl", "Time between two probes. 0: the system's default."),
];

const PLACES: &[(&str, &str)] = &[
    (
        "configdirectory",
        "Directory of databases, user files and sync logs. This option must be set.",
    ),
    (
        "mboxname_lockpath",
        "Directory of lock files of mailboxes. Default: lock in configdirectory.",
    ),
    (
        "mboxname_userpath",
        "Directory of user files, in Cyrus 3.13.1 and later. Default: configdirectory.",
    ),
    (
        "metapartition_files",
        "Metadata files of mailboxes that are on metapartition-NAME, separated by blanks. Default: \
         none.",
    ),
    (
        "hashimapspool",
        "yes: the directories of mailboxes are below directories with one-letter names.",
    ),
    (
        "fulldirhash",
        "Letter of the directories with one-letter names, for mailboxes and users. yes: the letter \
         is computed from the whole name. no: it is the first letter of the name.",
    ),
    ("sievedir", "Directory of Sieve scripts that are not in a mailbox."),
    ("sieve_folder", "Name of the mailbox, below the INBOX, that contains a user's Sieve scripts."),
    (
        "temp_path",
        "Directory of temporary files: messages above 1 MiB that a repair or --verify=messages \
         fetches, and long answers of the replica.",
    ),
    (
        "global_lock",
        "yes: cyr_withlock_run of Cyrus 3.12 and later can stop this client while a command runs. \
         no: it cannot.",
    ),
];

const DATABASES: &[(&str, &str)] = &[
    (
        "mboxlist_db",
        "Format of mailboxes.db. In this and all other options of formats, sql and zeroskip are \
         refused.",
    ),
    ("mboxlist_db_path", "Path of mailboxes.db. Default: in configdirectory."),
    ("annotation_db", "Format of annotations.db and of the annotations of messages."),
    ("annotation_db_path", "Path of annotations.db. Default: in configdirectory."),
    ("subscription_db", "Format of the users' subscription files."),
    ("seenstate_db", "Format of the users' seen state."),
    ("quota_db", "Format of the database of quota roots."),
    ("quota_db_path", "Path of the database of quota roots. Default: in configdirectory."),
    (
        "conversations",
        "yes: Cyrus keeps conversations (threads of messages), and their modseqs are replicated.",
    ),
    ("conversations_db", "Format of the users' conversations."),
    (
        "reverseacls",
        "yes: mailboxes.db also lists, for each user, the mailboxes to which the user has rights. \
         The client then also compares the modseqs of these lists.",
    ),
];

const NAMES: &[(&str, &str)] = &[
    ("unixhierarchysep", "Separator between the levels of mailbox names. yes: a slash. no: a dot."),
    ("virtdomains", "userid or on: a userid can contain a domain (user@domain). off: it cannot."),
    (
        "defaultdomain",
        "Domain of users whose userid has no domain. Names never contain this domain.",
    ),
    ("deletedprefix", "First level of the names of deleted mailboxes that wait for their removal."),
    (
        "jmapsubmissionfolder",
        "Name of the mailbox of messages that wait to be sent. They belong to no conversation.",
    ),
    (
        "improved_mboxlist_sort",
        "Order of the keys in databases that Cyrus up to 3.4 wrote. No effect with later versions.",
    ),
    (
        "auth_mech",
        "mboxgroups (Cyrus 3.12 and later): mailboxes.db contains groups of users, which are \
         replicated. Other values have no effect.",
    ),
];

const PROCESS: &[(&str, &str)] = &[
    (
        "servername",
        "Name of this server. Used only with client_bind: yes, if client_bind_name is not set.",
    ),
    ("cyrus_user", "User to which root changes. Default: cyrus, if the build sets no other user."),
    ("cyrus_group", "Group to which root changes. Default: the group of the user."),
    ("umask", "Permissions that new files do not get, in octal digits."),
    ("debug", "yes: also log messages for debugging."),
    (
        "syslog_prefix",
        "Text before the name of the program in syslog: PREFIX/sync_client. Default: none, if the \
         build sets no prefix.",
    ),
    (
        "syslog_facility",
        "Facility in syslog, such as mail or local6. Default: local6, if the build sets no other \
         facility.",
    ),
];

fn manual() -> String {
    let mut page = String::from(
        ".\\\" Made from the table of options in src/config/opt.rs by its test in src/config/manual.rs\n",
    );
    let _ = write!(
        page,
        ".TH CYRSYNC\\-IMAPD.CONF 5 \"\" \"cyrsync {}\" \"Cyrus IMAP replication\"\n\
         .SH NAME\ncyrsync\\-imapd.conf \\- options of imapd.conf that sync_client of cyrsync reads\n\
         .SH DESCRIPTION\n\
         sync_client(8) reads imapd.conf(5) in the same way as Cyrus. A line contains the name of \
         an option, a colon and a value. A line that begins with # is a comment. A line \
         @include: FILE reads another file. This page lists the options that sync_client reads. It \
         checks their values before it does anything else. An invalid value is reported with its \
         file and line, and the exit status is 78. Other options are ignored, with one exception: \
         an option of a later Cyrus that moves the data of users is refused.\n\
         .PP\n\
         A duration is a number of the named unit, or numbers with the units d, h, m and s: 1h30m. \
         This page calls the master \"this server\".\n\
         .PP\n\
         \"Cyrsync only\" marks an option that Cyrus does not know; Cyrus's programs ignore it. \
         \"Per channel\" marks an option for which a channel can have its own value: with \
         \\-n \\fICHANNEL\\fR, \\fICHANNEL\\fR_\\fIoption\\fR overrides \\fIoption\\fR. \
         sync_client_\\fIoption\\fR overrides \\fIoption\\fR for this program only.\n\
         .PP\n\
         sync_client \\-\\-print\\-config prints the effective values and their origins.\n",
        env!("CARGO_PKG_VERSION")
    );
    page.push_str(".SH OPTIONS\n");
    for (title, options) in SECTIONS {
        let _ = writeln!(page, ".SS {title}");
        for (name, text) in *options {
            let spec = opt::ALL.iter().find(|spec| spec.name == *name).expect("a test looks");
            let _ = write!(page, ".TP\n{}\n{}\n", head(spec), roff(text));
            let marks: Vec<&str> =
                [("Cyrsync only.", spec.is_ours()), ("Per channel.", spec.has_channels())]
                    .into_iter()
                    .filter_map(|(word, holds)| holds.then_some(word))
                    .collect();
            if !marks.is_empty() {
                let _ = writeln!(page, "{}", marks.join(" "));
            }
        }
    }
    page.push_str(
        ".SS Partitions\n.TP\n\\fBpartition\\-\\fINAME\\fR, \\fBmetapartition\\-\\fINAME\\fR, \
         \\fBarchivepartition\\-\\fINAME\\fR\nDirectories of the partition NAME: for messages, \
         for the files of metapartition_files, and for archived messages.\n\
         .TP\n\\fBmetadir\\-header\\-\\fINAME\\fR, \\fBmetadir\\-index\\-\\fINAME\\fR\n\
         Directories for cyrus.header, and for cyrus.index and cyrus.annotations. They override \
         metapartition\\-NAME.\n",
    );
    page.push_str(".SS Former names\n");
    for former in DEPRECATED {
        let _ = write!(
            page,
            ".TP\n\\fB{}\\fR\nName of {} before Cyrus {}. It can still be used.\n",
            former.name, former.preferred.name, former.since
        );
    }
    page.push_str(".SH FILES\n/etc/imapd.conf\n");
    page.push_str(".SH SEE ALSO\nsync_client(8), imapd.conf(5), cyrus.conf(5)\n");
    page
}

/// Returns the heading of an option: its name, the form of its values, and its default.
fn head(spec: &Spec) -> String {
    let kind = match spec.kind {
        Type::String => "text".to_owned(),
        Type::Switch => "yes or no".to_owned(),
        Type::Int => "number".to_owned(),
        Type::AutoOr(low, high) => format!("auto, or {low} to {high}"),
        Type::Duration(TimeUnit::Seconds) => "duration in seconds".to_owned(),
        Type::Duration(TimeUnit::Minutes) => "duration in minutes".to_owned(),
        Type::Duration(TimeUnit::Hours) => "duration in hours".to_owned(),
        Type::Duration(TimeUnit::Days) => "duration in days".to_owned(),
        Type::OneOf(words) | Type::OnOffOr(words) => words.join(", "),
        Type::AnyOf(words) => format!("any of {}", words.join(", ")),
        Type::Server => "server name".to_owned(),
        Type::Port => "number or service name".to_owned(),
        Type::Fingerprints => "fingerprints".to_owned(),
        Type::Bandwidth => "bytes per second".to_owned(),
    };
    let default = match spec.default {
        None | Some("") => String::new(),
        Some(value) => format!("; default {}", roff(value)),
    };
    format!("\\fB{}\\fR ({}{default})", roff(spec.name), roff(&kind))
}

/// Escapes text for a line of roff, so that a minus can be copied and the line does not start a
/// request.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[test]
fn the_manual_page_of_options_is_that_of_the_table() {
    let mut received: Vec<&str> =
        SECTIONS.iter().flat_map(|(_, options)| options.iter().map(|(name, _)| *name)).collect();
    let mut read: Vec<&str> = opt::ALL.iter().map(|spec| spec.name).collect();
    received.sort_unstable();
    read.sort_unstable();
    assert_eq!(received, read, "src/config/manual.rs and src/config/opt.rs have other options");

    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cyrsync-imapd.conf.5");
    let page = manual();
    if std::env::var_os("CYRSYNC_UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == page,
        "docs/cyrsync-imapd.conf.5 is stale: run this test with CYRSYNC_UPDATE=1"
    );
}
