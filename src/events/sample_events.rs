//! Sample events, at least one of each kind. `samples.txt` shows their log lines and JSON objects.

use std::time::Duration;

use super::*;
use crate::error::{Error, Kind, Mark, Subject};
use crate::types::{Backlog, Guid, MboxName, ReplicaName, SyncCrcs, UserId};

pub(super) fn error() -> Error {
    Error::new(Kind::Corrupt, "open mailbox", MboxName::from("user.fred.x"), "bad")
        .with_hint("mend it")
}

pub(super) fn replica() -> ReplicaName {
    ReplicaName { server: "mx2".to_owned(), channel: Some("second".to_owned()) }
}

pub(super) fn locked() -> Error {
    Error::new(Kind::Locked, "lock", "/x/fred.lock", "another process holds the lock")
}

pub(super) fn mailbox() -> MboxName {
    "user.fred".into()
}

pub(super) fn user() -> UserId {
    "fred".into()
}

pub(super) fn steps() -> Vec<Step> {
    let (user, mailbox, local) = (user(), mailbox(), false);
    let (script, root) = ("vacation".into(), "user.fred".into());
    let record = RecordSeen {
        side: Side::Replica,
        uid: 7,
        modseq: 12,
        last_updated: 1000,
        internaldate: 900,
        flags: vec!["\\Deleted".into(), "\\Expunged".into(), "Junk".into()],
        cid: "00000000000000ab".into(),
    };
    vec![
        Step::User { user: user.clone() },
        Step::Meta { user: user.clone() },
        Step::Mailboxes { mailboxes: vec![mailbox.clone(), MboxName::new(b"user.fr\xe9d")] },
        Step::MailboxAgain { mailbox: mailbox.clone() },
        Step::Absent { user: user.clone() },
        Step::Mailbox { mailbox: mailbox.clone(), local, messages: 3, bytes: 4096 },
        Step::Mailbox { mailbox: mailbox.clone(), local: true, messages: 0, bytes: 0 },
        Step::MasterMailbox { mailbox: mailbox.clone() },
        Step::MasterScripts { user: user.clone() },
        Step::DeleteMailbox { mailbox: mailbox.clone(), local },
        Step::DeleteMailbox { mailbox: mailbox.clone(), local: true },
        Step::Rename {
            from: mailbox.clone(),
            to: "user.fred.new".into(),
            partition: "default".into(),
            local,
        },
        Step::Rename {
            from: mailbox.clone(),
            to: mailbox.clone(),
            partition: "fast".into(),
            local: true,
        },
        Step::FullMailbox { mailbox: mailbox.clone() },
        Step::Repair { found: RepairEvent::Record { mailbox: mailbox.clone(), record } },
        Step::DeleteUser { user: user.clone() },
        Step::Subscribe { user: user.clone(), mailbox: mailbox.clone() },
        Step::Unsubscribe { user: user.clone(), mailbox: mailbox.clone() },
        Step::Seen { user: user.clone(), uniqueid: "0123-ab".into() },
        Step::UploadSieve { user: user.clone(), script: Clone::clone(&script) },
        Step::DeleteSieve { user: user.clone(), script: Clone::clone(&script) },
        Step::ActivateSieve { user: user.clone(), script },
        Step::DeactivateSieve { user },
        Step::SetQuota { root: Clone::clone(&root) },
        Step::DeleteQuota { root },
        Step::SetAnnotation { mailbox, entry: "/comment".into(), userid: "fred".into() },
        Step::DeleteAnnotation {
            mailbox: MboxName::default(),
            entry: "/comment".into(),
            userid: "".into(),
        },
        Step::Enable { capabilities: 0x1800 },
    ]
}

