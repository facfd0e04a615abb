//! Measures Cyrus's sync_client and ours on the same mail: `make bench`.
//!
//! Each client gets a fresh replica of its own; both talk to it through the same forwarder, which
//! counts bytes and, for one measurement, delays them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cyrsync_lab::certs::{Authority, Valid};
use cyrsync_lab::fill::{Bulk, Filler, bulk};
use cyrsync_lab::run::{Cost, Run, start_cyrus_sync_client, start_sync_client};
use cyrsync_lab::{Cyrus, Imap, Lab, Options, Proxy, another_replica, compare, describe};

const USAGE: &str = "\
usage: bench [--client PATH] [--users N] [--folders N] [--messages N] [--big N] [--idle N]
             [--round-trip MS]
  --client      our sync_client (default: beside this program)
  --users       users (20; 0 leaves them out), --folders  mailboxes of each (5),
                --messages  in each mailbox (400)
  --big         messages in the one large mailbox (200000; 0 leaves it out)
  --idle        mailboxes where nothing changed, 50 of each user (100000; 0 leaves it out)
  --round-trip  milliseconds, for the measurement over a distance (50)
";

struct Settings {
    client: PathBuf,
    users: usize,
    folders: usize,
    messages: usize,
    big: usize,
    idle: usize,
    round_trip: Duration,
}

#[derive(Clone, Copy)]
enum Client {
    Cyrus,
    Ours,
}

/// A measured run.
struct Measured {
    cost: Cost,
    sent: u64,
    received: u64,
    /// What went wrong, if anything.
    fault: Option<String>,
}

fn main() {
    let settings = settings().unwrap_or_else(|problem| {
        eprint!("bench: {problem}\n{USAGE}");
        std::process::exit(2);
    });
    println!("{:44} {:>12} {:>12} {:>8}", "", "Cyrus's", "ours", "ratio");
    if settings.users > 0 {
        many_mailboxes(&settings);
    }
    if settings.idle > 0 {
        idle_mailboxes(&settings);
    }
    if settings.big > 0 {
        one_large_mailbox(&settings);
    }
}

fn settings() -> Result<Settings, String> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut settings = Settings {
        client: own.with_file_name("sync_client"),
        users: 20,
        folders: 5,
        messages: 400,
        big: 200_000,
        idle: 100_000,
        round_trip: Duration::from_millis(50),
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        let number = || value.parse::<usize>().map_err(|e| format!("{arg} {value}: {e}"));
        match arg.as_str() {
            "--client" => settings.client = PathBuf::from(&value),
            "--users" => settings.users = number()?,
            "--folders" => settings.folders = number()?,
            "--messages" => settings.messages = number()?,
            "--big" => settings.big = number()?,
            "--idle" => settings.idle = number()?,
            "--round-trip" => settings.round_trip = Duration::from_millis(number()? as u64),
            _ => return Err(format!("unknown option {arg}")),
        }
    }
    if !settings.client.exists() {
        return Err(format!("there is no {}; build it first", settings.client.display()));
    }
    Ok(settings)
}

fn many_mailboxes(settings: &Settings) {
    let Settings { users, folders, messages, .. } = *settings;
    let lab = Lab::new(Options::default());
    let started = Instant::now();
    bulk(&lab.master, Bulk { users, folders, messages, seed: 1 });
    let total = users * folders * messages;
    println!(
        "{total} messages in {} mailboxes, filled in {:.1?}",
        users * folders,
        started.elapsed()
    );

    let ours_replica = another_replica(&lab, "replica-of-ours", &Options::default());
    let both = [(Client::Cyrus, &lab.replica), (Client::Ours, &ours_replica)];
    let run = |round_trip: Duration| {
        both.map(|(client, replica)| measure(client, settings, &lab.master, replica, round_trip))
    };
    report("first sync", &run(Duration::ZERO), true);
    for (client, replica) in both {
        verify(client, &lab.master, replica);
    }
    report("nothing changed", &run(Duration::ZERO), true);
    over_tls(settings, &lab);

    append_everywhere(&lab.master, users);
    report(
        &format!("all mailboxes changed, {} ms round trip", settings.round_trip.as_millis()),
        &run(settings.round_trip),
        false,
    );
    for (client, replica) in both {
        verify(client, &lab.master, replica);
    }
}

