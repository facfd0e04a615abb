//! Lists the flags that Cyrus's program has, in Cyrus's order.

use super::super::{Applies, Arg, Category, Flag, Mode};
use super::update::{keep, mode, number, set};

/// Cyrus's flags, in the order of Cyrus's own table.
pub(super) const FLAGS: &[Flag] = &[
    Flag {
        short: Some(b'1'),
        long: Some("rolling-once"),
        arg: Arg::None,
        in_full: false,
        help: "rolling: process one log file, then exit",
        doc: "Replicate the entries that the sync log contains at the start, then exit. Runs in \
              the foreground and needs no other mode; with -r it runs in the background. Entries \
              that could not be replicated are written back to the log.",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, _| set(&mut low.rolling_once, true),
    },
    Flag {
        short: Some(b'A'),
        long: Some("all-users"),
        arg: Arg::None,
        in_full: false,
        help: "replicate every user and all shared mailboxes",
        doc: "All users mode: replicate every user, all shared mailboxes and the server's \
              annotations. If an operand is given, replicate only the users that have a mailbox \
              whose internal name begins with the operand, and the shared mailboxes whose internal \
              name begins with it.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::All),
    },
    Flag {
        short: Some(b'C'),
        long: None,
        arg: Arg::Word("config-file"),
        in_full: false,
        help: "read this file instead of /etc/imapd.conf",
        doc: "Read the configuration from this file instead of /etc/imapd.conf.",
        category: Category::Other,
        applies: Applies::Always,
        update: |low, file| keep(&mut low.config, file),
    },
    Flag {
        short: Some(b'F'),
        long: Some("shutdown-file"),
        arg: Arg::Word("file"),
        in_full: false,
        help: "shut down when this file exists",
        doc: "When this file exists, finish the current tasks (for at most ten seconds), remove \
              the file and exit with status 0. An idle client checks once a second whether the \
              file exists. Overrides sync_shutdown_file of imapd.conf(5).",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, file| keep(&mut low.shutdown_file, file),
    },
    Flag {
        short: Some(b'L'),
        long: Some("local-only"),
        arg: Arg::None,
        in_full: false,
        help: "do not update a mupdate server",
        doc: "Perform only local mailbox operations: neither this server nor the replica updates a \
              mupdate server (Cyrus Murder).",
        category: Category::Selection,
        applies: Applies::Always,
        update: |low, _| set(&mut low.local_only, true),
    },
    Flag {
        short: Some(b'N'),
        long: Some("skip-locked"),
        arg: Arg::None,
        in_full: false,
        help: "skip users that are being replicated",
        doc: "Do not wait for a user that another process is replicating to the same server. With \
              -A such users are skipped. If such a user is named, with -u, -m or -s, this is a \
              failure.",
        category: Category::Selection,
        applies: Applies::Always,
        update: |low, _| set(&mut low.skip_locked, true),
    },
    Flag {
        short: Some(b'O'),
        long: Some("no-copyback"),
        arg: Arg::None,
        in_full: false,
        help: "never change the master",
        doc: "No copyback: never change accounts on this server to make both sides equal. Instead, \
              force the replica to this server's state. A mailbox that would need a change here, \
              for example because only the replica has a message, fails and stays as it is on both \
              sides. sync_no_copyback of imapd.conf(5) makes -O the default.",
        category: Category::Selection,
        applies: Applies::Always,
        update: |low, _| {
            low.copyback = false;
            set(&mut low.no_copyback, true)
        },
    },
    Flag {
        short: Some(b'R'),
        long: Some("foreground-rolling"),
        arg: Arg::None,
        in_full: false,
        help: "like -r, but stay in the foreground",
        doc: "Rolling replication like -r, but in the foreground.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Rolling),
    },
    Flag {
        short: Some(b'S'),
        long: Some("server"),
        arg: Arg::Word("server-name"),
        in_full: false,
        help: "the replica, instead of sync_host",
        doc: "Name of the replica: host, host:port, [address]:port, or the path of a UNIX socket. \
              Overrides sync_host of imapd.conf(5).",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, name| keep(&mut low.server, name),
    },
    Flag {
        short: Some(b'a'),
        long: Some("stage-to-archive"),
        arg: Arg::None,
        in_full: false,
        help: "receive messages on the archive partition",
        doc: "Request that the replica stores received messages on its archive partition first. \
              This avoids copying messages to that partition later, when a new replica receives \
              old mail. If the replica does not support this, or its archive_enabled is off, the \
              option has no effect and a notice is logged.",
        category: Category::Selection,
        applies: Applies::Always,
        update: |low, _| set(&mut low.stage_to_archive, true),
    },
    Flag {
        short: Some(b'd'),
        long: Some("delay"),
        arg: Arg::Word("seconds"),
        in_full: false,
        help: "minimum time between the starts of two runs",
        doc: "Minimum time in seconds between the starts of two replication runs. Overrides \
              sync_repeat_interval of imapd.conf(5); 0 means the value of that option.",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, seconds| number(&mut low.delay, seconds, |n| n),
    },
    Flag {
        short: Some(b'f'),
        long: Some("input-file"),
        arg: Arg::Word("file"),
        in_full: false,
        help: "read the names from this file, one per line",
        doc: "Read the names of users or mailboxes from this file instead of the operands, one \
              name per line. Empty lines and lines that begin with # are ignored. In rolling \
              replication: process the entries of this log file (- for standard input), then exit. \
              The file is not changed.",
        category: Category::Selection,
        applies: Applies::Lists,
        update: |low, file| keep(&mut low.input_file, file),
    },
    Flag {
        short: Some(b'l'),
        long: Some("verbose-logging"),
        arg: Arg::None,
        in_full: false,
        help: "log each action to syslog",
        doc: "Log each action to syslog.",
        category: Category::Output,
        applies: Applies::Always,
        update: |low, _| set(&mut low.log_actions, true),
    },
    Flag {
        short: Some(b'm'),
        long: Some("mailboxes"),
        arg: Arg::None,
        in_full: false,
        help: "replicate the mailboxes named as operands",
        doc: "Mailbox mode: the operands are the mailboxes to replicate, or patterns for \
              mailboxes. Names have the form that administrators use: user/fred/Sent with \
              unixhierarchysep, otherwise user.fred.Sent.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Mailboxes),
    },
    Flag {
        short: Some(b'n'),
        long: Some("channel"),
        arg: Arg::Word("channel"),
        in_full: false,
        help: "use the options of this channel",
        doc: "Use the options of this channel: CHANNEL_sync_host overrides sync_host, and so on. \
              Rolling replication reads the sync log of this channel.",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, name| keep(&mut low.channel, name),
    },
    Flag {
        short: Some(b'o'),
        long: Some("connect-once"),
        arg: Arg::None,
        in_full: false,
        help: "give up if the replica cannot be reached",
        doc: "Try to connect only once. Without this option, the client tries again after 15 \
              seconds, and doubles the pause each time, up to sync_reconnect_maxwait of \
              imapd.conf(5). If the replica refuses the password, or the replica's certificate is \
              refused, only rolling replication without -1 and -f tries again.",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, _| set(&mut low.connect_once, true),
    },
    Flag {
        short: Some(b'p'),
        long: Some("dest-partition"),
        arg: Arg::Word("partition"),
        in_full: false,
        help: "put mailboxes on this partition of the replica",
        doc: "Put the users or mailboxes on this partition of the replica. Default: the partition \
              that has the same name as on this server.",
        category: Category::Selection,
        applies: Applies::UsersAndMailboxes,
        update: |low, name| keep(&mut low.dest_partition, name),
    },
    Flag {
        short: Some(b'r'),
        long: Some("rolling"),
        arg: Arg::None,
        in_full: false,
        help: "follow the sync log, in the background",
        doc: "Rolling replication: replicate the changes that Cyrus's programs write to the sync \
              log, until a signal or the shutdown file ends the client. The client runs in the \
              background, unless master(8) started it as a DAEMON entry (CYRUS_ISDAEMON is set).",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| {
            low.background = true;
            mode(low, Mode::Rolling)
        },
    },
    Flag {
        short: Some(b's'),
        long: Some("sieve-mode"),
        arg: Arg::None,
        in_full: false,
        help: "replicate seen state, subscriptions and scripts",
        doc: "Metadata mode: replicate only the seen state, subscriptions and Sieve scripts of the \
              users named as operands. For debugging.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Meta),
    },
    Flag {
        short: Some(b't'),
        long: Some("timeout"),
        arg: Arg::Word("seconds"),
        in_full: false,
        help: "seconds between RESTART commands (600)",
        doc: "While the client is idle, send the command RESTART to the replica at this interval \
              in seconds. The replica then deletes the message files that it has received and that \
              no mailbox uses. Default: 600. 0 means never.",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, seconds| number(&mut low.timeout, seconds, Some),
    },
    Flag {
        short: Some(b'u'),
        long: Some("userids"),
        arg: Arg::None,
        in_full: false,
        help: "replicate the users named as operands",
        doc: "User mode: the operands are the users to replicate, or patterns for users. All data \
              of these users is replicated: mailboxes, quotas, subscriptions, seen state and Sieve \
              scripts.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Users),
    },
    Flag {
        short: Some(b'v'),
        long: Some("verbose"),
        arg: Arg::None,
        in_full: false,
        help: "print actions; twice: traffic; 3 times: messages",
        doc: "Print each action to standard output. Given twice, also write the traffic with the \
              replica and the log lines to standard error; credentials and message texts are left \
              out. Given three times, also write message texts.",
        category: Category::Output,
        applies: Applies::Always,
        update: |low, _| {
            let more = low.verbose.saturating_add(1);
            set(&mut low.verbose, more)
        },
    },
    Flag {
        short: Some(b'w'),
        long: Some("delayed-startup"),
        arg: Arg::Word("seconds"),
        in_full: false,
        help: "wait before connecting, for a debugger",
        doc: "Wait this many seconds before connecting, so that a debugger can be attached.",
        category: Category::Other,
        applies: Applies::Always,
        update: |low, seconds| number(&mut low.wait, seconds, |n| n),
    },
    Flag {
        short: Some(b'z'),
        long: Some("require-compression"),
        arg: Arg::None,
        in_full: false,
        help: "give up if the replica cannot compress",
        doc: "Give up if the connection is not compressed. Without this option, compression is \
              used if the replica supports it.",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, _| set(&mut low.require_compression, true),
    },
];
