//! Reads configurations, and sets the options that `sync_client` has on its command line.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::callbacks::{Callbacks, cyrsync_callbacks};
use super::error::{Failure, cyrsync_error, cyrsync_result, misuse, null_pointer};
use super::fallible::fallible;
use super::listeners::Listeners;
use super::panic::boundary;
use super::sized::argument;
use super::strings::cyrsync_str;
use crate::config::{Config, DEFAULT_PATH};
use crate::engine::Cancel;
use crate::settings::{AllowRepair, Bandwidth, Overrides, Settings};
use crate::types::{Pattern, Text};

/// Tell the replica not to change the mupdate server (sync_client -L).
pub const CYRSYNC_FLAG_LOCAL_ONLY: u32 = 1;
/// Do not wait for users that another process is replicating (sync_client -N): their replication
/// fails at once with CYRSYNC_RESULT_LOCKED. The client still waits for the locks of mailboxes. In
/// contrast, with cyrsync_config_set_lock_patience() of 0 it waits for no lock of a user or mailbox.
pub const CYRSYNC_FLAG_SKIP_LOCKED: u32 = 2;
/// Change no data of a user on this server, whatever the replica has (sync_client -O). The replica
/// is made equal to the master by force: for example, flags that were changed only there are lost.
/// A mailbox for which this is not possible, for example because only the replica has one of its
/// messages, fails with CYRSYNC_RESULT_NEEDS_FULL_SYNC. Sync logs and status files on this server
/// are still written. If CYRSYNC_FLAG_COPYBACK is set too, this flag wins.
pub const CYRSYNC_FLAG_NO_COPYBACK: u32 = 4;
/// Ask the replica to store received messages on its archive partition (sync_client -a).
pub const CYRSYNC_FLAG_STAGE_TO_ARCHIVE: u32 = 8;
/// Fail if the connection cannot be compressed (sync_client -z).
pub const CYRSYNC_FLAG_REQUIRE_COMPRESSION: u32 = 16;

/// Pass whole messages to the traffic callback (sync_client -v -v -v).
pub const CYRSYNC_FLAG_WHOLE_MESSAGES: u32 = 32;
/// Allow changes that a repair refuses by default (sync_client --allow-repair all): for example, to
/// expunge many messages of a mailbox on this server, or to delete a user's subscriptions on the
/// replica because their file is missing here.
pub const CYRSYNC_FLAG_ALLOW_REPAIR: u32 = 64;
/// Allow changes on this server even if sync_no_copyback in imapd.conf forbids them (sync_client
/// --copyback). Has no effect together with CYRSYNC_FLAG_NO_COPYBACK.
pub const CYRSYNC_FLAG_COPYBACK: u32 = 128;

const ALL_FLAGS: u32 = CYRSYNC_FLAG_LOCAL_ONLY
    | CYRSYNC_FLAG_SKIP_LOCKED
    | CYRSYNC_FLAG_NO_COPYBACK
    | CYRSYNC_FLAG_STAGE_TO_ARCHIVE
    | CYRSYNC_FLAG_REQUIRE_COMPRESSION
    | CYRSYNC_FLAG_WHOLE_MESSAGES
    | CYRSYNC_FLAG_ALLOW_REPAIR
    | CYRSYNC_FLAG_COPYBACK;

/// A configuration: the options of imapd.conf, the settings of the program, and its callbacks. Free
/// it with cyrsync_config_free().
pub struct cyrsync_config {
    pub(super) config: Config,
    /// The name of the channel; empty for no channel.
    channel: String,
    overrides: Overrides,
    pub(super) callbacks: Option<Arc<Callbacks>>,
    whole_messages: bool,
    /// Texts that were lent to C. They are kept until the configuration is freed.
    lent: Mutex<Vec<Box<[u8]>>>,
}

