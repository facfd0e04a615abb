//! The command line of the benchmark: which cases to run, and their sizes.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use super::cases::{self, CASES};

/// The sizes of the cases. A size of 0 leaves the case out.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our `sync_client`.
    pub client: PathBuf,
    /// Names of the cases to run, in the order of the table. If empty, the default cases run.
    pub cases: Vec<String>,
    /// Number of runs of each contender.
    pub rounds: usize,
    /// Users of the first sync.
    pub users: usize,
    /// Mailboxes of each of these users.
    pub folders: usize,
    /// Messages in each of these mailboxes.
    pub messages: usize,
    /// The kind of messages for the first sync and the lines.
    pub mix: Mix,
    /// Messages in the one large mailbox.
    pub big: usize,
    /// Users of the case without changes, with `folders` mailboxes each.
    pub unchanged: usize,
    /// Mailboxes of the case without changes that has 50 for each user.
    pub idle: usize,
    /// Round-trip time to the replica in the case that simulates one.
    pub round_trip: Duration,
    /// Number of changes in a mixed day.
    pub day: usize,
    /// Messages in the mailbox in which one flag changes.
    pub flagged: usize,
    /// Mailboxes of the user in the case with one user.
    pub wide: usize,
    /// Users in the case with many users, who have one mailbox each.
    pub many: usize,
    /// Amount of mail for the slow lines, in per cent.
    pub line_size: usize,
    /// Whether to count system calls with strace, in separate runs.
    pub calls: bool,
    /// File for the result as JSON.
    pub json: Option<PathBuf>,
    /// Whether to keep the cases of that file that this run does not measure.
    pub keep: bool,
    /// File for the picture.
    pub svg: Option<PathBuf>,
    /// Page whose tables and picture are replaced.
    pub docs: Option<PathBuf>,
    /// An existing result to show instead of measuring.
    pub show: Option<PathBuf>,
}

/// The kind of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Few headers, random words, random attachments: 11 KiB on average.
    Plain,
    /// Long headers, HTML and text, attachments: like real mail.
    Mail,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            client: PathBuf::new(),
            cases: Vec::new(),
            rounds: 3,
            users: 20,
            folders: 5,
            messages: 400,
            mix: Mix::Plain,
            big: 200_000,
            unchanged: 100,
            idle: 100_000,
            round_trip: Duration::from_millis(50),
            day: 2_000,
            flagged: 200_000,
            wide: 5_000,
            many: 10_000,
            line_size: 100,
            calls: true,
            json: None,
            keep: false,
            svg: None,
            docs: None,
            show: None,
        }
    }
}

impl Settings {
    /// Sets sizes for a run of some minutes.
    fn quick(&mut self) {
        *self = Settings {
            client: std::mem::take(&mut self.client),
            cases: std::mem::take(&mut self.cases),
            rounds: 1,
            users: 10,
            messages: 100,
            big: 20_000,
            unchanged: 40,
            idle: 5_000,
            day: 300,
            flagged: 50_000,
            wide: 500,
            many: 500,
            line_size: 12,
            json: self.json.take(),
            keep: self.keep,
            svg: self.svg.take(),
            docs: self.docs.take(),
            show: self.show.take(),
            ..Settings::default()
        };
    }
}

/// Function that applies an option. The text is empty for options without a value.
type Take = fn(&mut Settings, &str) -> Result<(), String>;

struct Flag {
    name: &'static str,
    value: &'static str,
    says: &'static str,
    take: Take,
}

macro_rules! number {
    ($field:ident) => {
        |settings, text| {
            settings.$field = text.parse().map_err(|e| format!("{text}: {e}"))?;
            Ok(())
        }
    };
}

macro_rules! path {
    ($field:ident) => {
        |settings, text| {
            settings.$field = Some(PathBuf::from(text));
            Ok(())
        }
    };
}

