//! One Cyrus server: its configuration, its daemons, its files.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::guard::{self, Guard};
use crate::options::{ADMIN, Options, PASSWORD, REPLICATOR};
use crate::trees::{Release, Tree};

/// How long a server may take to start before the lab gives up.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long a service may take to finish what it does.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Where Debian puts Cyrus's programs.
const PROGRAM_DIRS: [&str; 3] = ["/usr/lib/cyrus/bin", "/usr/sbin", "/usr/bin"];

/// Directories of a server, in an order in which they can be made.
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
#[derive(Debug, Clone, Copy)]
struct Ports {
    imap: u16,
    imaps: u16,
    csync: u16,
    sieve: u16,
}

impl Ports {
    /// Ports that are free now. Somebody else may take one before Cyrus does; the greeting tells.
    fn free() -> Ports {
        let [a, b, c, d] = [(); 4].map(|()| {
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("no free port on 127.0.0.1")
        });
        let port = |l: &TcpListener| l.local_addr().expect("a bound socket has a port").port();
        Ports { imap: port(&a), csync: port(&b), sieve: port(&c), imaps: port(&d) }
    }
}

impl Cyrus {
    /// Lays out the directories and the user database; nothing runs yet.
    pub(crate) fn prepare(
        guard: &Arc<Guard>,
        side: &str,
        options: &Options,
        tree: Option<Tree>,
    ) -> Cyrus {
        let dir = guard.dir().join(side);
        let lab = guard.dir().file_name().map_or_else(String::new, |n| n.to_string_lossy().into());
        let cyrus = Cyrus {
            guard: Arc::clone(guard),
            name: format!("{side}.{lab}"),
            unixhierarchysep: options.unixhierarchysep,
            altnamespace: options.altnamespace,
            ports: Ports::free(),
            environment: options.environment.clone(),
            tree,
            master: None,
            dir,
        };
        for sub in DIRECTORIES {
            guard.make_dir(&cyrus.dir.join(sub));
        }
        // What `ctl_cyrusdb -r` leaves at every start of Cyrus: the time of the last recovery.
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

    /// Writes imapd.conf and cyrus.conf. Lines of `extra` take the place of ours.
    pub(crate) fn configure(&self, options: &Options, extra: &str) {
        let yes = |value: bool| if value { "yes" } else { "no" };
        let dir = self.dir.display();
        let text = format!(
            "configdirectory: {dir}/conf\n\
             proc_path: {dir}/proc\n\
             mboxname_lockpath: {dir}/lock\n\
             defaultpartition: default\n\
             partition-default: {dir}/spool\n\
             partition-second: {dir}/second\n\
             sievedir: {dir}/sieve\n\
             servername: {name}\n\
             admins: {ADMIN} {REPLICATOR}\n\
             proxyservers: {ADMIN}\n\
             allowplaintext: yes\n\
             sasl_pwcheck_method: auxprop\n\
             sasl_auxprop_plugin: sasldb\n\
             sasl_sasldb_path: {dir}/sasldb2\n\
             sasl_mech_list: PLAIN\n\
             annotation_definitions: {dir}/annotations\n\
             skiplist_unsafe: yes\n\
             duplicatesuppression: no\n\
             autocreate_quota: -1\n\
             unixhierarchysep: {sep}\n\
             altnamespace: {alt}\n\
             hashimapspool: {hash}\n\
             conversations: {conversations}\n\
             reverseacls: {reverseacls}\n\
             delete_mode: {delete}\n\
             expunge_mode: {expunge}\n\
             virtdomains: {virt}\n",
            name = self.name,
            sep = yes(options.unixhierarchysep),
            alt = yes(options.altnamespace),
            hash = yes(options.hashimapspool),
            conversations = yes(options.conversations),
            reverseacls = yes(options.reverseacls),
            delete = if options.delayed_delete { "delayed" } else { "immediate" },
            expunge = if options.delayed_expunge { "delayed" } else { "immediate" },
            virt = if options.virtdomains { "userid" } else { "off" },
        );
        let mut text = text;
        if let Some(tree) = &self.tree {
            // What our client on this spool has written by: this version's own, too.
            let script = self.dir.join("sync_server");
            self.guard.write(&script, tree.script("/usr/lib/cyrus/bin/sync_server"));
            let all = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&script, all).expect("chmod of own file");
            text.push_str(&format!("sync_server_path: {}\n", script.display()));
        }
        let extra = extra.replace("{dir}", &dir.to_string());
        self.guard.write(&self.imapd_conf(), merge(&text, &extra));
        let Ports { imap, imaps, csync, sieve } = self.ports;
        let bin = PROGRAM_DIRS[0];
        let conf = self.imapd_conf();
        let service = |name: &str, program: &str, listen: &str| {
            let conf = conf.display();
            format!("  {name} cmd=\"{bin}/{program} -C {conf}\" listen=\"{listen}\" prefork=0\n")
        };
        let services = [
            service("imap", "imapd", &format!("127.0.0.1:{imap}")),
            service("imaps", "imapd -s", &format!("127.0.0.1:{imaps}")),
            service("csync", "sync_server", &format!("127.0.0.1:{csync}")),
            service("sieve", "timsieved", &format!("127.0.0.1:{sieve}")),
            service("csyncunix", "sync_server", &self.csync_socket().display().to_string()),
            service("lmtpunix", "lmtpd", &self.lmtp_socket().display().to_string()),
        ];
        let services = services.concat();
        let text =
            format!("START {{\n}}\nSERVICES {{\n{services}}}\nEVENTS {{\n}}\nDAEMON {{\n}}\n");
        self.guard.write(&self.dir.join("cyrus.conf"), text);
    }

