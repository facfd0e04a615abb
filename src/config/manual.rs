//! The manual page of the options that are read, docs/cyrsync-imapd.conf.5: made from the table in
//! [`opt`](super::opt) and from the descriptions here. Only the test that compares the page with
//! the table uses this module, so it is in no program.

use std::fmt::Write as _;

use super::opt::{self, DEPRECATED, Spec, Type};
use super::value::TimeUnit;

/// The sections, each with its options and their descriptions.
const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    ("The replica, and logging in", REPLICA),
    ("TLS", TLS),
    ("What is sent, and how", SENDING),
    ("Rolling replication", ROLLING),
    ("The connection", CONNECTION),
    ("Where things lie", PLACES),
    ("Databases", DATABASES),
    ("Names", NAMES),
    ("The process", PROCESS),
];

const REPLICA: &[(&str, &str)] = &[
    (
        "sync_host",
        "The replica: host, host:port, [address]:port or the path of a UNIX socket; /tls and /noauth may follow. -S goes before it.",
    ),
    (
        "sync_port",
        "Port of the replica, a number or a service. Without it imapd is tried on port imap, then sync_server on port csync.",
    ),
    ("sync_try_imap", "no: only a sync_server is spoken to."),
    ("sync_authname", "Who logs in. Must be among the replica's admins."),
    ("sync_authzid", "Who to act as on the replica, if not as sync_authname."),
    ("sync_password", "The password. It is never shown or logged."),
    ("sync_realm", "Realm, for plugins of libsasl2."),
    (
        "sync_allowplaintext",
        "no: a password is not sent as it is unless TLS or a UNIX socket protects it.",
    ),
    (
        "force_sasl_client_mech",
        "The only mechanisms that may be used. HOST_mechs is the same for one replica and goes before it.",
    ),
];

const TLS: &[(&str, &str)] = &[
    (
        "sync_tls",
        "require: no login and no mail without TLS. try: TLS where the replica has it. off: none.",
    ),
    ("sync_tls_verify", "no: any certificate is taken."),
    (
        "sync_tls_fingerprint",
        "Fingerprints (sha256:...) of the certificates that are taken, no matter who signed them; several with blanks between them.",
    ),
    (
        "tls_client_ca_file",
        "Taken where neither tls_server_ca_file nor tls_server_ca_dir names anything.",
    ),
    ("tls_client_ca_dir", "The same, as a directory."),
    ("tls_server_ca_file", "Authorities that are trusted, in a file."),
    ("tls_server_ca_dir", "The same, in a directory with names made of hashes."),
    ("tls_crl_file", "Certificates that were revoked."),
    ("tls_client_cert", "The certificate that is shown to the replica."),
    ("tls_client_key", "Its key."),
    ("tls_versions", "Versions that may be spoken; of these only tls1_2 and tls1_3 are known."),
];

const SENDING: &[(&str, &str)] = &[
    (
        "sync_jobs",
        "Connections at once. auto begins with one and adds more, up to four, as long as more gets done in a second. -j goes before it.",
    ),
    (
        "sync_bwlimit",
        "Bytes a second over all connections together, with K, M or G, also by the time of day: 10M,08:00-18:00=1M. --bwlimit goes before it.",
    ),
    ("sync_batchsize", "Records of a mailbox that are sent in one step."),
    ("sync_deflate_level", "Level of compression; 0 for none. auto follows the connection."),
    (
        "sync_check_messages",
        "yes: message files that were replicated already are read too, and damaged ones reported.",
    ),
    (
        "sync_no_copyback",
        "yes: this server is not changed to bring both sides together, as with -O. --copyback goes before it.",
    ),
    (
        "sync_repair_fuse",
        "no: a repair may do harm here without --allow-repair, and what is only missing here is deleted on the replica.",
    ),
    (
        "sync_repair_max_expunge",
        "Messages that a repair may expunge here in a mailbox of which they are more than a tenth. Negative: any number.",
    ),
    (
        "sync_server_path",
        "The sync_server through which a repair writes to this server. By default the one beside the Cyrus that runs.",
    ),
    (
        "sync_cache_db_path",
        "File that remembers what the replica has; .cyrsync is added to the name.",
    ),
    ("archive_enabled", "Whether messages may lie on archive partitions."),
];

