//! Draws ratios as horizontal bars: the resources of our client relative to Cyrus's.

use std::fmt::Write as _;

use super::contender::{CYRUS, Contender, OURS};
use super::result::{Case, Measure, Report, Row};

/// The measures that are drawn for each case, with their colours.
const DRAWN: [(Measure, &str, &str); 3] = [
    (Measure::Wall, "wall time", "#2b6cb0"),
    (Measure::ClientCpu, "client CPU", "#38a169"),
    (Measure::Peak, "peak memory", "#b7791f"),
];

/// Sizes, in pixels.
pub(super) const WIDTH: f64 = 900.0;
pub(super) const LEFT: f64 = 390.0;
pub(super) const RIGHT: f64 = 70.0;
pub(super) const TOP: f64 = 64.0;
const BAR: f64 = 9.0;
const GAP: f64 = 14.0;
/// Longer bars are cut off at this ratio.
const MOST: f64 = 1.25;

/// Draws all cases in which both clients ran with default settings.
pub fn draw(report: &Report) -> String {
    let drawn: Vec<(&Case, &Row)> = report
        .cases
        .iter()
        .filter(|case| case.rows.first().is_some_and(|row| row.who == CYRUS))
        // If a case ran in several sizes, take the last one, which is the largest.
        .filter(|case| {
            let last = report.cases.iter().rfind(|other| other.name == case.name);
            last.is_some_and(|last| std::ptr::eq(last, *case))
        })
        .filter_map(|case| Some((case, ours(case)?)))
        .filter(|(_, row)| !row.ratio.is_empty())
        .collect();
    let group = DRAWN.len() as f64 * BAR + GAP;
    let height = TOP + drawn.len() as f64 * group + 30.0;
    let title =
        "What our client needs of what Cyrus's client needs (1: as much; shorter is better)";
    let mut text = head(title, height, DRAWN.iter().map(|(_, name, colour)| (*name, *colour)));
    let bottom = height - 24.0;
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0, 1.25] {
        let x = place(tick);
        let colour = if tick == 1.0 { "#c53030" } else { "#dddddd" };
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"{colour}\"/>\n\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{tick}</text>",
            bottom + 14.0
        );
    }
    for (number, (case, row)) in drawn.into_iter().enumerate() {
        let y = TOP + number as f64 * group + GAP / 2.0;
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 1.5 * BAR + 4.0,
            escaped(&short(&case.title))
        );
        bars(&mut text, row, y);
    }
    text.push_str("</svg>\n");
    text
}

/// Returns the row of our client with default settings.
fn ours(case: &Case) -> Option<&Row> {
    let adapts = Contender::level("auto").name;
    let named = |name: &str| case.rows.iter().find(|row| row.who == name);
    named(OURS).or_else(|| named(&adapts))
}

/// Returns the start of a picture: its title, and the names and colours of its bars.
pub(super) fn head<'n>(
    title: &str,
    height: f64,
    names: impl Iterator<Item = (&'n str, &'n str)>,
) -> String {
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"15\">{title}</text>\n"
    );
    for (number, (name, colour)) in names.enumerate() {
        let x = LEFT + number as f64 * 120.0;
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"36\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\n\
             <text x=\"{}\" y=\"45\">{name}</text>",
            x + 15.0
        );
    }
    text
}

fn bars(text: &mut String, row: &Row, y: f64) {
    for (number, (measure, _, colour)) in DRAWN.iter().enumerate() {
        let Some(ratio) = row.ratio.get(measure) else { continue };
        let y = y + number as f64 * BAR;
        let width = (place(ratio.min(MOST)) - LEFT).max(1.0);
        let _ = writeln!(
            text,
            "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" \
             fill=\"{colour}\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"9\">{ratio:.2}</text>",
            BAR - 1.5,
            LEFT + width + 4.0,
            y + BAR - 2.0
        );
    }
}

/// Returns the horizontal position of a ratio.
fn place(ratio: f64) -> f64 {
    LEFT + ratio / MOST * (WIDTH - LEFT - RIGHT)
}

/// Shortens a title to the available space.
fn short(title: &str) -> String {
    const ROOM: usize = 66;
    if title.chars().count() <= ROOM {
        return title.to_owned();
    }
    title.chars().take(ROOM - 1).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::result::tests::example;

    #[test]
    fn each_case_of_both_clients_has_a_bar_as_long_as_its_ratio() {
        let mut ours_only = example();
        ours_only.rows.remove(0);
        ours_only.name = "another".to_owned();
        let cases = vec![example(), example(), ours_only];
        let text = draw(&Report { machine: String::new(), cases });
        let width = (WIDTH - LEFT - RIGHT) / MOST * 0.25;
        assert!(text.contains(&format!("width=\"{width:.1}\" height=\"7.5\"")), "{text}");
        assert_eq!(text.matches("height=\"7.5\"").count(), 1);
        assert!(text.contains("something &amp; more"));
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
    }
}