impl cyrsync_config {
    /// Returns the settings: the options of the file, except those that the program replaced.
    pub(super) fn settings(&self) -> crate::Result<Settings> {
        Settings::resolve(&self.config, self.channel(), &self.overrides)
    }

    /// Returns the channel, or `None` if no channel was set.
    pub(super) fn channel(&self) -> Option<&str> {
        Some(self.channel.as_str()).filter(|channel| !channel.is_empty())
    }

    /// Makes the listeners of a new client, which call the program's callbacks.
    pub(super) fn listeners(&self, cancel: Cancel) -> Listeners {
        Listeners::new(self.callbacks.clone(), self.whole_messages, cancel)
    }

    /// Returns a copy of `text` for C that stays valid until the configuration is freed.
    pub(super) fn lend(&self, text: &[u8]) -> cyrsync_str {
        let mut lent = self.lent.lock();
        let known = lent.iter().position(|known| **known == *text);
        let at = known.unwrap_or_else(|| {
            lent.push(text.into());
            lent.len() - 1
        });
        lent.get(at).map_or(cyrsync_str::lend(b""), |text| cyrsync_str::lend(text))
    }

    /// Returns the settings of the program, which take precedence over the file.
    pub(super) fn overrides(&self) -> &Overrides {
        &self.overrides
    }
}

/// Returns the configuration that C passed as an argument, so that it can be changed.
///
/// # Safety
/// `config` must be NULL or a configuration that nothing else uses during `'a`.
pub(super) unsafe fn exclusive<'a>(
    config: *mut cyrsync_config,
) -> Result<&'a mut cyrsync_config, Failure> {
    // SAFETY: guaranteed by the caller (see `# Safety`).
    unsafe { config.as_mut() }.ok_or_else(|| null_pointer("config"))
}

/// Reads a configuration from an imapd.conf file.
///
/// @param path  The path of the file. If empty, /etc/imapd.conf is read.
/// @param out   Set to the configuration on success. Free it with cyrsync_config_free().
/// @param err   Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_load(
    path: cyrsync_str,
    out: *mut *mut cyrsync_config,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let path = match unsafe { path.bytes("path") }? {
            [] => OsStr::new(DEFAULT_PATH),
            path => OsStr::from_bytes(path),
        };
        // SAFETY: cyrsync.h requires `out` to be NULL or a place for a pointer.
        unsafe { hand_out(out, || Config::load(path)) }
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Reads a configuration from memory. cyrsync_config_set() can add options later. A client of such
/// a configuration can repair the master only with a host store. Without a host store, Cyrus's
/// sync_server writes to the master, and sync_server needs a configuration file.
///
/// @param text  The text of an imapd.conf: at least "configdirectory: /var/imap".
/// @param out   Set to the configuration on success. Free it with cyrsync_config_free().
/// @param err   Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_parse(
    text: cyrsync_str,
    out: *mut *mut cyrsync_config,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let text = unsafe { text.bytes("text") }?;
        // SAFETY: cyrsync.h requires `out` to be NULL or a place for a pointer.
        unsafe { hand_out(out, || Config::from_text(text, "imapd.conf")) }
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Makes a configuration and writes its handle to `out`.
///
/// # Safety
/// `out` must be NULL or a place for a pointer.
unsafe fn hand_out(
    out: *mut *mut cyrsync_config,
    read: impl FnOnce() -> crate::Result<Config>,
) -> Result<(), Failure> {
    if out.is_null() {
        return Err(null_pointer("out"));
    }
    let config = cyrsync_config {
        config: read()?,
        channel: String::new(),
        overrides: Overrides::default(),
        callbacks: None,
        whole_messages: false,
        lent: Mutex::default(),
    };
    // SAFETY: `out` is not NULL. The caller guarantees the rest.
    unsafe { out.write(Box::into_raw(Box::new(config))) };
    Ok(())
}

