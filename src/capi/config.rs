//! A configuration, with what `sync_client` takes from its command line.

use std::ffi::{OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use super::callbacks::{
    Listener, Listeners, Userdata, cyrsync_action_callback, cyrsync_destroy_callback,
    cyrsync_log_callback, cyrsync_traffic_callback, cyrsync_unreachable_callback,
};
use super::error::{Failure, cyrsync_error, cyrsync_result, misuse, null_pointer};
use super::fallible::fallible;
use super::panic::boundary;
use super::strings::cyrsync_str;
use crate::config::{Config, DEFAULT_PATH};
use crate::settings::{AllowRepair, Bandwidth, Overrides, Settings};
use crate::types::{Pattern, Text};

/// Change no mupdate server (sync_client -L).
pub const CYRSYNC_FLAG_LOCAL_ONLY: u32 = 1;
/// Do not wait for users that somebody else is replicating (sync_client -N).
pub const CYRSYNC_FLAG_SKIP_LOCKED: u32 = 2;
/// Change nothing on this server (sync_client -O).
pub const CYRSYNC_FLAG_NO_COPYBACK: u32 = 4;
/// Let the replica receive messages on its archive partition (sync_client -a).
pub const CYRSYNC_FLAG_ARCHIVE: u32 = 8;
/// Give up unless the connection is compressed (sync_client -z).
pub const CYRSYNC_FLAG_REQUIRE_COMPRESS: u32 = 16;

/// Show the traffic with the messages in it (sync_client -v -v -v).
pub const CYRSYNC_FLAG_WHOLE_MESSAGES: u32 = 32;
/// Let repairs do to this server what they otherwise refuse, and delete on the replica what is only
/// missing here (sync_client --allow-repair all).
pub const CYRSYNC_FLAG_ALLOW_REPAIR: u32 = 64;
/// Change this server even if sync_no_copyback says not to (sync_client --copyback).
pub const CYRSYNC_FLAG_COPYBACK: u32 = 128;

const ALL_FLAGS: u32 = CYRSYNC_FLAG_LOCAL_ONLY
    | CYRSYNC_FLAG_SKIP_LOCKED
    | CYRSYNC_FLAG_NO_COPYBACK
    | CYRSYNC_FLAG_ARCHIVE
    | CYRSYNC_FLAG_REQUIRE_COMPRESS
    | CYRSYNC_FLAG_WHOLE_MESSAGES
    | CYRSYNC_FLAG_ALLOW_REPAIR
    | CYRSYNC_FLAG_COPYBACK;

/// A configuration: imapd.conf, choices, callbacks. Free it with cyrsync_config_free().
pub struct cyrsync_config {
    pub(super) config: Config,
    /// Empty for none.
    channel: String,
    overrides: Overrides,
    pub(super) listeners: Listeners,
    pub(super) whole_messages: bool,
}

impl cyrsync_config {
    /// What all that was set makes together.
    pub(super) fn settings(&self) -> crate::Result<Settings> {
        Settings::resolve(&self.config, self.channel(), &self.overrides)
    }

    /// The channel, if one was set.
    pub(super) fn channel(&self) -> Option<&str> {
        Some(self.channel.as_str()).filter(|channel| !channel.is_empty())
    }

    /// What was chosen over the file.
    pub(super) fn overrides(&self) -> &Overrides {
        &self.overrides
    }
}

/// The configuration that C passes, to be changed.
///
/// # Safety
/// `config` must be NULL or a configuration that nobody else uses meanwhile.
pub(super) unsafe fn exclusive<'a>(
    config: *mut cyrsync_config,
) -> Result<&'a mut cyrsync_config, Failure> {
    // SAFETY: the caller's promise.
    unsafe { config.as_mut() }.ok_or_else(|| null_pointer("config"))
}

/// Reads an imapd.conf; if path is empty, the default one. *out is set on success.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_load(
    path: cyrsync_str,
    out: *mut *mut cyrsync_config,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: the header asks for bytes that live through the call.
        let path = match unsafe { path.bytes("path") }? {
            [] => OsStr::new(DEFAULT_PATH),
            path => OsStr::from_bytes(path),
        };
        // SAFETY: the header asks for NULL or a place for a pointer.
        unsafe { hand_out(out, || Config::load(path)) }
    };
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Reads a configuration that is in memory: the text of an imapd.conf, "configdirectory: /var/imap"
/// at the least. The rest can be set by cyrsync_config_set(). Only a client with a host store can
/// repair mailboxes with such a configuration. *out is set on success.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_parse(
    text: cyrsync_str,
    out: *mut *mut cyrsync_config,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: the header asks for bytes that live through the call.
        let text = unsafe { text.bytes("text") }?;
        // SAFETY: the header asks for NULL or a place for a pointer.
        unsafe { hand_out(out, || Config::from_text(text, "imapd.conf")) }
    };
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Makes a configuration's handle.
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
        listeners: Listeners::default(),
        whole_messages: false,
    };
    // SAFETY: not NULL, else the caller's promise.
    unsafe { out.write(Box::into_raw(Box::new(config))) };
    Ok(())
}

