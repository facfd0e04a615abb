//! Measures the delay of a message from master to replica in rolling replication, with Cyrus's
//! sync_client and ours: from the return of APPEND until a client of the replica sees the message.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cyrsync_lab::run::{Running, start_cyrus_sync_client, start_sync_client};
use cyrsync_lab::{Imap, Lab, Rng};

const USAGE: &str = "\
usage: lag [--client PATH] [--samples N]
  --client   our sync_client (default: beside this program)
  --samples  messages for each figure (100)
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

fn main() {
    let (client, samples) = settings().unwrap_or_else(|problem| {
        eprint!("lag: {problem}\n{USAGE}");
        std::process::exit(2);
    });
    println!("{:34} {:>10} {:>10} {:>10} {:>10}", "milliseconds", "best", "median", "p90", "worst");
    for interval in ["0", "1"] {
        let lab = Lab::default();
        Imap::admin(&lab.master).ok("CREATE user.fred");
        lab.master.set_config("sync_repeat_interval", Some(interval));
        let medians = [Client::Cyrus, Client::Ours].map(|which| {
            let running = match which {
                Client::Cyrus => start_cyrus_sync_client(&lab.master, &["-R"]),
                Client::Ours => start_sync_client(&client, &lab.master, &["-R"]),
            };
            let idle = interval != "0";
            let lags = measure(&lab, samples, idle);
            end(running);
            report(&format!("{}, sync_repeat_interval: {interval}", name(which)), &lags)
        });
        let [cyrus, ours] = medians;
        println!("{:34} {:>21.1}", "ratio of medians", cyrus / ours);
    }
}

fn settings() -> Result<(PathBuf, usize), String> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut settings = (own.with_file_name("sync_client"), 100);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--client" => settings.0 = PathBuf::from(&value),
            "--samples" => settings.1 = value.parse().map_err(|e| format!("{value}: {e}"))?,
            _ => return Err(format!("unknown option {arg}")),
        }
    }
    match settings.0.exists() {
        true if settings.1 > 0 => Ok(settings),
        true => Err("--samples must not be 0".to_owned()),
        false => Err(format!("there is no {}; build it first", settings.0.display())),
    }
}

/// Appends messages one by one, each after the previous one has arrived. With `idle`, waits so long
/// before each that nothing was logged for longer than the interval.
fn measure(lab: &Lab, samples: usize, idle: bool) -> Vec<Duration> {
    let mut master = Imap::login(&lab.master, "fred");
    let mut rng = Rng::new(1);
    let mut replica = None;
    let mut lags = Vec::new();
    for number in 0..WARM_UP + samples {
        // A random pause, so that no timer of the programs favours a moment.
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

/// Prints a line. Returns the median in milliseconds.
fn report(title: &str, lags: &[Duration]) -> f64 {
    let mut lags: Vec<f64> = lags.iter().map(|lag| lag.as_secs_f64() * 1000.0).collect();
    lags.sort_by(f64::total_cmp);
    let at = |part: f64| {
        let index = (lags.len() - 1) as f64 * part;
        lags.get(index.round() as usize).copied().unwrap_or_default()
    };
    let [best, median, p90, worst] = [0.0, 0.5, 0.9, 1.0].map(at);
    println!("{title:34} {best:>10.1} {median:>10.1} {p90:>10.1} {worst:>10.1}");
    median
}
