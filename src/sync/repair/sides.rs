//! The two sides of a comparison: from an open mailbox, and from the answer to `GET FULLMAILBOX`;
//! and records for the wire from messages.

use std::collections::{BTreeSet, HashMap};

use super::plan::{Header, Message, Side};
use crate::dlist::{Kv, Value};
use crate::error::{Error, Kind, Malformed, Result};
use crate::replica::Reply;
use crate::store::{Crcs, Mailbox};
use crate::sync::bounds::shown;
use crate::sync::remote::{self, Numbers, RemoteFolder};
use crate::sync::snapshot::Entry;
use crate::types::{Annotation, Guid, InternalFlags, MailboxState, Record, SystemFlags, Text, Uid};

/// What stands for a field of the record among the annotations of a message.
const VIRTUAL: &str = "/vendor/cmu/cyrus-imapd/";

const SYSTEM_FLAGS: [(u32, &str); 5] = [
    (SystemFlags::ANSWERED, "\\Answered"),
    (SystemFlags::FLAGGED, "\\Flagged"),
    (SystemFlags::DELETED, "\\Deleted"),
    (SystemFlags::DRAFT, "\\Draft"),
    (SystemFlags::SEEN, "\\Seen"),
];

/// The master's side, read under the index lock.
pub(super) fn of_master(mailbox: &mut dyn Mailbox) -> Result<Side> {
    let names = mailbox.state().flags.clone();
    let mut messages = Vec::new();
    mailbox.scan_all(Crcs::Stored, &mut |record| {
        let named = names.iter().enumerate().filter(|(bit, _)| record.has_user_flag(*bit));
        let flags = named.filter_map(|(_, name)| name.clone()).collect();
        let record = Record { user_flags: [0; 4], ..*record };
        messages.push(Message { record, flags, annotations: Vec::new() });
        Ok(())
    })?;
    let uids: Vec<Uid> = messages.iter().map(|message| message.record.uid).collect();
    let mut annotations = mailbox.message_annotations(&uids)?;
    for message in &mut messages {
        message.annotations = annotations.take(message.record.uid);
    }
    let state = mailbox.state();
    let header = Header {
        last_uid: state.last_uid,
        highestmodseq: state.highestmodseq,
        uidvalidity: state.uidvalidity,
        foldermodseq: state.foldermodseq,
        xconvmodseq: state.xconvmodseq.unwrap_or(0),
        raclmodseq: state.raclmodseq,
    };
    Ok(Side { header, annotations: mailbox.annotations()?, messages })
}

/// The replica's side, and the mailbox as an ordinary answer would tell it. A number of a record
/// that does not fit stands in [`RemoteFolder::beyond`].
pub(super) fn of_replica(reply: Reply) -> Result<(RemoteFolder, Side)> {
    let mut items = reply.items;
    let Some(item) = items.pop().filter(|_| items.is_empty()) else {
        let detail = "it does not hold one mailbox";
        return Err(Error::new(Kind::Protocol, "read reply to", "GET FULLMAILBOX", detail));
    };
    let parse = || {
        let mut messages = Vec::new();
        let mut beyond = None;
        // As values, the records of a big mailbox would not fit into memory.
        let (_, value) = item.parse_each("RECORD", &mut |record| {
            messages.push(message(&record.kv()?, &mut beyond)?);
            Ok(())
        })?;
        let kv = value.kv()?;
        kv.list("RECORD")?;
        messages.sort_by_key(|message: &Message| message.record.uid);
        let twice = |pair: &[Message]| matches!(pair, [a, b] if a.record.uid == b.record.uid);
        if beyond.is_none() && messages.windows(2).any(twice) {
            return Err(Malformed::new(0u64, "two records have one UID"));
        }
        let mut folder = RemoteFolder::from_kv(&kv)?;
        folder.beyond = folder.beyond.or(beyond);
        Ok((folder, messages))
    };
    let (folder, messages) = parse().map_err(|error| remote::bad_item(item.name(), &error))?;
    let header = Header {
        last_uid: folder.last_uid,
        highestmodseq: folder.highestmodseq,
        uidvalidity: folder.uidvalidity,
        foldermodseq: folder.foldermodseq.unwrap_or(0),
        xconvmodseq: folder.xconvmodseq.unwrap_or(0),
        raclmodseq: folder.raclmodseq.unwrap_or(0),
    };
    let side = Side { header, annotations: folder.annotations.clone(), messages };
    Ok((folder, side))
}

