//! Tests of commands whose replies are awaited together. If one of them fails, no reply may stay in
//! the session: it would use memory, and a long message also a temporary file.

use std::path::Path;

use super::BATCH;
use super::fake_master::{Master, guid, sync};
use super::fake_replica::FakeReplica;
use crate::error::Kind;
use crate::protocol::RemoteFolder;
use crate::sync::failures::Failures;
use crate::sync::repair::fetch::fetch;
use crate::sync::repair::plan::Fetch;
use crate::sync::usermeta::quotas::{NamedRoot, shared_quotas};
use crate::sync::usermeta::scripts::deletion_steps;

#[test]
fn a_failed_fetch_leaves_no_replies() {
    let all = [1, 2, 3].map(|uid| Fetch { uid, guid: guid("one"), size: 3 });
    // The fake replica's replies to FETCH contain no message. One that is refused fails earlier.
    for refused in [None, Some(("GET FETCH", Kind::ReplicaNoMailbox))] {
        let mut replica = FakeReplica::default();
        replica.refuse.extend(refused);
        let kind = refused.map_or(Kind::Corrupt, |(_, kind)| kind);
        let mut rest = all.as_slice();
        let folder = RemoteFolder::default();
        let fetched = fetch(&mut replica, &folder, Path::new("/nowhere"), &mut rest);
        assert_eq!(fetched.err().map(|error| error.kind()), Some(kind));
        assert_eq!((rest.len(), replica.log.len(), replica.unread_replies()), (0, 3, 0));
    }
}

#[test]
fn a_failed_read_of_scripts_leaves_no_replies() {
    let record = |uid| {
        let guid = guid("one");
        let dates = "LAST_UPDATED 1 INTERNALDATE 1";
        format!("%(UID {uid} MODSEQ {uid} {dates} FLAGS () SIZE 3 GUID {guid})")
    };
    let item = FakeReplica::item("user.fred.#sieve", "1", 2, 2);
    let all =
        format!("{} MBOXTYPE f RECORD ({} {}))", &item[..item.len() - 1], record(1), record(2));
    let mut replica = FakeReplica::with(&[&all]);
    let name = "user.fred.#sieve".into();
    let steps = sync(&Master::default(), &mut replica, BATCH, |pass| deletion_steps(pass, &name));
    let error = steps.unwrap_err();
    assert!(error.to_string().contains("the reply contains no file"), "{error}");
    assert_eq!(replica.commands("GET FETCH").len(), 2);
    assert_eq!(replica.unread_replies(), 0);
}

#[test]
fn a_refused_request_for_a_quota_root_leaves_no_replies() {
    let roots =
        ["shared.a", "shared.b"].map(|root| NamedRoot { root: root.into(), by_its_own: None });
    let mut replica = FakeReplica::default();
    replica.refuse.push(("GET QUOTA shared.a", Kind::ReplicaDenied));
    let result = sync(&Master::default(), &mut replica, BATCH, |pass| {
        shared_quotas(pass, roots.into(), &mut Failures::default())
    });
    assert_eq!(result.unwrap_err().kind(), Kind::ReplicaDenied);
    assert_eq!(replica.log, ["GET QUOTA shared.a", "GET QUOTA shared.b"]);
    assert_eq!(replica.unread_replies(), 0);
}
