//! Simulates renames and deletes of a replica's folders in a dry run, which does not carry them
//! out.

use std::collections::HashSet;

use crate::protocol::{RemoteFolder, Rename};
use crate::types::{MboxName, Text};

/// A folder that the dry run would have renamed.
#[derive(Debug, Clone)]
struct Moved {
    /// The real name on the replica.
    is: MboxName,
    /// The name after the renames so far.
    name: MboxName,
    partition: Text,
    uidvalidity: u32,
}

/// The folders of a replica as they would be after the renames and deletes so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Imagined {
    moved: Vec<Moved>,
    /// Real names of the folders that would have been deleted.
    gone: HashSet<MboxName>,
}

impl Imagined {
    /// Returns whether nothing was renamed or deleted in the simulation.
    pub fn is_real(&self) -> bool {
        self.moved.is_empty() && self.gone.is_empty()
    }

    /// Renames a folder in the simulation.
    pub fn rename(&mut self, rename: &Rename<'_>) {
        let Rename { from, to, partition, uidvalidity } = *rename;
        let (name, partition) = (to.clone(), partition.clone());
        match self.moved.iter_mut().find(|moved| moved.name == *from) {
            Some(moved) => {
                (moved.name, moved.partition, moved.uidvalidity) = (name, partition, uidvalidity);
            }
            None => self.moved.push(Moved { is: from.clone(), name, partition, uidvalidity }),
        }
    }

    /// Deletes a folder in the simulation.
    pub fn delete(&mut self, name: &MboxName) {
        if let Some(is) = self.real(name) {
            self.moved.retain(|moved| moved.is != is);
            self.gone.insert(is);
        }
    }

    /// Returns the real name of the folder that has this name in the simulation, or `None` if there
    /// is no such folder.
    pub fn real(&self, name: &MboxName) -> Option<MboxName> {
        if let Some(moved) = self.moved.iter().find(|moved| moved.name == *name) {
            return Some(moved.is.clone());
        }
        let has_left = self.moved.iter().any(|moved| moved.is == *name);
        (!has_left && !self.gone.contains(name)).then(|| name.clone())
    }

    /// Changes a folder of the replica to its state in the simulation. Returns `false` if the
    /// folder is deleted in the simulation.
    pub fn amend(&self, folder: &mut RemoteFolder) -> bool {
        if self.gone.contains(&folder.name) {
            return false;
        }
        if let Some(moved) = self.moved.iter().find(|moved| moved.is == folder.name) {
            folder.header.name = moved.name.clone();
            folder.header.partition = moved.partition.clone();
            if moved.uidvalidity != 0 {
                folder.header.uidvalidity = moved.uidvalidity;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::MailboxHeader;

    fn renamed(imagined: &mut Imagined, from: &str, to: &str) {
        let (from, to, partition) = (from.into(), to.into(), Text::from("default"));
        imagined.rename(&Rename { from: &from, to: &to, partition: &partition, uidvalidity: 7 });
    }

    fn folder(name: &str) -> RemoteFolder {
        let header = MailboxHeader { name: name.into(), ..MailboxHeader::default() };
        RemoteFolder { header, ..RemoteFolder::default() }
    }

    /// Returns the name in the simulation of a folder with this real name.
    fn seen(imagined: &Imagined, name: &str) -> Option<String> {
        let mut folder = folder(name);
        imagined.amend(&mut folder).then(|| folder.name.to_string())
    }

    fn real(imagined: &Imagined, name: &str) -> Option<String> {
        imagined.real(&name.into()).map(|name| name.to_string())
    }

    #[test]
    fn names_that_are_swapped_by_a_third_lead_where_they_would() {
        let mut imagined = Imagined::default();
        assert!(imagined.is_real());
        for (from, to) in [("a", "x"), ("b", "a"), ("x", "b")] {
            renamed(&mut imagined, from, to);
        }
        assert_eq!(["a", "b", "c"].map(|name| seen(&imagined, name).unwrap()), ["b", "a", "c"]);
        assert_eq!(["a", "b", "c"].map(|name| real(&imagined, name).unwrap()), ["b", "a", "c"]);
        assert_eq!(real(&imagined, "x").as_deref(), Some("x"), "nobody has it any more");
        let mut moved = folder("a");
        imagined.amend(&mut moved);
        assert_eq!((moved.uidvalidity, moved.partition.to_string()), (7, "default".to_owned()));
    }

    #[test]
    fn deleted_and_renamed_mailboxes_are_missing_under_their_old_name() {
        let mut imagined = Imagined::default();
        renamed(&mut imagined, "a", "b");
        assert_eq!(real(&imagined, "a"), None);
        imagined.delete(&"b".into());
        assert_eq!((real(&imagined, "b"), seen(&imagined, "a")), (Some("b".to_owned()), None));
        imagined.delete(&"c".into());
        assert_eq!((real(&imagined, "c"), seen(&imagined, "c")), (None, None));
    }
}