/// Sets an option of imapd.conf. This value replaces the value from the file. Fails with
/// CYRSYNC_RESULT_CONFIG if the value is empty, or not allowed for the option.
///
/// @param config  The configuration.
/// @param name    The name of the option, such as "sync_host" or "partition-default".
/// @param value   The value, as it is written in imapd.conf.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_set(
    config: *mut cyrsync_config,
    name: cyrsync_str,
    value: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires a configuration that no other thread uses, and bytes that
        // stay valid during the call.
        let (config, name, value) =
            unsafe { (exclusive(config)?, name.text("name")?, value.text("value")?) };
        Ok(config.config.set(name, value)?)
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets the channel: clients use the options of this channel in imapd.conf, and its sync log
/// (sync_client -n). By default no channel is set.
///
/// @param config   The configuration.
/// @param channel  The name of the channel. Empty for no channel.
/// @param err      Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_set_channel(
    config: *mut cyrsync_config,
    channel: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: as in cyrsync_config_set().
        let (config, channel) = unsafe { (exclusive(config)?, channel.text("channel")?) };
        config.channel = channel.to_owned();
        Ok(())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets the replica (sync_client -S). The default is the option sync_host of the channel.
///
/// @param config  The configuration.
/// @param server  A host, host:port, or the path of a UNIX socket. If empty, the default is
///                restored.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_set_server(
    config: *mut cyrsync_config,
    server: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: as in cyrsync_config_set().
        let (config, server) = unsafe { (exclusive(config)?, server.text("server")?) };
        config.overrides.server = (!server.is_empty()).then(|| server.to_owned());
        Ok(())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Puts all mailboxes on one partition of the replica (sync_client -p). By default each mailbox is
/// put on the replica's partition with the same name as here.
///
/// @param config     The configuration.
/// @param partition  The name of the partition. If empty, the default is restored.
/// @param err        Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_set_partition(
    config: *mut cyrsync_config,
    partition: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: as in cyrsync_config_set().
        let (config, partition) = unsafe { (exclusive(config)?, partition.bytes("partition")?) };
        config.overrides.dest_partition = (!partition.is_empty()).then(|| Text::new(partition));
        Ok(())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets the flags. Flags that are not given are cleared. By default no flag is set. Fails with
