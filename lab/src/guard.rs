//! Removes all traces of a lab: its directory and processes end with the lab, even if the test
//! process is killed.
//!
//! All processes of a lab share one process group. Its leader is a small shell that waits for the
//! end of its standard input. The input ends when the test process ends for any reason. The shell
//! then kills the group and removes the directory. Dropping the [`Guard`] does the same
//! immediately.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Waits for the end of standard input. Then a process in a new session kills the watchdog's own
/// group and removes the directories that were given as arguments.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
read ignored
setsid /bin/sh -c 'kill -KILL "-$1"; shift; rm -rf -- "$@"' killer "$$" "$@" \
    </dev/null >/dev/null 2>&1
"#;

/// Ticks per second in `/proc/PID/stat`, on every machine that Debian supports.
const TICKS_PER_SECOND: u64 = 100;

/// The shared directory and process group of a lab.
#[derive(Debug)]
pub(crate) struct Guard {
    dir: PathBuf,
    /// Directories of the same name as `dir`, one inside each directory tree: a Cyrus that runs in
    /// a tree (chroot) uses the one in that tree.
    others: Vec<PathBuf>,
    group: i32,
    watchdog: Child,
    /// Stays open. The watchdog waits for its end.
    _lifeline: ChildStdin,
    account: Account,
}

/// The account that Cyrus runs as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Guard {
    /// Creates a directory below `base`, and a directory of the same name below each of `others`.
    /// Starts the watchdog.
    pub(crate) fn new(base: &Path, others: &[PathBuf]) -> Guard {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        assert!(
            effective_uid() == 0,
            "the lab starts Cyrus as the user cyrus and must itself run as root: try sudo"
        );
        let account = Account::lookup("cyrus").unwrap_or_else(|| {
            panic!("there is no user cyrus: install Debian's cyrus packages with scripts/setup")
        });
        let dir = loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let dir = base.join(format!("cyrsync-lab-{}-{number}", std::process::id()));
            match fs::create_dir(&dir) {
                Ok(()) => break dir,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => panic!("cannot make {}: {e}", dir.display()),
            }
        };
        let name = dir.file_name().unwrap_or_default();
        let others: Vec<PathBuf> = others.iter().map(|base| base.join(name)).collect();
        for other in &others {
            fs::create_dir(other)
                .unwrap_or_else(|e| panic!("cannot make {}: {e}", other.display()));
        }
        for dir in others.iter().chain([&dir]) {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("chmod of own dir");
        }
        let mut watchdog = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "lab-watchdog"])
            .arg(&dir)
            .args(&others)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("cannot start the lab's watchdog shell");
        let group = i32::try_from(watchdog.id()).expect("process ids fit");
        let lifeline = watchdog.stdin.take().expect("stdin is piped");
        Guard { dir, others, group, watchdog, _lifeline: lifeline, account }
    }

    /// Returns the lab's directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the lab's directory below `root`, or [`Guard::dir`] if there is none.
    pub(crate) fn dir_below(&self, root: &Path) -> &Path {
        let mut all = [&self.dir].into_iter().chain(&self.others);
        all.find(|dir| dir.starts_with(root)).unwrap_or(&self.dir)
    }

    /// Returns all directories of the lab.
    pub(crate) fn dirs(&self) -> impl Iterator<Item = &Path> {
        [&self.dir].into_iter().chain(&self.others).map(PathBuf::as_path)
    }

    /// Returns a command that runs as the cyrus user, in the lab's process group.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.uid(self.account.uid).gid(self.account.gid);
        self.settle(&mut command);
        command
    }

    /// Like [`Guard::command`], for a program in another root directory.
    pub(crate) fn command_in(&self, root: &Path, program: &Path) -> Command {
        let mut command = Command::new("/usr/sbin/chroot");
        let Account { uid, gid } = self.account;
        command.arg(format!("--userspec={uid}:{gid}")).arg(root).arg(program);
        self.settle(&mut command);
        command
    }

    fn settle(&self, command: &mut Command) {
        command
            .process_group(self.group)
            .current_dir(&self.dir)
            .env_clear()
            .env("PATH", "/usr/lib/cyrus/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
    }

    /// Creates a directory (with its parents) that belongs to the cyrus user.
    pub(crate) fn make_dir(&self, path: &Path) {
        fs::create_dir_all(path).unwrap_or_else(|e| panic!("cannot make {}: {e}", path.display()));
        self.give(path);
    }

    /// Writes a file that belongs to the cyrus user.
    pub(crate) fn write(&self, path: &Path, text: impl AsRef<[u8]>) {
        fs::write(path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
        self.give(path);
    }

    /// Changes the owner of a path to the cyrus user.
    pub(crate) fn give(&self, path: &Path) {
        chown(path, Some(self.account.uid), Some(self.account.gid))
            .unwrap_or_else(|e| panic!("cannot chown {}: {e}", path.display()));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        signal(-self.group, libc::SIGKILL);
        let _ = self.watchdog.wait();
        if std::env::var_os("CYRSYNC_LAB_KEEP").is_some() {
            eprintln!("lab kept in {}", self.dir.display());
            return;
        }
        for dir in self.dirs() {
            // A killed process may create its last file while the directory is removed, so try
            // again.
            let mut attempts = (0..50).map(|_| fs::remove_dir_all(dir));
            let in_use = |done: &io::Result<()>| matches!(done, Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty);
            let _ = attempts.find(|done| !in_use(done));
        }
    }
}

impl Account {
    fn lookup(name: &str) -> Option<Account> {
        let passwd = fs::read_to_string("/etc/passwd").ok()?;
        let line = passwd.lines().find(|l| l.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(str::parse);
        Some(Account { uid: ids.next()?.ok()?, gid: ids.next()?.ok()? })
    }
}

/// Sends a signal to a process, or to a group if `pid` is negative. Ignores processes that no
/// longer exist.
#[expect(unsafe_code, reason = "std can only kill its own children")]
pub(crate) fn signal(pid: i32, signal: i32) {
    // SAFETY: kill takes two numbers and accesses no memory.
    unsafe { libc::kill(pid, signal) };
}

#[expect(unsafe_code, reason = "std does not offer geteuid")]
fn effective_uid() -> u32 {
    // SAFETY: geteuid takes no arguments and cannot fail.
    unsafe { libc::geteuid() }
}

/// Waits until a process, which need not be a child, has ended. Returns `false` after a timeout.
#[expect(unsafe_code, reason = "pidfd_open and poll are not in std")]
pub(crate) fn wait_gone(pid: i32, within: Duration) -> bool {
    // SAFETY: pidfd_open takes two numbers and returns a new descriptor.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let Ok(fd) = i32::try_from(fd) else { return true };
    if fd < 0 {
        return true;
    }
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let milliseconds = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: one pollfd is passed and counted; it outlives the call.
    let ready = unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
    // SAFETY: fd came from pidfd_open above and is closed once.
    unsafe { libc::close(fd) };
    ready == 1
}

/// Returns the free bytes of the file system that contains `path`, or 0 if they are unknown.
#[expect(unsafe_code, reason = "statvfs is not in std")]
pub(crate) fn free_space(path: &Path) -> u64 {
    let Ok(path) = CString::new(path.as_os_str().as_encoded_bytes()) else { return 0 };
    // SAFETY: all-zero is a valid statvfs, a struct of integers.
    let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: path is NUL-terminated and stat is writable for the call.
    let result = unsafe { libc::statvfs(path.as_ptr(), &raw mut stat) };
    if result == 0 { stat.f_bavail.saturating_mul(stat.f_frsize) } else { 0 }
}

/// Asks the kernel to drop the cached contents of a file that are already on disk.
#[expect(unsafe_code, reason = "posix_fadvise is not in std")]
pub(crate) fn forget_contents(file: &fs::File) {
    // SAFETY: the descriptor is open for as long as the file is borrowed; no memory is touched.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
}

/// Returns the processes whose parent is `pid`.
pub(crate) fn children(pid: u32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    let parent = |child: i32| stat_words(child)?.get(1)?.parse().ok();
    pids.filter(|child| parent(*child) == Some(pid)).collect()
}

/// Returns whether a process was stopped by SIGSTOP or has ended.
pub(crate) fn has_halted(pid: i32) -> bool {
    stat_words(pid)
        .is_none_or(|words| words.first().is_none_or(|state| "TZX".contains(state.as_str())))
}

/// Returns the words of `/proc/PID/stat` from the state on: "pid (name) state ppid ...". The name
/// may contain any characters. Returns `None` if there is no such process.
fn stat_words(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = stat.rsplit_once(") ")?;
    Some(after.split(' ').map(str::to_owned).collect())
}

/// Waits for a child for a limited time. Returns `false` if it still runs.
pub(crate) fn wait_child(child: &mut Child, within: Duration) -> bool {
    let Ok(pid) = i32::try_from(child.id()) else { return false };
    wait_gone(pid, within) && child.wait().is_ok()
}

/// Returns the highest memory use of a process in KiB, or `None` once it has ended.
pub(crate) fn peak_memory_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(high_water_mark)
}

/// Returns the bytes that a process read by system calls, or `None` once it was waited for.
pub(crate) fn read_bytes(pid: u32) -> Option<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    io.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok())
}

