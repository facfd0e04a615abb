//! Runs the commands of a guide on real servers. Replaces the names and paths of the guide by those
//! of the lab.

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use cyrsync_lab::run::{copy_program, reachable};
use cyrsync_lab::{Cyrus, Imap, Lab, Lmtp, Options, PASSWORD, compare, describe};

use super::steps::{Block, blocks};

/// Maximum time to wait for an expected result.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Site {
    /// The lab with the servers `master` and `replica`.
    pub lab: Lab,
    /// A third server, if the guide has one.
    pub second: Option<Cyrus>,
    pub options: Options,
    bin: PathBuf,
}

impl Site {
    /// Starts a master and a second server without any configuration of replication between them,
    /// and without replication servers.
    pub fn unconnected(options: Options) -> Site {
        Site::new(Options { csync: false, ..options })
    }

    /// Starts a master and a replica whose replication server runs. The master does not know it.
    pub fn new(options: Options) -> Site {
        let options = Options { sync_log_channels: Vec::new(), ..options };
        let lab = Lab::new(options.clone());
        for option in ["sync_host", "sync_port", "sync_authname", "sync_password", "sync_realm"] {
            lab.master.set_config(option, None);
        }
        let bin = lab.master.scratch().join("bin");
        let site = Site { lab, second: None, options, bin };
        site.programs();
        site
    }

    /// Starts a master with the user fred, and its replica. An entry of cyrus.conf starts the
    /// daemon.
    pub fn rolling(options: Options) -> Site {
        let mut site = Site::unconnected(options);
        Imap::admin(&site.lab.master).ok("CREATE user.fred");
        site.follow("new-replica", &["master", "replica"], |_, _| ());
        site.settled();
        site
    }

