//! Generates usage, `--help`, `--version` and the manual page, mostly from the table of flags.

use std::ffi::OsStr;
use std::fmt::Write as _;

use crate::exit::MEANINGS;
use crate::flags::{Arg, Category, FLAGS, Flag, Usage};

/// Cyrus's message after a wrong command line. It must not change, because scripts may expect it.
const USAGE: &str = "Usage: sync_client -S <servername> [-C <alt_config>] [-r] [-v] mailbox...\n";

/// Returns the lines for stderr after a wrong command line.
pub fn usage(wrong: &Usage, program: &OsStr) -> Vec<u8> {
    let mut text = match wrong {
        Usage::Option(bad) => bad.message(program),
        Usage::Contradiction => b"Mutually exclusive options defined\n\n".to_vec(),
        Usage::NoMode => b"No replication mode specified\n\n".to_vec(),
        Usage::BadNumber(flag, argument) => {
            let argument = argument.to_string_lossy();
            format!("{flag} {argument}: not a number\n\n").into_bytes()
        }
    };
    text.extend_from_slice(USAGE.as_bytes());
    text
}

/// Returns the text of `--version`.
pub fn version() -> String {
    format!(
        "sync_client (cyrsync) {}\nDrop-in for sync_client of Cyrus IMAP 3.8.1\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// Returns the text of `--help`.
pub fn help() -> String {
    let mut text = String::from(
        "Brings a replica of this Cyrus IMAP server up to date.\n\n\
         Usage: sync_client -u|-m|-s [options] name...\n       \
         sync_client -A [options] [prefix]\n       \
         sync_client -r|-R [options]\n",
    );
    for (category, title) in Category::ALL {
        let _ = write!(text, "\n{title}:\n");
        for flag in FLAGS.iter().filter(|flag| flag.category == *category) {
            let _ = writeln!(text, "  {:<32} {}", invocation(flag), flag.help);
        }
    }
    text.push_str(
        "\nDetails, exit codes and differences from Cyrus: sync_client --man | man -l -\n",
    );
    text
}

/// Formats a flag for `--help`, for example `-S, --server server-name`.
fn invocation(flag: &Flag) -> String {
    let mut text = match (flag.short, flag.long) {
        (Some(c), Some(long)) => format!("-{}, --{long}", char::from(c)),
        (Some(c), None) => format!("-{}", char::from(c)),
        (None, long) => format!("    --{}", long.unwrap_or_default()),
    };
    let _ = match flag.arg {
        Arg::None => Ok(()),
        Arg::Word(arg) => write!(text, " {arg}"),
        Arg::Optional(arg) => write!(text, "[={arg}]"),
    };
    text
}

/// Returns the manual page in roff.
pub fn manual() -> String {
    let mut page =
        String::from(".\\\" Made from the program's table of flags: sync_client --man\n");
    let _ = writeln!(
        page,
        ".TH SYNC_CLIENT 8 \"\" \"cyrsync {}\" \"Cyrus IMAP replication\"",
        env!("CARGO_PKG_VERSION")
    );
    page.push_str(".SH NAME\nsync_client \\- bring a replica of a Cyrus IMAP server up to date\n");
    page.push_str(".SH SYNOPSIS\n.nf\n");
    for line in [
        "-u|-m|-s [options] name...",
        "-A [options] [prefix]",
        "-r|-R|-1 [options]",
        "--forget-tls server-name [-C config-file]",
        "--check-config [options]",
        "--print-config [options]",
        "--status [options]",
    ] {
        let _ = writeln!(page, "\\fBsync_client\\fR {}", roff(line));
    }
    page.push_str(".fi\n");
    section(&mut page, "DESCRIPTION", DESCRIPTION);
    page.push_str(".SH OPTIONS\n");
    for (category, title) in Category::ALL {
        let _ = writeln!(page, ".SS {}", roff(title));
        for flag in FLAGS.iter().filter(|flag| flag.category == *category) {
            let _ = writeln!(page, ".TP\n{}\n{}", roff_invocation(flag), roff(flag.doc));
            if let Some(note) = flag.applies.note() {
                let _ = writeln!(page, "{}", roff(note));
            }
        }
    }
    page.push_str(".SH EXIT STATUS\n");
    for (exit, meaning) in MEANINGS {
        let _ = writeln!(page, ".TP\n{}\n{}", *exit as u8, roff(meaning));
    }
    section(&mut page, "SIGNALS", SIGNALS);
    section(&mut page, "ENVIRONMENT", ENVIRONMENT);
    section(&mut page, "DIFFERENCES FROM CYRUS", DIFFERENCES);
    page.push_str(".SH FILES\n/etc/imapd.conf\n.br\nconfigdirectory/sync/tls\\-verified\n");
    page.push_str(".SH SEE ALSO\nsync_server(8), cyrsync\\-imapd.conf(5), ");
    page.push_str("imapd.conf(5), cyrus.conf(5), master(8)\n");
    page
}

const DESCRIPTION: &[&str] = &[
    "sync_client runs on the master of a pair of Cyrus IMAP servers. It compares the users and \
     mailboxes of the master with those of the replica, and sends what differs. The replica is a \
     Cyrus server that runs sync_server(8) or imapd(8). This page also calls the master \
     \"this server\".",
    "sync_client reads imapd.conf(5) and the mail store in the same way as Cyrus, under Cyrus's \
     locks. It never writes to the mail store itself: this server's own sync_server(8) makes the \
     changes that a repair needs. If root starts sync_client, it changes to the cyrus user.",
    "Messages may advise to run other programs of Cyrus, such as reconstruct(8). On Debian, type \
     cyrus before the name: cyrus reconstruct.",
    "A long option can be abbreviated if the abbreviation is unique. Options that Cyrus's \
     sync_client does not have must be typed in full.",
    "A name that contains *, ? or [ is a pattern, unless a user or mailbox has exactly this name. \
     * matches any bytes including separators, ? matches one byte, [a-z] one byte of this set, \
     [!a-z] one byte outside this set. A pattern selects all users who have an INBOX and match, or \
     all mailboxes that match. It selects each of them once, in the order of mailboxes.db. A \
     pattern that matches nothing is reported; it is a failure only with --strict.",
    "A repair makes a mailbox equal on both sides after the mailbox was changed on both sides. It \
     may change this server.",
];

const SIGNALS: &[&str] = &[
    "SIGTERM, SIGINT and SIGQUIT end the run at the next safe point, with exit status 75. A second \
     signal ends it immediately. Rolling replication first finishes the current tasks, but takes \
     at most ten seconds, and does not wait for a replica that sends nothing. Unfinished entries \
     stay in the log.",
    "SIGUSR1 requests a progress line, which goes to standard error and syslog.",
    "SIGHUP ends the pause before the next attempt to connect. Rolling replication also reads \
     imapd.conf again, connects again, and tries failed entries again at once. It does so after \
     the current tasks, or earlier if the replica sends nothing or a bandwidth limit delays the \
     connection. If imapd.conf then has an error, it is logged, and the old configuration stays in \
     use.",
];

const ENVIRONMENT: &[&str] = &[
    "CYRUS_USER, CYRUS_GROUP and CYRUS_SYSLOG_PREFIX override cyrus_user, cyrus_group and \
     syslog_prefix of imapd.conf(5). If CYRUS_ISDAEMON is set, -r stays in the foreground. If \
     POSIXLY_CORRECT is set, all words after the first operand are operands.",
    "If CYRUS_PREFIX is set, files of the same path below it take the place of imapd.conf and the \
     files that it includes. cyr_withlock_run(8) sets CYRUS_HAVELOCK_GLOBAL and \
     CYRUS_HAVELOCK_USER: the client does not wait for these locks. systemd(1) sets NOTIFY_SOCKET: \
     the client reports its state to this socket.",
];

const DIFFERENCES: &[&str] = &[
    "Each user or mailbox that cannot be replicated is reported on standard error with the reason, \
     with or without -v. The others are still replicated. After a lost connection, every mode \
     connects again and repeats the interrupted task.",
    "-o prevents further attempts to connect; Cyrus up to 3.8 ignores -o. A line of a list (-f) \
     can have up to 64 KiB and can end in CR LF. A list that cannot be opened is reported before \
     the client connects.",
    "Rolling replication handles a new log entry at once if sync_repeat_interval allows it. \
     Entries that fail or are locked stay in the work file (sync/log-run, as with Cyrus). They are \
     tried again after growing pauses, while other entries are replicated. If the replica shuts \
     down, the client connects again. Only one client of cyrsync can work on a channel. -1 needs \
     no other mode.",
    "The certificate of the replica is verified if imapd.conf names authorities (tls_client_ca_dir, \
     tls_client_ca_file). For a certificate of another issuer, set sync_tls_fingerprint. Once the \
     replica was reached over verified TLS, clear text to it is refused until --forget-tls.",
    "Up to four connections are used at the same time, each with its own server process on the \
     replica. sync_jobs or -j sets their number.",
    "If the master has no file of a user's subscriptions or Sieve scripts, nothing is deleted on \
     the replica without --allow-repair=missing. -O never lowers the replica's last UID. A damaged \
     message delays only later messages of its mailbox.",
    "A repair refuses impossible values from the replica. Without --allow-repair it also does not \
     expunge many messages, redirect mail or change scripts on this server.",
    "Options that only this program has are long options, except -j. Patterns instead of names are \
     new.",
];

fn section(page: &mut String, title: &str, paragraphs: &[&str]) {
    let _ = writeln!(page, ".SH {title}");
    for paragraph in paragraphs {
        let _ = writeln!(page, ".PP\n{}", roff(paragraph));
    }
}

fn roff_invocation(flag: &Flag) -> String {
    let names = [
        flag.short.map(|c| format!("\\fB\\-{}\\fR", char::from(c))),
        flag.long.map(|long| format!("\\fB\\-\\-{}\\fR", roff(long))),
    ];
    let names: Vec<_> = names.into_iter().flatten().collect();
    let arg = match flag.arg {
        Arg::None => String::new(),
        Arg::Word(arg) => format!(" \\fI{}\\fR", roff(arg)),
        Arg::Optional(arg) => format!("[=\\fI{}\\fR]", roff(arg)),
    };
    names.join(", ") + &arg
}

/// Escapes text for a line of roff. A minus sign can still be copied from the page as a minus sign.
/// A `.` or `'` at the start of a line does not become a roff request.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_flag_on_lines_a_terminal_holds() {
        let help = help();
        for flag in FLAGS {
            assert!(help.contains(&format!("{} ", invocation(flag))), "{}", invocation(flag));
        }
        for line in help.lines() {
            assert!(line.len() <= 84, "{line}");
        }
    }

    #[test]
    fn manual_names_every_flag_and_exit_code() {
        let manual = manual();
        for flag in FLAGS {
            assert!(manual.contains(&roff_invocation(flag)), "{}", invocation(flag));
        }
        for (exit, _) in MEANINGS {
            assert!(manual.contains(&format!("\n.TP\n{}\n", *exit as u8)));
        }
    }

    #[test]
    fn roff_takes_text_as_text() {
        assert_eq!(roff(".so a-b\\n"), "\\&.so a\\-b\\en");
    }
}
