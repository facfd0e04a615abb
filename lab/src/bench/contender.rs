//! Who is measured, and what our client can do.

use std::path::Path;
use std::process::{Command, Stdio};

/// Whose program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Debian's.
    Cyrus,
    /// Ours.
    Ours,
}

/// A client with options of its own.
#[derive(Debug, Clone)]
pub struct Contender {
    /// Its name in tables.
    pub name: String,
    /// Which program it is.
    pub client: Client,
    /// Further arguments.
    pub args: Vec<String>,
    /// Options of imapd.conf while it runs.
    pub settings: Vec<(&'static str, String)>,
    /// Measured in the first round only.
    pub once: bool,
}

/// The name of Cyrus's client in tables.
pub const CYRUS: &str = "Cyrus's";
/// The name of ours with default settings.
pub const OURS: &str = "ours";

impl Contender {
    /// Cyrus's client as it is.
    pub fn cyrus() -> Contender {
        Contender::new(CYRUS, Client::Cyrus)
    }

    /// Ours as it is.
    pub fn ours() -> Contender {
        Contender::new(OURS, Client::Ours)
    }

    /// Ours with so many connections.
    pub fn jobs(number: usize) -> Contender {
        let mut contender = Contender::new(&format!("ours -j {number}"), Client::Ours);
        contender.args = vec!["-j".to_owned(), number.to_string()];
        contender
    }

    /// Ours, comparing.
    pub fn verify() -> Contender {
        let mut contender = Contender::new("ours, --verify", Client::Ours);
        contender.args = vec!["--verify".to_owned()];
        contender
    }

    /// Ours with this `sync_deflate_level`.
    pub fn level(level: &str) -> Contender {
        let mut contender = Contender::new(&format!("ours, level {level}"), Client::Ours);
        contender.settings = vec![("sync_deflate_level", level.to_owned())];
        contender
    }

    fn new(name: &str, client: Client) -> Contender {
        let (args, settings) = (Vec::new(), Vec::new());
        Contender { name: name.to_owned(), client, args, settings, once: false }
    }
}

/// What our client can do, so that an older one can be measured too.
#[derive(Debug, Clone, Copy, Default)]
pub struct Abilities {
    /// Several connections: `-j`.
    pub jobs: bool,
    /// `sync_deflate_level: auto`.
    pub adapts: bool,
}

impl Abilities {
    /// Asks the program. `directory` must be writable.
    pub fn of(client: &Path, directory: &Path) -> Abilities {
        let prints = |args: &[&str]| {
            let mut command = Command::new(client);
            let output = command.args(args).stdin(Stdio::null()).output().ok()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            output.status.success().then_some(text)
        };
        let conf = directory.join("probe.conf");
        let shown = std::fs::write(&conf, "configdirectory: /nowhere\nsync_deflate_level: auto\n");
        let shown = shown.ok().and_then(|()| prints(&["-C", conf.to_str()?, "--show-config"]));
        let adapts = shown.is_some_and(|text| {
            text.lines().any(|line| line.contains("sync_deflate_level") && line.contains("auto"))
        });
        let jobs = prints(&["--help"]).is_some_and(|text| text.contains("--jobs"));
        Abilities { jobs, adapts }
    }
}
