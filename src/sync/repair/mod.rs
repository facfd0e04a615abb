//! Repairs mailboxes that both sides were written to (`mailbox_full_update` in Cyrus's
//! `imap/sync_support.c`): compares all records, brings the master to what both shall have through
//! [`Master`], then the replica by an update.
//!
//! Both writes say on which state they build. Who else writes meanwhile is not overruled: then it
//! all begins anew. Stopped at any point it leaves two valid mailboxes, and the next run goes on.

mod fetch;
pub mod fuse;
mod notices;
pub mod plan;
mod sides;

use std::path::Path;

use super::bounds::{self, Measure};
use super::contents::Work;
use super::ladder::{WITH_COPYBACK, check_identity};
use super::remote::RemoteFolder;
use super::snapshot::{Attempt, Entry, Since, Snapshot};
use super::upload::Base;
use super::{Syncer, TRIES, commands, unix_time};
use crate::error::{Error, Kind, Result};
use crate::limits::REPLY_RECORD_BYTES;
use crate::observe::{Level, Observer};
use crate::replica::{Replica, Reply, Verb};
use crate::types::{MailboxState, MboxName, MboxType, SyncCrcs, Text};
use fuse::Acts;
use plan::{Header, Knowledge, Message, Plan, Side};

/// The messages in the answer to `GET FULLMAILBOX`, by UID.
pub(super) fn all_of(reply: Reply) -> Result<Vec<Message>> {
    let (folder, side) = sides::of_replica(reply)?;
    folder.beyond.map_or(Ok(side.messages), |beyond| Err(bounds::too_big(&folder.name, &beyond)))
}

pub(super) use sides::file;

/// Writes to the master: what a repair changes there is done by Cyrus itself.
pub trait Master {
    /// The replication server of the master's own Cyrus, or who acts for it, to write to a mailbox in
    /// this state.
    ///
    /// # Errors
    /// If there is none, or if it is of another version than the mailbox.
    fn server(&mut self, mailbox: &MailboxState) -> Result<&mut dyn Replica>;

    /// Notes for other replicas that a mailbox has changed.
    fn changed(&mut self, name: &MboxName) -> Result<()>;

    /// The server did not do as it should: the next time there shall be another one.
    fn broken(&mut self);
}

