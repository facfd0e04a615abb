//! Scripts that the master keeps in a sieve directory, as all did before Cyrus 3.6: its own Cyrus
//! moves them into the user's `#sieve` mailbox, which is replicated like any other from then on.
//!
//! Cyrus does that whenever it opens the scripts of a user (`sieve_ensure_folder` in
//! `imap/sieve_db.c`), at a login of the user by ManageSieve, say; its replication client does it
//! for every user that it replicates (`do_user_main` in `imap/sync_support.c`). Of what a
//! replication server can be asked for, the commands that change scripts do it. The one that is
//! sent here changes none: it deletes a script of a name that no script can have, and is refused
//! once the scripts are moved (`sync_sieve_delete`). `GET USER` must never be sent in its place:
//! it deletes from the directory what is in no mailbox (`sync_get_user`).

use super::inbox;
use crate::error::{Error, Kind, Result};
use crate::events::{Step, SyncEvent};
use crate::protocol::Command;
use crate::replica::Replica;
use crate::sync::master::Master;
use crate::sync::pass::Pass;
use crate::types::{MailboxState, MboxName, Text, UserId};

/// The file of a script that nobody has: `/` is in no name of a script (`sievedir_valid_name` in
/// `imap/sievedir.c`).
const NOBODYS: &str = "no/script.script";

/// Where the scripts of a user are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// They are in the mailbox now.
    Yes,
    /// They would be, but nothing is changed.
    Planned,
    /// They stay in the directory.
    No,
}

/// Has the master's own Cyrus move a user's scripts into the mailbox `sieve_mailbox`, which is not
/// there yet. What keeps it from doing so is reported, and no failure: scripts can be sent from the
/// directory too. With `-O` the master is not changed.
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
            // Other channels do not learn of it from Cyrus, which takes it for replication.
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

/// Asks the master's own server, and another one if that does not answer any more: it may have been
/// started a while ago. Returns what was refused; nothing if nothing was.
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
