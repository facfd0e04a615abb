//! Chooses the level of compression while a connection is in use (`sync_deflate_level: auto`).
//!
//! The speed of a connection is limited by the network, by the replica, or by this process. A
//! higher level only helps if the network is the limit. This module finds the limit by these signs:
//!
//! - If the operating system still has unsent bytes whenever more are written, this process is fast
//!   enough. If it never has any, this process is the limit, and a lower level is never slower.
//! - Compression that takes a small part of the time costs almost nothing, whatever the limit is.
//!   On a slow network this is the case even for high levels: the highest such level is used at
//!   once.
//! - In all other cases only a trial can show the limit. In a trial, a few commands are written
//!   with another level, and their replies show the speed in bytes of mail. If the network is the
//!   limit, mail moves faster the smaller it becomes. If the replica is the limit, it does not,
//!   because the replica must decompress it. The result of a trial is used until the speed has
//!   changed much, or for some time. This time doubles whenever a trial confirms the current level.
//!
//! Our own bandwidth limit (`sync_bwlimit`) needs no trial: while it delays bytes, the level is as
//! high as there is time for.
//!
//! Times and counts are passed as arguments; no function here reads a clock. Each connection has
//! its own level.

use std::time::Duration;

use super::measured::Measured;

/// A zlib level and its cost. A rung is an index into [`RUNGS`].
struct Rung {
    level: u32,
    /// Seconds per byte of mail with attachments, measured on one processor. Only the ratio between
    /// the levels matters.
    cost: f64,
}

/// The levels in use. Levels 2, 4 and 5 are similar to their neighbours; on mail, 8 and 9 are no
/// better than 7. Level 1 is faster than Huffman coding without a search, and its output is
/// smaller.
const RUNGS: [Rung; 5] = [
    Rung { level: 0, cost: 0.0 },
    Rung { level: 1, cost: 6.0e-9 },
    Rung { level: 3, cost: 9.5e-9 },
    Rung { level: 6, cost: 18.0e-9 },
    Rung { level: 7, cost: 27.0e-9 },
];
/// The rung at the start. It compresses well, and until more is known it costs only milliseconds.
const FIRST_RUNG: usize = 3;
/// The rung that a trial compares with stored bytes (rung 0).
const FAST_RUNG: usize = 1;

/// Number of samples that are judged together (a [`Window`]).
const WINDOW_SAMPLES: u32 = 4;
/// Seconds over which a speed is averaged.
const MOMENT: f64 = 0.1;
/// With fewer unsent bytes than this, the system counts as having nothing left to send.
const DRY_BYTES: u64 = 4 << 10;
/// If less than this share of the time was spent blocked, this process did not have to wait for the
/// system.
const WAITED: f64 = 0.05;
/// A level that takes up to this share of the time is cheap.
const CHEAP: f64 = 0.10;
/// If a level takes less than this share of the time, a lower level is not faster.
const FREE: f64 = 0.03;
/// Maximum share of the time that this process may use at the next higher level.
const ROOM: f64 = 0.98;
/// A reduction of the output by less than this share does not count.
const NO_SMALLER: f64 = 0.05;
/// Number of confirmed bytes that are needed to measure a speed. Bytes are confirmed by the
/// replica's reply.
const MEASURED_BYTES: u64 = 8 << 20;
/// After this many confirmed bytes, older measurements count half.
const REMEMBERED_BYTES: u64 = 32 << 20;
/// Minimum size in bytes of a command that is used to measure the speed.
const LONG_COMMAND: u64 = 64 << 10;
/// Bytes that are written in a trial.
const TRIAL_BYTES: u64 = 2 << 20;
/// Confirmed bytes before the first trial of a higher level, and the minimum between two trials.
const TRIAL_PAUSE: u64 = 64 << 20;
/// The minimum time of such a pause, in seconds.
const TRIAL_TIME: f64 = 1.5;
/// Confirmed bytes until the next trial if a higher level was better: an even higher level may be
/// better still.
const SHORT_PAUSE: u64 = 16 << 20;
/// Maximum number of confirmed bytes between two trials.
const LONGEST_PAUSE: u64 = 16 << 30;

/// The work of the compressor so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packed {
    /// Bytes of input.
    pub plain: u64,
    /// Bytes of output.
    pub packed: u64,
    /// How long the compression took.
    pub work: Duration,
}

/// The state of a connection when more bytes are passed to the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// Time since the connection was opened.
    pub now: Duration,
    /// The work of the compressor since the connection was opened.
    pub done: Packed,
    /// Total time in which the system has accepted no bytes.
    pub blocked: Duration,
    /// Bytes that the system has not sent yet.
    pub unsent: u64,
    /// Whether our own bandwidth limit may delay bytes before they are passed to the system.
    pub is_held: bool,
}

