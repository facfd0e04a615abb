//! Sieve scripts of users. Where both sides keep them in the `#sieve` mailbox that is replicated
//! like any other. Else they go by commands of their own (`sync_do_user_sieve`): where the replica
//! does not offer that, and where the master has them in a directory still and its Cyrus did not
//! [move them](super::moving). The replica then has a `#sieve` mailbox that the master does not
//! have, until it does.

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

/// What differs in the scripts of a user: `ours`, unless they are in a mailbox here. `told` are
/// those that the replica told of by itself, which it does only if `#sieve` mailboxes are not
/// replicated; if they are, `sieve_mailbox` is the name of this one.
pub(crate) fn sieve_steps(
    pass: &mut Pass<'_>,
    sieve_mailbox: Option<MboxName>,
    ours: Option<Vec<SieveScript>>,
    told: &[SieveScript],
) -> Result<Vec<Step>> {
    let Some(ours) = ours else { return Ok(Vec::new()) };
    let Some(name) = sieve_mailbox else { return Ok(plan::sieve(&ours, told)) };
    if ours.is_empty() {
        return Ok(Vec::new());
    }
    let there = pass.folders(&[name])?.into_iter().find(|r| r.mbtype.is_sieve());
    let theirs = there.map_or_else(|| Ok(Vec::new()), |folder| scripts_in(pass, &folder))?;
    Ok(plan::sieve(&ours, &theirs))
}

/// What to do about scripts that the master has in a directory and the replica keeps in a mailbox,
/// which is made there if it is missing.
pub(crate) fn directory_steps(
    pass: &mut Pass<'_>,
    user: &UserId,
    name: &MboxName,
    ours: &[SieveScript],
) -> Result<Vec<Step>> {
    let is_it = |folder: &RemoteFolder| folder.mbtype.is_sieve();
    let theirs = match pass.folders(std::slice::from_ref(name))?.into_iter().find(is_it) {
        Some(folder) => scripts_in(pass, &folder)?,
        None => make_mailbox(pass, user, name)?,
    };
    Ok(plan::sieve(ours, &theirs))
}

/// Makes the mailbox for a user's scripts on the replica; or gives it its name, if it has that of
/// before a rename of the user. Returns the scripts in it.
///
/// A replica would make it by itself when it gets the first script. But one of Cyrus 3.12 or later
/// that has `replicaonly` set aborts then, for it may not give out a modseq
/// (`mboxname_assert_canadd` in `imap/mboxname.c`), and nothing that it says tells whether it has.
/// The uniqueid comes from that of the INBOX: so it is found again after a rename, by which a
/// replica loses sight of one that it has made.
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
    // No script may be sent before it is there.
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

/// The state of a new mailbox for scripts: as Cyrus makes it (`sieve_ensure_folder` in
/// `imap/sieve_db.c`), with the rights of the INBOX.
fn header(
    pass: &Pass<'_>,
    user: &UserId,
    name: &MboxName,
    inbox: Option<&MailboxEntry>,
) -> MailboxHeader {
    let owners = || Text::from([user.as_bytes(), b"\tlrswipkxtecdan\t"].concat());
    let id = inbox.map_or(user.as_bytes(), |inbox| inbox.uniqueid.as_bytes());
    let partition = inbox.map_or_else(|| "default".into(), |inbox| inbox.partition.clone());
    MailboxHeader {
        uniqueid: uniqueid(id),
        name: name.clone(),
        mbtype: MboxType(MboxType::SIEVE),
        // 0 would make the replica take the next one.
        highestmodseq: 1,
        createdmodseq: Some(1),
        foldermodseq: Some(1),
        uidvalidity: u32::try_from(unix_time()).unwrap_or(1),
        partition: pass.partition(&partition),
        acl: inbox.map_or_else(owners, |inbox| inbox.acl.clone()),
        ..MailboxHeader::default()
    }
}

/// The uniqueid of the mailbox for the scripts of the user whose INBOX has `inbox`, in the form of
/// those that Cyrus makes (`makeuuid`).
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

/// The scripts in a `#sieve` mailbox of the replica, read from its messages.
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
    for (record, ticket) in asked {
        let subject = || format!("uid {} of {name} on the replica", record.uid);
        let bad = |what: String| {
            Error::new(Kind::Protocol, "read sieve script", subject(), what)
                .hint("expunge the message there: only sieve scripts belong there")
        };
        let reply = pass.session.wait(ticket)?;
        let Some(FetchedMessage::Memory(bytes)) = reply.into_message() else {
            return Err(bad("the answer holds no file".into()));
        };
        let script = script::parse(&bytes).map_err(|malformed| bad(malformed.to_string()))?;
        let with = |extension: &str| Text::from([&script.name, extension.as_bytes()].concat());
        // A script is replaced by appending the new message before expunging the old one.
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
    }
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
