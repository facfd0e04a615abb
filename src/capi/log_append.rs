//! Appends entries to sync logs, as Cyrus's own programs do.

use super::config::cyrsync_config;
use super::error::{Failure, cyrsync_error, cyrsync_result, null_pointer};
use super::fallible::fallible;
use super::strings::{cyrsync_str, slice};
use crate::engine;

/// Appends entries to sync logs. The clients of these channels then replicate the users and
/// mailboxes that the entries name. Cyrus's programs call sync_log() for this, and scripts
/// cyr_synclog. The entries are written under Cyrus's own locks. A missing log directory is
/// created. All entries and channels are checked before anything is written. If a log cannot be
/// written, the logs of earlier channels already have the entries.
///
/// An entry is a word followed by one or two names. USER, UNUSER and META take a userid. MAILBOX,
/// APPEND, UNMAILBOX and ANNOTATION take the internal name of a mailbox; the empty name after
/// ANNOTATION stands for the server's annotations. QUOTA takes a quota root. These words take two
/// names: DOUBLEMAILBOX the mailboxes from which and to which messages were copied; RENAME the old
/// and the new name of a mailbox; SEEN a userid and the uniqueid of a mailbox; SUB and UNSUB a
/// userid and a mailbox. An empty name, and a name with blanks, parentheses, braces or double
/// quotes, must be in double quotes. Within them write a backslash before a double quote or a
/// backslash.
///
/// @param config         The configuration, which says where the logs are. It needs no sync_host.
/// @param channels       The channels. An empty name stands for the log without a channel. A
///                       channel that is not in the configuration fails with CYRSYNC_RESULT_CONFIG.
/// @param channel_count  The number of channels. If 0, the entries go to all channels that Cyrus's
///                       programs log to (sync_log_channels). Then the call fails with
///                       CYRSYNC_RESULT_CONFIG if sync_log is off.
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
        // SAFETY: cyrsync.h requires NULL or a configuration.
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
    // SAFETY: cyrsync.h requires NULL or a place for a pointer.
    unsafe { fallible(err, body) }
}
