//! Tests the log of a channel: deferred entries, and other clients on the same channel.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use cyrsync_lab::random::World;
use cyrsync_lab::{Imap, Lab, Options, cyrus_sync_client};

use crate::common::{
    Holder, append, assert_equal, create, differing, message_file, ours, replicate, until,
};
use crate::rolling::{drained, log, rolling, stop};

#[test]
fn a_single_run_over_a_channel_fails_for_errors_and_not_for_deferred_entries() {
    for channel in ["", "far"] {
        let lab =
            Lab::new(Options { sync_log_channels: vec![channel.to_owned()], ..Options::default() });
        create(&lab.master, &["user.anna", "user.bert"]);
        replicate(&lab, &["-A"]);
        let args: &[&str] = if channel.is_empty() { &["-1"] } else { &["-1", "-n", channel] };
        ours(&lab, args).ok();
        append(&mut Imap::login(&lab.master, "bert"), "INBOX", "while he is locked");
        let holder = Holder::of(&lab, "*S*127^0^0^1*bert.lock");
        let run = ours(&lab, args).ok();
        assert!(run.log.contains("Deferred: MAILBOX user.bert"), "{run}");
        let log = lab.master.config_dir().join("sync").join(channel).join("log");
        let left = fs::read_to_string(&log).expect("it is put back");
        assert!(left.contains("MAILBOX user.bert\n"), "{left}");
        // bert is locked, which is no failure. anna has a damaged message, which is one.
        append(&mut Imap::login(&lab.master, "anna"), "INBOX", "broken");
        let file = message_file(&lab.master, "user.anna", 1);
        let intact = fs::read(&file).expect("own file");
        fs::write(&file, "nonsense").expect("own file");
        let run = ours(&lab, args);
        assert_eq!(run.status.code(), Some(1), "{run}");
        assert!(run.stderr.contains("parts of the log could not be replicated"), "{run}");
        fs::write(&file, intact).expect("own file");
        drop(holder);
        ours(&lab, args).ok();
        assert_equal(&lab);
        assert!(!log.exists());
    }
}

#[test]
fn the_work_file_of_another_client_is_neither_removed_nor_replaced() {
    let lab = Lab::default();
    create(&lab.master, &["user.anna", "user.dora", "user.zoe"]);
    replicate(&lab, &["-A"]);
    let running = rolling(&lab, &[]);
    running.signal(libc::SIGSTOP);
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "broken");
    let file = message_file(&lab.master, "user.anna", 1);
    let intact = fs::read(&file).expect("own file");
    fs::write(&file, "nonsense").expect("own file");
    running.signal(libc::SIGCONT);
    let work = log(&lab).with_file_name("log-run");
    // The client writes the work file once more after this line.
    let running = until(running, |so_far| {
        so_far[2].contains("left for later: items=<USER anna>")
            && fs::read_to_string(&work).is_ok_and(|text| text.contains("USER anna\n"))
    });
    // Cyrus's client removes the work file by its name and renames the log to this name. Replace
    // the file in one step, because the client creates a removed work file again.
    let theirs = work.with_extension("theirs");
    fs::write(&theirs, "USER zoe\n").expect("own directory");
    fs::rename(&theirs, &work).expect("own directory");
    append(&mut Imap::login(&lab.master, "dora"), "INBOX", "she is logged meanwhile");
    let running = until(running, |so_far| so_far[2].contains("another client uses this channel"));
    assert_eq!(fs::read_to_string(&work).expect("it is not ours"), "USER zoe\n");
    let left = fs::read_to_string(log(&lab)).expect("it is there");
    assert!(left.contains("USER anna\n") && left.contains("MAILBOX user.dora\n"), "{left}");
    fs::remove_file(&work).expect("the other one is done");
    fs::write(&file, intact).expect("own file");
    running.signal(libc::SIGHUP);
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}

#[test]
fn nothing_is_lost_with_cyruss_client_on_the_same_channel() {
    let lab = Lab::new(Options { conversations: true, ..Options::default() });
    let running = rolling(&lab, &[]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut world = World::new(&lab.master, 7);
            for _ in 0..150 {
                world.step();
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            // Cyrus's client may fail, because each client removes the work file of the other.
            cyrus_sync_client(&lab.master, &["-R", "-1"]);
        }
    });
    // If Cyrus's client failed in its last run, its work file is still there. Our client reads it
    // when it starts over.
    running.signal(libc::SIGHUP);
    let running = until(running, |so_far| so_far[2].contains("starting over"));
    // Cyrus's client may also have removed our work file, which has the entries that wait for
    // another attempt. Our client writes it again when it takes over the next log.
    append(&mut Imap::login(&lab.master, "fred1"), "INBOX", "last");
    let running = drained(running, &lab);
    stop(running);
    let left: Vec<String> =
        differing(&lab).into_iter().filter(|path| !path.ends_with(" MODSEQ")).collect();
    assert_eq!(left, [""; 0]);
}
