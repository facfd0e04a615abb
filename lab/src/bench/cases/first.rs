//! Benchmarks of the first sync of many users to a new replica.

use super::super::Bench;
use super::super::contender::{CYRUS, Client, Contender, OURS};
use super::super::ground::{Ground, thousands};
use super::super::measure::measure;
use super::super::result::{Case, Measure, Row, Sample};
use super::super::settings::Settings;
use crate::certs::{Authority, Valid};
use crate::fill::Bulk;
use crate::link::Line;

/// Measures the first sync of both clients with their defaults, and of ours with one connection.
pub fn sync(bench: &Bench) -> Vec<Case> {
    if bench.settings.users == 0 {
        return Vec::new();
    }
    let mut contenders = vec![Contender::cyrus(), Contender::ours()];
    let one = Contender::jobs(1);
    if bench.abilities.jobs {
        contenders.push(one.clone());
    }
    let rows = first_syncs(bench, bench.ground(), &contenders, None);
    let case = Case::new("first-sync", title(bench, "first sync")).with_rows(rows);
    vec![
        case.target("first sync", OURS, Measure::Wall, 0.12)
            .target("first sync, one connection", &one.name, Measure::Wall, 0.22)
            .target("first sync, client CPU", OURS, Measure::ClientCpu, 0.08),
    ]
}

/// Measures the first sync of our client with 1, 2 and 4 connections.
pub fn workers(bench: &Bench) -> Vec<Case> {
    if bench.settings.users == 0 {
        return Vec::new();
    }
    let mut case = Case::new("workers", title(bench, "first sync, several connections"));
    if !bench.abilities.jobs {
        case.notes.push("left out: this client knows no --jobs".to_owned());
        return vec![case];
    }
    let contenders = [1, 2, 4].map(Contender::jobs);
    vec![case.with_rows(first_syncs(bench, bench.ground(), &contenders, None))]
}

/// Measures the first sync over TLS by STARTTLS. Over TLS, sync_server does not offer deflate, and
/// Cyrus's client does not use it. Our client requests deflate anyway, so it also runs once without
/// deflate.
pub fn tls(bench: &Bench) -> Vec<Case> {
    if bench.settings.users == 0 {
        return Vec::new();
    }
    let ground = bench.ground();
    let master = ground.master();
    let authority = Authority::new(master, "bench");
    let certificate = authority.issue("replica", &["IP:127.0.0.1"], Valid::Now);
    let root = authority.root().display().to_string();
    master.set_config("tls_server_ca_file", Some(&root));
    let contenders = [Contender::cyrus(), Contender::ours(), Contender::level("0")];
    let rows = bench.over(None, &contenders, |contender, round, wire| {
        let mut replica = ground.fresh();
        // Cyrus's client encrypts only if it cannot log in otherwise.
        replica.set_config("allowplaintext", Some("no"));
        replica.use_certificate(&certificate);
        let both = [master, &*replica];
        let sample = measure(&bench.settings, contender, both, &["-A"], wire)?;
        if !replica.log().contains("starttls: TLS") {
            return Err("it did not encrypt".to_owned());
        }
        verified(ground, &replica, round, sample)
    });
    master.set_config("tls_server_ca_file", None);
    let case = Case::new("tls", title(bench, "first sync over TLS")).with_rows(rows);
    vec![case.target("first sync over TLS", OURS, Measure::Wall, 0.45)]
}

/// Measures the first sync from a spool on disk of which the kernel has cached nothing.
pub fn cold(bench: &Bench) -> Vec<Case> {
    let settings = &bench.settings;
    let Settings { users, folders, messages, mix, .. } = *settings;
    if users == 0 {
        return Vec::new();
    }
    let bulk = Bulk { users, folders, messages, seed: 11 };
    let ground = Ground::on_disk(bulk, mix, &std::env::temp_dir());
    let rows = bench.over(None, &both(), |contender, round, wire| {
        let replica = ground.fresh();
        ground.cool();
        let servers = [ground.master(), &*replica];
        let sample = measure(settings, contender, servers, &["-A"], wire)?;
        verified(&ground, &replica, round, sample)
    });
    let title = format!("first sync from a cold cache: {:.0} MB on disk", ground.megabytes());
    vec![Case::new("cold", title).with_rows(rows)]
}

/// Measures runs to new replicas, locally or over a line. In the first round the replica is
/// compared with the master.
pub fn first_syncs(
    bench: &Bench,
    ground: &Ground,
    contenders: &[Contender],
    line: Option<Line>,
) -> Vec<Row> {
    bench.over(line, contenders, |contender, round, wire| {
        let replica = ground.fresh();
        let both = [ground.master(), &*replica];
        let sample = measure(&bench.settings, contender, both, &["-A"], wire)?;
        verified(ground, &replica, round, sample)
    })
}

/// Returns the sample if the replica equals the master. Compares them only in the first round.
pub fn verified(
    ground: &Ground,
    replica: &crate::Cyrus,
    round: usize,
    sample: Sample,
) -> Result<Sample, String> {
    if round == 0 {
        ground.verify(replica)?;
    }
    Ok(sample)
}

/// Returns both clients with their defaults.
pub fn both() -> [Contender; 2] {
    let both = [Contender::cyrus(), Contender::ours()];
    debug_assert!(both[0].client == Client::Cyrus && both[0].name == CYRUS);
    both
}

fn title(bench: &Bench, what: &str) -> String {
    let settings = &bench.settings;
    let mailboxes = settings.users * settings.folders;
    format!(
        "{what}: {} messages, {:.0} MB, {} mailboxes of {} users",
        thousands(mailboxes * settings.messages),
        bench.ground().megabytes(),
        thousands(mailboxes),
        thousands(settings.users)
    )
}
