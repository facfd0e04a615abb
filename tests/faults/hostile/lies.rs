//! Tests a replica whose replies follow the protocol but report impossible values for one mailbox.
//! A real replica answers, and a proxy inserts the wrong value wherever that mailbox is reported.
//! Only that mailbox may fail; the master's copy must stay unchanged, and the user's other
//! mailboxes must be replicated.

use std::io::{BufReader, Write};
use std::net::TcpStream;

use cyrsync_lab::fill::Filler;
use cyrsync_lab::{ADMIN, Imap, Value, compare, describe, sync_client};

use super::repair::message;
use super::server::{self, Dialect, Peer, Way, whole_line};
use super::{Case, OURS, World};

/// The mailbox for which the proxy reports wrong values.
const VICTIM: &str = "user.fred.victim";
const MESSAGES: usize = 150;

type Lie = fn(&mut Value);

impl World {
    /// Creates fred on both sides with an INBOX, the victim mailbox and a mailbox without wrong
    /// values.
    pub(super) fn with_victim() -> World {
        let world = World::new();
        world.set_timeouts("10m");
        Filler::new(&world.lab.master, 1).mailbox_of_sizes(VICTIM, MESSAGES, |_| 300);
        let mut admin = Imap::admin(&world.lab.master);
        admin.ok("CREATE user.fred.honest");
        admin.ok(&format!("SETACL {VICTIM} {ADMIN} lrswipkxtecda"));
        sync_client(OURS, &world.lab.master, &["-o", "-u", "fred"]).ok();
        world
    }

    /// Returns a case in which the proxy changes the values of the victim.
    fn liar(&self, name: &str, words: &[&str], lie: Lie) -> Case {
        let port = self.lab.replica.csync_port();
        let words = [
            &["SYNCERROR: do_folders(): update failed: user.fred.victim", "nothing was changed"],
            words,
        ];
        Case::new(name, &Way::plain(Dialect::Csync), &words.concat(), move |peer| {
            relay(peer, port, |line| distorted(line, lie));
        })
    }

    /// Asserts that the master's imapd still works on the victim, and that an honest replica gets
    /// everything.
    #[track_caller]
    pub(super) fn victim_is_well(&self) {
        let mut fred = Imap::login(&self.lab.master, "fred");
        assert!(fred.append("INBOX.victim", "", &message(200)).is_ok());
        let uids = fred.with_selected("INBOX.victim").uids();
        assert_eq!(uids.last(), Some(&(MESSAGES as u32 + 1)), "{uids:?}");
        sync_client(OURS, &self.lab.master, &["-o", "-u", "fred"]).ok();
        let differences = compare(&self.lab.master, &self.lab.replica);
        assert!(differences.is_empty(), "{}", describe(&differences, 20));
    }
}

/// Forwards between client and replica, and changes the replica's replies with `change`.
fn relay(peer: &mut Peer, port: u16, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let replica = TcpStream::connect(("127.0.0.1", port)).expect("the replica runs");
    let mut to_replica = replica.try_clone().expect("dup of a socket");
    let mut replica = BufReader::new(replica);
    loop {
        loop {
            let line = whole_line(&mut replica);
            if line.is_empty() {
                return peer.hang_up();
            }
            // Remove the offers of compression and TLS, because this proxy could not read such
            // traffic.
            if !line.starts_with(b"* COMPRESS") && !line.starts_with(b"* STARTTLS") {
                peer.send(&change(line.clone()));
            }
            if !line.starts_with(b"* ") || line.starts_with(b"* OK") {
                break;
            }
        }
        let command = peer.raw_command();
        if command.is_empty() || to_replica.write_all(&command).is_err() {
            return peer.hang_up();
        }
    }
}

/// Applies the lie to a line that reports the victim. Returns any other line unchanged.
fn distorted(line: Vec<u8>, lie: Lie) -> Vec<u8> {
    let Some(item) = line.strip_prefix(b"* ") else { return line };
    let Ok((name, mut value)) = Value::parse_named(item) else { return line };
    let of_victim = matches!(value.get("MBOXNAME"), Some(Value::Text(n)) if n == VICTIM.as_bytes());
    if name != "MAILBOX" || !of_victim {
        return line;
    }
    lie(&mut value);
    let mut line = format!("* {name} ").into_bytes();
    value.write(&mut line);
    line.extend(b"\r\n");
    line
}

