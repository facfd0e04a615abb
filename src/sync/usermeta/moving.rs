//! Moves a user's scripts from the master's sieve directory, where all versions before Cyrus 3.6
//! stored scripts, to the user's `#sieve` mailbox. The master's own Cyrus does the move. After that
//! the mailbox is replicated like any other.
//!
//! Cyrus moves scripts whenever it opens them (`sieve_ensure_folder` in `imap/sieve_db.c`), for
//! example when the user logs in to ManageSieve. Cyrus's replication client moves the scripts of
//! every user that it replicates (`do_user_main` in `imap/sync_support.c`). A replication server
//! moves them at each command that changes a script. This module sends such a command that changes
//! nothing else: it deletes a script with an impossible name, and the server refuses it after the
//! move (`sync_sieve_delete`). Never send `GET USER` instead: it deletes scripts from the directory
//! that are in no mailbox (`sync_get_user`).

use super::inbox;
use crate::error::{Error, Kind, Result};
use crate::events::{Step, SyncEvent};
use crate::protocol::Command;
use crate::replica::Replica;
use crate::sync::master::Master;
use crate::sync::pass::Pass;
use crate::types::{MailboxState, MboxName, Text, UserId};

/// A file name that no script can have, because names of scripts cannot contain `/`
/// (`sievedir_valid_name` in `imap/sievedir.c`).
const NOBODYS: &str = "no/script.script";

/// The result of moving the scripts of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// The scripts were moved to the mailbox.
    Yes,
    /// Nothing was moved because this is a dry run.
    Planned,
    /// The scripts are still in the directory.
    No,
}

/// Makes the master's own Cyrus move a user's scripts to the mailbox `sieve_mailbox`, which does
/// not exist yet. If Cyrus does not move the scripts, that is reported, but the function does not
/// fail, because scripts can also be sent from the directory. With `-O` nothing is moved.
pub(crate) fn move_scripts(
    pass: &mut Pass<'_>,
    user: &UserId,
    sieve_mailbox: &MboxName,
) -> Result<Moved> {
    let Some(master) = pass.master.as_deref_mut() else { return Ok(Moved::No) };
    if pass.settings.no_copyback || !master.moves_scripts()? {
        return Ok(Moved::No);
    }
    let inbox = pass.names.inbox(user);
    let state = match pass.store.open(&inbox) {
        Ok(mailbox) => mailbox.state().clone(),
        Err(error) if inbox::is_missing(&error) => return Ok(Moved::No),
        Err(error) => return Err(error),
    };
    let asked = ask(master, &state, user);
    // Cyrus may have moved the scripts even if its reply was lost. If this cannot be read, log one
    // entry too many.
    let moved = is_there(pass, sieve_mailbox);
    if *moved.as_ref().unwrap_or(&true)
        && let Some(master) = pass.master.as_deref_mut()
    {
        // A replication server does not write this change to the sync logs, so log it for other
        // channels.
        master.changed(sieve_mailbox)?;
    }
    let refusal = match asked {
        Err(error) if error.kind() == Kind::Cancelled => return Err(error),
        Err(error) => Some(error),
        Ok(_) if moved? => {
            pass.report(Step::MasterScripts { user: user.clone() });
            return Ok(Moved::Yes);
        }
        Ok(refusal) => refusal,
    };
    let Some(error) = refusal else {
        pass.report(Step::MasterScripts { user: user.clone() });
        return Ok(Moved::Planned);
    };
    if let Some(master) = pass.master.as_deref_mut() {
        master.scripts_stay();
    }
    pass.report(SyncEvent::ScriptsStay { user: user.clone(), error });
    Ok(Moved::No)
}

fn is_there(pass: &Pass<'_>, mailbox: &MboxName) -> Result<bool> {
    Ok(pass.store.lookup(mailbox)?.is_some_and(|entry| !entry.mbtype.is_deleted()))
}

/// Sends the command to the master's own server. If the server does not reply, sends it once more
/// to a new server, because the old one may have ended meanwhile. Returns the refusal, or `None` if
/// the command was not refused.
fn ask(master: &mut dyn Master, inbox: &MailboxState, user: &UserId) -> Result<Option<Error>> {
    let mut answer = ask_once(master.server(inbox)?, user);
    if answer.as_ref().is_err_and(|error| error.kind() != Kind::Cancelled) {
        master.broken();
        answer = ask_once(master.server(inbox)?, user);
    }
    answer.inspect_err(|_| master.broken())
}

fn ask_once(server: &mut dyn Replica, user: &UserId) -> Result<Option<Error>> {
    let ticket = server.submit(Command::UnSieve(user, &Text::from(NOBODYS)))?;
    match server.wait(ticket) {
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), Kind::OwnServer | Kind::Cancelled) => Err(error),
        Err(error) => Ok(Some(error)),
    }
}
