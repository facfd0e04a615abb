//! Shows the progress of a run: as a bar on a terminal, else as lines.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::sys::syslog;
use cyrsync::monitor::{ProgressSnapshot, Status};
use cyrsync::{Level, Progress};
use indicatif::{
    HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle,
};

use crate::flags::{Low, Mode};
use crate::systemd;
use crate::terminal::{self, complain};

/// Time before the bar appears. A shorter run shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between two updates of the bar.
const FRAME: Duration = Duration::from_millis(250);
/// Time between two progress lines (`--progress`).
const MINUTE: Duration = Duration::from_secs(60);
/// Length of the bar in steps.
const STEPS: u64 = 1000;
const WITH_BAR: &str = "{spinner} [{bar:12}] {percent:>3} % {wide_msg}";
const WITHOUT_BAR: &str = "{spinner} {wide_msg}";

/// Reports the progress of the program's client.
#[derive(Debug)]
pub struct Reporter {
    began: Instant,
    followed: Mutex<Followed>,
}

/// The sources of the progress.
#[derive(Debug, Default)]
struct Followed {
    client: Option<Progress>,
    /// The last status of rolling replication.
    status: Option<Status>,
}

impl Default for Reporter {
    fn default() -> Reporter {
        Reporter { began: Instant::now(), followed: Mutex::default() }
    }
}

impl Reporter {
    /// Reports the progress of this client from now on.
    pub fn follow(&self, client: Progress) {
        self.followed().client = Some(client);
    }

    /// Stores the status of rolling replication.
    pub fn note(&self, status: &Status) {
        self.followed().status = Some(status.clone());
    }

    /// Writes a progress line to stderr and syslog.
    pub fn tell(&self) {
        let line = self.line();
        complain(&line);
        syslog::send(Level::Info, &line);
    }

    /// Returns a function that requests a progress line and does not wait for it.
    pub fn on_request(self: &Arc<Reporter>) -> impl Fn() + Send + 'static {
        let reporter = self.clone();
        aside(move || reporter.tell())
    }

    fn followed(&self) -> MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self) -> ProgressSnapshot {
        self.followed().client.as_ref().map(Progress::snapshot).unwrap_or_default()
    }

    fn line(&self) -> String {
        let reached = self.snapshot();
        match &self.followed().status {
            Some(status) => rolling_line(status, &reached),
            None => line(&reached, self.began.elapsed()),
        }
    }
}

/// Starts a thread that calls `work` on request, and returns a function that makes a request. The
/// function does not wait, because writing to stderr blocks while nobody reads it. All requests
/// during a call of `work` cause only one more call.
fn aside(work: impl Fn() + Send + 'static) -> impl Fn() + Send + 'static {
    let (ask, asked) = sync_channel(1);
    // If the thread cannot be started, requests have no effect; the run continues.
    let spawned = thread::Builder::new()
        .name("report".into())
        .spawn(move || asked.iter().for_each(|()| work()));
    move || {
        if spawned.is_ok() {
            let _ = ask.try_send(());
        }
    }
}

/// Formats a line such as
/// `PROGRESS users=<2 of 9> mailboxes=<20 of 70> messages=<300> ... seconds=<60> left=<2m>`.
fn line(reached: &ProgressSnapshot, elapsed: Duration) -> String {
    let of = |done: u64, all: Option<u64>| match all {
        Some(all) => format!("{done} of {all}"),
        None => done.to_string(),
    };
    let ProgressSnapshot { users, mailboxes, expected, totals, .. } = reached;
    let left = reached.left().map_or("unknown".to_owned(), brief);
    format!(
        "PROGRESS users=<{}> mailboxes=<{}> messages=<{}> bytes=<{}> rate=<{}/s> seconds=<{}> \
         left=<{left}>",
        of(*users, expected.users),
        of(*mailboxes, expected.mailboxes),
        totals.messages,
        totals.bytes,
        HumanBytes(rate(reached, elapsed)),
        elapsed.as_secs(),
    )
}

fn rolling_line(status: &Status, reached: &ProgressSnapshot) -> String {
    let totals = &reached.totals;
    format!(
        "PROGRESS {}; {} messages of {} since it began",
        systemd::words(status),
        totals.messages,
        HumanBytes(totals.bytes)
    )
}

/// Returns the bytes of messages per second.
fn rate(reached: &ProgressSnapshot, elapsed: Duration) -> u64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { (reached.totals.bytes as f64 / seconds) as u64 } else { 0 }
}

/// Formats a duration briefly, in its largest unit.
fn brief(time: Duration) -> String {
    format!("{:#}", HumanDuration(time))
}

