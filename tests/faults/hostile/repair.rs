//! Tests attacks during the repair of a mailbox that was changed on both sides. A proxy answers one
//! command itself; the real replica answers all other commands.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use cyrsync_lab::run::start_sync_client;
use cyrsync_lab::{Imap, compare, describe, sync_client};

use super::server::{Dialect, Peer, Way, whole_line};
use super::{Case, MEMORY_KIB, OURS, TIMEOUT, World};

/// Size of the message that only the replica has.
const SIZE: usize = 2 << 20;

impl World {
    /// Creates a replica that has all of the master's mail and, in addition, each of these
    /// messages.
    fn diverged(messages: &[Vec<u8>]) -> World {
        let world = World::new();
        world.set_timeouts("10m");
        sync_client(OURS, &world.lab.master, &["-o", "-u", "fred"]).ok();
        world.set_timeouts(TIMEOUT);
        let mut there = Imap::login(&world.lab.replica, "fred");
        for message in messages {
            there.append("INBOX", "", message);
        }
        world
    }

    /// Returns all files of the master's mail, without staged message files.
    pub(super) fn mail(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn collect(dir: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let (path, kind) = (entry.path(), entry.file_type().expect("it is there"));
                if kind.is_dir() && entry.file_name() != "sync." {
                    collect(&path, all);
                } else if kind.is_file() {
                    all.insert(path.clone(), fs::read(path).expect("root reads everything"));
                }
            }
        }
        let mut all = BTreeMap::new();
        collect(&self.lab.master.partition_dir("default"), &mut all);
        assert!(all.keys().any(|path| path.ends_with("cyrus.index")), "{:?}", all.keys());
        all
    }

    /// Returns a case whose replica answers like the real one, except to commands that begin with
    /// `command`.
    fn meddled(
        &self,
        name: &str,
        command: &'static [u8],
        words: &[&str],
        answer: impl Fn(&mut Peer) + Send + Sync + 'static,
    ) -> Case {
        let port = self.lab.replica.csync_port();
        Case::new(name, &Way::plain(Dialect::Csync), words, move |peer| {
            pass_on_until(peer, port, command);
            answer(peer);
        })
    }

    /// Asserts that the repair succeeds with the real replica.
    #[track_caller]
    fn is_repaired(&self, uids: &[u32]) {
        self.set_timeouts("10m");
        sync_client(OURS, &self.lab.master, &["-o", "-u", "fred"]).ok();
        let differences = compare(&self.lab.master, &self.lab.replica);
        assert!(differences.is_empty(), "{}", describe(&differences, 20));
        let found = Imap::login(&self.lab.master, "fred").with_selected("INBOX").uids();
        assert_eq!(found, uids);
    }
}

/// Forwards between client and replica until the client sends a command that begins with `last`.
fn pass_on_until(peer: &mut Peer, port: u16, last: &[u8]) {
    let replica = TcpStream::connect(("127.0.0.1", port)).expect("the replica runs");
    let mut to_replica = replica.try_clone().expect("dup of a socket");
    let mut replica = BufReader::new(replica);
    let mut pass_reply = |peer: &mut Peer| {
        loop {
            let line = whole_line(&mut replica);
            // Remove the offers of compression and TLS, because this proxy could not read such
            // traffic.
            if !line.starts_with(b"* COMPRESS") && !line.starts_with(b"* STARTTLS") {
                peer.send(&line);
            }
            if !line.starts_with(b"* ") || line.starts_with(b"* OK") {
                return;
            }
        }
    };
    pass_reply(peer);
    loop {
        let command = peer.raw_command();
        if command.is_empty() || command.starts_with(last) {
            return;
        }
        to_replica.write_all(&command).expect("the replica runs");
        pass_reply(peer);
    }
}

pub(super) fn message(size: usize) -> Vec<u8> {
    let mut text = b"From: <a@example.com>\r\nSubject: of the replica\r\n\r\n".to_vec();
    let line = [&[b'x'; 70][..], b"\r\n"].concat();
    while text.len() + line.len() <= size - 2 {
        text.extend_from_slice(&line);
    }
    text.resize(size - 2, b'y');
    text.extend_from_slice(b"\r\n");
    text
}

/// Returns the beginning of a reply to `GET FETCH`.
fn file_of(size: usize) -> Vec<u8> {
    format!("* MESSAGE %{{default {} {size}}}\r\n", "0123456789".repeat(4)).into_bytes()
}

/// Returns the beginning of a reply to `GET FULLMAILBOX`, up to its records.
fn mailbox(uniqueid: &str) -> String {
    format!(
        "* MAILBOX %(UNIQUEID {uniqueid} MBOXNAME user.fred LAST_UID 9 HIGHESTMODSEQ 99 \
         RECENTUID 0 RECENTTIME 0 LAST_APPENDDATE 0 POP3_LAST_LOGIN 0 POP3_SHOW_AFTER 0 \
         UIDVALIDITY 9 PARTITION default ACL \"fred\tlrswipkxtecda\t\" OPTIONS P SYNC_CRC 0 \
         RECORD ("
    )
}

