//! Replicates sieve scripts. If both sides store them in the `#sieve` mailbox, they are replicated
//! like any other mailbox. Otherwise scripts are sent by special commands (`sync_do_user_sieve`).
//! There are two such cases. Either the replica does not support `#sieve` mailboxes, or the master
//! still has scripts in a directory and its Cyrus did not [move them](super::moving). In the second
//! case the replica has a `#sieve` mailbox before the master has one.

use sha1::{Digest, Sha1};

use super::plan::{self, Step};
use crate::error::{Error, Kind, Result};
use crate::events;
use crate::format::script;
use crate::protocol::decode::FetchedMessage;
use crate::protocol::{Command, MailboxUpdate, RemoteFolder, Rename};
use crate::sync::clock::unix_time;
use crate::sync::pass::Pass;
use crate::sync::repair::bounds;
use crate::types::{
    Guid, MailboxEntry, MailboxHeader, MboxName, MboxType, SieveScript, SystemFlags, Text,
    UniqueId, UserId,
};

/// Plans the steps for the scripts of a user.
///
/// - `ours`: the master's scripts, or `None` if the master stores them in a mailbox.
/// - `reported`: the scripts in the replica's reply. The reply contains them only if `#sieve` mailboxes
///   are not replicated.
/// - `sieve_mailbox`: the name of the user's `#sieve` mailbox, if `#sieve` mailboxes are
///   replicated.
/// - `is_certain`: whether `ours` is certainly complete. If it is not, `ours` is empty and `#sieve`
///   mailboxes are replicated, there are no steps, and the replica's scripts stay.
pub(crate) fn sieve_steps(
    pass: &mut Pass<'_>,
    sieve_mailbox: Option<MboxName>,
    ours: Option<Vec<SieveScript>>,
    is_certain: bool,
    reported: &[SieveScript],
) -> Result<Vec<Step>> {
    let Some(ours) = ours else { return Ok(Vec::new()) };
    let Some(name) = sieve_mailbox else { return Ok(plan::sieve(&ours, reported)) };
    if ours.is_empty() && !is_certain {
        return Ok(Vec::new());
    }
    let theirs = stored_there(pass, &name)?.unwrap_or_default();
    Ok(plan::sieve(&ours, &theirs))
}

/// Returns whether nothing is lost if the master's `#sieve` mailbox replaces this one of the
/// replica, which has another uniqueid. This is the case if this client created it
/// ([`directory_steps`]), or if the master has every script in it.
pub(crate) fn is_expendable(
    pass: &mut Pass<'_>,
    user: &UserId,
    folder: &RemoteFolder,
) -> Result<bool> {
    let inbox = pass.store.lookup(&pass.names.inbox(user))?.filter(|it| !it.mbtype.is_deleted());
    if folder.last_uid == 0 || folder.uniqueid == derived_id(user, inbox.as_ref()) {
        return Ok(true);
    }
    let ours = pass.store.sieve_scripts(user)?;
    let theirs = scripts_in(pass, folder)?;
    let is_here = |script: &SieveScript| {
        ours.iter().any(|own| own.name == script.name && own.guid == script.guid)
    };
    Ok(theirs.iter().all(|script| script.active || is_here(script)))
}

/// Plans the deletion of the replica's scripts, for a user whose directory of scripts is empty.
/// Returns no steps if Cyrus has moved the scripts to the mailbox `name` since the directory was
/// read.
pub(crate) fn deletion_steps(pass: &mut Pass<'_>, name: &MboxName) -> Result<Vec<Step>> {
    if pass.store.lookup(name)?.is_some_and(|entry| !entry.mbtype.is_deleted()) {
        return Ok(Vec::new());
    }
    let theirs = stored_there(pass, name)?.unwrap_or_default();
    Ok(to_upload(pass, &[], &theirs))
}

/// Returns the scripts in a `#sieve` mailbox of the replica. Returns `None` if the replica does not
/// have the mailbox.
fn stored_there(pass: &mut Pass<'_>, name: &MboxName) -> Result<Option<Vec<SieveScript>>> {
    let is_it = |folder: &RemoteFolder| folder.mbtype.is_sieve();
    match pass.folders(std::slice::from_ref(name))?.into_iter().find(is_it) {
        // A mailbox with LAST_UID 0 never had a message.
        Some(folder) if folder.last_uid == 0 => Ok(Some(Vec::new())),
        Some(folder) => scripts_in(pass, &folder).map(Some),
        None => Ok(None),
    }
}

