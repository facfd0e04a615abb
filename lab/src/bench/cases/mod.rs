//! The benchmark cases and their names.

mod changed;
mod first;
mod large;
mod limit;
mod lines;
mod unchanged;
mod verify;

use super::Bench;
use super::result::{Case, Report};
use super::settings::Settings;

/// A case that the command line can name. It may produce several results.
pub struct Known {
    pub name: &'static str,
    pub says: &'static str,
    /// Whether the case runs if the command line names no case.
    pub usual: bool,
    pub run: fn(&Bench) -> Vec<Case>,
}

const fn usual(name: &'static str, says: &'static str, run: fn(&Bench) -> Vec<Case>) -> Known {
    Known { name, says, usual: true, run }
}

/// All cases, in the order in which they run.
pub const CASES: &[Known] = &[
    usual("first-sync", "first sync over loopback: default settings, one connection", first::sync),
    usual("workers", "first sync over 1, 2, 4 connections", first::workers),
    usual("tls", "first sync over TLS, both as by default", first::tls),
    usual("cold", "first sync from a spool on disk that was not read yet", first::cold),
    usual("limit", "first sync by what the replica's servers need for the bytes", limit::limit),
    usual("unchanged", "nothing changed, 5 mailboxes of each user", unchanged::few),
    usual("unchanged-many", "nothing changed, 50 mailboxes of each user", unchanged::many),
    usual("distance", "one message more in each mailbox, over a distance", changed::distance),
    usual("day", "a mixed day: appends, flags, expunges, folders", changed::day),
    usual("flag", "one flag changed in a large mailbox", changed::flag),
    usual("verify", "everything compared, beside a run where nothing changed", verify::verify),
    usual("big", "first sync of one large mailbox", large::mailbox),
    usual("wide", "one user with very many mailboxes", large::wide),
    usual("many", "very many users", large::many),
    usual("line-1g", "first sync over 1 Gbit/s: deflate levels 0, 6, auto", lines::gigabit),
    usual("line-100m", "first sync over 100 Mbit/s", lines::hundred),
    usual("line-10m", "first sync over 10 Mbit/s", lines::ten),
    usual("line-2m", "first sync over 2 Mbit/s", lines::two),
];

/// Returns whether there is a case of this name.
pub fn is_known(name: &str) -> bool {
    CASES.iter().any(|case| case.name == name)
}

/// Returns the cases that the settings select.
pub fn chosen(settings: &Settings) -> impl Iterator<Item = &'static Known> {
    let named = |case: &Known| settings.cases.iter().any(|name| name == case.name);
    CASES.iter().filter(
        move |case| {
            if settings.cases.is_empty() { case.usual } else { named(case) }
        },
    )
}

/// Adds those cases of an old report to a new report that the new report lacks. Sorts the cases in
/// the order of [`CASES`].
pub fn merged(old: Report, mut new: Report) -> Report {
    let missing = |case: &Case| new.cases.iter().all(|now| now.name != case.name);
    let kept: Vec<Case> = old.cases.into_iter().filter(missing).collect();
    new.cases.extend(kept);
    // The name of a result begins with the name of its case.
    let place = |case: &Case| {
        let of = |known: &Known| case.name == known.name || begins(&case.name, known.name);
        let exact = CASES.iter().position(|known| case.name == known.name);
        exact.or_else(|| CASES.iter().position(of))
    };
    new.cases.sort_by_key(place);
    new
}

fn begins(name: &str, with: &str) -> bool {
    name.strip_prefix(with).is_some_and(|rest| rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_result_replaces_its_own_and_keeps_the_others_in_order() {
        let report = |machine: &str, names: &[&str]| {
            let cases = names.iter().map(|name| Case::new(name, machine.to_owned()));
            Report { machine: machine.to_owned(), cases: cases.collect() }
        };
        let old = report("old", &["line-1g", "many-first", "unchanged-many", "first-sync"]);
        let new = report("new", &["unchanged", "many-first", "limit-2"]);
        let merged = merged(old, new);
        let all: Vec<_> = merged.cases.iter().map(|c| (&c.name[..], &c.title[..])).collect();
        let wanted = [
            ("first-sync", "old"),
            ("limit-2", "new"),
            ("unchanged", "new"),
            ("unchanged-many", "old"),
            ("many-first", "new"),
            ("line-1g", "old"),
        ];
        assert_eq!(all, wanted);
    }
}
