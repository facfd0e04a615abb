//! Appends entries to sync logs, as Cyrus's own programs do.

use super::config::cyrsync_config;
use super::error::{Failure, cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::fallible;
use super::strings::{cyrsync_str, slice};
use crate::engine;

/// Appends entries to sync logs. Clients that run cyrsync_client_roll() on these channels then
/// replicate the users and mailboxes that the entries name. In Cyrus, the function sync_log() and
/// the program cyr_synclog do the same. The entries are written under Cyrus's own locks. A missing
/// log directory is created. All entries and channels are checked before anything is written. If
/// one log cannot be written, the logs of the channels before it already have the entries.
///
/// An entry is a word and one or two names:
///
/// - USER, UNUSER, META: a userid.
/// - MAILBOX, APPEND, UNMAILBOX, ANNOTATION: the internal name of a mailbox. An empty name after
///   ANNOTATION stands for the server's annotations.
/// - QUOTA: a quota root.
/// - DOUBLEMAILBOX: the mailboxes from which and to which messages were copied.
/// - RENAME: the old and the new internal name of a mailbox.
/// - SEEN: a userid and the uniqueid of a mailbox.
/// - SUB, UNSUB: a userid and the internal name of a mailbox.
///
/// A name must be in double quotes if it is empty or contains blanks, parentheses, braces or double
/// quotes. Within the quotes, write a backslash before each double quote and each backslash.
///
/// @param config         The configuration, which determines where the logs are. It needs no
///                       sync_host.
/// @param channels       The names of the channels. An empty name stands for the log without a
///                       channel. If a channel is not in the configuration, the call fails with
///                       CYRSYNC_RESULT_CONFIG.
/// @param channel_count  The number of channels. If 0, the entries go to all channels that Cyrus's
///                       programs log to (sync_log_channels). If sync_log is off, the call then
///                       fails with CYRSYNC_RESULT_CONFIG.
/// @param entries        The entries, one per line: "MAILBOX user.fred". A line feed after the last
///                       entry is optional.
/// @param err            Set to the error on failure. May be NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cyrsync_log_append(
    config: *const cyrsync_config,
    channels: *const cyrsync_str,
    channel_count: usize,
    entries: cyrsync_str,
    err: *mut *mut cyrsync_error,
) -> cyrsync_result {
    let body = || {
        // SAFETY: cyrsync.h requires `config` to be NULL or a valid configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        // SAFETY: cyrsync.h requires an array of strings that stay valid during the call.
        let channels = unsafe { slice(channels, channel_count, "channels") }?;
        // SAFETY: as above.
        let names = channels.iter().map(|channel| unsafe { channel.text("channels") });
        let names: Vec<&str> = names.collect::<Result<_, Failure>>()?;
        // SAFETY: cyrsync.h requires bytes that stay valid during the call.
        let entries = engine::log_entries(unsafe { entries.bytes("entries") }?)?;
        Ok(engine::log_append(&config.config, &names, &entries)?)
    };
    // SAFETY: cyrsync.h requires `err` to be NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}
