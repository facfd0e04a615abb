//! # cyrsync
//!
//! The client side of Cyrus IMAP replication. The library runs on the master, the server whose mail
//! is replicated. It reads the master's mail spool under Cyrus's own locks, and updates a replica
//! over Cyrus's replication protocol. If both sides were changed independently, it repairs them: it
//! then changes the master through Cyrus's own `sync_server` (`Overrides::no_copyback` forbids this).
//! `sync_client` is a small program on top of this library. Your
//! own program can do the same work, and receives everything that happens as typed events. The
//! library needs Linux and Rust 1.89.
//!
//! Cargo.toml needs this line; without the default features, the library has no C ABI:
//!
//! ```toml
//! cyrsync = { version = "0.1", default-features = false }
//! ```
//!
//! ## Replicate one user
//!
//! ```no_run
//! use cyrsync::{Client, Config, Overrides, Settings, UserId};
//!
//! let config = Config::load("/etc/imapd.conf")?;
//! let settings = Settings::resolve(&config, Some("backup"), &Overrides::default())?;
//! let mut client = Client::builder(settings).build()?;
//! client.sync_user(&UserId::from("fred"))?;
//! # Ok::<(), cyrsync::Error>(())
//! ```
//!
//! 1. A [`Config`] contains the options of an imapd.conf, read by the same rules as in Cyrus.
//! 2. [`Settings`] are the options of one channel. A channel is a name under which imapd.conf has
//!    the options for one replica: for the channel `backup`, the option `backup_sync_host` names
//!    the replica. The caller's [`Overrides`] take precedence over imapd.conf. An invalid value
//!    causes an error here, with its file and line.
//! 3. A [`Client`] replicates to one replica. It connects when it first needs a connection, and
//!    keeps the connection. Its [builder](Client::builder) also takes an observer, a handle to stop
//!    the client, and another mail store.
//!
//! All calls block until their work is done. A client may start threads and open several
//! connections (`sync_jobs` in imapd.conf, [`Overrides::jobs`]).
//!
//! The process needs the rights of the cyrus user. It must not have files of the spool open by
//! other means: when the library or the program closes such a file, the process loses its
//! traditional locks on this file. If a program must have such files open, or if its mail is not in
//! a Cyrus spool, it supplies a store of its own: see [`host`].
//!
//! ## What a client does
//!
//! | task | call |
//! |---|---|
//! | replicate a user, some users, mailboxes, everything | [`Client::sync_user`], [`Client::sync_users`], [`Client::sync_mailboxes`], [`Client::sync_all`] |
//! | replicate one part, such as a subscription | [`Client::sync_goal`] with a [`Goal`] |
//! | replicate each change that Cyrus writes to the channel's sync log (rolling replication), until a [`Cancel`] stops it | [`Client::roll`] |
//! | the same with other settings than those of imapd.conf | [`Client::roll_with`] |
//! | replicate the entries of a log file, once | [`Client::process_log`] |
//! | request replication from a program that changes mail: write to the sync logs | [`log_append`] |
//! | list the steps that replication would execute | [`Client::planner`] |
//! | compare all data of both sides, without changing anything | [`Client::verifier`] |
//! | find users and mailboxes by name or [`Pattern`] | [`Client::catalog`] |
//! | check a configuration | [`check`](check::check) |
//! | read the state of rolling replication, from any process | [`monitor::status`] |
//!
//! The directory `examples` of the source has four complete programs: `one_user`, `rolling`,
//! `dry_run` and `verify`.
//!
//! ## Events
//!
//! The library never prints, logs, exits or handles a signal. It reports everything that happens as
//! an [`Event`] to an [`Observer`]. [`event::line`] returns the line that Cyrus's programs write
//! for an event, with its destination ([`event::Line`]), or `None` if they write no line.
//! [`event::json`] returns the event as a JSON object. The client may call an observer from any of
//! its threads. The observer must not call the client.
//!
//! ```
//! use std::sync::Arc;
//! use cyrsync::{Client, Config, Event, Kind, Observer, Overrides, Settings, event};
//! # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
//!
//! struct Print;
//!
//! impl Observer for Print {
//!     fn event(&self, event: &Event) {
//!         if let Some(line) = event::line(event) {
//!             println!("{}", line.text);
//!         }
//!     }
//! }
//!
//! # let load = || -> cyrsync::Result<cyrsync::Config> {
//! let config = Config::load("/etc/imapd.conf")?;
//! # Ok(config) };
//! # let _ = load;
//! # let (_spool, config) = recorded_master();
//! let settings = Settings::resolve(&config, None, &Overrides::default())?;
//! let mut client = Client::builder(settings).observer(Arc::new(Print)).build()?;
//! if let Err(error) = client.sync_user(&"fred".into()) {
//!     // A replica that does not answer.
//!     assert_eq!(error.kind(), Kind::Connect);
//! }
//! # Ok::<(), cyrsync::Error>(())
//! ```
//!
//! ## Stopping a client
//!
//! A [`Cancel`] stops a client from another thread or from a signal handler.
//!
//! - [`Cancel::cancel`] ends the running call at the next safe point with [`Kind::Cancelled`];
//!   [`Client::roll`] returns [`Ended::Stopped`]. So does every later call that replicates. A wait
//!   for a lock is not ended.
//! - [`Cancel::finish`] ends [`Client::roll`] after the current task. It stays in effect, and also
//!   ends the pauses between attempts to connect in other calls.
//! - [`Cancel::wake`] ends [`Client::roll`] even during a pause. [`Client::roll`] then returns
//!   [`Ended::Woken`]. If no call is running, it is remembered only until the next roll after one that
//!   ended with [`Ended::Woken`].
//! - [`Cancel::reset`] undoes [`Cancel::cancel`] and [`Cancel::finish`], so that later calls work
//!   again.
//!
//! All methods except [`Cancel::wait`] may be called from a signal handler. A [`Client`] can be
//! sent to another thread, but only one thread at a time can use it.
//!
//! ## Errors
//!
//! An [`Error`] is printed as one line: the operation, its subject, the problem, and advice for a
//! person. A program should not parse this line, but use [`Error::kind`] and [`Error::subject`]. If
//! one mailbox fails, the others are still replicated.
//!
//! - [`Client::sync_user`] and [`Client::sync_mailboxes`] return an error. If mailboxes or other
//!   parts failed, [`Error::parts`] has one error for each. [`Error::failures`] returns the parts,
//!   or the error itself if it has no parts.
//! - [`Client::sync_users`] passes the result of each user to its callback.
//! - [`Client::sync_all`] returns a [`Report`] with the failures. It returns an error only if it
//!   could not try everything.
//! - [`Client::process_log`] returns the entries that failed ([`Pending`]). It keeps none of them:
//!   pass them to [`log_append`], or they are lost.
//! - [`Error::is_retryable`] returns whether the same call may succeed later without a change by a
//!   person.
//!
//! ## Features
//!
//! | feature | adds |
//! |---|---|
//! | `capi` (default) | the C ABI of `include/cyrsync.h`; without this feature no C symbol is exported |
//! | `libsasl2` | GSSAPI, DIGEST-MD5 and other mechanisms of the platform's libsasl2 |
//!
//! Most Rust programs set `default-features = false`.
//!
//! ## Stability
//!
//! `docs/public-api.txt` lists all public items, and a test compares it with the code. Enums and
//! structures that may grow are `#[non_exhaustive]`: a `match` on such an enum needs a `_` arm. To
//! make such a structure, use its `new` or its `with_...` methods, or set fields of its `Default`.
//! Any release may add variants, such as those of [`Event`]. Programs may implement [`Observer`] and
//! the traits of [`host`]: if a release adds a method to them, the method has a default.

