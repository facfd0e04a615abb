//! Where files lie, as Cyrus itself says (`mbpath`): so that the oracle knows no layout of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cyrus::Cyrus;
use crate::tools;
use crate::trees::Release;

/// How many mailboxes one run of `mbpath` is asked about.
const AT_ONCE: usize = 500;

/// The directories of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Its message files.
    pub data: PathBuf,
    /// Its archived message files; `data` where there is no archive partition.
    pub archive: PathBuf,
    /// Metadata files that `metapartition_files` moves, if any; else `data`.
    pub meta: PathBuf,
    /// The files of its owner, by what they hold: `seen`, `sub`, `counters`, `conversations`,
    /// `sieve` (a directory), ...; empty for a shared mailbox.
    pub user: BTreeMap<String, PathBuf>,
}

impl Places {
    /// Where the file of a message may lie.
    pub fn message(&self, uid: u64) -> [PathBuf; 2] {
        [&self.data, &self.archive].map(|directory| directory.join(format!("{uid}.")))
    }
}

/// The places of mailboxes, by internal name. Those that Cyrus does not know are left out.
pub fn places<'n>(
    cyrus: &Cyrus,
    internal: impl IntoIterator<Item = &'n str>,
) -> BTreeMap<String, Places> {
    let internal: Vec<&str> = internal.into_iter().collect();
    let names: Vec<String> = internal.iter().map(|name| cyrus.admin_name(name)).collect();
    let mut found = BTreeMap::new();
    if cyrus.release() == Release::Bullseye {
        return internal.into_iter().zip(&names).filter_map(|(i, n)| early(cyrus, i, n)).collect();
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

/// Cyrus 3.2 prints no objects; it is only asked where messages are.
fn early(cyrus: &Cyrus, internal: &str, name: &str) -> Option<(String, Places)> {
    let ask = |which: &str| {
        let (success, printed) = tools::try_run(cyrus, "mbpath", &["-q", which, "--", name]);
        let path = PathBuf::from(printed.trim());
        (success && path.is_absolute()).then_some(path)
    };
    let data = ask("-D")?;
    let archive = if cyrus.has_archive() { ask("-A")? } else { data.clone() };
    let meta = data.clone();
    Some((internal.to_owned(), Places { data, archive, meta, user: BTreeMap::new() }))
}

/// The places of one mailbox.
///
/// # Panics
/// If Cyrus does not know it.
#[track_caller]
pub fn place(cyrus: &Cyrus, internal: &str) -> Places {
    let found = places(cyrus, [internal]).remove(internal);
    found.unwrap_or_else(|| panic!("mbpath knows no {internal} on {}", cyrus.name()))
}

/// Reads what jansson prints: a value to a line, objects two blanks deeper.
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
