//! Damages a file in a way that a seed chooses, and restores it afterwards.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use cyrsync_lab::Rng;

/// The original state of a file, directory or link, before the damage.
pub struct Saved {
    path: PathBuf,
    content: Content,
    owner: (u32, u32),
    mode: u32,
    modified: SystemTime,
}

enum Content {
    File(Vec<u8>),
    Link(PathBuf),
    Directory,
}

impl Saved {
    /// Saves what is at a path.
    pub fn of(path: &Path) -> Saved {
        let found =
            fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let content = if found.is_symlink() {
            Content::Link(fs::read_link(path).expect("a link"))
        } else if found.is_dir() {
            Content::Directory
        } else {
            Content::File(fs::read(path).expect("own file"))
        };
        Saved {
            path: path.to_owned(),
            content,
            owner: (found.uid(), found.gid()),
            mode: found.mode() & 0o7777,
            modified: found.modified().expect("files have times"),
        }
    }

    /// Returns the bytes of a file; an empty slice for anything else.
    pub fn bytes(&self) -> &[u8] {
        if let Content::File(bytes) = &self.content { bytes } else { &[] }
    }

    /// Restores content, owner, mode and time.
    pub fn restore(&self) {
        match &self.content {
            // A directory's contents are never changed, but the directory may have been moved away.
            Content::Directory => {
                let aside = aside(&self.path);
                if aside.exists() {
                    remove(&self.path);
                    fs::rename(&aside, &self.path).expect("own directory");
                }
            }
            Content::Link(target) => {
                remove(&self.path);
                symlink(target, &self.path).expect("own directory");
                return;
            }
            Content::File(bytes) => {
                remove(&self.path);
                fs::write(&self.path, bytes).expect("own file");
            }
        }
        chown(&self.path, Some(self.owner.0), Some(self.owner.1)).expect("chown as root");
        fs::set_permissions(&self.path, Permissions::from_mode(self.mode)).expect("own file");
        if let Content::File(_) = self.content {
            let file = File::options().write(true).open(&self.path).expect("own file");
            file.set_modified(self.modified).expect("own file");
        }
    }
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".aside");
    name.into()
}

fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).expect("own directory"),
        Ok(_) => fs::remove_file(path).expect("own file"),
        Err(_) => {}
    }
}

