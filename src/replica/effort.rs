//! How much effort compression is worth at this moment: `sync_deflate_level: auto`.
//!
//! A connection is limited by one of three: the network, the replica, or this process. More effort
//! helps only against the first. None of them says so by itself, but each has its signs:
//!
//! - When more is to be sent and the system still has unsent bytes, this process is fast enough;
//!   when it never has any, the process is the limit, and less effort is never slower.
//! - Effort that takes a small part of the time costs next to nothing, whatever the limit is. So it
//!   is at a slow network: there the best level that is cheap is taken at once.
//! - In between only a trial tells. One or a few commands are written with another level, and their
//!   replies show how fast that mail moved. At the network's limit it moves faster the smaller it
//!   becomes; at the replica's it does not, for the replica has to decompress it. What a trial finds
//!   holds until the speed has changed much, or for a while, which is twice as long each time that
//!   nothing else was found.
//!
//! A limit of our own (`sync_bwlimit`) is known: where it holds bytes back no trial has to tell that
//! the network is slow, and as much effort is taken as there is time for.
//!
//! Nothing here looks at a clock: times and counts are given. Each connection decides for itself.

use std::time::Duration;

use super::measured::Measured;

/// A level of zlib and what it costs beside the others.
struct Rung {
    level: u32,
    /// Seconds for each byte of mail with attachments, on some processor: what counts is how they
    /// compare with each other.
    cost: f64,
}

/// Those that are worth having: 2, 4 and 5 are near their neighbours, 8 and 9 are no better
/// than 7 on mail. Level 1 gives smaller output than coding letters only, in less time.
const RUNGS: [Rung; 5] = [
    Rung { level: 0, cost: 0.0 },
    Rung { level: 1, cost: 6.0e-9 },
    Rung { level: 3, cost: 9.5e-9 },
    Rung { level: 6, cost: 18.0e-9 },
    Rung { level: 7, cost: 27.0e-9 },
];
/// The first: good, and it costs milliseconds before it is known what is better.
const FIRST_RUNG: usize = 3;
/// What is compared with stored bytes.
const FAST_RUNG: usize = 1;

/// Times that bytes were handed to the system, for one look at the signs.
const LOOK_SAMPLES: u32 = 4;
/// Seconds whose speed is taken together.
const MOMENT: f64 = 0.1;
/// Fewer unsent bytes than this are none: the system is about to run dry.
const DRY_BYTES: u64 = 4 << 10;
/// A smaller share of the time than this was not waited for the system.
const WAITED: f64 = 0.05;
/// Effort that takes a smaller share of the time is cheap.
const CHEAP: f64 = 0.10;
/// Effort that takes so little that less of it gains nothing.
const FREE: f64 = 0.03;
/// Share of the time that this process may need at the next higher level.
const ROOM: f64 = 0.98;
/// Output that is smaller by less than this share is not.
const NO_SMALLER: f64 = 0.05;
/// Confirmed bytes that tell the speed.
const MEASURED_BYTES: u64 = 8 << 20;
/// Confirmed bytes after which what is older counts half.
const REMEMBERED_BYTES: u64 = 32 << 20;
/// Commands of fewer bytes tell nothing about the speed of bytes.
const LONG_COMMAND: u64 = 64 << 10;
/// Bytes that are written in a trial.
const TRIAL_BYTES: u64 = 2 << 20;
/// Confirmed bytes before the first trial of more effort, and between two trials at the least.
const TRIAL_PAUSE: u64 = 64 << 20;
/// Seconds that such a pause takes at the least.
const TRIAL_TIME: f64 = 1.5;
/// Confirmed bytes after more effort was found to be better: that is worth another look.
const SHORT_PAUSE: u64 = 16 << 20;
/// Between two trials at the most.
const LONGEST_PAUSE: u64 = 16 << 30;

/// What compression has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packed {
    /// Bytes that went in.
    pub plain: u64,
    /// Bytes that came out.
    pub packed: u64,
    /// How long it took.
    pub work: Duration,
}

/// What is known at the moment at which more bytes are handed to the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// Since the beginning of the connection.
    pub now: Duration,
    /// What was compressed since then.
    pub done: Packed,
    /// How long the system has taken nothing since then.
    pub blocked: Duration,
    /// Bytes that the system has not sent yet.
    pub unsent: u64,
    /// Whether a limit of our own may hold bytes back, before the system has them.
    pub is_held: bool,
}

/// Which effort it is: another one for each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Epoch(u32);