/// Sets the value of a key.
fn set(value: &mut Value, key: &str, to: Value) {
    let Value::Keyed(items) = value else { return };
    match items.iter_mut().find(|(k, _)| k == key) {
        Some((_, old)) => *old = to,
        None => items.push((key.to_owned(), to)),
    }
}

fn set_text(value: &mut Value, key: &str, to: &str) {
    set(value, key, Value::text(to));
}

/// Raises the modseqs so that the client compares all records, and changes each record.
fn of_records(value: &mut Value, change: impl Fn(&mut Value)) {
    let highest = value.num("HIGHESTMODSEQ") + 10;
    set(value, "HIGHESTMODSEQ", Value::number(highest));
    let Value::Keyed(items) = value else { return };
    let records = items.iter_mut().find(|(key, _)| key == "RECORD");
    if let Some((_, Value::List(records))) = records {
        for record in records {
            set(record, "MODSEQ", Value::number(highest));
            set(record, "LAST_UPDATED", Value::number(1_790_000_000));
            change(record);
        }
    }
}

/// Like [`of_records`], but changes only the record with UID 1.
fn of_first(value: &mut Value, change: impl Fn(&mut Value)) {
    of_records(value, |record| {
        if record.num("UID") == 1 {
            change(record);
        }
    });
}

/// Like [`of_records`], but turns the record with UID 1 into a message that the master does not
/// have.
fn of_new(value: &mut Value, change: impl Fn(&mut Value)) {
    of_first(value, |record| {
        set_text(record, "GUID", &"7".repeat(40));
        change(record);
    });
}

fn annotations(list: &[(&str, &str)]) -> Value {
    let one = |(entry, value): &(&str, &str)| {
        Value::keyed([
            ("ENTRY", Value::text(entry)),
            ("USERID", Value::text("")),
            ("MODSEQ", Value::number(0)),
            ("VALUE", Value::text(value)),
        ])
    };
    Value::List(list.iter().map(one).collect())
}

/// Adds an annotation to the mailbox, and raises the mailbox's modseq.
fn annotate(value: &mut Value, entry: &str, text: &str) {
    of_records(value, |_| {});
    set(value, "ANNOTATIONS", annotations(&[(entry, text)]));
}