/// Identifies a period with the same level. Each change starts a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Epoch(u32);

/// How a command was compressed. At the start of the command it holds the epoch, and the compressed
/// bytes so far. At the end it holds the epoch, and the compressed bytes of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    epoch: Epoch,
    /// Compressed bytes before the command; at its end, compressed bytes of the command.
    packed: u64,
}

/// Chooses the level of compression; see the module.
#[derive(Debug)]
pub struct Effort {
    rung: usize,
    epoch: Epoch,
    /// The lowest rung that may be used without a trial. A trial has shown that lower ones are
    /// slower.
    floor: usize,
    /// The highest rung that may be used. Higher ones were too slow, or no better.
    ceiling: usize,
    /// Cost of a level on this machine, relative to the cost in [`RUNGS`].
    scale: f64,
    before: Option<Sample>,
    window: Window,
    /// The last three average speeds. Several are kept because a short pause of the replica does
    /// not mean that the network is slow. `moment` holds the seconds and bytes of the next average.
    speeds: [f64; 3],
    moment: (f64, f64),
    /// Whether the system had unsent bytes at every sample of the last window.
    pressed: bool,
    /// Whether our own bandwidth limit delayed bytes at every sample of the last window.
    is_held: bool,
    /// Whether the level was raised once because a higher level was cheap.
    rose: bool,
    measured: Measured,
    /// The measurement of the level before the current trial.
    compared: Measured,
    trial: Option<Trial>,
    /// The speed that the last trial found. `None` if there was none, or if the speed has changed
    /// much since.
    known: Option<f64>,
    /// Confirmed bytes since the last trial.
    since_trial: u64,
    pause: u64,
    due: u64,
    /// Number of consecutive trials in which the higher level did not help.
    failed_trials: u32,
    /// When the replica began to work on the first command in flight.
    working_since: Option<Duration>,
}

/// Sums over the samples that are judged together.
#[derive(Debug, Default)]
struct Window {
    samples: u32,
    dry: u32,
    held: u32,
    time: f64,
    blocked: f64,
    work: f64,
    plain: f64,
    packed: f64,
    /// Compressed bytes that the system has sent.
    left: f64,
}

/// A trial of another level.
#[derive(Debug)]
struct Trial {
    from: usize,
    rung: usize,
    /// The epoch of the trial, once it has begun.
    epoch: Option<Epoch>,
    /// Bytes of the commands written in the trial.
    written: u64,
    /// Whether all commands of the trial are written. Some replies may still be missing.
    ended: bool,
    measured: Measured,
}

impl Default for Effort {
    fn default() -> Effort {
        Effort {
            rung: FIRST_RUNG,
            epoch: Epoch::default(),
            floor: 0,
            ceiling: RUNGS.len() - 1,
            scale: 1.0,
            before: None,
            window: Window::default(),
            speeds: [f64::MAX; 3],
            moment: (0.0, 0.0),
            pressed: false,
            is_held: false,
            rose: false,
            measured: Measured::default(),
            compared: Measured::default(),
            trial: None,
            known: None,
            since_trial: 0,
            pause: TRIAL_PAUSE,
            due: TRIAL_PAUSE,
            failed_trials: 0,
            working_since: None,
        }
    }
}

impl Effort {
    /// Returns the zlib level for the next bytes. Level 0 stores them.
    pub fn level(&self) -> u32 {
        RUNGS.get(self.rung).map_or(0, |rung| rung.level)
    }

    /// Takes a sample. The caller calls this before it passes more bytes to the system.
    pub fn sample(&mut self, sample: Sample) {
        let Some(before) = self.before.replace(sample) else { return };
        let span = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64();
        let grown = |now: u64, then: u64| now.saturating_sub(then) as f64;
        let plain = grown(sample.done.plain, before.done.plain);
        let packed = grown(sample.done.packed, before.done.packed);
        let blocked = span(sample.blocked, before.blocked);
        let window = &mut self.window;
        window.samples += 1;
        let time = span(sample.now, before.now);
        let dry = sample.unsent < DRY_BYTES && blocked < WAITED * time;
        window.dry += u32::from(dry && !sample.is_held);
        window.held += u32::from(sample.is_held);
        window.time += time;
        window.blocked += blocked;
        window.work += span(sample.done.work, before.done.work);
        window.plain += plain;
        window.packed += packed;
        window.left += packed + before.unsent as f64 - sample.unsent as f64;
        if window.samples >= WINDOW_SAMPLES {
            let window = std::mem::take(window);
            if window.time > 0.0 && window.plain > 0.0 && window.packed > 0.0 {
                self.judge(&window);
            }
        }
    }

    /// Pauses sampling, because there is nothing to send for some time. The next sample starts a
    /// new series.
    pub fn pause(&mut self) {
        self.before = None;
    }