/// Returns the processor time of a process's running children and of those it has waited for.
pub(crate) fn cpu_of_children(pid: i32) -> Duration {
    let times = |pid: i32, places: [usize; 2]| -> u64 {
        let words = stat_words(pid).unwrap_or_default();
        places.iter().filter_map(|place| words.get(*place)?.parse::<u64>().ok()).sum()
    };
    // First the time of children that were waited for, then that of each running child.
    let ended = times(pid, [13, 14]);
    let living = u32::try_from(pid).map(children).unwrap_or_default();
    let ticks = ended + living.into_iter().map(|child| times(child, [11, 12])).sum::<u64>();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// Parses the highest memory use in KiB from a line of `/proc/PID/status`.
pub(crate) fn high_water_mark(line: &str) -> Option<u64> {
    line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok()
}

/// Waits for a child. Returns its exit status and its processor time.
#[expect(unsafe_code, reason = "wait4 is not in std")]
pub(crate) fn wait_with_usage(child: &mut Child) -> (ExitStatus, Duration) {
    let pid = i32::try_from(child.id()).expect("process ids fit");
    // SAFETY: all-zero is a valid rusage, a struct of integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let mut status = 0;
    // SAFETY: both pointers are to locals that outlive the call; the child was not waited for.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    assert!(waited == pid, "wait4: {}", io::Error::last_os_error());
    let time = |t: libc::timeval| {
        let seconds = u64::try_from(t.tv_sec).unwrap_or(0);
        let micros = u64::try_from(t.tv_usec).unwrap_or(0);
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    };
    let cpu = time(usage.ru_utime) + time(usage.ru_stime);
    (ExitStatus::from_raw(status), cpu)
}