#[test]
fn impossible_values_are_refused_and_the_master_stays_unchanged() {
    let world = World::with_victim();
    let append = |mailbox: &str| {
        let mut fred = Imap::login(&world.lab.master, "fred");
        assert!(fred.append(mailbox, "", &message(300)).is_ok());
    };
    append("INBOX.honest");
    let before = world.mail();
    let on = |name: &str, words: &[&str], lie: Lie| world.liar(name, words, lie);

    // The rest of the user is still replicated.
    let first: Lie = |v| set_text(v, "LAST_UID", "4294967295");
    world.run(vec![on("the highest UID", &["LAST_UID 4294967295"], first)]);
    let found = Imap::login(&world.lab.replica, "fred").with_selected("INBOX.honest").uids();
    assert_eq!(found, [1]);

    let mut cases = vec![
        on("more than a UID", &["LAST_UID 4294967296"], |v| set_text(v, "LAST_UID", "4294967296")),
        on("nearly the highest UID", &["LAST_UID 4294000000"], |v| {
            set_text(v, "LAST_UID", "4294000000")
        }),
        on("the highest UID, in the full comparison", &["LAST_UID 4294967295"], |v| {
            of_records(v, |_| {});
            if v.get("RECORD").is_some() {
                set_text(v, "LAST_UID", "4294967295");
            }
        }),
        on("the highest modseq", &["HIGHESTMODSEQ 18446744073709551615"], |v| {
            set_text(v, "HIGHESTMODSEQ", "18446744073709551615")
        }),
        on("more than a modseq", &["HIGHESTMODSEQ 18446744073709551616"], |v| {
            set_text(v, "HIGHESTMODSEQ", "18446744073709551616")
        }),
        on("more than IMAP's modseqs", &["HIGHESTMODSEQ 9223372036854775808"], |v| {
            set_text(v, "HIGHESTMODSEQ", "9223372036854775808")
        }),
        on("a jump in modseq", &["HIGHESTMODSEQ 2199023255552"], |v| {
            set_text(v, "HIGHESTMODSEQ", "2199023255552")
        }),
        on("a folder's modseq", &["FOLDERMODSEQ 9223372036854775808"], |v| {
            set_text(v, "FOLDERMODSEQ", "9223372036854775808")
        }),
        on("modseqs of rights", &["RACLMODSEQ 9223372036854775808"], |v| {
            set_text(v, "RACLMODSEQ", "9223372036854775808")
        }),
        on("the highest UIDVALIDITY", &["UIDVALIDITY 4294967295"], |v| {
            set_text(v, "UIDVALIDITY", "4294967295")
        }),
        on("a date beyond all calendars", &["RECENTTIME 999999999999999"], |v| {
            set_text(v, "RECENTTIME", "999999999999999")
        }),
        on("a login in the next century", &["POP3_LAST_LOGIN 4102444800"], |v| {
            of_records(v, |_| {});
            set_text(v, "POP3_LAST_LOGIN", "4102444800")
        }),
        on("an append in the next century", &["LAST_APPENDDATE 4102444800"], |v| {
            of_records(v, |_| {});
            set_text(v, "LAST_APPENDDATE", "4102444800")
        }),
    ];
    cases.extend([
        on("a record's modseq", &["UID 1 MODSEQ 18446744073709551615"], |v| {
            of_first(v, |r| set_text(r, "MODSEQ", "18446744073709551615"))
        }),
        on("a record's UID", &["UID 4294967295"], |v| {
            of_first(v, |r| set_text(r, "UID", "4294967295"))
        }),
        on("more than a record's UID", &["UID 4294967296"], |v| {
            of_first(v, |r| set_text(r, "UID", "4294967296"))
        }),
        on("a record changed in the next century", &["UID 1 LAST_UPDATED 4102444800"], |v| {
            of_first(v, |r| set_text(r, "LAST_UPDATED", "4102444800"))
        }),
        on("a message of the next century", &["UID 1 INTERNALDATE 4102444800"], |v| {
            of_new(v, |r| set_text(r, "INTERNALDATE", "4102444800"))
        }),
        on("a message longer than any", &["SIZE 99999999999"], |v| {
            of_new(v, |r| set_text(r, "SIZE", "99999999999"))
        }),
        on("a message of nothing", &["UID 1 SIZE 0"], |v| of_new(v, |r| set_text(r, "SIZE", "0"))),
        on("a flag of two words", &["UID 1 the flag two words"], |v| {
            of_first(v, |r| set(r, "FLAGS", Value::texts(["two words"])))
        }),
        on("a flag of IMAP's own", &["UID 1 the flag \\\\Recent"], |v| {
            of_first(v, |r| set(r, "FLAGS", Value::texts(["\\Recent"])))
        }),
        on("a flag without end", &["UID 1 the flag", "(5000 bytes)"], |v| {
            of_first(v, |r| set(r, "FLAGS", Value::texts(["f".repeat(5000)])))
        }),
        on("a modseq at birth", &["createdmodseq 9223372036854775808"], |v| {
            let entry = "/vendor/cmu/cyrus-imapd/createdmodseq";
            of_first(v, |r| set(r, "ANNOTATIONS", annotations(&[(entry, "9223372036854775808")])))
        }),
        on("no thread", &["cyrus-imapd/thrid 123456789012345678901"], |v| {
            let entry = "/vendor/cmu/cyrus-imapd/thrid";
            of_first(v, |r| set(r, "ANNOTATIONS", annotations(&[(entry, "123456789012345678901")])))
        }),
        on("saved in the next century", &["UID 1 savedate 4102444800"], |v| {
            let entry = "/vendor/cmu/cyrus-imapd/savedate";
            of_new(v, |r| set(r, "ANNOTATIONS", annotations(&[(entry, "4102444800")])))
        }),
        on("an annotation of no name", &["the annotation comment,"], |v| {
            annotate(v, "comment", "x")
        }),
        on("an annotation of an absurd name", &["the annotation /", "bytes)"], |v| {
            annotate(v, &format!("/{}", "e".repeat(9000)), "x")
        }),
        on("an annotation of an absurd value", &["/comment of 2000000 bytes"], |v| {
            annotate(v, "/comment", &"x".repeat(2_000_000))
        }),
    ]);
    world.run(cases);
    assert!(world.mail() == before, "the master was written to");
    world.victim_is_well();
}

