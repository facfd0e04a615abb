//! Rolling replication of the client's channel.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::Client;
use super::keeper::{Keeper, Places};
use super::silence::Silence;
use crate::error::{Error, Result};
use crate::events::{Act, Observer, RunEvent};
use crate::run::daemon::Daemon;
use crate::run::env::Driver;
use crate::run::log::disk::{LogDisk, LogFile};
use crate::run::log::files::LogFiles;
use crate::run::log::watch::Watch;
use crate::run::manner::Manner;
use crate::run::outcome::Ended;
use crate::run::real::{Hear, RollingEnv};
use crate::run::rules::Rules;
use crate::run::task::Goal;
use crate::run::worker::Shared;
use crate::settings::Rolling;
use crate::status;

impl Client {
    /// Replicates what is logged to the client's channel until asked to stop. A task that fails
    /// stays in the log and is tried again after a growing pause; it stops no other task.
    ///
    /// # Errors
    /// If users or mailboxes are excluded, the log cannot be used at all, the replica refuses the
    /// client for good, or the replica cannot be reached and only one attempt was requested. All
    /// work that is not done is in the log then, as always.
    pub fn roll(&mut self, rolling: &Rolling) -> Result<Ended> {
        self.runner.nothing_is_excluded()?;
        let Shared { names, freeze, .. } = &self.runner.shared;
        let mut files = LogFiles::new(&self.log).counting(names).under(freeze);
        let _claim = {
            let _held = files.hold()?;
            files.claim()?
        };
        self.runner.remember(self.cache_path.as_deref());
        let is_logged = self.warn(rolling);
        let file = &rolling.sync_shutdown_file;
        let status = status::file::path(&self.log);
        let watch = Watch::new(files.directory(), status.file_name().unwrap_or_default());
        let batch = self.runner.rules();
        let rules = Rules::new(rolling, batch.jobs, batch.open, watch.is_blind());
        let work = files.path(LogFile::Work).to_owned();
        let rules = Rules { waiting_since: waiting_since(&status, &work), ..rules };
        let shared = &self.runner.shared;
        let replica = shared.settings.replica_name();
        let observer = (shared.meter.clone(), shared.observer.clone());
        let metrics = self.metrics_file.clone();
        let places = Places { log: self.log.clone(), work: work.clone(), status, metrics };
        let silence = is_logged.then(|| Silence::new(shared.store.clone()));
        let keeper = Keeper::start(places, &replica, &shared.names, observer, silence);
        let on_state = keeper.listener();
        let env_of_roll = RollingEnv { watch, shutdown_file: file.clone(), on_state };
        let mut settled = |_: &Goal, _| {};
        let hear = Hear { act: Act::Replicate, plan: None, settled: &mut settled };
        let ended = self.runner.with_world(Manner::Do, hear, |shared, env| {
            let _rolling = shared.interrupts.rolling(file.clone(), shared.cancel.wakes());
            let daemon = Daemon::new(rules, &shared.names, &replica, work);
            Driver::new(daemon).run(&mut env.rolling(env_of_roll), Some(&mut files))
        })?;
        if ended == Ended::Woken {
            keeper.hand_over();
        }
        if let (Ended::ShutdownFile, Some(file)) = (ended, file) {
            remove_shutdown_file(file)?;
        }
        Ok(ended)
    }
}

impl Client {
    /// Reports at the start any problem that would prevent it from replicating anything, without an
    /// error. Returns whether changes should be logged.
    fn warn(&self, rolling: &Rolling) -> bool {
        let report = |event: RunEvent| self.runner.shared.observer.event(&event.into());
        let channel = &self.runner.shared.settings.channel;
        let has_channel = self.logs.sync_log_channels.contains(channel);
        if !self.logs.sync_log {
            report(RunEvent::NoSyncLog);
        } else if !has_channel {
            report(RunEvent::NotLogged { channel: channel.clone() });
        }
        if let Some(path) = rolling.sync_shutdown_file.as_ref().filter(|path| path.exists()) {
            report(RunEvent::ShutdownFileFound { path: path.clone() });
        }
        self.logs.sync_log && has_channel
    }
}

/// Returns since when the entries wait that an earlier client has left in the work file: that file
/// may be newer than its entries.
fn waiting_since(status: &Path, work: &Path) -> Option<SystemTime> {
    let status = status::file::read(status).ok()??;
    let oldest = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(status.oldest?))?;
    work.exists().then_some(oldest)
}

fn remove_shutdown_file(file: &Path) -> Result<()> {
    std::fs::remove_file(file).map_err(|error| {
        Error::io("remove shutdown file", file, error).or_hint("remove it by hand")
    })
}