/// A command, with the effort at its beginning; or all of it, if that was the same to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    epoch: Epoch,
    /// Compressed bytes before it; of it.
    packed: u64,
}

/// Decides. See the module.
#[derive(Debug)]
pub struct Effort {
    rung: usize,
    epoch: Epoch,
    /// No lower rung without a trial: one has shown that less effort is slower.
    floor: usize,
    /// No higher one: it was too slow, or no better.
    ceiling: usize,
    /// This machine's costs, relative to those of the table.
    scale: f64,
    before: Option<Sample>,
    look: Look,
    /// The speeds of some moments past, and seconds and bytes of this one: a replica that pauses for
    /// a moment is not a slow network.
    speeds: [f64; 3],
    moment: (f64, f64),
    /// Whether bytes waited in the system at the last look.
    pressed: bool,
    /// Whether a limit of our own held them back all the time.
    is_held: bool,
    /// Whether more effort was taken once because it is cheap.
    rose: bool,
    measured: Measured,
    /// The same of the effort before the present trial.
    compared: Measured,
    trial: Option<Trial>,
    /// The speed at the end of the last trial.
    known: Option<f64>,
    /// Confirmed bytes since then, and how many there must be before the next one.
    since_trial: u64,
    pause: u64,
    due: u64,
    /// Trials in a row that did not show that more effort helps.
    doubts: u32,
    /// Since when the replica has worked on the first command.
    working_since: Option<Duration>,
}

/// Sums between two looks.
#[derive(Debug, Default)]
struct Look {
    samples: u32,
    dry: u32,
    held: u32,
    time: f64,
    blocked: f64,
    work: f64,
    plain: f64,
    packed: f64,
    /// Compressed bytes that left the system.
    left: f64,
}

/// Another effort is tried.
#[derive(Debug)]
struct Trial {
    from: usize,
    rung: usize,
    /// Its effort, once it has begun.
    epoch: Option<Epoch>,
    /// Bytes of its commands.
    written: u64,
    /// Whether it is over, but for the replies.
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
            look: Look::default(),
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
            doubts: 0,
            working_since: None,
        }
    }
}

impl Effort {
    /// The level of zlib for what comes next; 0 stores.
    pub fn level(&self) -> u32 {
        RUNGS.get(self.rung).map_or(0, |rung| rung.level)
    }

    /// More bytes are about to be handed to the system.
    pub fn sample(&mut self, sample: Sample) {
        let Some(before) = self.before.replace(sample) else { return };
        let span = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64();
        let grown = |now: u64, then: u64| now.saturating_sub(then) as f64;
        let plain = grown(sample.done.plain, before.done.plain);
        let packed = grown(sample.done.packed, before.done.packed);
        let blocked = span(sample.blocked, before.blocked);
        let look = &mut self.look;
        look.samples += 1;
        let time = span(sample.now, before.now);
        let dry = sample.unsent < DRY_BYTES && blocked < WAITED * time;
        look.dry += u32::from(dry && !sample.is_held);
        look.held += u32::from(sample.is_held);
        look.time += time;
        look.blocked += blocked;
        look.work += span(sample.done.work, before.done.work);
        look.plain += plain;
        look.packed += packed;
        look.left += packed + before.unsent as f64 - sample.unsent as f64;
        if look.samples >= LOOK_SAMPLES {
            let look = std::mem::take(look);
            if look.time > 0.0 && look.plain > 0.0 && look.packed > 0.0 {
                self.judge(&look);
            }
        }
    }

    /// Nothing more is to be sent for now: what follows is no sign until it flows again.
    pub fn pause(&mut self) {
        self.before = None;
    }

    /// A command begins to be written; `idle` if the replica has nothing else to do. The
    /// effort may be another one from here on.
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

    /// A command of so many bytes was written. Returns how, if the effort has not changed on the way.
    pub fn written(&mut self, begun: Written, bytes: u64, done: &Packed) -> Option<Written> {
        if let Some(trial) = self.trial.as_mut().filter(|trial| trial.epoch == Some(begun.epoch))
            && bytes >= LONG_COMMAND
        {
            trial.written += bytes;
        }
        let packed = done.packed.saturating_sub(begun.packed);
        (begun.epoch == self.epoch).then_some(Written { packed, ..begun })
    }

    /// The reply to a command of so many bytes came. `written` is how, if it was with one effort.
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

