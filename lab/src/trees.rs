//! Other versions of Cyrus: Debian packages of another release that `scripts/trees` unpacked into a
//! directory tree. Their programs run in it by chroot, as the cyrus user.
//!
//! A tree contains a link to its own root under its own absolute path. So a path below it means the
//! same inside and outside. Labs with such a server are stored in the tree.

use std::path::{Path, PathBuf};

/// The directory in which `scripts/trees` stores the trees.
const TREES: &str = "/var/cache/cyrsync/trees";

/// A release of Debian and its version of Cyrus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Cyrus 3.2.6, which stores mailboxes only by name and has no mailboxes for scripts.
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
    /// Returns the tree of a release.
    ///
    /// # Panics
    /// If the tree does not exist.
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

    /// Returns the release in the tree.
    pub fn release(&self) -> Release {
        self.release
    }

    /// Returns the directory of the tree.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns a shell script that runs one of the tree's programs without chroot, which only root
    /// may use. It runs the tree's own dynamic loader with its libraries and plug-ins.
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

    /// Returns the file of the loader. Links to it may be absolute, so they are not used.
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

    /// Returns the directory for labs in the tree.
    pub(crate) fn labs(&self) -> PathBuf {
        self.root.join("labs")
    }
}
