//! Implements `--dry-run`: prints the steps that a run would execute, each with its reason. Changes
//! nothing on either side.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;

use cyrsync::{Error, Goal, Kind, MboxName, Pending, PlannedStep, UserId};

use crate::connect::connect;
use crate::exit::{Exit, Fatal};
use crate::flags::{Low, Mode};
use crate::list;
use crate::start::Session;
use crate::terminal::{complain, print};
use crate::work::{End, Tally, chosen, no_name_begins_with};

/// Prints planned steps and counts them.
struct Printer {
    json: bool,
    steps: u64,
    messages: u64,
    bytes: u64,
}

impl Printer {
    fn print(&mut self, step: &PlannedStep) {
        self.steps += 1;
        self.messages += step.messages;
        self.bytes += step.bytes;
        let line = if self.json {
            // Serialization fails only for maps whose keys are not strings. There is no such map.
            serde_json::to_string(step).unwrap_or_default()
        } else {
            words(step)
        };
        print(&line);
    }

    fn summary(&self) {
        if !self.json {
            let Printer { steps, messages, bytes, .. } = self;
            print(&format!(
                "{steps} steps, at most {messages} messages of {bytes} bytes; nothing was changed"
            ));
        }
    }
}

/// Formats a step, for example:
/// `MAILBOX user.fred (LAST_UID is 9 here and 8 on the replica; 1 message, 420 bytes)`
fn words(step: &PlannedStep) -> String {
    let mut notes = Vec::new();
    notes.extend(Some(step.why()).filter(|why| !why.is_empty()));
    if step.messages > 0 {
        let plural = if step.messages == 1 { "message" } else { "messages" };
        notes.push(format!("{} {plural}, {} bytes", step.messages, step.bytes));
    }
    if notes.is_empty() {
        step.line.clone()
    } else {
        format!("{} ({})", step.line, notes.join("; "))
    }
}

/// Prints the steps that a run in `mode` would execute.
///
/// # Errors
/// Fails with [`Exit::Usage`] if an operand is an invalid pattern.
pub fn work(mode: Mode, low: Low, session: &mut Session) -> Result<Exit, Fatal> {
    let mut tally = Tally::new(&low, session.console.clone());
    let mut printer = Printer { json: low.json, steps: 0, messages: 0, bytes: 0 };
    let is_strict = low.strict;
    let planned = plan(mode, low, session, &mut tally, &mut printer);
    session.client.disconnect();
    if let Err(End::Fatal(fatal)) = planned {
        return Err(fatal);
    }
    printer.summary();
    Ok(match planned {
        Err(End::Stopped) => Exit::TempFail,
        Ok(()) if !tally.has_failed() && !session.console.fails(is_strict) => Exit::Ok,
        _ => Exit::Failed,
    })
}

fn plan(
    mode: Mode,
    low: Low,
    session: &mut Session,
    tally: &mut Tally,
    printer: &mut Printer,
) -> Result<(), End> {
    let prefix = low.operands.first().map(|prefix| prefix.as_encoded_bytes().to_vec());
    let input = low.input_file.clone();
    let console = session.console.clone();
    let Session { client, policy, .. } = session;
    let mut each = |step: &PlannedStep| {
        if step.command == "ABSENT" {
            console.mistake(&format!("{}: no such user on this server (no INBOX)", step.subject));
        }
        printer.print(step);
    };
    let planned = match mode {
        Mode::Users | Mode::Meta => {
            let mut chosen = chosen::<UserId>(low, client, &console)?;
            let users = chosen.by_ref().collect::<Result<Vec<_>, _>>()?;
            chosen.failed.iter().for_each(|error| tally.failed("plan()", error));
            connect(client, policy)?;
            let mut ended = |user: &UserId, result: &Result<(), Error>| {
                if let Err(error) = result {
                    tally.failed(format_args!("plan({user})"), error);
                }
            };
            let only_meta = mode == Mode::Meta;
            client.planner().users(&mut users.into_iter(), only_meta, &mut each, &mut ended)
        }
        Mode::Mailboxes => {
            let mut chosen = chosen::<MboxName>(low, client, &console)?;
            let internal = chosen.by_ref().collect::<Result<Vec<_>, _>>()?;
            chosen.failed.iter().for_each(|error| tally.failed("plan()", error));
            connect(client, policy)?;
            client.planner().mailboxes(&internal, &mut each)
        }
        Mode::All => {
            connect(client, policy)?;
            let prefix = prefix.unwrap_or_default();
            let mut is_found = prefix.is_empty();
            let mut ended = |goal: &Goal, result: &Result<(), Error>| {
                is_found = true;
                if let Err(error) = result {
                    tally.failed(format_args!("plan({})", goal.subject()), error);
                }
            };
            let planned = client.planner().all(&prefix, &mut each, &mut ended).map(drop);
            if planned.is_ok() && !is_found {
                console.mistake(&no_name_begins_with(OsStr::from_bytes(&prefix)));
            }
            planned
        }
        Mode::Rolling => {
            let log = input.as_deref().map(open).transpose()?;
            connect(client, policy)?;
            let left = match log {
                Some(log) => client.planner().log(log, &mut each),
                None => client.planner().channel(&mut each),
            };
            left.map(|left| left.iter().for_each(|pending| unplanned(tally, pending)))
        }
        Mode::ForgetTls | Mode::Status => Ok(()),
    };
    match planned {
        Err(error) if error.kind() == Kind::Cancelled => Err(End::Stopped),
        Err(error) => {
            tally.failed("plan()", &error);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn unplanned(tally: &mut Tally, pending: &Pending) {
    let items: Vec<String> = pending.items.iter().map(ToString::to_string).collect();
    tally.failed(format_args!("plan({})", items.join(", ")), &pending.error);
}

fn open(path: &OsStr) -> Result<Box<dyn Read>, End> {
    if path == "-" {
        return Ok(Box::new(io::stdin()));
    }
    File::open(path).map(|file| Box::new(file) as _).map_err(|error| {
        complain(format!("Failed to open {}: {}", path.display(), list::reason(&error)));
        End::GivenUp
    })
}
