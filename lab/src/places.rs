//! Finds the files of mailboxes by asking Cyrus (`mbpath`), so that the oracle contains no
//! knowledge of the layout.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cyrus::Cyrus;
use crate::tools;
use crate::trees::Release;

/// Maximum number of mailboxes for one run of `mbpath`.
const AT_ONCE: usize = 500;

/// The directories of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Directory of the message files.
    pub data: PathBuf,
    /// Directory of the archived message files; `data` if there is no archive partition.
    pub archive: PathBuf,
    /// Directory of metadata files that `metapartition_files` moves; `data` if there are none.
    pub meta: PathBuf,
    /// Files of the owner by their content: `seen`, `sub`, `counters`, `conversations`, `sieve` (a
    /// directory), ...; empty for a shared mailbox.
    pub user: BTreeMap<String, PathBuf>,
}

impl Places {
    /// Returns the possible paths of a message file.
    pub fn message(&self, uid: u64) -> [PathBuf; 2] {
        [&self.data, &self.archive].map(|directory| directory.join(format!("{uid}.")))
    }
}

/// Returns the places of mailboxes by internal name. Mailboxes unknown to Cyrus are left out.
pub fn places<'n>(
    cyrus: &Cyrus,
    internal: impl IntoIterator<Item = &'n str>,
) -> BTreeMap<String, Places> {
    let internal: Vec<&str> = internal.into_iter().collect();
    let names: Vec<String> = internal.iter().map(|name| cyrus.admin_name(name)).collect();
    let mut found = BTreeMap::new();
    if cyrus.release() == Release::Bullseye {
        let all = internal.chunks(AT_ONCE).zip(names.chunks(AT_ONCE));
        return all.flat_map(|(internal, names)| early(cyrus, internal, names)).collect();
    }
    for names in names.chunks(AT_ONCE) {
        let args: Vec<&str> =
            ["-7", "-q", "-j", "--"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let (_, printed) = tools::try_run(cyrus, "mbpath", &args);
        for object in printed.split("\n}") {
            if let Some((name, places)) = read(object) {
                found.insert(name, places);
            }
        }
    }
    found
}

/// Asks Cyrus 3.2, which does not print objects: only the directories of messages are known, one
/// line for each mailbox.
fn early(cyrus: &Cyrus, internal: &[&str], names: &[String]) -> BTreeMap<String, Places> {
    let ask = |which: &str| -> Vec<PathBuf> {
        let args: Vec<&str> =
            ["-q", which, "--"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let (_, printed) = tools::try_run(cyrus, "mbpath", &args);
        printed.lines().map(PathBuf::from).collect()
    };
    let data = ask("-D");
    if data.len() != names.len() && names.len() > 1 {
        // It prints nothing for unknown mailboxes, so ask for one mailbox at a time.
        let each = internal.iter().zip(names);
        return each
            .flat_map(|(internal, name)| early(cyrus, &[*internal], std::slice::from_ref(name)))
            .collect();
    }
    let archive = if cyrus.has_archive() { ask("-A") } else { data.clone() };
    let paths = data.into_iter().zip(archive);
    let places = paths.map(|(data, archive)| {
        let meta = data.clone();
        Places { data, archive, meta, user: BTreeMap::new() }
    });
    internal.iter().map(|name| (*name).to_owned()).zip(places).collect()
}

/// Returns the places of one mailbox.
///
/// # Panics
/// If Cyrus does not know it.
#[track_caller]
pub fn place(cyrus: &Cyrus, internal: &str) -> Places {
    let found = places(cyrus, [internal]).remove(internal);
    found.unwrap_or_else(|| panic!("mbpath knows no {internal} on {}", cyrus.name()))
}

/// Parses the output of jansson: one value a line, objects indented by two blanks.
fn read(object: &str) -> Option<(String, Places)> {
    let mut top = BTreeMap::new();
    let mut within = BTreeMap::new();
    let mut group = "";
    for line in object.lines() {
        let depth = line.len() - line.trim_start().len();
        let Some((key, value)) = line.trim().split_once("\": ") else { continue };
        let (key, value) = (key.trim_start_matches('"'), value.trim_end_matches(','));
        let text = value.trim_matches('"');
        match depth {
            2 if value == "{" => group = key,
            2 => drop(top.insert(key, PathBuf::from(text))),
            4 => drop(within.insert((group, key), text)),
            _ => {}
        }
    }
    let name = (*within.get(&("mbname", "intname"))?).to_owned();
    let user = within.iter().filter(|((group, _), _)| *group == "user");
    let user = user.map(|((_, key), path)| ((*key).to_owned(), PathBuf::from(path))).collect();
    let mut take = |key| top.remove(key);
    Some((
        name,
        Places { data: take("data")?, archive: take("archive")?, meta: take("meta")?, user },
    ))
}
