//! Tests the packages in a Debian with Cyrus: installs them, runs a real server with them, upgrades
//! and purges them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cyrsync_lab::trees::Release;
use cyrsync_lab::{Imap, Lab, Lmtp, Options, compare, describe};

use super::tree::{Debian, changed};
use crate::links;

const PROGRAM: &str = "/usr/lib/cyrus/bin/sync_client";
const THEIRS: &str = "/usr/lib/cyrus/bin/sync_client.cyrus";
const PAGE: &str = "/usr/share/man/man8/cyrus-sync_client.8.gz";

/// Copies the packages into the tree. Returns their paths there.
fn packages(debian: &Debian) -> String {
    let out = PathBuf::from(std::env::var_os("CYRSYNC_PACKAGES").expect("run make packages"));
    let mut names = Vec::new();
    for entry in fs::read_dir(out).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".deb") && !name.contains("-dbgsym") {
            fs::copy(&path, debian.root().join("tmp").join(&name)).unwrap();
            names.push(format!("/tmp/{name}"));
        }
    }
    assert_eq!(names.len(), 3, "{names:?}");
    names.join(" ")
}

/// Rebuilds the same packages with a later version. Returns their paths.
fn later(debian: &Debian) -> String {
    let names = debian.run(
        "cd /tmp; for deb in cyrsync_*.deb libcyrsync*.deb; do
             dpkg-deb -R $deb later
             sed -i 's/-1\\b/-2/' later/DEBIAN/control
             dpkg-deb -Zgzip -z1 -b later later-$deb >/dev/null
             rm -r later; echo /tmp/later-$deb
         done",
    );
    names.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns whether a running process executes this file.
fn runs(path: &Path) -> bool {
    let file = path.canonicalize().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| fs::read_link(process.path().join("exe")).ok())
        .any(|e| e == file)
}

