//! Locks files so that this library and Cyrus exclude each other.
//!
//! Cyrus takes POSIX record locks on whole files (`lib/lock_fcntl.c`), and on parts of twom
//! databases (`lib/twom.c`). A POSIX lock ends as soon as the process closes any descriptor of the
//! file, which a library cannot prevent. Therefore this module takes *open file description* locks
//! (`F_OFD_SETLK`). They conflict with the POSIX locks of other processes, but each belongs to one
//! open file, so other threads can open and close the same file.
//!
//! They also conflict with POSIX locks of the *same* process. A process that itself holds POSIX
//! locks on Cyrus's files must not request these locks.
#![allow(unsafe_code, reason = "fcntl has no safe wrapper for OFD locks")]

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::sys::file::open_with;

/// How long to wait for a lock that another process or thread holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Wait until the lock is free.
    Block,
    /// Wait at most this long, then fail with [`Kind::Locked`].
    For(Duration),
    /// Do not wait: fail with [`Kind::Locked`].
    Fail,
}

/// Advice for a file that cannot be locked.
const HINT: &str = "run as the user that Cyrus runs as, which must be able to write to the lock \
                    directory (mboxname_lockpath, or lock below configdirectory, in imapd.conf)";
/// Shortest and longest pause between attempts to get a lock with a time limit.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(16);

impl Wait {
    /// Returns [`Wait::For`] with this limit, or [`Wait::Block`] for `None`.
    pub fn up_to(limit: Option<Duration>) -> Wait {
        limit.map_or(Wait::Block, Wait::For)
    }

    fn has_time(self, started: Instant) -> bool {
        matches!(self, Wait::For(limit) if started.elapsed() < limit)
    }
}

/// Whether several holders can have the lock at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Any number of readers can hold the lock at the same time. The file must be open for reading.
    Shared,
    /// Only one holder can have the lock. The file must be open for writing.
    Exclusive,
}

/// A locked file. Dropping it releases the lock and closes the file.
#[derive(Debug)]
pub struct LockGuard {
    file: File,
    mode: Mode,
}

impl LockGuard {
    /// Returns the locked file, so that it can be read under the lock.
    ///
    /// The caller must not lock or unlock this file, because the lock belongs to the open file.
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        // Closing the file does not always release the lock at once: while a child process is being
        // started, the child has a copy of the descriptor until it calls exec. For a shared lock
        // this delay is harmless.
        if self.mode == Mode::Exclusive {
            release(&self.file);
        }
    }
}

/// Locks the whole of an open file (`lock_setlock` in `lib/lock_fcntl.c`). `path` is only for
/// errors. The lock ends with [`release`] or when the file is closed. If the same open file already
/// has a lock of the other mode, that lock is converted.
///
/// # Errors
/// [`Kind::Locked`] if another holder has the lock and `wait` is not [`Wait::Block`]; [`Kind::Io`].
pub fn acquire(file: &File, path: &Path, mode: Mode, wait: Wait) -> Result<()> {
    acquire_part(file, path, Part::WHOLE, mode, wait)
}

/// A range of bytes of a file, to be locked. The file may be shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Offset of the first byte.
    pub start: u32,
    /// Number of bytes; 0 means all bytes from `start` on.
    pub len: u32,
}

impl Part {
    const WHOLE: Part = Part { start: 0, len: 0 };
}

/// Like [`acquire`], but locks only a part of the file.
///
/// # Errors
/// Like [`acquire`].
pub fn acquire_part(file: &File, path: &Path, part: Part, mode: Mode, wait: Wait) -> Result<()> {
    let kind = match mode {
        Mode::Shared => libc::F_RDLCK,
        Mode::Exclusive => libc::F_WRLCK,
    };
    let command = match wait {
        Wait::Block => libc::F_OFD_SETLKW,
        Wait::For(_) | Wait::Fail => libc::F_OFD_SETLK,
    };
    let started = Instant::now();
    // fcntl cannot wait for a limited time, so try again after a pause.
    let mut pause = SHORTEST_PAUSE;
    loop {
        let Err(error) = set(file, command, part, kind) else {
            return Ok(());
        };
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::EAGAIN | libc::EACCES) if wait.has_time(started) => {
                thread::sleep(pause);
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            Some(libc::EAGAIN | libc::EACCES) if wait != Wait::Block => {
                return Err(Error::new(Kind::Locked, "lock", path, held(file, part, mode)));
            }
            _ => return Err(Error::io("lock", path, error).or_hint(HINT)),
        }
    }
}

