//! The replica's view, decoded from its replies (`sync_kl_parse` in `imap/sync_support.c`).

use super::bounds::shown;
use crate::dlist::{Kv, Value, Writer};
use crate::error::{Error, Kind, Malformed, Result};
use crate::replica::{Item, Reply};
use crate::types::{
    Annotation, Guid, MboxName, MboxType, Modseq, Options, QUOTA_RESOURCES, Quota, Seen,
    SieveScript, SyncCrcs, Text, Time, Uid, UniqueId,
};

/// A mailbox as the replica describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteFolder {
    /// uniqueid.
    pub uniqueid: UniqueId,
    /// Internal name.
    pub name: MboxName,
    /// Type bits that take part in replication.
    pub mbtype: MboxType,
    /// Partition; empty for intermediates.
    pub partition: Text,
    /// The quota root that applies to it, if any.
    pub quotaroot: Option<Text>,
    /// Access control list.
    pub acl: Text,
    /// Option bits.
    pub options: Options,
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// Highest UID ever given.
    pub last_uid: Uid,
    /// Highest modseq.
    pub highestmodseq: Modseq,
    /// Modseq at creation.
    pub createdmodseq: Modseq,
    /// Modseq of the folder entry; `None` if it has none, or the replica is too old to tell.
    pub foldermodseq: Option<Modseq>,
    /// Sync CRCs.
    pub crcs: SyncCrcs,
    /// Last UID the owner was told about.
    pub recentuid: Uid,
    /// When that was.
    pub recenttime: Time,
    /// Last append.
    pub last_appenddate: Time,
    /// Last POP3 login.
    pub pop3_last_login: Time,
    /// POP3 clients see messages from this time on.
    pub pop3_show_after: Time,
    /// Highest modseq of its conversations; `None` if it has none.
    pub xconvmodseq: Option<Modseq>,
    /// Modseq of the user's reverse ACLs; `None` if they are not used.
    pub raclmodseq: Option<Modseq>,
    /// The mailbox's own annotations, ordered.
    pub annotations: Vec<Annotation>,
    /// A number that does not fit into its field: name and value. The field has the highest.
    pub beyond: Option<String>,
}

impl RemoteFolder {
    /// What is read again by [`RemoteFolder::from_kv`]: the keys of Cyrus's own answers.
    pub fn write(&self, w: &mut Writer<'_>) -> Result<()> {
        w.open_kv()?;
        w.key("UNIQUEID")?.atom(self.uniqueid.as_bytes())?;
        w.key("MBOXNAME")?.atom(self.name.as_bytes())?;
        w.key("MBOXTYPE")?.atom(self.mbtype.to_wire().as_bytes())?;
        w.key("PARTITION")?.atom(self.partition.as_bytes())?;
        w.key("ACL")?.atom(self.acl.as_bytes())?;
        w.key("OPTIONS")?.atom(self.options.to_wire().as_bytes())?;
        if let Some(root) = &self.quotaroot {
            w.key("QUOTAROOT")?.atom(root.as_bytes())?;
        }
        let [basic, annot] = self.crcs.to_wire();
        for (key, number) in [
            ("UIDVALIDITY", self.uidvalidity.into()),
            ("LAST_UID", self.last_uid.into()),
            ("HIGHESTMODSEQ", self.highestmodseq),
            ("CREATEDMODSEQ", self.createdmodseq),
            ("SYNC_CRC", basic.into()),
            ("SYNC_CRC_ANNOT", annot.into()),
            ("RECENTUID", self.recentuid.into()),
        ] {
            w.key(key)?.num(number)?;
        }
        for (key, number) in [
            ("FOLDERMODSEQ", self.foldermodseq),
            ("XCONVMODSEQ", self.xconvmodseq),
            ("RACLMODSEQ", self.raclmodseq),
        ] {
            if let Some(number) = number {
                w.key(key)?.num(number)?;
            }
        }
        w.key("RECENTTIME")?.date(self.recenttime)?;
        w.key("LAST_APPENDDATE")?.date(self.last_appenddate)?;
        w.key("POP3_LAST_LOGIN")?.date(self.pop3_last_login)?;
        w.key("POP3_SHOW_AFTER")?.date(self.pop3_show_after)?;
        w.key("ANNOTATIONS")?.open_list()?;
        for annotation in &self.annotations {
            w.open_kv()?;
            w.key("ENTRY")?.atom(annotation.entry.as_bytes())?;
            w.key("USERID")?.atom(annotation.userid.as_bytes())?;
            w.key("MODSEQ")?.num(annotation.modseq)?;
            w.key("VALUE")?.atom(annotation.value.as_bytes())?;
            w.close()?;
        }
        w.close()?;
        w.close()
    }

