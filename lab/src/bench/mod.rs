//! The benchmark: runs Cyrus's sync_client and ours in turn on the same mail, each with new
//! replicas.
//!
//! A case fills a spool from a seed and lets contenders run, round after round, in alternating
//! order. `measure` measures a run. `result` holds samples, medians, ratios and targets. `report`,
//! `svg` and `page` show them. docs/performance.md defines each number.
//!
//! The benchmark is part of the library so that `tests/lab/bench.rs` can run it at a tiny size.

mod cases;
mod contender;
mod day;
mod ground;
pub mod lag;
mod measure;
mod page;
mod player;
mod report;
mod result;
mod settings;
mod svg;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use contender::{Abilities, Contender};
use ground::Ground;
use measure::Wire;
use result::{Row, Sample};

use crate::link::Line;

pub use result::{Case, Measure, Report, Target};
pub use settings::{Settings, parse, usage};

/// The data that cases share.
struct Bench {
    settings: Settings,
    abilities: Abilities,
    /// The spool of the first sync, which several cases use.
    ground: std::cell::OnceCell<Ground>,
}

/// Runs the selected cases, prints tables, and writes the requested files.
///
/// # Errors
/// If a file could not be read or written.
pub fn run(settings: Settings) -> Result<Report, String> {
    let outputs = settings.clone();
    let report = match (&settings.show, &settings.json) {
        (Some(path), _) => read(path)?,
        (None, Some(path)) if settings.keep && path.exists() => {
            let old = read(path)?;
            cases::merged(old, measure_all(settings))
        }
        _ => measure_all(settings),
    };
    print!("{}", report::targets(&report));
    if let Some(path) = &outputs.json {
        let text = serde_json::to_string_pretty(&report).map_err(|e| e.to_string())?;
        write(path, &(text + "\n"))?;
    }
    if let Some(path) = &outputs.svg {
        write(path, &svg::draw(&report))?;
    }
    if let Some(path) = &outputs.docs {
        let old = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        write(path, &page::replace(&old, &report)?)?;
        write(&page::picture(path), &svg::draw(&report))?;
    }
    Ok(report)
}

fn measure_all(settings: Settings) -> Report {
    let mut report = Report { machine: machine(), cases: Vec::new() };
    let directory = scratch();
    let abilities = Abilities::of(&settings.client, &directory);
    let _ = fs::remove_dir_all(&directory);
    let bench = Bench { settings, abilities, ground: std::cell::OnceCell::new() };
    println!("{}", report.machine);
    for case in cases::chosen(&bench.settings) {
        eprintln!("{}: {}", case.name, case.says);
        for case in (case.run)(&bench) {
            println!("\n{}", report::table(&case));
            report.cases.push(case);
        }
    }
    report
}

impl Bench {
    /// Returns the spool of the first sync. Fills it when it is first needed.
    fn ground(&self) -> &Ground {
        self.ground.get_or_init(|| ground::first_sync(&self.settings))
    }

    /// Lets contenders run in turn, over a line or directly. For direct connections there is an
    /// extra first round that only counts bytes, because counting takes time and would change the
    /// measured times.
    fn over(
        &self,
        line: Option<Line>,
        contenders: &[Contender],
        mut run: impl FnMut(&Contender, usize, Wire) -> Result<Sample, String>,
    ) -> Vec<Row> {
        let rounds = self.settings.rounds;
        if let Some(line) = line {
            return self.in_turn(contenders, rounds, |contender, round| {
                run(contender, round, Wire::Over(line))
            });
        }
        self.in_turn(contenders, 1 + rounds, |contender, round| {
            if round > 0 {
                return run(contender, round, Wire::Direct);
            }
            let mut sample = run(contender, round, Wire::Over(Line::default()))?;
            sample.retain(|measure, _| measure.is_counted());
            Ok(sample)
        })
    }

    /// Lets contenders run in turn for several rounds. Each round reverses the order of the
    /// previous one.
    fn in_turn(
        &self,
        contenders: &[Contender],
        rounds: usize,
        mut run: impl FnMut(&Contender, usize) -> Result<Sample, String>,
    ) -> Vec<Row> {
        let mut samples = vec![(Vec::new(), Vec::new()); contenders.len()];
        for round in 0..rounds {
            let mut order: Vec<_> = contenders.iter().zip(&mut samples).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for (contender, (good, faults)) in order {
                if contender.once && round > 0 {
                    continue;
                }
                match run(contender, round) {
                    Ok(sample) => {
                        let says = match sample.get(&Measure::Wall) {
                            Some(wall) => format!("{wall:>9.3} s"),
                            None => "counted".to_owned(),
                        };
                        eprintln!("  round {}: {:24} {says}", round + 1, contender.name);
                        good.push(sample);
                    }
                    Err(fault) => {
                        eprintln!("  round {}: {} failed: {fault}", round + 1, contender.name);
                        faults.push(fault);
                    }
                }
            }
        }
        let rows = contenders.iter().zip(samples);
        rows.map(|(contender, (good, faults))| Row::new(&contender.name, good, faults)).collect()
    }
}

/// Returns a directory for files that are written before a lab exists.
fn scratch() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let directory = std::env::temp_dir().join(format!("cyrsync-bench-{process}-{count}"));
    let _ = fs::create_dir_all(&directory);
    directory
}

fn read(path: &Path) -> Result<Report, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    }
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// Describes the machine of the measurement.
fn machine() -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("processors of an unknown kind", |(_, model)| model);
    let package = |name: &str| {
        let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", name]).output();
        let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
        text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
    };
    format!("{processors} x {model}; Cyrus {} (Debian)", package("cyrus-replication"))
}
