//! Checks a configuration, from imapd.conf to the rights on the replica. Changes nothing.
//!
//! Each [`Topic`] is reported once, in order, as soon as it has been checked. If a topic cannot be
//! checked because an earlier check failed, it is reported as skipped, with the reason. Each check
//! has a time limit. The replica receives only the commands of a login and `GET`. No lock stays
//! held, and no lock file is created.
//!
//! ```
//! use cyrsync::{Config, Overrides};
//! use cyrsync::check::{Request, check};
//! # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
//!
//! # let load = || -> cyrsync::Result<cyrsync::Config> {
//! let config = Config::load("/etc/imapd.conf")?;
//! # Ok(config) };
//! # let _ = load;
//! # let (_spool, config) = recorded_master();
//! let asked = Overrides::default();
//! let request = Request::new(Ok(&config), None, &asked);
//! let summary = check(&request, &mut |check| println!("{check}"));
//! println!("{} checks failed", summary.failed);
//! # assert!(summary.failed > 0);
//! ```

mod attempt;
mod configuration;
mod connection;
mod databases;
mod local;
mod log;
mod own;
mod replica;
mod report;
mod sample;
mod spool;
mod survey;
mod user;
mod value;

use std::sync::Arc;
use std::time::Duration;

use attempt::{Attempt, Attempts};
use connection::STEPS;
use local::within;
use report::Report;
use survey::Survey;

use crate::config::Config;
use crate::engine::verified_servers;
use crate::error::{Error, Result};
use crate::events::{Direction, Observer, Silent};
use crate::names::Namespace;
use crate::replica::tls::Memory;
use crate::replica::{Destination, Session, addresses, probe};
use crate::settings::{Connection, Overrides, Settings, Target};
use crate::store::spool::Spool;
use crate::sync::Cancel;
use crate::sys::identity;

pub use report::{OnCheck, Summary};
pub use value::{Check, Grade, Topic};

/// The maximum time for each step of connecting, even if `client_timeout` is longer.
const CONNECTING: Duration = Duration::from_secs(30);
/// The maximum time to wait for a reply, even if `sync_timeout` is longer.
const ANSWER: Duration = Duration::from_secs(60);

/// What to check.
#[non_exhaustive]
pub struct Request<'r> {
    /// The configuration, or the error that prevented reading it.
    pub config: std::result::Result<&'r Config, &'r Error>,
    /// The channel whose settings are checked. `None` for the log without a channel.
    pub channel: Option<&'r str>,
    /// Options of the caller that override the configuration.
    pub overrides: &'r Overrides,
    /// Receives the traffic with the replica, if it wants the traffic. Receives no events.
    pub observer: Arc<dyn Observer>,
    /// Handle used to cancel the checks.
    pub cancel: Cancel,
}

impl<'r> Request<'r> {
    /// Makes a request to check a configuration for a channel. `config` is the configuration, or
    /// the error if it could not be read.
    pub fn new(
        config: std::result::Result<&'r Config, &'r Error>,
        channel: Option<&'r str>,
        overrides: &'r Overrides,
    ) -> Request<'r> {
        let observer = Arc::new(Silent);
        Request { config, channel, overrides, observer, cancel: Cancel::default() }
    }
}

/// Runs all checks, and passes each result to `each` as soon as it is known.
pub fn check(request: &Request<'_>, each: &mut OnCheck<'_>) -> Summary {
    let mut report = Report::new(each);
    let config = match request.config {
        Ok(config) => config,
        Err(error) => {
            report.add(Check::failed(Topic::Configuration, error));
            return report.finish(&configuration::unreadable(error));
        }
    };
    let mut settings = Settings::resolve(config, request.channel, request.overrides);
    let no_channel = settings.as_ref().err().filter(|error| is_of_channel(error)).cloned();
    if no_channel.is_some() {
        // The channel does not exist. Run the checks that do not depend on the channel.
        settings = Settings::resolve(config, None, request.overrides);
    }
    report.add(configuration::read(config, settings.as_ref().err()));
    report.add(configuration::options(config));
    report.add(configuration::conf_lint(config));
    match settings {
        Ok(settings) => {
            let settings = Arc::new(settings);
            let found = here(&settings, request, no_channel.as_ref(), &mut report);
            if no_channel.is_some() {
                return report.finish(NO_CHANNEL);
            }
            there(&settings, request, found.as_deref(), &mut report);
            report.finish("not reached")
        }
        Err(error) => report.finish(&configuration::unreadable(&error)),
    }
}

