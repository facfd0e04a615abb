//! Creates a master whose users have data of every kind, and a replica that lacks the last changes.
//! Restores this state after each seed.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cyrsync_lab::{
    Cyrus, Imap, Lab, Options, Sieve, Status, compare, describe, sync_client, tools,
};

use super::corrupt::base_name;
use super::facts::{Facts, Oracle};

pub const USERS: [&str; 4] = ["anna", "bert", "carl", "dora"];
pub const SHARED: [&str; 2] = ["shared", "shared.sub"];
const BOXES: [&str; 3] = ["", ".Sent", ".Work"];

/// A file that may be damaged.
#[derive(Debug, Clone)]
pub struct Target {
    pub path: PathBuf,
    /// `cyrus.index`, `message`, `sub`, `lock`, ...
    pub kind: &'static str,
    /// The user to whom the file belongs; `None` if it belongs to all users.
    pub owner: Option<String>,
    /// The uniqueid of the mailbox to which the file belongs.
    pub mailbox: Option<String>,
}

/// The replica's data by user. The key `""` has the data that belongs to no user.
pub type State = HashMap<String, Facts>;

pub struct World {
    pub lab: Lab,
    pub oracle: Oracle,
    pub targets: Vec<Target>,
    /// The replica's state before and after a run on an undamaged master.
    pub before: State,
    pub after: State,
    /// Uniqueids and names of the master's mailboxes.
    pub names: HashMap<String, String>,
    replica: Snapshot,
}

impl World {
    /// Sets up both servers.
    pub fn new(options: Options) -> World {
        let mut lab = Lab::new(options);
        // Switch repairs off. They would copy the replica's data of a damaged mailbox to the
        // master, but the master must be unchanged when the damaged file is restored.
        lab.master.set_config("sync_server_path", Some("/nonexistent/sync_server"));
        populate(&lab);
        let replicate = |lab: &Lab| {
            sync_client(env!("CARGO_BIN_EXE_sync_client"), &lab.master, &["-v", "-A"]).ok()
        };
        replicate(&lab);
        let mut oracle = Oracle::new(&lab.replica);
        let before = state(&mut oracle);
        let replica = Snapshot::of(&lab.replica);
        change(&lab);
        lab.master.stop_server();
        let run = replicate(&lab);
        let differences = compare(&lab.master, &lab.replica);
        assert!(differences.is_empty(), "{}\n{run}", describe(&differences, 20));
        let after = state(&mut oracle);
        for user in USERS {
            assert_ne!(before[user], after[user], "nothing to replicate of {user}: {run}");
        }
        let (targets, names) = targets(&lab.master);
        let world = World { lab, oracle, targets, before, after, names, replica };

        world.await_server().expect("it replicated well");
        world.reset_replica();
        world
    }

    /// Returns the present state of the replica.
    pub fn state(&mut self) -> State {
        state(&mut self.oracle)
    }

    /// Restores the replica to its state before any run.
    pub fn reset_replica(&self) {
        self.replica.restore();
    }
}