    /// Marks the start of a command. `idle` tells whether the replica has no other command to work
    /// on. The level may change here.
    pub fn command(&mut self, now: Duration, idle: bool, done: &Packed) -> Written {
        if idle {
            self.working_since = Some(now);
        }
        match &mut self.trial {
            Some(trial) if trial.epoch.is_none() => {
                let rung = trial.rung;
                self.compared = std::mem::take(&mut self.measured);
                self.turn_to(rung);
                if let Some(trial) = &mut self.trial {
                    trial.epoch = Some(self.epoch);
                }
            }
            Some(trial) if !trial.ended && trial.written >= TRIAL_BYTES => {
                trial.ended = true;
                let from = trial.from;
                self.turn_to(from);
            }
            _ => {}
        }
        Written { epoch: self.epoch, packed: done.packed }
    }

    /// Marks the end of a command of `bytes` bytes. Returns how the command was compressed, or
    /// `None` if the level has changed since its start.
    pub fn written(&mut self, begun: Written, bytes: u64, done: &Packed) -> Option<Written> {
        if let Some(trial) = self.trial.as_mut().filter(|trial| trial.epoch == Some(begun.epoch))
            && bytes >= LONG_COMMAND
        {
            trial.written += bytes;
        }
        let packed = done.packed.saturating_sub(begun.packed);
        (begun.epoch == self.epoch).then_some(Written { packed, ..begun })
    }

    /// Records the reply to a command of `bytes` bytes. `written` is the value that
    /// [`Effort::written`] returned.
    pub fn confirmed(&mut self, now: Duration, written: Option<Written>, bytes: u64) {
        let since = self.working_since.replace(now).unwrap_or(now);
        let Some(written) = written.filter(|_| bytes >= LONG_COMMAND) else { return };
        let time = now.saturating_sub(since).as_secs_f64();
        if let Some(trial) = self.trial.as_mut().filter(|trial| trial.epoch == Some(written.epoch))
        {
            trial.measured.add(bytes, written.packed, time);
            if trial.ended && trial.measured.bytes >= trial.written {
                self.conclude();
            }
            return;
        }
        if written.epoch == self.epoch {
            self.since_trial += bytes;
            self.measured.add(bytes, written.packed, time);
            if self.measured.bytes >= MEASURED_BYTES && self.measured.time > 0.0 {
                self.weigh();
            }
        }
    }

    /// Raises or lowers the level according to a window.
    fn judge(&mut self, window: &Window) {
        let share = window.work / window.time;
        if self.cost(self.rung) > 0.0 && window.work > 0.0 {
            let own = RUNGS.get(self.rung).map_or(1.0, |rung| rung.cost);
            self.scale = (window.work / window.plain / own).clamp(0.05, 20.0);
        }
        self.pressed = window.dry == 0;
        self.is_held = window.held == window.samples;
        // Under our own bandwidth limit, level 0 is not faster than level 1.
        self.floor = self.floor.max(usize::from(self.is_held));
        // Bytes of mail that the system has sent per second.
        let left = (window.left / window.packed).max(0.0) * window.plain;
        self.moment = (self.moment.0 + window.time, self.moment.1 + left);
        if self.moment.0 >= MOMENT {
            let (time, left) = std::mem::take(&mut self.moment);
            let [_, second, last] = self.speeds;
            self.speeds = [second, last, left / time];
        }
        let begins = self.speeds.contains(&f64::MAX);
        let past = self.speeds.iter().filter(|_| !begins).copied();
        let speed = past.fold(left / window.time, f64::max);
        // Cancel a running trial if the network has become slow: the result is no longer needed.
        let free = self.affordable(speed, FREE);
        if self.trial.is_some() && (!self.pressed || free < FIRST_RUNG) {
            return;
        }
        self.trial = None;
        if window.dry == window.samples {
            if self.rung > self.floor && share >= FREE {
                if self.floor > 0 {
                    self.ceiling = self.rung - 1;
                }
                self.turn_to(self.rung - 1);
            }
            return;
        }
        if !self.pressed {
            return;
        }
        // If a trial has shown that compression does not help, only levels of half the cost are
        // cheap.
        let futile = self.known.is_some() && self.floor == 0;
        // At the start, a single window may raise the level up to the first rung, but only once,
        // because a busy replica accepts bytes irregularly.
        let highest = if !begins {
            self.ceiling
        } else if self.rose {
            self.rung
        } else {
            self.ceiling.min(FIRST_RUNG)
        };
        let cheap = self.affordable(speed, if futile { CHEAP / 2.0 } else { CHEAP }).min(highest);
        let next = (self.rung + 1).min(self.ceiling);
        let own = (window.time - window.blocked).max(0.0) / window.plain;
        let needed = speed * (own + self.cost(next) - self.cost(self.rung));
        if cheap > self.rung {
            self.rose = true;
            self.turn_to(cheap);
        } else if self.floor > 0 && next > self.rung && needed <= ROOM {
            self.turn_to(next);
        }
    }