impl Syncer<'_> {
    /// Makes both sides of a mailbox the same.
    pub(super) fn repair(&mut self, work: &Work) -> Result<()> {
        let mut last = None;
        for _ in 0..TRIES {
            match self.repair_once(work) {
                Err(error) if matches!(error.kind(), Kind::Changed | Kind::ReplicaChanged) => {
                    self.log(Level::Notice, format!("comparing once more: {error}"));
                    last = Some(error);
                }
                other => return other,
            }
        }
        Err(last.unwrap_or_else(|| {
            let name = work.entry.name.to_string();
            Error::new(Kind::Changed, "repair mailbox", name, "it does not rest")
        }))
    }

    fn repair_once(&mut self, work: &Work) -> Result<()> {
        let name = &work.entry.name;
        self.action_on(name, format!("FULLMAILBOX {name}"));
        if let Ok(mailbox) = self.store.open(name) {
            let records = u64::from(mailbox.state().num_records);
            self.replica.expect(records.saturating_mul(REPLY_RECORD_BYTES));
        }
        let ticket =
            self.replica.submit(Verb::Get, &mut |w| commands::named(w, "FULLMAILBOX", name))?;
        let (remote, theirs) = sides::of_replica(self.replica.wait(ticket)?)
            .map_err(|error| of_answer(name, error))?;
        let mut mailbox = match self.store.open(name) {
            Ok(mailbox) => mailbox,
            Err(error) if error.kind() == Kind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        check_identity(mailbox.as_ref(), &work.entry)?;
        if remote.name != *name || remote.uniqueid != mailbox.state().uniqueid {
            let detail = format!("the replica tells of {} ({})", remote.name, remote.uniqueid);
            return Err(Error::new(Kind::ReplicaMoved, "repair mailbox", name.to_string(), detail)
                .hint("was it renamed or made anew on the replica meanwhile?"));
        }
        let ours = sides::of_master(mailbox.as_mut())?;
        let state = mailbox.state().clone();
        let doubt = mailbox.doubt();
        drop(mailbox);
        let doubt = doubt.or(self.shared_id(&work.entry)?);
        let known = Knowledge {
            deletedmodseq: state.deletedmodseq,
            used_modseq: self.store.used_modseq(name)?,
            now: unix_time(),
        };
        let measure = Measure { here: &state, used_modseq: known.used_modseq, now: known.now };
        measure.check_all(&remote, &ours, &theirs)?;
        let mut plan = plan::plan(name, &ours, &theirs, known)?;
        if plan.writes_master && !self.settings.no_copyback {
            bounds::check_fetched(name, &plan.fetch)?;
            self.refuse_harm(&state, &ours, &plan)?;
        }
        for (level, line) in &plan.notices {
            self.log(*level, line);
            self.action_on(name, line);
        }
        if self.settings.no_copyback {
            self.leave_master(name, &state, &mut plan)?;
        } else if plan.writes_master {
            if let Some(doubt) = doubt {
                // An index of another mailbox, say: its messages are none of this one's.
                return Err(Error::new(Kind::Corrupt, "repair mailbox", name.to_string(), doubt)
                    .hint("reconstruct the mailbox, then try again"));
            }
            self.write_master(&state, &remote, &plan)?;
        }
        self.update_repaired(work, &remote, &plan.expunge)
    }

    /// Fails if the plan would do to the master what a person should agree to first.
    fn refuse_harm(&self, state: &MailboxState, ours: &Side, plan: &Plan) -> Result<()> {
        let by_name = self.names.is_sieve(&state.name).then_some(MboxType::SIEVE);
        let acts = Acts::of(by_name.map_or(state.mbtype, MboxType));
        let harm = self.settings.fuse.refuses(acts, ours, plan);
        if harm.is_empty() {
            return Ok(());
        }
        let name = &state.name;
        let what: Vec<String> = harm.iter().map(|harm| harm.what.clone()).collect();
        let words: Vec<&str> = harm.iter().map(|harm| harm.word).collect();
        let (what, words) = (what.join(" and "), words.join(","));
        let detail = format!(
            "to be like the replica it would have to {what} on this server; nothing was changed"
        );
        let external = self.names.to_external(name).unwrap_or_else(|| Text::new(name.as_bytes()));
        let channel = self.settings.channel.as_ref().map(|channel| format!("-n {channel} "));
        let channel = channel.unwrap_or_default();
        let hint = format!(
            "look at both sides; if that is right, allow it once: \
             sync_client {channel}--allow-repair={words} -m '{external}'"
        );
        Err(Error::new(Kind::NeedsFullSync, "repair mailbox", name.to_string(), detail).hint(hint))
    }

    /// With `-O` the replica is forced to what the master has, if that is all it takes.
    fn leave_master(&self, name: &MboxName, state: &MailboxState, plan: &mut Plan) -> Result<()> {
        if let Some(message) = plan.master.first() {
            let detail = format!(
                "{} records would have to be changed here, the first of them uid {}",
                plan.master.len(),
                message.record.uid
            );
            return Err(Error::new(
                Kind::NeedsFullSync,
                "update mailbox",
                name.to_string(),
                detail,
            )
            .hint(WITH_COPYBACK));
        }
        for message in &mut plan.expunge {
            message.record.modseq = state.highestmodseq.max(message.record.modseq);
        }
        Ok(())
    }

    /// Brings the master to what both shall have.
    fn write_master(
        &mut self,
        state: &MailboxState,
        remote: &RemoteFolder,
        plan: &Plan,
    ) -> Result<()> {
        let name = &state.name;
        let Some(master) = self.master.as_mut() else {
            let detail = "the master would have to be changed, and there is no way to do that";
            return Err(Error::new(
                Kind::NeedsFullSync,
                "repair mailbox",
                name.to_string(),
                detail,
            )
            .hint("run Cyrus's own sync_client on this mailbox once"));
        };
        let work = Through { state, remote, plan, scratch: &self.settings.scratch };
        let result = write_through(self.replica, &mut **master, &work, self.observer);
        match result {
            Ok(()) => master.changed(name),
            Err(error) => {
                // What it has staged is of no use to the next attempt.
                master.broken();
                if !matches!(error.kind(), Kind::Changed | Kind::ReplicaChanged) {
                    let line = "SYNCNOTICE: failed to prepare update";
                    self.log(Level::Error, format!("{line}: mailbox=<{name}> error=<{error}>"));
                }
                Err(error)
            }
        }
    }

    /// The update after the master has what both shall have; it builds on what was compared.
    fn update_repaired(
        &mut self,
        work: &Work,
        remote: &RemoteFolder,
        expunge: &[Message],
    ) -> Result<()> {
        let name = &work.entry.name;
        let base =
            Base { entry: &work.entry, remote: Some(remote), attempt: Attempt::Repaired, expunge };
        self.send_alone(&base).map_err(|error| match error.kind() {
            Kind::ReplicaChecksum => Error::new(
                Kind::NeedsFullSync,
                "repair mailbox",
                name.to_string(),
                "the replica still differs after it was compared in full",
            )
            .hint("reconstruct the mailbox on both sides, then try again")
            .caused_by(error),
            _ => error,
        })
    }
}

/// What is wrong with the answer to `GET FULLMAILBOX`: that mailbox fails, and no other.
fn of_answer(name: &MboxName, error: Error) -> Error {
    let detail = format!("{} {}: {}", error.op(), error.subject(), error.detail());
    Error::new(Kind::Corrupt, "compare mailbox", name.to_string(), detail)
        .hint(error.hint_text().to_owned())
        .caused_by(error)
}