impl World {
    /// Waits until the replica's server has finished with its last client. The server lists each
    /// client in `proc_path`; the oracle is always one of them.
    ///
    /// Returns an error if the server aborted.
    pub fn await_server(&self) -> Result<(), String> {
        let proc = self.lab.replica.dir().join("proc");
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let serving: Vec<_> = fs::read_dir(&proc).into_iter().flatten().flatten().collect();
            if serving.len() <= 1 {
                return Ok(());
            }
            for entry in serving {
                if !Path::new("/proc").join(entry.file_name()).exists() {
                    let _ = fs::remove_file(entry.path());
                    let log = self.lab.replica.log();
                    let last: Vec<&str> = log.lines().rev().take(5).collect();
                    return Err(format!("the replica's server died: {last:#?}"));
                }
            }
            assert!(Instant::now() < patience, "the replica's server does not end its session");
            // No event announces the end, so check again.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn state(oracle: &mut Oracle) -> State {
    let mut state: State = USERS.iter().map(|u| ((*u).to_owned(), oracle.user(u))).collect();
    state.insert(String::new(), oracle.others(&SHARED));
    state
}

fn message(subject: &str) -> Vec<u8> {
    format!("From: a@example.org\r\nSubject: {subject}\r\n\r\nThis is {subject}.\r\n").into_bytes()
}

fn script(text: &str) -> String {
    format!("# {text}\r\nkeep;\r\n")
}

fn populate(lab: &Lab) {
    let mut admin = Imap::admin(&lab.master);
    for user in USERS {
        for below in BOXES {
            admin.ok(&format!("CREATE user.{user}{below}"));
        }
        assert!(admin.set_quota(&format!("user.{user}"), "STORAGE 9000").is_ok());
    }
    for name in SHARED {
        admin.ok(&format!("CREATE {name}"));
        admin.ok(&format!("SETACL {name} anyone lrswipkxte"));
    }
    assert!(admin.set_metadata("", "/shared/vendor/lab/server", Some(b"first")).is_ok());
    for user in USERS {
        let mut imap = Imap::login(&lab.master, user);
        for below in BOXES {
            let name = format!("INBOX{below}");
            for n in 1..=3 {
                assert!(
                    imap.append(&name, "$Label", &message(&format!("{n} {name} {user}"))).is_ok()
                );
            }
            assert!(imap.set_metadata(&name, "/shared/comment", Some(b"one")).is_ok());
            let mut open = Imap::login(&lab.master, user).with_selected(&name);
            assert!(open.uid_store("1", "+FLAGS (\\Seen Custom)").is_ok());
            open.ok("UID STORE 2 ANNOTATION (/comment (value.shared \"note\"))");
        }
        for name in ["INBOX", "INBOX.Sent"] {
            imap.ok(&format!("SUBSCRIBE {name}"));
        }
        assert!(imap.append("shared", "", &message(&format!("by {user}"))).is_ok());
        Imap::login(&lab.master, user).with_selected("shared").uid_store("1", "+FLAGS (\\Seen)");
        scripts(lab, user, "one");
    }
}

/// Makes a change of each kind, which the measured run then replicates.
fn change(lab: &Lab) {
    let mut admin = Imap::admin(&lab.master);
    assert!(admin.set_metadata("", "/shared/vendor/lab/server", Some(b"second")).is_ok());
    for user in USERS {
        assert!(admin.set_quota(&format!("user.{user}"), "STORAGE 9001").is_ok());
        let mut imap = Imap::login(&lab.master, user);
        for below in BOXES {
            let name = format!("INBOX{below}");
            assert!(imap.append(&name, "", &message(&format!("new {name} {user}"))).is_ok());
            assert!(imap.set_metadata(&name, "/shared/comment", Some(b"two")).is_ok());
            let mut open = Imap::login(&lab.master, user).with_selected(&name);
            assert!(open.uid_store("3", "+FLAGS (\\Flagged)").is_ok());
            open.ok("UID STORE 3 ANNOTATION (/comment (value.shared \"later\"))");
        }
        imap.ok("SUBSCRIBE INBOX.Work");
        Imap::login(&lab.master, user).with_selected("shared").uid_store("2", "+FLAGS (\\Seen)");
        scripts(lab, user, "two");
    }
}

fn scripts(lab: &Lab, user: &str, text: &str) {
    let mut sieve = Sieve::login(&lab.master, user);
    assert_eq!(sieve.put("main", &script(text)).0, Status::Ok);
    assert_eq!(sieve.put("other", &script("other")).0, Status::Ok);
    assert_eq!(sieve.activate("main").0, Status::Ok);
}

/// Returns all files that a run reads, with their kinds, and the mailbox names by uniqueid.
fn targets(master: &Cyrus) -> (Vec<Target>, HashMap<String, String>) {
    let mut names = HashMap::new();
    for (key, value) in tools::dump(master, "mailboxes.db", "twoskip") {
        let Some(name) = key.strip_prefix('N') else { continue };
        let id = value.split("I ").nth(1).and_then(|rest| rest.split([' ', ')']).next());
        names.insert(id.unwrap_or_default().to_owned(), tools::internal_name(name));
    }
    let owner_of = |name: &str| {
        let user = name.strip_prefix("user.")?.split('.').next()?;
        Some(user.to_owned())
    };
    let mut files = Vec::new();
    for dir in ["conf", "spool", "lock"] {
        walk(&master.dir().join(dir), &mut files);
    }
    files.push(master.imapd_conf());
    files.push(master.dir().join("lock"));
    let mut targets = Vec::new();
    for path in files {
        let base = base_name(&path);
        let text = path.to_string_lossy().into_owned();
        // The name of the directory or of the lock file contains the mailbox's uniqueid.
        let id = names.keys().find(|id| !id.is_empty() && text.contains(id.as_str())).cloned();
        let name = id.as_ref().and_then(|id| names.get(id)).cloned();
        let at = |part: &str| text.contains(&format!("/{part}/"));
        let mut mailbox = None;
        let mut owner = name.as_deref().and_then(owner_of);
        let kind = match base.as_str() {
            "mailboxes.db" => "mailboxes.db",
            "annotations.db" => "annotations.db",
            "quotas.db" => "quotas.db",
            "imapd.conf" => "imapd.conf",
            "lock" => "lock directory",
            _ if at("lock") => {
                owner =
                    USERS.iter().find(|u| text.contains(**u)).map(|u| (*u).to_owned()).or(owner);
                "lock"
            }
            _ if at("quota") => {
                owner = owner_of(&base);
                "quota"
            }
            "sub.db" | "sub" => "sub",
            "seen.db" | "seen" => "seen",
            "conversations.db" => "conversations",
            "counters.db" => "counters",
            "cyrus.header" | "cyrus.index" | "cyrus.annotations" => {
                mailbox = id;
                ["cyrus.header", "cyrus.index", "cyrus.annotations"]
                    .into_iter()
                    .find(|known| *known == base)
                    .expect("one of them")
            }
            _ if at("spool") && base.ends_with('.') => {
                mailbox = id;
                "message"
            }
            _ => continue,
        };
        targets.push(Target { path, kind, owner, mailbox });
    }
    // Sort by names, because uniqueids differ in each lab and a seed must always choose the same
    // file.
    targets.sort_by_cached_key(|t: &Target| {
        let name = t.mailbox.as_ref().and_then(|id| names.get(id)).cloned();
        (t.kind, t.owner.clone(), name, base_name(&t.path))
    });
    for kind in ["mailboxes.db", "annotations.db", "sub", "seen", "lock", "cyrus.annotations"] {
        assert!(targets.iter().any(|t| t.kind == kind), "no {kind} among {targets:#?}");
    }
    (targets, names)
}

fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&path, out),
            Ok(kind) if kind.is_file() || kind.is_symlink() => out.push(path),
            _ => {}
        }
    }
}

