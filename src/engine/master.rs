//! Changes the master, for repairs and for moving scripts. The master's own Cyrus makes the change.
//! The change is then logged for all other channels. The replica of our own channel has it already.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::{Error, Kind, Result};
use crate::events::{Observer, RunEvent, Silent};
use crate::names::Paths;
use crate::own_server::{self, OwnServer, Traces};
use crate::protocol::Command;
use crate::replica::{Answer, Direct, Replica};
use crate::run::log::disk::LogDisk;
use crate::run::log::entry::LogEntry;
use crate::run::log::files::LogFiles;
use crate::settings::Settings;
use crate::store::HostWriter;
use crate::store::spool::Spool;
use crate::sync::Master;
use crate::types::{MailboxState, MboxName, Uid, UniqueId};

/// If the master's own server does not start in time, it is not started again for this long.
/// Otherwise there would be a wait for each mailbox.
const SILENCE_PAUSE: Duration = Duration::from_secs(300);
/// If the scripts of a user cannot be moved, no scripts are moved for this long. Moving other
/// scripts would probably fail too, and each attempt starts a process.
const SCRIPTS_PAUSE: Duration = Duration::from_secs(300);

/// Changes a master whose spool the client reads itself, through its `sync_server`.
pub(super) struct NativeMaster {
    settings: Settings,
    spool: Arc<Spool>,
    logs: Vec<PathBuf>,
    observer: Arc<dyn Observer>,
    cancel: Arc<AtomicBool>,
    server: Option<OwnServer>,
    /// When the server last did not start in time, and the error.
    silent: Option<(Instant, Error)>,
    /// When scripts could last not be moved.
    scripts_stay: Option<Instant>,
    had_uids: HadUids,
}

/// The last UIDs of mailboxes that had changed when Cyrus was asked to write to them. All workers
/// share them.
#[derive(Clone, Default)]
pub(super) struct HadUids(Arc<Mutex<HashMap<UniqueId, Uid>>>);

impl HadUids {
    fn remember(&self, mailbox: &UniqueId, last_uid: Uid) {
        let mut all = self.0.lock();
        let known = all.entry(mailbox.clone()).or_default();
        *known = last_uid.max(*known);
    }

    fn of(&self, mailbox: &UniqueId) -> Uid {
        self.0.lock().get(mailbox).copied().unwrap_or_default()
    }
}

impl NativeMaster {
    /// Makes the value from the settings. Starts no server.
    pub(super) fn new(
        settings: &Settings,
        spool: Arc<Spool>,
        observer: Arc<dyn Observer>,
        cancel: Arc<AtomicBool>,
        had_uids: HadUids,
    ) -> NativeMaster {
        NativeMaster {
            settings: settings.clone(),
            spool,
            logs: other_logs(settings),
            observer,
            cancel,
            server: None,
            silent: None,
            scripts_stay: None,
            had_uids,
        }
    }

    fn timeout(&self) -> Duration {
        self.settings.connection.sync_timeout
    }

    fn start(&self, program: &Path) -> Result<OwnServer> {
        let Some(imapd_conf) = self.settings.file() else {
            let detail = "the configuration is not in a file";
            return Err(Error::new(Kind::Config, "start", "sync_server", detail));
        };
        let (observer, cancel) = (Arc::new(Silent), self.cancel.clone());
        OwnServer::start(program, imapd_conf, self.timeout(), observer, cancel)
    }

    /// Starts the `sync_server` of the Cyrus that uses this spool.
    fn start_own(&mut self) -> Result<OwnServer> {
        if let Some((since, error)) = &self.silent
            && since.elapsed() < SILENCE_PAUSE
        {
            return Err(error.clone());
        }
        let program = own_server::find(&self.settings)?;
        let begun = Instant::now();
        let started = self.start(&program).and_then(|server| {
            own_server::check_against_running(&self.settings, &server, |other| self.start(other))?;
            Ok(server)
        });
        if let Err(error) = &started
            && begun.elapsed() >= own_server::GREETING.min(self.timeout())
        {
            self.silent = Some((Instant::now(), error.clone()));
        }
        started
    }
}

/// Returns the logs that Cyrus's daemons write (`sync_log_init`), except the log of our channel.
fn other_logs(settings: &Settings) -> Vec<PathBuf> {
    if !settings.logs.sync_log {
        return Vec::new();
    }
    let paths = Paths::new(&settings.layout, &settings.naming);
    let channels = settings.logs.sync_log_channels.iter().map(Option::as_deref);
    let others = channels.filter(|name| *name != settings.channel());
    others.map(|name| paths.sync_log(name)).collect()
}

