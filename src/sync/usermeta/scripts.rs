//! Sieve scripts of users. Where both sides keep them in the `#sieve` mailbox that is replicated
//! like any other. Else they go by commands of their own (`sync_do_user_sieve`): where the replica
//! does not offer that, and where the master has them in a directory still, as all were before
//! Cyrus 3.6. Cyrus's client moves those into a mailbox first; we write nothing on the master.

use sha1::{Digest, Sha1};

use super::plan::{self, Step};
use crate::error::{Error, Kind, Result};
use crate::format::script;
use crate::protocol::decode::FetchedMessage;
use crate::protocol::{Command, RemoteFolder};
use crate::sync::pass::Pass;
use crate::sync::repair::bounds;
use crate::types::{Guid, MboxName, SieveScript, SystemFlags, Text};

/// What to do about the scripts of a user: `ours`, unless they are in a mailbox here. `told` are
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
