//! Rolling replication (`do_daemon` in Cyrus's `imap/sync_client.c`): takes over what a channel's
//! log says, does it, waits for more.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::log::LOG;
use super::reach::Persistence;
use super::{Client, Context};
use crate::error::{Error, Kind, Result};
use crate::events::{Level, RunEvent};
use crate::rolling::backlog::{Backlog, Why};
use crate::rolling::channel::{Channel, Kept, Taken};
use crate::rolling::item::Item;
use crate::rolling::run::{Run, Undone};
use crate::rolling::watch::Watch;
use crate::rolling::work::{self, Work};
use crate::sync::{Care, TICK, is_locked};

/// How often the shutdown file is looked for.
const LOOK: Duration = Duration::from_millis(1_100);
/// How often the log is looked for where the system tells of it, for it may miss something.
const LOOK_FOR_LOG: Duration = Duration::from_secs(10);
/// How often what is left of a long log is noted on disk, at most.
const NOTE_EVERY: Duration = Duration::from_secs(2);
/// Time without another entry after which a change counts as complete.
const QUIET: Duration = Duration::from_millis(5);
/// How often that is waited for.
const QUIET_TRIES: u32 = 3;
/// After so long a work file of another client is taken for one that was left behind.
const ADOPT: Duration = Duration::from_secs(600);
/// After the disk refused what must be written to it.
const DISK_PAUSE: Duration = Duration::from_secs(10);

/// How to roll.
#[derive(Debug, Clone, Default)]
pub struct Rolling {
    /// Least time from one run to the next (`-d`, `sync_repeat_interval`).
    pub interval: Duration,
    /// The replica is told to let go of everything after so long (`-t`); zero for never.
    pub restart_after: Duration,
    /// A file that asks for the end by being there (`-F`, `sync_shutdown_file`).
    pub shutdown_file: Option<PathBuf>,
    /// Only what is logged now (`-1`).
    pub once: bool,
    /// How persistently to connect.
    pub persistence: Persistence,
}

/// Why rolling replication ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// The shutdown file was there; it is removed.
    ShutdownFile,
    /// The replica said goodbye, and it was to be connected to only once.
    Goodbye,
    /// Somebody called [`Cancel::nudge`](super::Cancel::nudge). Called again, it goes on, and
    /// tries at once what had failed.
    Nudged,
    /// What was logged is done, or put back to the log: so many parts.
    Once {
        /// Parts that somebody else was at work on: next time is soon enough.
        deferred: usize,
        /// Parts that failed.
        failed: usize,
    },
}

/// The loop's state.
struct Roll<'r> {
    options: &'r Rolling,
    channel: Channel,
    watch: Watch,
    queue: VecDeque<Part>,
    backlog: Backlog,
    /// What the work file holds.
    noted: Vec<u8>,
    /// Whether all that is not done is in the log, for the work file is another client's.
    lent: bool,
    /// Since when it is.
    others: Option<Instant>,
    /// Whether the work file holds what was not read yet: then nothing may take its place.
    unread: bool,
    /// Where in it is what waits already.
    put_back: Range<u64>,
    last_take: Option<Instant>,
    /// When the log was looked for last without finding one, unless something happened since.
    missed: Option<Instant>,
    session_since: Instant,
    /// Whether the replica ended the last session by itself.
    goodbye: bool,
    nudges: u32,
}

/// A part that waits for its turn.
struct Part {
    work: Work,
    tries: u32,
    losses: u32,
}

impl Client {
    /// Replicates what is logged to the client's channel until asked to stop. A part that fails
    /// stays in the log and is tried again after a growing pause; it stops no other.
    ///
    /// # Errors
    /// If the log cannot be used at all, the replica refuses us for good, or was to be tried once
    /// and cannot be reached. What is not done is in the log then, as it always is.
    pub fn roll(&mut self, options: &Rolling) -> Result<Ended> {
        let channel = Channel::new(&self.log);
        let _claim = channel.claim()?;
        self.open_cache();
        let watch = Watch::new(channel.log().parent().unwrap_or(channel.log()));
        let mut roll = Roll {
            options,
            channel,
            watch,
            queue: VecDeque::new(),
            backlog: Backlog::default(),
            noted: Vec::new(),
            lent: false,
            others: None,
            unread: true,
            put_back: 0..0,
            last_take: None,
            missed: None,
            session_since: Instant::now(),
            goodbye: false,
            nudges: self.cancel.nudges(),
        };
        let rolling = self.interrupts.rolling(options.shutdown_file.clone(), roll.nudges);
        let ended = roll.run(self);
        drop(rolling);
        // Whatever the reason: what is left is on disk. If that fails what was there still is.
        let noted = roll.note(self);
        let ended = ended?;
        noted?;
        Ok(ended)
    }
}

