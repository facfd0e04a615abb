//! Tests large mailboxes and large messages.

use std::time::Duration;

use cyrsync_lab::fill::Filler;
use cyrsync_lab::{Imap, Lab, Options, Proxy, Rng, text};

use crate::common::{
    actions, assert_equal, assert_idle, create, mailbox_field, replicate, start_ours, until,
};

#[test]
fn a_big_mailbox_goes_in_batches_and_is_resumed_after_sigterm() {
    const MESSAGES: usize = 20_000;
    let lab = Lab::new(Options {
        master_conf: "sync_batchsize: 1000\n".to_owned(),
        ..Options::default()
    });
    let small = |rng: &mut Rng| 200 + rng.below(100);
    Filler::new(&lab.master, 9).mailbox_of_sizes("user.fred", MESSAGES, small);
    let running = start_ours(&lab, &["-v", "-u", "fred"]);
    let batches = |so_far: &[String; 3]| so_far[0].matches("MAILBOX user.fred\n").count();
    let running = until(running, |so_far| batches(so_far) >= 4);
    running.signal(libc::SIGTERM);
    let run = running.wait();
    assert_eq!(run.status.code(), Some(75), "{run}");
    let reached: usize = mailbox_field(&lab.replica, "user.fred", "LAST_UID").parse().expect("UID");
    assert!((1000..MESSAGES).contains(&reached), "{reached}: {run}");

    let done = actions(&lab, &["-u", "fred"]);
    let updates = done.iter().filter(|l| *l == "MAILBOX user.fred").count();
    assert!(updates >= 2 && updates <= 1 + (MESSAGES - reached) / 1000, "{updates} from {reached}");
    assert_equal(&lab);
    assert_idle(&lab, &["-u", "fred"]);
}

#[test]
fn a_changed_flag_in_a_big_mailbox_sends_little() {
    let lab = Lab::default();
    Filler::new(&lab.master, 10).mailbox_of_sizes("user.fred", 5000, |_| 200);
    replicate(&lab, &["-u", "fred"]);
    Imap::login(&lab.master, "fred").with_selected("INBOX").ok("UID STORE 7 +FLAGS ($Odd)");
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    actions(&lab, &["-u", "fred"]);
    assert!(proxy.traffic().sent < 3000, "{} bytes for one flag", proxy.traffic().sent);
    assert_equal(&lab);
}

#[test]
fn messages_of_every_size_arrive() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    for size in [200, 4095, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 6 << 20] {
        let mail = text::message(&mut Rng::new(size as u64), size);
        assert!(fred.append("INBOX", "", &mail).is_ok(), "{size}");
    }
    replicate(&lab, &["-u", "fred"]);
}
