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
        "\nOptions, exit codes and differences from Cyrus: sync_client --man | man -l -\n",
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
    "sync_client runs on the master of a pair of Cyrus IMAP servers. It compares users and \
     mailboxes with those of the replica, a Cyrus server that runs sync_server(8) or imapd(8), \
     and sends what differs.",
    "It reads imapd.conf(5) and the mail store as Cyrus does, under Cyrus's locks, and never \
     writes to the mail store itself. Started by root it becomes the cyrus user.",
    "Long options may be cut short as long as they stay unambiguous, except \
     those that Cyrus's program does not have: they must be typed in full.",
    "A name that holds *, ? or [ is a pattern, unless a user or mailbox is called just that. It \
     stands for all users who have an INBOX, or all mailboxes, that match, in the order of \
     mailboxes.db and each once: * for any characters, separators included, ? for one, [a-z] for \
     one of these, [!a-z] for any other. A pattern that matches nothing is reported, and is no failure.",
];

const SIGNALS: &[&str] = &[
    "SIGTERM, SIGINT and SIGQUIT end the run at the next safe point, with exit status 75; a \
     second one ends it at once. Rolling replication goes on for up to ten seconds with what it \
     works on, but does not wait for a replica that says nothing; what is left stays in the log.",
    "SIGUSR1 has a line written to standard error and syslog that says how far it is.",
    "SIGHUP cuts short the wait for the next attempt to connect. Rolling replication reads \
     imapd.conf again, connects again, and tries at once what had failed, when the part that it \
     works on is done, the replica says nothing, or a limit of bandwidth holds it up.",
];

const ENVIRONMENT: &[&str] =
    &["CYRUS_USER, CYRUS_GROUP and CYRUS_SYSLOG_PREFIX go before cyrus_user, cyrus_group and \
     syslog_prefix of imapd.conf(5). With POSIXLY_CORRECT the first operand ends the options."];

const DIFFERENCES: &[&str] = &[
    "A user or mailbox that cannot be replicated is told on standard error with its reason, \
     with or without -v; the others go on. What is tried again after a lost connection is so in \
     every mode.",
    "-o is obeyed. The lines of a list may be of any length and end in CR LF. A list that cannot \
     be read is found out before connecting, and told.",
    "Rolling replication reacts to the log at once if the interval allows. What fails or is \
     locked stays in the work file (sync/log-run, as Cyrus's) and is tried again after growing \
     pauses, while all else goes on; a replica that says goodbye is connected to again. Only one \
     such client works on a channel. -1 is a mode by itself.",
    "A repair refuses values that cannot be, and does not expunge much, divert mail or change \
     scripts on this server without --allow-repair.",
    "Options that this program has beside those of Cyrus have no letter, but for -j; patterns in \
     place of names are new too.",
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

/// Escapes text for a line of roff. A minus stays one that can be copied, and a leading `.` or `'`
/// does not become a roff request.
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
