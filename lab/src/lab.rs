//! A master and its replica.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cyrus::{Cyrus, SHIM_NAME};
use crate::guard::{self, Guard};
use crate::options::{Options, PASSWORD, REPLICATOR};
use crate::run::is_open;

/// The library `syslog_shim.c` was built to.
const SHIM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/syslog_shim.so"));

/// How often a start is tried again because another process took a port meanwhile.
const ATTEMPTS: usize = 5;

/// Memory that `/dev/shm` must have free to be used.
const ENOUGH_MEMORY: u64 = 1 << 30;

/// A running master and replica. Dropping it kills both and removes their files.
///
/// With `CYRSYNC_LAB_KEEP` in the environment the files stay and their place is printed.
#[derive(Debug)]
pub struct Lab {
    /// The server that mail arrives at. Its imapd.conf names the replica.
    pub master: Cyrus,
    /// The server that mail is replicated to.
    pub replica: Cyrus,
}

impl Lab {
    /// Starts both servers and waits until they greet.
    ///
    /// # Panics
    /// If not run as root, if Cyrus is not installed, or if it does not start.
    pub fn new(options: Options) -> Lab {
        let guard = Arc::new(Guard::new(&base(&options)));
        guard.write(&guard.dir().join(SHIM_NAME), SHIM);
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

    /// The directory that holds both servers.
    pub fn dir(&self) -> &Path {
        self.master.guard().dir()
    }
}

impl Default for Lab {
    fn default() -> Self {
        Lab::new(Options::default())
    }
}

/// A second replica beside a lab, for instance to replicate the same master anew.
///
/// It shares directory, process group and end with the lab it was made from.
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

/// The lines of a master's imapd.conf that name its replica. `sync_try_imap` is off, for Cyrus's
/// client may wait ten seconds until it has found out that a csync port speaks no IMAP.
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
    // The caller's own may be closed to the cyrus user.
    let temporary = std::env::temp_dir();
    if is_open(&temporary) { temporary } else { "/tmp".into() }
}