    /// From the value of `* MAILBOX %(...)`.
    pub fn from_kv(kv: &Kv<'_>) -> Result<RemoteFolder, Malformed> {
        folder(kv)
    }
}

/// Everything that the replica has of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteUser {
    /// Mailboxes, deleted ones and intermediates included.
    pub folders: Vec<RemoteFolder>,
    /// Quota roots of these mailboxes.
    pub quotas: Vec<Quota>,
    /// Subscriptions.
    pub subscriptions: Vec<MboxName>,
    /// Seen state.
    pub seen: Vec<Seen>,
    /// Sieve scripts.
    pub sieve: Vec<SieveScript>,
}

impl RemoteUser {
    /// Whether there is anything beside mailboxes and quotas.
    pub fn has_metadata(&self) -> bool {
        !(self.subscriptions.is_empty() && self.seen.is_empty() && self.sieve.is_empty())
    }

    /// From the reply to `GET USER` or `GET META`.
    pub fn from_reply(reply: Reply) -> Result<RemoteUser> {
        let mut user = RemoteUser::default();
        // Each item is let go once it is read, and is in memory as a value only meanwhile.
        for item in reply.items {
            let (name, value) = item.parse().map_err(|e| bad_item(item.name(), &e))?;
            drop(item);
            user.take(&name, &value).map_err(|e| bad_item(&name, &e))?;
        }
        Ok(user)
    }

    fn take(&mut self, name: &[u8], value: &Value) -> Result<(), Malformed> {
        match name {
            b"MAILBOX" => self.folders.push(folder(&value.kv()?)?),
            b"QUOTA" => self.quotas.push(quota(&value.kv()?)?),
            b"SEEN" => self.seen.push(seen(&value.kv()?)?),
            b"SIEVE" => self.sieve.push(sieve(&value.kv()?)?),
            b"LSUB" => {
                for name in value.list()? {
                    self.subscriptions.push(MboxName::new(name.atom()?));
                }
            }
            _ => return Err(Malformed::new(0u64, "an item of this name was not asked for")),
        }
        Ok(())
    }
}

pub(super) fn bad_item(name: &[u8], error: &Malformed) -> Error {
    let name = String::from_utf8_lossy(name).into_owned();
    Error::new(Kind::Protocol, "read item of the replica's reply", name, error.what.to_string())
        .hint("is this a Cyrus replica of version 3.0 or later?")
}

/// The mailboxes of a reply to `GET MAILBOXES` or `GET UNIQUEIDS`.
pub fn folders_reply(reply: Reply) -> Result<Vec<RemoteFolder>> {
    Ok(RemoteUser::from_reply(reply)?.folders)
}

/// The quota of a reply to `GET QUOTA`; none if the replica has no such root.
pub fn quota_reply(reply: Reply) -> Result<Option<Quota>> {
    Ok(RemoteUser::from_reply(reply)?.quotas.into_iter().next())
}