// The layers of the library. A layer uses only layers below it: see docs/architecture.md.
pub mod check;
mod config;
mod cyrusdb;
mod dlist;
mod engine;
mod error;
mod events;
mod format;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod limits;
#[cfg(test)]
mod micro;
mod names;
mod own_server;
mod protocol;
mod replica;
mod run;
mod settings;
#[cfg(test)]
mod sim;
mod status;
mod store;
mod sync;
mod sys;
mod types;

#[cfg(feature = "capi")]
pub mod capi;

pub use config::Config;
pub use engine::{
    Cancel, Catalog, Client, ClientBuilder, Ended, Goal, LogEntry, Matches, Pending, Planner,
    Progress, Verifier, Verify, Waited, log_append,
};
pub use error::{Error, Kind, Peer, Result, Scope, Subject};
pub use events::{Event, Item, Level, Observer, Outcome, PlannedStep, Report, Silent};
pub use settings::{Overrides, Settings};
pub use types::{MboxName, Pattern, UserId};

/// The types that an [`Event`] contains, and functions that convert it to a line or to JSON.
pub mod event {
    pub use crate::events::{
        Act, ConnectionEvent, Difference, Direction, Finding, FinishedItem, ItemTotals, Line,
        RaisedValue, RecordSeen, RepairAction, RepairEvent, RunEvent, Side, Step, StoreEvent,
        SyncEvent, To, Verdict, VerifyEvent, VerifyTotals, json, line, line_for,
    };
}

