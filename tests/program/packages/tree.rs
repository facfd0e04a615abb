//! A Debian system in a directory tree, in which the tests install packages.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use cyrsync_lab::trees::{Release, Tree};
use sha1::{Digest, Sha1};

/// The state of each path: mode, owner, group, and the digest of a file or the target of a link.
pub type Snapshot = BTreeMap<PathBuf, (u32, u32, u32, Vec<u8>)>;

pub struct Debian {
    pub tree: Tree,
}

impl Debian {
    pub fn of(release: Release) -> Debian {
        // scripts/packages has just created the tree. It marks a complete tree with `complete`.
        let trees = PathBuf::from(std::env::var_os("CYRSYNC_TREES").expect("scripts/packages"));
        let name = if release == Release::Trixie { "trixie" } else { "bookworm" };
        assert!(trees.join(name).join("complete").exists(), "run make packages");
        Debian { tree: Tree::of(release) }
    }

    pub fn root(&self) -> &Path {
        self.tree.root()
    }

    /// Runs a command in the tree as root. All mounts disappear when the command ends.
    #[track_caller]
    pub fn run(&self, command: &str) -> String {
        let within = "mount -t proc proc \"$1/proc\"\nmount --rbind /dev \"$1/dev\"\n\
            exec chroot \"$1\" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C TERM=dumb \
            MANPAGER=cat DEBIAN_FRONTEND=noninteractive sh -euc \"$2\"";
        let output = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", within, "sh"])
            .arg(self.root())
            .arg(command)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {}\n{text}{errors}", output.status);
        text
    }

    pub fn file(&self, path: &str) -> Vec<u8> {
        let path = self.root().join(path.trim_start_matches('/'));
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Records all paths where packages install files, and all files of Cyrus.
    pub fn snapshot(&self) -> Snapshot {
        let mut found = Snapshot::new();
        for top in ["usr", "etc", "var/lib/cyrus", "var/spool"] {
            self.look(Path::new(top), &mut found);
        }
        found
    }

    fn look(&self, path: &Path, found: &mut Snapshot) {
        let full = self.root().join(path);
        let meta = fs::symlink_metadata(&full).unwrap();
        let content = if meta.is_symlink() {
            fs::read_link(&full).unwrap().as_os_str().as_bytes().to_vec()
        } else if meta.is_file() {
            Sha1::digest(fs::read(&full).unwrap()).to_vec()
        } else {
            Vec::new()
        };
        let entry = (meta.permissions().mode(), meta.uid(), meta.gid(), content);
        found.insert(path.to_owned(), entry);
        if meta.is_dir() {
            for entry in fs::read_dir(&full).unwrap() {
                self.look(&path.join(entry.unwrap().file_name()), found);
            }
        }
    }
}

/// Returns the paths in which two snapshots differ.
pub fn changed(before: &Snapshot, after: &Snapshot) -> Vec<PathBuf> {
    let paths = before.keys().chain(after.keys());
    let mut changed: Vec<_> =
        paths.filter(|path| before.get(*path) != after.get(*path)).cloned().collect();
    changed.sort();
    changed.dedup();
    changed
}