/// One of `RECORD (%(UID ...) ...)` (`parse_upload`).
fn message(kv: &Kv<'_>, beyond: &mut Option<String>) -> Result<Message, Malformed> {
    let mut numbers = Numbers::of(kv);
    let mut record = Record {
        uid: numbers.num32("UID")?,
        modseq: numbers.num64("MODSEQ")?,
        last_updated: numbers.date("LAST_UPDATED")?,
        internaldate: numbers.date("INTERNALDATE")?,
        size: numbers.num32("SIZE")?,
        guid: Guid::from_hex(kv.atom("GUID")?)
            .ok_or_else(|| Malformed::new(0u64, "GUID is not 40 hexadecimal digits"))?,
        ..Record::default()
    };
    if let Some(number) = numbers.beyond {
        beyond.get_or_insert_with(|| format!("for a message {number}"));
    }
    let mut flags = BTreeSet::new();
    for flag in kv.list("FLAGS")? {
        let flag = flag.atom()?;
        let system =
            SYSTEM_FLAGS.iter().find(|(_, name)| flag.eq_ignore_ascii_case(name.as_bytes()));
        match system {
            Some((bit, _)) => record.system_flags.0 |= bit,
            None if flag.eq_ignore_ascii_case(b"\\Expunged") => {
                record.internal_flags.0 |= InternalFlags::EXPUNGED;
            }
            None => drop(flags.insert(Text::new(flag))),
        }
    }
    let mut annotations = Vec::new();
    for item in kv.opt_list("ANNOTATIONS")?.unwrap_or_default() {
        let annotation = remote::annotation(&item.kv()?)?;
        match take_virtual(&mut record, &annotation) {
            Ok(true) => {}
            Ok(false) => annotations.push(annotation),
            Err(NoNumber) => {
                let (entry, value) = (&annotation.entry, shown(annotation.value.as_bytes()));
                let of = format!("for UID {} the {entry} {value}", record.uid);
                beyond.get_or_insert(of);
            }
        }
    }
    annotations.sort();
    Ok(Message { record, flags, annotations })
}

/// What stands for a field of the record is no number that fits into it.
struct NoNumber;

/// Takes what stands for a field of the record (`decode_annotations`).
fn take_virtual(record: &mut Record, annotation: &Annotation) -> Result<bool, NoNumber> {
    let Some(field) = annotation.entry.as_bytes().strip_prefix(VIRTUAL.as_bytes()) else {
        return Ok(false);
    };
    let number = |radix| {
        let text = std::str::from_utf8(annotation.value.as_bytes()).ok();
        text.and_then(|text| u64::from_str_radix(text.trim(), radix).ok()).ok_or(NoNumber)
    };
    match field {
        b"thrid" => record.cid = number(16)?,
        // Printed as unsigned, as all times are.
        b"savedate" => record.savedate = number(10)?.cast_signed(),
        b"createdmodseq" => record.createdmodseq = number(10)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The messages as records with numbered user flags; names that `state` does not have are added.
pub(super) fn entries(messages: &[Message], state: &mut MailboxState) -> Result<Vec<Entry>> {
    let mut bits: HashMap<Text, usize> = HashMap::new();
    for (bit, name) in state.flags.iter().enumerate() {
        bits.extend(name.clone().map(|name| (name, bit)));
    }
    let mut entries = Vec::with_capacity(messages.len());
    for message in messages {
        let mut record = message.record;
        for name in &message.flags {
            let bit = match bits.get(name) {
                Some(bit) => *bit,
                None => {
                    state.flags.push(Some(name.clone()));
                    bits.insert(name.clone(), state.flags.len() - 1);
                    state.flags.len() - 1
                }
            };
            let word = record.user_flags.get_mut(bit / 32).ok_or_else(|| {
                let detail = "both sides together have more user flags than a mailbox can";
                Error::new(Kind::NeedsFullSync, "repair mailbox", state.name.to_string(), detail)
                    .hint("remove flags that are not needed any more on one side")
            })?;
            *word |= 1 << (bit % 32);
        }
        let annotations = message.annotations.clone().into_boxed_slice();
        entries.push(Entry { record, modseq: record.modseq, annotations });
    }
    Ok(entries)
}

/// A file in an answer.
pub(in crate::sync) fn file(reply: Reply) -> Option<Box<[u8]>> {
    reply.items.into_iter().find_map(|item| match item.parse() {
        Ok((_, Value::File { bytes, .. })) => Some(bytes),
        _ => None,
    })
}
