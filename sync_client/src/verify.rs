//! Implements `--verify`: compares both sides and changes nothing. Each difference is an event,
//! and the console prints it.

use std::ffi::OsString;

use cyrsync::event::{Verdict, VerifyTotals};
use cyrsync::{Client, Error, Kind, MboxName, UserId, Verify};

use crate::connect::{connect, give_up};
use crate::exit::{Exit, Fatal};
use crate::flags::{Low, Mode};
use crate::start::Session;
use crate::terminal::complain;
use crate::work::{End, chosen};

/// Parses the argument of `--verify`.
pub fn asked(words: &OsString) -> Result<Verify, Fatal> {
    let words = words.to_string_lossy();
    Verify::from_words(&words).map_err(|_| {
        let what = format!("--verify={words}: write messages, or messages:10%, or nothing");
        Fatal::new(Exit::Usage, what)
    })
}

/// Compares the users and mailboxes that `mode` selects.
pub fn work(mode: Mode, how: Verify, low: Low, session: &mut Session) -> Result<Exit, Fatal> {
    let ended = compare(mode, how, low, session);
    session.client.disconnect();
    match ended {
        Ok(totals) => Ok(match totals.verdict() {
            Verdict::Equal => Exit::Ok,
            Verdict::Different => Exit::Critical,
            Verdict::Unknown => Exit::Failed,
        }),
        Err(End::Stopped) => Ok(Exit::TempFail),
        Err(End::GivenUp) => Ok(Exit::Failed),
        Err(End::Fatal(fatal)) => Err(fatal),
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
            ended(session, |client| client.verifier(how).with_unknown(failed).mailboxes(&internal))
        }
        _ => {
            let only_meta = mode == Mode::Meta;
            let input_file = low.input_file.filter(|_| !only_meta);
            let low = Low { input_file, ..low };
            let mut chosen = chosen::<UserId>(low, &session.client, &console)?;
            let users = chosen.by_ref().collect::<Result<Vec<_>, _>>()?;
            let failed = complain_of(&chosen.failed);
            connected(session)?;
            ended(session, |client| {
                client.verifier(how).with_unknown(failed).users(&mut users.into_iter(), only_meta)
            })
        }
    }
}

/// Prints the errors of names that could not be resolved. Returns their number.
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