/// The annotations of a reply to `GET ANNOTATION`, ordered.
pub fn annotations_reply(reply: Reply) -> Result<Vec<Annotation>> {
    let one = |item: Item| {
        let parsed = item.parse().and_then(|(_, value)| annotation(&value.kv()?));
        parsed.map_err(|e| bad_item(item.name(), &e))
    };
    let mut annotations: Vec<_> = reply.items.into_iter().map(one).collect::<Result<_>>()?;
    annotations.sort();
    Ok(annotations)
}

fn folder(kv: &Kv<'_>) -> Result<RemoteFolder, Malformed> {
    let mut annotations = Vec::new();
    if let Some(list) = kv.opt_list("ANNOTATIONS")? {
        for item in list {
            annotations.push(annotation(&item.kv()?)?);
        }
        annotations.sort();
        annotations
            .dedup_by(|a, b| (&a.entry, &a.userid, &a.value) == (&b.entry, &b.userid, &b.value));
    }
    let mut numbers = Numbers::of(kv);
    // Cyrus leaves out what is 0; some version might write it.
    let given = |told: Option<Modseq>| told.filter(|modseq| *modseq != 0);
    Ok(RemoteFolder {
        uniqueid: UniqueId::new(kv.atom("UNIQUEID")?),
        name: MboxName::new(kv.atom("MBOXNAME")?),
        mbtype: MboxType::from_wire(kv.opt_atom("MBOXTYPE")?.unwrap_or_default())
            .ok_or_else(|| Malformed::new(0u64, "MBOXTYPE is of a kind that is not known"))?,
        // NIL for intermediates.
        partition: Text::new(kv.opt_atom("PARTITION")?.unwrap_or_default()),
        quotaroot: kv.opt_atom("QUOTAROOT")?.map(Text::new),
        acl: Text::new(kv.opt_atom("ACL")?.unwrap_or_default()),
        options: Options::from_wire(kv.opt_atom("OPTIONS")?.unwrap_or_default()),
        uidvalidity: numbers.num32("UIDVALIDITY")?,
        last_uid: numbers.num32("LAST_UID")?,
        highestmodseq: numbers.num64("HIGHESTMODSEQ")?,
        createdmodseq: numbers.opt_num64("CREATEDMODSEQ")?.unwrap_or(0),
        foldermodseq: given(numbers.opt_num64("FOLDERMODSEQ")?),
        crcs: SyncCrcs::told(
            numbers.opt_num32("SYNC_CRC")?.unwrap_or(0),
            numbers.opt_num32("SYNC_CRC_ANNOT")?.unwrap_or(0),
        ),
        recentuid: numbers.num32("RECENTUID")?,
        recenttime: numbers.date("RECENTTIME")?,
        last_appenddate: numbers.opt_date("LAST_APPENDDATE")?.unwrap_or(0),
        pop3_last_login: numbers.date("POP3_LAST_LOGIN")?,
        pop3_show_after: numbers.opt_date("POP3_SHOW_AFTER")?.unwrap_or(0),
        xconvmodseq: given(numbers.opt_num64("XCONVMODSEQ")?),
        raclmodseq: given(numbers.opt_num64("RACLMODSEQ")?),
        annotations,
        beyond: numbers.beyond,
    })
}

/// Numbers of a key-value list. One that does not fit is noted and read as the highest, for it is
/// the mailbox that must fail then, and not all that the reply tells.
pub(super) struct Numbers<'k, 'v> {
    kv: &'k Kv<'v>,
    /// The first that does not fit: name and value.
    pub beyond: Option<String>,
}

impl<'k, 'v> Numbers<'k, 'v> {
    pub fn of(kv: &'k Kv<'v>) -> Numbers<'k, 'v> {
        Numbers { kv, beyond: None }
    }

