//! # cyrsync
//!
//! The client side of Cyrus IMAP replication: reads a master's mail spool under Cyrus's own locks
//! and brings a replica up to date over Cyrus's replication protocol. `sync_client` is a small
//! program on top of this library. A program of your own can do the same work, and receives
//! everything that happens as typed events. The library needs Linux and Rust 1.89.
//!
//! ## Replicate one user
//!
//! ```no_run
//! use std::sync::Arc;
//! use cyrsync::{Cancel, Client, Config, Overrides, Settings, Silent, UserId};
//!
//! let config = Config::load("/etc/imapd.conf")?;
//! let settings = Settings::resolve(&config, Some("backup"), &Overrides::default())?;
//! let mut client = Client::new(settings, Cancel::default(), Arc::new(Silent))?;
//! client.sync_user(&UserId::from("fred"))?;
//! # Ok::<(), cyrsync::Error>(())
//! ```
//!
//! 1. A [`Config`] is imapd.conf as Cyrus reads it.
//! 2. [`Settings`] are the options of one channel, together with the caller's [`Overrides`], which
//!    win. A channel is a name under which imapd.conf has the options for one replica: for the
//!    channel `backup`, `backup_sync_host` names the replica. A value that cannot be used is found
//!    here, with its file and line.
//! 3. A [`Client`] replicates to one replica. It connects when it has to, and keeps the connection.
//!    [`Silent`] is an observer that ignores all events.
//!
//! All calls block until their work is done. A client may start threads and open several
//! connections (`sync_jobs` in imapd.conf, [`Overrides::jobs`]).
//!
//! The process needs the rights of the cyrus user. It must not hold files of the spool open by
//! other means: when either side closes such a file, the process loses its traditional locks on it.
//! A program that must hold such files open, or whose mail is not in a Cyrus spool, supplies a
//! store of its own: [`host`].
//!
//! ## What a client does
//!
//! | to | call |
//! |---|---|
//! | replicate a user, some users, mailboxes, everything | [`Client::sync_user`], [`Client::sync_users`], [`Client::sync_mailboxes`], [`Client::sync_all`] |
//! | replicate one part, such as a subscription | [`Client::sync_goal`] with a [`Goal`] |
//! | follow the sync log of the channel, until a [`Cancel`] stops it | [`Client::roll`] |
//! | replicate the entries of a log file, once | [`Client::process_log`] |
//! | see what would be done | [`Client::planner`] |
//! | compare both sides in full, without changing anything | [`Client::verifier`] |
//! | find users and mailboxes by name or [`Pattern`] | [`Client::catalog`] |
//! | check a configuration | [`check`](check::check) |
//! | read the state of rolling replication, from any process | [`monitor::status`] |
//!
//! ## What happens meanwhile
//!
//! The library never prints, logs, exits or handles a signal. It calls an [`Observer`] with an
//! [`Event`]. [`event::words`] returns the line that Cyrus's programs write for it, with its
//! destination ([`event::Line`]); `None` if they write none. [`event::json`] returns an object. The
//! client may call an observer from any of its threads, and the observer must not call the client.
//!
//! ```
//! use std::sync::Arc;
//! use cyrsync::{Cancel, Client, Event, Kind, Observer, Overrides, Settings, event};
//! # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
//!
//! struct Print;
//!
//! impl Observer for Print {
//!     fn event(&self, event: &Event) {
//!         if let Some(line) = event::words(event) {
//!             println!("{}", line.text);
//!         }
//!     }
//! }
//!
//! // A recorded master, whose replica does not answer.
//! let (_spool, config) = recorded_master();
//! let settings = Settings::resolve(&config, None, &Overrides::default())?;
//! let mut client = Client::new(settings, Cancel::default(), Arc::new(Print))?;
//! let error = client.sync_user(&"fred".into()).unwrap_err();
//! assert_eq!(error.kind(), Kind::Connect);
//! # Ok::<(), cyrsync::Error>(())
//! ```
//!
//! A [`Cancel`] asks a client to stop, from another thread or from a signal handler.
//!
//! - [`Cancel::cancel`] ends the running call at the next safe point with [`Kind::Cancelled`].
//! - [`Cancel::finish`] ends [`Client::roll`] after the current task.
//! - [`Cancel::wake`] ends a pause; [`Client::roll`] returns [`Ended::Woken`].
//! - [`Cancel::reset`] revokes the first two. After [`Cancel::cancel`], every later call ends at
//!   once until then.
//!
//! All methods except [`Cancel::wait`] may be called from a signal handler. [`Client`] can be sent
//! to another thread; one thread at a time uses it.
//!
//! ## When something fails
//!
//! An [`Error`] is one line for people: what was done, to what, what went wrong, and what to do
//! about it. A program branches on its [`Kind`] and asks for its [`Subject`]. A mailbox that fails
//! stops no other.
//!
//! - [`Client::sync_user`] and [`Client::sync_mailboxes`] return an error. If mailboxes or other
//!   parts failed, [`Error::parts`] has one error for each. [`Error::failures`] returns the parts,
//!   or the error itself if it has none.
//! - [`Client::sync_users`] passes the result of each user to its callback.
//! - [`Client::sync_all`] returns a [`Report`] with the failures, and an error only if it could not
//!   try everything. [`Client::process_log`] returns the entries that failed ([`Undone`]).
//! - After a failure of the connection, [`Error::is_final`] returns whether another attempt is
//!   useless until a person changes something.
//!
//! ## Features
//!
//! | feature | gives |
//! |---|---|
//! | `capi` (default) | the C ABI, `include/cyrsync.h`; without it no C symbol is exported |
//! | `libsasl2` | GSSAPI, DIGEST-MD5 and other mechanisms of the platform's libsasl2 |
//!
//! Most Rust programs set `default-features = false`.
//!
//! ## What stays as it is
//!
//! `docs/public-api.txt` lists everything that can be named, and a test compares it. Enums and
//! structures that may grow are `#[non_exhaustive]`: match them with `_`. To make such a structure,
//! take its `Default` and set fields, or use its `with_...` methods. New variants, such as those of
//! [`Event`], do not break a caller, so any release may add them. [`Observer`] and the traits of
//! [`host`] are there to be implemented; a method that they get later has a default.

