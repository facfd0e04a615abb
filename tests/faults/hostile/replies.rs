//! Tests hostile replies to commands of a session.

use std::time::Duration;

use super::server::{Dialect, Peer, Way};
use super::{Case, World};

/// Words in every error of a session: the command whose reply the client waited for, and the last
/// reply.
const STATE: [&str; 3] = ["waiting for the reply to: ", "GET USER fred", "last reply: "];

/// Returns cases with hostile replies to `GET USER` that are hostile in both protocols.
fn cases(way: &Way) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut on = |name: &str, words: &[&str], reply: fn(&mut Peer)| {
        let words = [&STATE, words].concat();
        cases.push(Case::new(name, way, &words, move |peer| {
            peer.asked_for_user();
            reply(peer);
            peer.wait_for_end();
        }));
    };
    on("an endless line", &["than 24 MiB"], |peer| {
        peer.send(b"* MAILBOX %(UNIQUEID ");
        peer.flood(b"x");
    });
    on("a line without any end or star", &["than 24 MiB"], |peer| peer.flood(b"x"));
    on("a huge literal", &["literal is too big"], |peer| {
        peer.send(b"* MAILBOX %(UNIQUEID {99999999999}\r\n");
    });
    on("a literal that is allowed and endless", &["than 24 MiB"], |peer| {
        peer.send(b"* MAILBOX %(UNIQUEID {60000000}\r\n");
        peer.flood(b"x");
    });
    on("a file that nobody asked for", &["than 24 MiB"], |peer| {
        peer.send(b"* MESSAGE %{default 0123456789012345678901234567890123456789 60000000}\r\n");
        peer.flood(b"x");
    });
    on("deep nesting", &["nested too deeply"], |peer| {
        peer.send(b"* MAILBOX ");
        peer.repeat(b"(", 1 << 20);
        peer.send(b"\r\n");
    });
    on("millions of elements", &["than 24 MiB"], |peer| {
        peer.send(b"* LSUB (");
        peer.repeat(b"a ", 2 << 20);
        peer.send(b")\r\n");
        peer.end("OK");
    });
    on("lists of lists", &["than 24 MiB"], |peer| {
        peer.send(b"* LSUB (");
        peer.repeat(b"()", 2 << 20);
        peer.send(b")\r\n");
        peer.end("OK");
    });
    on("items without end", &["than 24 MiB"], |peer| peer.flood(b"* LSUB ()\r\n"));
    on("mailboxes without end", &["than 24 MiB"], |peer| {
        peer.flood(
            b"* MAILBOX %(UNIQUEID a MBOXNAME user.fred UIDVALIDITY 1 LAST_UID 1 \
              HIGHESTMODSEQ 1 RECENTUID 0 RECENTTIME 0 POP3_LAST_LOGIN 0)\r\n",
        );
    });
    on("a BAD", &["BAD what"], |peer| peer.end("BAD what?"));
    on("goodbye in the middle of a reply", &["BYE"], |peer| {
        peer.send(b"* LSUB (user.fred)\r\n* BYE\r\n");
    });
    on("no reply", &["does not answer for 3 seconds"], |_| {});
    on("half a reply", &["does not answer for 3 seconds"], |peer| {
        peer.send(b"* LSUB (user.fred)\r\nO");
    });
    on("random bytes", &["not part of a reply"], |peer| {
        peer.send(b"\xff\x00\xfe%{(\r\n\n\n");
    });
    cases
}

/// Returns cases for only one protocol, and cases with timeouts.
fn further_cases(way: &Way) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut on = |name: &str, words: &[&str], reply: fn(&mut Peer)| {
        cases.push(Case::new(name, way, words, move |peer| {
            peer.asked_for_user();
            reply(peer);
            peer.wait_for_end();
        }));
    };
    on("a line before each timeout", &["does not answer for 3 seconds", STATE[1]], |peer| {
        drip(peer, b"* LSUB (user.fred)\r\n", Duration::from_secs(2));
    });
    on("the end in the middle of an item", &["closed the connection", STATE[1]], |peer| {
        peer.send(b"* LSUB (user.fr");
        peer.hang_up();
    });
    // The syntax is correct. The client refuses it when it reads the value.
    on("millions of pairs", &["MAILBOX", "too many parts"], |peer| {
        peer.send(b"* MAILBOX %(");
        peer.repeat(b"a b ", 1 << 20);
        peer.send(b")\r\n");
        peer.end("OK");
    });
    on("another command's items", &["MISSING", "was not requested"], |peer| {
        peer.send(b"* MISSING (0123456789012345678901234567890123456789)\r\n");
        peer.end("OK");
    });
    on("a reply without a command", &["a reply without a command"], |peer| {
        let [refused, more] = ["NO IMAP_INVALID_USER", "OK"].map(|text| peer.ending(text));
        peer.send(&[refused, more.repeat(9)].concat());
    });
    let words =
        ["does not answer for 3 seconds", "waiting for the reply to: ", "APPLY MAILBOX", "OK"];
    cases.push(Case::new("pipelined commands without a reply", way, &words, |peer| {
        peer.greet();
        peer.obey_until("APPLY MESSAGE");
        // The replica accepts the messages and does not answer the next command.
        peer.end("OK");
        peer.wait_for_end();
    }));
    cases
}

