//! Reads configurations and sets what `sync_client` takes from its command line.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

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
/// fails at once with CYRSYNC_RESULT_LOCKED.
pub const CYRSYNC_FLAG_SKIP_LOCKED: u32 = 2;
/// Change nothing on this server (sync_client -O).
pub const CYRSYNC_FLAG_NO_COPYBACK: u32 = 4;
/// Make the replica receive messages on its archive partition (sync_client -a).
pub const CYRSYNC_FLAG_ARCHIVE: u32 = 8;
/// Fail if the connection cannot be compressed (sync_client -z).
pub const CYRSYNC_FLAG_REQUIRE_COMPRESS: u32 = 16;

/// Pass whole messages to the traffic callback (sync_client -v -v -v).
pub const CYRSYNC_FLAG_WHOLE_MESSAGES: u32 = 32;
/// Allow repairs to make changes on this server that they refuse otherwise, and to delete on the
/// replica what is missing here (sync_client --allow-repair all).
pub const CYRSYNC_FLAG_ALLOW_REPAIR: u32 = 64;
/// Allow changes on this server even if sync_no_copyback forbids them (sync_client --copyback).
pub const CYRSYNC_FLAG_COPYBACK: u32 = 128;

const ALL_FLAGS: u32 = CYRSYNC_FLAG_LOCAL_ONLY
    | CYRSYNC_FLAG_SKIP_LOCKED
    | CYRSYNC_FLAG_NO_COPYBACK
    | CYRSYNC_FLAG_ARCHIVE
    | CYRSYNC_FLAG_REQUIRE_COMPRESS
    | CYRSYNC_FLAG_WHOLE_MESSAGES
    | CYRSYNC_FLAG_ALLOW_REPAIR
    | CYRSYNC_FLAG_COPYBACK;

/// A configuration: the options of imapd.conf, the settings of the program, and its callbacks. Free
/// it with cyrsync_config_free().
pub struct cyrsync_config {
    pub(super) config: Config,
    /// Empty for none.
    channel: String,
    overrides: Overrides,
    pub(super) callbacks: Option<Arc<Callbacks>>,
    whole_messages: bool,
}

impl cyrsync_config {
    /// Returns the settings that result from the file and the program's choices.
    pub(super) fn settings(&self) -> crate::Result<Settings> {
        Settings::resolve(&self.config, self.channel(), &self.overrides)
    }

    /// Returns the channel; `None` if no channel was set.
    pub(super) fn channel(&self) -> Option<&str> {
        Some(self.channel.as_str()).filter(|channel| !channel.is_empty())
    }

    /// Returns the listeners for a client that is made now: they call the program's callbacks.
    pub(super) fn listeners(&self, cancel: Cancel) -> Listeners {
        Listeners::new(self.callbacks.clone(), self.whole_messages, cancel)
    }

    /// Returns the program's settings, which take precedence over the file.
    pub(super) fn overrides(&self) -> &Overrides {
        &self.overrides
    }
}

/// Returns the configuration that C passes, for a change.
///
/// # Safety
/// `config` must be NULL or a configuration that nothing else uses during `'a`.
pub(super) unsafe fn exclusive<'a>(
    config: *mut cyrsync_config,
) -> Result<&'a mut cyrsync_config, Failure> {
    // SAFETY: the caller's promise.
    unsafe { config.as_mut() }.ok_or_else(|| null_pointer("config"))
}

/// Reads an imapd.conf.
///
/// @param path  The path of the file. Empty for the default one.
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
        // SAFETY: cyrsync.h requires NULL or a place for a pointer.
        unsafe { hand_out(out, || Config::load(path)) }
    };
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Reads a configuration from memory. cyrsync_config_set() can add options later. With such a
/// configuration only a client with a host store can make the changes of a repair on this server:
/// without a host store Cyrus's sync_server makes them, and it needs a configuration file.
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
        // SAFETY: cyrsync.h requires NULL or a place for a pointer.
        unsafe { hand_out(out, || Config::from_text(text, "imapd.conf")) }
    };
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
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
    };
    // SAFETY: not NULL, else the caller's promise.
    unsafe { out.write(Box::into_raw(Box::new(config))) };
    Ok(())
}