/// First sync in clear and over TLS by STARTTLS, each client to fresh replicas, the runs one after
/// the other; and what TLS costs each. Over TLS sync_server no longer offers deflate: Cyrus's client
/// does without, ours asks for it all the same, so there is a run without it too.
fn over_tls(settings: &Settings, lab: &Lab) {
    let authority = Authority::new(&lab.replica, "bench");
    let certificate = authority.issue("replica", &["IP:127.0.0.1"], Valid::Now);
    let root = authority.root().display().to_string();
    lab.master.set_config("tls_server_ca_file", Some(&root));
    let first_sync = |client: Client, tls: bool, place: &str| {
        let mut replica = another_replica(lab, place, &Options::default());
        if tls {
            // Cyrus's client encrypts only where it cannot log in otherwise.
            replica.set_config("allowplaintext", Some("no"));
            replica.use_certificate(&certificate);
        }
        let measured = measure(client, settings, &lab.master, &replica, Duration::ZERO);
        verify(client, &lab.master, &replica);
        if tls != replica.log().contains("starttls: TLS") {
            println!("  {} did not do as told about TLS", name(client));
        }
        replica.stop_server();
        // Hundreds of megabytes that nobody needs any more.
        let _ = std::fs::remove_dir_all(replica.partition_dir("default"));
        measured
    };
    let both = |title: &str, tls: bool, place: &str| {
        let cyrus = first_sync(Client::Cyrus, tls, &format!("{place}-of-cyrus"));
        let measured = [cyrus, first_sync(Client::Ours, tls, &format!("{place}-of-ours"))];
        report(title, &measured, false);
        measured
    };
    let clear = both("first sync in clear", false, "clear");
    let tls = both("first sync over TLS, where Cyrus's client has no deflate", true, "tls");
    lab.master.set_config("sync_deflate_level", Some("0"));
    both("first sync over TLS, neither with deflate", true, "plain-tls");
    lab.master.set_config("sync_deflate_level", None);
    lab.master.set_config("tls_server_ca_file", None);
    let [_, clear] = clear.map(|measured| measured.cost);
    let [_, tls] = tls.map(|measured| measured.cost);
    let ratio = |tls: Duration, clear: Duration| tls.as_secs_f64() / clear.as_secs_f64().max(1e-9);
    let (wall, cpu) = (ratio(tls.wall, clear.wall), ratio(tls.cpu, clear.cpu));
    println!("  our client, TLS over clear, both with deflate: wall {wall:.2}, processor {cpu:.2}");
}

fn one_large_mailbox(settings: &Settings) {
    let lab = Lab::new(Options::default());
    let started = Instant::now();
    let mut filler = Filler::new(&lab.master, 2);
    filler.mailbox_of_sizes("user.fred", settings.big, |rng| 400 + rng.below(300));
    drop(filler);
    println!("{} messages in one mailbox, filled in {:.1?}", settings.big, started.elapsed());
    let ours_replica = another_replica(&lab, "replica-of-ours", &Options::default());
    let both = [(Client::Cyrus, &lab.replica), (Client::Ours, &ours_replica)];
    let results = both
        .map(|(client, replica)| measure(client, settings, &lab.master, replica, Duration::ZERO));
    report("first sync of one large mailbox", &results, true);
}

