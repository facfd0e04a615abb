//! Reads the two sides of a comparison, from an open mailbox and from the reply to `GET
//! FULLMAILBOX`. Also converts messages to records for an update.

use std::collections::HashMap;

use super::plan::Side;
use crate::error::{Error, Kind, Result};
use crate::protocol::{RecordUpdate, RemoteFolder, RemoteRecord, Reply};
use crate::store::{Crcs, Mailbox, ReadMailbox as _};
use crate::types::{MboxName, Record, Text, Uid};

/// Reads the master's side from an open mailbox, while its index is locked.
pub(crate) fn of_master(mailbox: &mut dyn Mailbox) -> Result<Side> {
    let (names, minor_version) = (mailbox.state().flags.clone(), mailbox.state().minor_version);
    let mut records = Vec::new();
    mailbox.scan_all(Crcs::Stored, &mut |record| {
        let named = names.iter().enumerate().filter(|(bit, _)| record.has_user_flag(*bit));
        let flags = named.filter_map(|(_, name)| name.clone()).collect();
        let record = Record { user_flags: [0; 4], ..*record };
        records.push(RemoteRecord { record, flags, annotations: Vec::new() });
        Ok(())
    })?;
    let uids: Vec<Uid> = records.iter().map(|one| one.record.uid).collect();
    let mut annotations = mailbox.message_annotations(&uids)?;
    for one in &mut records {
        one.annotations = annotations.take(&one.record, minor_version);
    }
    let header = mailbox.state().header.clone();
    Ok(Side { header, annotations: mailbox.annotations()?, records })
}

/// Returns the mailbox without its records, and the replica's side.
pub(crate) fn of_replica(reply: Reply) -> Result<(RemoteFolder, Side)> {
    let (folder, records) = reply.into_full_mailbox()?;
    let (header, annotations) = (folder.header.clone(), folder.annotations.clone());
    Ok((folder, Side { header, annotations, records }))
}

/// Converts messages to records for an update, in which user flags are numbers. Adds new flag names
/// to `flags`.
pub(crate) fn updates(
    messages: &[RemoteRecord],
    name: &MboxName,
    flags: &mut Vec<Option<Text>>,
) -> Result<Vec<RecordUpdate>> {
    let mut bits: HashMap<Text, usize> = HashMap::new();
    for (bit, name) in flags.iter().enumerate() {
        bits.extend(name.clone().map(|name| (name, bit)));
    }
    let mut updates = Vec::with_capacity(messages.len());
    for message in messages {
        let mut record = message.record;
        for flag in &message.flags {
            let bit = match bits.get(flag) {
                Some(bit) => *bit,
                None => {
                    flags.push(Some(flag.clone()));
                    bits.insert(flag.clone(), flags.len() - 1);
                    flags.len() - 1
                }
            };
            let word = record.user_flags.get_mut(bit / 32).ok_or_else(|| {
                let detail = "both sides together have more user flags than a mailbox can have";
                Error::new(Kind::NeedsFullSync, "repair mailbox", name, detail)
                    .with_hint("remove flags that are not needed on one side")
            })?;
            *word |= 1 << (bit % 32);
        }
        let annotations = message.annotations.clone().into_boxed_slice();
        updates.push(RecordUpdate { record, modseq: record.modseq, annotations });
    }
    Ok(updates)
}
