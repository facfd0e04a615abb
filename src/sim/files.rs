//! The channel's directory with the sync log, in memory: names and contents of the files.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::run::log::disk::LogFile;
use crate::run::log::entry::LogEntry;

/// The files of the directory. Each file has a number, like an inode.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub names: BTreeMap<&'static str, u64>,
    contents: BTreeMap<u64, Vec<u8>>,
    next: u64,
}

pub(super) fn name(file: LogFile) -> &'static str {
    match file {
        LogFile::Log => "log",
        LogFile::Work => "log-run",
        LogFile::Spare => "log-run.new",
    }
}

impl Files {
    pub fn number(&self, file: LogFile) -> Option<u64> {
        self.names.get(name(file)).copied()
    }

    /// Returns the contents of a file.
    pub fn read(&self, file: LogFile) -> Option<&[u8]> {
        self.contents.get(&self.number(file)?).map(Vec::as_slice)
    }

    /// Appends to a file, and creates it if it does not exist. Returns the range of the new bytes.
    pub fn append(&mut self, file: LogFile, bytes: &[u8]) -> Range<u64> {
        let number = self.number(file).unwrap_or_else(|| {
            self.next += 1;
            self.names.insert(name(file), self.next);
            self.next
        });
        let content = self.contents.entry(number).or_default();
        let start = content.len() as u64;
        content.extend_from_slice(bytes);
        start..content.len() as u64
    }

    /// Replaces the contents of a file, under all its names, and creates it if it does not exist.
    pub fn overwrite(&mut self, file: LogFile, bytes: &[u8]) {
        if let Some(number) = self.number(file) {
            self.contents.remove(&number);
        }
        self.append(file, bytes);
    }

    pub fn unlink(&mut self, file: LogFile) {
        self.names.remove(name(file));
        let used: Vec<u64> = self.names.values().copied().collect();
        self.contents.retain(|number, _| used.contains(number));
    }

    /// Returns the entries of the work file and the log.
    pub fn entries(&self) -> Vec<LogEntry> {
        let mut all = Vec::new();
        for file in [LogFile::Work, LogFile::Log] {
            let lines = self.read(file).unwrap_or_default().split(|byte| *byte == b'\n');
            all.extend(lines.filter_map(|line| LogEntry::parse(line).ok().flatten()));
        }
        all
    }

    /// Returns whether both files have no entries.
    pub fn is_done(&self) -> bool {
        self.entries().is_empty()
    }
}
