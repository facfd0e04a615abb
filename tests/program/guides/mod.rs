//! Tests docs/guides: runs the commands of each guide on real servers, line by line.

mod site;
mod steps;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Imap, Lab, Options, another_replica, compare};

use site::{Site, settle};

/// The steps of new-replica.md before the first sync. Other guides refer to them.
const PREPARED: std::ops::RangeInclusive<usize> = 1..=6;

fn subjects(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Checks a condition again and again until it holds. There is no event to wait for.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "{what} does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn has_fred(site: &Site) {
    Imap::admin(&site.lab.master)
        .ok(&format!("CREATE {}", site.lab.master.admin_name("user.fred")));
}

#[test]
fn every_guide_is_listed_and_has_a_test() {
    let root = cyrsync_lab::checkout();
    let list = fs::read_to_string(root.join("docs/guides/README.md")).unwrap();
    let tests = fs::read_to_string(root.join("tests/program/guides/mod.rs")).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(root.join("docs/guides")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(guide) = name.strip_suffix(".md").filter(|name| *name != "README") else {
            continue;
        };
        assert!(list.contains(&format!("[{name}]({name})")), "{name} is not in the list");
        assert!(tests.contains(&format!("(\"{guide}\", &")), "no test follows {name}");
        count += 1;
    }
    assert!(count >= 11, "only {count} guides");
}

#[test]
fn a_replica_from_nothing() {
    let mut site = Site::unconnected(Options::default());
    has_fred(&site);
    site.deliver("master", "before");
    site.follow("new-replica", &["master", "replica"], |site, step| {
        if step == 8 {
            site.deliver("master", "followed");
            site.settled();
        }
    });
    assert_eq!(site.mail("replica"), subjects(&["before", "followed"]));
    // A file that stays would be appended again by another guide, and Cyrus would not start.
    assert!(!site.lab.master.scratch().join("pin").exists());
    // The guide says that the connection uses TLS. The replica's log must show it.
    assert!(site.lab.replica.log().contains("starttls: TLS"), "{}", site.lab.replica.log());
}

#[test]
fn two_replicas() {
    let mut site = Site::rolling(Options::default());
    site.second = Some(another_replica(&site.lab, "second", &site.options));
    site.follow_steps("new-replica", &["master", "-", "replica"], 1..=4);
    site.follow("two-replicas", &["master", "replica", "second"], |site, step| {
        if step == 3 {
            site.deliver("master", "for both");
        }
        if step == 4 {
            site.settled();
            settle(&site.lab.master, site.second.as_ref().unwrap());
        }
    });
    for place in ["replica", "second"] {
        assert_eq!(site.mail(place), subjects(&["for both"]));
    }
}

#[test]
fn the_first_sync_of_a_large_site() {
    let mut site = Site::unconnected(Options::default());
    has_fred(&site);
    site.deliver("master", "old mail");
    site.follow_steps("new-replica", &["master", "replica"], PREPARED);
    site.follow("large-site", &["master", "replica"], |site, step| match step {
        3 => site.deliver("master", "meanwhile"),
        4 => site.deliver("master", "logged"),
        5 => site.settled(),
        _ => {}
    });
    assert_eq!(site.mail("replica"), subjects(&["logged", "meanwhile", "old mail"]));
}

#[test]
fn a_planned_failover_and_back() {
    let mut site = Site::rolling(Options::default());
    site.deliver("master", "at first");
    site.settled();
    site.follow_steps("new-replica", &["replica", "master"], 1..=5);
    site.lab.master.set_config("sync_log", Some("yes"));
    let mut seen = vec!["at first".to_owned()];
    for (names, master) in [(["old", "new"], "replica"), (["new", "old"], "master")] {
        site.follow("planned-failover", &names, |site, step| {
            if step == 5 {
                site.deliver(master, &format!("to the {master}"));
            }
            if step == 7 {
                site.settled();
            }
        });
        seen.push(format!("to the {master}"));
        seen.sort();
        for place in ["master", "replica"] {
            assert_eq!(site.mail(place), seen, "{place}");
        }
    }
}

#[test]
fn the_master_is_lost() {
    let mut site = Site::rolling(Options::default());
    site.deliver("master", "before");
    site.settled();
    site.lab.replica.stop_server();
    site.deliver("master", "not sent");
    site.lab.master.stop_server();
    site.lab.replica.start_server();
    site.follow("lost-master", &["old", "new"], |site, step| {
        if step == 1 {
            site.deliver("replica", "after");
        }
        if step == 3 {
            site.follow_steps("new-replica", &["replica", "master"], 1..=5);
        }
        if step == 6 {
            site.deliver("replica", "followed");
            // A record that is expunged on both sides is not replicated, so only compare the
            // messages.
            until("the last message", || site.mail("master").contains(&"followed".to_owned()));
        }
    });
    for place in ["master", "replica"] {
        let all = subjects(&["after", "before", "followed", "not sent"]);
        assert_eq!(site.mail(place), all, "{place}");
    }
}

#[test]
fn both_sides_were_written_to() {
    let mut site = Site::rolling(Options::default());
    site.deliver("master", "common");
    site.settled();
    site.drained();
    site.deliver("replica", "only there");
    site.follow("split-brain", &["master", "replica"], |_, _| ());
    for place in ["master", "replica"] {
        assert_eq!(site.mail(place), subjects(&["common", "only there"]), "{place}");
    }
}