/// A kind of damage.
#[derive(Debug, Clone)]
pub enum Damage {
    Truncated(usize),
    Flipped(Vec<usize>),
    Zeroed(usize, usize),
    Random(usize, usize),
    /// Replaced by the content of another file of the same kind.
    Swapped(PathBuf),
    /// Replaced by the content of a file of another kind.
    Foreign(PathBuf),
    Unreadable,
    Directory,
    Dangling,
    LinkToItself,
    Fifo,
    Deleted,
    Grown(usize),
    /// Extended to this many bytes, with a hole at its end.
    Sparse(u64),
    /// A number that a CRC covers was changed and the CRC corrected: offset and value.
    Plausible(usize, u64),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Damage {
    /// Chooses the damage of a file; `same` and `foreign` are other files of its kind and of other
    /// kinds.
    pub fn choose(rng: &mut Rng, saved: &Saved, same: &[PathBuf], foreign: &[PathBuf]) -> Damage {
        let len = saved.bytes().len();
        if !matches!(saved.content, Content::File(_)) {
            return match rng.below(6) {
                0 => Damage::Unreadable,
                1 => Damage::Directory,
                2 => Damage::Dangling,
                3 => Damage::LinkToItself,
                4 => Damage::Fifo,
                _ => Damage::Deleted,
            };
        }
        let range = |rng: &mut Rng| {
            let from = rng.below(len.max(1));
            let at_most = 64 << rng.below(7);
            (from, len.min(from + 1 + rng.below(at_most)))
        };
        loop {
            return match rng.below(22) {
                0 | 1 => Damage::Truncated(if rng.one_in(4) { 0 } else { rng.below(len.max(1)) }),
                2..=5 if len > 0 => {
                    let count = 1 + if rng.one_in(2) { 0 } else { rng.below(16) };
                    Damage::Flipped((0..count).map(|_| rng.below(len * 8)).collect())
                }
                6 if len > 0 => {
                    let (from, to) = range(rng);
                    Damage::Zeroed(from, to)
                }
                7 if len > 0 => {
                    let (from, to) = range(rng);
                    Damage::Random(from, to)
                }
                8 if !same.is_empty() => {
                    Damage::Swapped(rng.pick(same).expect("not empty").clone())
                }
                9 => Damage::Foreign(rng.pick(foreign).expect("there are other kinds").clone()),
                10 => Damage::Unreadable,
                11 => Damage::Directory,
                12 => Damage::Dangling,
                13 => Damage::LinkToItself,
                14 => Damage::Fifo,
                15 => Damage::Deleted,
                16 => Damage::Grown(1 + rng.below(9000)),
                17 => Damage::Sparse((1 + rng.below(16) as u64) << 30),
                18..=21 => match plausible(rng, saved.bytes()) {
                    Some(damage) => damage,
                    None => continue,
                },
                _ => continue,
            };
        }
    }

    /// Returns whether the damaged file may look like one that Cyrus itself could have written.
    pub fn may_be_sound(&self) -> bool {
        matches!(
            self,
            Damage::Truncated(_)
                | Damage::Flipped(_)
                | Damage::Zeroed(..)
                | Damage::Random(..)
                | Damage::Swapped(_)
                | Damage::Foreign(_)
                | Damage::Deleted
                | Damage::Grown(_)
                | Damage::Plausible(..)
        )
    }

    /// Applies the damage.
    pub fn apply(&self, rng: &mut Rng, saved: &Saved) {
        let path = &saved.path;
        let mut bytes = saved.bytes().to_vec();
        match self {
            Damage::Truncated(len) => bytes.truncate(*len),
            Damage::Flipped(bits) => {
                for bit in bits {
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
            }
            Damage::Zeroed(from, to) => bytes[*from..*to].fill(0),
            Damage::Random(from, to) => {
                bytes[*from..*to].fill_with(|| rng.below(256) as u8);
            }
            Damage::Swapped(other) | Damage::Foreign(other) => {
                bytes = fs::read(other).unwrap_or_default();
            }
            Damage::Grown(by) => bytes.extend((0..*by).map(|_| rng.below(256) as u8)),
            Damage::Plausible(at, value) => put_right(&mut bytes, *at, *value),
            Damage::Unreadable => {
                let none = Permissions::from_mode(0o0);
                if matches!(saved.content, Content::Link(_)) {
                    remove(path);
                    fs::write(path, "").expect("own file");
                }
                return fs::set_permissions(path, none).expect("own file");
            }
            Damage::Sparse(len) => {
                let file = File::options().write(true).open(path).expect("own file");
                return file.set_len(*len).expect("tmpfs takes sparse files");
            }
            Damage::Directory
            | Damage::Dangling
            | Damage::LinkToItself
            | Damage::Fifo
            | Damage::Deleted => {
                if matches!(saved.content, Content::Directory) {
                    fs::rename(path, aside(path)).expect("own directory");
                } else {
                    remove(path);
                }
                let name = path.file_name().expect("a file has a name");
                match self {
                    // A directory replaces a file. A file replaces a directory.
                    Damage::Directory if matches!(saved.content, Content::Directory) => {
                        fs::write(path, "no directory").expect("own file");
                    }
                    Damage::Directory => fs::create_dir(path).expect("own directory"),
                    Damage::Dangling => symlink("/nonexistent/x", path).expect("own directory"),
                    Damage::LinkToItself => symlink(name, path).expect("own directory"),
                    Damage::Fifo => {
                        let made = Command::new("mkfifo").args(["-m", "666"]).arg(path).status();
                        assert!(made.is_ok_and(|status| status.success()));
                    }
                    _ => {}
                }
                return;
            }
        }
        fs::write(path, bytes).expect("own file");
    }
}

/// A range of bytes in a file that a CRC covers, and the offset of the CRC.
struct Covered {
    start: usize,
    crc: usize,
}

/// Returns the ranges with a correct CRC in cyrus.index, in twoskip databases and in counters.
fn covered(bytes: &[u8]) -> Vec<Covered> {
    let word = |at: usize| {
        bytes.get(at..at + 4).map_or(0, |b| u32::from_be_bytes(b.try_into().expect("4 bytes")))
    };
    let sound =
        |c: &Covered| bytes.get(c.start..c.crc).is_some_and(|b| crc32fast::hash(b) == word(c.crc));
    let mut found = Vec::new();
    if bytes.starts_with(b"\xa1\x02\x8b\x0dtwoskip file") {
        found.push(Covered { start: 0, crc: 60 });
        for at in (64..bytes.len()).step_by(8).filter(|at| b"=+-$".contains(&bytes[*at])) {
            let crc = at + 8 + 8 * (usize::from(bytes.get(at + 1).copied().unwrap_or(0)) + 1);
            found.push(Covered { start: at, crc });
        }
    } else if (12..=19).contains(&word(8)) {
        let (start, size) = (word(12) as usize, word(16) as usize);
        found.push(Covered { start: 0, crc: start - 4 });
        let records = (start..bytes.len()).step_by(size.max(96));
        found.extend(records.map(|at| Covered { start: at, crc: at + size - 4 }));
    } else if bytes.len() == 296 {
        found.push(Covered { start: 0, crc: 292 });
    }
    found.retain(sound);
    found
}

fn plausible(rng: &mut Rng, bytes: &[u8]) -> Option<Damage> {
    let all = covered(bytes);
    // The first range is the header. Choose it as often as all other ranges together.
    let one = if rng.one_in(2) { all.first()? } else { rng.pick(&all)? };
    let at = one.start + 4 * rng.below((one.crc - one.start) / 4);
    let values = [0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_0000, 64, 4096];
    let value = if rng.one_in(3) { rng.number() & 0xffff_ffff } else { *rng.pick(&values)? };
    Some(Damage::Plausible(at, value))
}

fn put_right(bytes: &mut [u8], at: usize, value: u64) {
    let all = covered(bytes);
    let one = all.iter().find(|c| (c.start..c.crc).contains(&at)).expect("it was chosen there");
    bytes[at..at + 4].copy_from_slice(&(value as u32).to_be_bytes());
    let crc = crc32fast::hash(&bytes[one.start..one.crc]);
    bytes[one.crc..one.crc + 4].copy_from_slice(&crc.to_be_bytes());
}

/// Returns the last component of a path, for messages.
pub fn base_name(path: &Path) -> String {
    let name = path.file_name().map(|n| n.as_bytes()).unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}
