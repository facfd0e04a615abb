//! Other versions of Cyrus: Debian's packages of another release, unpacked into a directory tree by
//! `scripts/trees`. Their programs run there by chroot, as the cyrus user.
//!
//! A tree holds a link to its own root under its own absolute path, so that a path below it means
//! the same inside and outside. Labs with such a server lie in the tree.

use std::path::{Path, PathBuf};

/// Where `scripts/trees` puts them.
const TREES: &str = "/var/cache/cyrsync/trees";

/// A release of Debian, and with it a version of Cyrus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Cyrus 3.2.6, which keeps mailboxes by name alone and knows no mailbox for scripts.
    Bullseye,
    /// Cyrus 3.6.1.
    Bookworm,
    /// Cyrus 3.10.2.
    Trixie,
    /// Cyrus 3.12; not released yet.
    Forky,
}

/// A tree with another version of Cyrus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    release: Release,
    root: PathBuf,
}

impl Tree {
    /// The tree of a release.
    ///
    /// # Panics
    /// If it was not made.
    pub fn of(release: Release) -> Tree {
        let trees = std::env::var_os("CYRSYNC_TREES").map_or_else(|| TREES.into(), PathBuf::from);
        let name = match release {
            Release::Bullseye => "bullseye",
            Release::Bookworm => "bookworm",
            Release::Trixie => "trixie",
            Release::Forky => "forky",
        };
        let root = trees.join(name);
        assert!(
            root.join("complete").exists(),
            "there is no {}: make it with scripts/trees {name}",
            root.display()
        );
        Tree { release, root }
    }

    /// What it holds.
    pub fn release(&self) -> Release {
        self.release
    }

    /// Its directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A shell script that runs one of its programs without chroot, which only root may do: by the
    /// tree's own dynamic loader, with its libraries and plug-ins.
    pub(crate) fn script(&self, program: &str) -> String {
        let loader = self.loader();
        let libraries = loader.parent().expect("it is a file").display();
        let root = self.root.display();
        format!(
            "#!/bin/sh\nSASL_PATH={libraries}/sasl2 exec {} --library-path {libraries}:{root}/usr/lib \\\n\
             \x20 {root}{program} \"$@\"\n",
            loader.display(),
        )
    }

    /// The loader itself: links to it may be absolute.
    fn loader(&self) -> PathBuf {
        let below = |dir: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect()
        };
        let is_loader = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let libc = name.strip_prefix("ld-").is_some_and(|rest| {
                rest.starts_with(|c: char| c.is_ascii_digit()) || rest.starts_with("linux")
            });
            libc && name.contains(".so") && std::fs::metadata(path).is_ok_and(|m| m.is_file())
        };
        let directories = below(&self.root.join("usr/lib"));
        let mut found = directories.iter().filter(|d| d.is_dir()).flat_map(|d| below(d));
        found.find(is_loader).unwrap_or_else(|| panic!("no loader in {}", self.root.display()))
    }

    /// The directory in it for labs.
    pub(crate) fn labs(&self) -> PathBuf {
        self.root.join("labs")
    }
}
