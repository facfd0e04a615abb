//! Runs sync_client, Cyrus's or ours, and keeps everything that it prints and logs.

use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::cyrus::Cyrus;
use crate::guard;

/// Time limit for a program. Cyrus's client waits for hours for a replica that does not answer.
const PATIENCE: Duration = Duration::from_secs(600);

/// A finished run of a program.
#[derive(Debug, Clone)]
pub struct Run {
    /// The exit status.
    pub status: ExitStatus,
    /// Standard output as text. Invalid UTF-8 is replaced.
    pub stdout: String,
    /// Standard error as text. Invalid UTF-8 is replaced.
    pub stderr: String,
    /// The lines sent to syslog: `LEVEL ident: text`, one a line.
    pub log: String,
}

impl Run {
    /// Returns the run if the program succeeded. Panics otherwise.
    #[track_caller]
    pub fn ok(self) -> Run {
        assert!(self.status.success(), "the program failed:\n{self}");
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run { status, stdout, stderr, log } = self;
        write!(f, "{status}\n--- stdout\n{stdout}--- stderr\n{stderr}--- syslog\n{log}")
    }
}

/// The resources that a run used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Time from start to end.
    pub wall: Duration,
    /// Processor time in user mode and in the kernel, including threads and waited-for children.
    pub cpu: Duration,
    /// Highest memory use in KiB: the kernel's value at the end of the program. If the program was
    /// killed, it is the highest of samples that are taken every few milliseconds.
    pub peak_kib: u64,
    /// Bytes read by read() and similar calls, from files and sockets. Files mapped into memory do
    /// not count. 0 if the process was already gone when the value was read.
    pub read: u64,
}

/// A running program. Its output and log go to files.
#[derive(Debug)]
pub struct Running {
    child: Child,
    files: [PathBuf; 3],
    started: Instant,
}

/// Runs Debian's own sync_client with a server's configuration.
pub fn cyrus_sync_client(cyrus: &Cyrus, args: &[&str]) -> Run {
    start_cyrus_sync_client(cyrus, args).wait()
}

/// Runs the sync_client at `path` with a server's configuration. A test passes
/// `env!("CARGO_BIN_EXE_sync_client")`.
pub fn sync_client(path: impl AsRef<Path>, cyrus: &Cyrus, args: &[&str]) -> Run {
    start_sync_client(path, cyrus, args).wait()
}

/// Like [`cyrus_sync_client`], but does not wait for the end.
pub fn start_cyrus_sync_client(cyrus: &Cyrus, args: &[&str]) -> Running {
    start(cyrus, cyrus.program("sync_client").args(args))
}

/// Like [`sync_client`], but does not wait for the end.
pub fn start_sync_client(path: impl AsRef<Path>, cyrus: &Cyrus, args: &[&str]) -> Running {
    let program = reachable(cyrus, path.as_ref());
    start(cyrus, cyrus.command(program).arg("-C").arg(cyrus.imapd_conf()).args(args))
}

/// Starts any command built by [`Cyrus::program`] or [`Cyrus::command`].
pub fn start(cyrus: &Cyrus, command: &mut Command) -> Running {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let scratch = cyrus.scratch();
    let files = ["out", "err", "log"].map(|kind| scratch.join(format!("run-{number}.{kind}")));
    let peak = peak_file(&files);
    // The program may write some of these files as another user.
    for path in files.iter().chain([&peak]) {
        fs::write(path, "").expect("the scratch directory can be written to");
        let all = fs::Permissions::from_mode(0o666);
        fs::set_permissions(path, all).expect("chmod of own file");
    }
    let [out, err, log] = &files;
    let append = |path: &PathBuf| fs::File::options().append(true).open(path).expect("own file");
    command.stdout(append(out)).stderr(append(err)).stdin(Stdio::null());
    command.env("CYRSYNC_LAB_SYSLOG", log).env("CYRSYNC_LAB_PEAK", peak);
    let started = Instant::now();
    let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    Running { child, files, started }
}

/// Returns the path of the file in which the shim writes the program's highest memory use. It is
/// next to the program's other files.
fn peak_file(files: &[PathBuf; 3]) -> PathBuf {
    files[2].with_extension("peak")
}

impl Running {
    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end of the program.
    ///
    /// # Panics
    /// After ten minutes, with the program's output so far.
    #[track_caller]
    pub fn wait(self) -> Run {
        self.wait_within(PATIENCE).unwrap_or_else(|running| {
            let [stdout, stderr, log] = running.so_far();
            panic!(
                "a program does not end\n--- stdout\n{stdout}--- stderr\n{stderr}--- syslog\n{log}"
            )
        })
    }

    /// Waits for the end of the program. Returns `Err` with the running program after a timeout.
    pub fn wait_within(mut self, limit: Duration) -> Result<Run, Running> {
        if !guard::wait_child(&mut self.child, limit) {
            return Err(self);
        }
        let status = self.child.wait().expect("a child can be waited for");
        let [stdout, stderr, log] = self.so_far();
        Ok(Run { status, stdout, stderr, log })
    }

