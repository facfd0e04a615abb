//! What an exchange leaves.

use sasl2_sys::sasl::{sasl_callback_t, sasl_conn_t, sasl_dispose};

use super::callbacks::Answers;

/// What a connection of libsasl2 points into.
pub(super) struct Kept {
    pub(super) _callbacks: Box<[sasl_callback_t]>,
    pub(super) _answers: Box<Answers>,
}

/// A connection that nobody uses any more.
pub(super) struct Remains {
    pub(super) conn: *mut sasl_conn_t,
    /// Dropped after the connection was disposed of.
    pub(super) _kept: Option<Kept>,
}

// SAFETY: as of the exchange that it was; all that is done with it is to dispose of it.
unsafe impl Send for Remains {}

impl Remains {
    /// Disposes of it.
    ///
    /// # Safety
    /// It must be the caller's turn.
    pub(super) unsafe fn dispose(mut self) {
        // SAFETY: the connection is alive and no exchange has it any more; the rest is the
        // caller's promise.
        unsafe { sasl_dispose(&mut self.conn) };
    }
}