const ROLLING: &[(&str, &str)] = &[
    ("sync_log", "Whether the other programs of Cyrus log what they change."),
    ("sync_log_channels", "The channels that they log for; \"\" is the log without a name."),
    (
        "sync_repeat_interval",
        "Shortest time between the beginnings of two runs. -d goes before it.",
    ),
    (
        "sync_shutdown_file",
        "A file whose existence ends rolling replication; it is removed. -F goes before it.",
    ),
    ("sync_reconnect_maxwait", "Longest pause between two attempts to connect. 0: no longest."),
    (
        "sync_rightnow_channel",
        "The channel of what services of Cyrus replicate before they answer. As a channel of -n it needs no options of its own.",
    ),
    (
        "sync_metrics_file",
        "File for metrics in the text format of Prometheus. --metrics-file goes before it.",
    ),
];

const CONNECTION: &[(&str, &str)] = &[
    ("sync_timeout", "How long the replica may be silent."),
    ("client_timeout", "How long connecting may take, for each address."),
    ("client_bind", "yes: connect from the address of client_bind_name, or of servername."),
    ("client_bind_name", "The name of that address."),
    ("tcp_keepalive", "Whether the system probes an idle connection. Cyrus's default is no."),
    (
        "tcp_keepalive_cnt",
        "Probes without an answer after which it has failed. 0: as the system has it.",
    ),
    (
        "tcp_keepalive_idle",
        "How long it must be idle before it is probed. 0: as the system has it.",
    ),
    ("tcp_keepalive_intvl", "The time between two probes. 0: as the system has it."),
];

const PLACES: &[(&str, &str)] = &[
    ("configdirectory", "The directory of databases, of users and of the sync log."),
    ("mboxname_lockpath", "Lock files of mailboxes. By default lock below configdirectory."),
    ("mboxname_userpath", "Files of users, in Cyrus 3.13.1 and later. By default configdirectory."),
    ("metapartition_files", "Files of a mailbox that lie on its metapartition."),
    ("hashimapspool", "Whether the spool is hashed by the first letter."),
    ("fulldirhash", "Whether all of a name is hashed."),
    ("sievedir", "Directory of Sieve scripts."),
    ("sieve_folder", "Mailbox of a user's Sieve scripts."),
    ("temp_path", "Where long messages wait that a repair fetches."),
    ("global_lock", "Whether cyr_withlock_run of Cyrus 3.12 can hold this client still."),
];

const DATABASES: &[(&str, &str)] = &[
    ("mboxlist_db", "Type of mailboxes.db. sql and zeroskip are refused, here and below."),
    ("mboxlist_db_path", "Its path, if not below configdirectory."),
    ("annotation_db", "Type of annotations.db and of annotations of messages."),
    ("annotation_db_path", "Path of annotations.db, if not below configdirectory."),
    ("subscription_db", "Type of subscriptions."),
    ("seenstate_db", "Type of seen state."),
    ("quota_db", "Type of quota roots."),
    ("quota_db_path", "Their path, if not below configdirectory."),
    ("conversations", "Whether there are conversations."),
    ("conversations_db", "Their type."),
    ("reverseacls", "Whether mailboxes.db lists mailboxes by who has rights to them."),
];

const NAMES: &[(&str, &str)] = &[
    ("unixhierarchysep", "Whether / separates the parts of names, in place of a dot."),
    ("virtdomains", "Whether users have domains."),
    ("defaultdomain", "The domain of users without one."),
    ("deletedprefix", "Below which deleted mailboxes are kept."),
    (
        "jmapsubmissionfolder",
        "Mailbox for mail that waits to be sent: a repair changes it only where that is allowed.",
    ),
    ("improved_mboxlist_sort", "Has no effect; checked only."),
    ("auth_mech", "mboxgroups: users may be in groups, which are replicated."),
];

