//! The graph of source files. An edge shows that one file names an item of another file.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Sources;

/// A directed graph. An edge leads from a file to the file that defines an item it names.
pub struct Graph {
    edges: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Graph {
    /// Collects the edges of all files, without unit tests.
    pub fn of(sources: &Sources) -> Graph {
        let mut edges: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for (file, target) in sources.named() {
            if file != target.file {
                edges.entry((file, target.file)).or_default().insert(target.name);
            }
        }
        Graph { edges }
    }

    /// Returns the edges: from, to, and the names of the items.
    pub fn edges(&self) -> Vec<(&str, &str, &BTreeSet<String>)> {
        self.edges.iter().map(|((from, to), names)| (from.as_str(), to.as_str(), names)).collect()
    }

    /// Returns the sets of files in which each file reaches all others.
    pub fn circles(&self) -> Vec<BTreeSet<String>> {
        let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (from, to) in self.edges.keys() {
            named.entry(from).or_default().push(to);
        }
        let reached: BTreeMap<_, _> =
            named.keys().map(|&file| (file, reached_from(file, &named))).collect();
        let mut circles = BTreeSet::new();
        for (&file, others) in &reached {
            let back = |other: &&str| reached.get(other).is_some_and(|from| from.contains(file));
            let circle: BTreeSet<String> =
                others.iter().copied().filter(back).map(str::to_owned).collect();
            if !circle.is_empty() {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }
}

fn reached_from<'a>(file: &'a str, named: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![file];
    while let Some(next) = waiting.pop() {
        for &to in named.get(next).into_iter().flatten() {
            if reached.insert(to) {
                waiting.push(to);
            }
        }
    }
    reached
}
