//! Other versions of Cyrus, each in a directory tree: Debian's packages of another release,
//! unpacked by `scripts/trees`, or a Cyrus that a developer built ([`Tree::by_hand`]). Their
//! programs run with the tree as root directory (chroot), as the cyrus user.
//!
//! A tree contains a link to its own root under its own absolute path. So a path below the tree is
//! valid inside and outside of it. A lab with such a server has its directory in the tree.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The directory in which `scripts/trees` stores the trees.
const TREES: &str = "/var/cache/cyrsync/trees";

/// Program in a tree that prints the version of Cyrus.
const MASTER: &str = "usr/lib/cyrus/bin/master";

/// A version of Cyrus: that of a Debian release, or one that a developer built.
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
    /// A Cyrus that is in no release of Debian: its major and minor version.
    ByHand(u32, u32),
}

impl Release {
    /// The releases of which `scripts/trees` makes trees, and the installed release.
    pub const DEBIAN: [Release; 4] =
        [Release::Bullseye, Release::Bookworm, Release::Trixie, Release::Forky];

    /// Returns the release of this machine, or Debian 12 if the release is unknown.
    pub fn installed() -> Release {
        static INSTALLED: LazyLock<Release> = LazyLock::new(|| {
            let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
            let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
            let mut releases = Release::DEBIAN.into_iter();
            releases.find(|release| release.name() == name).unwrap_or(Release::Bookworm)
        });
        *INSTALLED
    }

    /// Returns the first words of the version that the server reports: `Cyrus 3.6`.
    pub fn words(self) -> String {
        let (major, minor) = self.version();
        format!("Cyrus {major}.{minor}.")
    }

    /// Returns the major and minor version of Cyrus.
    pub fn version(self) -> (u32, u32) {
        match self {
            Release::Bullseye => (3, 2),
            Release::Bookworm => (3, 6),
            Release::Trixie => (3, 10),
            Release::Forky => (3, 12),
            Release::ByHand(major, minor) => (major, minor),
        }
    }

    /// Returns whether this version has groups of users.
    pub fn has_groups(self) -> bool {
        self.version() >= (3, 12)
    }

    /// Returns the name of the release's tree, or `None` if `scripts/trees` does not make one.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Release::Bullseye => Some("bullseye"),
            Release::Bookworm => Some("bookworm"),
            Release::Trixie => Some("trixie"),
            Release::Forky => Some("forky"),
            Release::ByHand(..) => None,
        }
    }
}

/// Returns whether the installed Cyrus is older than a version. If not, prints that a test which
/// needs the older Cyrus is skipped, with the reason.
pub fn is_before(version: (u32, u32), why: &str) -> bool {
    let installed = Release::installed().version();
    if installed >= version {
        println!("skipped with Cyrus {}.{}: {why}", installed.0, installed.1);
    }
    installed < version
}

fn directory() -> PathBuf {
    std::env::var_os("CYRSYNC_TREES").map_or_else(|| TREES.into(), PathBuf::from)
}

/// A tree with another version of Cyrus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    release: Release,
    root: PathBuf,
}

impl Tree {
    /// Returns the tree of a Debian release.
    ///
    /// # Panics If the tree does not exist.
    pub fn of(release: Release) -> Tree {
        let name = release.name().expect("trees by hand are found, not named");
        let root = directory().join(name);
        assert!(
            root.join("complete").exists(),
            "there is no {}: make it with scripts/trees {name}",
            root.display()
        );
        Tree { release, root }
    }

    /// Returns the existing trees of Debian releases, and those of [`Tree::by_hand`].
    pub fn all() -> Vec<Tree> {
        let debian = Release::DEBIAN.into_iter().filter(|release| {
            release.name().is_some_and(|name| directory().join(name).join("complete").exists())
        });
        debian.map(Tree::of).chain(Tree::by_hand()).collect()
    }

    /// Returns the trees in the same directory that `scripts/trees` did not make, in the order of
    /// their names. Each contains a Cyrus that a developer built, at Debian's paths, and a file
    /// `complete`.
    ///
    /// # Panics If a program in one of the trees does not run.
    pub fn by_hand() -> Vec<Tree> {
        let entries = std::fs::read_dir(directory()).into_iter().flatten().flatten();
        let mut roots: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        roots.sort();
        roots.retain(|root| root.join("complete").exists() && root.join(MASTER).exists());
        roots.into_iter().filter_map(Tree::found).collect()
    }

    /// Returns the tree at `root`, or `None` if its Cyrus is one of Debian's packages.
    fn found(root: PathBuf) -> Option<Tree> {
        let mut command = Command::new("/usr/sbin/chroot");
        command.arg(&root).arg(Path::new("/").join(MASTER)).arg("-V");
        let output = command.output().expect("chroot can be started");
        // `cyrus-imapd 3.6.1-Debian-3.6.1-4`, `cyrus-imapd 3.13.7-300-g1f3a129311`
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.contains("-Debian-") {
            return None;
        }
        let mut numbers = text.trim_start_matches("cyrus-imapd ").split('.');
        let mut number = || numbers.next().and_then(|number| number.trim().parse().ok());
        let (Some(major), Some(minor)) = (number(), number()) else {
            panic!("Cyrus's master in {} does not tell its version: {output:?}", root.display())
        };
        // Create the link that makes a path below the tree valid inside of it (see the module).
        let link = root.join(root.strip_prefix("/").unwrap_or(&root));
        if std::fs::symlink_metadata(&link).is_err() {
            let parent = link.parent().expect("it is below the root");
            let made = std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::create_dir_all(root.join("labs")))
                .and_then(|()| std::os::unix::fs::symlink("/", &link));
            if let Err(e) = made {
                // Another process may have created it meanwhile.
                assert!(e.kind() == ErrorKind::AlreadyExists, "{}: {e}", link.display());
            }
        }
        Some(Tree { release: Release::ByHand(major, minor), root })
    }

    /// Returns the version of the tree's Cyrus.
    pub fn release(&self) -> Release {
        self.release
    }

    /// Returns the name of the tree's directory.
    pub fn name(&self) -> String {
        self.root.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns the tree's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns a shell script that runs one of the tree's programs without chroot, because only
    /// root may use chroot. The script runs the tree's own dynamic loader with its libraries and
    /// plug-ins.
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

    /// Returns the path of the dynamic loader. Skips symbolic links, which may be absolute and thus
    /// point out of the tree.
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