const FLAGS: [Flag; 22] = [
    Flag {
        name: "--client",
        value: "PATH",
        says: "our sync_client (default: beside this program)",
        take: |settings, text| {
            settings.client = PathBuf::from(text);
            Ok(())
        },
    },
    Flag {
        name: "--quick",
        value: "",
        says: "one round of small sizes; what follows changes these",
        take: |settings, _| {
            settings.quick();
            Ok(())
        },
    },
    Flag { name: "--rounds", value: "N", says: "runs of each client (3)", take: number!(rounds) },
    Flag {
        name: "--users",
        value: "N",
        says: "users of the first sync (20)",
        take: number!(users),
    },
    Flag { name: "--folders", value: "N", says: "mailboxes of each (5)", take: number!(folders) },
    Flag {
        name: "--messages",
        value: "N",
        says: "messages in each mailbox (400)",
        take: number!(messages),
    },
    Flag {
        name: "--mix",
        value: "plain|mail",
        says: "few headers and random words, or what looks more like mail (plain)",
        take: |settings, text| {
            settings.mix = match text {
                "plain" => Mix::Plain,
                "mail" => Mix::Mail,
                other => return Err(format!("there is no mix {other}")),
            };
            Ok(())
        },
    },
    Flag {
        name: "--big",
        value: "N",
        says: "messages in the one large mailbox (200000)",
        take: number!(big),
    },
    Flag {
        name: "--unchanged",
        value: "N",
        says: "users of which nothing has changed (100)",
        take: number!(unchanged),
    },
    Flag {
        name: "--idle",
        value: "N",
        says: "mailboxes where nothing has changed, 50 of each user (100000)",
        take: number!(idle),
    },
    Flag {
        name: "--round-trip",
        value: "MS",
        says: "milliseconds, for the run over a distance (50)",
        take: |settings, text| {
            let milliseconds = text.parse().map_err(|e| format!("{text}: {e}"))?;
            settings.round_trip = Duration::from_millis(milliseconds);
            Ok(())
        },
    },
    Flag { name: "--day", value: "N", says: "changes of a mixed day (2000)", take: number!(day) },
    Flag {
        name: "--flagged",
        value: "N",
        says: "messages in the mailbox of which one flag changes (200000)",
        take: number!(flagged),
    },
    Flag { name: "--wide", value: "N", says: "mailboxes of one user (5000)", take: number!(wide) },
    Flag {
        name: "--many",
        value: "N",
        says: "users with one mailbox each (10000)",
        take: number!(many),
    },
    Flag {
        name: "--line-size",
        value: "PERCENT",
        says: "how much goes over the slow lines (100)",
        take: number!(line_size),
    },
    Flag {
        name: "--no-calls",
        value: "",
        says: "do not count system calls (strace)",
        take: |settings, _| {
            settings.calls = false;
            Ok(())
        },
    },
    Flag { name: "--json", value: "FILE", says: "write the result there", take: path!(json) },
    Flag {
        name: "--keep",
        value: "",
        says: "and leave in it the cases that are not measured now",
        take: |settings, _| {
            settings.keep = true;
            Ok(())
        },
    },
    Flag { name: "--svg", value: "FILE", says: "draw the ratios there", take: path!(svg) },
    Flag {
        name: "--docs",
        value: "FILE",
        says: "replace the table of this page (docs/performance.md) and the picture it shows",
        take: path!(docs),
    },
    Flag {
        name: "--show",
        value: "FILE",
        says: "measure nothing: show this result once more",
        take: path!(show),
    },
];

/// Returns the usage text of the program.
pub fn usage() -> String {
    let mut text = String::from("usage: bench [option...] [case...]\n\ncases:\n");
    for case in CASES {
        let asked = if case.usual { "" } else { " (only if named)" };
        let _ = writeln!(text, "  {:15} {}{asked}", case.name, case.says);
    }
    text.push_str("\noptions; a size of 0 leaves its case out:\n");
    for flag in &FLAGS {
        let _ = writeln!(text, "  {:22} {}", format!("{} {}", flag.name, flag.value), flag.says);
    }
    text
}

/// Parses a command line.
pub fn parse(args: &[String]) -> Result<Settings, String> {
    let mut settings = Settings::default();
    if let Ok(own) = std::env::current_exe() {
        settings.client = own.with_file_name("sync_client");
    }
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(flag) = FLAGS.iter().find(|flag| flag.name == arg) else {
            if arg.starts_with('-') || !cases::is_known(arg) {
                return Err(format!("there is no option or case {arg}"));
            }
            settings.cases.push(arg.clone());
            continue;
        };
        let value = match flag.value {
            "" => "",
            _ => args.next().ok_or_else(|| format!("{arg} needs a value"))?,
        };
        (flag.take)(&mut settings, value).map_err(|problem| format!("{arg} {problem}"))?;
    }
    if settings.rounds == 0 {
        return Err("--rounds must not be 0".to_owned());
    }
    if settings.show.is_none() && !settings.client.exists() {
        return Err(format!("there is no {}; build it first", settings.client.display()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Settings, String> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn sizes_and_cases_are_taken_in_any_order() {
        let settings = parsed("unchanged --client /bin/sh --users 3 --round-trip 7 day");
        let settings = settings.expect("a good line");
        assert_eq!(settings.cases, ["unchanged", "day"]);
        assert_eq!((settings.users, settings.folders), (3, 5));
        assert_eq!(settings.round_trip, Duration::from_millis(7));
    }

    #[test]
    fn quick_keeps_the_client_and_later_options() {
        let settings = parsed("--client /bin/sh --quick --rounds 2").expect("a good line");
        assert_eq!(settings.client, PathBuf::from("/bin/sh"));
        assert_eq!((settings.rounds, settings.users), (2, 10));
    }

    #[test]
    fn unknown_options_and_missing_values_are_refused() {
        for line in ["--usres 3", "nonsense", "--users", "--users x", "--client /nowhere"] {
            assert!(parsed(line).is_err(), "{line}");
        }
        let text = usage();
        for flag in &FLAGS {
            assert!(text.contains(flag.name));
        }
    }
}
