//! A filled master, and as many new replicas as a benchmark needs.

use std::cell::Cell;
use std::fs::{self, File};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::settings::{Mix, Settings};
use crate::compare::{compare, describe};
use crate::cyrus::Cyrus;
use crate::fill::{Bulk, Filler};
use crate::guard;
use crate::lab::{Lab, another_replica};
use crate::mail;
use crate::options::Options;
use crate::text;

/// A master with mail. It starts new replicas.
pub struct Ground {
    pub lab: Lab,
    replicas: Cell<usize>,
    /// Directory of the message files if they are outside the lab's directory.
    spool: Option<PathBuf>,
}

/// A replica that is empty at first. Its files are removed when it is dropped.
pub struct Fresh(Cyrus);

impl Ground {
    /// Starts a master and fills it.
    pub fn new(fill: impl FnOnce(&Cyrus)) -> Ground {
        let lab = Lab::new(Options::default());
        fill(&lab.master);
        Ground { lab, replicas: Cell::new(0), spool: None }
    }

    /// Like [`Ground::bulk`], but stores the master's spool on disk below `base`.
    pub fn on_disk(bulk: Bulk, mix: Mix, base: &Path) -> Ground {
        let spool = base.join(format!("cyrsync-bench-spool-{}", std::process::id()));
        let master_conf = format!("partition-default: {}\n", spool.display());
        let lab = Lab::new(Options { master_conf, ..Options::default() });
        lab.master.guard().make_dir(&spool);
        let ground = Ground { lab, replicas: Cell::new(0), spool: Some(spool) };
        fill(ground.master(), bulk, mix);
        ground
    }

    /// Removes the contents of the master's spool from the kernel's cache.
    pub fn cool(&self) {
        let spool = self.spool();
        // Data that is not on disk yet cannot be removed from the cache.
        let _ = Command::new("sync").arg("-f").arg(&spool).status();
        each_file(&spool, &mut |path| {
            if let Ok(file) = File::open(path) {
                guard::forget_contents(&file);
            }
        });
    }

    fn spool(&self) -> PathBuf {
        self.spool.clone().unwrap_or_else(|| self.lab.master.partition_dir("default"))
    }

    /// Starts a master with a number of users, mailboxes and messages.
    pub fn bulk(bulk: Bulk, mix: Mix) -> Ground {
        Ground::new(|master| fill(master, bulk, mix))
    }

    /// Returns the master.
    pub fn master(&self) -> &Cyrus {
        &self.lab.master
    }

    /// Starts an empty replica.
    pub fn fresh(&self) -> Fresh {
        let number = self.replicas.get() + 1;
        self.replicas.set(number);
        Fresh(another_replica(&self.lab, &format!("fresh-{number}"), &Options::default()))
    }

    /// Compares master and replica. Fails with the first differences.
    pub fn verify(&self, replica: &Cyrus) -> Result<(), String> {
        let differences = compare(&self.lab.master, replica);
        if differences.is_empty() {
            return Ok(());
        }
        Err(format!("left the replica different: {}", describe(&differences, 3)))
    }

    /// Returns the total size of the message files on the master, in megabytes.
    pub fn megabytes(&self) -> f64 {
        let mut bytes = 0;
        each_file(&self.spool(), &mut |path| {
            // The name of a message file ends with a dot, such as "12."
            if path.as_os_str().as_encoded_bytes().ends_with(b".") {
                bytes += fs::metadata(path).map_or(0, |metadata| metadata.len());
            }
        });
        bytes as f64 / 1e6
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(spool) = &self.spool {
            let _ = fs::remove_dir_all(spool);
        }
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
        // The replica may take hundreds of megabytes that are no longer needed.
        let _ = fs::remove_dir_all(self.0.dir());
    }
}

/// Starts a master with the mail for the first sync.
pub fn first_sync(settings: &Settings) -> Ground {
    let Settings { users, folders, messages, mix, .. } = *settings;
    Ground::bulk(Bulk { users, folders, messages, seed: 1 }, mix)
}

/// Fills a server with users, mailboxes and messages.
pub fn fill(cyrus: &Cyrus, bulk: Bulk, mix: Mix) {
    let mut filler = Filler::new(cyrus, bulk.seed);
    match mix {
        Mix::Plain => filler.bulk(bulk),
        Mix::Mail => filler.bulk_of(bulk, mail::message),
    }
}

/// Creates a message of some hundred bytes, for mailboxes with very many messages.
pub fn small(rng: &mut crate::rng::Rng) -> Vec<u8> {
    let size = 400 + rng.below(300);
    text::message(rng, size)
}

/// Formats a number with commas between thousands.
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

/// Visits the files below a directory.
fn each_file(directory: &Path, visit: &mut dyn FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => each_file(&entry.path(), visit),
            Ok(_) => visit(&entry.path()),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_by_commas() {
        assert_eq!([7, 400, 40_000, 1_000_000].map(thousands), ["7", "400", "40,000", "1,000,000"]);
    }
}