/// Sets an option of imapd.conf and replaces the value from the file. The value is checked.
///
/// @param config  The configuration.
/// @param name    The name of the option, such as "sync_host".
/// @param value   Its value.
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
        // SAFETY: cyrsync.h requires a configuration of the caller's own, and bytes that stay
        // valid during the call.
        let (config, name, value) =
            unsafe { (exclusive(config)?, name.text("name")?, value.text("value")?) };
        Ok(config.config.set(name, value)?)
    };
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Uses the options of a channel (sync_client -n). By default no channel is set.
///
/// @param config   The configuration.
/// @param channel  The channel. Empty for none.
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
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets the replica (sync_client -S). The default is sync_host of the channel.
///
/// @param config  The configuration.
/// @param server  A host, host:port, or the path of a UNIX socket. If empty, sync_host of the
///                channel is used again.
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
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Puts all mailboxes on one partition of the replica (sync_client -p).
///
/// @param config     The configuration.
/// @param partition  The name of the partition. If empty, each mailbox is on the partition of the
///                   same name as here, which is the default.
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
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets the flags. Flags that are not given are cleared. By default no flag is set.
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
        // SAFETY: cyrsync.h requires a configuration of the caller's own.
        let config = unsafe { exclusive(config)? };
        let overrides = &mut config.overrides;
        let unknown = flags & !ALL_FLAGS;
        if unknown != 0 {
            let result = cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT;
            return Err(misuse(result, "flags", format!("{unknown:#x} is no flag")));
        }
        let has = |flag| flags & flag != 0;
        overrides.local_only = has(CYRSYNC_FLAG_LOCAL_ONLY);
        overrides.skip_locked = has(CYRSYNC_FLAG_SKIP_LOCKED);
        overrides.no_copyback = has(CYRSYNC_FLAG_NO_COPYBACK);
        overrides.copyback = has(CYRSYNC_FLAG_COPYBACK);
        overrides.allow_repair =
            if has(CYRSYNC_FLAG_ALLOW_REPAIR) { AllowRepair::ALL } else { AllowRepair::default() };
        overrides.stage_to_archive = has(CYRSYNC_FLAG_ARCHIVE);
        overrides.require_compression = has(CYRSYNC_FLAG_REQUIRE_COMPRESS);
        config.whole_messages = has(CYRSYNC_FLAG_WHOLE_MESSAGES);
        Ok(())
    };
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Limits the bytes per second that a client sends over all its connections together (sync_client
/// --bwlimit).
///
/// @param config  The configuration.
/// @param limit   "10M", or "10M,08:00-18:00=1M" with other rates for times of the day, or "off".
///                If empty, sync_bwlimit of the channel is used again, which is the default.
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
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Excludes the users whose userids match a pattern (sync_client --exclude). Calls that replicate
/// single mailboxes exclude the mailboxes whose external names match. cyrsync_client_match_users()
/// describes patterns. Each call adds a pattern. The action callback receives one line at the end
/// that names what was excluded. Entries of a sync log cannot be excluded, because they would be
/// lost: with a pattern set, cyrsync_client_roll() and the functions that process or plan a log
/// fail with CYRSYNC_RESULT_INVALID_ARGUMENT.
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
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets how long clients created later wait for the lock of a user or mailbox. If another process
/// holds the lock for longer, replication of that user or mailbox fails with CYRSYNC_RESULT_LOCKED.
/// cyrsync_client_roll() defers it and goes on; 200 is a good value for it.
///
/// @param config        The configuration.
/// @param milliseconds  The time limit. If negative, wait without a limit, which is the default.
/// @param err           Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_config_set_lock_patience(
    config: *mut cyrsync_config,
    milliseconds: i64,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires a configuration of the caller's own.
        let overrides = unsafe { &mut exclusive(config)?.overrides };
        overrides.lock_patience = u64::try_from(milliseconds).ok().map(Duration::from_millis);
        Ok(())
    };
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets the callbacks of clients created later and of cyrsync_config_check(). Several threads may
/// call them at once. The table is copied. Its destroy function is called when neither the
/// configuration nor a client uses userdata any more: for a table that a later call replaces, at
/// once if no client uses it. If this call fails, destroy is called at once, with one exception: if
/// the size of the table, or a member that this library does not know, is refused, destroy is never
/// called, and the program releases userdata itself.
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
        // SAFETY: cyrsync.h requires NULL or a configuration of the caller's own.
        unsafe { exclusive(config) }?.callbacks = table;
        Ok(())
    };
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Frees a configuration. Clients that were made from it can still be used.
///
/// @param config  The configuration. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_free(config: *mut cyrsync_config) {
    boundary((), || {
        if !config.is_null() {
            // SAFETY: not NULL, so it came from cyrsync_config_load() and is not freed yet.
            drop(unsafe { Box::from_raw(config) });
        }
    });
}