#[test]
fn a_lie_between_two_batches_of_a_mailbox_is_refused() {
    let world = World::new();
    world.set_timeouts("10m");
    Filler::new(&world.lab.master, 1).mailbox_of_sizes(VICTIM, MESSAGES, |_| 300);
    world.lab.master.set_config("sync_batchsize", Some("50"));
    let before = world.mail();
    // The mailbox is new on the replica, so the client requests its state again after each batch.
    let highest: Lie = |v| set_text(v, "HIGHESTMODSEQ", "9223372036854775808");
    let uid: Lie = |v| set_text(v, "LAST_UID", "4294967295");
    world.run(vec![world.liar("a batch", &["HIGHESTMODSEQ 9223372036854775808"], highest)]);
    world.run(vec![world.liar("the next batch", &["LAST_UID 4294967295"], uid)]);
    assert!(world.mail() == before, "the master was written to");
    world.victim_is_well();
}

#[test]
fn cached_values_of_a_lying_replica_are_requested_again() {
    let world = World::with_victim();
    let master = &world.lab.master;
    let cache = master.config_dir().join("cache");
    master.set_config("sync_cache_db_path", Some(&cache.display().to_string()));
    let log = master.config_dir().join("sync/log");
    std::fs::create_dir_all(log.parent().expect("it has one")).expect("the lab is ours");
    // Log only the mailbox. After a failure, log-run would contain the whole user for another
    // attempt.
    let log_victim = || {
        let _ = std::fs::remove_file(log.with_file_name("log-run"));
        std::fs::write(&log, format!("MAILBOX {VICTIM}\n")).expect("the lab is ours");
    };
    log_victim();
    let args = ["-o", "-v", "-v", "-1"];
    let lie: Lie = |v| set_text(v, "HIGHESTMODSEQ", "9223372036854775808");
    let case = world.liar("with a cache", &[], lie);
    // The lying and the honest replica have the same name, so they have the same cache.
    master.use_port(server::serve(case.way, case.script));
    let run = sync_client(OURS, master, &args);
    assert!(run.log.contains("HIGHESTMODSEQ 9223372036854775808"), "{run}");
    assert!(cache.with_extension("cyrsync").exists(), "there is no cache");
    master.use_replica(&world.lab.replica);
    log_victim();
    let run = sync_client(OURS, master, &args).ok();
    assert!(!run.log.contains("HIGHESTMODSEQ 9223372036854775808"), "{run}");
    let differences = compare(&world.lab.master, &world.lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

#[test]
fn wrong_values_that_never_reach_the_master_are_overwritten() {
    let world = World::with_victim();
    assert!(Imap::admin(&world.lab.master).set_quota("user.fred", "STORAGE 100000").is_ok());
    sync_client(OURS, &world.lab.master, &["-o", "-u", "fred"]).ok();
    let before = world.mail();
    let port = world.lab.replica.csync_port();
    let odd = "* SEEN %(UNIQUEID x LASTREAD 99999999999999999999 LASTUID 4294967296 LASTCHANGE 0 \
               SEENUIDS 1:*)\r\n\
               * QUOTA %(ROOT user.fred LIMIT 99999999999999999999 STORAGE 4294967296)\r\n";
    let way = Way::plain(Dialect::Csync);
    let case = Case::new("quota and seen state", &way, &["QUOTA user.fred"], move |peer| {
        relay(peer, port, |line| match line.starts_with(b"* QUOTA") {
            true => odd.as_bytes().to_vec(),
            false => line,
        });
    });
    // A wrong time is overwritten on the replica, like any other difference.
    let clock: Lie = |v| set_text(v, "RECENTTIME", "4102444800");
    let late = world.liar("a clock of the next century", &[], clock);
    let late = Case { words: vec!["MAILBOX user.fred.victim".into()], ..late };
    world.run(vec![Case { code: 0, ..case }, Case { code: 0, ..late }]);
    assert!(world.mail() == before, "the master was written to");
    world.victim_is_well();
}