/// Returns the beginning of a record. Its flags follow, then [`RECORD_END`].
fn record(uid: u32) -> String {
    let guid = "0123456789".repeat(4);
    format!("%(UID {uid} MODSEQ 5 LAST_UPDATED 1 INTERNALDATE 1 SIZE 9999 GUID {guid} FLAGS (",)
}

const RECORD_END: &str = ")) ";

#[test]
fn a_hostile_answer_to_a_fetch_changes_nothing_on_the_master() {
    let world = World::diverged(&[message(SIZE)]);
    let before = world.mail();
    let mut cases = Vec::new();
    let mut on = |name: &str, words: &[&str], answer: fn(&mut Peer)| {
        cases.push(world.meddled(name, b"GET FETCH", words, move |peer| {
            answer(peer);
            peer.wait_for_goodbye();
        }));
    };
    let which = "uid 4 of user.fred on the replica";
    let wrong = [which, "does not match the replica's cyrus.index"];
    on("the right size and other contents", &wrong, |peer| {
        peer.send(&file_of(SIZE));
        peer.repeat_to(b"z", SIZE);
        peer.send(b"\r\nOK\r\n");
    });
    on("another message, a short one", &wrong, |peer| {
        peer.send(&file_of(10));
        peer.send(b"0123456789\r\nOK\r\n");
    });
    on("another size", &[which, "the replica sent 3145728 bytes", "2097152"], |peer| {
        peer.send(&file_of(3 << 20));
        peer.repeat_to(b"z", 3 << 20);
        peer.send(b"\r\nOK\r\n");
    });
    let state = "waiting for the reply to: GET FETCH";
    on("a size beyond all bounds", &[state, "literal is too big"], |peer| {
        peer.send(&file_of(99_999_999_999));
        peer.flood(b"z");
    });
    on("the right size and no end behind it", &[state, "than 24 MiB"], |peer| {
        peer.send(&file_of(SIZE));
        peer.flood(b"z");
    });
    on("half of it", &[state, "does not answer for 3 seconds"], |peer| {
        peer.send(&file_of(SIZE));
        peer.repeat_to(b"z", SIZE / 2);
    });
    on("half of it and the end", &[state, "closed the connection"], |peer| {
        peer.send(&file_of(SIZE));
        peer.repeat_to(b"z", SIZE / 2);
        peer.hang_up();
    });
    on("a byte now and then", &[state, "does not answer for 3 seconds"], |peer| {
        peer.send(&file_of(SIZE));
        while peer.send(b"z") {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    let not_one = [which, "not one message"];
    on("no message", &not_one, |peer| peer.end("OK"));
    on("two messages", &not_one, |peer| {
        for _ in 0..2 {
            peer.send(&file_of(SIZE));
            peer.repeat_to(b"z", SIZE);
            peer.send(b"\r\n");
        }
        peer.end("OK");
    });
    on("messages without end", &[state, "than 24 MiB"], |peer| {
        peer.flood(&[&file_of(60_000)[..], &[b'z'; 60_000], b"\r\n"].concat());
    });
    on("a text for a message", &not_one, |peer| {
        peer.send(format!("* MESSAGE {{{SIZE}}}\r\n").as_bytes());
        peer.repeat_to(b"z", SIZE);
        peer.send(b"\r\nOK\r\n");
    });
    on("a refusal", &[which, "IMAP_IOERROR"], |peer| peer.end("NO IMAP_IOERROR System I/O error"));
    on("goodbye", &[state, "BYE"], |peer| peer.end("* BYE shutting down"));
    world.run(cases);
    // The message cannot be stored. Only its mailbox must fail, and the error must name the reason.
    world.lab.master.set_config("temp_path", Some("/nonexistent/scratch"));
    let run = sync_client(OURS, &world.lab.master, &["-o", "-v", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    for word in [which, "cannot create a temporary file", "temp_path"] {
        assert!(run.stderr.contains(word), "{word}: {run}");
    }
    world.lab.master.set_config("temp_path", None);
    assert!(world.mail() == before, "the master was written to");
    world.is_repaired(&[1, 2, 3, 4]);
}

#[test]
fn a_hostile_answer_to_fullmailbox_changes_nothing_on_the_master() {
    let world = World::diverged(&[message(100)]);
    let before = world.mail();
    let uniqueid: &'static str = uniqueid(&world).leak();
    let mut cases = Vec::new();
    let mut on = |name: &str, words: &[&str], answer: Box<dyn Fn(&mut Peer) + Send + Sync>| {
        cases.push(world.meddled(name, b"GET FULLMAILBOX", words, move |peer| {
            answer(peer);
            peer.wait_for_goodbye();
        }));
    };
    let state = "waiting for the reply to: GET FULLMAILBOX user.fred";
    let begin = move |peer: &mut Peer| {
        peer.send(mailbox(uniqueid).as_bytes());
    };
    on(
        "records without end",
        &[state, "than 24 MiB"],
        Box::new(move |peer| {
            begin(peer);
            peer.flood(format!("{}{RECORD_END}", record(7)).as_bytes());
        }),
    );
    on(
        "millions of empty records",
        &[state, "than 24 MiB"],
        Box::new(move |peer| {
            begin(peer);
            peer.repeat(b"%() ", 2 << 20);
            peer.send(b"))\r\nOK\r\n");
        }),
    );
    on(
        "a record without end",
        &[state, "than 24 MiB"],
        Box::new(move |peer| {
            begin(peer);
            peer.send(record(7).as_bytes());
            peer.flood(b"x");
        }),
    );
    on(
        "millions of flags",
        &[state, "than 24 MiB"],
        Box::new(move |peer| {
            begin(peer);
            peer.send(record(7).as_bytes());
            peer.repeat(b"flag ", 2 << 20);
            peer.send(b"))))\r\nOK\r\n");
        }),
    );
    on(
        "as many flags as are let in",
        &["more user flags than"],
        Box::new(move |peer| {
            begin(peer);
            peer.send(record(7).as_bytes());
            for flag in 0..150_000 {
                peer.send_later(format!("f{flag} ").as_bytes());
            }
            peer.send(b"))))\r\nOK\r\n");
        }),
    );
    on(
        "as many records as are let in",
        &["two records have one UID"],
        Box::new(move |peer| {
            begin(peer);
            for uid in 0..70_000 {
                peer.send_later(format!("{}{RECORD_END}", record(uid / 2)).as_bytes());
            }
            peer.send(b"))\r\nOK\r\n");
        }),
    );
    on(
        "deep nesting",
        &[state, "nested too deeply"],
        Box::new(move |peer| {
            begin(peer);
            peer.repeat(b"(", 1 << 20);
            peer.send(b"\r\n");
        }),
    );
    on(
        "a huge literal",
        &[state, "literal is too big"],
        Box::new(move |peer| {
            begin(peer);
            peer.send(b"{99999999999}\r\n");
        }),
    );
    on(
        "no mailbox",
        &["GET FULLMAILBOX", "not contain one mailbox"],
        Box::new(|peer| {
            peer.end("OK");
        }),
    );
    on(
        "another mailbox",
        &["user.fred", "the replica sent user.fred (another) instead"],
        Box::new(|peer| {
            peer.send(mailbox("another").as_bytes());
            peer.send(b"))\r\nOK\r\n");
        }),
    );
    on(
        "two mailboxes",
        &["GET FULLMAILBOX", "not contain one mailbox"],
        Box::new(move |peer| {
            for _ in 0..2 {
                begin(peer);
                peer.send(b"))\r\n");
            }
            peer.end("OK");
        }),
    );
    on(
        "a record of another kind",
        &["MAILBOX", "GUID"],
        Box::new(move |peer| {
            begin(peer);
            let odd = record(7).replace("0123456789", "x");
            peer.send(format!("{odd}{RECORD_END}))\r\nOK\r\n").as_bytes());
        }),
    );
    world.run(cases);
    assert!(world.mail() == before, "the master was written to");
    world.is_repaired(&[1, 2, 3, 4]);
}

fn uniqueid(world: &World) -> String {
    let mut server = cyrsync_lab::SyncServer::spawn(&world.lab.master);
    let name = cyrsync_lab::Value::text("user.fred");
    let items = server.get("FULLMAILBOX", &name).ok();
    items.first().expect("it is there").1.str("UNIQUEID")
}

/// More bytes than the client may use memory, and more than a message on Cyrus usually has.
const LONG: usize = 70 << 20;

#[test]
fn a_message_larger_than_the_memory_limit_is_copied_back_from_the_replica() {
    for args in [&["-o", "-u", "fred"][..], &["-o", "-z", "-u", "fred"]] {
        let world = World::diverged(&[message(LONG)]);
        world.set_timeouts("10m");
        let scratch = world.lab.master.scratch().join("temporary");
        fs::create_dir(&scratch).expect("the lab is ours");
        std::os::unix::fs::chown(&scratch, Some(owner(&world)), None).expect("we are root");
        world.lab.master.set_config("temp_path", Some(&scratch.display().to_string()));
        let (run, cost) = start_sync_client(OURS, &world.lab.master, args).wait_measured();
        run.ok();
        println!("{args:?}: {} KiB, {:?}", cost.peak_kib, cost.wall);
        assert!(cost.peak_kib > 0 && cost.peak_kib < MEMORY_KIB, "{} KiB", cost.peak_kib);
        assert_eq!(fs::read_dir(&scratch).expect("it is there").count(), 0);
        world.is_repaired(&[1, 2, 3, 4]);
    }
}

fn owner(world: &World) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(world.lab.master.scratch()).expect("it is there").uid()
}