    /// Notes a number that does not fit; any other complaint stays one.
    fn fit<T>(
        &mut self,
        key: &str,
        read: Result<T, Malformed>,
        highest: T,
    ) -> Result<T, Malformed> {
        let Err(error) = read else { return read };
        let digits = self.kv.opt_atom(key)?.unwrap_or_default();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(error);
        }
        self.beyond.get_or_insert_with(|| format!("{key} {}", shown(digits)));
        Ok(highest)
    }

    pub fn num32(&mut self, key: &str) -> Result<u32, Malformed> {
        self.fit(key, self.kv.num32(key), u32::MAX)
    }

    pub fn num64(&mut self, key: &str) -> Result<u64, Malformed> {
        self.fit(key, self.kv.num64(key), u64::MAX)
    }

    pub fn date(&mut self, key: &str) -> Result<Time, Malformed> {
        self.fit(key, self.kv.date(key), Time::MAX)
    }

    pub fn opt_num64(&mut self, key: &str) -> Result<Option<u64>, Malformed> {
        self.fit(key, self.kv.opt_num64(key), Some(u64::MAX))
    }

    pub fn opt_date(&mut self, key: &str) -> Result<Option<Time>, Malformed> {
        self.fit(key, self.kv.opt_date(key), Some(Time::MAX))
    }

    /// A number of 32 bits, if the key is there.
    pub fn opt_num32(&mut self, key: &str) -> Result<Option<u32>, Malformed> {
        self.fit(key, self.kv.opt_num32(key), Some(u32::MAX))
    }
}

pub(super) fn annotation(kv: &Kv<'_>) -> Result<Annotation, Malformed> {
    Ok(Annotation {
        entry: Text::new(kv.atom("ENTRY")?),
        userid: Text::new(kv.opt_atom("USERID")?.unwrap_or_default()),
        // One that does not fit is beyond all bounds as the highest is.
        modseq: Numbers::of(kv).opt_num64("MODSEQ")?.unwrap_or(0),
        value: Text::new(kv.opt_atom("VALUE")?.unwrap_or_default()),
    })
}

/// LIMIT is STORAGE in the words of old versions; its highest 32-bit value means unlimited
/// (`sync_decode_quota_limits`). One that does not fit is none of the master's, who sets its own.
fn quota(kv: &Kv<'_>) -> Result<Quota, Malformed> {
    let mut numbers = Numbers::of(kv);
    let mut limits = [None; QUOTA_RESOURCES.len()];
    limits[0] = numbers.opt_num32("LIMIT")?.filter(|n| *n != u32::MAX).map(u64::from);
    for (limit, name) in limits.iter_mut().zip(QUOTA_RESOURCES) {
        *limit = numbers.opt_num32(name)?.map(u64::from).or(*limit);
    }
    let modseq = numbers.opt_num64("MODSEQ")?.unwrap_or(0);
    if numbers.beyond.is_some() {
        limits = [Some(u64::MAX); QUOTA_RESOURCES.len()];
    }
    Ok(Quota { root: Text::new(kv.atom("ROOT")?), limits, modseq })
}

/// What does not fit becomes the highest number, which is none of the master's: it sets its own.
fn seen(kv: &Kv<'_>) -> Result<Seen, Malformed> {
    let mut numbers = Numbers::of(kv);
    Ok(Seen {
        uniqueid: UniqueId::new(kv.atom("UNIQUEID")?),
        lastread: numbers.date("LASTREAD")?,
        lastuid: numbers.num32("LASTUID")?,
        lastchange: numbers.date("LASTCHANGE")?,
        seenuids: Text::new(kv.atom("SEENUIDS")?),
    })
}

fn sieve(kv: &Kv<'_>) -> Result<SieveScript, Malformed> {
    let guid = kv.opt_atom("GUID")?.map_or(Some(Guid::default()), Guid::from_hex);
    Ok(SieveScript {
        name: Text::new(kv.atom("FILENAME")?),
        last_update: Numbers::of(kv).date("LAST_UPDATE")?,
        guid: guid.ok_or_else(|| Malformed::new(0u64, "GUID is not 40 hexadecimal digits"))?,
        active: kv.opt_num32("ISACTIVE")?.unwrap_or(0) != 0,
    })
}
