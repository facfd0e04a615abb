//! Tracks which message files the replica has staged, which means uploaded and ready for use by an
//! update. Each message is uploaded once per partition, or not at all if the replica finds it in
//! one of the user's mailboxes (`APPLY RESERVE`).

use std::collections::HashMap;

use crate::types::{Guid, Text};

/// Number of GUIDs in one `APPLY RESERVE` command; the same as in Cyrus.
pub const GUIDS_PER_COMMAND: usize = 8192;

/// The message files of a session, by partition and GUID. A copy of the replica's list of staged
/// files (`struct sync_reserve_list` in `imap/sync_support.h`).
#[derive(Debug, Default)]
pub struct Staged {
    partitions: HashMap<Text, HashMap<Guid, Stage>>,
    files: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// An update needs the file, and the replica is not known to have it.
    Wanted,
    /// The replica was asked whether it has the file, and has not replied yet.
    Asked,
    /// The replica has staged the file, or will stage it when it reads the upload.
    There,
}

impl Staged {
    /// Records that an update needs a message on a partition.
    pub fn want(&mut self, partition: &Text, guid: Guid) {
        if !self.partitions.contains_key(partition) {
            self.partitions.insert(partition.clone(), HashMap::new());
        }
        if let Some(guids) = self.partitions.get_mut(partition) {
            guids.entry(guid).or_insert(Stage::Wanted);
        }
    }

    /// Returns the GUIDs of the wanted files, for one command each that asks whether the replica
    /// has them.
    pub fn ask(&mut self) -> Vec<(Text, Vec<Guid>)> {
        let mut commands = Vec::new();
        for (partition, guids) in &mut self.partitions {
            let mut wanted: Vec<Guid> = Vec::new();
            for (guid, stage) in guids.iter_mut().filter(|(_, s)| **s == Stage::Wanted) {
                *stage = Stage::Asked;
                wanted.push(*guid);
            }
            wanted.sort_unstable();
            let chunks = wanted.chunks(GUIDS_PER_COMMAND);
            commands.extend(chunks.map(|chunk| (partition.clone(), chunk.to_vec())));
        }
        commands
    }

    /// Handles the replica's reply to one command of [`Staged::ask`]. `missing` are the GUIDs that
    /// it does not have.
    pub fn answered(&mut self, partition: &Text, asked: &[Guid], missing: &[Guid]) {
        let Some(guids) = self.partitions.get_mut(partition) else { return };
        for guid in asked {
            guids.insert(*guid, Stage::There);
        }
        self.files += asked.len().saturating_sub(missing.len()) as u64;
        for guid in missing {
            if let Some(stage) = guids.get_mut(guid) {
                *stage = Stage::Wanted;
            }
        }
    }

    /// Returns whether the file must be uploaded before an update can use it.
    pub fn must_upload(&self, partition: &Text, guid: Guid) -> bool {
        let stage = self.partitions.get(partition).and_then(|guids| guids.get(&guid));
        stage != Some(&Stage::There)
    }

    /// Records that the file was sent to the replica.
    pub fn uploaded(&mut self, partition: &Text, guid: Guid) {
        self.want(partition, guid);
        if let Some(guids) = self.partitions.get_mut(partition) {
            guids.insert(guid, Stage::There);
        }
        self.files += 1;
    }

    /// Undoes [`Staged::uploaded`], because the file could not be read.
    pub fn forget(&mut self, partition: &Text, guid: Guid) {
        if let Some(guids) = self.partitions.get_mut(partition) {
            guids.remove(&guid);
        }
    }

    /// Returns the number of files that the replica has staged. The replica keeps them until the
    /// client tells it to release them.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// Forgets everything, because the replica has released its staged files.
    pub fn clear(&mut self) {
        *self = Staged::default();
    }

    /// Forgets which files are staged, because this is unknown after a failure.
    pub fn distrust(&mut self) {
        self.partitions.clear();
    }

    /// Forgets which files are staged on one partition.
    pub fn distrust_partition(&mut self, partition: &Text) {
        self.partitions.remove(partition);
    }

    /// Calls [`Staged::distrust`] if the result is an error.
    pub fn clear_if_failed<T, E>(&mut self, result: &Result<T, E>) {
        if result.is_err() {
            self.distrust();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guid(n: u8) -> Guid {
        Guid([n; 20])
    }

    #[test]
    fn files_that_the_replica_misses_are_uploaded_once_and_others_not() {
        let part = Text::from("default");
        let mut staged = Staged::default();
        staged.want(&part, guid(1));
        staged.want(&part, guid(2));
        let asked = staged.ask();
        assert_eq!(asked, [(part.clone(), vec![guid(1), guid(2)])]);
        staged.answered(&part, &asked[0].1, &[guid(2)]);
        assert!(!staged.must_upload(&part, guid(1)));
        assert!(staged.must_upload(&part, guid(2)));
        staged.uploaded(&part, guid(2));
        assert!(!staged.must_upload(&part, guid(2)));
        assert!(staged.ask().is_empty());
        assert_eq!(staged.files(), 2, "one found there, one uploaded");
    }

    #[test]
    fn another_partition_needs_its_own_copy() {
        let mut staged = Staged::default();
        staged.uploaded(&Text::from("default"), guid(1));
        assert!(staged.must_upload(&Text::from("archive"), guid(1)));
    }

    #[test]
    fn requests_are_cut_to_size() {
        let part = Text::from("default");
        let mut staged = Staged::default();
        for n in 0..10_000u32 {
            let mut guid = Guid::default();
            guid.0[..4].copy_from_slice(&n.to_be_bytes());
            staged.want(&part, guid);
        }
        let sizes: Vec<usize> = staged.ask().iter().map(|(_, guids)| guids.len()).collect();
        assert_eq!(sizes, [GUIDS_PER_COMMAND, 10_000 - GUIDS_PER_COMMAND]);
    }
}