    /// Decides whether to start a trial.
    fn weigh(&mut self) {
        let speed = self.measured.speed();
        let changed = self.known.is_some_and(|known| speed > 2.0 * known || speed < known / 2.0);
        if changed && self.since_trial >= 2 * MEASURED_BYTES {
            (self.known, self.floor, self.ceiling) = (None, 0, RUNGS.len() - 1);
            (self.pause, self.due) = (TRIAL_PAUSE, 0);
        }
        let dear = speed * self.cost(self.rung) >= CHEAP;
        let unknown = self.known.is_none() && self.rung > 0;
        let hurries = self.due < TRIAL_PAUSE || self.since_trial as f64 >= speed * TRIAL_TIME;
        let due = self.since_trial >= self.due && hurries;
        if self.trial.is_none() && !self.is_held && (due || unknown && self.failed_trials == 0) {
            let rung = match self.rung {
                0 => self.pressed.then_some(FAST_RUNG),
                FAST_RUNG => dear.then_some(0),
                _ => dear.then_some(FAST_RUNG),
            };
            if let Some(rung) = rung {
                self.trial = Some(Trial {
                    from: self.rung,
                    rung,
                    epoch: None,
                    written: 0,
                    ended: false,
                    measured: Measured::default(),
                });
            }
        }
        if self.measured.bytes >= REMEMBERED_BYTES {
            self.measured.halve();
        }
    }

    /// Evaluates a trial that has ended.
    fn conclude(&mut self) {
        let Some(trial) = self.trial.take() else { return };
        let (tried, before) = (&trial.measured, &self.compared);
        let upward = trial.rung > trial.from;
        let (low, high) = if upward { (before, tried) } else { (tried, before) };
        let smaller = low.ratio() / high.ratio();
        // Require half of the gain that is expected if the network is the limit. If the replica is
        // the limit, there is no gain.
        let gain = ((smaller - 1.0) / 2.0).min(0.10);
        let faster = high.speed() / low.speed();
        let worth = smaller >= 1.0 + NO_SMALLER && faster >= 1.0 + gain;
        let tells = worth || (smaller >= 1.0 + NO_SMALLER && faster < 1.0 + gain / 2.0);
        let (low_rung, high_rung) =
            if upward { (trial.from, trial.rung) } else { (trial.rung, trial.from) };
        self.since_trial = 0;
        // Buffers at the other end may hide for a moment that the network is the limit, and mail of
        // another kind may compress differently. So some results need more trials as confirmation.
        let wanted = match (tells, low_rung) {
            (true, 0) => 1,
            (false, 0) if upward => 1,
            (true, _) => 2,
            (false, _) => 4,
        };
        self.failed_trials += u32::from(!worth);
        if !worth && self.failed_trials < wanted {
            self.due = MEASURED_BYTES;
            return;
        }
        self.failed_trials = 0;
        self.known = Some(if worth { high.speed() } else { low.speed() });
        self.ceiling = RUNGS.len() - 1;
        if worth {
            self.floor = low_rung + 1;
        } else if !tells && low_rung > 0 {
            // A higher level does not help here.
            (self.floor, self.ceiling) = (self.floor.min(low_rung), low_rung);
        } else {
            self.floor = 0;
        }
        let better = if worth { high_rung } else { low_rung };
        if better == trial.from {
            self.due = self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        } else {
            self.pause = TRIAL_PAUSE;
            self.due = match (upward, better) {
                (true, _) => SHORT_PAUSE,
                (false, 0) => TRIAL_PAUSE,
                // After one step down, try the next lower level soon.
                (false, _) if self.floor == 0 => 0,
                (false, _) => TRIAL_PAUSE,
            };
            self.turn_to(better);
        }
    }

    fn turn_to(&mut self, rung: usize) {
        self.rung = rung;
        self.epoch = Epoch(self.epoch.0.wrapping_add(1));
        self.measured = Measured::default();
        self.window = Window::default();
        self.before = None;
    }

    /// Returns the cost of a rung, in seconds per byte of mail.
    fn cost(&self, rung: usize) -> f64 {
        RUNGS.get(rung).map_or(0.0, |rung| rung.cost) * self.scale
    }

    /// Returns the highest rung whose compression takes at most this share of the time at this
    /// speed.
    fn affordable(&self, speed: f64, share: f64) -> usize {
        (0..RUNGS.len()).rev().find(|rung| speed * self.cost(*rung) <= share).unwrap_or(0)
    }
}
