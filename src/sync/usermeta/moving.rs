//! Moves scripts from the master's sieve directory, where all versions before Cyrus 3.6 kept them,
//! to the user's `#sieve` mailbox. The master's own Cyrus does this. After that the mailbox is
//! replicated like any other.
//!
//! Cyrus moves them whenever it opens a user's scripts (`sieve_ensure_folder` in
//! `imap/sieve_db.c`), for example when the user logs in to ManageSieve. Its replication client
//! does it for every user that it replicates (`do_user_main` in `imap/sync_support.c`). In a
//! replication server, the commands that change scripts do it. The command that is sent here
//! changes nothing: it deletes a script with an impossible name, and is refused after the scripts
//! were moved (`sync_sieve_delete`). Never send `GET USER` instead: it deletes scripts from the
//! directory that are in no mailbox (`sync_get_user`).

use super::inbox;
use crate::error::{Error, Kind, Result};
use crate::events::{Step, SyncEvent};
use crate::protocol::Command;
use crate::replica::Replica;
use crate::sync::master::Master;
use crate::sync::pass::Pass;
use crate::types::{MailboxState, MboxName, Text, UserId};

/// The file of a script that nobody can have, because names of scripts cannot contain `/`
/// (`sievedir_valid_name` in `imap/sievedir.c`).
const NOBODYS: &str = "no/script.script";

/// The result of moving the scripts of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// The scripts are in the mailbox now.
    Yes,
    /// The scripts would be moved, but this is a dry run.
    Planned,
    /// The scripts are still in the directory.
    No,
}

/// Makes the master's own Cyrus move a user's scripts to the mailbox `sieve_mailbox`, which does
/// not exist yet. If Cyrus does not move them, this is reported, but it is no failure, because
/// scripts can also be sent from the directory. With `-O` the master is not changed.
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
    let refusal = match ask(master, &state, user) {
        Err(error) if error.kind() == Kind::Cancelled => return Err(error),
        Err(error) => Some(error),
        Ok(_) if is_there(pass, sieve_mailbox)? => {
            // Cyrus does not log this change for other channels, because it comes from replication.
            if let Some(master) = pass.master.as_deref_mut() {
                master.changed(sieve_mailbox)?;
            }
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

/// Asks the master's own server to move the scripts. If the server does not answer, asks a new one,
/// because the old one may have been running for a while. Returns the refusal, or `None` if there
/// was none.
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
