//! Implements `--verify`: compares both sides and changes nothing. Each difference is an event,
//! which the console prints.

use std::ffi::OsString;

use cyrsync::event::{Verdict, VerifyTotals};
use cyrsync::program::with_unknown;
use cyrsync::{Client, Error, Kind, MboxName, UserId, Verify};

use crate::connect::{connect, give_up};
use crate::console::Console;
use crate::exit::{Exit, Fatal};
use crate::flags::{Low, Mode};
use crate::start::Session;
use crate::terminal::complain;
use crate::work::{End, chosen, no_name_begins_with};

/// Parses the argument of `--verify`. Refuses an operand of `-A` that was probably meant as this
/// argument.
pub fn asked(words: &OsString, mode: Mode, low: &Low) -> Result<Verify, Fatal> {
    let words = words.to_string_lossy();
    let operand = low.operands.first().filter(|_| mode == Mode::All).map(|o| o.to_string_lossy());
    if let Some(operand) = operand.filter(|operand| is_of_messages(operand)) {
        let what = format!(
            "--verify {operand}: -A takes this word as the beginning of mailbox names; write \
             --verify={operand}"
        );
        return Err(Fatal::new(Exit::Usage, what));
    }
    Verify::from_words(&words).map_err(|_| {
        let what = format!("--verify={words}: write messages, or messages:10%, or nothing");
        Fatal::new(Exit::Usage, what)
    })
}

/// Returns whether a word is `messages`, or `messages:` with a percentage.
fn is_of_messages(word: &str) -> bool {
    word.strip_prefix("messages").is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Compares the users and mailboxes that `mode` selects.
pub fn work(mode: Mode, how: Verify, low: Low, session: &mut Session) -> Result<Exit, Fatal> {
    let is_strict = low.strict;
    let prefix = low.operands.first().filter(|_| mode == Mode::All).cloned();
    let ended = compare(mode, how, low, session);
    session.client.disconnect();
    match ended {
        Ok(totals) => {
            if totals.is_nothing() && totals.unknown == 0 {
                nothing_compared(prefix, &session.console);
            }
            Ok(match totals.verdict() {
                Verdict::Equal if !session.console.fails(is_strict) => Exit::Ok,
                Verdict::Different => Exit::Critical,
                _ => Exit::Failed,
            })
        }
        Err(End::Stopped) => Ok(Exit::TempFail),
        Err(End::GivenUp) => Ok(Exit::Failed),
        Err(End::Fatal(fatal)) => Err(fatal),
    }
}

/// Reports that nothing was compared, and what to do.
fn nothing_compared(prefix: Option<OsString>, console: &Console) {
    match prefix {
        Some(prefix) => console.mistake(&no_name_begins_with(&prefix)),
        None => console.mistake("nothing was compared: name users or mailboxes that exist here"),
    }
}

fn compare(mode: Mode, how: Verify, low: Low, session: &mut Session) -> Result<VerifyTotals, End> {
    let console = session.console.clone();
    match mode {
        Mode::All => {
            let prefix = low.operands.into_iter().next().unwrap_or_default();
            connected(session)?;
            ended(session, |client| client.verifier(how).all(prefix.as_encoded_bytes()))
        }
        Mode::Mailboxes => {
            let mut chosen = chosen::<MboxName>(low, &session.client, &console)?;
            let internal = chosen.by_ref().collect::<Result<Vec<_>, _>>()?;
            let failed = complain_of(&chosen.failed);
            connected(session)?;
            ended(session, |client| with_unknown(client.verifier(how), failed).mailboxes(&internal))
        }
        _ => {
            let only_meta = mode == Mode::Meta;
            let mut chosen = chosen::<UserId>(low, &session.client, &console)?;
            let users = chosen.by_ref().collect::<Result<Vec<_>, _>>()?;
            let failed = complain_of(&chosen.failed);
            connected(session)?;
            ended(session, |client| {
                with_unknown(client.verifier(how), failed).users(&mut users.into_iter(), only_meta)
            })
        }
    }
}

/// Prints the errors for names that could not be resolved. Returns the number of errors.
fn complain_of(errors: &[Error]) -> u64 {
    errors.iter().for_each(|error| complain(error.to_string()));
    errors.len() as u64
}

fn connected(session: &mut Session) -> Result<(), End> {
    let Session { client, policy, .. } = session;
    Ok(connect(client, policy)?)
}

fn ended(
    session: &mut Session,
    verify: impl FnOnce(&mut Client) -> Result<VerifyTotals, Error>,
) -> Result<VerifyTotals, End> {
    match verify(&mut session.client) {
        Ok(totals) => Ok(totals),
        Err(error) if error.kind() == Kind::Cancelled => Err(End::Stopped),
        Err(error) if error.is_connection() => {
            give_up(session.client.server(), &session.policy, &error);
            Err(End::GivenUp)
        }
        Err(error) => {
            complain(error.to_string());
            session.console.alarm(error);
            Err(End::GivenUp)
        }
    }
}