/// The files of the replica's spool and databases.
struct Snapshot {
    roots: Vec<PathBuf>,
    files: HashMap<PathBuf, (Metadata, Vec<u8>)>,
    generation: Cell<u64>,
}

impl Snapshot {
    fn of(replica: &Cyrus) -> Snapshot {
        let roots = ["conf", "spool", "sieve"].map(|dir| replica.dir().join(dir)).to_vec();
        let mut paths = Vec::new();
        roots.iter().for_each(|root| walk(root, &mut paths));
        let read = |path: PathBuf| {
            let found = fs::symlink_metadata(&path).expect("it was listed");
            let bytes = match found.is_symlink() {
                true => fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes(),
                false => fs::read(&path).expect("own file"),
            };
            (path, (found, bytes))
        };
        Snapshot { roots, files: paths.into_iter().map(read).collect(), generation: Cell::new(0) }
    }

    /// Returns a twoskip database with a new generation number. If the number stayed the same, a
    /// server that has the file open would use its cached state of an earlier file, which had more
    /// records.
    fn renewed(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        if bytes.starts_with(b"\xa1\x02\x8b\x0dtwoskip file") {
            let generation = 1000 + self.generation.replace(self.generation.get() + 1);
            bytes[24..32].copy_from_slice(&generation.to_be_bytes());
            let crc = crc32fast::hash(&bytes[..60]);
            bytes[60..64].copy_from_slice(&crc.to_be_bytes());
        }
        bytes
    }

    /// Restores each changed file under a new inode, so that servers that have it open notice the
    /// change.
    fn restore(&self) {
        let mut paths = Vec::new();
        self.roots.iter().for_each(|root| walk(root, &mut paths));
        for path in paths.iter().filter(|path| !self.files.contains_key(*path)) {
            fs::remove_file(path).expect("own file");
        }
        for (path, (was, bytes)) in &self.files {
            let same = fs::symlink_metadata(path).is_ok_and(|is| {
                let stamp = |m: &Metadata| (m.len(), m.modified().ok(), m.file_type());
                stamp(&is) == stamp(was)
            });
            if same {
                continue;
            }
            fs::create_dir_all(path.parent().expect("below a root")).expect("own directory");
            let new = path.with_extension("restored");
            if was.is_symlink() {
                let target = String::from_utf8_lossy(bytes).into_owned();
                std::os::unix::fs::symlink(target, &new).expect("own directory");
            } else {
                fs::write(&new, self.renewed(bytes)).expect("own file");
                chown(&new, Some(was.uid()), Some(was.gid())).expect("chown as root");
                fs::set_permissions(&new, was.permissions()).expect("own file");
                let file = fs::File::options().write(true).open(&new).expect("own file");
                file.set_modified(was.modified().expect("files have times")).expect("own file");
            }
            fs::rename(&new, path).expect("own file");
        }
    }
}
