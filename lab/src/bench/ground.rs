//! A master with a spool of our own, and as many fresh replicas as are needed.

use std::cell::Cell;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use super::settings::{Mix, Settings};
use crate::compare::{compare, describe};
use crate::cyrus::Cyrus;
use crate::fill::{Bulk, Filler};
use crate::lab::{Lab, another_replica};
use crate::mail;
use crate::options::Options;
use crate::text;

/// A filled master.
pub struct Ground {
    pub lab: Lab,
    replicas: Cell<usize>,
}

/// A replica that is empty at first, and whose files go when it is dropped.
pub struct Fresh(Cyrus);

impl Ground {
    /// Starts a master and fills it.
    pub fn new(fill: impl FnOnce(&Cyrus)) -> Ground {
        let lab = Lab::new(Options::default());
        fill(&lab.master);
        Ground { lab, replicas: Cell::new(0) }
    }

    /// One of so many users, mailboxes and messages.
    pub fn bulk(bulk: Bulk, mix: Mix) -> Ground {
        Ground::new(|master| fill(master, bulk, mix))
    }

    /// The master.
    pub fn master(&self) -> &Cyrus {
        &self.lab.master
    }

    /// An empty replica.
    pub fn fresh(&self) -> Fresh {
        let number = self.replicas.get() + 1;
        self.replicas.set(number);
        Fresh(another_replica(&self.lab, &format!("fresh-{number}"), &Options::default()))
    }

    /// Fails with the first differences between master and replica.
    pub fn verify(&self, replica: &Cyrus) -> Result<(), String> {
        let differences = compare(&self.lab.master, replica);
        if differences.is_empty() {
            return Ok(());
        }
        Err(format!("left the replica different: {}", describe(&differences, 3)))
    }

    /// Megabytes of message files on the master.
    pub fn megabytes(&self) -> f64 {
        mail_below(&self.lab.master.partition_dir("default")) as f64 / 1e6
    }
}

impl Deref for Fresh {
    type Target = Cyrus;

    fn deref(&self) -> &Cyrus {
        &self.0
    }
}

impl DerefMut for Fresh {
    fn deref_mut(&mut self) -> &mut Cyrus {
        &mut self.0
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        self.0.stop_server();
        // Hundreds of megabytes that nobody needs any more.
        let _ = fs::remove_dir_all(self.0.dir());
    }
}

/// The spool of the first sync.
pub fn first_sync(settings: &Settings) -> Ground {
    let Settings { users, folders, messages, mix, .. } = *settings;
    Ground::bulk(Bulk { users, folders, messages, seed: 1 }, mix)
}

/// Fills a server.
pub fn fill(cyrus: &Cyrus, bulk: Bulk, mix: Mix) {
    let mut filler = Filler::new(cyrus, bulk.seed);
    match mix {
        Mix::Plain => filler.bulk(bulk),
        Mix::Mail => filler.bulk_of(bulk, mail::message),
    }
}

/// A message of some hundred bytes, of which there can be very many.
pub fn small(rng: &mut crate::rng::Rng) -> Vec<u8> {
    let size = 400 + rng.below(300);
    text::message(rng, size)
}

/// A number with commas between thousands.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes of message files ("12.") below a directory.
fn mail_below(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => mail_below(&entry.path()),
        Ok(_) if entry.file_name().to_string_lossy().ends_with('.') => {
            entry.metadata().map_or(0, |metadata| metadata.len())
        }
        _ => 0,
    };
    entries.flatten().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([7, 400, 40_000, 1_000_000].map(thousands), ["7", "400", "40,000", "1,000,000"]);
    }
}
