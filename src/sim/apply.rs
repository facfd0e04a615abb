//! Carries out `APPLY` commands for [`Server`](super::server::Server), except those that change the
//! contents of a mailbox.

use std::sync::Arc;

use super::reply::{Done, No, text};
use super::spool::{Renamed, Script, Spool, annotate, inbox, is_deleted_name, is_within, owner};
use crate::dlist::{Kv, Value};
use crate::types::{MboxName, QUOTA_RESOURCES, Quota, Seen, Text, UniqueId, UserId};

/// Carries out `APPLY name value`.
pub(super) fn run(spool: &mut Spool, name: &[u8], value: &Value) -> Done {
    match name {
        b"UNMAILBOX" => unmailbox(spool, &MboxName::new(value.atom()?)),
        b"RENAME" => rename(spool, &value.kv()?),
        b"SUB" | b"UNSUB" => subscribe(spool, &value.kv()?, name == b"SUB"),
        b"SEEN" => seen(spool, &value.kv()?),
        b"QUOTA" => set_quota(spool, &value.kv()?),
        b"UNQUOTA" => {
            spool.remove_quota(&Text::new(value.atom()?));
            Ok(())
        }
        b"ANNOTATION" => {
            let kv = value.kv()?;
            let value = kv.atom("VALUE")?;
            set_annotation(spool, &kv, Some(value))
        }
        b"UNANNOTATION" => set_annotation(spool, &value.kv()?, None),
        b"SIEVE" | b"UNSIEVE" | b"ACTIVATE_SIEVE" | b"UNACTIVATE_SIEVE" => {
            sieve(spool, name, &value.kv()?)
        }
        b"UNUSER" => unuser(spool, &UserId::new(value.atom()?)),
        _ => Err(No::Protocol.into()),
    }
}

fn unmailbox(spool: &mut Spool, name: &MboxName) -> Done {
    spool.delete(name, true).ok_or(No::Nonexistent)?;
    Ok(())
}

fn rename(spool: &mut Spool, kv: &Kv<'_>) -> Done {
    let from = MboxName::new(kv.atom("OLDMBOXNAME")?);
    let to = MboxName::new(kv.atom("NEWMBOXNAME")?);
    let partition = Some(text(kv, "PARTITION")?);
    if spool.entries.get(&from).is_none_or(|entry| entry.mbtype.is_deleted()) {
        return Err(No::Nonexistent.into());
    }
    let is_inbox = |name: &MboxName| owner(name).is_some_and(|user| inbox(&user) == *name);
    if is_inbox(&from) && from != to && !is_inbox(&to) && !is_deleted_name(&to) {
        return Err(No::NotSupported.into());
    }
    let rename = Renamed { partition, silent: true, keep_intermediates: true };
    // Cyrus's server has no response code for an existing mailbox here.
    spool.rename(&from, &to, rename).ok_or(No::Unknown)?;
    Ok(())
}

fn subscribe(spool: &mut Spool, kv: &Kv<'_>, add: bool) -> Done {
    let name = MboxName::new(kv.atom("MBOXNAME")?);
    let account = spool.account_mut(&UserId::new(kv.atom("USERID")?));
    if add {
        account.subscriptions.insert(name);
    } else {
        account.subscriptions.remove(&name);
    }
    Ok(())
}

fn seen(spool: &mut Spool, kv: &Kv<'_>) -> Done {
    let seen = Seen {
        uniqueid: UniqueId::new(kv.atom("UNIQUEID")?),
        lastread: kv.date("LASTREAD")?,
        lastuid: kv.num32("LASTUID")?,
        lastchange: kv.date("LASTCHANGE")?,
        seenuids: text(kv, "SEENUIDS")?,
    };
    let account = spool.account_mut(&UserId::new(kv.atom("USERID")?));
    account.seen.insert(seen.uniqueid.clone(), seen);
    Ok(())
}

fn set_quota(spool: &mut Spool, kv: &Kv<'_>) -> Done {
    let mut limits = [None; QUOTA_RESOURCES.len()];
    limits[0] = kv.opt_num32("LIMIT")?.filter(|limit| *limit != u32::MAX).map(u64::from);
    for (limit, name) in limits.iter_mut().zip(QUOTA_RESOURCES) {
        *limit = kv.opt_num32(name)?.map(u64::from).or(*limit);
    }
    let modseq = kv.opt_num64("MODSEQ")?.unwrap_or(0);
    spool.set_quota(Quota { root: text(kv, "ROOT")?, limits, modseq });
    Ok(())
}

fn set_annotation(spool: &mut Spool, kv: &Kv<'_>, value: Option<&[u8]>) -> Done {
    let (entry, userid) = (text(kv, "ENTRY")?, text(kv, "USERID")?);
    let name = MboxName::new(kv.atom("MBOXNAME")?);
    let all = if name.is_empty() {
        &mut spool.annotations
    } else {
        &mut spool.folder_mut(&name).ok_or(No::Nonexistent)?.annotations
    };
    annotate(all, &entry, &userid, value);
    Ok(())
}

fn sieve(spool: &mut Spool, command: &[u8], kv: &Kv<'_>) -> Done {
    let user = UserId::new(kv.atom("USERID")?);
    if command == b"UNACTIVATE_SIEVE" {
        spool.account_mut(&user).active = None;
        return Ok(());
    }
    let file = text(kv, "FILENAME")?;
    if command == b"ACTIVATE_SIEVE" {
        let stem = file.as_bytes().len().checked_sub(b".bc".len()).ok_or(No::BadParameters)?;
        let name = Text::new(&file.as_bytes()[..stem]);
        let account = spool.account_mut(&user);
        // Cyrus's server has no response code for a missing script.
        account.scripts.get(&name).ok_or(No::Unknown)?;
        account.active = Some(name);
        return Ok(());
    }
    // A compiled script (`.bc`) is not stored.
    let Some(name) = file.as_bytes().strip_suffix(b".script") else { return Ok(()) };
    let name = Text::new(name);
    let account = spool.account_mut(&user);
    if command == b"SIEVE" {
        let content = Arc::from(kv.atom("CONTENT")?);
        account.scripts.insert(name, Script { content, last_update: kv.date("LAST_UPDATE")? });
        return Ok(());
    }
    account.scripts.remove(&name).ok_or(No::Unknown)?;
    account.active.take_if(|active| *active == name);
    Ok(())
}

fn unuser(spool: &mut Spool, user: &UserId) -> Done {
    let inbox = inbox(user);
    let lives = spool.entries.get(&inbox).is_some_and(|entry| !entry.mbtype.is_deleted());
    // The names are in reverse order, so the INBOX is deleted last.
    for name in spool.names_within(inbox.as_bytes()).into_iter().rev() {
        spool.delete(&name, true);
    }
    let roots: Vec<Text> = spool.quotas.keys().cloned().collect();
    for root in roots.iter().filter(|root| is_within(&MboxName::new(root), inbox.as_bytes())) {
        spool.remove_quota(root);
    }
    if lives {
        spool.remove_account(user);
    }
    Ok(())
}