/// Describes the holder of a conflicting lock for an error message, as far as the system knows the
/// holder.
fn held(file: &File, part: Part, mode: Mode) -> String {
    let holder = match holder_of_part(file, part, mode) {
        Ok(Some(Holder::Process(pid))) if pid > 0 => pid,
        Ok(Some(_)) => return "another process holds the lock (a client of cyrsync)".to_owned(),
        // The lock has been released in the meantime.
        Ok(None) | Err(_) => return "another process holds the lock".to_owned(),
    };
    let name = std::fs::read_to_string(format!("/proc/{holder}/comm")).unwrap_or_default();
    let name = if name.is_empty() { String::new() } else { format!(" ({})", name.trim_end()) };
    format!("another process holds the lock: process {holder}{name}")
}

/// Releases all locks that [`acquire`] and [`acquire_part`] have taken on this open file
/// (`lock_unlock` in `lib/lock_fcntl.c`).
pub fn release(file: &File) {
    release_part(file, Part::WHOLE);
}

/// Releases the lock on a part of the open file.
pub fn release_part(file: &File, part: Part) {
    // Ignore errors, because the lock ends at the latest when the file is closed.
    while let Err(error) = set(file, libc::F_OFD_SETLK, part, libc::F_UNLCK) {
        if error.raw_os_error() != Some(libc::EINTR) {
            break;
        }
    }
}

fn described(part: Part, kind: libc::c_int) -> libc::flock {
    // SAFETY: `flock` holds only integers, so all zeros is a valid value. OFD locks require that
    // `l_pid` is zero.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = part.start.into();
    lock.l_len = part.len.into();
    lock
}

fn set(file: &File, command: libc::c_int, part: Part, kind: libc::c_int) -> io::Result<()> {
    let lock = described(part, kind);
    // SAFETY: the descriptor is open as long as `file` is borrowed. `lock` is an initialised
    // `flock`, which these commands only read.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, &raw const lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The holder of a lock that conflicts with a requested lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A process with a POSIX lock, such as a program of Cyrus.
    Process(u32),
    /// An open file with an OFD lock, as clients of this library take it. Several processes may
    /// share an open file.
    OpenFile,
}

/// Returns a holder of a lock that prevents a lock on the whole of an open file. Returns `None` if
/// there is no such lock. Takes no lock.
///
/// # Errors
/// [`io::Error`] if `fcntl` fails.
pub fn holder(file: &File, mode: Mode) -> io::Result<Option<Holder>> {
    holder_of_part(file, Part::WHOLE, mode)
}

fn holder_of_part(file: &File, part: Part, mode: Mode) -> io::Result<Option<Holder>> {
    let kind = match mode {
        Mode::Shared => libc::F_RDLCK,
        Mode::Exclusive => libc::F_WRLCK,
    };
    let mut lock = described(part, kind);
    // SAFETY: the descriptor is open as long as `file` is borrowed. `lock` is an initialised
    // `flock`, which this command reads and writes.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ if lock.l_type == libc::F_UNLCK as libc::c_short => Ok(None),
        _ => Ok(Some(u32::try_from(lock.l_pid).map_or(Holder::OpenFile, Holder::Process))),
    }
}