pub(super) fn connection() -> Vec<ConnectionEvent> {
    let (host, how) = ("mx2".to_owned(), "TLSv1.3 with TLS13_AES_256_GCM_SHA384".to_owned());
    vec![
        ConnectionEvent::PortFailed { port: 143, error: error() },
        ConnectionEvent::OptionFailed { option: "TCP_KEEPIDLE", why: "not supported".into() },
        ConnectionEvent::Encrypted { how, host: host.clone() },
        ConnectionEvent::Layer { how: "GSSAPI (256 bits)".into(), host: host.clone() },
        ConnectionEvent::CertificateWarning { why: "the certificate ends in 3 days".into() },
        ConnectionEvent::TlsNotRemembered { host: host.clone(), error: error() },
        ConnectionEvent::StartTlsRefused { text: "no certificate".into() },
        ConnectionEvent::NotEncrypted { server: "mx2:2005".into() },
        ConnectionEvent::ClearPassword {
            host: host.clone(),
            address: Some("192.0.2.7".into()),
            mechanism: "PLAIN".into(),
        },
        ConnectionEvent::ClearPassword { host, address: None, mechanism: "LOGIN".into() },
        ConnectionEvent::NotCompressed,
        ConnectionEvent::CompressionLevel { deflate_level: 6, sent: 1_048_576, sent_raw: 349_525 },
        ConnectionEvent::SieveMailbox,
        ConnectionEvent::Archive,
        ConnectionEvent::NoArchive,
        ConnectionEvent::ArchiveNotEnabled,
        ConnectionEvent::CapabilitiesRefused { error: error() },
        ConnectionEvent::ForceRefused,
        ConnectionEvent::Refused { command: "MAILBOX".into(), text: "IMAP_X Bad".into() },
        ConnectionEvent::BadResponse {
            command: "MAILBOX".into(),
            response: "BAD".into(),
            text: "Missing".into(),
        },
    ]
}

pub(super) fn store() -> Vec<StoreEvent> {
    vec![
        StoreEvent::LockWait { error: locked() },
        StoreEvent::MailboxLeftOut { error: error() },
        StoreEvent::CountersIgnored { user: user(), error: error() },
        StoreEvent::GroupsIgnored { user: user(), error: error() },
        StoreEvent::UnknownData { place: "cyrus.header, fields".into(), data: "X".into() },
        StoreEvent::HeaderOdd { mailbox: mailbox(), why: "another uniqueid".into() },
    ]
}

pub(super) fn sync() -> Vec<SyncEvent> {
    let mailbox = mailbox();
    let crcs = |basic| SyncCrcs { basic: Some(basic), ..SyncCrcs::UNKNOWN };
    vec![
        SyncEvent::Sending { mailbox: mailbox.clone(), why: Difference::Annotations },
        SyncEvent::Sending {
            mailbox: mailbox.clone(),
            why: Difference::Crcs { master: crcs(1), replica: crcs(2) },
        },
        SyncEvent::Partial { mailbox: mailbox.clone(), uids: [1, 2, 3], modseqs: [4, 5, 6] },
        SyncEvent::Confirmed { mailbox: mailbox.clone(), messages: 3, bytes: 4096, whole: true },
        SyncEvent::AlreadyThere { mailboxes: 2, messages: 40 },
        SyncEvent::Renamed,
        SyncEvent::Unsettled { user: Some(user()), tries: 3 },
        SyncEvent::Unsettled { user: None, tries: 3 },
        SyncEvent::UserFailed {
            user: user(),
            error: error().over(user()).with_parts(vec![error()]),
            replica: "mx2".into(),
        },
        SyncEvent::UserFailed { user: user(), error: error(), replica: replica() },
        SyncEvent::PartFailed { subject: Subject::from(&mailbox), error: error() },
        SyncEvent::UserFailed {
            user: user(),
            error: error()
                .over(user())
                .with_parts(vec![error().marked(Mark::Reported), error().marked(Mark::Reported)]),
            replica: replica(),
        },
        SyncEvent::PartFailed { subject: Subject::item("SUB fred"), error: locked() },
        SyncEvent::UnknownUser { user: user() },
        SyncEvent::UnknownMailbox { mailbox: mailbox.clone(), external: "user/fred".into() },
        SyncEvent::UserNotGone { user: user() },
        SyncEvent::NoTombstone { mailbox: mailbox.clone() },
        SyncEvent::Stray { mailbox: mailbox.clone() },
        SyncEvent::Double { mailbox: mailbox.clone() },
        SyncEvent::FillIn { mailbox: mailbox.clone() },
        SyncEvent::DeleteFailed { mailbox: mailbox.clone(), error: error() },
        SyncEvent::RenameFailed { from: mailbox.clone(), to: "user.fred.new".into() },
        SyncEvent::SendingAllMessages { error: error() },
        SyncEvent::InboxWithoutMessages { mailbox: mailbox.clone() },
        SyncEvent::Forgotten { mailbox: mailbox.clone(), deletedmodseq: 9, highestmodseq: 3 },
        SyncEvent::ChecksumDiffers { mailbox: mailbox.clone() },
        SyncEvent::ChecksumDiffersAgain { mailbox: mailbox.clone() },
        SyncEvent::UncheckedDiffers { mailbox: mailbox.clone() },
        SyncEvent::ComparingAgain { mailbox: mailbox.clone(), error: error() },
        SyncEvent::CrcsMended { mailbox: mailbox.clone(), stored: crcs(1), computed: crcs(2) },
        SyncEvent::CrcsStay { mailbox: mailbox.clone(), error: error() },
        SyncEvent::MasterFailed { mailbox: mailbox.clone(), error: error() },
        SyncEvent::ScriptsStay { user: user(), error: error() },
        SyncEvent::Damaged { mailbox: mailbox.clone(), error: error() },
        SyncEvent::MessageDamaged { error: error() },
        SyncEvent::NotChecked { mailbox: mailbox.clone(), error: error() },
        SyncEvent::NotSearched { mailbox, error: error() },
    ]
}