/// CYRSYNC_RESULT_INVALID_ARGUMENT if a flag is unknown.
///
/// @param config  The configuration.
/// @param flags   CYRSYNC_FLAG_ constants, combined with |.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_set_flags(
    config: *mut cyrsync_config,
    flags: u32,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires a configuration that no other thread uses.
        let config = unsafe { exclusive(config)? };
        let overrides = &mut config.overrides;
        let unknown = flags & !ALL_FLAGS;
        if unknown != 0 {
            let result = cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT;
            return Err(misuse(result, "flags", format!("{unknown:#x} is not a known flag")));
        }
        let has = |flag| flags & flag != 0;
        overrides.local_only = has(CYRSYNC_FLAG_LOCAL_ONLY);
        overrides.skip_locked = has(CYRSYNC_FLAG_SKIP_LOCKED);
        overrides.no_copyback = has(CYRSYNC_FLAG_NO_COPYBACK);
        overrides.copyback = has(CYRSYNC_FLAG_COPYBACK);
        overrides.allow_repair =
            if has(CYRSYNC_FLAG_ALLOW_REPAIR) { AllowRepair::ALL } else { AllowRepair::default() };
        overrides.stage_to_archive = has(CYRSYNC_FLAG_STAGE_TO_ARCHIVE);
        overrides.require_compression = has(CYRSYNC_FLAG_REQUIRE_COMPRESSION);
        config.whole_messages = has(CYRSYNC_FLAG_WHOLE_MESSAGES);
        Ok(())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Limits the bytes per second that a client sends over all its connections together (sync_client
/// --bwlimit). The default is the option sync_bwlimit of the channel.
///
/// @param config  The configuration.
/// @param limit   "10M", or "10M,08:00-18:00=1M" with other limits for times of the day, or "off"
///                for no limit. If empty, the default is restored.
/// @param err     Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_set_bwlimit(
    config: *mut cyrsync_config,
    limit: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: as in cyrsync_config_set().
        let (config, limit) = unsafe { (exclusive(config)?, limit.text("limit")?) };
        config.overrides.bwlimit =
            if limit.is_empty() { None } else { Some(Bandwidth::parse(limit)?) };
        Ok(())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Excludes the users whose userids match a pattern (sync_client --exclude). Calls that replicate
/// single mailboxes also exclude mailboxes whose external names match. cyrsync_client_match_users()
/// describes patterns. Each call adds a pattern. At the end of a call that replicates, the action
/// callback receives one line with the number of excluded users and mailboxes, and names of some of
/// them.
///
/// Entries of a sync log cannot be excluded, because they would be lost. Therefore, while a pattern
/// is set, cyrsync_client_roll() and the functions that process or plan a log fail with
/// CYRSYNC_RESULT_INVALID_ARGUMENT.
///
/// @param config   The configuration.
/// @param pattern  The pattern. If empty, all patterns are removed.
/// @param err      Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_exclude(
    config: *mut cyrsync_config,
    pattern: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: as in cyrsync_config_set().
        let (config, pattern) = unsafe { (exclusive(config)?, pattern.bytes("pattern")?) };
        match pattern {
            [] => config.overrides.exclude.clear(),
            pattern => config.overrides.exclude.push(Pattern::new(pattern)?),
        }
        Ok(())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets how long clients created later wait for the lock of a user or mailbox. If another process
/// holds the lock for longer, replication of that user or mailbox fails with CYRSYNC_RESULT_LOCKED.
/// Locks of databases are held only for moments: the client always waits for them.
/// In cyrsync_client_roll() it is then retried later, and others are replicated meanwhile; for
/// this, 200 milliseconds are a good value.
///
/// @param config        The configuration.
/// @param milliseconds  The time limit in milliseconds. 0 does not wait. A negative number waits
///                      without a limit, which is the default.
/// @param err           Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_set_lock_patience(
    config: *mut cyrsync_config,
    milliseconds: i64,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires a configuration that no other thread uses.
        let overrides = unsafe { &mut exclusive(config)?.overrides };
        overrides.lock_patience = u64::try_from(milliseconds).ok().map(Duration::from_millis);
        Ok(())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets the callbacks of clients created later, and of cyrsync_config_check(). The library may call
/// the callbacks from several threads at once. The table is copied.
///
/// The library calls destroy once for each call of this function with the table, when neither the
/// configuration nor a client made from it uses the table: at once if a later call replaces a table
/// that no client uses, and in this call if it fails. Exception: if the size of the table is wrong,
/// or a member is set that this library does not know, destroy is never called. See "Userdata" at
/// the head of this header.
///
/// @param config     The configuration.
/// @param callbacks  The table. NULL removes the current callbacks.
/// @param err        Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_set_callbacks(
    config: *mut cyrsync_config,
    callbacks: *const cyrsync_callbacks,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        let table = if callbacks.is_null() {
            None
        } else {
            // SAFETY: not NULL; cyrsync.h requires a table whose size is set.
            let functions = unsafe { argument(callbacks, "callbacks") }?;
            Some(Arc::new(Callbacks::new(functions)))
        };
        // SAFETY: cyrsync.h requires NULL or a configuration that no other thread uses.
        unsafe { exclusive(config) }?.callbacks = table;
        Ok(())
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Frees a configuration. Clients that were made from it can still be used.
///
/// @param config  The configuration. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_free(config: *mut cyrsync_config) {
    boundary((), || {
        if !config.is_null() {
            // SAFETY: `config` is not NULL. cyrsync.h requires a configuration of this library that
            // is not freed yet.
            drop(unsafe { Box::from_raw(config) });
        }
    });
}