/// A store of mail that is not a Cyrus spool: the traits to implement for
/// [`ClientBuilder::host`], and the values that they exchange. [`Store`](host::Store), [`Mailbox`](host::Mailbox) and
/// [`MailboxFiles`](host::MailboxFiles) are required; [`HostWriter`](host::HostWriter) is needed
/// for repairs that change the master.
///
/// The library checks the data of a store before it uses the data. If the data of a mailbox is
/// inconsistent, replication of the mailbox fails with [`Kind::Host`].
///
/// [`Spool`](host::Spool) is the store that a client without a host uses. A store of your own may forward
/// calls to a [`Spool`](host::Spool).
///
/// ```
/// use std::sync::Arc;
/// use cyrsync::host::{Spool, Store};
/// use cyrsync::{Config, Overrides, Settings, Silent};
/// # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
///
/// # let load = || -> cyrsync::Result<cyrsync::Config> {
/// let config = Config::load("/etc/imapd.conf")?;
/// # Ok(config) };
/// # let _ = load;
/// # let (_directory, config) = recorded_master();
/// let settings = Settings::resolve(&config, None, &Overrides::default())?;
/// let spool = Spool::open(&settings, Arc::new(Silent))?;
/// let inbox = spool.lookup(&"user.fred".into())?.expect("fred has an INBOX");
/// assert!(spool.open(&inbox.name)?.state().num_records > 0);
/// # Ok::<(), cyrsync::Error>(())
/// ```
pub mod host {
    pub use crate::store::spool::Spool;
    pub use crate::store::{
        HostWriter, Lock, Mailbox, MailboxFiles, MessageFile, Metadata, Records, ScriptDirectory,
        Store, UnlockedState, UserTree, Wait,
    };
    pub use crate::types::{
        Annotation, FormerName, Guid, InternalFlags, MailboxEntry, MailboxHeader, MailboxState,
        MboxType, Modseq, Options, QUOTA_RESOURCES, Quota, Record, Seen, SieveScript, SyncCrcs,
        SystemFlags, Text, Time, Uid, UniqueId,
    };
}

/// The state of replication: the status of a channel for monitoring programs, and the counters of a
/// client.
pub mod monitor {
    pub use crate::engine::{Counters, status};
    pub use crate::replica::Traffic;
    pub use crate::status::{
        Contact, Deferred, Diagnosis, Expected, Health, Limits, ProgressSnapshot, Status, Totals,
    };
    pub use crate::types::Backlog;
}

/// The types of single options of imapd.conf, and functions for the list of servers that were
/// reached over TLS.
pub mod option {
    pub use crate::config::{DEFAULT_PATH, Origin};
    pub use crate::engine::{forget_tls, remembered_tls};
    pub use crate::settings::{
        AllowRepair, Bandwidth, EffectiveOption, Jobs, Rate, RetryPolicy, Rolling,
    };
    pub use crate::types::ReplicaName;
}

/// What programs on the command line such as `sync_client` need. Other programs do not need it.
pub mod program {
    pub use crate::engine::program::{login_is_stuck, with_unknown, write_metrics};
    pub use crate::error::BriefError;
    pub use crate::events::Shortener;
    pub use crate::settings::Process;
}

/// For tests of this repository, not for programs: how the engine reads an open mailbox.
#[doc(hidden)]
pub mod testing {
    pub use crate::store::{Crcs, MessageAnnotations, ReadMailbox};
}