    /// Follows the signs.
    fn judge(&mut self, look: &Look) {
        let share = look.work / look.time;
        if self.cost(self.rung) > 0.0 && look.work > 0.0 {
            let own = RUNGS.get(self.rung).map_or(1.0, |rung| rung.cost);
            self.scale = (look.work / look.plain / own).clamp(0.05, 20.0);
        }
        self.pressed = look.dry == 0;
        self.is_held = look.held == look.samples;
        // Less effort than the least would not be faster below a limit.
        self.floor = self.floor.max(usize::from(self.is_held));
        // Bytes of mail that left, for each second.
        let left = (look.left / look.packed).max(0.0) * look.plain;
        self.moment = (self.moment.0 + look.time, self.moment.1 + left);
        if self.moment.0 >= MOMENT {
            let (time, left) = std::mem::take(&mut self.moment);
            let [_, second, last] = self.speeds;
            self.speeds = [second, last, left / time];
        }
        let begins = self.speeds.contains(&f64::MAX);
        let past = self.speeds.iter().filter(|_| !begins).copied();
        let speed = past.fold(left / look.time, f64::max);
        // The network has become slow: nothing has to be found out.
        let free = self.affordable(speed, FREE);
        if self.trial.is_some() && (!self.pressed || free < FIRST_RUNG) {
            return;
        }
        self.trial = None;
        if look.dry == look.samples {
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
        // Where a trial has shown that effort does not help it must be cheaper still.
        let futile = self.known.is_some() && self.floor == 0;
        // At the beginning one look is enough to go back to where it began, but not again and again:
        // a busy replica takes bytes by fits and starts.
        let highest = if !begins {
            self.ceiling
        } else if self.rose {
            self.rung
        } else {
            self.ceiling.min(FIRST_RUNG)
        };
        let cheap = self.affordable(speed, if futile { CHEAP / 2.0 } else { CHEAP }).min(highest);
        let next = (self.rung + 1).min(self.ceiling);
        let own = (look.time - look.blocked).max(0.0) / look.plain;
        let needed = speed * (own + self.cost(next) - self.cost(self.rung));
        if cheap > self.rung {
            self.rose = true;
            self.turn_to(cheap);
        } else if self.floor > 0 && next > self.rung && needed <= ROOM {
            self.turn_to(next);
        }
    }

    /// Weighs whether it is time for a trial.
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
        if self.trial.is_none() && !self.is_held && (due || unknown && self.doubts == 0) {
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

    /// A trial has ended.
    fn conclude(&mut self) {
        let Some(trial) = self.trial.take() else { return };
        let (tried, before) = (&trial.measured, &self.compared);
        let upward = trial.rung > trial.from;
        let (low, high) = if upward { (before, tried) } else { (tried, before) };
        let smaller = low.ratio() / high.ratio();
        // Halfway between what there would be to see at the replica's limit and at the network's.
        let gain = ((smaller - 1.0) / 2.0).min(0.10);
        let faster = high.speed() / low.speed();
        let worth = smaller >= 1.0 + NO_SMALLER && faster >= 1.0 + gain;
        let tells = worth || (smaller >= 1.0 + NO_SMALLER && faster < 1.0 + gain / 2.0);
        let (low_rung, high_rung) =
            if upward { (trial.from, trial.rung) } else { (trial.rung, trial.from) };
        self.since_trial = 0;
        // Buffers at the other end may hide for a moment that the network is the limit; and mail of
        // another kind may hide what effort makes of it.
        let wanted = match (tells, low_rung) {
            (true, 0) => 1,
            (false, 0) if upward => 1,
            (true, _) => 2,
            (false, _) => 4,
        };
        self.doubts += u32::from(!worth);
        if !worth && self.doubts < wanted {
            self.due = MEASURED_BYTES;
            return;
        }
        self.doubts = 0;
        self.known = Some(if worth { high.speed() } else { low.speed() });
        self.ceiling = RUNGS.len() - 1;
        if worth {
            self.floor = low_rung + 1;
        } else if !tells && low_rung > 0 {
            // More effort than this does not help here.
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
                // One step down may be followed by another.
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
        self.look = Look::default();
        self.before = None;
    }

    /// Seconds for each byte of mail.
    fn cost(&self, rung: usize) -> f64 {
        RUNGS.get(rung).map_or(0.0, |rung| rung.cost) * self.scale
    }

    /// The highest rung that takes at most this share of the time at a speed.
    fn affordable(&self, speed: f64, share: f64) -> usize {
        (0..RUNGS.len()).rev().find(|rung| speed * self.cost(*rung) <= share).unwrap_or(0)
    }
}
