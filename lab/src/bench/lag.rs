//! The lag of rolling replication: figures, table and picture.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::page;
use super::svg::{LEFT, RIGHT, TOP, WIDTH, head};

/// The lines that enclose the table in docs/performance.md.
const BEGIN: &str = "<!-- Written by `lag --docs`: begin -->";
const END: &str = "<!-- Written by `lag --docs`: end -->";

/// Height of a bar, and the gap between two groups of bars, in pixels.
const BAR: f64 = 11.0;
const GAP: f64 = 14.0;
/// The ends of the logarithmic scale, in milliseconds.
const SCALE: [f64; 2] = [0.1, 1000.0];
/// The figures that are drawn, with their colours.
const DRAWN: [(&str, &str); 2] = [("median", "#2b6cb0"), ("90 of 100 messages", "#90cdf4")];

/// The lag of several messages, in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Lag {
    /// Client and settings.
    pub title: String,
    /// The shortest lag.
    pub best: f64,
    /// The median.
    pub median: f64,
    /// The lag that nine of ten messages do not exceed.
    pub p90: f64,
    /// The longest lag.
    pub worst: f64,
}

impl Lag {
    /// Sums up the lags of single messages.
    pub fn of(title: &str, lags: &[Duration]) -> Lag {
        let mut lags: Vec<f64> = lags.iter().map(|lag| lag.as_secs_f64() * 1000.0).collect();
        lags.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let index = (lags.len().saturating_sub(1)) as f64 * part;
            lags.get(index.round() as usize).copied().unwrap_or_default()
        };
        let [best, median, p90, worst] = [0.0, 0.5, 0.9, 1.0].map(at);
        Lag { title: title.to_owned(), best, median, p90, worst }
    }
}

/// Writes the table into a page, and the picture beside it: `docs/img/lag.svg` for
/// `docs/performance.md`.
///
/// # Errors
/// If the page has no place for the table, or a file cannot be read or written.
pub fn write(path: &Path, lags: &[Lag]) -> Result<(), String> {
    let of = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let old = fs::read_to_string(path).map_err(|e| of(path, e))?;
    let new = page::between(&old, [BEGIN, END], &table(lags))?;
    fs::write(path, new).map_err(|e| of(path, e))?;
    let picture = page::picture(path).with_file_name("lag.svg");
    fs::write(&picture, draw(lags)).map_err(|e| of(&picture, e))
}

fn table(lags: &[Lag]) -> String {
    let mut text = "| | best | median | p90 | worst |\n|---|---|---|---|---|\n".to_owned();
    for Lag { title, best, median, p90, worst } in lags {
        let _ = writeln!(text, "| {title} | {best:.1} | {median:.1} | {p90:.1} | {worst:.1} |");
    }
    text + "\n"
}

fn draw(lags: &[Lag]) -> String {
    let group = DRAWN.len() as f64 * BAR + GAP;
    let height = TOP + lags.len() as f64 * group + 30.0;
    let bottom = height - 24.0;
    let title = "Milliseconds until a message is on the replica, in rolling replication \
                 (logarithmic; shorter is better)";
    let mut text = head(title, height, DRAWN.into_iter());
    for tick in [0.1, 1.0, 10.0, 100.0, 1000.0] {
        let x = place(tick);
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#dddddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{tick}</text>",
            bottom + 14.0
        );
    }
    for (number, lag) in lags.iter().enumerate() {
        let y = TOP + number as f64 * group + GAP / 2.0;
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + BAR + 4.0,
            lag.title.replace('`', "")
        );
        for (number, value) in [lag.median, lag.p90].into_iter().enumerate() {
            let y = y + number as f64 * BAR;
            let width = (place(value) - LEFT).max(1.0);
            let _ = writeln!(
                text,
                "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" \
                 fill=\"{}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"9\">{value:.1}</text>",
                BAR - 1.5,
                DRAWN[number].1,
                LEFT + width + 4.0,
                y + BAR - 3.0
            );
        }
    }
    text.push_str("</svg>\n");
    text
}

/// Returns the horizontal position of a lag.
fn place(milliseconds: f64) -> f64 {
    let [least, most] = SCALE.map(f64::log10);
    let part = (milliseconds.max(SCALE[0]).log10() - least) / (most - least);
    LEFT + part.min(1.0) * (WIDTH - LEFT - RIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_and_picture_show_the_median_of_each_client() {
        let lags = [9, 1, 2, 3, 4].map(Duration::from_millis);
        let lag = Lag::of("ours, `interval: 0`", &lags);
        assert_eq!([lag.best, lag.median, lag.p90, lag.worst], [1.0, 3.0, 9.0, 9.0]);
        assert!(
            table(std::slice::from_ref(&lag)).contains("| ours, `interval: 0` | 1.0 | 3.0 | 9.0")
        );
        let ten_times = Lag { median: 10.0, p90: 100.0, ..lag };
        let picture = draw(&[ten_times]);
        let decade = (WIDTH - LEFT - RIGHT) / 4.0;
        for decades in [2.0, 3.0] {
            let bar = format!("width=\"{:.1}\" height=\"9.5\"", decades * decade);
            assert!(picture.contains(&bar), "{bar}: {picture}");
        }
    }
}