    /// Creates the commands that a server with the packages has: `sync_client`, `cyrus` and
    /// `saslpasswd2`. They use the configuration of the test server.
    fn programs(&self) {
        fs::create_dir_all(&self.bin).unwrap();
        let program = reachable(&self.lab.master, Path::new(env!("CARGO_BIN_EXE_sync_client")));
        let scripts = [
            ("sync_client", format!("exec {} -C \"$IMAPD_CONF\" \"$@\"", program.display())),
            (
                "saslpasswd2",
                "exec /usr/sbin/saslpasswd2 -f \"${IMAPD_CONF%/*}/sasldb2\" \
                 -u \"$(sed -n 's/^servername: //p' \"$IMAPD_CONF\")\" \"$@\""
                    .to_owned(),
            ),
            (
                "cyrus",
                "tool=$1; shift; [ $tool != sync_client ] || exec sync_client \"$@\"\n\
                 exec /usr/lib/cyrus/bin/$tool -C \"$IMAPD_CONF\" \"$@\""
                    .to_owned(),
            ),
        ];
        for (name, text) in scripts {
            let draft = self.bin.join(format!("{name}.draft"));
            fs::write(&draft, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
            copy_program(&draft, &self.bin.join(name));
        }
    }

    pub fn server(&mut self, name: &str) -> &mut Cyrus {
        match name {
            "master" => &mut self.lab.master,
            "replica" => &mut self.lab.replica,
            _ => self.second.as_mut().unwrap_or_else(|| panic!("there is no server {name}")),
        }
    }

    /// Follows a guide, and calls `then` after each step. `names` are the guide's names for the
    /// servers master, replica and second, in this order.
    #[track_caller]
    pub fn follow(
        &mut self,
        guide: &str,
        names: &[&str],
        then: impl FnMut(&mut Site, usize),
    ) -> BTreeMap<usize, String> {
        self.follow_blocks(guide, names, &blocks(guide), then)
    }

    /// Follows only the steps of a guide with the given numbers.
    #[track_caller]
    pub fn follow_steps(&mut self, guide: &str, names: &[&str], steps: RangeInclusive<usize>) {
        let mut some = blocks(guide);
        some.retain(|block| steps.contains(&block.step));
        self.follow_blocks(guide, names, &some, |_, _| ());
    }

    #[track_caller]
    fn follow_blocks(
        &mut self,
        guide: &str,
        names: &[&str],
        all: &[Block],
        mut then: impl FnMut(&mut Site, usize),
    ) -> BTreeMap<usize, String> {
        let places = ["master", "replica", "second"];
        let role = |name: &str| {
            let at = names.iter().position(|known| *known == name);
            places[at.unwrap_or_else(|| panic!("{guide}: no server {name}"))]
        };
        let mut printed = BTreeMap::new();
        for (index, block) in all.iter().enumerate() {
            let place = role(&block.server);
            let place_of = |name: &str| {
                if names.contains(&name) { role(name).to_owned() } else { String::new() }
            };
            let text = self.carry_out(guide, block, place, &place_of);
            printed.entry(block.step).or_insert_with(String::new).push_str(&text);
            if all.get(index + 1).is_none_or(|next| next.step != block.step) {
                then(self, block.step);
            }
        }
        self.reboot_changes_nothing(guide);
        printed
    }

    /// Checks that systemd would start exactly the servers that run now.
    #[track_caller]
    fn reboot_changes_nothing(&self, guide: &str) {
        let servers = [&self.lab.master, &self.lab.replica].into_iter().chain(&self.second);
        for server in servers {
            let is_enabled = !disabled(server).exists();
            assert_eq!(is_enabled, server.is_running(), "{guide}: a reboot of {}", server.name());
        }
    }

    #[track_caller]
    fn carry_out(
        &mut self,
        guide: &str,
        block: &Block,
        place: &str,
        place_of: &dyn Fn(&str) -> String,
    ) -> String {
        let hosts: Vec<(String, String)> = ["master", "replica", "second", "old", "new"]
            .into_iter()
            .filter(|name| !place_of(name).is_empty())
            .map(|name| {
                let port = self.server(&place_of(name)).csync_port();
                (format!("{name}.example.org"), format!("127.0.0.1:{port}"))
            })
            .collect();
        let target = block.to.as_ref().map(|to| self.server(&place_of(to)).scratch());
        let self_bin = self.bin.clone();
        let bin = self_bin.display().to_string();
        let server = self.server(place);
        // Replace /tmp first. The paths of the lab may contain /tmp and must not be replaced.
        let paths = [
            ("/tmp", server.scratch()),
            ("/usr/local/sbin", self_bin),
            ("/etc/imapd.conf", server.imapd_conf()),
            ("/etc/cyrus.conf", server.dir().join("cyrus.conf")),
            ("/var/lib/cyrus", server.config_dir()),
            ("/var/spool/cyrus/mail", server.partition_dir("default")),
            ("/var/lib/node_exporter", server.scratch()),
            ("/etc/cyrus", server.scratch()),
            ("/etc/cron.weekly", server.scratch()),
        ];
        let here = |line: &str| {
            let mut line = line.replace("secret-of-repl", PASSWORD);
            for (name, path) in &paths {
                line = line.replace(name, &path.display().to_string());
            }
            for (name, address) in &hosts {
                line = line.replace(name, address);
            }
            line
        };
        let mut printed = String::new();
        match block.kind.as_str() {
            "imapd.conf" => {
                for line in &block.lines {
                    let (option, value) = line.split_once(':').expect("an option and a value");
                    server.set_config(option, Some(&here(value.trim())));
                }
            }
            "cyrus.conf" => {
                let mut section = String::new();
                for line in &block.lines {
                    if let Some(name) = line.strip_suffix(" {") {
                        section = name.to_owned();
                    } else if line != "}" {
                        entry(server, &section, line, &bin);
                    }
                }
            }
            "copy" => {
                let target = target.expect("a server to copy to");
                for line in &block.lines {
                    let name = line.strip_prefix("/tmp/").expect("a file in /tmp");
                    fs::copy(server.scratch().join(name), target.join(name))
                        .unwrap_or_else(|e| panic!("{guide} step {}: {line}: {e}", block.step));
                }
            }
            "sh" => {
                for line in block.lines.iter().filter(|line| !line.starts_with('#')) {
                    printed += &line_of_shell(server, guide, line, &here(line), &bin);
                }
            }
            kind => panic!("{guide}: what is {kind}?"),
        }
        printed
    }

    /// Delivers a message to fred on a server.
    pub fn deliver(&mut self, place: &str, text: &str) {
        let message = format!("Subject: {text}\r\n\r\n{text}\r\n");
        Lmtp::connect(self.server(place)).deliver("fred", message.as_bytes()).unwrap();
    }

    /// Returns the subjects in fred's INBOX, sorted.
    pub fn mail(&mut self, place: &str) -> Vec<String> {
        let mut imap = Imap::login(self.server(place), "fred").with_selected("INBOX");
        let answer = imap.ok("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
        let lines = answer.lines();
        let text = lines.iter().flat_map(|line| line.lines());
        let mut found: Vec<_> = text
            .filter_map(|line| line.strip_prefix("Subject: "))
            .map(|s| s.trim().into())
            .collect();
        found.sort();
        found
    }

    /// Waits until the rolling client of the master has processed all that was logged.
    #[track_caller]
    pub fn drained(&self) {
        let sync = self.lab.master.config_dir().join("sync");
        let end = Instant::now() + PATIENCE;
        while ["log", "log-run"].iter().any(|name| sync.join(name).exists()) {
            assert!(Instant::now() < end, "it is not done: {}", self.lab.master.log());
            // No event announces a change of these files, so check again.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until master and replica are equal.
    #[track_caller]
    pub fn settled(&self) {
        settle(&self.lab.master, &self.lab.replica);
    }
}

/// Polls until two servers are equal. A replica sends no event when mail arrives.
#[track_caller]
pub fn settle(left: &Cyrus, right: &Cyrus) {
    let end = Instant::now() + PATIENCE;
    loop {
        let differences = compare(left, right);
        if differences.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "{}\n{}", describe(&differences, 9), left.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Adds an entry to cyrus.conf. The only service that guides add is the replication server.
fn entry(server: &Cyrus, section: &str, line: &str, bin: &str) {
    let (name, rest) = line.split_once(' ').expect("a name and a command");
    let command = rest.split('"').nth(1).expect("cmd=\"...\"");
    if section == "SERVICES" {
        let program = command.strip_prefix("/usr/lib/cyrus/bin/").expect("a program of Cyrus");
        assert!(rest.contains("listen=\"2005\"") && !server.has_service(name), "{line}");
        server.add_service(name, program, &format!("127.0.0.1:{}", server.csync_port()));
        return;
    }
    let (program, args) = command.split_once(' ').expect("a program with arguments");
    // Cyrus's program keeps its path. Any other path is replaced with the path of our program.
    let conf = server.imapd_conf();
    let conf = conf.display();
    let command = match program {
        "/usr/lib/cyrus/bin/sync_client" => format!("{program} -C {conf} {args}"),
        _ => format!("/usr/bin/env IMAPD_CONF={conf} {bin}/sync_client {args}"),
    };
    server.add_entry(section, name, &command);
}

/// Returns the file that exists while systemd would not start this server.
fn disabled(server: &Cyrus) -> PathBuf {
    server.dir().join("disabled")
}

/// Runs a line of a shell block. Returns its output.
#[track_caller]
fn line_of_shell(server: &mut Cyrus, guide: &str, shown: &str, line: &str, bin: &str) -> String {
    let (line, wanted) = match line.split_once("# exit status ") {
        Some((line, rest)) => {
            let number = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            (line, number.parse::<i32>().expect("a number"))
        }
        None => (line, 0),
    };
    match line.trim() {
        "systemctl stop cyrus-imapd" => server.stop_server(),
        "systemctl disable --now cyrus-imapd" => {
            fs::write(disabled(server), "").unwrap();
            server.stop_server();
        }
        "systemctl start cyrus-imapd" => start(server),
        "systemctl enable --now cyrus-imapd" => {
            fs::remove_file(disabled(server)).expect("only a disabled service is enabled");
            start(server);
        }
        "systemctl restart cyrus-imapd" => {
            server.stop_server();
            start(server);
        }
        line => {
            let mut command = server.command("/bin/sh");
            let path = format!("{bin}:/usr/sbin:/usr/bin:/sbin:/bin");
            command.args(["-euc", line]).env("PATH", path).env("IMAPD_CONF", server.imapd_conf());
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let output = command.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(wanted), "{guide}: {shown}\n{text}{errors}");
            return text;
        }
    }
    String::new()
}

/// Starts Cyrus and waits until each client of its DAEMON section has written its status.
fn start(server: &mut Cyrus) {
    let conf = fs::read_to_string(server.dir().join("cyrus.conf")).unwrap();
    let ours: Vec<&str> = conf.lines().filter(|line| line.contains("bin/sync_client -r")).collect();
    let ours = ours.iter().filter(|line| line.contains("IMAPD_CONF="));
    let files: Vec<PathBuf> = ours
        .map(|line| {
            let channel = line.split(" -n ").nth(1).map_or("", |rest| rest.trim_end_matches('"'));
            server.config_dir().join("sync").join(channel).join("log-status")
        })
        .collect();
    // Remove old files, because they look like new ones.
    for file in &files {
        let _ = fs::remove_file(file);
    }
    server.start_server();
    let end = Instant::now() + PATIENCE;
    for file in files {
        while !fs::read_to_string(&file)
            .is_ok_and(|text| text.contains("\"connected\"") || text.contains("\"unreachable\""))
        {
            assert!(Instant::now() < end, "no {}\n{}", file.display(), server.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
