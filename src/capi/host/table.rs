//! The table that C gives, checked and copied.

use std::ffi::c_void;
use std::mem::{MaybeUninit, offset_of};
use std::sync::Arc;

use super::super::callbacks::Userdata;
use super::super::error::{Failure, cyrsync_result, misuse, null_pointer};
use super::functions::cyrsync_host;
use super::structs::CYRSYNC_HOST_VERSION;

/// What the first version of the table had.
const FIRST_SIZE: usize = offset_of!(cyrsync_host, list_bytes);

/// The host's table, and its data.
pub(in crate::capi) struct Table {
    functions: cyrsync_host,
    userdata: Userdata,
}

// SAFETY: what is in the table are functions, and a pointer that is only passed to them: see
// `Userdata`. The header says from which threads they are called.
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
    /// Copies the table that C gives.
    ///
    /// # Safety
    /// `host` must be NULL or a table whose size member tells its size truly.
    pub(in crate::capi) unsafe fn new(host: *const cyrsync_host) -> Result<Arc<Table>, Failure> {
        if host.is_null() {
            return Err(null_pointer("host"));
        }
        let wrong = |what| misuse(cyrsync_result::CYRSYNC_RESULT_INVALID_ARGUMENT, "host", what);
        // SAFETY: not NULL, and the size is the first member of every version.
        let size = unsafe { host.cast::<usize>().read() };
        if size < FIRST_SIZE {
            return Err(wrong("its size is not set to sizeof(struct cyrsync_host)"));
        }
        let mut functions = MaybeUninit::<cyrsync_host>::zeroed();
        let known = size.min(size_of::<cyrsync_host>());
        // SAFETY: it is as large as it says, and no more is copied than there is room for.
        unsafe { functions.as_mut_ptr().cast::<u8>().copy_from(host.cast(), known) };
        // SAFETY: zeros stand for what a host of an earlier version lacks: no function.
        let functions = unsafe { functions.assume_init() };
        // Given back whatever follows.
        let userdata = Userdata::new(functions.userdata, functions.destroy);
        if functions.version != CYRSYNC_HOST_VERSION {
            return Err(wrong("its version is not set to CYRSYNC_HOST_VERSION"));
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
