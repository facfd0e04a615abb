//! The clients that are measured, and the features of ours.

use std::path::Path;
use std::process::{Command, Stdio};

/// The program of a contender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Cyrus's client from Debian.
    Cyrus,
    /// Our client.
    Ours,
}

/// A client with certain options.
#[derive(Debug, Clone)]
pub struct Contender {
    /// Its name in tables.
    pub name: String,
    /// The program.
    pub client: Client,
    /// Additional arguments.
    pub args: Vec<String>,
    /// Options to set in imapd.conf during the run.
    pub settings: Vec<(&'static str, String)>,
    /// Whether it is measured in the first round only.
    pub once: bool,
}

/// The name of Cyrus's client in tables.
pub const CYRUS: &str = "Cyrus's";
/// The name of our client with default settings in tables.
pub const OURS: &str = "ours";

impl Contender {
    /// Returns Cyrus's client with default settings.
    pub fn cyrus() -> Contender {
        Contender::new(CYRUS, Client::Cyrus)
    }

    /// Returns our client with default settings.
    pub fn ours() -> Contender {
        Contender::new(OURS, Client::Ours)
    }

    /// Returns our client with a number of connections.
    pub fn jobs(number: usize) -> Contender {
        let mut contender = Contender::new(&format!("ours -j {number}"), Client::Ours);
        contender.args = vec!["-j".to_owned(), number.to_string()];
        contender
    }

    /// Returns our client with `--verify`.
    pub fn verify() -> Contender {
        let mut contender = Contender::new("ours, --verify", Client::Ours);
        contender.args = vec!["--verify".to_owned()];
        contender
    }

    /// Returns our client with this `sync_deflate_level`.
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

/// The features of our client. A case that needs a missing feature is left out, so that older
/// versions of our client can also be measured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Abilities {
    /// Several connections (`-j`).
    pub jobs: bool,
    /// `sync_deflate_level: auto`.
    pub adapts: bool,
}

impl Abilities {
    /// Determines the features by running the program. `directory` must be writable.
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
