//! Starts a master and its replica.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cyrus::{Cyrus, SHIM_NAME};
use crate::guard::{self, Guard};
use crate::options::{Options, PASSWORD, REPLICATOR};
use crate::run::is_open;

/// The shared library built from `syslog_shim.c`.
const SHIM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/syslog_shim.so"));

/// Number of attempts to start a server. Another process may take a port between its choice and
/// use.
const ATTEMPTS: usize = 5;

/// Free memory in bytes that `/dev/shm` must have to be used.
const ENOUGH_MEMORY: u64 = 1 << 30;

/// A running master and replica. Dropping it kills both and removes their files.
///
/// If `CYRSYNC_LAB_KEEP` is set in the environment, the files stay and their path is printed.
#[derive(Debug)]
pub struct Lab {
    /// The server at which mail arrives. Its imapd.conf names the replica.
    pub master: Cyrus,
    /// The server to which mail is replicated.
    pub replica: Cyrus,
}

impl Lab {
    /// Starts both servers and waits for their greetings.
    ///
    /// # Panics
    /// If not run as root, if Cyrus is not installed, or if it does not start.
    pub fn new(options: Options) -> Lab {
        let guard = Arc::new(Guard::new(&base(&options), &other_bases(&options)));
        for dir in guard.dirs() {
            guard.write(&dir.join(SHIM_NAME), SHIM);
        }
        let (mut master, mut replica) = std::thread::scope(|scope| {
            let tree = options.master_tree.clone();
            let master = scope.spawn(|| Cyrus::prepare(&guard, "master", &options, tree));
            let tree = options.replica_tree.clone();
            let replica = Cyrus::prepare(&guard, "replica", &options, tree);
            (master.join().expect("the master's directories were laid out"), replica)
        });
        for attempt in 1.. {
            configure(&master, &replica, &options);
            replica.launch();
            master.launch();
            let failed = match (replica.await_greetings(), master.await_greetings()) {
                (Ok(()), Ok(())) => break,
                (Err(why), _) => format!("{why}\n{}", replica.log()),
                (_, Err(why)) => format!("{why}\n{}", master.log()),
            };
            assert!(attempt < ATTEMPTS, "Cyrus did not start: {failed}");
            for server in [&mut master, &mut replica] {
                server.stop_server();
                server.change_ports();
            }
        }
        Lab { master, replica }
    }

    /// Returns the directory that contains both servers.
    pub fn dir(&self) -> &Path {
        self.master.guard().dir()
    }
}

impl Default for Lab {
    fn default() -> Self {
        Lab::new(Options::default())
    }
}

/// Starts a second replica for a lab, for example to replicate the same master again.
///
/// It uses the lab's directory and process group, and ends with the lab.
pub fn another_replica(lab: &Lab, name: &str, options: &Options) -> Cyrus {
    let mut replica =
        Cyrus::prepare(lab.master.guard(), name, options, options.replica_tree.clone());
    for attempt in 1.. {
        configure_replica(&replica, options);
        replica.launch();
        let Err(why) = replica.await_greetings() else { break };
        assert!(attempt < ATTEMPTS, "Cyrus did not start: {why}\n{}", replica.log());
        replica.stop_server();
        replica.change_ports();
    }
    replica
}

/// Returns the lines of a master's imapd.conf that name its replica. `sync_try_imap` is off,
/// because Cyrus's client may take ten seconds to notice that a csync port does not support IMAP.
pub fn replica_settings(replica: &Cyrus) -> String {
    format!(
        "sync_host: 127.0.0.1\nsync_port: {}\nsync_try_imap: no\nsync_authname: {REPLICATOR}\n\
         sync_password: {PASSWORD}\nsync_realm: {}\n",
        replica.csync_port(),
        replica.name(),
    )
}

fn configure(master: &Cyrus, replica: &Cyrus, options: &Options) {
    let mut extra = replica_settings(replica);
    if !options.sync_log_channels.is_empty() {
        extra.push_str("sync_log: yes\n");
        let quoted = |c: &String| if c.is_empty() { "\"\"".to_owned() } else { c.clone() };
        let names: Vec<String> = options.sync_log_channels.iter().map(quoted).collect();
        if names != ["\"\""] {
            extra.push_str(&format!("sync_log_channels: {}\n", names.join(" ")));
        }
    }
    extra.push_str(&options.master_conf);
    master.configure(options, &extra);
    configure_replica(replica, options);
}

fn configure_replica(replica: &Cyrus, options: &Options) {
    let mut extra = String::new();
    if options.archive_on_replica {
        extra = format!(
            "archive_enabled: yes\narchive_days: 1d\narchive_maxsize: 1\n\
             archivepartition-default: {}\narchivepartition-second: {}\n",
            replica.archive_dir("default").display(),
            replica.archive_dir("second").display(),
        );
    }
    extra.push_str(&options.replica_conf);
    replica.configure(options, &extra);
}

/// Returns the directory of the replica's tree, if it is not the master's tree.
fn other_bases(options: &Options) -> Vec<PathBuf> {
    match (&options.base, &options.master_tree, &options.replica_tree) {
        (None, Some(master), Some(replica)) if master != replica => vec![replica.labs()],
        _ => Vec::new(),
    }
}

fn base(options: &Options) -> PathBuf {
    if let Some(base) = &options.base {
        return base.clone();
    }
    if let Some(tree) = options.master_tree.as_ref().or(options.replica_tree.as_ref()) {
        return tree.labs();
    }
    let memory = Path::new("/dev/shm");
    if guard::free_space(memory) >= ENOUGH_MEMORY {
        return memory.to_owned();
    }
    // The cyrus user may have no access to the caller's own directory.
    let temporary = std::env::temp_dir();
    if is_open(&temporary) { temporary } else { "/tmp".into() }
}
