//! Lists the flags that Cyrus's program has, in Cyrus's order.

use super::super::{Applies, Arg, Category, Flag, Mode};
use super::update::{keep, mode, number, set};

/// Cyrus's flags, in the order of the table.
pub(super) const FLAGS: &[Flag] = &[
    Flag {
        short: Some(b'1'),
        long: Some("rolling-once"),
        arg: Arg::None,
        in_full: false,
        help: "rolling: process one log file, then exit",
        doc: "Rolling replication in the foreground, but of a single log file: what is logged \
              when it starts. What cannot be done is put back to the log.",
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
        doc: "All users mode: replicate every user, and all shared mailboxes too. If an operand \
              is given, only mailboxes whose internal name begins with it are looked at.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::All),
    },
    Flag {
        short: Some(b'C'),
        long: None,
        arg: Arg::Word("config-file"),
        in_full: false,
        help: "read this instead of /etc/imapd.conf",
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
        help: "shut down once this file exists",
        doc: "Look for this file after each replication cycle; if it exists, remove it and shut \
              down. Overrides sync_shutdown_file of imapd.conf(5).",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, file| keep(&mut low.shutdown_file, file),
    },
    Flag {
        short: Some(b'L'),
        long: Some("local-only"),
        arg: Arg::None,
        in_full: false,
        help: "tell the replica to leave mupdate alone",
        doc: "Perform only local mailbox operations: neither side changes a mupdate server.",
        category: Category::Selection,
        applies: Applies::Always,
        update: |low, _| set(&mut low.local_only, true),
    },
    Flag {
        short: Some(b'N'),
        long: Some("skip-locked"),
        arg: Arg::None,
        in_full: false,
        help: "pass over users that are being replicated",
        doc: "Do not wait for users that another process is replicating to the same server. With \
              -A they are passed over; where they were named, they count as failed.",
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
        doc: "No copyback: nothing on this server is changed to bring both sides together. If the \
              replica holds something else, that mailbox fails. sync_no_copyback of \
              imapd.conf(5) makes this the default.",
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
        help: "as -r, but stay in the foreground",
        doc: "Rolling replication as with -r, in the foreground.",
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
        doc: "Replicate to this server: host, host:port or the path of a UNIX socket. Overrides \
              sync_host of imapd.conf(5).",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, name| keep(&mut low.server, name),
    },
    Flag {
        short: Some(b'a'),
        long: Some("stage-to-archive"),
        arg: Arg::None,
        in_full: false,
        help: "let the replica stage on its archive partition",
        doc: "Ask the replica to receive messages on its archive partition, which saves a copy \
              when a new replica takes over old mail. Without effect, but for a notice in the log, \
              where it has no such feature or has it switched off.",
        category: Category::Selection,
        applies: Applies::Always,
        update: |low, _| set(&mut low.stage_to_archive, true),
    },
    Flag {
        short: Some(b'd'),
        long: Some("delay"),
        arg: Arg::Word("seconds"),
        in_full: false,
        help: "shortest time from one run to the next",
        doc: "Shortest time between the beginnings of two replication runs. Overrides \
              sync_repeat_interval of imapd.conf(5).",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, seconds| number(&mut low.delay, seconds, |n| n),
    },
    Flag {
        short: Some(b'f'),
        long: Some("input-file"),
        arg: Arg::Word("file"),
        in_full: false,
        help: "names of users or mailboxes, one a line",
        doc: "Take the names from this file instead of the operands: one a line; empty lines and \
              lines that begin with # are passed over. In rolling replication: process this log \
              file (- for standard input), then exit.",
        category: Category::Selection,
        applies: Applies::Lists,
        update: |low, file| keep(&mut low.input_file, file),
    },
    Flag {
        short: Some(b'l'),
        long: Some("verbose-logging"),
        arg: Arg::None,
        in_full: false,
        help: "log what is done to syslog",
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
        doc: "Mailbox mode: the operands are mailboxes to replicate, named as an administrator \
              names them (user.fred.Sent, or user/fred/Sent with unixhierarchysep).",
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
        doc: "Use this channel: its options (channel_sync_host and so on) go before the general \
              ones, and in rolling replication its sync log is read.",
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
        doc: "Try to connect only once. Otherwise it is tried again after 15 seconds, then after \
              twice the time, and so on up to sync_reconnect_maxwait of imapd.conf(5). Where no \
              other try can help (the password or the certificate is refused) only -R without -1 \
              tries again.",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, _| set(&mut low.connect_once, true),
    },
    Flag {
        short: Some(b'p'),
        long: Some("dest-partition"),
        arg: Arg::Word("partition"),
        in_full: false,
        help: "partition on the replica for what is sent",
        doc: "Partition of the replica on which users or mailboxes are put.",
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
        doc: "Rolling replication: replicate what the other programs of Cyrus write to the sync \
              log, until told to stop. Goes into the background.",
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
        doc: "Metadata mode: the operands are users whose seen state, subscriptions and Sieve \
              scripts are replicated. For debugging.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Meta),
    },
    Flag {
        short: Some(b't'),
        long: Some("timeout"),
        arg: Arg::Word("seconds"),
        in_full: false,
        help: "renew the session after this time (600)",
        doc: "Have the replica restart its session after this many seconds. Default: 600.",
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
        doc: "User mode: the operands are users to replicate with all that belongs to them, or \
              patterns for users.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Users),
    },
    Flag {
        short: Some(b'v'),
        long: Some("verbose"),
        arg: Arg::None,
        in_full: false,
        help: "print what is done; -v -v traffic, -v -v -v mail",
        doc: "Print each action to standard output. Given twice, write the traffic with the \
              replica to standard error as well, without credentials and messages, and log \
              lines too. Given three times, write the messages too.",
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
        help: "wait before starting",
        doc: "Wait this long before connecting, so that a debugger can be attached.",
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
        doc: "Give up unless the connection is compressed. Without this flag compression is used \
              where both sides know it.",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, _| set(&mut low.require_compression, true),
    },
];