/// Plans the steps for scripts that the master has in a directory and the replica in a mailbox.
/// Creates the mailbox on the replica if it is missing.
pub(crate) fn directory_steps(
    pass: &mut Pass<'_>,
    user: &UserId,
    name: &MboxName,
    ours: &[SieveScript],
) -> Result<Vec<Step>> {
    let theirs = match stored_there(pass, name)? {
        Some(theirs) => theirs,
        None => make_mailbox(pass, user, name)?,
    };
    Ok(to_upload(pass, ours, &theirs))
}

/// Returns the steps that make the replica's scripts equal to the master's, in a form that works
/// with the replica's version.
pub(crate) fn to_upload(
    pass: &Pass<'_>,
    ours: &[SieveScript],
    theirs: &[SieveScript],
) -> Vec<Step> {
    if pass.session.capabilities().empties_scripts {
        plan::sieve_by_deletion(ours, theirs)
    } else {
        plan::sieve(ours, theirs)
    }
}

/// Creates the mailbox for a user's scripts on the replica. If the replica has it under a former
/// name of the user, renames it instead. Returns the scripts in it.
///
/// A replica would create the mailbox by itself with the first script. But a replica of Cyrus 3.12
/// or later with `replicaonly` set would abort, because it may not assign a modseq
/// (`mboxname_assert_canadd` in `imap/mboxname.c`), and the client cannot see whether `replicaonly`
/// is set. The uniqueid is derived from the uniqueid of the INBOX. So this client finds the mailbox
/// again after a rename of the user, unlike a mailbox that the replica has created.
fn make_mailbox(pass: &mut Pass<'_>, user: &UserId, name: &MboxName) -> Result<Vec<SieveScript>> {
    let inbox = pass.store.lookup(&pass.names.inbox(user))?.filter(|it| !it.mbtype.is_deleted());
    let header = header(pass, user, name, inbox.as_ref());
    let ids = std::slice::from_ref(&header.uniqueid);
    let ticket = pass.session.submit(Command::GetUniqueIds(ids))?;
    let former = pass.folders_reply(ticket)?.into_iter().find(|it| it.uniqueid == header.uniqueid);
    if let Some(former) = former {
        let theirs = scripts_in(pass, &former)?;
        rename(pass, &former, name)?;
        return Ok(theirs);
    }
    let local_only = pass.settings.local_only;
    let (mailbox, messages, bytes) = (name.clone(), 0, 0);
    let why = events::Difference::Missing;
    pass.report(events::SyncEvent::Sending { mailbox: mailbox.clone(), why });
    pass.report(events::Step::Mailbox { mailbox, local: local_only, messages, bytes });
    let update = MailboxUpdate {
        local_only,
        header: &header,
        whole: true,
        annotations: &[],
        flags: &[],
        minor_version: 0,
        since: None,
        records: &[],
    };
    let ticket = pass.session.submit(Command::Mailbox(update))?;
    // The mailbox must exist before scripts are sent.
    pass.session.wait(ticket)?;
    Ok(Vec::new())
}

fn rename(pass: &mut Pass<'_>, former: &RemoteFolder, name: &MboxName) -> Result<()> {
    let (from, partition) = (&former.name, &former.partition);
    let local_only = pass.settings.local_only;
    pass.report(events::Step::Rename {
        from: from.clone(),
        to: name.clone(),
        partition: partition.clone(),
        local: local_only,
    });
    pass.forget(from);
    let rename = Rename { from, to: name, partition, uidvalidity: former.uidvalidity };
    let ticket = pass.session.submit(Command::Rename { rename, local_only })?;
    pass.session.wait(ticket).map(drop)
}

