//! Tests attacks by the replica before the client is logged in.

use super::server::{Dialect, Peer, Way};
use super::{Case, World};

const BOTH: [Dialect; 2] = [Dialect::Csync, Dialect::Imap];

#[test]
fn a_hostile_greeting_or_login_ends_soon_with_its_reason() {
    let world = World::new();
    let mut cases = Vec::new();
    let csync = Way::plain(Dialect::Csync);
    let mut on = |way: &Way, name: &str, words: &[&str], script: fn(&mut Peer)| {
        cases.push(Case::new(name, way, words, script));
    };
    on(&csync, "endless greeting line", &["a line is longer than"], |peer| peer.flood(b"x"));
    on(&csync, "endless greeting", &["the greeting does not end"], |peer| {
        peer.flood(b"* MORE\r\n")
    });
    on(&csync, "another protocol", &["neither a Cyrus sync server nor", "sync_port"], |peer| {
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    on(&csync, "no greeting", &["does not answer for 3 seconds"], Peer::wait_for_end);
    for way in BOTH.map(Way::plain) {
        let mut on = |name: &str, words: &[&str], script: fn(&mut Peer)| {
            let words = [&["waiting for the reply to: AUTHENTICATE PLAIN"], words].concat();
            on(&way, name, &words, script);
        };
        on("end during the login", &["it closed the connection"], asked_for_login);
        on("no answer to the login", &["does not answer for 3 seconds"], |peer| {
            asked_for_login(peer);
            peer.wait_for_end();
        });
        on("endless challenge", &["a line is longer than"], |peer| {
            asked_for_login(peer);
            peer.send(b"+ ");
            peer.flood(b"A");
        });
        on("untagged lines without end", &["too many lines"], |peer| {
            asked_for_login(peer);
            peer.flood(b"* SASL PLAIN\r\n");
        });
        on("a wrong tag", &["reply", "last reply: A01 OK"], |peer| {
            asked_for_login(peer);
            peer.send(b"A01 OK success\r\n");
        });
    }
    for way in BOTH.map(Way::plain) {
        on(
            &way,
            "challenge after challenge",
            &["PLAIN", "continues after the last step"],
            |peer| {
                peer.greet();
                while !peer.raw_command().is_empty() {
                    peer.send(b"+ AAAA\r\n");
                }
            },
        );
    }
    on(&csync, "a million iterations of SCRAM and more", &["4000000000 iterations"], |peer| {
        peer.send(b"* SASL SCRAM-SHA-256\r\n* OK lab Cyrus sync server 3.6.1\r\n");
        let line = peer.command();
        let nonce = server_first(line.rsplit(' ').next().unwrap_or_default());
        peer.send(format!("+ {nonce}\r\n").as_bytes());
        peer.command();
        peer.send(b"NO cancelled\r\n");
    });
    on(&csync, "a replica that knows no password", &["SCRAM-SHA-256", "did not prove"], |peer| {
        peer.send(b"* SASL SCRAM-SHA-256\r\n* OK lab Cyrus sync server 3.6.1\r\n");
        peer.command();
        peer.send(b"OK come in\r\n");
    });
    world.run(cases);
    world.nothing_is_lost();
}

fn asked_for_login(peer: &mut Peer) {
    peer.greet();
    peer.obey_until("AUTHENTICATE PLAIN");
}

/// Returns the first SCRAM message of a server, with far too many iterations. `initial` is the
/// first message of the client.
fn server_first(initial: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    let first = BASE64.decode(initial).unwrap_or_default();
    let first = String::from_utf8_lossy(&first).into_owned();
    let nonce = first.rsplit("r=").next().unwrap_or_default();
    BASE64.encode(format!("r={nonce}server,s=QSXC,i=4000000000"))
}
