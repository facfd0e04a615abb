//! Tests the choice of the compression level in a model of client, network and replica. The model
//! has its own time and needs no clock.

use std::collections::VecDeque;
use std::time::Duration;

use super::effort::{Effort, Packed, Sample, Written};

/// Number of bytes that are compressed at a time (`CHUNK`), and passed to the system at a time
/// (`HANDED`), as in real connections.
const CHUNK: f64 = 65_536.0;
const HANDED: f64 = 192.0 * 1024.0;
/// Number of bytes of a command.
const COMMAND: f64 = 3e6;

/// Measured values for each of the levels 0, 1, 3, 6 and 7: compressed bytes per byte, and
/// nanoseconds per byte.
#[derive(Clone, Copy)]
struct Mail([(f64, f64); 5]);

const TEXT: Mail = Mail([(1.0, 0.4), (0.45, 5.0), (0.333, 11.0), (0.317, 25.0), (0.313, 42.0)]);
const HTML: Mail = Mail([(1.0, 0.4), (0.253, 2.8), (0.178, 6.3), (0.166, 9.3), (0.146, 12.2)]);
const ATTACHED: Mail = Mail([(1.0, 0.4), (0.76, 6.8), (0.76, 6.8), (0.76, 6.8), (0.76, 6.8)]);
const RANDOM: Mail = Mail([(1.0, 0.4), (1.0, 7.0), (1.0, 7.0), (1.0, 7.0), (1.0, 7.0)]);

/// A function that returns the kind of mail at a position in the spool.
type Content = fn(f64) -> Mail;

/// The mail to send. Its kind changes with the position, about as often as in a spool of messages.
#[derive(Clone, Copy)]
struct Spool {
    bytes: f64,
    mail: Content,
}

fn mixed(at: f64) -> Mail {
    match (at / 250e3) as u64 % 8 {
        0 | 3 | 5 => TEXT,
        1 => HTML,
        _ => ATTACHED,
    }
}

/// The speed of the network and of both machines.
#[derive(Clone, Copy)]
struct World {
    /// Bytes per second that the network carries, depending on the time.
    network: fn(f64) -> f64,
    /// Bytes of uncompressed mail that the replica applies per second.
    replica: f64,
    /// The share of its speed that each end loses while the other end works too.
    shared: f64,
    /// Number of bytes that the system buffers on each side.
    buffer: f64,
    /// The bandwidth limit, in bytes per second.
    limit: f64,
}

/// Unused time of the bandwidth limit that is carried over, in seconds.
const BURST: f64 = 0.1;

const GIGABIT: World = World { network: |_| 118e6, ..NEAR };
const HUNDRED: World = World { network: |_| 11.8e6, ..NEAR };
const TEN: World = World { network: |_| 1.18e6, ..NEAR };
const TWO: World = World { network: |_| 0.24e6, ..NEAR };
/// Client and replica on the same machine, with a processor each.
const NEAR: World =
    World { network: |_| 3e9, replica: 95e6, shared: 0.0, buffer: 2.5e6, limit: f64::INFINITY };
/// Client and replica on the same machine, with little more than one processor.
const SHARED: World = World { shared: 0.4, ..NEAR };
/// A replica with a slow disk.
const SLOW: World = World { replica: 12e6, ..NEAR };

struct Outcome {
    time: f64,
    sent: f64,
    level: u32,
    /// Number of changes of the level.
    changes: u32,
}

/// How the level is chosen.
enum How {
    Adapts(Box<Effort>),
    Fixed(u32),
}

impl How {
    fn level(&self) -> u32 {
        match self {
            How::Adapts(effort) => effort.level(),
            How::Fixed(level) => *level,
        }
    }
}

/// A command whose reply has not arrived: the bytes that the replica has not applied yet, all
/// bytes, and how the command was compressed.
struct Command {
    left: f64,
    bytes: f64,
    written: Option<Written>,
}

