//! Rolling replication of the client's channel.

use std::path::Path;

use super::Client;
use crate::error::{Error, Result};
use crate::run::daemon::{Daemon, Rules};
use crate::run::env::Driver;
use crate::run::log::disk::{LogDisk, LogFile};
use crate::run::log::files::LogFiles;
use crate::run::log::watch::Watch;
use crate::run::outcome::Ended;
use crate::run::real::{Hear, RollingEnv};
use crate::run::task::Goal;
use crate::settings::Rolling;

impl Client {
    /// Replicates what is logged to the client's channel until asked to stop. A task that fails
    /// stays in the log and is tried again after a growing pause; it stops no other.
    ///
    /// # Errors
    /// If the log cannot be used at all, the replica refuses us for good, or was to be tried once
    /// and cannot be reached. What is not done is in the log then, as it always is.
    pub fn roll(&mut self, rolling: &Rolling) -> Result<Ended> {
        let mut files = LogFiles::new(&self.log);
        let _claim = files.claim()?;
        self.runner.remember(self.cache_path.as_deref());
        let file = &rolling.sync_shutdown_file;
        let watch = Watch::new(files.directory());
        let batch = self.runner.rules();
        let rules = Rules::new(rolling, batch.jobs, batch.open, watch.is_blind());
        let env_of_roll = RollingEnv { watch, shutdown_file: file.clone() };
        let mut settled = |_: &Goal, _| {};
        let hear = Hear { plan: None, settled: &mut settled };
        let ended = self.runner.with_world(hear, |shared, env| {
            let _rolling = shared.interrupts.rolling(file.clone(), shared.cancel.nudges());
            let work = files.path(LogFile::Work).to_owned();
            let daemon = Daemon::new(rules, &shared.names, &shared.settings.server, work);
            Driver::new(daemon).run(&mut env.rolling(env_of_roll), Some(&mut files))
        })?;
        if let (Ended::ShutdownFile, Some(file)) = (ended, file) {
            remove_shutdown_file(file)?;
        }
        Ok(ended)
    }
}

fn remove_shutdown_file(file: &Path) -> Result<()> {
    std::fs::remove_file(file).map_err(|error| {
        Error::io("remove shutdown file", file, error).or_hint("remove it by hand")
    })
}