/// Locks the file that has the path `path` when the lock is obtained. Writers replace files by
/// renaming, so this may be another file than `file`. Then `file` is opened again, until the locked
/// file is the one at `path` (`lock_reopen_ex` in `lib/lock_fcntl.c`).
///
/// # Errors
/// Like [`acquire`]; [`Kind::Io`] with `NotFound` if no file has this path any longer. On failure
/// no lock is held.
pub fn acquire_current(file: &mut File, path: &Path, mode: Mode, wait: Wait) -> Result<()> {
    loop {
        acquire(file, path, mode, wait)?;
        let current = (|| {
            let held = file.metadata()?;
            let named = std::fs::metadata(path)?;
            Ok((held.dev(), held.ino()) == (named.dev(), named.ino()))
        })();
        match current {
            Ok(true) => return Ok(()),
            Ok(false) => {
                release(file);
                *file = open(path, mode)?;
            }
            Err(error) => {
                release(file);
                return Err(Error::io("lock", path, error).or_hint(HINT));
            }
        }
    }
}

/// Opens and locks an existing file; see [`acquire_current`].
///
/// # Errors
/// Like [`acquire_current`].
pub fn lock_existing(path: &Path, mode: Mode, wait: Wait) -> Result<LockGuard> {
    let mut file = open(path, mode)?;
    acquire_current(&mut file, path, mode, wait)?;
    Ok(LockGuard { file, mode })
}

/// Locks a name. The file at `path` exists only so that processes can lock it. If it does not
/// exist, it is created with its directories and with the modes that Cyrus uses (`mboxname_lock` in
/// `imap/mboxname.c`). It is never removed.
///
/// # Errors
/// [`Kind::Locked`] if another holder has the lock and `wait` is not [`Wait::Block`]; [`Kind::Io`].
pub fn lock_name(path: &Path, mode: Mode, wait: Wait) -> Result<LockGuard> {
    let create = || {
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o666).open(path)
    };
    let file = match create() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(|error| {
                    Error::io("create lock directory", parent, error).or_hint(HINT)
                })?;
            }
            create()
        }
        other => other,
    };
    let file = file.map_err(|error| Error::io("open lock file", path, error).or_hint(HINT))?;
    acquire(&file, path, mode, wait)?;
    Ok(LockGuard { file, mode })
}

