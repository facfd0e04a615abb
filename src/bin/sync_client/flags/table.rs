//! The table itself.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::{Applies, Category, Flag, Low, Mode, Page, Step};

fn mode(low: &mut Low, mode: Mode) -> Step {
    if low.mode.replace(mode).is_some() { Step::Contradiction } else { Step::Go }
}

fn set<T>(place: &mut T, value: T) -> Step {
    *place = value;
    Step::Go
}

fn keep(place: &mut Option<OsString>, argument: &OsStr) -> Step {
    set(place, Some(argument.to_owned()))
}

/// As libc's `atoi`: blanks, a sign, digits; what follows is ignored, no digits are 0.
fn atoi(text: &OsStr) -> i32 {
    let text = text.as_bytes().trim_ascii_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits
        .fold(0i32, |number, byte| number.saturating_mul(10).saturating_add((byte - b'0').into()));
    if negative { number.saturating_neg() } else { number }
}

/// All flags, in Cyrus's order, which shows in getopt's message on ambiguous names; our own last.
pub const FLAGS: &[Flag] = &[
    Flag {
        short: Some(b'1'),
        long: Some("rolling-once"),
        arg: None,
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
        arg: None,
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
        arg: Some("config-file"),
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
        arg: Some("file"),
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
        arg: None,
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
        arg: None,
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
        arg: None,
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
        arg: None,
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
        arg: Some("server-name"),
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
        arg: None,
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
        arg: Some("seconds"),
        in_full: false,
        help: "shortest time from one run to the next",
        doc: "Shortest time between the beginnings of two replication runs. Overrides \
              sync_repeat_interval of imapd.conf(5).",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, seconds| set(&mut low.delay, atoi(seconds)),
    },
    Flag {
        short: Some(b'f'),
        long: Some("input-file"),
        arg: Some("file"),
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
        arg: None,
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
        arg: None,
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
        arg: Some("channel"),
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
        arg: None,
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
        arg: Some("partition"),
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
        arg: None,
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
        arg: None,
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
        arg: Some("seconds"),
        in_full: false,
        help: "renew the session after this time (600)",
        doc: "Have the replica restart its session after this many seconds. Default: 600.",
        category: Category::Rolling,
        applies: Applies::Rolling,
        update: |low, seconds| set(&mut low.timeout, Some(atoi(seconds))),
    },
    Flag {
        short: Some(b'u'),
        long: Some("userids"),
        arg: None,
        in_full: false,
        help: "replicate the users named as operands",
        doc: "User mode: the operands are users to replicate with all that belongs to them.",
        category: Category::Mode,
        applies: Applies::Always,
        update: |low, _| mode(low, Mode::Users),
    },
    Flag {
        short: Some(b'v'),
        long: Some("verbose"),
        arg: None,
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
        arg: Some("seconds"),
        in_full: false,
        help: "wait before starting",
        doc: "Wait this long before connecting, so that a debugger can be attached.",
        category: Category::Other,
        applies: Applies::Always,
        update: |low, seconds| set(&mut low.wait, atoi(seconds)),
    },
    Flag {
        short: Some(b'z'),
        long: Some("require-compression"),
        arg: None,
        in_full: false,
        help: "give up if the replica cannot compress",
        doc: "Give up unless the connection is compressed. Without this flag compression is used \
              where both sides know it.",
        category: Category::Replica,
        applies: Applies::Always,
        update: |low, _| set(&mut low.require_compression, true),
    },
    Flag {
        short: Some(b'j'),
        long: Some("jobs"),
        arg: Some("number"),
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
        long: Some("forget-tls"),
        arg: Some("server-name"),
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
        long: Some("show-config"),
        arg: None,
        in_full: true,
        help: "print every option with its value and origin",
        doc: "Print every option of imapd.conf(5) that is read, with the value that counts and where \
              it comes from: a file and line, a channel, the command line, or the default; then \
              end. Passwords are not shown. No mode is needed; with one, what it would count with. \
              An unusable value is reported with its file and line, and the exit status is \
              78.",
        category: Category::Other,
        applies: Applies::Always,
        update: |low, _| set(&mut low.show_config, true),
    },
    Flag {
        short: None,
        long: Some("allow-repair"),
        arg: Some("what"),
        in_full: true,
        help: "let repairs do this to the master",
        doc: "Let repairs do to this server what they otherwise refuse: expunge (expunge more than \
              sync_repair_max_expunge messages and a tenth of a mailbox, or mark them \\Deleted), \
              annotations (change those that delete, redirect or archive mail), scripts (change \
              Sieve scripts, mail that waits to be sent, push subscriptions), uids (raise the \
              last UID by more than a million), or all; several with commas between them. \
              sync_repair_fuse: no in imapd.conf(5) allows everything always.",
        category: Category::Selection,
        applies: Applies::OneRun,
        update: |low, what| keep(&mut low.allow_repair, what),
    },
    Flag {
        short: None,
        long: Some("copyback"),
        arg: None,
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
        long: Some("help"),
        arg: None,
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
        arg: None,
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
        arg: None,
        in_full: true,
        help: "print the manual page, for man -l",
        doc: "Print this manual page in the format of man(7).",
        category: Category::Other,
        applies: Applies::Always,
        update: |_, _| Step::Print(Page::Manual),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_well_formed() {
        for (i, flag) in FLAGS.iter().enumerate() {
            assert!(flag.short.is_some() || flag.long.is_some());
            assert!(flag.short.is_none_or(|c| c.is_ascii_alphanumeric()));
            let fine = |name: &str| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
            assert!(flag.long.is_none_or(fine), "{:?}", flag.long);
            assert!(flag.help.len() <= 50 && !flag.help.ends_with('.'), "{}", flag.help);
            assert!(flag.doc.ends_with('.'), "{}", flag.doc);
            for other in &FLAGS[..i] {
                assert!(flag.short.is_none() || flag.short != other.short);
                assert!(flag.long.is_none() || flag.long != other.long);
            }
        }
    }

    #[test]
    fn each_flag_changes_what_was_typed() {
        for flag in FLAGS {
            let mut low = Low::default();
            match (flag.update)(&mut low, OsStr::new("7")) {
                Step::Go => assert_ne!(low, Low::default(), "{:?}", flag.long),
                Step::Print(_) => assert_eq!(low, Low::default()),
                Step::Contradiction => panic!("{:?} contradicts nothing", flag.long),
            }
        }
    }

    #[test]
    fn numbers_are_read_as_atoi_does() {
        let atoi = |text: &str| atoi(OsStr::new(text));
        assert_eq!(
            (atoi("15"), atoi(" +15x"), atoi("-3"), atoi("x"), atoi("")),
            (15, 15, -3, 0, 0)
        );
        assert_eq!((atoi("99999999999"), atoi("--1")), (i32::MAX, 0));
    }
}
