//! Runs the modes that replicate users, mailboxes or everything. Reports failures; a failed user or
//! mailbox does not stop the others.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::Arc;

use crate::sys::syslog;
use cyrsync::program::{BriefError, write_metrics};
use cyrsync::{Client, Error, Goal, Kind, Level, MboxName, UserId};

use crate::chosen::{Choice, Chosen, Names};
use crate::connect::{NotConnected, connect, give_up};
use crate::console::Console;
use crate::exit::{Exit, Fatal};
use crate::flags::{Low, Mode};
use crate::list::{self, Unreadable};
use crate::start::Session;
use crate::summary::Summary;
use crate::terminal::complain;

/// The reason why a run ends early. All reasons except [`End::Fatal`] were already reported.
pub enum End {
    /// A signal stopped the run.
    Stopped,
    /// The replica cannot be reached, or a list cannot be read.
    GivenUp,
    /// An operand is invalid.
    Fatal(Fatal),
}

impl From<Fatal> for End {
    fn from(fatal: Fatal) -> Self {
        End::Fatal(fatal)
    }
}

impl From<Unreadable> for End {
    fn from(_: Unreadable) -> Self {
        End::GivenUp
    }
}

impl From<NotConnected> for End {
    fn from(why: NotConnected) -> Self {
        match why {
            NotConnected::Stopped => End::Stopped,
            NotConnected::Unreachable => End::GivenUp,
        }
    }
}

/// Replicates the users and mailboxes that `mode` and the operands select.
///
/// # Errors
/// Fails with [`Exit::Usage`] if an operand is an invalid pattern.
pub fn work(mode: Mode, low: Low, session: &mut Session) -> Result<Exit, Fatal> {
    let mut tally = Tally::new(&low, session.console.clone());
    let is_strict = low.strict;
    let Session { client, console, .. } = &*session;
    let ended = match mode {
        Mode::Users => {
            chosen(low, client, console).and_then(|list| users(list, session, &mut tally, false))
        }
        Mode::Meta => {
            chosen(low, client, console).and_then(|list| users(list, session, &mut tally, true))
        }
        Mode::Mailboxes => {
            chosen(low, client, console).and_then(|list| mailboxes(list, session, &mut tally))
        }
        Mode::All => all(low.operands.first(), session, &mut tally),
        // Other modules run these modes.
        Mode::Rolling | Mode::ForgetTls | Mode::Status => Ok(()),
    };
    session.client.disconnect();
    let ended = match ended {
        Err(End::Fatal(fatal)) => return Err(fatal),
        ended => ended,
    };
    // A run that ended before it was connected needs no summary.
    if ended.is_ok() || tally.is_connected || tally.has_failed() {
        tally.summary.end(&session.client);
    }
    let has_succeeded = ended.is_ok() && !tally.has_failed();
    if let Err(error) = write_metrics(&session.client, has_succeeded) {
        complain(error.to_string());
        syslog::send(Level::Warning, error.to_string());
    }
    Ok(match ended {
        Err(End::Stopped) => Exit::TempFail,
        Ok(()) if !tally.has_failed() && !session.console.fails(is_strict) => Exit::Ok,
        _ => Exit::Failed,
    })
}

/// Returns the users or mailboxes that the list file names, or the operands if there is no list
/// file.
pub fn chosen<T: Choice>(
    low: Low,
    client: &Client,
    console: &Arc<Console>,
) -> Result<Chosen<T>, End> {
    let names: Names = match &low.input_file {
        Some(path) => Box::new(list::open(path)?),
        None => Box::new(low.operands.into_iter().map(|word| Ok(word.into_vec()))),
    };
    Ok(Chosen::new(names, low.input_file.is_some(), client.catalog(), console.clone())?)
}

/// Counts and reports failures.
pub struct Tally {
    console: Arc<Console>,
    verbose: bool,
    summary: Summary,
    /// Whether the run has had a connection.
    is_connected: bool,
}

impl Tally {
    /// Creates a tally without failures.
    pub fn new(low: &Low, console: Arc<Console>) -> Tally {
        let verbose = low.verbose > 0;
        Tally { console, verbose, summary: Summary::begin(verbose, low.json), is_connected: false }
    }

    /// Returns whether something failed.
    pub fn has_failed(&self) -> bool {
        self.summary.has_failed()
    }

    /// Records and reports a failure. `call` is the name of Cyrus's function for the log line, such
    /// as `sync_do_user(fred)`.
    pub fn failed(&mut self, call: impl fmt::Display, error: &Error) {
        self.summary.failed(error.subject().to_string());
        complain(error.to_string());
        if !BriefError(error).is_brief() {
            self.console.alarm(error);
        }
        if self.verbose {
            complain(format!("Error from {call}: bailing out!"));
        }
        self.console.alarm(format_args!("Error in {call}: bailing out!"));
    }

    fn skipped(&self, what: &str, name: impl fmt::Display) {
        if self.verbose {
            complain(format!("Skipping locked {what} {name}"));
        }
    }
}