fn open(path: &Path, mode: Mode) -> Result<File> {
    let mut options = OpenOptions::new();
    open_with(options.read(true).write(mode == Mode::Exclusive), path)
        .map(|(file, _)| file)
        .map_err(|error| Error::io("open", path, error).or_hint(HINT))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

    use super::*;

    /// Another process that locks a file in the same way as Cyrus, with POSIX record locks.
    struct Posix {
        child: Child,
        input: Option<ChildStdin>,
        output: BufReader<ChildStdout>,
    }

    impl Posix {
        fn start(path: &Path) -> Posix {
            const SCRIPT: &str = "
import errno, fcntl, sys
f = open(sys.argv[1], 'r+b')
how = {'sh': fcntl.LOCK_SH, 'ex': fcntl.LOCK_EX, 'un': fcntl.LOCK_UN,
       'try': fcntl.LOCK_EX | fcntl.LOCK_NB, 'trysh': fcntl.LOCK_SH | fcntl.LOCK_NB}
for line in sys.stdin:
    try:
        fcntl.lockf(f, how[line.strip()])
        print('ok', flush=True)
    except OSError as e:
        print(errno.errorcode[e.errno], flush=True)
";
            let mut child = Command::new("python3")
                .args(["-c", SCRIPT])
                .arg(path)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("python3 is needed to hold POSIX locks");
            let input = child.stdin.take();
            let output = BufReader::new(child.stdout.take().unwrap());
            Posix { child, input, output }
        }

        fn send(&mut self, what: &str) {
            writeln!(self.input.as_mut().unwrap(), "{what}").unwrap();
        }

        fn answer(&mut self) -> String {
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            line.trim().to_owned()
        }

        fn ask(&mut self, what: &str) -> String {
            self.send(what);
            self.answer()
        }
    }

    impl Drop for Posix {
        fn drop(&mut self) {
            drop(self.input.take());
            let _ = self.child.wait();
        }
    }

    #[test]
    fn a_posix_lock_of_another_process_excludes_us() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        std::fs::write(&path, "").unwrap();
        let mut other = Posix::start(&path);

        assert_eq!(other.ask("ex"), "ok");
        for mode in [Mode::Shared, Mode::Exclusive] {
            let error = lock_existing(&path, mode, Wait::Fail).unwrap_err();
            assert_eq!(error.kind(), Kind::Locked);
            assert!(error.to_string().contains("x.lock"), "{error}");
        }

        assert_eq!(other.ask("sh"), "ok");
        assert!(lock_existing(&path, Mode::Shared, Wait::Fail).is_ok());
        let error = lock_existing(&path, Mode::Exclusive, Wait::Fail).unwrap_err();
        assert_eq!(error.kind(), Kind::Locked);

        assert_eq!(other.ask("un"), "ok");
        assert!(lock_existing(&path, Mode::Exclusive, Wait::Fail).is_ok());
    }

    #[test]
    fn our_lock_excludes_posix_locks_of_another_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/x.lock");
        let held = lock_name(&path, Mode::Exclusive, Wait::Block).unwrap();
        let mut other = Posix::start(&path);
        assert_ne!(other.ask("try"), "ok");
        assert_ne!(other.ask("trysh"), "ok");
        // If our lock were a POSIX lock, closing another descriptor of the file would end it.
        drop(File::open(&path).unwrap());
        assert_ne!(other.ask("try"), "ok");
        drop(held);
        assert_eq!(other.ask("try"), "ok");
        assert_eq!(other.ask("un"), "ok");

        let held = lock_name(&path, Mode::Shared, Wait::Block).unwrap();
        assert_eq!(other.ask("trysh"), "ok");
        assert_ne!(other.ask("try"), "ok");
        drop(held);
    }

    #[test]
    fn waiting_ends_when_the_holder_releases_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let held = lock_name(&path, Mode::Exclusive, Wait::Block).unwrap();
        let mut other = Posix::start(&path);
        other.send("ex");
        drop(held);
        assert_eq!(other.answer(), "ok");

        let waiter = std::thread::spawn({
            let path = path.clone();
            move || lock_name(&path, Mode::Shared, Wait::Block).map(drop)
        });
        assert_eq!(other.ask("un"), "ok");
        waiter.join().unwrap().unwrap();
    }

    #[test]
    fn two_open_files_of_one_process_exclude_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let first = lock_name(&path, Mode::Exclusive, Wait::Fail).unwrap();
        assert_eq!(lock_name(&path, Mode::Exclusive, Wait::Fail).unwrap_err().kind(), Kind::Locked);
        drop(first);
        lock_name(&path, Mode::Exclusive, Wait::Fail).unwrap();
    }

    #[test]
    fn a_file_replaced_meanwhile_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        std::fs::write(&path, "old").unwrap();
        let mut file = File::open(&path).unwrap();
        std::fs::write(dir.path().join("db.NEW"), "new").unwrap();
        std::fs::rename(dir.path().join("db.NEW"), &path).unwrap();

        acquire_current(&mut file, &path, Mode::Shared, Wait::Fail).unwrap();
        assert_eq!(io::read_to_string(&file).unwrap(), "new");

        release(&file);
        std::fs::remove_file(&path).unwrap();
        let error = acquire_current(&mut file, &path, Mode::Shared, Wait::Fail).unwrap_err();
        assert_eq!(error.io_kind(), Some(io::ErrorKind::NotFound));
    }

    #[test]
    fn a_missing_file_is_not_created_unless_it_is_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none");
        let error = lock_existing(&path, Mode::Shared, Wait::Fail).unwrap_err();
        assert_eq!(error.io_kind(), Some(io::ErrorKind::NotFound));
        assert!(!path.exists());
    }
}