#[derive(Default)]
struct Model {
    time: f64,
    done: Packed,
    plain: f64,
    packed: f64,
    work: f64,
    blocked: f64,
    /// Queues of chunks, each with its compressed and plain bytes: in the client, in the client's
    /// system, and at the replica.
    held: VecDeque<(f64, f64)>,
    here: VecDeque<(f64, f64)>,
    there: VecDeque<(f64, f64)>,
    /// Remaining seconds of work on the client's current chunk. Its compressed bytes appear when
    /// the work is done.
    busy: f64,
    chunk: Option<(f64, f64, f64)>,
    handing: bool,
    /// Number of bytes that the bandwidth limit allows at this moment.
    credit: f64,
    commands: VecDeque<Command>,
    begun: Written,
    filled: f64,
}

fn sum(chunks: &VecDeque<(f64, f64)>) -> f64 {
    chunks.iter().map(|chunk| chunk.0).sum()
}

/// Moves this many compressed bytes from one queue to another.
fn shift(from: &mut VecDeque<(f64, f64)>, to: &mut VecDeque<(f64, f64)>, mut bytes: f64) {
    while bytes > 0.5 {
        let Some((packed, plain)) = from.front_mut() else { return };
        let part = bytes.min(*packed);
        let share = *plain * part / *packed;
        match to.back_mut() {
            Some(last) if (last.1 * part - share * last.0).abs() < 1e-6 * share * last.0 => {
                (last.0, last.1) = (last.0 + part, last.1 + share);
            }
            _ => to.push_back((part, share)),
        }
        bytes -= part;
        (*packed, *plain) = (*packed - part, *plain - share);
        if *packed < 0.5 {
            from.pop_front();
        }
    }
}

impl Model {
    fn now(&self) -> Duration {
        Duration::from_secs_f64(self.time)
    }

    fn is_done(&self, spool: &Spool) -> bool {
        let queues = [&self.held, &self.here, &self.there];
        self.plain >= spool.bytes && self.chunk.is_none() && queues.iter().all(|q| q.is_empty())
    }

    fn run(mut self, how: &mut How, world: &World, spool: &Spool) -> Outcome {
        let (mut level, mut changes) = (how.level(), 0);
        let step = if (world.network)(0.0).min(world.limit) < 2e6 { 0.004 } else { 0.0002 };
        while !self.is_done(spool) {
            self.time += step;
            self.credit = (self.credit + world.limit * step).min(world.limit * BURST);
            let network = (world.network)(self.time);
            let room = (world.buffer - sum(&self.there)).max(0.0);
            shift(&mut self.here, &mut self.there, (network * step).min(room));
            let both = !self.there.is_empty() && (self.busy > 0.0 || !self.handing);
            let pace = if both { 1.0 - world.shared } else { 1.0 };
            self.apply(how, world.replica, step * pace);
            self.send(how, world, spool, step * pace);
            assert!(self.time < 1e4, "it does not end");
            changes += u32::from(level != how.level());
            level = how.level();
        }
        Outcome { time: self.time, sent: self.packed, level, changes }
    }

    /// Lets the replica work for this time.
    fn apply(&mut self, how: &mut How, rate: f64, mut time: f64) {
        while time > 0.0 {
            let Some((packed, plain)) = self.there.front_mut() else { break };
            let inflates = if *packed < *plain * 0.99 { 3.2e-9 } else { 0.3e-9 };
            let cost = 1.0 / rate + inflates;
            let part = (time / cost).min(*plain);
            let share = *packed * part / *plain;
            (*packed, *plain) = (*packed - share, *plain - part);
            time -= part * cost;
            if *plain < 0.5 {
                self.there.pop_front();
            }
            self.confirm(how, part);
        }
    }

    fn confirm(&mut self, how: &mut How, mut bytes: f64) {
        while bytes > 0.0 {
            let Some(command) = self.commands.front_mut() else { return };
            let part = bytes.min(command.left);
            command.left -= part;
            bytes -= part;
            if command.left > 0.5 {
                return;
            }
            let Some(command) = self.commands.pop_front() else { return };
            let now = self.now();
            if let How::Adapts(effort) = how {
                effort.confirmed(now, command.written, command.bytes as u64);
            }
        }
    }

