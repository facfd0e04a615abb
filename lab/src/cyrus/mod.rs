//! A Cyrus server: its configuration, daemons and files.

mod config;
mod names;
mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::guard::Guard;
use crate::options::{ADMIN, Options, PASSWORD, REPLICATOR};
use crate::port::Port;
use crate::trees::{Release, Tree};

pub(crate) use process::SHIM_NAME;

/// The directories in which Debian installs Cyrus's programs.
const PROGRAM_DIRS: [&str; 3] = ["/usr/lib/cyrus/bin", "/usr/sbin", "/usr/bin"];

/// Directories of a server, parents first.
const DIRECTORIES: [&str; 11] = [
    "",
    "conf",
    "conf/db",
    "conf/socket",
    "spool",
    "second",
    "archive",
    "archive2",
    "sieve",
    "proc",
    "lock",
];

/// Definitions of the lab's annotations: a text for mailboxes, messages and the server, and a
/// number for mailboxes.
const ANNOTATIONS: &str = "\
/vendor/lab/mailbox,mailbox,string,backend,value.shared value.priv,
/vendor/lab/number,mailbox,uint,backend,value.shared,
/vendor/lab/message,message,string,backend,value.shared value.priv,
/vendor/lab/server,server,string,backend,value.shared value.priv,
";

/// One Cyrus server with its own configuration and spool.
#[derive(Debug)]
pub struct Cyrus {
    guard: Arc<Guard>,
    dir: PathBuf,
    name: String,
    unixhierarchysep: bool,
    altnamespace: bool,
    ports: Ports,
    environment: Vec<(String, String)>,
    tree: Option<Tree>,
    master: Option<Child>,
}

/// TCP ports on 127.0.0.1.
#[derive(Debug)]
struct Ports {
    imap: Port,
    imaps: Port,
    csync: Port,
    sieve: Port,
}

impl Ports {
    /// Reserves ports. If another program than a lab takes a port before Cyrus does,
    /// [`Cyrus::await_greetings`] detects it.
    fn reserve() -> Ports {
        let [imap, imaps, csync, sieve] = [(); 4].map(|()| Port::reserve());
        Ports { imap, imaps, csync, sieve }
    }
}

impl Cyrus {
    /// Creates the directories and the user database. Starts nothing.
    pub(crate) fn prepare(
        guard: &Arc<Guard>,
        side: &str,
        options: &Options,
        tree: Option<Tree>,
    ) -> Cyrus {
        let dir = match &tree {
            Some(tree) => guard.dir_below(tree.root()),
            None => guard.dir(),
        };
        let dir = dir.join(side);
        let lab = guard.dir().file_name().map_or_else(String::new, |n| n.to_string_lossy().into());
        let cyrus = Cyrus {
            guard: Arc::clone(guard),
            name: format!("{side}.{lab}"),
            unixhierarchysep: options.unixhierarchysep,
            altnamespace: options.altnamespace,
            ports: Ports::reserve(),
            environment: options.environment.clone(),
            tree,
            master: None,
            dir,
        };
        for sub in DIRECTORIES {
            guard.make_dir(&cyrus.dir.join(sub));
        }
        // `ctl_cyrusdb -r` writes this at every start of Cyrus: the time of the last recovery.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let stamp = u32::try_from(now).unwrap_or(u32::MAX).to_be_bytes();
        guard.write(&cyrus.dir.join("conf/db/skipstamp"), stamp);
        guard.write(&cyrus.dir.join("annotations"), ANNOTATIONS);
        for user in [ADMIN, REPLICATOR].into_iter().chain(options.users.iter().map(String::as_str))
        {
            cyrus.add_user(user);
        }
        cyrus
    }

    /// Creates a user with the password [`PASSWORD`].
    pub fn add_user(&self, user: &str) {
        let mut command = self.guard.command("/usr/sbin/saslpasswd2");
        command.args(["-c", "-p", "-f"]).arg(self.dir.join("sasldb2"));
        let (name, realm) = user.split_once('@').unwrap_or((user, &self.name));
        command.args(["-u", realm, name]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("saslpasswd2 (package sasl2-bin) is missing");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        std::io::Write::write_all(&mut stdin, PASSWORD.as_bytes()).expect("saslpasswd2 reads");
        drop(stdin);
        let output = child.wait_with_output().expect("saslpasswd2 runs");
        assert!(output.status.success(), "saslpasswd2 {user}: {output:?}");
    }

    /// Returns the release of the server's tree, or of this machine if the server has no tree.
    pub fn release(&self) -> Release {
        self.tree.as_ref().map_or_else(Release::installed, Tree::release)
    }

    /// Returns a directory that is removed with the lab and that the cyrus user may write to.
    pub fn scratch(&self) -> PathBuf {
        let dir = self.dir.join("scratch");
        self.guard.make_dir(&dir);
        dir
    }

    /// Returns the path of imapd.conf.
    pub fn imapd_conf(&self) -> PathBuf {
        self.dir.join("imapd.conf")
    }
    /// Returns `configdirectory`: mailboxes.db, annotations.db, user/, quota/, sync/, ...
    pub fn config_dir(&self) -> PathBuf {
        self.dir.join("conf")
    }
    /// Returns the directory of a partition: `default` or `second`.
    pub fn partition_dir(&self, partition: &str) -> PathBuf {
        self.dir.join(if partition == "default" { "spool" } else { partition })
    }
    /// Returns the directory of an archive partition.
    pub fn archive_dir(&self, partition: &str) -> PathBuf {
        self.dir.join(if partition == "default" { "archive" } else { "archive2" })
    }
    /// Returns the server's own directory, which contains all others.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
    /// Returns the file with the syslog lines of this server's daemons and tools.
    pub fn log_path(&self) -> PathBuf {
        self.dir.join("syslog")
    }
    /// Returns the contents of [`Cyrus::log_path`].
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
    /// Returns `servername`, which is also in the greetings.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Returns the port of imapd on 127.0.0.1.
    pub fn imap_port(&self) -> u16 {
        self.ports.imap.number()
    }
    /// Returns the port of imapd for TLS from the first byte on, on 127.0.0.1. Needs
    /// `tls_server_cert`.
    pub fn imaps_port(&self) -> u16 {
        self.ports.imaps.number()
    }
    /// Returns the port of sync_server on 127.0.0.1.
    pub fn csync_port(&self) -> u16 {
        self.ports.csync.number()
    }
    /// Returns the port of timsieved on 127.0.0.1.
    pub fn sieve_port(&self) -> u16 {
        self.ports.sieve.number()
    }
    /// Returns the UNIX socket of sync_server, on which clients are already authorised.
    pub fn csync_socket(&self) -> PathBuf {
        self.dir.join("csync.sock")
    }
    /// Returns the UNIX socket of lmtpd, on which clients are already authorised.
    pub fn lmtp_socket(&self) -> PathBuf {
        self.dir.join("lmtp.sock")
    }

    pub(crate) fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }
}