#[test]
fn one_user_moves() {
    let mut site = Site::unconnected(Options::default());
    has_fred(&site);
    site.deliver("master", "long ago");
    site.follow_steps("new-replica", &["master", "replica"], 1..=4);
    site.follow("move-user", &["old", "new"], |site, step| {
        if step == 3 {
            site.deliver("master", "meanwhile");
        }
    });
    Imap::admin(&site.lab.master).ok("SETACL user.fred admin x");
    Imap::admin(&site.lab.master).ok("DELETE user.fred");
    assert_eq!(site.mail("replica"), subjects(&["long ago", "meanwhile"]));
}

#[test]
#[ignore = "needs scripts/trees trixie: make guides"]
fn a_site_moves_to_cyrus_3_10() {
    let replica_tree = Some(Tree::of(Release::Trixie));
    let mut site = Site::rolling(Options { replica_tree, ..Options::default() });
    site.deliver("master", "old server");
    site.settled();
    site.follow("newer-cyrus", &["old", "new"], |_, _| ());
    site.deliver("replica", "new server");
    assert_eq!(site.mail("replica"), subjects(&["new server", "old server"]));
}

#[test]
fn from_cyruss_client_and_back() {
    let mut site = Site::new(Options::default());
    let Lab { master, replica } = &mut site.lab;
    for line in cyrsync_lab::replica_settings(replica).lines() {
        let (option, value) = line.split_once(": ").unwrap();
        master.set_config(option, Some(value));
    }
    master.set_config("sync_log", Some("yes"));
    let theirs = format!("/usr/lib/cyrus/bin/sync_client -C {} -r", master.imapd_conf().display());
    master.add_entry("DAEMON", "syncclient", &theirs);
    master.stop_server();
    master.start_server();
    has_fred(&site);
    site.deliver("master", "with Cyrus");
    site.settled();
    let status = site.lab.master.config_dir().join("sync/log-status");
    assert!(!status.exists());
    site.follow("from-cyrus", &["master", "replica"], |site, step| {
        if step == 4 {
            site.deliver("master", "with ours");
            site.settled();
            assert!(fs::read_to_string(&status).unwrap().contains("\"ended\":false"));
        }
    });
    assert!(fs::read_to_string(&status).unwrap().contains("\"ended\":true"));
    site.deliver("master", "with Cyrus again");
    site.settled();
    assert_eq!(site.mail("replica"), subjects(&["with Cyrus", "with Cyrus again", "with ours"]));
}

#[test]
fn monitoring() {
    let mut site = Site::rolling(Options::default());
    site.settled();
    let metrics: PathBuf = site.lab.master.scratch().join("cyrsync.prom");
    let printed = site.follow("monitoring", &["master", "replica"], |_, step| {
        if step == 2 {
            until("cyrsync.prom", || metrics.exists());
        }
    });
    assert!(printed[&1].starts_with("CYRSYNC OK"), "{printed:#?}");
}

#[test]
fn alarms() {
    let mut site = Site::rolling(Options::default());
    site.settled();
    site.lab.replica.stop_server();
    site.deliver("master", "while it is away");
    let status = site.lab.master.config_dir().join("sync/log-status");
    until("unreachable", || fs::read_to_string(&status).unwrap().contains("\"unreachable\""));
    let printed = site.follow("alarms", &["master", "replica"], |site, step| {
        if step == 2 {
            site.settled();
        }
    });
    assert!(printed[&1].starts_with("CYRSYNC CRITICAL"), "{printed:#?}");
    assert!(printed[&2].contains("FAIL"), "{printed:#?}");
    assert!(compare(&site.lab.master, &site.lab.replica).is_empty());
}

/// Follows the instructions of docs/rolling.md to remove a daemon from cyrus.conf.
#[test]
fn a_daemon_whose_entry_is_gone_stays_away() {
    let mut site = Site::rolling(Options::default());
    let server = &mut site.lab.master;
    let conf = server.dir().join("cyrus.conf");
    let entries = fs::read_to_string(&conf).unwrap();
    let left: Vec<&str> = entries.lines().filter(|line| !line.contains("syncclient")).collect();
    fs::write(&conf, left.join("\n") + "\n").unwrap();
    let master: i32 = fs::read_to_string(server.dir().join("pid")).unwrap().trim().parse().unwrap();
    let status = server.config_dir().join("sync/log-status");
    let written: serde_json::Value = serde_json::from_slice(&fs::read(&status).unwrap()).unwrap();
    let client = i32::try_from(written["pid"].as_i64().unwrap()).unwrap();
    let kill = |signal: &str, pid: i32| {
        // The shell's own `kill`: a minimal machine has no program of this name.
        let command = format!("kill {signal} {pid}");
        let sent = std::process::Command::new("sh").args(["-c", &command]).status();
        assert!(sent.unwrap().success());
    };
    kill("-HUP", master);
    until("the entry is gone", || server.log().contains("got SIGHUP"));
    kill("-TERM", client);
    // The process disappears when Cyrus's master process has noticed its end. If the entry were
    // still known, it would restart the daemon at that moment.
    until("its end", || !Path::new(&format!("/proc/{client}")).exists());
    site.deliver("master", "nobody takes it");
    cyrsync_lab::sync_client(env!("CARGO_BIN_EXE_sync_client"), &site.lab.master, &["-1"]).ok();
    site.settled();
}