/// Many users whose mailboxes are all as the replica has them: what a nightly `-A` finds.
fn idle_mailboxes(settings: &Settings) {
    const FOLDERS: usize = 50;
    let lab = Lab::new(Options::default());
    let started = Instant::now();
    let users = settings.idle.div_ceil(FOLDERS);
    // The same seed makes the same mailboxes.
    let fill = |cyrus| bulk(cyrus, Bulk { users, folders: FOLDERS, messages: 0, seed: 3 });
    std::thread::scope(|scope| {
        scope.spawn(|| fill(&lab.replica));
        fill(&lab.master);
    });
    println!("{} empty mailboxes, filled in {:.1?}", users * FOLDERS, started.elapsed());
    // What filling left different, if anything.
    let first = measure(Client::Ours, settings, &lab.master, &lab.replica, Duration::ZERO);
    if let Some(fault) = first.fault {
        println!("  our client failed: {fault}");
    }
    let results = [Client::Cyrus, Client::Ours]
        .map(|client| measure(client, settings, &lab.master, &lab.replica, Duration::ZERO));
    report("nothing changed, many mailboxes", &results, true);
}

/// One new message in every mailbox of every user.
fn append_everywhere(master: &Cyrus, users: usize) {
    for user in 0..users {
        let name = format!("u{user:03}");
        let folders = Imap::admin(master).list(&format!("user.{name}.*"));
        let mut session = Imap::login(master, &name);
        for folder in std::iter::once(format!("user.{name}")).chain(folders) {
            let message = format!("Subject: new\r\n\r\nOne more for {folder}\r\n");
            let response = session.append(&master.own_name(&folder), "", message.as_bytes());
            assert!(response.is_ok(), "APPEND {folder}: {}", response.text);
        }
    }
}

fn measure(
    client: Client,
    settings: &Settings,
    master: &Cyrus,
    replica: &Cyrus,
    round_trip: Duration,
) -> Measured {
    let proxy = Proxy::new(replica.csync_port(), round_trip, false);
    master.use_replica(replica);
    master.use_port(proxy.port());
    let running = match client {
        Client::Cyrus => start_cyrus_sync_client(master, &["-A"]),
        Client::Ours => start_sync_client(&settings.client, master, &["-A"]),
    };
    let (run, cost) = running.wait_measured();
    let traffic = proxy.traffic();
    let fault = (!run.status.success()).then(|| last_words(&run));
    Measured { cost, sent: traffic.sent, received: traffic.received, fault }
}

fn last_words(run: &Run) -> String {
    let words = run.stderr.lines().chain(run.log.lines()).last().unwrap_or("without a word");
    format!("{}: {words}", run.status)
}

fn verify(client: Client, master: &Cyrus, replica: &Cyrus) {
    let differences = compare(master, replica);
    if !differences.is_empty() {
        let who = name(client);
        println!("  {who} left the replica different: {}", describe(&differences, 5));
    }
}

fn name(client: Client) -> &'static str {
    match client {
        Client::Cyrus => "Cyrus's client",
        Client::Ours => "our client",
    }
}

fn report(title: &str, [cyrus, ours]: &[Measured; 2], with_memory: bool) {
    println!("{title}");
    for (measured, client) in [(cyrus, Client::Cyrus), (ours, Client::Ours)] {
        if let Some(fault) = &measured.fault {
            println!("  {} failed: {fault}", name(client));
        }
    }
    let seconds = |d: Duration| d.as_secs_f64();
    let mebi = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    row("wall time, s", seconds(cyrus.cost.wall), seconds(ours.cost.wall));
    row("client processor time, s", seconds(cyrus.cost.cpu), seconds(ours.cost.cpu));
    if with_memory {
        let peak = |m: &Measured| m.cost.peak_kib as f64 / 1024.0;
        row("client peak memory, MiB", peak(cyrus), peak(ours));
    }
    row("sent, MiB", mebi(cyrus.sent), mebi(ours.sent));
    row("received, MiB", mebi(cyrus.received), mebi(ours.received));
}

/// A ratio above 1 means that ours needs less.
fn row(what: &str, cyrus: f64, ours: f64) {
    let ratio = if ours > 0.0 { format!("{:.2}", cyrus / ours) } else { "-".to_owned() };
    println!("  {what:42} {cyrus:>12.3} {ours:>12.3} {ratio:>8}");
}