    /// Lets the client work for this time, or wait until its system accepts more bytes.
    fn send(&mut self, how: &mut How, world: &World, spool: &Spool, mut time: f64) {
        while time > 0.0 {
            if self.handing {
                let room = (world.buffer - sum(&self.here)).max(0.0);
                let keep = if how.level() > 0 { 0.0 } else { CHUNK };
                let wanted = (sum(&self.held) - keep).max(0.0);
                let may = wanted.min(room).min(self.credit);
                shift(&mut self.held, &mut self.here, may);
                self.credit -= may;
                if sum(&self.held) > keep + 1.0 {
                    self.blocked += time;
                    return;
                }
                self.handing = false;
            }
            if self.busy > 0.0 {
                let part = self.busy.min(time);
                (self.busy, time) = (self.busy - part, time - part);
                continue;
            }
            if let Some((plain, packed, work)) = self.chunk.take() {
                self.packed += packed;
                self.work += work;
                self.held.push_back((packed, plain));
                self.done.plain = self.plain as u64;
                self.done.packed = self.packed as u64;
                self.done.work = Duration::from_secs_f64(self.work);
                let unsent = sum(&self.here) as u64;
                let is_held = self.credit < world.limit * BURST;
                let (now, done) = (self.now(), self.done);
                let blocked = Duration::from_secs_f64(self.blocked);
                let last = self.plain >= spool.bytes;
                let enough = if how.level() > 0 { 1.0 } else { HANDED + CHUNK };
                if sum(&self.held) >= enough || last {
                    if let How::Adapts(effort) = how {
                        effort.sample(Sample { now, done, blocked, unsent, is_held });
                    }
                    self.handing = true;
                    if last {
                        let all = sum(&self.held);
                        shift(&mut self.held, &mut self.here, all);
                    }
                }
                continue;
            }
            if self.plain >= spool.bytes {
                return;
            }
            self.begin(how, spool);
        }
    }

    /// Lets the client read the next chunk and start to compress it.
    fn begin(&mut self, how: &mut How, spool: &Spool) {
        if self.filled == 0.0 {
            let (now, idle) = (self.now(), self.commands.is_empty());
            if let How::Adapts(effort) = how {
                self.begun = effort.command(now, idle, &self.done);
            }
        }
        let plain = CHUNK.min(spool.bytes - self.plain);
        let rung = [0, 1, 3, 6, 7].iter().position(|level| *level == how.level()).unwrap();
        let (ratio, cost) = (spool.mail)(self.plain).0[rung];
        let work = plain * cost * 1e-9;
        self.plain += plain;
        self.busy = plain / 400e6 + work;
        self.chunk = Some((plain, plain * ratio, work));
        self.filled += plain;
        if self.filled >= COMMAND || self.plain >= spool.bytes {
            let bytes = std::mem::take(&mut self.filled);
            let written = match how {
                How::Adapts(effort) => effort.written(self.begun, bytes as u64, &self.done),
                How::Fixed(_) => None,
            };
            self.commands.push_back(Command { left: bytes, bytes, written });
        }
    }
}

fn adapts(world: &World, spool: &Spool) -> Outcome {
    Model::default().run(&mut How::Adapts(Box::default()), world, spool)
}

fn fixed(level: u32, world: &World, spool: &Spool) -> Outcome {
    Model::default().run(&mut How::Fixed(level), world, spool)
}