pub(super) fn repair() -> Vec<RepairEvent> {
    let mailbox = mailbox();
    let (uid, guid) = (7, Guid([0xab; 20]));
    let fates = [
        RepairAction::OnlyOnMaster,
        RepairAction::OnlyOnReplica,
        RepairAction::OnlyOnReplicaStale,
        RepairAction::ExpungedOnMaster,
        RepairAction::ExpungedOnReplica,
        RepairAction::ExpungedLongAgo,
        RepairAction::CameBack,
        RepairAction::MasterStays,
        RepairAction::CopiedBack { to: None },
        RepairAction::CopiedBack { to: Some(9) },
        RepairAction::Renumbered { to: 9 },
    ];
    let values = [
        RaisedValue::UidValidity,
        RaisedValue::HighestModseq,
        RaisedValue::LastUid,
        RaisedValue::FolderModseq,
    ];
    let record = RecordSeen {
        side: Side::Master,
        uid,
        modseq: 12,
        last_updated: 1000,
        internaldate: 900,
        flags: Vec::new(),
        cid: "0000000000000000".into(),
    };
    let message = |action| RepairEvent::Message { mailbox: mailbox.clone(), uid, guid, action };
    let raised =
        |value| RepairEvent::ValueRaised { mailbox: mailbox.clone(), value, old: 1, new: 2 };
    let mut all = vec![
        RepairEvent::GuidMismatch {
            mailbox: mailbox.clone(),
            uid,
            replica: guid,
            master: Guid([0xcd; 20]),
        },
        RepairEvent::NewerOnReplica { mailbox: mailbox.clone() },
        RepairEvent::Record { mailbox: mailbox.clone(), record },
        RepairEvent::BumpingModseq { mailbox: mailbox.clone(), uid },
        RepairEvent::Annotations { mailbox: mailbox.clone(), stay: Side::Master },
        RepairEvent::Annotations { mailbox: mailbox.clone(), stay: Side::Replica },
    ];
    all.extend(fates.into_iter().map(message));
    all.extend(values.into_iter().map(raised));
    all
}