const NO_CHANNEL: &str = "the channel is not known";

/// Returns whether the settings could not be made because the channel does not exist.
fn is_of_channel(error: &Error) -> bool {
    error.op() == "use" && *error.subject() == "channel"
}

/// Checks this machine. Returns the contents of mailboxes.db, if they can be read. `no_channel` is
/// the error if the channel does not exist.
fn here(
    settings: &Arc<Settings>,
    request: &Request<'_>,
    no_channel: Option<&Error>,
    report: &mut Report<'_, '_>,
) -> Option<Arc<Survey>> {
    const TOPICS: [Topic; 7] = [
        Topic::Spool,
        Topic::Databases,
        Topic::OwnServer,
        Topic::SyncLog,
        Topic::Channel,
        Topic::Log,
        Topic::Claim,
    ];
    report.add(user::check(settings));
    if identity::is_root() {
        report
            .skip(&TOPICS, "root may read and write every file: run the checks as the cyrus user");
        return None;
    }
    let survey = mail_store(settings, request, report);
    for (topic, look) in [
        (Topic::OwnServer, own::check as fn(&Settings) -> Check),
        (Topic::SyncLog, log::sync_log),
        (Topic::Channel, log::channel),
        (Topic::Log, log::writable),
        (Topic::Claim, log::claim),
    ] {
        match (topic, no_channel) {
            (Topic::Channel, Some(error)) => {
                report.add(Check::failed(topic, error));
                continue;
            }
            (Topic::Log | Topic::Claim, Some(_)) => {
                report.skip(&[topic], NO_CHANNEL);
                continue;
            }
            _ => {}
        }
        let of = settings.clone();
        let looked = within(&request.cancel, move || look(&of));
        report.add(looked.unwrap_or_else(|why| Check::fail(topic, why, FILE_SYSTEM)));
    }
    survey
}

const FILE_SYSTEM: &str = "check that the file systems of configdirectory and of the partitions \
                           respond";

/// Checks partitions and databases.
fn mail_store(
    settings: &Arc<Settings>,
    request: &Request<'_>,
    report: &mut Report<'_, '_>,
) -> Option<Arc<Survey>> {
    let of = settings.clone();
    let looked = within(&request.cancel, move || {
        let spool = match Spool::open(&of, Arc::new(Silent)) {
            Ok(spool) => spool,
            Err(error) => {
                let databases = Check::failed(Topic::Databases, &error);
                return (spool::check(&of, None), databases, None);
            }
        };
        let survey = Survey::of(&spool, &Namespace::new(&of.naming));
        let listed = survey.error.is_none() || survey.mailboxes > 0;
        let directories = spool::check(&of, listed.then_some((&spool, &survey)));
        let databases = databases::check(&of, &spool, &survey);
        (directories, databases, listed.then(|| Arc::new(survey)))
    });
    match looked {
        Ok((directories, databases, survey)) => {
            report.add(directories);
            report.add(databases);
            survey
        }
        Err(why) => {
            report.add(Check::fail(Topic::Spool, why, FILE_SYSTEM));
            report.skip(&[Topic::Databases], "the mail store does not respond");
            None
        }
    }
}