/// A plan that is carried out on the master.
struct Through<'t> {
    state: &'t MailboxState,
    remote: &'t RemoteFolder,
    plan: &'t Plan,
    /// Where long messages wait.
    scratch: &'t Path,
}

/// Fetches what the plan needs from the replica and writes it to the master.
fn write_through(
    replica: &mut dyn Replica,
    master: &mut dyn Master,
    work: &Through<'_>,
    observer: &dyn Observer,
) -> Result<()> {
    let Through { state, remote, plan, scratch } = work;
    let name = &state.name;
    // What cannot be is found out before anything is fetched.
    let snapshot = for_master(state, plan)?;
    let own = |error: Error| of_master(name, error);
    let server = master.server(state).map_err(own)?;
    if !plan.own.is_empty() {
        // Links them from the mailbox itself.
        let among = std::slice::from_ref(name);
        let ticket = server
            .submit(Verb::Apply, &mut |w| commands::reserve(w, &state.partition, among, &plan.own));
        let reply = server.wait(ticket.map_err(own)?).map_err(own)?;
        let missing = commands::missing(&reply).map_err(own)?;
        if let Some(guid) = missing.first() {
            let detail = format!("the message with GUID {guid} cannot be found");
            return Err(Error::new(Kind::Corrupt, "repair mailbox", name.to_string(), detail)
                .hint("reconstruct the mailbox"));
        }
    }
    let mut rest = plan.fetch.as_slice();
    while !rest.is_empty() {
        let fetched = fetch::fetch(replica, remote, scratch, &mut rest)?;
        fetch::upload(server, &state.partition, fetched).map_err(own)?;
    }
    observer.mailbox_action(name, &format!("MAILBOX {name} (on the master)"));
    let ticket = server
        .submit(Verb::Apply, &mut |w| commands::mailbox(w, "MAILBOX", &snapshot))
        .map_err(own)?;
    server.wait(ticket).map_err(own)?;
    let ticket = server.submit(Verb::Restart, &mut |_| Ok(())).map_err(own)?;
    server.wait(ticket).map(drop).map_err(own)
}

/// What the master's own server answered, told as such: a change meanwhile is one here, and nothing
/// that becomes of it concerns the replica.
fn of_master(name: &MboxName, error: Error) -> Error {
    let refused = error.is_refusal();
    let kind = match error.kind() {
        // Gone meanwhile is changed meanwhile.
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
    let detail = match refused {
        true => format!("this server's own Cyrus refused {}: {}", error.subject(), error.detail()),
        false => format!("{}: {}", error.subject(), error.detail()),
    };
    let hint = match (refused || error.is_connection(), error.hint_text()) {
        (false, hint) if !hint.is_empty() => hint.to_owned(),
        _ => "look into this server's log".to_owned(),
    };
    Error::new(kind, "change mailbox", name.to_string(), detail).hint(hint).caused_by(error)
}

fn for_master(state: &MailboxState, plan: &Plan) -> Result<Snapshot> {
    let mut merged = state.clone();
    let Header { last_uid, highestmodseq, uidvalidity, foldermodseq, .. } = plan.header;
    merged.last_uid = last_uid;
    merged.highestmodseq = highestmodseq;
    merged.uidvalidity = uidvalidity;
    merged.foldermodseq = foldermodseq;
    merged.xconvmodseq = state.xconvmodseq.map(|_| plan.header.xconvmodseq);
    merged.raclmodseq = plan.header.raclmodseq;
    let records = sides::entries(&plan.master, &mut merged)?;
    let since = Since { modseq: state.highestmodseq, crcs: state.stored_crcs };
    Ok(Snapshot {
        partition: state.partition.clone(),
        annotations: plan.annotations.clone(),
        // Not checked: they would be those of the state that is about to be made.
        crcs: SyncCrcs::UNKNOWN,
        partial: None,
        records,
        since: (since.modseq != 0).then_some(since),
        known_up_to: state.last_uid,
        replaces: Some(state.stored_crcs),
        stuck: None,
        state: merged,
    })
}

/// Puts records to expunge into an update, in the place of what the master has at their UIDs.
pub(super) fn insert(snapshot: &mut Snapshot, expunge: &[Message]) -> Result<()> {
    let mut added: Vec<Entry> = sides::entries(expunge, &mut snapshot.state)?;
    if let Some((partial, _)) = snapshot.partial {
        // What the master tells of a record is enough, and no record is above its state.
        let known = &snapshot.records;
        added.retain(|e| known.binary_search_by_key(&e.record.uid, |k| k.record.uid).is_err());
        added.iter_mut().for_each(|e| e.modseq = e.modseq.min(partial.highestmodseq));
        snapshot.records.append(&mut added);
        snapshot.records.sort_by_key(|entry| entry.record.uid);
        return Ok(());
    }
    let has = |uid| expunge.binary_search_by_key(&uid, |message| message.record.uid).is_ok();
    snapshot.records.retain(|entry| !has(entry.record.uid));
    snapshot.records.append(&mut added);
    snapshot.records.sort_by_key(|entry| entry.record.uid);
    Ok(())
}
