//! Tests that logged changes are not lost by problems with the log's files or by a killed client.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::Command;

use cyrsync_lab::{Imap, Lab};

use crate::common::{append, assert_equal, create, ours, start_ours, until};
use crate::rolling::{drained, log, rolling, stop};

fn work(lab: &Lab) -> PathBuf {
    log(lab).with_file_name("log-run")
}

#[test]
fn an_unreadable_work_file_is_neither_replaced_nor_removed() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = rolling(&lab, &[]);
    running.signal(libc::SIGSTOP);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    // Make the log unreadable, as if root had written it.
    chown(log(&lab), Some(0), Some(0)).expect("run as root");
    fs::set_permissions(log(&lab), fs::Permissions::from_mode(0o600)).expect("own file");
    let logged = fs::read(log(&lab)).expect("root may");
    running.signal(libc::SIGCONT);
    let running = until(running, |so_far| so_far[2].contains("open "));
    let reported = running.so_far()[2].clone();
    assert!(reported.contains("log-run: Permission denied"), "{reported}");
    running.signal(libc::SIGTERM);
    running.wait();
    assert_eq!(fs::read(work(&lab)).expect("it is still there"), logged);
    let refused = ours(&lab, &["-R"]);
    assert_eq!(refused.status.code(), Some(75), "{refused}");
    assert!(refused.stderr.contains("owner and mode that Cyrus needs"), "{refused}");
    assert_eq!(fs::read(work(&lab)).expect("it is still there"), logged);
    fs::set_permissions(work(&lab), fs::Permissions::from_mode(0o644)).expect("own file");
    ours(&lab, &["-1"]).ok();
    assert_equal(&lab);
    assert!(!work(&lab).exists());
}

#[test]
fn a_directory_in_place_of_a_log_is_reported_until_it_is_removed() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    let running = rolling(&lab, &[]);
    running.signal(libc::SIGSTOP);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    fs::create_dir(work(&lab)).expect("run as root");
    running.signal(libc::SIGCONT);
    let running = until(running, |so_far| so_far[2].contains("log-run: it is a directory"));
    assert!(log(&lab).is_file(), "what was logged stays");
    fs::remove_dir(work(&lab)).expect("own directory");
    running.signal(libc::SIGHUP);
    let running = drained(running, &lab);
    assert_equal(&lab);
    stop(running);
}

/// A small separate file system for the logs, which can be filled.
struct Small(PathBuf);

impl Small {
    fn new(lab: &Lab) -> Small {
        let dir = lab.master.config_dir().join("sync");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).expect("own directory");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k,mode=777", "tmpfs"]).arg(&dir);
        assert!(mount.status().is_ok_and(|status| status.success()), "run as root");
        Small(dir)
    }

    fn fill(&self) {
        let file = self.0.join("filler");
        // Write until the file system is full.
        let _ = fs::write(&file, vec![0; 1 << 20]);
        assert!(file.metadata().expect("it is there").len() < 1 << 20);
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).expect("own file");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_and_replication_continues_with_free_space() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna"]);
    ours(&lab, &["-A"]).ok();
    let small = Small::new(&lab);
    let skip = small.0.join("skipuser-anna");
    fs::write(&skip, "").expect("own directory");
    let running = rolling(&lab, &[]);
    running.signal(libc::SIGSTOP);
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "to wait");
    // Log many entries for the skipped user. The client must store the deferred entries whenever it
    // takes over a log.
    let more: String = (0..400).map(|number| format!("MAILBOX user.anna.x{number}\n")).collect();
    let mut file = File::options().append(true).open(log(&lab)).expect("the daemons wrote it");
    file.write_all(more.as_bytes()).expect("there is room");
    running.signal(libc::SIGCONT);
    let running = until(running, |so_far| so_far[2].contains("left for later"));
    running.signal(libc::SIGSTOP);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "while there is room");
    small.fill();
    running.signal(libc::SIGCONT);
    let running = until(running, |so_far| so_far[2].contains("No space left"));
    running.signal(libc::SIGKILL);
    running.wait();
    let files = [log(&lab), work(&lab)].map(|path| fs::read_to_string(path).unwrap_or_default());
    let all = files.concat();
    assert!(all.contains("user.anna\n") && all.contains("user.fred\n"), "{all}");
    small.empty();
    fs::remove_file(skip).expect("own file");
    let running = drained(start_ours(&lab, &["-R"]), &lab);
    assert_equal(&lab);
    stop(running);
}

#[test]
fn a_work_file_that_cannot_be_replaced_keeps_its_entries() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna"]);
    let running = rolling(&lab, &[]);
    fs::write(log(&lab).with_file_name("skipuser-anna"), "").expect("run as root");
    symlink("/dev/full", log(&lab).with_file_name("log-run.new")).expect("run as root");
    append(&mut Imap::login(&lab.master, "anna"), "INBOX", "to wait");
    let running = until(running, |so_far| so_far[2].contains("left for later"));
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    let running = until(running, |so_far| so_far[2].contains("No space left"));
    running.signal(libc::SIGTERM);
    running.wait();
    let held = fs::read_to_string(work(&lab)).expect("it is there");
    assert!(held.contains("user.anna\n"), "{held}");
    for name in ["skipuser-anna", "log-run.new"] {
        fs::remove_file(log(&lab).with_file_name(name)).expect("own file");
    }
    ours(&lab, &["-1"]).ok();
    assert_equal(&lab);
}
