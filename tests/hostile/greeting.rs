//! Before the client is let in.

use super::server::Peer;
use super::{World, assert_told};

#[test]
fn a_hostile_greeting_or_login_ends_soon_with_its_reason() {
    let world = World::new();
    let case = |name: &str, words: &[&str], script: fn(&mut Peer)| {
        assert_told(name, &world.against(name, script), words);
    };
    case("endless greeting line", &["a line is longer than"], |peer| peer.flood(b"x"));
    case("endless greeting", &["the greeting does not end"], |peer| peer.flood(b"* MORE\r\n"));
    case("another protocol", &["neither a Cyrus sync server nor", "sync_port"], |peer| {
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    case("no greeting", &["does not answer for 3 seconds"], Peer::wait_for_end);
    case("goodbye for a greeting", &["too many connections", "its log says why"], |peer| {
        peer.send(b"* BYE too many connections\r\n");
    });
    case("goodbye during the login", &["BYE shutting down"], |peer| {
        peer.greet("");
        peer.line();
        peer.send(b"* BYE shutting down\r\n");
    });
    case("end during the login", &["it closed the connection"], |peer| {
        peer.greet("");
        peer.line();
    });
    case("endless challenge", &["a line is longer than"], |peer| {
        peer.greet("");
        peer.line();
        peer.send(b"+ ");
        peer.flood(b"A");
    });
    case("challenge after challenge", &["PLAIN", "more than"], |peer| {
        peer.greet("");
        while !peer.line().is_empty() {
            peer.send(b"+ AAAA\r\n");
        }
    });
    case("untagged lines without end", &["more lines than any reply"], |peer| {
        peer.greet("");
        peer.line();
        peer.flood(b"* SASL PLAIN\r\n");
    });
    case("a tagged reply on csync", &["no reply", "A01 OK"], |peer| {
        peer.greet("");
        peer.line();
        peer.send(b"A01 OK success\r\n");
    });
    case("a million iterations of SCRAM and more", &["4000000000 iterations"], |peer| {
        peer.send(b"* SASL SCRAM-SHA-256\r\n* OK lab Cyrus sync server 3.6.1\r\n");
        let line = peer.line();
        let nonce = server_first(line.rsplit(' ').next().unwrap_or_default());
        peer.send(format!("+ {nonce}\r\n").as_bytes());
        peer.line();
        peer.send(b"NO cancelled\r\n");
    });
    case("a replica that knows no password", &["SCRAM-SHA-256", "did not prove"], |peer| {
        peer.send(b"* SASL SCRAM-SHA-256\r\n* OK lab Cyrus sync server 3.6.1\r\n");
        peer.line();
        peer.send(b"OK come in\r\n");
    });
    case("bytes before compression began", &["before compression began"], |peer| {
        peer.let_in("* COMPRESS DEFLATE\r\n");
        peer.line();
        peer.send(b"OK DEFLATE active\r\nOK injected\r\n");
        peer.wait_for_end();
    });
    world.nothing_is_lost();
}

/// The server's first message of SCRAM to the client's first, with far too many iterations.
fn server_first(initial: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    let first = BASE64.decode(initial).unwrap_or_default();
    let first = String::from_utf8_lossy(&first).into_owned();
    let nonce = first.rsplit("r=").next().unwrap_or_default();
    BASE64.encode(format!("r={nonce}server,s=QSXC,i=4000000000"))
}
