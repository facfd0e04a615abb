//! Lists the flags that Cyrus's program does not have. Their long names must be typed in full.

use super::super::{Applies, Arg, Category, Flag, Mode, Page, Step};
use super::update::{add, keep, mode, set, whole};

/// The flags of this program, in the order in which the manual page lists them.
pub(super) const FLAGS: &[Flag] = &[
    Flag {
        short: Some(b'j'),
        long: Some("jobs"),
        arg: Arg::Word("number"),
        in_full: true,
        help: "number of connections to the replica, or auto",
        doc: "Number of simultaneous connections to the replica: 1 to 64, or auto. The client uses \
              fewer connections if there are not enough users to distribute, or if the replica \
              refuses more. auto, the default, starts with one connection and adds connections, up \
              to four, as long as each one raises the transfer rate. Overrides sync_jobs of \
              imapd.conf(5).",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, number| keep(&mut low.jobs, number),
    },
    Flag {
        short: None,
        long: Some("bwlimit"),
        arg: Arg::Word("rate"),
        in_full: true,
        help: "maximum number of bytes sent per second",
        doc: "Maximum number of bytes sent per second by all connections together: a number, \
              optionally with K, M or G (KiB, MiB, GiB), or off. Rates for periods of the day, in \
              local time, can follow: 10M,08:00-18:00=1M. A period can include midnight. Overrides \
              sync_bwlimit of imapd.conf(5).",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, rate| keep(&mut low.bwlimit, rate),
    },
    Flag {
        short: None,
        long: Some("forget-tls"),
        arg: Arg::Word("server-name"),
        in_full: true,
        help: "allow this replica without TLS again",
        doc: "Allow connections without TLS to this replica again, then exit. The client remembers \
              each replica that it reached over TLS with a verified certificate, and refuses \
              connections without TLS to it. This option removes the replica from the remembered \
              ones. The name has the form of -S; without a port, all ports are removed. Use this \
              option only if the replica will permanently have no TLS. If a rolling client is \
              running, send it SIGHUP.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, name| {
            low.server = Some(name.to_owned());
            mode(low, Mode::ForgetTls)
        },
    },
    Flag {
        short: None,
        long: Some("status"),
        arg: Arg::None,
        in_full: true,
        help: "print how far the replica is behind",
        doc: "Print the status of rolling replication: whether the replica can be reached, the age \
              of the oldest change that is not replicated, how many log entries wait, which tasks \
              failed, and when they are tried again. The first line and the exit status have the \
              form of a monitoring plugin: 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN). The \
              status comes from the file log-status beside the sync log (sync/log-status), which \
              the rolling client writes. If no such client runs, the entries of the logs are \
              counted. This mode does not connect to the replica.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Status),
    },
    Flag {
        short: None,
        long: Some("all-channels"),
        arg: Arg::None,
        in_full: true,
        help: "report all channels of sync_log_channels",
        doc: "Report every channel of sync_log_channels except squatter. The exit status is that \
              of the worst channel.",
        category: Category::Selection,
        applies: Applies::Status,
        update: |low, _| set(&mut low.all_channels, true),
    },
    Flag {
        short: None,
        long: Some("warn-lag"),
        arg: Arg::Word("seconds"),
        in_full: true,
        help: "WARNING from this lag on",
        doc: "Report WARNING if the oldest change that is not replicated is at least this many \
              seconds old. Default: no limit.",
        category: Category::Output,
        applies: Applies::Status,
        update: |low, seconds| whole(&mut low.warn_lag, seconds),
    },
    Flag {
        short: None,
        long: Some("crit-lag"),
        arg: Arg::Word("seconds"),
        in_full: true,
        help: "CRITICAL from this lag on",
        doc: "Report CRITICAL if the oldest change that is not replicated is at least this many \
              seconds old. Default: no limit.",
        category: Category::Output,
        applies: Applies::Status,
        update: |low, seconds| whole(&mut low.crit_lag, seconds),
    },
    Flag {
        short: None,
        long: Some("json"),
        arg: Arg::None,
        in_full: true,
        help: "print JSON, one object per line",
        doc: "Print JSON objects, one per line, instead of text: one object for each event, and at \
              the end of -A, -u, -m and -s one object for the run. docs/events.schema.json in the \
              sources describes the events. With --status there is one object for each channel, \
              with --dry-run one for each step, with --check-config one for each check.",
        category: Category::Output,
        applies: Applies::Always,
        update: |low, _| set(&mut low.json, true),
    },
    Flag {
        short: None,
        long: Some("dry-run"),
        arg: Arg::None,
        in_full: true,
        help: "print what a run would do; change nothing",
        doc: "Use together with another mode. Print each step that the run would take, the reason, \
              and the maximum number of messages and bytes that it would send. Nothing is changed \
              on either side, and the replica reserves no messages. Later steps are planned as if \
              the earlier renames and deletes were done. Rolling replication plans the entries \
              that are logged now, leaves the log unchanged, and exits.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| set(&mut low.dry_run, true),
    },
    Flag {
        short: None,
        long: Some("progress"),
        arg: Arg::None,
        in_full: true,
        help: "write a progress line every minute",
        doc: "Write a line to standard error and syslog every minute: the number of users and \
              mailboxes that are done, their total numbers, messages, bytes, and the estimated \
              time left. If standard error is a terminal, a bar appears instead, also without this \
              option, but not in rolling replication. SIGUSR1 requests a progress line at any \
              time.",
        category: Category::Output,
        applies: Applies::Always,
        update: |low, _| set(&mut low.progress, true),
    },
    Flag {
        short: None,
        long: Some("metrics-file"),
        arg: Arg::Word("file"),
        in_full: true,
        help: "write metrics for Prometheus to this file",
        doc: "Write metrics to this file in the text format of Prometheus, for the textfile \
              collector of its node exporter. Rolling replication writes the file at least every \
              five seconds; -A, -u, -m and -s write it at their end. The file is replaced by \
              renaming. Overrides sync_metrics_file of imapd.conf(5).",
        category: Category::Output,
        applies: Applies::Always,
        update: |low, file| keep(&mut low.metrics_file, file),
    },
    Flag {
        short: None,
        long: Some("strict"),
        arg: Arg::None,
        in_full: true,
        help: "a name that does not exist is a failure",
        doc: "Exit with status 1 if a named user or mailbox does not exist, if a pattern matches \
              nothing, or if no name is given. Without this option these cases are only reported.",
        category: Category::Selection,
        applies: Applies::Names,
        update: |low, _| set(&mut low.strict, true),
    },
    Flag {
        short: None,
        long: Some("check-config"),
        arg: Arg::None,
        in_full: true,
        help: "check configuration, connection and rights",
        doc: "Check the configuration, with -n, -S and -C as for a run: imapd.conf, the mail \
              store, the sync log, the connection, and the login and rights on the replica. Each \
              check prints a line, which begins with OK, WARN, FAIL or SKIP (not checked, for \
              example because an earlier check failed) and ends with what to do. Nothing is \
              changed on either side. No mode is needed. The exit status is 0 if no check failed, \
              1 if a check failed, and 78 if imapd.conf(5) cannot be read or contains an invalid \
              value.",
        category: Category::Other,
        applies: Applies::Always,
        update: |low, _| set(&mut low.check_config, true),
    },
    Flag {
        short: None,
        long: Some("print-config"),
        arg: Arg::None,
        in_full: true,
        help: "print every option with its value and origin",
        doc: "Print every option of imapd.conf(5) that the client reads, with its effective value \
              and its origin, then exit. The origin is a file and line, the command line, or the \
              default; for a value of a channel it includes the name of the channel's option. \
              Passwords are not shown. No mode is needed. With a mode and other options, the \
              values are those of such a run. An invalid value is reported with its file and line, \
              and the exit status is 78.",
        category: Category::Other,
        applies: Applies::Always,
        update: |low, _| set(&mut low.print_config, true),
    },
    Flag {
        short: None,
        long: Some("show-config"),
        arg: Arg::None,
        in_full: true,
        help: "the same as --print-config",
        doc: "Another name of --print-config.",
        category: Category::Other,
        applies: Applies::Always,
        update: |low, _| set(&mut low.print_config, true),
    },
    Flag {
        short: None,
        long: Some("allow-repair"),
        arg: Arg::Word("what"),
        in_full: true,
        help: "allow changes that a repair refuses otherwise",
        doc: "Allow changes that a repair otherwise refuses. The argument is one or more of these \
              words, separated by commas. expunge: expunge messages on this server, or mark them \
              \\Deleted, if they are more than sync_repair_max_expunge and more than a tenth of a \
              mailbox. annotations: change annotations that delete, redirect or archive mail. \
              scripts: change Sieve scripts, mail that waits to be sent, or push subscriptions. \
              uids: raise the last UID of a mailbox by more than a million. missing: delete the \
              subscriptions or Sieve scripts of a user on the replica if their file or directory \
              is missing on this server. all: all of these. sync_repair_fuse: no in imapd.conf(5) \
              always allows all of these.",
        category: Category::Selection,
        applies: Applies::OneRun,
        update: |low, what| keep(&mut low.allow_repair, what),
    },
    Flag {
        short: None,
        long: Some("verify"),
        arg: Arg::Optional("what"),
        in_full: true,
        help: "compare both sides and change nothing",
        doc: "With -u, -m, -A or -s: compare both sides in full and change nothing. The replica \
              receives only queries. Standard output gets a line for each field that differs, and \
              a summary at the end; with -v also a line for each equal mailbox. Each difference is \
              checked again, to recognize changes that are not replicated yet. --verify=messages \
              also reads all message files on both sides and compares their SHA-1 with the \
              records. --verify=messages:10% reads a tenth of the message files, a different tenth \
              each time. The exit status is 0 if both sides are equal, 2 if they differ, and 1 if \
              something could not be compared or is not replicated yet, or nothing was compared.",
        category: Category::Selection,
        applies: Applies::OneRun,
        update: |low, what| keep(&mut low.verify, what),
    },
    Flag {
        short: None,
        long: Some("copyback"),
        arg: Arg::None,
        in_full: true,
        help: "change the master, despite sync_no_copyback",
        doc: "Allow changes of this server that make both sides equal, even if sync_no_copyback of \
              imapd.conf(5) is set. This is the opposite of -O. If both are given, the last one \
              counts.",
        category: Category::Selection,
        applies: Applies::Always,
        update: |low, _| {
            low.no_copyback = false;
            set(&mut low.copyback, true)
        },
    },
    Flag {
        short: None,
        long: Some("exclude"),
        arg: Arg::Word("pattern"),
        in_full: true,
        help: "exclude users that match; repeatable",
        doc: "Exclude users whose userid matches this pattern, with all their mailboxes. With -m, \
              and for shared mailboxes with -A, also exclude mailboxes whose name matches; names \
              have the form that administrators use. * matches any bytes including separators, ? \
              matches one byte, [a-z] one byte of this set, [!a-z] one byte outside this set. This \
              option can be given several times. With -v, a line at the end lists what was \
              excluded. Rolling replication refuses this option, because the changes of excluded \
              users would be lost.",
        category: Category::Selection,
        applies: Applies::OneRun,
        update: |low, pattern| add(&mut low.exclude, pattern),
    },
    Flag {
        short: None,
        long: Some("exclude-from"),
        arg: Arg::Word("file"),
        in_full: true,
        help: "read patterns to exclude, one per line",
        doc: "Read patterns for --exclude from this file, one per line. Empty lines and lines that \
              begin with # are ignored. This option can be given several times.",
        category: Category::Selection,
        applies: Applies::OneRun,
        update: |low, file| add(&mut low.exclude_from, file),
    },
    Flag {
        short: None,
        long: Some("help"),
        arg: Arg::None,
        in_full: true,
        help: "print this help",
        doc: "Print a short description of all options.",
        category: Category::Other,
        applies: Applies::Always,
        update: |_, _| Step::Print(Page::Help),
    },
    Flag {
        short: None,
        long: Some("version"),
        arg: Arg::None,
        in_full: true,
        help: "print the version",
        doc: "Print the name and version of the program.",
        category: Category::Other,
        applies: Applies::Always,
        update: |_, _| Step::Print(Page::Version),
    },
    Flag {
        short: None,
        long: Some("man"),
        arg: Arg::None,
        in_full: true,
        help: "print the manual page, for man -l",
        doc: "Print this manual page in the format of man(7).",
        category: Category::Other,
        applies: Applies::Always,
        update: |_, _| Step::Print(Page::Manual),
    },
];