#[test]
fn never_much_slower_than_the_better_of_none_and_level_6() {
    let worlds = [
        ("1 Gbit/s", GIGABIT),
        ("100 Mbit/s", HUNDRED),
        ("10 Mbit/s", TEN),
        ("2 Mbit/s", TWO),
        ("one machine", NEAR),
        ("one processor", SHARED),
        ("a slow replica", SLOW),
    ];
    let mails: [(&str, Content); 5] = [
        ("mixed", mixed),
        ("text", |_| TEXT),
        ("html", |_| HTML),
        ("attached", |_| ATTACHED),
        ("random", |_| RANDOM),
    ];
    let mut bad = Vec::new();
    for (place, world) in worlds {
        for (what, mail) in mails {
            for bytes in [10e6, 60e6, 450e6] {
                let slow = (world.network)(0.0) < 2e6;
                if bytes > 50e6 && (slow || bytes > 100e6 && what != "mixed") {
                    continue;
                }
                let spool = Spool { bytes, mail };
                let all = [0, 6].map(|level| fixed(level, &world, &spool));
                let best = all.iter().map(|outcome| outcome.time).fold(f64::MAX, f64::min);
                let ours = adapts(&world, &spool);
                let line = format!(
                    "{place}, {what}, {} MB: {:.3} s of {best:.3} ({:.3}), bytes {:.3} of level \
                     6, level {}, {} changes",
                    bytes / 1e6,
                    ours.time,
                    ours.time / best,
                    ours.sent / all[1].sent,
                    ours.level,
                    ours.changes
                );
                println!("{line}");
                // Ignore a few milliseconds at the start.
                let in_time = ours.time <= best * 1.05 + 0.01;
                let small = !slow || (ours.sent <= all[1].sent * 1.01 && ours.level >= 6);
                if !in_time || !small || ours.changes > 40 {
                    bad.push(line);
                }
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

/// Sends this many bytes in a world whose network changes its speed.
fn followed(world: &World, bytes: f64) -> Outcome {
    adapts(world, &Spool { bytes, mail: mixed })
}

#[test]
fn a_network_that_becomes_slow_or_fast_is_followed() {
    let slower = World { network: |at| if at < 1.0 { 118e6 } else { 0.6e6 }, ..NEAR };
    let outcome = followed(&slower, 100e6);
    assert!(outcome.level >= 6, "level {}", outcome.level);
    let faster = World { network: |at| if at < 8.0 { 1.1e6 } else { 118e6 }, ..NEAR };
    let outcome = followed(&faster, 200e6);
    assert_eq!(outcome.level, 0);
}

#[test]
fn little_mail_is_compressed_well_wherever_it_goes() {
    for world in [NEAR, TWO] {
        let ours = adapts(&world, &Spool { bytes: 250e3, mail: |_| TEXT });
        assert!(ours.sent < 250e3 * 0.34, "{}", ours.sent);
    }
}

#[test]
fn a_pause_now_and_then_is_no_slow_network() {
    let world = World { network: |at| if at % 0.5 > 0.4 { 0.0 } else { 3e9 }, ..NEAR };
    let spool = Spool { bytes: 100e6, mail: mixed };
    let ours = adapts(&world, &spool);
    assert!(ours.time <= fixed(0, &world, &spool).time * 1.05 + 0.01, "{}", ours.time);
    assert_eq!(ours.level, 0);
}

#[test]
fn below_a_limit_of_our_own_mail_is_compressed_well_and_no_slower() {
    for limit in [0.24e6, 1.18e6, 5e6, 11.8e6, 25e6] {
        for mail in [mixed, |_| TEXT, |_| HTML] {
            for bytes in [10e6, 60e6] {
                if limit < 2e6 && bytes > 20e6 {
                    continue;
                }
                let (world, spool) = (World { limit, ..NEAR }, Spool { bytes, mail });
                let ours = adapts(&world, &spool);
                let [none, level_6] = [0, 6].map(|level| fixed(level, &world, &spool));
                let best = none.time.min(level_6.time);
                assert!(ours.time <= best * 1.1, "{} s of {best}, below {limit}", ours.time);
                if limit < 20e6 {
                    let (sent, most) = (ours.sent, level_6.sent * 1.01);
                    assert!(sent <= most && ours.level >= 6, "{sent} of {most}, below {limit}");
                }
            }
        }
    }
    // A bandwidth limit far above the speed of the connection has no effect.
    let (world, spool) = (World { limit: 1e9, ..NEAR }, Spool { bytes: 100e6, mail: mixed });
    assert_eq!(adapts(&world, &spool).level, 0);
}
