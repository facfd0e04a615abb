//! Lists the flags that Cyrus's program does not have. Their long names must be typed in full.

use super::super::{Applies, Arg, Category, Flag, Mode, Page, Step};
use super::update::{add, keep, mode, set, whole};

/// Our own flags, in the order of the table.
pub(super) const FLAGS: &[Flag] = &[
    Flag {
        short: Some(b'j'),
        long: Some("jobs"),
        arg: Arg::Word("number"),
        in_full: true,
        help: "connections to the replica at once, or auto",
        doc: "Replicate over so many connections at once, 1 to 64, as far as there are users to \
              share out and the replica takes them. auto, the default, begins with one and adds \
              more, up to four, as long as more gets done in a second. Overrides sync_jobs of \
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
        help: "send so many bytes a second at most",
        doc: "Send no more than so many bytes a second over all connections together: a number, with \
              K, M or G for 1024 bytes and so on, or off. Times of the day may follow that have \
              rates of their own, in local time and over midnight if need be: \
              10M,08:00-18:00=1M. Overrides sync_bwlimit of imapd.conf(5).",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, rate| keep(&mut low.bwlimit, rate),
    },
    Flag {
        short: None,
        long: Some("forget-tls"),
        arg: Arg::Word("server-name"),
        in_full: true,
        help: "let this server be without TLS again",
        doc: "Forget that this server was reached over TLS that verified, because of which it is \
              not spoken to in clear any more; then end. The server is named as for -S; without a \
              port it is forgotten with every port. Needed only where a replica is to be without \
              TLS from now on; send SIGHUP to a rolling client that runs.",
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
        doc: "Print what rolling replication is at: whether the replica can be reached, how old the \
              oldest change is that is not replicated yet, how much waits, what failed and when it \
              is tried again. The first line, and the exit status of 0 (OK), 1 (WARNING), 2 \
              (CRITICAL) or 3 (UNKNOWN), are those that monitoring systems expect of a plugin. It \
              is read from a file that the client that rolls keeps beside the sync log \
              (sync/log-status); without such a client from the logs. Nothing is connected to.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Status),
    },
    Flag {
        short: None,
        long: Some("all-channels"),
        arg: Arg::None,
        in_full: true,
        help: "all channels of sync_log_channels",
        doc: "Every channel of sync_log_channels but squatter; the exit status is the worst.",
        category: Category::Selection,
        applies: Applies::Status,
        update: |low, _| set(&mut low.all_channels, true),
    },
    Flag {
        short: None,
        long: Some("warn-lag"),
        arg: Arg::Word("seconds"),
        in_full: true,
        help: "from that lag on it is a warning",
        doc: "If the oldest change that is not replicated is so old it is a warning.",
        category: Category::Output,
        applies: Applies::Status,
        update: |low, seconds| whole(&mut low.warn_lag, seconds),
    },
    Flag {
        short: None,
        long: Some("crit-lag"),
        arg: Arg::Word("seconds"),
        in_full: true,
        help: "from that lag on it is critical",
        doc: "If the oldest change that is not replicated is so old it is critical.",
        category: Category::Output,
        applies: Applies::Status,
        update: |low, seconds| whole(&mut low.crit_lag, seconds),
    },
    Flag {
        short: None,
        long: Some("json"),
        arg: Arg::None,
        in_full: true,
        help: "print JSON, an object a line",
        doc: "Print objects in JSON, one a line, instead of lines for people: one for each event, \
              as docs/events.schema.json of the sources describes them, at the end of -A, -u, -m and \
              -s one for the run; with --status one for each channel, with --dry-run one for each step, with \
              --check-config one for each check.",
        category: Category::Output,
        applies: Applies::Always,
        update: |low, _| set(&mut low.json, true),
    },
    Flag {
        short: None,
        long: Some("dry-run"),
        arg: Arg::None,
        in_full: true,
        help: "print what would be done, and do nothing",
        doc: "Print each step that the run would take, why, and how many messages and bytes it would \
              send at most; change nothing on either side, and reserve nothing. Rolling replication \
              reads what is logged now, leaves the log as it is, and ends. Renames \
              and deletes are taken for done where what follows is planned.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| set(&mut low.dry_run, true),
    },
    Flag {
        short: None,
        long: Some("progress"),
        arg: Arg::None,
        in_full: true,
        help: "say every minute how far it is",
        doc: "Write a line every minute to standard error and syslog: users and mailboxes that are \
              done, of how many, messages and bytes, and how long the rest will take if it goes on \
              like this. On a terminal there is a bar instead, without this flag too. SIGUSR1 asks \
              for such a line at any time.",
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
        doc: "Write metrics to this file in the text format of Prometheus, for the textfile collector \
              of its node exporter: rolling replication at least every five seconds, other modes at \
              their end. The file is replaced by renaming. Overrides sync_metrics_file of \
              imapd.conf(5).",
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
        doc: "Exit with status 1 if a user or mailbox that was named does not exist, or none was \
              named. Without this flag that is only reported.",
        category: Category::Selection,
        applies: Applies::Names,
        update: |low, _| set(&mut low.strict, true),
    },
    Flag {
        short: None,
        long: Some("check-config"),
        arg: Arg::None,
        in_full: true,
        help: "check all from imapd.conf to the replica's rights",
        doc: "Look whether this configuration will do, with -n, -S and -C as for a run: a line for \
              each check, which begins with OK, WARN, FAIL or, where something before it failed, \
              SKIP, and ends in what to do. Nothing is changed, here or on the replica. No mode is \
              needed. The exit status is 0 if nothing failed, 1 if something did, and 78 if \
              imapd.conf(5) cannot be read or holds a bad value.",
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
        doc: "Print every option of imapd.conf(5) that is read, with the value that counts and where \
              it comes from: a file and line, a channel, the command line, or the default; then \
              end. Passwords are not shown. No mode is needed; with one, what it would count with. \
              An unusable value is reported with its file and line, and the exit status is \
              78.",
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
        help: "allow what is refused otherwise",
        doc: "Let repairs do to this server what they otherwise refuse: expunge (expunge more than \
              sync_repair_max_expunge messages and a tenth of a mailbox, or mark them \\Deleted), \
              annotations (change those that delete, redirect or archive mail), scripts (change \
              Sieve scripts, mail that waits to be sent, push subscriptions), uids (raise the \
              last UID by more than a million); or delete on the replica what is only missing \
              here: missing (subscriptions, or Sieve scripts, of a user without the file or \
              directory of them). all is all of it; several go with commas between them. \
              sync_repair_fuse: no in imapd.conf(5) allows everything always.",
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
        doc: "With -u, -m, -A or -s: compare both sides in full and change nothing. The replica is \
              only asked. A line for each field that differs, and one at the end, are written to \
              standard output; with -v also one for each mailbox that is equal. What differs is \
              looked at again, so that changes which are on their way are told apart. \
              --verify=messages reads all message files on both sides too and compares their SHA-1 \
              with the records, --verify=messages:10% those of some, each time others. Exit status \
              0 means equal, 2 different, 1 neither: something could not be compared, or is not \
              replicated yet.",
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
        doc: "The opposite of -O, for a run with an imapd.conf(5) that has sync_no_copyback: both \
              sides are brought together. Of this and -O the last counts.",
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
        help: "leave out users that match; repeatable",
        doc: "Leave out users whose userid matches this pattern, and where mailboxes are replicated \
              by themselves (with -m, and shared ones with -A) those whose name, as an \
              administrator types it, matches. * stands for any characters, separators included, ? \
              for one, [a-z] for one of these, [!a-z] for any other. May be given several times. \
              With -v a line at the end tells what was left out. Refused in rolling replication, \
              which would lose changes by it.",
        category: Category::Selection,
        applies: Applies::OneRun,
        update: |low, pattern| add(&mut low.exclude, pattern),
    },
    Flag {
        short: None,
        long: Some("exclude-from"),
        arg: Arg::Word("file"),
        in_full: true,
        help: "patterns to leave out, one a line",
        doc: "Read patterns for --exclude from this file: one a line; empty lines and lines that \
              begin with # are passed over. May be given several times.",
        category: Category::Selection,
        applies: Applies::OneRun,
        update: |low, file| add(&mut low.exclude_from, file),
    },
    Flag {
        short: None,
        long: Some("help"),
        arg: Arg::None,
        in_full: true,
        help: "print this",
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
