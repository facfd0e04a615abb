//! Appends entries to sync logs, as Cyrus's own programs do.

use super::config::cyrsync_config;
use super::error::{Failure, cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::fallible;
use super::strings::{cyrsync_str, slice};
use crate::engine;

/// Appends entries to sync logs. The clients of these channels then replicate the users and
/// mailboxes that the entries name. Cyrus's programs call sync_log() for this, and scripts
/// cyr_synclog. The entries are written under Cyrus's own locks. A missing log directory is
/// created. An entry is a word followed by one or two names. The words are USER, UNUSER, META,
/// MAILBOX, APPEND, DOUBLEMAILBOX, RENAME, UNMAILBOX, QUOTA, ANNOTATION, SEEN, SUB and UNSUB. A
/// name with blanks or quotes must be in double quotes. All entries and channels are checked before
/// anything is written. If a log cannot be written, the logs of earlier channels already have the
/// entries.
///
/// @param config         The configuration, which says where the logs are. It needs no sync_host.
/// @param channels       The channels. An empty name stands for the log without a channel. A
///                       channel that is not in the configuration fails with CYRSYNC_RESULT_CONFIG.
/// @param channel_count  The number of channels. If 0, the entries go to all channels that Cyrus's
///                       programs log to (sync_log_channels). Then the call fails with
///                       CYRSYNC_RESULT_CONFIG if sync_log is off.
/// @param entries        The entries, one per line: "MAILBOX user.fred".
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
        // SAFETY: the header asks for NULL or a configuration.
        let config = unsafe { config.as_ref() }.ok_or_else(|| null_pointer("config"))?;
        // SAFETY: the header asks for an array of strings that live through the call.
        let channels = unsafe { slice(channels, channel_count, "channels") }?;
        // SAFETY: as above.
        let names = channels.iter().map(|channel| unsafe { channel.text("channels") });
        let names: Vec<&str> = names.collect::<Result<_, Failure>>()?;
        // SAFETY: the header asks for bytes that live through the call.
        let entries = engine::log_entries(unsafe { entries.bytes("entries") }?)?;
        Ok(engine::log_append(&config.config, &names, &entries)?)
    };
    // SAFETY: the header asks for NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}