    /// Chooses other ports; `configure` must follow.
    pub(crate) fn change_ports(&mut self) {
        self.ports = Ports::free();
    }

    /// Starts the daemons and waits until they greet.
    ///
    /// # Panics
    /// If they do not, with what they logged.
    pub fn start_server(&mut self) {
        self.launch();
        if let Err(why) = self.await_greetings() {
            panic!("{} did not start: {why}\n{}", self.name, self.log());
        }
    }

    pub(crate) fn launch(&mut self) {
        assert!(self.master.is_none(), "{} runs already", self.name);
        let mut command = self.program("master");
        command.arg("-M").arg(self.dir.join("cyrus.conf")).arg("-p").arg(self.dir.join("pid"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.master = Some(command.spawn().expect("cannot start Cyrus's master"));
    }

    /// Waits until imapd and sync_server greet with this server's own name, so that a port taken
    /// by somebody else in the meantime is noticed.
    pub(crate) fn await_greetings(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_LIMIT;
        for (port, last) in [(self.ports.imap, "* OK"), (self.ports.csync, "* OK")] {
            let text = self.greeting(port, last, deadline)?;
            if !text.contains(&self.name) {
                return Err(format!("port {port} is somebody else's: {text}"));
            }
        }
        self.greeting(self.ports.sieve, "OK", deadline).map(drop)
    }

    /// Connects and reads lines up to one that begins with `last`.
    fn greeting(&mut self, port: u16, last: &str, deadline: Instant) -> Result<String, String> {
        loop {
            if let Some(Ok(Some(status))) = self.master.as_mut().map(Child::try_wait) {
                self.master = None;
                return Err(format!("master ended with {status}"));
            }
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(stream) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let _ = stream.set_read_timeout(Some(left.max(Duration::from_millis(1))));
                    let mut text = String::new();
                    for line in BufReader::new(stream).lines() {
                        let line = line.map_err(|e| format!("port {port}: {e}"))?;
                        text.push_str(&line);
                        if line.starts_with(last) {
                            return Ok(text);
                        }
                    }
                    return Err(format!("port {port} closed without a greeting: {text:?}"));
                }
                // Master gives no sign that it listens; asking again is the only way.
                Err(_) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(3));
                }
                Err(e) => return Err(format!("port {port}: {e}")),
            }
        }
    }

    /// Stops the daemons; the spool stays and [`Cyrus::start_server`] starts them again.
    pub fn stop_server(&mut self) {
        let Some(mut master) = self.master.take() else { return };
        // Master answers SIGTERM by signalling its whole process group, which is the lab's.
        // So it is halted, its services are ended in order, and it is killed.
        let pid = i32::try_from(master.id()).expect("process ids fit");
        guard::signal(pid, libc::SIGSTOP);
        let services = guard::children(master.id());
        for service in &services {
            guard::signal(*service, libc::SIGTERM);
        }
        guard::signal(pid, libc::SIGKILL);
        let _ = master.wait();
        for service in services {
            if !guard::wait_gone(service, STOP_LIMIT) {
                guard::signal(service, libc::SIGKILL);
                guard::wait_gone(service, STOP_LIMIT);
            }
        }
    }

    /// Whether the daemons were started and not stopped.
    pub fn is_running(&self) -> bool {
        self.master.is_some()
    }

    /// Has the server show this certificate from now on; daemons are started anew.
    pub fn use_certificate(&mut self, certificate: &crate::certs::Certificate) {
        let (cert, key) = (certificate.cert.display(), certificate.key.display());
        self.set_config("tls_server_cert", Some(&cert.to_string()));
        self.set_config("tls_server_key", Some(&key.to_string()));
        self.stop_server();
        self.start_server();
    }

    /// Gives a user a password ([`PASSWORD`]).
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

    /// One of Cyrus's programs, with `-C imapd.conf`, as the cyrus user, in the lab's group,
    /// its syslog going to [`Cyrus::log_path`].
    pub fn program(&self, name: &str) -> Command {
        let places = PROGRAM_DIRS.iter().map(|d| Path::new(d).join(name));
        let there = |place: &PathBuf| match &self.tree {
            Some(tree) => tree.root().join(place.strip_prefix("/").unwrap_or(place)).exists(),
            None => place.exists(),
        };
        let path = places.into_iter().find(there);
        let path = path.unwrap_or_else(|| panic!("Cyrus's {name} is not installed"));
        let mut command = match &self.tree {
            Some(tree) => self.guard.command_in(tree.root(), &path),
            None => self.guard.command(path),
        };
        self.send_log(&mut command);
        command.arg("-C").arg(self.imapd_conf());
        command
    }

    /// Any program, as the cyrus user, in the lab's group, its syslog going to
    /// [`Cyrus::log_path`].
    pub fn command(&self, path: impl AsRef<Path>) -> Command {
        let mut command = self.guard.command(path);
        self.send_log(&mut command);
        command
    }

    fn send_log(&self, command: &mut Command) {
        command.env("LD_PRELOAD", self.guard.dir().join(SHIM_NAME));
        command.env("CYRSYNC_LAB_SYSLOG", self.log_path());
        for (name, value) in &self.environment {
            let lab = self.guard.dir().display().to_string();
            command.env(name, value.replace("{lab}", &lab));
        }
        if let Some(debug) = std::env::var_os("CYRSYNC_LAB_DEBUG") {
            command.env("CYRSYNC_LAB_DEBUG", debug);
        }
    }

    /// Which version of Cyrus it is; that of Debian 12 where it is the installed one.
    pub fn release(&self) -> Release {
        self.tree.as_ref().map_or(Release::Bookworm, Tree::release)
    }

    /// Whether imapd.conf names archive partitions.
    pub(crate) fn has_archive(&self) -> bool {
        let text = fs::read_to_string(self.imapd_conf()).expect("imapd.conf was written");
        text.lines().any(|line| line.starts_with("archivepartition-"))
    }

    /// A directory of the lab that goes with it and that the cyrus user may write to.
    pub fn scratch(&self) -> PathBuf {
        let dir = self.dir.join("scratch");
        self.guard.make_dir(&dir);
        dir
    }

    /// Sets an option of imapd.conf, or with `None` removes it. Tools see it at once, daemons when
    /// they are next started.
    pub fn set_config(&self, option: &str, value: Option<&str>) {
        let old = fs::read_to_string(self.imapd_conf()).expect("imapd.conf was written");
        let is_other = |line: &&str| line.split(':').next() != Some(option);
        let mut lines: Vec<String> = old.lines().filter(is_other).map(str::to_owned).collect();
        lines.extend(value.map(|value| format!("{option}: {value}")));
        self.guard.write(&self.imapd_conf(), lines.join("\n") + "\n");
    }

    /// Adds an entry to a section of cyrus.conf, `START` or `DAEMON`: a program that master starts
    /// when it starts itself.
    ///
    /// # Panics
    /// If there is no such section.
    pub fn add_entry(&self, section: &str, name: &str, command: &str) {
        let path = self.dir.join("cyrus.conf");
        let old = fs::read_to_string(&path).expect("cyrus.conf was written");
        let head = format!("{section} {{\n");
        assert!(old.contains(&head), "cyrus.conf has no section {section}");
        let entry = format!("{head}  {name} cmd=\"{command}\"\n");
        self.guard.write(&path, old.replace(&head, &entry));
    }

    /// Makes sync_client on this server talk to that replica.
    pub fn use_replica(&self, replica: &Cyrus) {
        self.use_port(replica.csync_port());
        self.set_config("sync_realm", Some(replica.name()));
    }

    /// Makes sync_client on this server talk to that port of 127.0.0.1, for instance a
    /// [`Proxy`](crate::Proxy)'s.
    pub fn use_port(&self, port: u16) {
        self.set_config("sync_port", Some(&port.to_string()));
    }

    /// imapd.conf.
    pub fn imapd_conf(&self) -> PathBuf {
        self.dir.join("imapd.conf")
    }
    /// `configdirectory`: mailboxes.db, annotations.db, user/, quota/, sync/, ...
    pub fn config_dir(&self) -> PathBuf {
        self.dir.join("conf")
    }
    /// Directory of a partition: `default` or `second`.
    pub fn partition_dir(&self, partition: &str) -> PathBuf {
        self.dir.join(if partition == "default" { "spool" } else { partition })
    }
    /// Directory of an archive partition.
    pub fn archive_dir(&self, partition: &str) -> PathBuf {
        self.dir.join(if partition == "default" { "archive" } else { "archive2" })
    }
    /// The server's own directory, above all the others.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
    /// What daemons and tools of this server sent to syslog, a line each.
    pub fn log_path(&self) -> PathBuf {
        self.dir.join("syslog")
    }
    /// Contents of [`Cyrus::log_path`].
    pub fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
    /// `servername`, also what it greets with.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Port of imapd on 127.0.0.1.
    pub fn imap_port(&self) -> u16 {
        self.ports.imap
    }
    /// Port of imapd with TLS from the first byte on, on 127.0.0.1. Needs `tls_server_cert`.
    pub fn imaps_port(&self) -> u16 {
        self.ports.imaps
    }
    /// Port of sync_server on 127.0.0.1.
    pub fn csync_port(&self) -> u16 {
        self.ports.csync
    }
    /// Port of timsieved on 127.0.0.1.
    pub fn sieve_port(&self) -> u16 {
        self.ports.sieve
    }
    /// UNIX socket of sync_server (already authorised).
    pub fn csync_socket(&self) -> PathBuf {
        self.dir.join("csync.sock")
    }
    /// UNIX socket of lmtpd (already authorised).
    pub fn lmtp_socket(&self) -> PathBuf {
        self.dir.join("lmtp.sock")
    }

    /// The name of a mailbox as the administrator writes it: with `unixhierarchysep`
    /// `user.john^doe.Sent` is `user/john.doe/Sent`; `example.com!user.fred` is
    /// `user.fred@example.com`.
    pub fn admin_name(&self, internal: &str) -> String {
        if let Some((domain, rest)) = internal.split_once('!') {
            return format!("{}@{domain}", self.admin_name(rest));
        }
        if !self.unixhierarchysep {
            return internal.to_owned();
        }
        let change = |c| match c {
            '.' => '/',
            '^' => '.',
            other => other,
        };
        internal.chars().map(change).collect()
    }

    /// The reverse of [`Cyrus::admin_name`].
    pub fn internal_name(&self, admin: &str) -> String {
        if !self.unixhierarchysep {
            return admin.to_owned();
        }
        let change = |c| match c {
            '/' => '.',
            '.' => '^',
            other => other,
        };
        admin.chars().map(change).collect()
    }

    /// The name of a user's own mailbox as that user writes it: of `user.fred.Sent` it is
    /// `INBOX.Sent`, or `Sent` with `altnamespace`; of `user.fred` it is `INBOX`.
    pub fn own_name(&self, internal: &str) -> String {
        let below = local(internal).splitn(3, '.').nth(2);
        match below {
            None => "INBOX".to_owned(),
            Some(below) if self.altnamespace => self.admin_name(below),
            Some(below) => format!("INBOX{}{}", self.separator(), self.admin_name(below)),
        }
    }

    /// The name of another user's or a shared mailbox as a user of the same domain writes it.
    pub fn others_name(&self, internal: &str) -> String {
        let internal = local(internal);
        if !self.altnamespace {
            return self.admin_name(internal);
        }
        match internal.strip_prefix("user.") {
            Some(rest) => format!("Other Users{}{}", self.separator(), self.admin_name(rest)),
            None => format!("Shared Folders{}{}", self.separator(), self.admin_name(internal)),
        }
    }

    /// The separator in names.
    pub fn separator(&self) -> char {
        if self.unixhierarchysep { '/' } else { '.' }
    }

    pub(crate) fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }
}