pub(super) fn run() -> Vec<RunEvent> {
    let path = std::path::PathBuf::from("/conf/sync/log-run");
    let items = || vec!["USER fred".into(), "MAILBOX user.jim".into()];
    let next = Duration::from_secs(60);
    vec![
        RunEvent::ConnectFailed { replica: replica(), attempts: 1, error: error() },
        RunEvent::ConnectFailed { replica: "mx2".into(), attempts: 3, error: error() },
        RunEvent::StillUnreachable {
            replica: replica(),
            time: Duration::from_secs(600),
            attempts: 7,
            next: Duration::from_secs(40),
            backlog: Backlog { entries: 123, users: 4 },
            error: error(),
        },
        RunEvent::ShutdownFileFound { path: "/conf/sync/shutdown".into() },
        RunEvent::MailNotLogged { mailbox: mailbox(), path: "/x/sync/log".into(), time: next },
        RunEvent::NoSyncLog,
        RunEvent::NotLogged { channel: Some("second".to_owned()) },
        RunEvent::StatusNotWritten { error: error() },
        RunEvent::ReachableAgain { replica: replica(), time: next, attempts: 8 },
        RunEvent::TryingAllTheSame,
        RunEvent::TryingAgain { error: error() },
        RunEvent::ReplicaGone { error: error() },
        RunEvent::StagedFilesReleased,
        RunEvent::ReleaseFailed { error: error() },
        RunEvent::NoCache { error: error() },
        RunEvent::Excluded { users: 2, mailboxes: 0, names: vec!["ann".into(), "bob".into()] },
        RunEvent::Excluded { users: 1, mailboxes: 30, names: vec!["ann".into()] },
        RunEvent::Reprocessing { path: path.clone() },
        RunEvent::BadLogLine { path: path.clone(), line: 3, why: "no name follows".into() },
        RunEvent::LogNotTaken { error: error() },
        RunEvent::UnfinishedNotSaved { error: error() },
        RunEvent::ChangeNotLogged { mailbox: mailbox(), error: error() },
        RunEvent::ChannelShared { path },
        RunEvent::Promoting { item: "MAILBOX user.fred.x".into(), to: "USER fred".into() },
        RunEvent::Deferred { item: "USER fred".into() },
        RunEvent::LeftForLater { items: items(), tries: 2, next, error: error() },
        RunEvent::LeftForLater {
            items: items(),
            tries: 2,
            next,
            error: error().marked(Mark::Reported),
        },
        RunEvent::LeftForLater { items: items(), tries: 1, next, error: locked() },
        RunEvent::NotReplicated { items: items(), error: error() },
    ]
}

pub(super) fn verify() -> Vec<VerifyEvent> {
    let subject = Subject::message(mailbox(), 7, None);
    let flags = ["(\\Seen)", "()"].map(|flags| Some(flags.to_owned()));
    let [master, replica] = flags;
    let field = "FLAGS".to_owned();
    let flags = Finding { subject: subject.clone(), field, master, replica, pending: false };
    let gone = Finding {
        subject: (&mailbox()).into(),
        field: "MAILBOX".into(),
        master: None,
        replica: Some("there".into()),
        pending: false,
    };
    let new = Finding {
        field: "RECORD".into(),
        master: Some("there".into()),
        replica: None,
        pending: true,
        ..flags.clone()
    };
    let totals = VerifyTotals { users: 1, mailboxes: 3, records: 70, ..VerifyTotals::default() };
    let found = VerifyTotals { differences: 2, pending: 1, unknown: 1, messages: 5, ..totals };
    let ended = |totals: VerifyTotals| VerifyEvent::Summary { totals, verdict: totals.verdict() };
    vec![
        VerifyEvent::Difference(flags),
        VerifyEvent::Difference(gone),
        VerifyEvent::Difference(new),
        VerifyEvent::More { subject: (&mailbox()).into(), differences: 7, pending: 1 },
        VerifyEvent::Equal { mailbox: mailbox(), records: 70 },
        VerifyEvent::Unknown { subject: user().into(), error: locked() },
        ended(totals),
        ended(found),
        ended(VerifyTotals { pending: 1, ..totals }),
    ]
}

/// Returns at least one event of each kind.
pub(super) fn samples() -> Vec<Event> {
    let field =
        Difference::Field { field: "LAST_UID", master: "9".to_owned(), replica: "8".to_owned() };
    let mut all = vec![
        Event::Differs { mailbox: mailbox(), why: Difference::Missing },
        Event::Differs { mailbox: mailbox(), why: field },
        Event::Unreachable {
            error: Error::new(Kind::Connect, "connect to", Subject::host("mx2:2005"), "refused"),
            server: "mx2".into(),
            pause: Duration::from_secs(15),
        },
    ];
    all.extend(steps().into_iter().map(Event::from));
    all.extend(connection().into_iter().map(Event::from));
    all.extend(store().into_iter().map(Event::from));
    all.extend(sync().into_iter().map(Event::from));
    all.extend(repair().into_iter().map(Event::from));
    all.extend(run().into_iter().map(Event::from));
    all.extend(verify().into_iter().map(Event::from));
    all.push(Event::Ended(Item::new(user(), Ok(()))));
    all.push(Event::Ended(Item::new(user(), Err(locked()))));
    all.push(Event::Ended(Item::new(&[mailbox(), mailbox()][..], Err(error()))));
    all
}