/// Logs a change of a mailbox in `logs`. If this fails, other replicas receive the change with the
/// next logged change of the mailbox.
fn note(logs: &[PathBuf], name: &MboxName, observer: &dyn Observer) {
    let mut line = Vec::new();
    LogEntry::Mailbox(name.clone()).write(&mut line);
    for log in logs {
        if let Err(error) = LogFiles::new(log).append(&line) {
            let mailbox = name.clone();
            observer.event(&RunEvent::ChangeNotLogged { mailbox, error }.into());
        }
    }
}

/// Changes a master whose data a host program supplies, through this program.
pub(super) struct HostMaster {
    server: Option<Direct<Through>>,
    logs: Vec<PathBuf>,
    observer: Arc<dyn Observer>,
    had_uids: HadUids,
}

impl HostMaster {
    /// Makes the value. `writer` makes the changes; `None` if the host cannot make changes.
    pub(super) fn new(
        settings: &Settings,
        observer: Arc<dyn Observer>,
        writer: Option<Box<dyn HostWriter>>,
    ) -> HostMaster {
        let server = writer.map(|writer| Direct::new(Through(writer)));
        HostMaster { server, logs: other_logs(settings), observer, had_uids: HadUids::default() }
    }
}

/// Passes commands to a host as if it were a server.
struct Through(Box<dyn HostWriter>);

impl Answer for Through {
    fn answer(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        self.0.apply(command)
    }
}

impl Master for HostMaster {
    fn server(&mut self, _: &MailboxState) -> Result<&mut dyn Replica> {
        let server = self.server.as_mut().map(|server| server as &mut dyn Replica);
        server.ok_or_else(|| {
            let detail = "the master would have to be changed, but the program that supplies the \
                          mail store cannot change it";
            Error::new(Kind::NeedsFullSync, "change", "the master", detail)
                .with_hint("run sync_client once on this mailbox")
        })
    }

    fn changed(&mut self, name: &MboxName) -> Result<()> {
        let reported = self.server.as_mut().map(|server| server.answerer().0.log_change(name));
        match reported {
            Some(Ok(true)) => {}
            Some(Err(error)) => {
                let mailbox = name.clone();
                self.observer.event(&RunEvent::ChangeNotLogged { mailbox, error }.into());
            }
            Some(Ok(false)) | None => note(&self.logs, name, self.observer.as_ref()),
        }
        Ok(())
    }

    fn remember(&mut self, mailbox: &UniqueId, last_uid: Uid) {
        self.had_uids.remember(mailbox, last_uid);
    }

    fn remembered(&self, mailbox: &UniqueId) -> Uid {
        self.had_uids.of(mailbox)
    }

    fn broken(&mut self) {
        // Release the message files that were staged for the failed change.
        let Some(server) = &mut self.server else { return };
        if let Ok(ticket) = server.submit(Command::Restart) {
            server.discard(ticket);
        }
    }
}

impl Master for NativeMaster {
    fn server(&mut self, mailbox: &MailboxState) -> Result<&mut dyn Replica> {
        let traces = Traces { keyed_by_name: self.spool.is_early()?, index: mailbox.minor_version };
        let server = match self.server.take() {
            Some(server) => server,
            None => self.start_own()?,
        };
        server.check(traces)?;
        Ok(self.server.insert(server))
    }

    fn changed(&mut self, name: &MboxName) -> Result<()> {
        note(&self.logs, name, self.observer.as_ref());
        Ok(())
    }

    fn mends_sums(&self) -> bool {
        true
    }

    fn moves_scripts(&self) -> Result<bool> {
        let failed = self.scripts_stay.is_some_and(|since| since.elapsed() < SCRIPTS_PAUSE);
        // Cyrus has no mailboxes for scripts before 3.6.
        Ok(!failed && !self.spool.is_early()?)
    }

    fn scripts_stay(&mut self) {
        self.scripts_stay = Some(Instant::now());
    }

    fn remember(&mut self, mailbox: &UniqueId, last_uid: Uid) {
        self.had_uids.remember(mailbox, last_uid);
    }

    fn remembered(&self, mailbox: &UniqueId) -> Uid {
        self.had_uids.of(mailbox)
    }

    fn broken(&mut self) {
        self.server = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn a_repair_is_logged_for_every_other_channel() {
        let logs = |lines: &str, channel| other_logs(&settings::tests::of_channel(lines, channel));
        let none: [&str; 0] = [];
        assert_eq!(logs("", None), none.map(PathBuf::from));
        assert_eq!(logs("sync_log: yes", None), none.map(PathBuf::from));
        let three = "sync_log: yes\nsync_log_channels: \"\" second squatter";
        let of = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(logs(three, None), of(&["/conf/sync/second/log", "/conf/sync/squatter/log"]));
        assert_eq!(logs(three, Some("second")), of(&["/conf/sync/log", "/conf/sync/squatter/log"]));
    }
}
