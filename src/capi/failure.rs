//! How a host says what went wrong.

use super::panic::boundary;
use super::strings::cyrsync_str;

/// Where a function of the host says why it failed. It lives for that function's call.
#[derive(Default)]
pub struct cyrsync_failure {
    pub(super) detail: String,
    pub(super) hint: String,
}

/// Says why a function of the host failed. The texts are copied; bytes that are not UTF-8 are
/// replaced. Counts only if the function then answers with a failure.
///
/// @param failure  What the host's function was given. NULL is fine.
/// @param detail   What went wrong.
/// @param hint     What can be done about it. Empty if there is nothing to say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_failure_set(
    failure: *mut cyrsync_failure,
    detail: cyrsync_str,
    hint: cyrsync_str,
) {
    boundary((), || {
        // SAFETY: the header asks for NULL or what the host's function was given, and for bytes
        // that live through the call.
        unsafe {
            let Some(failure) = failure.as_mut() else { return };
            let text = |text: cyrsync_str| {
                text.bytes("text").map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            };
            failure.detail = text(detail).unwrap_or_default();
            failure.hint = text(hint).unwrap_or_default();
        }
    });
}