/// Checks the replica: its name, the connection, and what it reports after the login.
fn there(
    settings: &Settings,
    request: &Request<'_>,
    survey: Option<&Survey>,
    report: &mut Report<'_, '_>,
) {
    let target = match settings.server() {
        Ok(server) => server.target.clone(),
        Err(error) => {
            report.add(Check::failed(Topic::Name, &error));
            report.skip(&Topic::ALL, "no replica is named");
            return;
        }
    };
    let cancel = &request.cancel;
    let connection = bounded(&settings.connection);
    let found = match &target {
        Target::Tcp { host, .. } => addresses(host, connection.client_timeout, cancel.flag()),
        Target::Unix(_) => Ok(Vec::new()),
    };
    if !report.add(connection::name(&target, found)) {
        report.skip(&REACHED, "the replica's name has no address");
        report.add(replica::clocks());
        return;
    }
    let memory =
        Memory { verified: Some(verified_servers(settings).read_only()), ..Memory::default() };
    let destination = Destination { target, settings: connection, memory, limiter: None };
    let attempts = Attempts::default();
    let observer = Arc::new(Traffic(request.observer.clone()));
    let note = |stage| attempts.note(stage);
    let session = probe(&destination, observer, cancel.flag().clone(), &note);
    match attempts.furthest() {
        Some((attempt, others)) => {
            for topic in STEPS {
                report.add(connection::step(topic, &settings.connection, (&attempt, &others)));
            }
            reached(settings, (session, &attempt), survey, report);
        }
        None => {
            if let Err(error) = session {
                report.add(Check::failed(Topic::Connection, &error));
            }
            report.skip(&REACHED, "no connection was tried");
        }
    }
    report.add(replica::clocks());
}

/// The topics that cannot be checked without a connection.
const REACHED: [Topic; 10] = [
    Topic::Connection,
    Topic::Tls,
    Topic::Certificate,
    Topic::Mechanism,
    Topic::Login,
    Topic::Admin,
    Topic::Version,
    Topic::Capabilities,
    Topic::Partitions,
    Topic::Compression,
];

/// Checks what the replica reports, as far as the attempt to connect has come.
fn reached(
    settings: &Settings,
    (session, attempt): (Result<Session>, &Attempt),
    survey: Option<&Survey>,
    report: &mut Report<'_, '_>,
) {
    let (mut session, connection) = (session.ok(), &settings.connection);
    let admin = match &mut session {
        Some(session) => report.add(replica::admin(session)),
        None if connection::failed_at(attempt) == Some(Topic::Admin) => {
            report.add(replica::not_offered(attempt))
        }
        None => false,
    };
    let not_logged_in = "there was no login";
    report.skip(&[Topic::Admin], not_logged_in);
    if let Some(greeted) = &attempt.greeted {
        report.add(replica::version(greeted));
    }
    report.skip(&[Topic::Version], "the replica sent no greeting");
    if let Some(check) = replica::capabilities(attempt, connection) {
        report.add(check);
    }
    report.skip(&[Topic::Capabilities], not_logged_in);
    match (&mut session, survey) {
        (Some(session), Some(survey)) if admin => {
            report.add(replica::partitions(session, settings, survey));
        }
        (_, None) => {
            report.skip(&[Topic::Partitions], "the partitions of this server are not known");
        }
        _ => report.skip(&[Topic::Partitions], "the replica answers this only to administrators"),
    }
    match replica::compression(attempt, connection) {
        Some(check) if admin => {
            report.add(check);
        }
        // The replica offers compression only to administrators.
        _ => report.skip(&[Topic::Compression], "the replica offers this only to administrators"),
    }
    if let Some(session) = session {
        session.close();
    }
}

/// Returns the settings of the connection with shorter time limits. Compression is not required,
/// because a check reports whether there is compression.
fn bounded(settings: &Connection) -> Connection {
    Connection {
        client_timeout: settings.client_timeout.min(CONNECTING),
        sync_timeout: settings.sync_timeout.min(ANSWER),
        require_compression: false,
        ..settings.clone()
    }
}

/// An observer that passes on the traffic with the replica but no events. The results of the checks
/// contain what the events would report.
struct Traffic(Arc<dyn Observer>);

impl Observer for Traffic {
    fn wire(&self, direction: Direction, bytes: &[u8]) {
        self.0.wire(direction, bytes);
    }

    fn wants_wire(&self) -> bool {
        self.0.wants_wire()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_limited_during_a_check() {
        let settings = "client_timeout: 10m\nsync_timeout: 5s\n";
        let connection = bounded(&crate::settings::tests::of(settings).connection);
        assert_eq!(connection.client_timeout, CONNECTING);
        assert_eq!(connection.sync_timeout, Duration::from_secs(5));
    }
}