/// Makes the header of a new mailbox for scripts, like Cyrus does (`sieve_ensure_folder` in
/// `imap/sieve_db.c`), with the access rights of the INBOX.
fn header(
    pass: &Pass<'_>,
    user: &UserId,
    name: &MboxName,
    inbox: Option<&MailboxEntry>,
) -> MailboxHeader {
    let owners = || Text::from([user.as_bytes(), b"\tlrswipkxtecdan\t"].concat());
    let partition = inbox.map_or_else(|| "default".into(), |inbox| inbox.partition.clone());
    MailboxHeader {
        uniqueid: derived_id(user, inbox),
        name: name.clone(),
        mbtype: MboxType(MboxType::SIEVE),
        // If this were 0, the replica would assign the next modseq.
        highestmodseq: 1,
        createdmodseq: Some(1),
        foldermodseq: Some(1),
        uidvalidity: u32::try_from(unix_time()).unwrap_or(1),
        partition: pass.partition(&partition),
        acl: inbox.map_or_else(owners, |inbox| inbox.acl.clone()),
        ..MailboxHeader::default()
    }
}

fn derived_id(user: &UserId, inbox: Option<&MailboxEntry>) -> UniqueId {
    uniqueid(inbox.map_or(user.as_bytes(), |inbox| inbox.uniqueid.as_bytes()))
}

/// Derives the uniqueid of the mailbox for scripts from the uniqueid of the INBOX, in Cyrus's
/// format (`makeuuid`).
fn uniqueid(inbox: &[u8]) -> UniqueId {
    let hash = Sha1::new().chain_update(b"cyrsync #sieve ").chain_update(inbox).finalize();
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let mut parts = Vec::new();
    let mut rest = hex.as_str();
    for length in [8, 4, 4, 4, 12] {
        let (part, others) = rest.split_at_checked(length).unwrap_or((rest, ""));
        parts.push(part);
        rest = others;
    }
    UniqueId::new(parts.join("-").as_bytes())
}

/// Reads the scripts in a `#sieve` mailbox of the replica from its messages.
fn scripts_in(pass: &mut Pass<'_>, folder: &RemoteFolder) -> Result<Vec<SieveScript>> {
    let name = &folder.name;
    let ticket = pass.session.submit(Command::GetFullMailbox(name.into()))?;
    let messages = bounds::all_records(pass.session.wait(ticket)?)?;
    let mut asked = Vec::new();
    for record in messages.iter().map(|m| &m.record).filter(|r| !r.is_expunged()) {
        let fetch = folder.fetch(record.uid, record.guid, None);
        let ticket = pass.session.submit(Command::Fetch(fetch))?;
        asked.push((record, ticket));
    }
    let mut scripts: Vec<SieveScript> = Vec::new();
    pass.each_reply(asked, |_, record, reply| {
        let subject = || format!("uid {} of {name} on the replica", record.uid);
        let bad = |what: String| {
            Error::new(Kind::Protocol, "read sieve script", subject(), what)
                .with_hint("expunge the message on the replica: only sieve scripts belong there")
        };
        let Some(FetchedMessage::Memory(bytes)) = reply?.into_message() else {
            return Err(bad("the reply contains no file".into()));
        };
        let script = script::parse(&bytes).map_err(|malformed| bad(malformed.to_string()))?;
        let with = |extension: &str| Text::from([&script.name, extension.as_bytes()].concat());
        // While Cyrus replaces a script, the mailbox has both messages: the new one is appended
        // before the old one is expunged. Use the later message.
        scripts.retain(|s| s.name != with(".script") && s.name != with(".bc"));
        scripts.push(SieveScript {
            name: with(".script"),
            last_update: 0,
            guid: Guid(Sha1::digest(script.content).into()),
            active: false,
        });
        if record.system_flags.has(SystemFlags::FLAGGED) {
            let (name, guid) = (with(".bc"), Guid::default());
            scripts.push(SieveScript { name, last_update: 0, guid, active: true });
        }
        Ok(())
    })?;
    Ok(scripts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uniqueid_looks_like_one_of_cyrus_and_stays() {
        let id = uniqueid(b"6d9a8a2c-1f0e-4d6b-9a6f-0123456789ab");
        assert_eq!(id, uniqueid(b"6d9a8a2c-1f0e-4d6b-9a6f-0123456789ab"));
        assert_ne!(id, uniqueid(b"6d9a8a2c-1f0e-4d6b-9a6f-0123456789ac"));
        let lengths: Vec<usize> = id.to_string().split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
    }
}
