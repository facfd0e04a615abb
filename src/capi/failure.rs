//! Lets a host describe why one of its functions failed.

use super::panic::boundary;
use super::strings::cyrsync_str;

/// The description of a failure of a host's function. The library passes it to the function, which
/// may set it with cyrsync_failure_set(). It is valid only during the call of that function.
#[derive(Default)]
pub struct cyrsync_failure {
    pub(super) detail: String,
    pub(super) hint: String,
}

/// Describes why a function of the host fails. The texts are copied; bytes that are not UTF-8 are
/// replaced. The library uses the description only if the function then returns a failure.
///
/// @param failure  The pointer that the library passed to the host's function. If NULL, nothing is
///                 done.
/// @param detail   What went wrong.
/// @param hint     What a person can do about it. Empty if there is no advice.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyrsync_failure_set(
    failure: *mut cyrsync_failure,
    detail: cyrsync_str,
    hint: cyrsync_str,
) {
    boundary((), || {
        // SAFETY: cyrsync.h requires NULL or the failure that the host's function received, and
        // bytes that stay valid during the call.
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