/// Replicates users, or only their metadata with `only_meta`.
fn users(
    mut chosen: Chosen<UserId>,
    session: &mut Session,
    tally: &mut Tally,
    only_meta: bool,
) -> Result<(), End> {
    let Session { client, policy, .. } = session;
    connect(client, policy)?;
    tally.is_connected = true;
    // If reading the list fails, the names read before are replicated first. Then the run ends.
    let mut unreadable = None;
    let mut users = chosen.by_ref().map_while(|user| match user {
        Ok(user) => Some(user),
        Err(error) => {
            unreadable = Some(error);
            None
        }
    });
    let call = if only_meta { "sync_do_meta" } else { "sync_do_user" };
    let result = client.sync_users(&mut users, only_meta, &mut |user, result| {
        if let Err(error) = result {
            tally.failed(format_args!("{call}({user})"), error);
        }
    });
    drop(users);
    for error in &chosen.failed {
        tally.failed(format_args!("{call}()"), error);
    }
    match result {
        Err(error) if error.kind() == Kind::Cancelled => Err(End::Stopped),
        Err(error) => {
            give_up(client.server(), policy, &error);
            Err(End::GivenUp)
        }
        Ok(()) => unreadable.map_or(Ok(()), |error| Err(error.into())),
    }
}

/// Replicates all mailboxes with one call.
fn mailboxes(
    mut chosen: Chosen<MboxName>,
    session: &mut Session,
    tally: &mut Tally,
) -> Result<(), End> {
    const CALL: &str = "sync_do_mailboxes()";
    let Session { client, policy, .. } = session;
    let internal = chosen.by_ref().collect::<Result<Vec<_>, _>>()?;
    for error in &chosen.failed {
        tally.failed(CALL, error);
    }
    connect(client, policy)?;
    tally.is_connected = true;
    if internal.is_empty() {
        return Ok(());
    }
    match client.sync_mailboxes(&internal) {
        Err(error) if error.kind() == Kind::Cancelled => return Err(End::Stopped),
        Err(error) => tally.failed(CALL, &error),
        Ok(()) => {}
    }
    Ok(())
}

/// Replicates all users and shared mailboxes, or only those with a mailbox name that begins with
/// `prefix`.
fn all(prefix: Option<&OsString>, session: &mut Session, tally: &mut Tally) -> Result<(), End> {
    let Session { client, policy, .. } = session;
    let prefix = prefix.map(|prefix| prefix.as_bytes()).unwrap_or_default();
    let mut furthest = 0;
    loop {
        connect(client, policy)?;
        tally.is_connected = true;
        let mut ended = 0;
        let result = client.sync_all(prefix, &mut |goal, result| {
            ended += 1;
            task_ended(tally, goal, result);
        });
        let error = match result {
            Ok(_) => {
                if ended == 0 && !prefix.is_empty() {
                    tally.console.mistake(&no_name_begins_with(OsStr::from_bytes(prefix)));
                }
                return Ok(());
            }
            Err(error) if error.kind() == Kind::Cancelled => return Err(End::Stopped),
            Err(error) => error,
        };
        // If the connection was lost, reconnect and start from the beginning. Tasks that were
        // finished are quick the second time. Give up if an attempt gets no further than the one
        // before.
        if !error.is_connection() || policy.retry_policy.connect_once || ended <= furthest {
            tally.failed("do_user()", &error);
            return Ok(());
        }
        furthest = ended;
        tally.console.alarm(error);
        client.disconnect();
    }
}

/// Formats the mistake that `-A` finds no mailbox for its operand.
pub fn no_name_begins_with(prefix: &OsStr) -> String {
    format!(
        "nothing to do: no mailbox has a name that begins with {}; the operand of -A is the \
         beginning of an internal name, such as user.fred",
        prefix.display()
    )
}

fn task_ended(tally: &mut Tally, goal: &Goal, result: &Result<(), Error>) {
    let Err(error) = result else { return };
    let (what, name) = match goal {
        Goal::User(user) => ("user", user.to_string()),
        Goal::Mailboxes(names) => ("mailbox", group(names)),
        _ => ("mailbox", String::new()),
    };
    match error.kind() {
        Kind::Locked | Kind::ReplicaLocked => tally.skipped(what, name),
        Kind::Cancelled => {}
        _ => tally.failed(format_args!("do_user({name})"), error),
    }
}

/// Formats the names of mailboxes that are replicated together, shortened.
fn group(names: &[MboxName]) -> String {
    match names {
        [] => String::new(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_but_locked_users_do_not() {
        let mut tally = Tally::new(&Low::default(), Arc::default());
        let goal = Goal::User("fred".into());
        for kind in [Kind::Locked, Kind::ReplicaLocked, Kind::Cancelled] {
            task_ended(&mut tally, &goal, &Err(Error::new(kind, "lock", "fred", "held")));
            assert!(!tally.has_failed());
        }
        task_ended(&mut tally, &goal, &Ok(()));
        assert!(!tally.has_failed());
        task_ended(&mut tally, &goal, &Err(Error::new(Kind::Corrupt, "read", "fred", "bad")));
        assert!(tally.has_failed());
    }

    #[test]
    fn a_group_is_named_by_its_first() {
        let names = ["a", "b", "c"].map(MboxName::from);
        assert_eq!((group(&names).as_str(), group(&names[..1]).as_str()), ("a and 2 more", "a"));
    }
}
