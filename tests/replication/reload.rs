//! Tests files of the configuration that are changed while a rolling client runs: certificates, and
//! imapd.conf with an error.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use cyrsync_lab::certs::{Authority, Valid};
use cyrsync_lab::{Imap, Lab};

use crate::common::{append, assert_equal, create, ours, until};
use crate::rolling::{drained, rolling, stop};

/// Makes the master verify the certificate of the replica. Returns the file of authorities.
fn verified(lab: &mut Lab) -> PathBuf {
    let authority = Authority::new(&lab.replica, "ca");
    lab.replica.use_certificate(&authority.issue("replica", &["IP:127.0.0.1"], Valid::Now));
    let file = lab.master.scratch().join("authorities.pem");
    fs::copy(authority.root(), &file).expect("own directory");
    lab.master.set_config("tls_server_ca_file", Some(&file.display().to_string()));
    lab.master.set_config("sync_tls", Some("require"));
    file
}

#[test]
fn a_client_survives_that_the_file_of_authorities_is_missing_for_a_moment() {
    let mut lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let file = verified(&mut lab);
    lab.master.set_config("sync_reconnect_maxwait", Some("1s"));
    let running = drained(rolling(&lab, &[]), &lab);

    let away = file.with_extension("away");
    lab.replica.stop_server();
    fs::rename(&file, &away).expect("own file");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "meanwhile");
    let running = until(running, |so_far| so_far[2].contains("Connection refused"));
    lab.replica.start_server();
    let running = until(running, |so_far| so_far[2].contains("authorities.pem"));
    fs::rename(&away, &file).expect("own file");
    let running = drained(running, &lab);
    assert_equal(&lab);

    // SIGHUP makes a new connection at once, perhaps before the file is complete.
    fs::rename(&file, &away).expect("own file");
    running.signal(libc::SIGHUP);
    let running = until(running, |so_far| {
        let (_, after) = so_far[2].rsplit_once("starting over").unwrap_or_default();
        after.contains("authorities.pem") && after.contains("trying to connect again")
    });
    fs::rename(&away, &file).expect("own file");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "after the signal");
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}

#[test]
fn a_client_that_was_never_connected_reports_a_missing_file_of_authorities_and_ends() {
    let mut lab = Lab::default();
    fs::remove_file(verified(&mut lab)).expect("own file");
    let run = ours(&lab, &["-R"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("authorities.pem"), "{run}");
    assert!(run.stderr.contains("Can not connect to server '127.0.0.1'\n"), "{run}");
}

#[test]
fn sighup_with_an_error_in_imapd_conf_keeps_the_old_configuration() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = drained(rolling(&lab, &[]), &lab);
    // Cyrus's own daemons would not start with the error.
    let mut fred = Imap::login(&lab.master, "fred");
    lab.master.set_config("sync_timeout", Some("soon"));
    let conf = fs::read_to_string(lab.master.imapd_conf()).expect("it was written");
    let line = conf.lines().position(|line| line == "sync_timeout: soon").expect("it was set") + 1;
    running.signal(libc::SIGHUP);
    let place = format!("imapd.conf line {line}");
    let running = until(running, |so_far| {
        so_far[2].lines().any(|logged| {
            logged.starts_with("ERR") && logged.contains("old one") && logged.contains(&place)
        })
    });
    append(&mut fred, "INBOX", "with the old configuration");
    let running = drained(running, &lab);
    lab.master.set_config("sync_timeout", Some("20m"));
    assert_equal(&lab);

    // After the correction, SIGHUP has its usual effect.
    running.signal(libc::SIGHUP);
    let running = until(running, |so_far| so_far[2].contains("starting over"));
    append(&mut fred, "INBOX", "with the new configuration");
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}

#[test]
fn a_sighup_while_the_configuration_is_read_makes_the_client_read_it_again() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = drained(rolling(&lab, &[]), &lab);
    // A client that opens a named pipe waits until the test opens it too.
    let conf = lab.master.imapd_conf();
    let text = fs::read_to_string(&conf).expect("it was written");
    let away = conf.with_extension("away");
    fs::rename(&conf, &away).expect("own file");
    let made = Command::new("mkfifo").args(["-m", "666"]).arg(&conf).status();
    assert!(made.expect("coreutils").success());
    running.signal(libc::SIGHUP);
    let mut pipe = File::options().write(true).open(&conf).expect("the client reads it");
    fs::rename(&away, &conf).expect("own file");
    running.signal(libc::SIGHUP);
    pipe.write_all(text.as_bytes()).expect("the client reads it");
    drop(pipe);
    let running = until(running, |so_far| so_far[2].matches("SIGHUP: starting over").count() == 2);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "after the second signal");
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}