const PROCESS: &[(&str, &str)] = &[
    ("servername", "The name of this server. By default the host's."),
    ("cyrus_user", "The user that root becomes. By default cyrus."),
    ("cyrus_group", "The group that root becomes. By default that of the user."),
    ("umask", "Mask for the mode of files that are made."),
    ("debug", "yes: messages for debugging are logged too."),
    ("syslog_prefix", "Put before the program's name in syslog."),
    ("syslog_facility", "Facility in syslog. By default the one that it was built with."),
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
         sync_client(8) reads imapd.conf(5) as Cyrus does: a line is an option, a colon and a value, \
         a line that begins with # is a comment, and @include names another file. These are the \
         options that it reads. All of them are checked before anything is done: a value that cannot \
         be used is reported with its file and line, and the exit status is 78. Any other option is \
         passed over.\n\
         .PP\n\
         \"Ours\" marks an option that Cyrus does not know; Cyrus's programs pass over it. \
         \"Channel\" marks one of which a channel may have a value of its own, \
         \\fICHANNEL\\fR_\\fIoption\\fR, which goes before the general one with \\-n \
         \\fICHANNEL\\fR. With sync_client_ before its name a value is for this program only.\n\
         .PP\n\
         sync_client \\-\\-print\\-config prints the values that count and where they come from.\n",
        env!("CARGO_PKG_VERSION")
    );
    page.push_str(".SH OPTIONS\n");
    for (title, options) in SECTIONS {
        let _ = writeln!(page, ".SS {title}");
        for (name, text) in *options {
            let spec = opt::ALL.iter().find(|spec| spec.name == *name).expect("a test looks");
            let _ = write!(page, ".TP\n{}\n{}\n", head(spec), roff(text));
            let marks: Vec<&str> = [("Ours.", spec.is_ours()), ("Channel.", spec.has_channels())]
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
         \\fBarchivepartition\\-\\fINAME\\fR\nThe directories of the partition NAME.\n",
    );
    page.push_str(".SS Former names\n");
    for former in DEPRECATED {
        let _ = write!(
            page,
            ".TP\n\\fB{}\\fR\nUp to Cyrus {}; now {}.\n",
            former.name, former.since, former.preferred.name
        );
    }
    page.push_str(".SH FILES\n/etc/imapd.conf\n");
    page.push_str(".SH SEE ALSO\nsync_client(8), imapd.conf(5), cyrus.conf(5)\n");
    page
}

/// Returns name, grammar and default.
fn head(spec: &Spec) -> String {
    let kind = match spec.kind {
        Type::String => "text".to_owned(),
        Type::Switch => "yes or no".to_owned(),
        Type::Int => "a number".to_owned(),
        Type::AutoOr(low, high) => format!("auto, or {low} to {high}"),
        Type::Duration(TimeUnit::Seconds) => "seconds, or with d, h, m".to_owned(),
        Type::Duration(TimeUnit::Minutes) => "minutes, or with d, h, s".to_owned(),
        Type::Duration(TimeUnit::Hours) => "hours, or with d, m, s".to_owned(),
        Type::Duration(TimeUnit::Days) => "days, or with h, m, s".to_owned(),
        Type::OneOf(words) | Type::OnOffOr(words) => words.join(", "),
        Type::AnyOf(words) => format!("any of {}", words.join(", ")),
        Type::Server => "a server".to_owned(),
        Type::Port => "a port".to_owned(),
        Type::Fingerprints => "fingerprints".to_owned(),
        Type::Bandwidth => "a rate".to_owned(),
    };
    let default = match spec.default {
        None | Some("") => String::new(),
        Some(value) => format!("; default {}", roff(value)),
    };
    format!("\\fB{}\\fR ({}{default})", roff(spec.name), roff(&kind))
}

/// Escapes text for a line of roff: a minus that can be copied, no accidental requests.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[test]
fn the_manual_page_of_options_is_that_of_the_table() {
    let mut told: Vec<&str> =
        SECTIONS.iter().flat_map(|(_, options)| options.iter().map(|(name, _)| *name)).collect();
    let mut read: Vec<&str> = opt::ALL.iter().map(|spec| spec.name).collect();
    told.sort_unstable();
    read.sort_unstable();
    assert_eq!(told, read, "src/config/manual.rs and src/config/opt.rs have other options");

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
