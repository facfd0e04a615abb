//! Tests BYE and injected bytes at each stage of a connection.

use std::sync::Arc;

use rustls::ServerConfig;

use super::server::{Dialect, Way};
use super::{Case, World};

const BYE: &[u8] = b"* BYE shutting down\r\n";

/// Returns a replica that sends BYE instead of an answer to the first command that begins with
/// `stage`.
fn goodbye_at(dialect: Dialect, tls: &Arc<ServerConfig>, stage: &'static str) -> Case {
    let way = Way {
        dialect,
        // Offer TLS and compression only for the stages that test them. The script cannot send
        // encrypted or compressed answers in later stages.
        tls: (stage == "STARTTLS" || stage == "AUTHENTICATE").then(|| tls.clone()),
        deflate: stage == "COMPRESS",
    };
    Case::new(&format!("goodbye at {stage}"), &way, &["BYE shutting down", stage], move |peer| {
        peer.greet();
        peer.obey_until(stage);
        peer.send(BYE);
        peer.hang_up();
    })
}

#[test]
fn bye_at_any_stage_is_reported() {
    let world = World::new();
    let tls = world.tls();
    let log = world.lab.dir().join("users");
    std::fs::write(&log, "USER fred\n").expect("the lab is ours");
    // Only if it replicates a log, the client sends RESTART, which releases the replica's staged
    // files.
    let log: &'static str = log.display().to_string().leak();
    let by_log: &'static [&'static str] = vec!["-r", "-f", log].leak();
    let mut cases = Vec::new();
    for dialect in [Dialect::Csync, Dialect::Imap] {
        let plain = Way::plain(dialect);
        let words = ["shutting down", "see its log"];
        cases.push(Case::new("goodbye for a greeting", &plain, &words, |peer| {
            peer.send(BYE);
            peer.hang_up();
        }));
        let stages = ["STARTTLS", "AUTHENTICATE", "COMPRESS", "GET USER", "APPLY MESSAGE"];
        cases.extend(stages.map(|stage| goodbye_at(dialect, &tls, stage)));
        cases.push(goodbye_at(dialect, &tls, "APPLY MAILBOX"));
        cases.push(Case { args: by_log, ..goodbye_at(dialect, &tls, "RESTART") });
        // At this stage the work is done, so BYE is no error.
        let last = if dialect == Dialect::Csync { "EXIT" } else { "LOGOUT" };
        let bye = Case { code: 0, ..goodbye_at(dialect, &tls, last) };
        cases.push(Case { words: vec!["USER fred".into()], ..bye });
    }
    cases.push(goodbye_at(Dialect::Imap, &tls, "CAPABILITY"));
    world.run(cases);
    world.nothing_is_lost();
}

#[test]
fn bytes_injected_before_tls_or_compression_are_rejected() {
    let world = World::new();
    let tls = world.tls();
    let mut cases = Vec::new();
    for dialect in [Dialect::Csync, Dialect::Imap] {
        let with_tls = Way { tls: Some(tls.clone()), ..Way::plain(dialect) };
        // An attacker in the network sends these bytes in one packet with the reply that agrees to
        // TLS.
        for (name, injected) in [
            ("capabilities", &b"* SASL EXTERNAL\r\n* OK lab Cyrus sync server 3.6.1\r\n"[..]),
            ("a reply", b"C2 OK injected\r\nOK injected\r\n"),
            ("half a line", b"* "),
        ] {
            let words = ["start TLS", "unencrypted bytes came", "no password and no mail was sent"];
            let name = format!("{name} behind the agreement to encrypt");
            cases.push(Case::new(&name, &with_tls, &words[..2], move |peer| {
                peer.greet();
                peer.obey_until("STARTTLS");
                let ok = match dialect {
                    Dialect::Csync => "OK begin\r\n",
                    Dialect::Imap => "C1 OK begin\r\n",
                };
                peer.send(&[ok.as_bytes(), injected].concat());
                peer.wait_for_end();
            }));
        }
        let words = ["encrypt the connection", "handshake"];
        cases.push(Case::new("garbage for a handshake", &with_tls, &["encrypt"], |peer| {
            peer.greet();
            peer.obey_until("STARTTLS");
            peer.end("OK begin");
            peer.heard();
            peer.flood(b"* OK this is no TLS\r\n");
        }));
        cases.push(Case::new("end for a handshake", &with_tls, &words, |peer| {
            peer.greet();
            peer.obey_until("STARTTLS");
            peer.end("OK begin");
            peer.heard();
            peer.hang_up();
        }));
        let words = ["does not answer for 3 seconds"];
        cases.push(Case::new("silence for a handshake", &with_tls, &words, |peer| {
            peer.greet();
            peer.obey_until("STARTTLS");
            peer.end("OK begin");
            peer.wait_for_end();
        }));
        let compressed = Way { deflate: true, ..Way::plain(dialect) };
        let words = ["before compression began"];
        cases.push(Case::new("bytes before compression began", &compressed, &words, move |peer| {
            peer.greet();
            peer.obey_until("COMPRESS");
            let tag = if dialect == Dialect::Csync { "" } else { "C3 " };
            peer.send(format!("{tag}OK DEFLATE active\r\nOK injected\r\n").as_bytes());
            peer.wait_for_end();
        }));
    }
    world.run(cases);
    world.nothing_is_lost();
}