/// An internal name without its domain.
fn local(internal: &str) -> &str {
    internal.split_once('!').map_or(internal, |(_, rest)| rest)
}

/// Lines of imapd.conf, each option once: the later line counts, and one without a value takes
/// the option away.
fn merge(lines: &str, more: &str) -> String {
    let mut merged: Vec<&str> = Vec::new();
    for line in lines.lines().chain(more.lines()).filter(|line| !line.is_empty()) {
        let (option, value) = line.split_once(':').unwrap_or((line, ""));
        merged.retain(|other| other.split(':').next() != Some(option));
        if !value.trim().is_empty() {
            merged.push(line);
        }
    }
    merged.join("\n") + "\n"
}

impl Drop for Cyrus {
    fn drop(&mut self) {
        // The guard kills the group; this only keeps no zombie.
        if let Some(mut master) = self.master.take() {
            let _ = master.kill();
            let _ = master.wait();
        }
    }
}

/// Name of the preloaded syslog shim in the lab's directory.
pub(crate) const SHIM_NAME: &str = "syslog_shim.so";

/// Annotations beyond those Cyrus defines: a text and a number, for mailboxes, messages, server.
const ANNOTATIONS: &str = "\
/vendor/lab/mailbox,mailbox,string,backend,value.shared value.priv,
/vendor/lab/number,mailbox,uint,backend,value.shared,
/vendor/lab/message,message,string,backend,value.shared value.priv,
/vendor/lab/server,server,string,backend,value.shared value.priv,
";
