//! Writes to the master for a repair, or for moving scripts: through the master's own Cyrus. Then
//! it logs the change for all channels but our own, whose replica has the change already.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

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
use crate::types::{MailboxState, MboxName};

/// How long a server that did not answer is not started again; otherwise every mailbox would wait
/// for it.
const SILENCE_PAUSE: Duration = Duration::from_secs(300);
/// How long no scripts are moved after those of one user could not be: it would fail for all others
/// too, each time with another process.
const SCRIPTS_PAUSE: Duration = Duration::from_secs(300);

/// The master if its spool is read natively.
pub(super) struct NativeMaster {
    settings: Settings,
    spool: Arc<Spool>,
    logs: Vec<PathBuf>,
    observer: Arc<dyn Observer>,
    cancel: Arc<AtomicBool>,
    server: Option<OwnServer>,
    /// When a server did not greet in time, and the error.
    silent: Option<(Instant, Error)>,
    /// When a move of scripts failed.
    scripts_stay: Option<Instant>,
}

impl NativeMaster {
    /// Makes the master from the settings. Starts nothing yet.
    pub(super) fn new(
        settings: &Settings,
        spool: Arc<Spool>,
        observer: Arc<dyn Observer>,
        cancel: Arc<AtomicBool>,
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
        }
    }

    fn timeout(&self) -> Duration {
        self.settings.connection.sync_timeout
    }

    fn start(&self, program: &Path) -> Result<OwnServer> {
        let Some(imapd_conf) = self.settings.file() else {
            let detail = "the configuration is in no file";
            return Err(Error::new(Kind::Config, "start", "sync_server", detail));
        };
        let (observer, cancel) = (Arc::new(Silent), self.cancel.clone());
        OwnServer::start(program, imapd_conf, self.timeout(), observer, cancel)
    }

    /// Starts the server that belongs to the spool.
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

/// Returns the logs that Cyrus's daemons would write to, except that of our channel
/// (`sync_log_init`).
fn other_logs(settings: &Settings) -> Vec<PathBuf> {
    if !settings.logs.sync_log {
        return Vec::new();
    }
    let paths = Paths::new(&settings.layout, &settings.naming);
    let channels = settings.logs.sync_log_channels.iter().map(Option::as_deref);
    let others = channels.filter(|name| *name != settings.channel());
    others.map(|name| paths.sync_log(name)).collect()
}

/// Logs in `logs` that a mailbox was changed. The change is already made: if logging fails, other
/// replicas receive it with the mailbox's next change at the latest.
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

/// The master if its data comes from a host.
pub(super) struct HostMaster {
    server: Option<Direct<Through>>,
    logs: Vec<PathBuf>,
    observer: Arc<dyn Observer>,
}

impl HostMaster {
    /// Writes through `writer`; `None` if nothing can be written.
    pub(super) fn new(
        settings: &Settings,
        observer: Arc<dyn Observer>,
        writer: Option<Box<dyn HostWriter>>,
    ) -> HostMaster {
        let server = writer.map(|writer| Direct::new(Through(writer)));
        HostMaster { server, logs: other_logs(settings), observer }
    }
}

/// Adapts a host to the interface of a server without a connection.
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
            let detail = "it would have to be changed, and the program that supplies it cannot";
            Error::new(Kind::NeedsFullSync, "change", "the master", detail)
                .hint("run sync_client on this mailbox once")
        })
    }

    fn changed(&mut self, name: &MboxName) -> Result<()> {
        let told = self.server.as_mut().map(|server| server.answerer().0.log_change(name));
        match told {
            Some(Ok(true)) => {}
            Some(Err(error)) => {
                let mailbox = name.clone();
                self.observer.event(&RunEvent::ChangeNotLogged { mailbox, error }.into());
            }
            Some(Ok(false)) | None => note(&self.logs, name, self.observer.as_ref()),
        }
        Ok(())
    }

    fn broken(&mut self) {
        // Its staged files are no longer needed.
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
        // Before Cyrus 3.6 there is no mailbox for scripts.
        Ok(!failed && !self.spool.is_early()?)
    }

    fn scripts_stay(&mut self) {
        self.scripts_stay = Some(Instant::now());
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
    fn every_other_channel_hears_of_a_repair() {
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