    /// Like [`Running::wait_measured`]. Returns `Err` with the running program after a timeout.
    pub fn wait_measured_within(self, limit: Duration) -> Result<(Run, Cost), Running> {
        let Ok(pid) = i32::try_from(self.child.id()) else { return Err(self) };
        let mut peak_kib = 0;
        let deadline = Instant::now() + limit;
        while !guard::wait_gone(pid, Duration::from_millis(4)) {
            peak_kib = guard::peak_memory_kib(self.child.id()).unwrap_or(0).max(peak_kib);
            if Instant::now() > deadline {
                return Err(self);
            }
        }
        let (run, mut cost) = self.wait_measured();
        cost.peak_kib = cost.peak_kib.max(peak_kib);
        Ok((run, cost))
    }

    /// Waits for the end of the program and measures its resources.
    pub fn wait_measured(mut self) -> (Run, Cost) {
        let pid = self.child.id();
        let sampler = std::thread::spawn(move || {
            let mut peak_kib = 0;
            // Use the kernel's own maximum (VmHWM). Its ru_maxrss also includes the memory of this
            // process, from which the program was forked.
            while let Some(kib) = guard::peak_memory_kib(pid) {
                peak_kib = kib.max(peak_kib);
                std::thread::sleep(Duration::from_millis(4));
            }
            peak_kib
        });
        // The kernel keeps the number of bytes read until the process is waited for.
        while i32::try_from(pid).is_ok_and(|pid| !guard::wait_gone(pid, PATIENCE)) {}
        let wall = self.started.elapsed();
        let read = guard::read_bytes(pid).unwrap_or(0);
        let (status, cpu) = guard::wait_with_usage(&mut self.child);
        let peak_kib = sampler.join().unwrap_or(0).max(self.reported_peak_kib());
        let [stdout, stderr, log] = self.so_far();
        (Run { status, stdout, stderr, log }, Cost { wall, cpu, peak_kib, read })
    }

    /// Returns the highest memory use that the program wrote at its end. The file can also have
    /// lines of its child processes.
    fn reported_peak_kib(&self) -> u64 {
        let reported = fs::read_to_string(peak_file(&self.files)).unwrap_or_default();
        let own = format!("{} ", self.child.id());
        let mut lines = reported.lines().filter_map(|line| line.strip_prefix(&own));
        lines.find_map(guard::high_water_mark).unwrap_or(0)
    }

    /// Sends a signal, such as `libc::SIGTERM`.
    pub fn signal(&self, signal: i32) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            guard::signal(pid, signal);
        }
    }

    /// Returns the output so far: stdout, stderr, syslog.
    pub fn so_far(&self) -> [String; 3] {
        self.files
            .each_ref()
            .map(|path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Kill a program that was not waited for, so that it does not continue to use the lab.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Returns a path at which the cyrus user can run a program. If a parent directory is closed to
/// others, such as a build directory below /root, the program is copied to the lab.
pub fn reachable(cyrus: &Cyrus, program: &Path) -> PathBuf {
    let program = program.canonicalize().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    let mode = fs::metadata(&program).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o005 == 0o005 && program.parent().is_some_and(is_open) {
        return program;
    }
    let inode = fs::metadata(&program).map_or(0, |m| m.ino());
    // The copy keeps the name of the program, which the process then has.
    let directory = cyrus.scratch().join(format!("copy-{inode}"));
    fs::create_dir_all(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&directory, open).expect("a directory of our own");
    let copy = directory.join(program.file_name().unwrap_or_default());
    if !copy.exists() {
        copy_program(&program, &copy);
    }
    copy
}

/// Returns whether every user can access files in a directory.
pub(crate) fn is_open(directory: &Path) -> bool {
    let open = |path: &Path| fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o001 != 0);
    directory.ancestors().all(open)
}

/// Copies a program or script so that every user can start it at once, while other threads do the
/// same. `fs::copy` is not sufficient, for two reasons:
///
/// - Another thread could see the copy before it is complete and executable. Therefore the copy
///   gets its name last.
/// - The kernel does not start a program that is open for writing. If this process wrote the copy,
///   a child that another thread forks at that moment would keep it open for a short time.
///   Therefore a separate program writes it.
///
/// # Panics
/// If it cannot be copied.
#[track_caller]
pub fn copy_program(from: &Path, to: &Path) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let unfinished = to.with_extension(format!("{}-{number}", std::process::id()));
    let install = Command::new("install").args(["-m", "755"]).arg(from).arg(&unfinished).status();
    assert!(install.is_ok_and(|status| status.success()), "cannot copy {}", from.display());
    fs::rename(&unfinished, to).unwrap_or_else(|e| panic!("cannot make {}: {e}", to.display()));
}
