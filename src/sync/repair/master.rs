//! Changes the master according to a plan: fetches the messages that it lacks, and sends one update
//! to its own replication server.

use std::path::Path;

use super::fetch;
use super::plan::Plan;
use super::sides;
use crate::error::{Error, Kind, Mark, Result};
use crate::events::{Observer, Step, SyncEvent};
use crate::protocol::{Command, RemoteFolder, Reserve, Since};
use crate::replica::Replica;
use crate::store::Store;
use crate::sync::master::Master;
use crate::sync::pass::Pass;
use crate::sync::survey::snapshot::Snapshot;
use crate::types::{MailboxEntry, MailboxState, MboxName, SyncCrcs};

/// Changes the master to the state that both sides must have.
pub(crate) fn write_master(
    pass: &mut Pass<'_>,
    state: &MailboxState,
    remote: &RemoteFolder,
    plan: &Plan,
) -> Result<()> {
    let name = &state.name;
    let Some(master) = pass.master.as_mut() else {
        let detail = "the master would have to be changed, and there is no way to do that";
        return Err(Error::new(Kind::NeedsFullSync, "repair mailbox", name, detail)
            .hint("run Cyrus's own sync_client on this mailbox once"));
    };
    let scratch = &pass.settings.temp_path;
    let work = Through { state, remote, plan, store: pass.store, scratch };
    let result = write_through(pass.session, &mut **master, &work, pass.observer);
    match result {
        Ok(()) => master.changed(name),
        Err(error) => {
            // The next attempt cannot use the server's staged files.
            master.broken();
            if !matches!(error.kind(), Kind::Changed | Kind::ReplicaChanged) {
                let mailbox = name.clone();
                pass.report(SyncEvent::MasterFailed { mailbox, error: error.clone() });
                return Err(error.marked(Mark::Reported));
            }
            Err(error)
        }
    }
}

/// A plan, with everything that is needed to carry it out on the master.
struct Through<'t> {
    state: &'t MailboxState,
    remote: &'t RemoteFolder,
    plan: &'t Plan,
    /// The master's data.
    store: &'t dyn Store,
    /// The directory for long messages.
    scratch: &'t Path,
}

/// Fetches the messages that the plan needs from the replica, and writes the plan to the master.
fn write_through(
    replica: &mut dyn Replica,
    master: &mut dyn Master,
    work: &Through<'_>,
    observer: &dyn Observer,
) -> Result<()> {
    let Through { state, remote, plan, store, scratch } = work;
    let name = &state.name;
    // Detect impossible changes before anything is fetched.
    let snapshot = for_master(state, plan)?;
    let own = |error: Error| of_master(name, error);
    let server = master.server(state).map_err(own)?;
    if !plan.own.is_empty() {
        // The server links these messages from the mailbox itself.
        let among = std::slice::from_ref(name);
        let reserve = Reserve { partition: &state.partition, among, guids: &plan.own };
        let ticket = server.submit(Command::Reserve(reserve));
        let reply = server.wait(ticket.map_err(own)?).map_err(own)?;
        let missing = reply.missing().map_err(own)?;
        if let Some(guid) = missing.first() {
            let detail = format!("the message with GUID {guid} cannot be found");
            return Err(Error::new(Kind::Corrupt, "repair mailbox", name, detail)
                .hint("reconstruct the mailbox"));
        }
    }
    let mut rest = plan.fetch.as_slice();
    while !rest.is_empty() {
        let fetched = fetch::fetch(replica, remote, scratch, &mut rest)?;
        fetch::upload(server, &state.partition, fetched).map_err(own)?;
    }
    // Staged files are on the mailbox's old partition, and the conditions of the update do not
    // include the partition. If the mailbox was moved, Cyrus would start the update and not find
    // the messages.
    in_place(*store, state)?;
    observer.event(&Step::MasterMailbox { mailbox: name.clone() }.into());
    let ticket = server.submit(Command::Mailbox(snapshot.update(false))).map_err(own)?;
    server.wait(ticket).map_err(own)?;
    let ticket = server.submit(Command::Restart).map_err(own)?;
    server.wait(ticket).map(drop).map_err(own)
}

/// Fails if the mailbox was moved since it was read.
pub(super) fn in_place(store: &dyn Store, state: &MailboxState) -> Result<()> {
    let is_same = |entry: &MailboxEntry| {
        let same_id = entry.uniqueid.is_empty() || entry.uniqueid == state.uniqueid;
        same_id && entry.partition == state.partition
    };
    if store.lookup(&state.name)?.as_ref().is_some_and(is_same) {
        return Ok(());
    }
    Err(Error::new(Kind::Changed, "repair mailbox", &state.name, "it was moved meanwhile"))
}

/// Translates an error of the master's own server: a concurrent change happened on the master, and
/// a lost connection is not one to the replica.
pub(super) fn of_master(name: &MboxName, error: Error) -> Error {
    let refused = error.is_refusal();
    let kind = match error.kind() {
        // A mailbox that was removed meanwhile also counts as changed.
        Kind::ReplicaChanged | Kind::ReplicaNoMailbox => Kind::Changed,
        Kind::ReplicaMoved => Kind::Moved,
        Kind::ReplicaLocked => Kind::Locked,
        Kind::Cancelled => Kind::Cancelled,
        _ if error.is_connection() => Kind::OwnServer,
        Kind::ReplicaNoUser
        | Kind::ReplicaNotSupported
        | Kind::ReplicaChecksum
        | Kind::ReplicaBadSieve
        | Kind::ReplicaProtocol
        | Kind::ReplicaBadParameters
        | Kind::ReplicaDenied => Kind::OwnServer,
        kind => kind,
    };
    let detail = if refused {
        format!("this server's own Cyrus refused {}: {}", error.subject(), error.detail())
    } else {
        format!("{}: {}", error.subject(), error.detail())
    };
    let hint = match (refused || error.is_connection(), error.hint_text()) {
        (false, hint) if !hint.is_empty() => hint.to_owned(),
        _ => "look into this server's log".to_owned(),
    };
    let told = Error::new(kind, "change mailbox", name, detail).hint(hint);
    match error.peer().cloned() {
        Some(peer) => told.with_peer(peer).caused_by(error),
        None => told.caused_by(error),
    }
}

fn for_master(state: &MailboxState, plan: &Plan) -> Result<Snapshot> {
    let mut header = plan.header.clone();
    // If the master has no conversations, do not send this value.
    header.xconvmodseq = state.xconvmodseq.and(header.xconvmodseq);
    // The groups are the master's own, and may have changed since.
    header.usergroups = None;
    // Send no CRCs: only the CRCs of the new state would be right, and they are not computed here.
    header.crcs = SyncCrcs::UNKNOWN;
    let mut flags = state.flags.clone();
    let records = sides::updates(&plan.master, &state.name, &mut flags)?;
    let since = Since { modseq: state.highestmodseq, crcs: state.crcs };
    Ok(Snapshot {
        header,
        whole: true,
        annotations: plan.annotations.clone(),
        flags,
        minor_version: state.minor_version,
        records,
        since: (since.modseq != 0).then_some(since),
        known_up_to: state.last_uid,
        replaces: Some(state.crcs),
        stuck: None,
    })
}
