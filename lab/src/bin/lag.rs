//! Measures the delay of a message from master to replica in rolling replication, with Cyrus's
//! sync_client and ours: from the return of APPEND until a client of the replica sees the message.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cyrsync_lab::bench::lag::{self, Lag};
use cyrsync_lab::run::{Running, start_cyrus_sync_client, start_sync_client};
use cyrsync_lab::{Imap, Lab, Rng};

const USAGE: &str = "\
usage: lag [--client PATH] [--samples N] [--docs PAGE]
  --client   our sync_client (default: beside this program)
  --samples  messages for each figure (100)
  --docs     write table and picture of this page: docs/performance.md
";
/// Interval between two queries of the replica.
const LOOK: Duration = Duration::from_micros(500);
/// Messages that are sent before the measurement starts.
const WARM_UP: usize = 3;

#[derive(Clone, Copy)]
enum Client {
    Cyrus,
    Ours,
}

struct Settings {
    client: PathBuf,
    samples: usize,
    docs: Option<PathBuf>,
}

fn main() {
    let Settings { client, samples, docs } = settings().unwrap_or_else(|problem| {
        eprint!("lag: {problem}\n{USAGE}");
        std::process::exit(2);
    });
    println!("{:34} {:>10} {:>10} {:>10} {:>10}", "milliseconds", "best", "median", "p90", "worst");
    let mut lags = Vec::new();
    for interval in ["0", "1"] {
        let lab = Lab::default();
        Imap::admin(&lab.master).ok("CREATE user.fred");
        lab.master.set_config("sync_repeat_interval", Some(interval));
        for which in [Client::Cyrus, Client::Ours] {
            let running = match which {
                Client::Cyrus => start_cyrus_sync_client(&lab.master, &["-R"]),
                Client::Ours => start_sync_client(&client, &lab.master, &["-R"]),
            };
            let idle = interval != "0";
            let measured = measure(&lab, samples, idle);
            end(running);
            let title = format!("{}, `sync_repeat_interval: {interval}`", name(which));
            let lag = Lag::of(&title, &measured);
            let Lag { best, median, p90, worst, .. } = lag;
            println!("{title:34} {best:>10.1} {median:>10.1} {p90:>10.1} {worst:>10.1}");
            lags.push(lag);
        }
        if let [.., cyrus, ours] = &lags[..] {
            println!("{:34} {:>21.1}", "ratio of medians", cyrus.median / ours.median);
        }
    }
    if let Some(page) = docs {
        lag::write(&page, &lags).unwrap_or_else(|problem| {
            eprintln!("lag: {problem}");
            std::process::exit(1);
        });
    }
}

fn settings() -> Result<Settings, String> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let client = own.with_file_name("sync_client");
    let mut settings = Settings { client, samples: 100, docs: None };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--client" => settings.client = PathBuf::from(&value),
            "--samples" => settings.samples = value.parse().map_err(|e| format!("{value}: {e}"))?,
            "--docs" => settings.docs = Some(PathBuf::from(&value)),
            _ => return Err(format!("unknown option {arg}")),
        }
    }
    if settings.samples == 0 {
        return Err("--samples must not be 0".to_owned());
    }
    if !settings.client.exists() {
        return Err(format!("there is no {}; build it first", settings.client.display()));
    }
    Ok(settings)
}

/// Appends messages one by one, each after the previous one has arrived. With `idle`, waits before
/// each message for longer than the interval in which sync_client reads the log.
fn measure(lab: &Lab, samples: usize, idle: bool) -> Vec<Duration> {
    let mut master = Imap::login(&lab.master, "fred");
    let mut rng = Rng::new(1);
    let mut replica = None;
    let mut lags = Vec::new();
    for number in 0..WARM_UP + samples {
        // A random pause, so that messages are not in step with a timer of the programs.
        let pause = if idle { 1_200 } else { 5 } + rng.below(1_000 / if idle { 1 } else { 10 });
        std::thread::sleep(Duration::from_millis(pause as u64));
        let message = format!("Subject: message {number}\r\n\r\nThis is number {number}.\r\n");
        let response = master.append("INBOX", "", message.as_bytes());
        let returned = Instant::now();
        assert!(response.is_ok(), "APPEND: {response:?}");
        // The INBOX does not exist on the replica before the first message has arrived.
        let seen = replica.get_or_insert_with(|| first(lab));
        if number > 0 {
            await_another(seen);
        }
        if number >= WARM_UP {
            lags.push(returned.elapsed());
        }
    }
    lags
}

/// Returns a session on the replica with fred's INBOX selected, once all messages have arrived.
fn first(lab: &Lab) -> Imap {
    let count = |imap: &mut Imap| imap.uids().len();
    let wanted = count(&mut Imap::login(&lab.master, "fred").with_selected("INBOX"));
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let mut session = Imap::login(&lab.replica, "fred");
        if session.command("SELECT INBOX").is_ok() && count(&mut session) == wanted {
            return session;
        }
    }
}

fn await_another(replica: &mut Imap) {
    let arrived = |line: &String| line.ends_with(" EXISTS");
    while !replica.ok("NOOP").lines().iter().any(arrived) {
        std::thread::sleep(LOOK);
    }
}

fn end(running: Running) {
    running.signal(libc::SIGTERM);
    let run = running.wait();
    assert_eq!(run.status.code(), Some(75), "{run}");
}

fn name(client: Client) -> &'static str {
    match client {
        Client::Cyrus => "Cyrus's",
        Client::Ours => "ours",
    }
}