// The layers of the library, each of which knows only those below it: docs/architecture.md.
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
    Cancel, Catalog, Client, Ended, Goal, LogEntry, Matches, Planner, Progress, Undone, Verifier,
    Verify, Waited,
};
pub use error::{Error, Kind, Peer, Result, Scope, Subject};
pub use events::{Event, Item, Level, Observer, Outcome, PlannedStep, Report, Silent};
pub use settings::{Overrides, Settings};
pub use types::{MboxName, Pattern, UserId};

/// What an [`Event`] is made of, and how it is put in words.
pub mod event {
    pub use crate::error::Mention;
    pub use crate::events::{
        Act, ConnectionEvent, Difference, Direction, Fate, Finding, ItemTotals, Line, Raised,
        RecordSeen, RepairEvent, RunEvent, Settled, Shortened, Side, Step, StoreEvent, SyncEvent,
        To, Verdict, VerifyEvent, VerifyTotals, json, words, words_of,
    };
}

/// A store of mail that is not a Cyrus spool: the traits to implement for [`Client::with_host`],
/// and the values that they exchange. [`Store`](host::Store), [`Mailbox`](host::Mailbox) and
/// [`MailboxFiles`](host::MailboxFiles) are required; [`HostWriter`](host::HostWriter) is needed
/// for repairs that change the master.
///
/// The data that a store returns is checked before it is used. If it contradicts itself, the
/// replication of the mailbox fails with [`Kind::Host`].
///
/// [`Spool`](host::Spool) is the store of [`Client::new`]; a store of your own may forward calls to
/// it.
///
/// ```
/// use std::sync::Arc;
/// use cyrsync::host::{Spool, Store};
/// use cyrsync::{Overrides, Settings, Silent};
/// # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
///
/// let (_directory, config) = recorded_master();
/// let settings = Settings::resolve(&config, None, &Overrides::default())?;
/// let spool = Spool::open(&settings, Arc::new(Silent))?;
/// let inbox = spool.lookup(&"user.fred".into())?.expect("fred has an INBOX");
/// assert!(spool.open(&inbox.name)?.state().num_records > 0);
/// # Ok::<(), cyrsync::Error>(())
/// ```
pub mod host {
    pub use crate::store::spool::Spool;
    pub use crate::store::{
        Crcs, Glance, HostWriter, Lock, Mailbox, MailboxFiles, MessageAnnotations, MessageFile,
        Metadata, Records, ScriptDirectory, Store, UserTree, Wait,
    };
    pub use crate::types::{
        Annotation, FormerName, Guid, InternalFlags, MailboxEntry, MailboxHeader, MailboxState,
        MboxType, Modseq, Options, QUOTA_RESOURCES, Quota, Record, Seen, SieveScript, SyncCrcs,
        SystemFlags, Text, ThreadIds, Time, Uid, UniqueId,
    };
}

/// The state of replication: the status of a channel for monitoring programs, and the counters of a
/// client.
pub mod monitor {
    pub use crate::engine::{Counters, status};
    pub use crate::replica::Traffic;
    pub use crate::status::{
        Contact, Deferred, Diagnosis, Expected, Health, Limits, Reached, Status, Totals,
    };
    pub use crate::types::Backlog;
}

/// The types of single options of imapd.conf, and the functions for the record of servers that have
/// TLS.
pub mod option {
    pub use crate::config::{DEFAULT_PATH, Origin};
    pub use crate::engine::{forget_tls, remembered_tls};
    pub use crate::settings::{
        AllowRepair, Bandwidth, Jobs, Persistence, Process, Rate, Rolling, Shown,
    };
    pub use crate::types::ReplicaName;
}

/// Returns whether an abandoned login still runs inside libsasl2 on its own thread (feature
/// `libsasl2`). If it returns true, end the process with `_exit`: normal exit handlers would free
/// libraries that this thread still uses.
///
/// ```
/// assert!(!cyrsync::login_is_stuck());
/// ```
pub fn login_is_stuck() -> bool {
    #[cfg(feature = "libsasl2")]
    return sys::sasl2::is_busy();
    #[cfg(not(feature = "libsasl2"))]
    false
}