impl Roll<'_> {
    fn run(&mut self, client: &mut Client) -> Result<Ended> {
        match self.reach(client) {
            Ok(()) => {}
            Err(error) if error.kind() == Kind::Cancelled => return self.interrupted(client),
            Err(error) => return Err(error),
        }
        if self.channel.work().exists() {
            let work = self.channel.work().display().to_string();
            client.observer.log(Level::Notice, &format!("Reprocessing sync log file {work}"));
        }
        self.read_work(client)?;
        let mut taken = false;
        loop {
            if client.cancel.is_finishing() || self.shutdown_requested() {
                return self.stop();
            }
            if client.cancel.nudges() != self.nudges {
                return Ok(Ended::Nudged);
            }
            if self.queue.is_empty() && !(self.options.once && taken) {
                taken = true;
                self.take(client)?;
            }
            let now = Instant::now();
            let due = self.backlog.take_due(now);
            self.queue.extend(due.into_iter().map(|(work, tries)| Part { work, tries, losses: 0 }));
            if self.queue.is_empty() {
                if self.options.once {
                    return self.put_back();
                }
                self.keep_session(client)?;
                self.wait(client, now);
                continue;
            }
            match self.work_through(client) {
                Ok(()) => {}
                Err(error) if error.kind() == Kind::Cancelled => return self.interrupted(client),
                Err(error) if self.goodbye && error.is_connection() => {
                    client.observer.log(Level::Notice, &format!("the replica is gone: {error}"));
                    return Ok(Ended::Goodbye);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Connects, as persistently as was asked for.
    fn reach(&mut self, client: &mut Client) -> Result<()> {
        let file = self.options.shutdown_file.clone();
        let (cancel, nudges) = (client.cancel.clone(), self.nudges);
        // Started over, another configuration may tell another way to the replica.
        let mut give_up =
            || file.as_ref().is_some_and(|file| file.exists()) || cancel.nudges() != nudges;
        let was_connected = client.session.is_some();
        let persistence =
            Persistence { even_if_refused: !self.options.once, ..self.options.persistence };
        client.reach(persistence, &mut give_up)?;
        if !was_connected {
            self.session_since = Instant::now();
        }
        Ok(())
    }

    fn shutdown_requested(&self) -> bool {
        self.options.shutdown_file.as_ref().is_some_and(|file| file.exists())
    }

    /// A wait was ended: by whom?
    fn interrupted(&mut self, client: &Client) -> Result<Ended> {
        let is_nudged = client.cancel.nudges() != self.nudges;
        match is_nudged && !client.cancel.is_finishing() && !self.shutdown_requested() {
            true => Ok(Ended::Nudged),
            false => self.stop(),
        }
    }

    fn stop(&mut self) -> Result<Ended> {
        let Some(file) = self.options.shutdown_file.as_ref().filter(|file| file.exists()) else {
            return Ok(Ended::Stopped);
        };
        let removed = std::fs::remove_file(file);
        removed.map_err(|error| {
            Error::io("remove shutdown file", file, error).or_hint("remove it by hand")
        })?;
        Ok(Ended::ShutdownFile)
    }

    /// Puts what could not be done back to the log, for the next time.
    fn put_back(&mut self) -> Result<Ended> {
        let undone = self.undone();
        if !undone.is_empty() && !self.lent {
            self.channel.append(&undone)?;
            self.channel.keep(b"")?;
        }
        let (deferred, failed) = self.backlog.counts();
        self.backlog = Backlog::default();
        self.noted.clear();
        Ok(Ended::Once { deferred, failed })
    }

    /// Takes over what was logged, if it is time to.
    fn take(&mut self, client: &Client) -> Result<()> {
        let now = Instant::now();
        if self.last_take.is_some_and(|last| now < last + self.options.interval) {
            return Ok(());
        }
        // Whoever logs something is heard of.
        if self.missed.is_some_and(|missed| now < missed + LOOK_FOR_LOG) && !self.options.once {
            return Ok(());
        }
        match self.take_over(client) {
            Ok(false) => self.missed = Some(now).filter(|_| !self.watch.is_blind()),
            Ok(true) => self.last_take = Some(now),
            Err(error) if self.options.once => return Err(error),
            // A full disk, say. What was logged is where it was.
            Err(error) => {
                client.observer.log(Level::Error, &format!("SYNCERROR: {error}"));
                self.last_take = Some(now + DISK_PAUSE);
            }
        }
        Ok(())
    }

    /// Whether there was something.
    fn take_over(&mut self, client: &Client) -> Result<bool> {
        if !self.unread {
            let undone = if self.lent { Vec::new() } else { self.undone() };
            match self.channel.take(&undone)? {
                Taken::Nothing => return Ok(false),
                Taken::Others => {
                    self.lend(client)?;
                    let since = *self.others.get_or_insert_with(Instant::now);
                    if since.elapsed() < ADOPT {
                        return Ok(false);
                    }
                    self.put_back = 0..0;
                }
                Taken::Work(put_back) => self.put_back = put_back,
            }
            self.unread = true;
        }
        self.read_work(client)?;
        if self.queue.is_empty() {
            self.try_to_note(client);
        }
        Ok(true)
    }

    /// Reads the work file, if there is one.
    fn read_work(&mut self, client: &Client) -> Result<()> {
        if let Some(file) = self.channel.open_work()? {
            let mut items = self.read(client, file, self.put_back.clone())?;
            self.backlog.absorb(&mut items);
            self.enqueue(client, items);
        }
        self.unread = false;
        self.lent = false;
        self.others = None;
        self.put_back = 0..0;
        self.noted = self.undone();
        Ok(())
    }

    fn enqueue(&mut self, client: &Client, items: Vec<Item>) {
        let parts = work::parts(items, &client.namespace);
        self.queue.extend(parts.into_iter().map(|work| Part { work, tries: 0, losses: 0 }));
    }

    /// The entries of a log but those that we put there ourselves.
    fn read(&self, client: &Client, mut file: File, but: Range<u64>) -> Result<Vec<Item>> {
        let path = self.channel.work();
        let error = |error| Error::io("read sync log", path, error).or_hint(LOG);
        let mut items = Vec::new();
        if !but.is_empty() {
            items = client.read_log((&mut file).take(but.start), path)?;
            file.seek(SeekFrom::Start(but.end)).map_err(error)?;
        }
        items.extend(client.read_log(file, path)?);
        Ok(items)
    }

    /// All that is not done, as a log.
    fn undone(&self) -> Vec<u8> {
        let mut undone = Vec::new();
        self.queue.iter().for_each(|part| part.work.write(&mut undone));
        self.backlog.write(&mut undone);
        undone
    }

    /// Has the work file hold what is not done, and nothing else.
    fn note(&mut self, client: &Client) -> Result<()> {
        if self.unread || self.lent {
            return Ok(());
        }
        let undone = self.undone();
        if undone != self.noted || (undone.is_empty() && self.channel.work().exists()) {
            if self.channel.keep(&undone)? == Kept::Log {
                self.tell_lent(client);
            }
            self.noted = undone;
        }
        Ok(())
    }

    /// The work file is another client's: what is not done goes back to the log.
    fn lend(&mut self, client: &Client) -> Result<()> {
        if self.lent {
            return Ok(());
        }
        let undone = self.undone();
        if !undone.is_empty() {
            self.channel.append(&undone)?;
        }
        self.tell_lent(client);
        Ok(())
    }

    fn tell_lent(&mut self, client: &Client) {
        self.lent = true;
        let line = format!(
            "SYNCNOTICE: another client works on this channel: its work file {} is left alone, and \
             what is not done is put back to the log; stop one of the two",
            self.channel.work().display()
        );
        client.observer.log(Level::Warning, &line);
    }

    /// Does all parts, one after the other.
    fn work_through(&mut self, client: &mut Client) -> Result<()> {
        let mut last_noted = Instant::now();
        loop {
            self.reach(client)?;
            let Some(part) = self.queue.pop_front() else { break };
            if part.losses == 0 {
                client.care = Care::default();
            }
            let result = client.with_syncer(|pass, context| {
                Run::part(pass, context.names, context.observer, &part.work)
            });
            match result {
                Ok(undone) => self.leave(client, undone, part.tries),
                Err(error) if error.kind() == Kind::Cancelled => {
                    self.queue.push_front(part);
                    return Err(error);
                }
                Err(error) if !client.care.another_try(&error) => {
                    let items = part.work.items;
                    self.leave(client, vec![Undone { items, error }], part.tries);
                }
                Err(error) => {
                    client.observer.log(Level::Notice, &format!("trying again: {error}"));
                    self.goodbye = error.kind() == Kind::Bye;
                    self.queue.push_front(Part { losses: part.losses + 1, ..part });
                }
            }
            let is_nudged = client.cancel.nudges() != self.nudges;
            if client.cancel.is_finishing() || is_nudged || self.shutdown_requested() {
                break;
            }
            if !self.queue.is_empty() && last_noted.elapsed() >= NOTE_EVERY {
                self.try_to_note(client);
                last_noted = Instant::now();
            }
        }
        self.try_to_note(client);
        if client.session.is_some() && client.staged.files() > 0 {
            self.tidy(client)?;
        }
        Ok(())
    }

    /// What is on disk stays valid if it cannot be replaced: it only says too much.
    fn try_to_note(&mut self, client: &Client) {
        if let Err(error) = self.note(client) {
            client.observer.log(Level::Error, &format!("SYNCERROR: {error}"));
        }
    }

    fn leave(&mut self, client: &Client, undone: Vec<Undone>, tries: u32) {
        let now = Instant::now();
        for Undone { mut items, error } in undone {
            self.backlog.absorb(&mut items);
            if items.is_empty() {
                continue;
            }
            let why = if is_locked(&error) { Why::Locked } else { Why::Failed };
            let left = items.iter().map(Item::text).collect();
            let pause = self.backlog.add(Work { items }, why, tries + 1, now);
            let left = RunEvent::LeftForLater { items: left, tries: tries + 1, next: pause, error };
            client.observer.event(&left.into());
        }
    }

    /// Has the replica let go of staged files now and then, which also shows whether it is there.
    fn keep_session(&mut self, client: &mut Client) -> Result<()> {
        let after = self.options.restart_after;
        if after.is_zero() || client.session.is_none() || self.session_since.elapsed() < after {
            return Ok(());
        }
        self.session_since = Instant::now();
        self.tidy(client)
    }

    fn tidy(&mut self, client: &mut Client) -> Result<()> {
        match client.with_syncer(|pass, _: Context<'_>| pass.restart()) {
            Ok(()) => {}
            Err(error) if error.kind() == Kind::Cancelled => return Err(error),
            Err(error) => {
                let line = format!("sync_client RESTART failed: {error}");
                client.observer.log(Level::Notice, &line);
                client.session = None;
            }
        }
        Ok(())
    }

    /// One change makes several entries in a row: they go together, lest those that come a moment
    /// later wait for the next run.
    fn settle(&mut self, client: &Client) {
        if self.options.interval.is_zero() {
            return;
        }
        for _ in 0..QUIET_TRIES {
            if self.watch.wait(QUIET, &client.cancel, self.nudges).is_some() {
                return;
            }
        }
    }

    /// Waits until there is something to do.
    fn wait(&mut self, client: &Client, now: Instant) {
        let free = self.last_take.map(|last| last + self.options.interval).filter(|at| *at > now);
        let look = match (self.watch.is_blind(), &self.options.shutdown_file) {
            (true, _) => TICK,
            (false, Some(_)) => LOOK,
            (false, None) => LOOK_FOR_LOG,
        };
        let mut until = now + look;
        let restart = (client.session.is_some() && !self.options.restart_after.is_zero())
            .then(|| self.session_since + self.options.restart_after);
        for at in [free, restart, self.backlog.next_due()].into_iter().flatten() {
            until = until.min(at);
        }
        let time = until.saturating_duration_since(now);
        // While nothing may be taken over, news of the log is no news.
        if free.is_some() {
            client.cancel.wait_for(None, time, self.nudges);
        } else if self.watch.wait(time, &client.cancel, self.nudges).is_none() {
            self.missed = None;
            self.settle(client);
        }
    }
}
