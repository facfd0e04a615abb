//! Results of benchmarks: samples, medians, ratios and targets. The types are also the format of
//! the JSON result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A measured quantity of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Time from start to end, in seconds.
    Wall,
    /// Processor time of the client, in seconds.
    ClientCpu,
    /// Processor time of the replica's servers, in seconds.
    ServerCpu,
    /// Highest memory use of the client, in MiB.
    Peak,
    /// Bytes from client to server, in megabytes.
    Sent,
    /// Bytes from server to client, in megabytes.
    Received,
    /// Number of connections to the replica.
    Connections,
    /// Number of times that the client sent something after it had received something.
    Turns,
    /// Number of system calls of the client.
    Calls,
    /// Bytes that the client read with read() and similar calls, in megabytes.
    Read,
}

impl Measure {
    /// All quantities, in the order of the tables.
    pub const ALL: [Measure; 10] = [
        Measure::Wall,
        Measure::ClientCpu,
        Measure::ServerCpu,
        Measure::Peak,
        Measure::Sent,
        Measure::Received,
        Measure::Connections,
        Measure::Turns,
        Measure::Calls,
        Measure::Read,
    ];

    /// Returns the heading of its column.
    pub fn head(self) -> &'static str {
        match self {
            Measure::Wall => "wall, s",
            Measure::ClientCpu => "client CPU, s",
            Measure::ServerCpu => "server CPU, s",
            Measure::Peak => "peak, MiB",
            Measure::Sent => "sent, MB",
            Measure::Received => "received, MB",
            Measure::Connections => "connections",
            Measure::Turns => "turns",
            Measure::Calls => "system calls",
            Measure::Read => "read, MB",
        }
    }

    /// Returns whether the value is independent of the duration of a run.
    pub fn is_counted(self) -> bool {
        !matches!(self, Measure::Wall | Measure::ClientCpu | Measure::ServerCpu | Measure::Peak)
    }

    /// Formats a value with a suitable number of digits.
    pub fn show(self, value: f64) -> String {
        match self {
            Measure::Wall | Measure::ClientCpu | Measure::ServerCpu if value < 10.0 => {
                format!("{value:.3}")
            }
            Measure::Connections | Measure::Turns | Measure::Calls => format!("{value:.0}"),
            _ if value < 10.0 => format!("{value:.2}"),
            _ => format!("{value:.1}"),
        }
    }
}

/// The values of one run.
pub type Sample = BTreeMap<Measure, f64>;

/// The runs of one contender.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Row {
    /// The name of the contender.
    pub who: String,
    /// The values of all runs.
    pub samples: Vec<Sample>,
    /// The median of each measure.
    pub median: Sample,
    /// Ratio of each median to that of the first row. Below 1 this contender needs less.
    pub ratio: Sample,
    /// The errors that occurred, each once.
    pub faults: Vec<String>,
}

/// A limit for a ratio or a median.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// The name of the target.
    pub what: String,
    /// The row to check.
    pub who: String,
    /// The row to compare it with; `None` for an absolute limit.
    pub against: Option<String>,
    /// The measured quantity.
    pub measure: Measure,
    /// The limit.
    pub at_most: f64,
    /// The measured value; `None` if the row is missing or failed.
    pub found: Option<f64>,
}

/// A case: one spool, several contenders.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Case {
    /// Its name on the command line.
    pub name: String,
    /// Description of the case, with sizes.
    pub title: String,
    /// The rows. The ratios compare the other rows with the first row.
    pub rows: Vec<Row>,
    /// The limits that should hold.
    pub targets: Vec<Target>,
    /// Remarks.
    pub notes: Vec<String>,
}

/// All cases of a run, and the machine.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Processors, kernel, version of Cyrus.
    pub machine: String,
    /// Cases in the order in which they ran.
    pub cases: Vec<Case>,
}

impl Row {
    /// Creates a row from the runs of a contender.
    pub fn new(who: &str, samples: Vec<Sample>, mut faults: Vec<String>) -> Row {
        faults.dedup();
        let median = Measure::ALL.into_iter().filter_map(|measure| {
            let values = samples.iter().filter_map(|sample| sample.get(&measure).copied());
            Some((measure, median(values.collect())?))
        });
        let median = median.collect();
        Row { who: who.to_owned(), samples, median, ratio: Sample::new(), faults }
    }
}

impl Case {
    /// Creates a case without rows.
    pub fn new(name: &str, title: String) -> Case {
        Case { name: name.to_owned(), title, ..Case::default() }
    }

    /// Sets the rows without the bytes read, and computes the ratios.
    pub fn with_rows(self, mut rows: Vec<Row>) -> Case {
        for row in &mut rows {
            row.median.remove(&Measure::Read);
        }
        self.with_rows_and_reads(rows)
    }

