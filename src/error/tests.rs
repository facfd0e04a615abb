use std::io;
use std::path::Path;

use super::*;
use crate::types::{MboxName, UserId};

#[test]
fn a_hint_of_the_cause_has_priority_over_one_of_the_operation() {
    let path = Path::new("/conf/mailboxes.db");
    let of = |kind: io::ErrorKind| Error::io("open database", path, io::Error::from(kind));
    assert_eq!(of(io::ErrorKind::NotFound).hint(), "", "only the operation knows");
    let reported = of(io::ErrorKind::NotFound).or_hint("check configdirectory");
    assert_eq!(reported.hint(), "check configdirectory");
    let reported = of(io::ErrorKind::StorageFull).or_hint("check configdirectory");
    assert_eq!(reported.hint(), "free space on this file system");
    let failing = Error::io("read cyrus.index", path, io::Error::from_raw_os_error(5));
    let reported = failing.or_hint("run reconstruct");
    assert!(!reported.to_string().contains("reconstruct"), "{reported}");
}

#[test]
fn no_number_of_the_system_reaches_a_person() {
    let error = io::Error::from_raw_os_error(2);
    assert_eq!(reason(&error), "No such file or directory");
    assert_eq!(
        without_number("open: No such file (os error 2) at '/x'"),
        "open: No such file at '/x'"
    );
    assert_eq!(without_number("no certificate (PEM)"), "no certificate (PEM)");
    let error = Error::io("start", Path::new("/x"), error);
    assert_eq!(error.to_string(), "start /x: No such file or directory");
    assert_eq!(error.io_kind(), Some(io::ErrorKind::NotFound));
}

#[test]
fn an_error_that_is_reworded_keeps_what_it_knows() {
    let peer = Peer::Replica { host: "mx2".into() };
    let part = Error::new(Kind::Corrupt, "read", "x", "damaged").over(MboxName::from("user.a"));
    let error = Error::new(Kind::Timeout, "talk to", &peer, "no reply")
        .with_hint("look there")
        .with_peer(peer.clone())
        .with_scope(Scope::LeftOut)
        .with_parts(vec![part])
        .marked(Mark::Refusal);
    let reported = error.over(UserId::from("fred"));
    assert_eq!(
        reported.to_string(),
        "replicate user fred: talk to the replica: no reply; hint: look there"
    );
    assert_eq!(
        (reported.kind(), reported.peer(), reported.scope()),
        (Kind::Timeout, Some(&peer), Scope::LeftOut)
    );
    assert!(reported.is_refusal());
    let parts: Vec<String> = reported.failures().iter().map(ToString::to_string).collect();
    assert_eq!(parts, ["replicate user.a: read x: damaged"]);
    assert_eq!(reported.parts()[0].subject().mailbox(), Some(&"user.a".into()));
    // A second call for the same subject changes nothing.
    assert_eq!(reported.clone().over(UserId::from("fred")).to_string(), reported.to_string());
    let source = std::error::Error::source(&reported).unwrap().to_string();
    assert_eq!(source, "talk to the replica: no reply; hint: look there");
}

#[test]
fn a_subject_is_named_by_what_it_is() {
    let names = ["a", "b", "c"].map(MboxName::from);
    for (subject, words) in [
        (Subject::from(&UserId::from("fred")), "user fred"),
        (Subject::from(&names[0]), "a"),
        (Subject::from(&names[..0]), "mailboxes"),
        (Subject::from(&names[..1]), "mailbox a"),
        (Subject::from(&names[..]), "mailboxes a and 2 more"),
        (Subject::message("a", 7, None), "UID 7 of a"),
        (Subject::message("a", 7, Some("/x/7.".into())), "UID 7 of a (/x/7.)"),
        (Subject::item("QUOTA user.fred"), "QUOTA user.fred"),
        (Subject::from(Path::new("/x")), "/x"),
        (Subject::host("mx2"), "mx2"),
        (Subject::from("a reply"), "a reply"),
    ] {
        assert_eq!(subject, words);
    }
}

#[test]
fn an_error_is_an_object_in_json() {
    let broken = MboxName::new(b"user.fr\xe9d");
    let error =
        Error::new(Kind::Corrupt, "open mailbox", &broken, "bad").with_hint("reconstruct it");
    assert_eq!(
        serde_json::to_string(&error).unwrap(),
        "{\"kind\":\"corrupt\",\"message\":\"open mailbox user.fr\u{fffd}d: bad; hint: reconstruct \
         it\",\"op\":\"open mailbox\",\"peer\":null,\"subject\":{\"kind\":\"mailbox\",\"mailbox\":\
         {\"text\":\"user.fr\u{fffd}d\",\"base64\":\"dXNlci5mculk\"}},\"detail\":\"bad\",\
         \"hint\":\"reconstruct it\",\"scope\":\"unit\",\"parts\":[]}"
    );
}
