//! Implements [`Store`] with the functions of a host.

use std::ffi::c_void;
use std::ops::ControlFlow;
use std::ptr;
use std::sync::Arc;

use super::super::failure::cyrsync_failure;
use super::super::strings::cyrsync_str;
use super::emitted::Emitted;
use super::given::bytes;
use super::glue::{Sink, answer, call, emit, emit_str, go_on, lend};
use super::mailbox::OpenMailbox;
use super::read::{annotation, listed};
use super::structs::*;
use super::table::Table;
use crate::error::{Error, Kind, Result};
use crate::limits::SIEVE_SCRIPT_BYTES;
use crate::store::{Lock, Mailbox, Store, UserTree, Wait};
use crate::types::{
    Annotation, Guid, MailboxEntry, MboxName, Modseq, Quota, Seen, SieveScript, Text, UniqueId,
    UserId,
};

/// A [`Store`] that passes on the host's data. [`Checked`](crate::store::Checked) checks whether
/// the data is possible.
pub(super) struct Hosted {
    pub(super) table: Arc<Table>,
    /// How long to wait for the lock of a mailbox.
    pub(super) wait: Wait,
}

impl Hosted {
    fn entry(
        &self,
        op: &'static str,
        subject: &dyn std::fmt::Display,
        call: impl FnOnce(
            &mut dyn FnMut(cyrsync_mailbox_entry) -> Result<ControlFlow<()>>,
        ) -> Result<()>,
    ) -> Result<Option<MailboxEntry>> {
        let mut found = None;
        call(&mut |entry| {
            if found.replace(listed(&entry)??).is_some() {
                return Err(more_than_one(op, subject));
            }
            go_on()
        })?;
        Ok(found)
    }
}

fn more_than_one(op: &'static str, subject: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Host, op, subject.to_string(), "the host gave more than one item")
}

impl Store for Hosted {
    fn list_bytes(&self) -> u64 {
        let Some(list_bytes) = self.table.functions().list_bytes else { return 0 };
        // SAFETY: the argument is as the header describes it.
        unsafe { list_bytes(self.table.userdata()) }
    }

    fn lookup(&self, name: &MboxName) -> Result<Option<MailboxEntry>> {
        const OP: &str = "look up mailbox";
        self.entry(OP, name, |take| {
            call!(self.table, OP, name, lookup(lend(name)) => emit::<cyrsync_mailbox_entry>,
                |entry| take(entry))
        })
    }

    fn lookup_by_id(&self, id: &UniqueId) -> Result<Option<MailboxEntry>> {
        const OP: &str = "look up uniqueid";
        self.entry(OP, id, |take| {
            call!(self.table, OP, id, lookup_by_id(lend(id)) => emit::<cyrsync_mailbox_entry>,
                |entry| take(entry))
        })
    }

    fn user_tree(&self, user: &UserId) -> Result<UserTree> {
        const OP: &str = "list mailboxes of user";
        let (mut tree, mut emitted) = (UserTree::default(), Emitted::default());
        call!(self.table, OP, user, list_user(lend(user)) => emit::<cyrsync_mailbox_entry>,
        |entry| {
            let listed = listed(&entry)?;
            let bytes = listed.as_ref().map_or(0, |entry| entry.name.as_bytes().len());
            emitted.count(bytes, OP, user)?;
            match listed {
                Ok(entry) => tree.entries.push(entry),
                Err(error) => tree.unreadable.push(error),
            }
            go_on()
        })?;
        Ok(tree)
    }

    fn each_mailbox(
        &self,
        prefix: &[u8],
        visit: &mut dyn FnMut(MailboxEntry) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let subject = String::from_utf8_lossy(prefix);
        let mut unreadable = None;
        call!(self.table, "list mailboxes", &subject,
        list(lend(&prefix)) => emit::<cyrsync_mailbox_entry>,
        |entry| match listed(&entry)? {
            Ok(entry) => visit(entry),
            Err(error) => {
                unreadable.get_or_insert(error);
                go_on()
            }
        })?;
        unreadable.map_or(Ok(()), Err)
    }

    fn sync_lock(&self, server: &str, user: Option<&UserId>, wait: Wait) -> Result<Box<dyn Lock>> {
        let userid = user.map_or(cyrsync_str::lend(b""), lend);
        let subject = user.map_or("shared mailboxes".to_owned(), |user| format!("user {user}"));
        let mut lock = ptr::null_mut();
        call!(
            self.table,
            "lock",
            &subject,
            sync_lock(lend(&server), userid, wait_ms(wait), &mut lock)
        )?;
        Ok(Box::new(Held { table: self.table.clone(), lock }))
    }