/// Sends the same bytes again and again, with a pause each time, until the client has disconnected.
fn drip(peer: &mut Peer, bytes: &[u8], pause: Duration) {
    while peer.send(bytes) {
        std::thread::sleep(pause);
    }
}

#[test]
fn a_hostile_reply_ends_soon_in_little_memory_with_the_last_command_and_reply() {
    let world = World::new();
    let way = Way::plain(Dialect::Csync);
    let mut all = cases(&way);
    all.extend(further_cases(&way));
    let wrong = Case::new("a wrong tag", &way, &["not part of a reply", STATE[1]], |peer| {
        peer.asked_for_user();
        peer.send(b"C1 OK success\r\n");
        peer.wait_for_end();
    });
    let slow = "enough before each timeout, and no end";
    let mut slow = Case::new(slow, &way, &["does not end", STATE[1], STATE[2]], |peer| {
        peer.asked_for_user();
        let line = format!("* LSUB ({})\r\n", "x".repeat(4100));
        drip(peer, line.as_bytes(), Duration::from_secs(3));
    });
    // The timeout of this channel is much longer than the pauses, even if the machine is busy.
    world.lab.master.set_config("slow_sync_timeout", Some("6s"));
    slow.args = &["-n", "slow", "-u", "fred"];
    // Start the slowest case first, so that the other cases run at the same time.
    all.insert(0, slow);
    all.push(wrong);
    world.run(all);
    world.nothing_is_lost();
}

#[test]
fn hostile_replies_of_an_imapd_also_end_soon_in_little_memory() {
    let world = World::new();
    let way = Way::plain(Dialect::Imap);
    let mut all = cases(&way);
    all.extend(further_cases(&way));
    let mut on = |name: &str, words: &[&str], reply: &'static [u8]| {
        let words = [&STATE, words].concat();
        all.push(Case::new(name, &way, &words, move |peer| {
            peer.asked_for_user();
            peer.send(reply);
            peer.wait_for_end();
        }));
    };
    on("the tag of another command", &["the reply to another command"], b"C1 OK success\r\n");
    on("a tag of nobody's", &["the reply to another command"], b"C999 OK success\r\n");
    on("a tag of another's making", &["not part of a reply"], b"A3 OK success\r\n");
    on("no tag", &["not part of a reply"], b"OK success\r\n");
    on("a continuation", &["not part of a reply"], b"+ go ahead\r\n");
    let words = [&STATE, &["too many lines"][..]].concat();
    all.push(Case::new("untagged too many lines", &way, &words, |peer| {
        peer.asked_for_user();
        peer.flood(b"* OK still here\r\n");
    }));
    world.run(all);
    world.nothing_is_lost();
}

#[test]
fn neither_compression_nor_encryption_makes_a_reply_too_big_for_the_memory() {
    let world = World::new();
    let tls = Some(world.tls());
    let mut all = Vec::new();
    let ways = [Dialect::Csync, Dialect::Imap]
        .map(|dialect| [None, tls.clone()].map(|tls| Way { dialect, tls, deflate: true }));
    for way in ways.iter().flatten() {
        all.extend(cases(way));
        // A small compressed reply that has hundreds of megabytes after decompression.
        all.push(Case::new("a deflate bomb", way, &["than 24 MiB", STATE[1]], |peer| {
            peer.asked_for_user();
            peer.repeat(&[b'x'; 64 << 10], 4096);
            peer.wait_for_end();
        }));
        let words = ["decompress bytes of the replica", STATE[1]];
        all.push(Case::new("no deflate at all", way, &words, |peer| {
            peer.asked_for_user();
            peer.send_raw(b"\xff\xff\xff\xff\xff\xff");
            peer.wait_for_end();
        }));
        // Send deflate blocks without content.
        let words = ["does not answer for 3 seconds", STATE[1]];
        all.push(Case::new("deflate and nothing in it", way, &words, |peer| {
            peer.asked_for_user();
            while peer.send_raw(b"\x00\x00\x00\xff\xff") {
                std::thread::sleep(Duration::from_millis(1));
            }
        }));
    }
    world.run(all);
    world.nothing_is_lost();
}