/// Formats the text beside the bar. The most important part comes first, because a narrow terminal
/// cuts off the end.
fn message(reached: &ProgressSnapshot, elapsed: Duration) -> String {
    let of = |what: &str, done: u64, all: Option<u64>| match all {
        Some(all) => Some(format!("{what} {}/{}", HumanCount(done), HumanCount(all))),
        None => (done > 0).then(|| format!("{what} {}", HumanCount(done))),
    };
    let ProgressSnapshot { users, mailboxes, expected, totals, .. } = reached;
    let left = reached.left().map(|left| format!("{} left", brief(left)));
    let parts = [
        left,
        of("users", *users, expected.users),
        of("mailboxes", *mailboxes, expected.mailboxes),
        Some(format!("messages {}", HumanCount(totals.messages))),
        Some(HumanBytes(totals.bytes).to_string()),
        Some(format!("{}/s", HumanBytes(rate(reached, elapsed)))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A guard that shows the progress until it is dropped.
pub struct Shown {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts to show the progress: as a bar if stderr is a terminal, or as a line every minute with
/// `--progress`. Otherwise shows nothing.
pub fn show(mode: Mode, low: &Low, reporter: &Arc<Reporter>) -> Shown {
    let is_once = mode != Mode::Rolling && !low.dry_run;
    // An unknown kind of terminal cannot show a bar.
    let has_bar = is_once && low.verbose < 2 && !ProgressDrawTarget::stderr().is_hidden();
    let reporter = reporter.clone();
    let (end, ended) = channel::<()>();
    let goes_on = move |time| ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
    let work: Box<dyn FnOnce() + Send> = if has_bar {
        Box::new(move || bar(&reporter, goes_on))
    } else if low.progress {
        Box::new(move || lines(goes_on, || reporter.tell()))
    } else {
        return Shown { end: None, thread: None };
    };
    // If the thread cannot be started, nothing is shown; the run continues.
    let thread = thread::Builder::new().name("progress".into()).spawn(work).ok();
    Shown { end: Some(end), thread }
}

fn lines(goes_on: impl Fn(Duration) -> bool, tell: impl Fn()) {
    while goes_on(MINUTE) {
        tell();
    }
}

fn bar(reporter: &Reporter, goes_on: impl Fn(Duration) -> bool) {
    if !goes_on(PATIENCE) {
        return;
    }
    let bar = ProgressBar::new(STEPS);
    terminal::keep_off(&bar);
    let mut has_bar = None;
    loop {
        let reached = reporter.snapshot();
        let share = reached.share();
        if has_bar != Some(share.is_some()) {
            has_bar = Some(share.is_some());
            let template = if share.is_some() { WITH_BAR } else { WITHOUT_BAR };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
        }
        bar.set_position((share.unwrap_or_default() * STEPS as f64) as u64);
        bar.set_message(message(&reached, reporter.began.elapsed()));
        bar.tick();
        if !goes_on(FRAME) {
            break;
        }
    }
    bar.finish_and_clear();
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use cyrsync::monitor::Expected;

    use super::*;

    fn expected(users: u64, mailboxes: u64) -> Expected {
        let mut expected = Expected::default();
        (expected.users, expected.mailboxes) = (Some(users), Some(mailboxes));
        expected
    }

    fn reached(expected: Expected) -> ProgressSnapshot {
        let mut reached = ProgressSnapshot::default();
        (reached.users, reached.mailboxes, reached.expected) = (1, 25, expected);
        (reached.totals.messages, reached.totals.bytes) = (1234, 6 << 20);
        reached.elapsed = Duration::from_secs(60);
        reached
    }

    #[test]
    fn a_line_says_how_far_it_is_and_what_is_left() {
        let expected = expected(4, 100);
        assert_eq!(
            line(&reached(expected), Duration::from_secs(60)),
            "PROGRESS users=<1 of 4> mailboxes=<25 of 100> messages=<1234> bytes=<6291456> \
             rate=<102.40 KiB/s> seconds=<60> left=<3m>"
        );
        assert_eq!(
            line(&reached(Expected::default()), Duration::from_secs(60)),
            "PROGRESS users=<1> mailboxes=<25> messages=<1234> bytes=<6291456> \
             rate=<102.40 KiB/s> seconds=<60> left=<unknown>"
        );
    }

    #[test]
    fn there_is_a_line_every_minute_until_it_ends() {
        let (minutes, reported) = (Cell::new(0), Cell::new(0));
        let goes_on = |time| {
            assert_eq!(time, Duration::from_secs(60));
            minutes.set(minutes.get() + 1);
            minutes.get() < 4
        };
        lines(goes_on, || reported.set(reported.get() + 1));
        assert_eq!(reported.get(), 3);
    }

    #[test]
    fn a_request_for_progress_does_not_block_if_the_output_is_not_read() {
        let (begun, begins) = channel();
        let (reads, read) = channel::<()>();
        let ask = aside(move || {
            begun.send(()).unwrap();
            // Blocks like a write to stderr that nobody reads, until the test sends a message.
            let _ = read.recv();
        });
        ask();
        begins.recv().unwrap();
        (0..10).for_each(|_| ask());
        reads.send(()).unwrap();
        begins.recv().unwrap();
        drop(reads);
        assert!(begins.recv_timeout(Duration::from_millis(50)).is_err(), "it was asked once more");
    }

    #[test]
    fn a_bar_has_the_same_beside_it() {
        let expected = expected(4, 1000);
        assert_eq!(
            message(&reached(expected), Duration::from_secs(60)),
            "39m left, users 1/4, mailboxes 25/1,000, messages 1,234, 6.00 MiB, 102.40 KiB/s"
        );
    }

    #[test]
    fn rolling_replication_says_what_its_status_says() {
        let status = Status::unknown("mx2", Some("far"));
        assert_eq!(
            rolling_line(&status, &reached(Expected::default())),
            "PROGRESS channel far: connecting to mx2; 1234 messages of 6.00 MiB since it began"
        );
    }
}