    /// Sets the rows and computes the ratios.
    pub fn with_rows_and_reads(mut self, rows: Vec<Row>) -> Case {
        self.rows = rows;
        let Some(base) = self.rows.first().map(|row| row.median.clone()) else { return self };
        for row in self.rows.iter_mut().skip(1) {
            for (measure, value) in &row.median {
                // Cyrus's client maps files into memory, which is not counted, so a ratio would be
                // misleading.
                if *measure == Measure::Read {
                    continue;
                }
                if let Some(of) = base.get(measure).filter(|of| **of > 0.0) {
                    row.ratio.insert(*measure, value / of);
                }
            }
        }
        self
    }

    /// Adds a limit for the ratio of a row to the first one.
    pub fn target(self, what: &str, who: &str, measure: Measure, at_most: f64) -> Case {
        let against = self.rows.first().map(|row| row.who.clone()).unwrap_or_default();
        self.target_against(what, who, &against, measure, at_most)
    }

    /// Adds a limit for the ratio of a row to another row.
    pub fn target_against(
        self,
        what: &str,
        who: &str,
        against: &str,
        measure: Measure,
        at_most: f64,
    ) -> Case {
        let ratio = self.median(who, measure).zip(self.median(against, measure));
        let found = ratio.filter(|(_, of)| *of > 0.0).map(|(value, of)| value / of);
        self.add(what, who, Some(against), measure, at_most, found)
    }

    /// Adds a limit for a median.
    pub fn absolute(self, what: &str, who: &str, measure: Measure, at_most: f64) -> Case {
        let found = self.median(who, measure);
        self.add(what, who, None, measure, at_most, found)
    }

    fn add(
        mut self,
        what: &str,
        who: &str,
        against: Option<&str>,
        measure: Measure,
        at_most: f64,
        found: Option<f64>,
    ) -> Case {
        let (what, who) = (what.to_owned(), who.to_owned());
        let against = against.map(str::to_owned);
        // Skip targets of contenders that did not run.
        if self.rows.iter().any(|row| row.who == who) {
            self.targets.push(Target { what, who, against, measure, at_most, found });
        }
        self
    }

    /// Returns the median of a row, unless one of its runs failed.
    pub fn median(&self, who: &str, measure: Measure) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.who == who)?;
        row.median.get(&measure).copied().filter(|_| row.faults.is_empty())
    }
}

impl Target {
    /// Returns whether the limit holds.
    pub fn is_met(&self) -> bool {
        self.found.is_some_and(|found| found <= self.at_most)
    }
}

/// Returns the middle value, or the mean of the two middle values.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied()?;
    let lower = if values.len() % 2 == 1 { Some(upper) } else { values.get(middle - 1).copied() };
    Some((lower? + upper) / 2.0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns two rows: the second one takes a quarter of the time.
    pub(in crate::bench) fn example() -> Case {
        let row = |who: &str, walls: &[f64]| {
            let samples = walls.iter().map(|wall| Sample::from([(Measure::Wall, *wall)]));
            Row::new(who, samples.collect(), Vec::new())
        };
        let rows = vec![row("Cyrus's", &[9.0, 4.0, 3.0]), row("ours", &[2.0, 0.0])];
        let case = Case::new("some", "something & more".to_owned()).with_rows(rows);
        case.target("wall", "ours", Measure::Wall, 0.25).absolute(
            "wall itself",
            "ours",
            Measure::Wall,
            0.9,
        )
    }

    #[test]
    fn medians_ratios_and_targets() {
        let case = example();
        assert_eq!(case.median("Cyrus's", Measure::Wall), Some(4.0));
        assert_eq!(case.rows[1].ratio.get(&Measure::Wall), Some(&0.25));
        let met: Vec<_> = case.targets.iter().map(|t| (t.found, t.is_met())).collect();
        assert_eq!(met, [(Some(0.25), true), (Some(1.0), false)]);
    }

    #[test]
    fn a_failed_run_meets_no_target_and_a_missing_contender_has_none() {
        let mut case = example();
        case.rows[1].faults.push("it did not work".to_owned());
        case.targets.clear();
        let case = case.target("wall", "ours", Measure::Wall, 9.0).target(
            "wall",
            "another",
            Measure::Wall,
            9.0,
        );
        assert_eq!(case.targets.len(), 1);
        assert!(!case.targets[0].is_met());
    }

    #[test]
    fn a_result_comes_back_from_json() {
        let report = Report { machine: "this one".to_owned(), cases: vec![example()] };
        let text = serde_json::to_string(&report).expect("plain data");
        assert!(text.contains("\"median\":{\"wall\":4.0}"), "{text}");
        let back: Report = serde_json::from_str(&text).expect("the same form");
        assert_eq!(serde_json::to_string(&back).expect("plain data"), text);
    }
}
