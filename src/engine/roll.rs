//! Rolling replication of the client's channel.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::Client;
use super::keeper::{Keeper, Places};
use super::silence::Silence;
use crate::error::{Error, Kind, Result};
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
    /// Replicates the entries in the sync log of the client's channel until a stop is requested. A
    /// failed task stays in the log and is retried after growing pauses. Other tasks continue. Uses
    /// the settings with which the client was made: see
    /// [`Settings::rolling`](crate::Settings::rolling).
    ///
    /// # Errors
    /// Fails if users or mailboxes are excluded, or the log cannot be used. Fails if the replica
    /// cannot be reached and only one attempt was requested or another attempt is useless.
    /// Unfinished entries stay in the log, as always.
    pub fn roll(&mut self) -> Result<Ended> {
        self.roll_with(&self.rolling.clone())
    }

    /// Replicates like [`Client::roll`], but with other settings.
    ///
    /// # Errors
    /// Like [`Client::roll`].
    pub fn roll_with(&mut self, rolling: &Rolling) -> Result<Ended> {
        self.runner.nothing_is_excluded()?;
        // A call of `Cancel::wake` from now on counts, also while this waits for a lock.
        let wakes = self.runner.shared.cancel.begin_roll();
        let Shared { names, freeze, .. } = &self.runner.shared;
        let mut files = LogFiles::new(&self.log).counting(names).under(freeze);
        let _claim = match files.hold().and_then(|_held| files.claim()) {
            // A stop ended the wait while an administrator held the server still.
            Err(error) if error.kind() == Kind::Cancelled => return Ok(Ended::Stopped),
            claim => claim?,
        };
        self.runner.remember(self.cache_path.as_deref());
        let is_logged = warn(self, rolling);
        let file = &rolling.sync_shutdown_file;
        let status = status::file::path(&self.log);
        let watch = Watch::new(files.directory(), status.file_name().unwrap_or_default());
        let batch = self.runner.rules();
        let rules = Rules::new(rolling, batch.jobs, batch.open, watch.is_blind());
        let work = files.path(LogFile::Work).to_owned();
        let shared = &self.runner.shared;
        let was_connected = rules.was_connected || shared.meter.read() > 0;
        let rules = Rules { was_connected, waiting_since: waiting_since(&status, &work), ..rules };
        let replica = shared.settings.replica_name();
        let observer = (shared.meter.clone(), shared.observer.clone());
        let metrics = self.metrics_file.clone();
        let places = Places { log: self.log.clone(), work: work.clone(), status, metrics };
        // This check runs on the thread that writes the status file, which may not call a host.
        let looks = is_logged && !self.has_host;
        let silence = looks.then(|| Silence::new(shared.store.clone()));
        let keeper = Keeper::start(places, &replica, &shared.names, observer, silence);
        let on_state = keeper.listener();
        let env_of_roll = RollingEnv { watch, shutdown_file: file.clone(), on_state, wakes };
        let mut settled = |_: &Goal, _| {};
        let hear = Hear { act: Act::Replicate, plan: None, settled: &mut settled };
        let ended = self.runner.with_world(Manner::Do, hear, |shared, env| {
            let _rolling = shared.interrupts.rolling(file.clone(), wakes);
            let daemon = Daemon::new(rules, &shared.names, &replica, work);
            Driver::new(daemon).run(&mut env.rolling(env_of_roll), Some(&mut files))
        })?;
        if ended == Ended::Woken {
            keeper.hand_over();
            self.runner.shared.cancel.end_woken_roll();
        }
        if let (Ended::ShutdownFile, Some(file)) = (ended, file) {
            remove_shutdown_file(file)?;
        }
        Ok(ended)
    }
}

/// Reports problems at the start because of which nothing would be replicated and no error would
/// occur. Returns whether Cyrus's programs should log changes for this channel.
fn warn(client: &Client, rolling: &Rolling) -> bool {
    let shared = &client.runner.shared;
    let report = |event: RunEvent| shared.observer.event(&event.into());
    let channel = &shared.settings.channel;
    let has_channel = client.logs.sync_log_channels.contains(channel);
    if !client.logs.sync_log {
        report(RunEvent::NoSyncLog);
    } else if !has_channel {
        report(RunEvent::NotLogged { channel: channel.clone() });
    }
    if let Some(path) = rolling.sync_shutdown_file.as_ref().filter(|path| path.exists()) {
        report(RunEvent::ShutdownFileFound { path: path.clone() });
    }
    client.logs.sync_log && has_channel
}

/// Returns when the oldest entry that an earlier client has left in the work file was logged,
/// according to the status file. The work file itself may have been written later.
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
