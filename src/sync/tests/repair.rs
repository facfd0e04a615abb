//! Tests of repairs during which the master changes.

use std::sync::atomic::Ordering;

use super::BATCH;
use super::fake_master::{Master, guid, mailbox};
use super::fake_replica::FakeReplica;
use crate::error::{Kind, Result};
use crate::events::Silent;
use crate::names::Namespace;
use crate::replica::Replica;
use crate::settings::{self, Replication};
use crate::sync::{Cancel, Pass, Staged, repair};
use crate::types::{MailboxState, MboxName, Uid, UniqueId};

const NAME: &str = "user.fred.a";

/// The master's own server. When it refuses an update, the master's mailboxes are replaced.
struct Own<'m> {
    master: &'m Master,
    server: FakeReplica,
    remembered: Uid,
    logged: Vec<MboxName>,
}

impl crate::sync::Master for Own<'_> {
    fn server(&mut self, _: &MailboxState) -> Result<&mut dyn Replica> {
        Ok(&mut self.server)
    }
    fn changed(&mut self, name: &MboxName) -> Result<()> {
        self.logged.push(name.clone());
        Ok(())
    }
    fn remember(&mut self, _: &UniqueId, last_uid: Uid) {
        self.remembered = last_uid;
    }
    fn remembered(&self, _: &UniqueId) -> Uid {
        self.remembered
    }
    fn broken(&mut self) {
        self.master.is_replaced.store(true, Ordering::Relaxed);
    }
}

/// Returns a master with one message, and a replica on which that message is flagged and which has
/// changed last.
fn flagged_on_the_replica() -> (Master, FakeReplica) {
    let master = Master {
        boxes: vec![mailbox(NAME, "2", &["one"])],
        replaced_by: vec![mailbox(NAME, "2", &[])],
        ..Master::default()
    };
    let item = format!(
        "MAILBOX %(UNIQUEID 2 MBOXNAME {NAME} SYNC_CRC 1 SYNC_CRC_ANNOT 1 LAST_UID 1 \
         HIGHESTMODSEQ 150 RECENTUID 0 RECENTTIME 0 LAST_APPENDDATE 0 POP3_LAST_LOGIN 0 \
         UIDVALIDITY 0 PARTITION default ACL \"\" OPTIONS \"\" RECORD (%(UID 1 MODSEQ 150 \
         LAST_UPDATED 5 FLAGS (\\Flagged) INTERNALDATE 0 SIZE 3 GUID {})))",
        String::from_utf8_lossy(&guid("one").to_hex())
    );
    (master, FakeReplica::with(&[&item]))
}

fn repair_with(own: &mut Own<'_>, replica: &mut FakeReplica) -> Result<()> {
    let settings = settings::tests::of("sync_host: replica\n");
    let names = Namespace::new(&settings.naming);
    let settings = Replication { sync_batchsize: BATCH, ..settings.replication };
    let (cancel, mut staged) = (Cancel::default(), Staged::default());
    let store = own.master;
    let mut pass = Pass::new(store, &names, replica, &settings, &Silent, &cancel, &mut staged);
    pass.master = Some(own);
    repair::run::repair(&mut pass, &store.boxes[0].entry)
}

#[test]
fn a_mailbox_deleted_during_its_repair_gets_no_messages_back_from_the_replica() {
    let (master, mut replica) = flagged_on_the_replica();
    let mut server = FakeReplica::default();
    server.refuse.push(("APPLY MAILBOX", Kind::ReplicaChanged));
    let mut own = Own { master: &master, server, remembered: 0, logged: Vec::new() };
    // The second run finds the same, because the mailbox still exists.
    for tries in [2, 3] {
        let error = repair_with(&mut own, &mut replica).unwrap_err();
        assert_eq!(error.kind(), Kind::NeedsFullSync, "{error}");
        assert!(error.to_string().contains("it was deleted on this server"), "{error}");
        assert_eq!(replica.commands("GET FULLMAILBOX").len(), tries, "{:?}", replica.log);
        assert_eq!(replica.log.len(), tries, "nothing is fetched or sent: {:?}", replica.log);
    }
    assert_eq!(own.server.commands("APPLY MAILBOX").len(), 1);
    assert!(own.logged.is_empty());
}

#[test]
fn a_change_of_the_master_is_logged_even_if_its_confirmation_is_lost() {
    for (start, kind) in [("APPLY MAILBOX", Kind::Closed), ("Restart", Kind::Timeout)] {
        let (master, mut replica) = flagged_on_the_replica();
        let mut server = FakeReplica::default();
        server.refuse.push((start, kind));
        let mut own = Own { master: &master, server, remembered: 0, logged: Vec::new() };
        let error = repair_with(&mut own, &mut replica).unwrap_err();
        assert_eq!(error.kind(), Kind::OwnServer, "{error}");
        assert_eq!(own.logged, [NAME]);
    }
}