/// Sets an option of imapd.conf over what the file says, such as "sync_host". The value is
/// checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_set(
    config: *mut cyrsync_config,
    name: cyrsync_str,
    value: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: the header asks for a configuration of the caller's own, and for bytes that
        // live through the call.
        let (config, name, value) =
            unsafe { (exclusive(config)?, name.text("name")?, value.text("value")?) };
        Ok(config.config.set(name, value)?)
    };
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Uses the options of a channel (sync_client -n); of none if channel is empty.
#[unsafe(no_mangle)]
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
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Chooses the replica (sync_client -S): host, host:port, or the path of a UNIX socket. If server
/// is empty it is sync_host of the channel again.
#[unsafe(no_mangle)]
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
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Chooses the partition on the replica (sync_client -p); the same as here if partition is empty.
#[unsafe(no_mangle)]
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
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets which of the CYRSYNC_FLAG_ constants hold, put together with |. The others do not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_set_flags(
    config: *mut cyrsync_config,
    flags: u32,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: the header asks for a configuration of the caller's own.
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
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets how many bytes a second a client sends at most, over all its connections together
/// (sync_client --bwlimit): "10M", or "10M,08:00-18:00=1M" with other rates for times of the day, or
/// "off". If limit is empty it is sync_bwlimit of the channel again.
#[unsafe(no_mangle)]
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
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Leaves out users whose userids match pattern, and where mailboxes are replicated by themselves
/// those whose external names match (sync_client --exclude; cyrsync_client_match_users() says what
/// matches). Each call adds a pattern; if pattern is empty, nothing is left out any more. The action
/// callback receives what was left out, in one line at the end. What a sync log says cannot be left
/// out, for it would be lost: cyrsync_client_roll() and the functions that process or plan a log
/// fail with CYRSYNC_RESULT_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
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
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// How long clients that are made from now on wait for locks of users and mailboxes, in
/// milliseconds; if negative, as at first, as long as it takes. What is locked for longer fails
/// with CYRSYNC_RESULT_LOCKED; cyrsync_client_roll() leaves it for later and goes on, and 200 is a
/// good value for it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_set_lock_patience(
    config: *mut cyrsync_config,
    milliseconds: i64,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: the header asks for a configuration of the caller's own.
        let overrides = unsafe { &mut exclusive(config)?.overrides };
        overrides.lock_patience = u64::try_from(milliseconds).ok().map(Duration::from_millis);
        Ok(())
    };
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}

/// Sets one of the listeners of a configuration; none if `function` is.
///
/// # Safety
/// As for [`exclusive`] and [`fallible`].
pub(super) unsafe fn set_listener<F>(
    config: *mut cyrsync_config,
    function: Option<F>,
    (userdata, destroy): (*mut c_void, cyrsync_destroy_callback),
    err: *mut *mut cyrsync_error,
    listener: fn(&mut Listeners) -> &mut Option<Arc<Listener<F>>>,
) -> cyrsync_result {
    let body = || {
        let userdata = Userdata::new(userdata, destroy);
        // SAFETY: the caller's promise.
        let listeners = unsafe { &mut exclusive(config)?.listeners };
        *listener(listeners) = function.map(|function| Arc::new(Listener { function, userdata }));
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { fallible(err, body) }
}

/// Who hears log lines of the clients that are made from now on; nobody if callback is NULL. It
/// may be called from several threads at once. Destroy, unless NULL, is called once userdata is
/// not used any more: at once if this call fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_set_log(
    config: *mut cyrsync_config,
    callback: cyrsync_log_callback,
    userdata: *mut c_void,
    destroy: cyrsync_destroy_callback,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    // SAFETY: the header asks for what `set_listener` asks for.
    unsafe { set_listener(config, callback, (userdata, destroy), err, |all| &mut all.log) }
}

/// Who hears what the clients do that are made from now on; nobody if callback is NULL. As
/// cyrsync_config_set_log() in all else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_set_action(
    config: *mut cyrsync_config,
    callback: cyrsync_action_callback,
    userdata: *mut c_void,
    destroy: cyrsync_destroy_callback,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    // SAFETY: the header asks for what `set_listener` asks for.
    unsafe { set_listener(config, callback, (userdata, destroy), err, |all| &mut all.action) }
}

/// Who is shown the traffic of the clients that are made from now on, as sync_client -v -v shows
/// it; nobody if callback is NULL. As cyrsync_config_set_log() in all else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_set_traffic(
    config: *mut cyrsync_config,
    callback: cyrsync_traffic_callback,
    userdata: *mut c_void,
    destroy: cyrsync_destroy_callback,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    // SAFETY: the header asks for what `set_listener` asks for.
    unsafe { set_listener(config, callback, (userdata, destroy), err, |all| &mut all.traffic) }
}

/// Who hears that the replica cannot be reached, from clients that are made from now on and try
/// again by themselves (cyrsync_client_roll()); nobody if callback is NULL. As
/// cyrsync_config_set_log() in all else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_set_unreachable(
    config: *mut cyrsync_config,
    callback: cyrsync_unreachable_callback,
    userdata: *mut c_void,
    destroy: cyrsync_destroy_callback,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    // SAFETY: the header asks for what `set_listener` asks for.
    unsafe { set_listener(config, callback, (userdata, destroy), err, |all| &mut all.unreachable) }
}

/// Frees a configuration. Clients that were made from it live on. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_config_free(config: *mut cyrsync_config) {
    boundary((), || {
        if !config.is_null() {
            // SAFETY: not NULL, so it came from cyrsync_config_load() and is not freed yet.
            drop(unsafe { Box::from_raw(config) });
        }
    });
}
