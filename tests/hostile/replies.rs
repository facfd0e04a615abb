//! In answer to commands.

use std::io::Write as _;

use super::server::Peer;
use super::{World, assert_told};

/// What every error on a session tells: the command whose reply was waited for, and the last
/// reply that had come.
const STATE: &str = "waiting for the reply to: GET USER fred";

#[test]
fn a_hostile_reply_ends_soon_in_little_memory_with_the_last_command_and_reply() {
    let world = World::new();
    let case = |name: &str, words: &[&str], reply: fn(&mut Peer)| {
        let told = world.against(name, move |peer| {
            peer.asked_for_user();
            reply(peer);
        });
        assert_told(name, &told, &[&[STATE, "last reply: "][..], words].concat());
    };
    case("an endless line", &["than 24 MiB"], |peer| {
        peer.send(b"* MAILBOX %(UNIQUEID ");
        peer.flood(b"x");
    });
    case("a line without any end or star", &["than 24 MiB"], |peer| peer.flood(b"x"));
    case("a huge literal", &["literal is too big"], |peer| {
        peer.send(b"* MAILBOX %(UNIQUEID {99999999999}\r\n");
        peer.wait_for_end();
    });
    case("a literal that is allowed and endless", &["than 24 MiB"], |peer| {
        peer.send(b"* MAILBOX %(UNIQUEID {60000000}\r\n");
        peer.flood(b"x");
    });
    case("deep nesting", &["nested too deeply"], |peer| {
        peer.send(&[&b"* MAILBOX "[..], &b"(".repeat(1 << 20), b"\r\n"].concat());
        peer.wait_for_end();
    });
    case("millions of elements", &["than 24 MiB"], |peer| {
        peer.send(&[&b"* LSUB ("[..], &b"a ".repeat(2 << 20), b")\r\nOK\r\n"].concat());
        peer.wait_for_end();
    });
    case("lists of lists", &["than 24 MiB"], |peer| {
        peer.send(&[&b"* LSUB ("[..], &b"()".repeat(2 << 20), b")\r\nOK\r\n"].concat());
        peer.wait_for_end();
    });
    case("items without end", &["than 24 MiB"], |peer| peer.flood(b"* LSUB ()\r\n"));
    case("subscriptions without end", &["than 24 MiB"], |peer| {
        peer.flood(&[&b"* LSUB ("[..], &b"a ".repeat(10_000), b")\r\n"].concat());
    });
    case("mailboxes without end", &["than 24 MiB"], |peer| {
        peer.flood(
            b"* MAILBOX %(UNIQUEID a MBOXNAME user.fred UIDVALIDITY 1 LAST_UID 1 \
              HIGHESTMODSEQ 1 RECENTUID 0 RECENTTIME 0 POP3_LAST_LOGIN 0)\r\n",
        );
    });
    case("a wrong tag", &["no part of a reply"], |peer| {
        peer.send(b"C1 OK success\r\n");
        peer.wait_for_end();
    });
    case("a BAD", &["BAD what"], |peer| {
        peer.send(b"BAD what?\r\n");
        peer.wait_for_end();
    });
    case("goodbye", &["BYE shutting down"], |peer| {
        peer.send(b"* BYE shutting down\r\n");
    });
    case("goodbye in the middle of a reply", &["BYE"], |peer| {
        peer.send(b"* LSUB (user.fred)\r\nBYE\r\n");
    });
    case("the end in the middle of an item", &["closed the connection"], |peer| {
        peer.send(b"* LSUB (user.fr");
    });
    case("no reply", &["does not answer for 3 seconds"], Peer::wait_for_end);
    case("half a reply", &["does not answer for 3 seconds"], |peer| {
        peer.send(b"* LSUB (user.fred)\r\nO");
        peer.wait_for_end();
    });
    case("random bytes", &["no part of a reply"], |peer| {
        peer.send(b"\xff\x00\xfe%{(\r\n\n\n");
        peer.wait_for_end();
    });
    // It is well formed, and refused when it is used.
    let told = world.against("millions of pairs", |peer| {
        peer.asked_for_user();
        peer.send(&[&b"* MAILBOX %("[..], &b"a b ".repeat(1 << 20), b")\r\nOK\r\n"].concat());
        peer.wait_for_end();
    });
    assert_told("millions of pairs", &told, &["MAILBOX", "too many parts"]);
    world.nothing_is_lost();
}

#[test]
fn replies_out_of_order_or_missing_end_the_connection() {
    let world = World::new();
    let told = world.against("a reply to no command", |peer| {
        peer.asked_for_user();
        peer.send(b"NO IMAP_INVALID_USER\r\nOK\r\nOK\r\nOK\r\nOK\r\nOK\r\nOK\r\nOK\r\nOK\r\n");
        peer.wait_for_end();
    });
    assert_told("a reply to no command", &told, &["a reply to no command"]);
    let told = world.against("pipelined commands without a reply", |peer| {
        peer.asked_for_user();
        peer.send(b"NO IMAP_MAILBOX_NONEXISTENT\r\n");
        // RESERVE is answered, what follows is not.
        peer.line();
        peer.send(b"OK\r\n");
        peer.wait_for_end();
    });
    let words =
        ["does not answer for 3 seconds", "waiting for the reply to: APPLY ", "last reply: OK"];
    assert_told("pipelined commands without a reply", &told, &words);
    let told = world.against("another command's items", |peer| {
        peer.asked_for_user();
        peer.send(b"* MISSING (0123456789012345678901234567890123456789)\r\nOK\r\n");
        peer.wait_for_end();
    });
    assert_told("another command's items", &told, &["MISSING", "was not asked for"]);
    world.nothing_is_lost();
}

#[test]
fn compression_makes_no_reply_too_big_for_the_memory() {
    let world = World::new();
    let bomb = deflated(&vec![b'x'; 256 << 20]);
    let told = world.against("a deflate bomb", move |peer| {
        peer.let_in("* COMPRESS DEFLATE\r\n");
        assert_eq!(peer.line(), "COMPRESS DEFLATE");
        peer.send(b"OK DEFLATE active\r\n");
        peer.heard();
        peer.send(&bomb);
        peer.wait_for_end();
    });
    assert_told("a deflate bomb", &told, &["asked for", "GET USER fred"]);
    let piece = deflated(&b"* LSUB (a)\r\n".repeat(1 << 20));
    let told = world.against("many small bombs", move |peer| {
        peer.let_in("* COMPRESS DEFLATE\r\n");
        peer.line();
        peer.send(b"OK DEFLATE active\r\n");
        peer.heard();
        while peer.send(&piece) {}
    });
    assert_told("many small bombs", &told, &["GET USER fred"]);
    let told = world.against("no deflate at all", |peer| {
        peer.let_in("* COMPRESS DEFLATE\r\n");
        peer.line();
        peer.send(b"OK DEFLATE active\r\n");
        peer.heard();
        peer.send(b"\xff\xff\xff\xff\xff\xff");
        peer.wait_for_end();
    });
    assert_told("no deflate at all", &told, &["decompress bytes of the replica"]);
    world.nothing_is_lost();
}

/// Raw deflate, flushed to a byte as after every reply.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("a vector takes all");
    encoder.flush().expect("a vector takes all");
    std::mem::take(encoder.get_mut())
}