    fn open<'s>(&'s self, name: &MboxName) -> Result<Box<dyn Mailbox + 's>> {
        let mut mailbox = ptr::null_mut();
        call!(
            self.table,
            "open mailbox",
            name,
            open(lend(name), wait_ms(self.wait), &mut mailbox)
        )?;
        Ok(Box::new(OpenMailbox::new(&self.table, mailbox, name)?))
    }

    fn annotations(&self, mailbox: Option<&MboxName>) -> Result<Vec<Annotation>> {
        const OP: &str = "read annotations of";
        let (mut all, mut emitted) = (Vec::new(), Emitted::default());
        let name = mailbox.map_or(cyrsync_str::lend(b""), lend);
        let subject = mailbox.map_or("the server".to_owned(), ToString::to_string);
        call!(self.table, OP, &subject, annotations(name) => emit::<cyrsync_annotation>, |one| {
            let one = annotation(&one)?;
            emitted.annotation(&one, OP, &subject)?;
            all.push(one);
            go_on()
        })?;
        Ok(all)
    }

    fn subscriptions(&self, user: &UserId) -> Result<Vec<MboxName>> {
        const OP: &str = "read subscriptions of";
        let (mut all, mut emitted) = (Vec::new(), Emitted::default());
        call!(self.table, OP, user, subscriptions(lend(user)) => emit_str, |name: cyrsync_str| {
            emitted.count(name.len, OP, user)?;
            all.push(MboxName::new(bytes(name, "name")?));
            go_on()
        })?;
        Ok(all)
    }

    fn seen(&self, user: &UserId) -> Result<Vec<Seen>> {
        const OP: &str = "read seen state of";
        let (mut all, mut emitted) = (Vec::new(), Emitted::default());
        call!(self.table, OP, user, seen(lend(user)) => emit::<cyrsync_seen>,
        |seen: cyrsync_seen| {
            emitted.count(seen.uniqueid.len.saturating_add(seen.seenuids.len), OP, user)?;
            all.push(Seen {
                uniqueid: UniqueId::new(bytes(seen.uniqueid, "uniqueid")?),
                lastread: seen.lastread,
                lastuid: seen.lastuid,
                lastchange: seen.lastchange,
                seenuids: Text::new(bytes(seen.seenuids, "seenuids")?),
            });
            go_on()
        })?;
        Ok(all)
    }

    fn quota(&self, root: &Text) -> Result<Option<Quota>> {
        const OP: &str = "read quota root";
        let mut found = None;
        call!(self.table, OP, root, quota(lend(root)) => emit::<cyrsync_quota>,
        |quota: cyrsync_quota| {
            let read = Quota {
                root: Text::new(bytes(quota.root, "root")?),
                limits: quota.limits.map(|limit| u64::try_from(limit).ok()),
                modseq: quota.modseq,
            };
            if found.replace(read).is_some() {
                return Err(more_than_one(OP, root));
            }
            go_on()
        })?;
        Ok(found)
    }

    fn sieve_scripts(&self, user: &UserId) -> Result<Vec<SieveScript>> {
        const OP: &str = "list sieve scripts of";
        let (mut all, mut emitted) = (Vec::new(), Emitted::default());
        call!(self.table, OP, user, sieve_scripts(lend(user)) => emit::<cyrsync_sieve>,
        |script: cyrsync_sieve| {
            emitted.count(script.name.len, OP, user)?;
            all.push(SieveScript {
                name: Text::new(bytes(script.name, "name")?),
                last_update: script.last_update,
                guid: Guid(script.guid),
                active: script.active != 0,
            });
            go_on()
        })?;
        Ok(all)
    }

    fn sieve_content(&self, user: &UserId, name: &Text) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        let subject = format!("{name} of {user}");
        call!(self.table, "read sieve script", &subject,
        sieve_content(lend(user), lend(name)) => emit_str, |piece| {
            content.extend_from_slice(bytes(piece, "content")?);
            if content.len() as u64 > SIEVE_SCRIPT_BYTES {
                let detail = "the script is too large";
                return Err(Error::new(Kind::Corrupt, "read sieve script", &subject, detail));
            }
            go_on()
        })?;
        Ok(content)
    }

    fn used_modseq(&self, name: &MboxName) -> Result<Modseq> {
        let mut modseq = 0;
        call!(self.table, "read modseqs of", name, used_modseq(lend(name), &mut modseq))?;
        Ok(modseq)
    }

    fn raclmodseq(&self, name: &MboxName) -> Result<Modseq> {
        let mut modseq = 0;
        call!(self.table, "read modseqs of", name, raclmodseq(lend(name), &mut modseq))?;
        Ok(modseq)
    }
}

/// A sync lock of the host.
struct Held {
    table: Arc<Table>,
    lock: *mut c_void,
}

// SAFETY: the library only passes the pointer back to the host. A client holds no lock between
// calls, so a lock never moves to another thread together with its client.
unsafe impl Send for Held {}

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(unlock) = self.table.functions().sync_unlock {
            // SAFETY: the pointer came from the host's sync_lock function, and a drop happens only
            // once.
            unsafe { unlock(self.table.userdata(), self.lock) };
        }
    }
}

fn wait_ms(wait: Wait) -> i64 {
    match wait {
        Wait::Block => -1,
        Wait::For(time) => i64::try_from(time.as_millis()).unwrap_or(i64::MAX),
        Wait::Fail => 0,
    }
}
