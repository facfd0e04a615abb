//! Checks and copies the table of a host.

use std::ffi::c_void;
use std::sync::Arc;

use super::super::callbacks::Userdata;
use super::super::error::{Failure, cyrsync_result, misuse, null_pointer};
use super::super::sized::argument;
use super::functions::cyrsync_host;
use super::structs::CYRSYNC_HOST_VERSION;

/// The functions of a host, and the host's userdata.
pub(in crate::capi) struct Table {
    functions: cyrsync_host,
    userdata: Userdata,
}

// SAFETY: the table holds only functions, and a pointer that the library only passes to them: see
// `Userdata`. The header says which threads call the functions.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

macro_rules! required {
    ($table:expr, $($function:ident)*) => {
        $(if $table.$function.is_none() {
            return Err(null_pointer(concat!("host.", stringify!($function))));
        })*
    };
}

impl Table {
    /// Copies the table of a host. Fails if a required function is missing.
    ///
    /// # Safety
    /// `host` must be NULL or a table whose size member is its true size.
    pub(in crate::capi) unsafe fn new(host: *const cyrsync_host) -> Result<Arc<Table>, Failure> {
        // SAFETY: guaranteed by the caller (see `# Safety`). Functions that a host of an earlier
        // version does not have become `None`.
        let functions = unsafe { argument(host, "host") }?;
        // Made before the checks below, so that userdata is released if one of them fails.
        let userdata = Userdata::new(functions.userdata, functions.destroy);
        if functions.version != CYRSYNC_HOST_VERSION {
            let what = "its version is not set to CYRSYNC_HOST_VERSION";
            return Err(misuse(cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT, "host", what));
        }
        required!(functions, lookup lookup_by_id list_user list sync_lock sync_unlock open state
            scan mailbox_annotations message_annotations message_file unlock_index close
            annotations subscriptions seen quota sieve_scripts sieve_content used_modseq raclmodseq);
        Ok(Arc::new(Table { functions, userdata }))
    }

    pub(in crate::capi) fn userdata(&self) -> *mut c_void {
        self.userdata.pointer()
    }

    pub(in crate::capi) fn functions(&self) -> &cyrsync_host {
        &self.functions
    }
}
