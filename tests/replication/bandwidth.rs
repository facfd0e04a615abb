//! Tests the limit of bandwidth. A proxy between master and replica measures the traffic.

use std::time::{Duration, Instant};

use cyrsync_lab::certs;
use cyrsync_lab::fill::{Bulk, Filler, bulk};
use cyrsync_lab::run::{Run, Running};
use cyrsync_lab::{Imap, Lab, Options, Proxy, Rng, another_replica, compare, describe};

use crate::common::{assert_equal, create, message, ours, start_ours, until};
use crate::rolling::{drained, rolling, stop};

/// Returns a master with users `u000`, ... who have some hundred messages each, and a proxy in
/// front of its replica.
fn lab(users: usize, messages: usize) -> (Lab, Proxy) {
    let lab = Lab::default();
    bulk(&lab.master, Bulk { users, folders: 2, messages, seed: 5 });
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, false);
    lab.master.use_port(proxy.port());
    (lab, proxy)
}

/// Waits for the end of a run, and checks repeatedly that it has not sent more than allowed since
/// its beginning. This condition also holds on a busy machine.
#[track_caller]
fn within(rate: u64, begun: Instant, proxy: &Proxy, mut running: Running) -> Run {
    let run = loop {
        let sent = proxy.traffic().sent;
        // The limit allows a burst of a tenth of a second's bytes at the beginning.
        let may = begun.elapsed().as_secs_f64() * rate as f64 + 0.1 * rate as f64;
        assert!(sent as f64 <= may, "{sent} bytes after {:?}", begun.elapsed());
        match running.wait_within(Duration::from_millis(10)) {
            Ok(run) => break run,
            Err(still_running) => running = still_running,
        }
    };
    let run = run.ok();
    assert_eq!(run.stderr, "", "{run}");
    let sent = proxy.traffic().sent;
    println!("{:.3} of the limit", sent as f64 / rate as f64 / begun.elapsed().as_secs_f64());
    assert!(sent > 3 * rate, "{sent} bytes are too few to tell anything");
    run
}

/// Returns a message whose text compression makes smaller by at most a quarter.
fn random_text(rng: &mut Rng, bytes: usize) -> Vec<u8> {
    let mut text = message("random");
    for at in 0..bytes {
        text.push(b' ' + (rng.number() % 64) as u8);
        if at % 70 == 69 {
            text.extend(b"\r\n");
        }
    }
    text
}

#[test]
fn all_connections_together_send_no_more_than_the_limit() {
    const RATE: u64 = 400 << 10;
    let (lab, _) = lab(6, 45);
    for (name, jobs) in [("one", "1"), ("four", "4"), ("some", "auto")] {
        let replica = another_replica(&lab, name, &Options::default());
        let proxy = Proxy::new(replica.csync_port(), Duration::ZERO, false);
        lab.master.use_replica(&replica);
        lab.master.use_port(proxy.port());
        let begun = Instant::now();
        let running = start_ours(&lab, &["-A", "-j", jobs, "--bwlimit", "400K"]);
        within(RATE, begun, &proxy, running);
        let connections = proxy.traffic().connections;
        match jobs {
            "1" => assert_eq!(connections, 1),
            "4" => assert_eq!(connections, 4),
            _ => assert!(connections <= 4, "{connections}"),
        }
        let differences = compare(&lab.master, &replica);
        assert!(differences.is_empty(), "{}", describe(&differences, 10));
    }
}

#[test]
fn a_limit_in_imapd_conf_holds_for_its_channel_and_over_tls() {
    let (mut lab, proxy) = lab(1, 150);
    let certificate = certs::self_signed(&lab.replica, &lab.replica.scratch(), "replica");
    lab.replica.use_certificate(&certificate);
    lab.master.set_config("sync_tls", Some("require"));
    lab.master.set_config("sync_tls_verify", Some("no"));
    lab.master.set_config("sync_bwlimit", Some("1"));
    let all_day = "1, 00:00-12:00=300K, 12:00-24:00=300K";
    lab.master.set_config("far_sync_bwlimit", Some(all_day));
    let begun = Instant::now();
    let running = start_ours(&lab, &["-u", "u000", "-n", "far"]);
    let run = within(300 << 10, begun, &proxy, running);
    assert!(run.log.contains("TLSv1.3 with cipher"), "{run}");
    assert_equal(&lab);
}

#[test]
fn below_a_limit_mail_is_compressed_as_well_as_over_a_slow_network() {
    let (lab, _proxy) = lab(1, 200);
    let sent = |name: &str, level: &str| {
        let replica = another_replica(&lab, name, &Options::default());
        let proxy = Proxy::new(replica.csync_port(), Duration::ZERO, false);
        lab.master.use_replica(&replica);
        lab.master.use_port(proxy.port());
        lab.master.set_config("sync_deflate_level", Some(level));
        let run = ours(&lab, &["-u", "u000", "-j", "1", "--bwlimit", "500K"]).ok();
        (proxy.traffic().sent, run)
    };
    let (level_6, _) = sent("six", "6");
    let (auto, run) = sent("auto", "auto");
    assert!(level_6 > 1 << 20, "{level_6} bytes are too few to tell anything");
    assert!(auto * 100 <= level_6 * 102, "{auto} bytes, and {level_6} with level 6: {run}");
}

/// Waits until the limit has stopped a run while it sends mail. The rest would take long.
fn held_up(proxy: &Proxy, running: Running) -> Running {
    until(running, |_| proxy.traffic().sent > 40 << 10)
}

#[test]
fn sigterm_ends_a_run_that_the_limit_slows_and_nothing_is_lost() {
    let (lab, proxy) = lab(4, 60);
    for jobs in ["1", "4"] {
        let running = start_ours(&lab, &["-A", "-j", jobs, "--bwlimit", "20K"]);
        let running = held_up(&proxy, running);
        running.signal(libc::SIGTERM);
        // Sending the rest would take minutes.
        let run = running.wait_within(Duration::from_secs(10)).expect("it ends at once");
        assert_eq!(run.status.code(), Some(75), "{run}");
        proxy.reset();
    }
    ours(&lab, &["-A"]).ok();
    assert_equal(&lab);
}

#[test]
fn the_limit_may_make_a_command_longer_than_the_timeout() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, false);
    lab.master.use_port(proxy.port());
    lab.master.set_config("sync_timeout", Some("3s"));
    lab.master.set_config("client_timeout", Some("3s"));
    Filler::new(&lab.master, 3).mailbox_of("user.fred.large", 1, |rng| random_text(rng, 7_000));
    // At 600 bytes a second, the client sends in three seconds fewer bytes than count as progress.
    let run = ours(&lab, &["-u", "fred", "--bwlimit", "600"]).ok();
    assert_eq!(run.stderr, "", "{run}");
    assert_eq!(proxy.traffic().connections, 1, "{run}");
    assert_equal(&lab);
}

#[test]
fn sighup_applies_a_new_limit_to_a_client_that_the_old_limit_slows() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, false);
    lab.master.use_port(proxy.port());
    lab.master.set_config("sync_bwlimit", Some("20K"));
    let running = rolling(&lab, &["-j", "1"]);
    proxy.reset();
    // At the first limit this message would take minutes.
    let text = random_text(&mut Rng::new(7), 4 << 20);
    assert!(Imap::login(&lab.master, "fred").append("INBOX", "", &text).is_ok());
    let running = held_up(&proxy, running);
    lab.master.set_config("sync_bwlimit", Some("off"));
    running.signal(libc::SIGHUP);
    let running = until(running, |so_far| so_far[2].contains("starting over"));
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}