/// Delivers a message and waits until it is on the replica. Checks that `program` is running.
#[track_caller]
fn arrives(lab: &Lab, text: &str, program: &Path) {
    let message = format!("Subject: {text}\r\n\r\n{text}\r\n");
    Lmtp::connect(&lab.master).deliver("fred", message.as_bytes()).unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    // A replica sends no event when mail arrives, so poll.
    loop {
        let differences = compare(&lab.master, &lab.replica);
        if differences.is_empty() {
            break;
        }
        assert!(
            Instant::now() < end,
            "{text}: {}\n{}",
            describe(&differences, 9),
            lab.master.log()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(runs(program), "{} does not run", program.display());
}

/// Runs an installed maintainer script as on a system that runs systemd. Returns the calls of
/// `deb-systemd-invoke`.
fn calls_of(debian: &Debian, script: &str, args: &str) -> String {
    debian.run(&format!(
        "mkdir -p /run/systemd/system /tmp/stub; : >/tmp/calls
         printf '#!/bin/sh\\necho \"$*\" >>/tmp/calls\\n' >/tmp/stub/deb-systemd-invoke
         printf '#!/bin/sh\\n' >/tmp/stub/systemctl
         chmod 755 /tmp/stub/*
         PATH=/tmp/stub:$PATH DPKG_MAINTSCRIPT_PACKAGE=cyrsync DPKG_MAINTSCRIPT_NAME={script} \
             /var/lib/dpkg/info/cyrsync.{script} {args} >/dev/null
         cat /tmp/calls; rm -r /tmp/stub /tmp/calls; rmdir /run/systemd/system"
    ))
}

/// Checks that upgrading restarts running units, and that removing stops them: the service and all
/// instances of the template.
fn units_follow_the_package(debian: &Debian) {
    let both = ["cyrsync.service", "cyrsync@*.service"];
    for (script, args, action) in
        [("prerm", "remove", "stop"), ("postinst", "configure 0.1.0-1", "try-restart")]
    {
        let calls = calls_of(debian, script, args);
        for unit in both {
            let has_unit = |line: &str| {
                line.split(' ').any(|word| word == action) && line.split(' ').any(|w| w == unit)
            };
            assert!(calls.lines().any(has_unit), "{script} {args}: {unit}: {calls}");
        }
    }
    // While a package is upgraded, the old program continues until the new one is installed.
    assert_eq!(calls_of(debian, "prerm", "upgrade 0.1.0-2"), "");
    assert_eq!(calls_of(debian, "preinst", "upgrade 0.1.0-1"), "");
    assert_eq!(calls_of(debian, "postinst", "configure"), "");
}

fn in_place_of_cyrus(release: Release) {
    let debian = Debian::of(release);
    let before = debian.snapshot();
    let (theirs, page) = (debian.file(PROGRAM), debian.file(PAGE));
    let debs = packages(&debian);

    debian.run(&format!("dpkg -i {debs}"));
    for command in ["cyrus sync_client", "sync_client", PROGRAM] {
        let version = debian.run(&format!("{command} --version"));
        assert!(version.starts_with("sync_client (cyrsync) "), "{command}: {version}");
    }
    assert_eq!(debian.file(THEIRS), theirs);
    for page in ["cyrus-sync_client", "sync_client", "cyrsync-imapd.conf"] {
        assert!(debian.run(&format!("man -l $(man -w {page})")).contains("cyrsync"), "{page}");
    }
    let pages = links::pages(&debian.root().join("usr/share/doc/cyrsync"));
    assert!(pages.len() > 30, "only {} pages are installed", pages.len());
    links::all_lead_somewhere(&pages);
    debian.run("systemd-analyze verify /lib/systemd/system/cyrsync.service");
    let enabled = debian.run("systemctl is-enabled cyrsync.service || true");
    assert_eq!(enabled, "disabled\n");
    units_follow_the_package(&debian);

    // Run the daemon by the same entry, in section DAEMON, as in Debian's /etc/cyrus.conf.
    let options = Options {
        master_tree: Some(debian.tree.clone()),
        replica_tree: Some(debian.tree.clone()),
        ..Options::default()
    };
    let mut lab = Lab::new(options);
    Imap::admin(&lab.master).ok("CREATE user.fred");
    let entry = format!("{PROGRAM} -r -C {}", lab.master.imapd_conf().display());
    lab.master.add_entry("DAEMON", "syncclient", &entry);
    lab.master.stop_server();
    lab.master.start_server();
    let program = debian.root().join(PROGRAM.trim_start_matches('/'));
    arrives(&lab, "installed", &program);

    // Upgrade our package and Cyrus's. Our program must keep its path, and Cyrus's must stay beside
    // it.
    debian.run(&format!("dpkg -i {}", later(&debian)));
    let version = debian.run("dpkg-query -W -f '${Version}' cyrsync");
    assert!(version.ends_with("-2"), "{version}");
    debian.run("apt-get -qq install --reinstall -y cyrus-replication");
    assert_eq!(debian.file(THEIRS), theirs);
    assert!(debian.run("cyrus sync_client --version").starts_with("sync_client (cyrsync)"));
    lab.master.stop_server();
    lab.master.start_server();
    arrives(&lab, "upgraded", &program);

    debian.run("dpkg --purge cyrsync libcyrsync-dev libcyrsync0; rm /tmp/*.deb");
    assert_eq!(debian.file(PROGRAM), theirs);
    assert_eq!(debian.file(PAGE), page);
    lab.master.stop_server();
    lab.master.start_server();
    arrives(&lab, "purged", &program);
    drop(lab);
    assert_eq!(debian.run("dpkg-divert --list '*sync_client*'"), "");
    let changed = changed(&before, &debian.snapshot());
    assert!(changed.is_empty(), "{changed:?}");
}

#[test]
#[ignore = "needs packages and trees: make packages"]
fn on_debian_12_the_packages_replace_cyruss_client_and_purge_completely() {
    in_place_of_cyrus(Release::Bookworm);
}

#[test]
#[ignore = "needs packages and trees: make packages"]
fn on_debian_13_the_packages_replace_cyruss_client_and_purge_completely() {
    in_place_of_cyrus(Release::Trixie);
}

/// Checks that programs have no symbols, and that separate packages contain the symbols for
/// debuggers.
#[test]
#[ignore = "needs packages and trees: make packages"]
fn programs_are_stripped_and_their_symbols_are_in_separate_packages() {
    let out = PathBuf::from(std::env::var_os("CYRSYNC_PACKAGES").expect("run make packages"));
    for package in ["cyrsync", "libcyrsync0"] {
        let list = |name: &str| {
            let found = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
            let prefix = format!("{name}_");
            let deb = found.into_iter().find(|path| {
                let file = path.file_name().unwrap().to_string_lossy();
                file.starts_with(&prefix) && file.ends_with("deb")
            });
            let deb = deb.unwrap_or_else(|| panic!("no {name}"));
            let dir = tempfile::tempdir().unwrap();
            let status = Command::new("dpkg-deb").arg("-x").arg(deb).arg(dir.path()).status();
            assert!(status.unwrap().success());
            dir
        };
        let plain = list(package);
        let symbols = list(&format!("{package}-dbgsym"));
        assert!(symbols.path().join("usr/lib/debug/.build-id").is_dir(), "{package}");
        let binary = if package == "cyrsync" {
            plain.path().join("usr/lib/cyrus/bin/sync_client")
        } else {
            let version = env!("CARGO_PKG_VERSION");
            let lib = plain.path().join("usr/lib");
            let triplet = fs::read_dir(lib).unwrap().next().unwrap().unwrap().path();
            triplet.join(format!("libcyrsync.so.{version}"))
        };
        let sections = Command::new("readelf").arg("-SW").arg(&binary).output().unwrap().stdout;
        let sections = String::from_utf8_lossy(&sections).into_owned();
        assert!(
            sections.contains(".gnu_debuglink") && !sections.contains(".debug_line"),
            "{package}"
        );
    }
}
