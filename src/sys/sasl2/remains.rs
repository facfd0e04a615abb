//! The parts of an exchange that are still to be freed.

use sasl2_sys::sasl::{sasl_callback_t, sasl_conn_t, sasl_dispose};

use super::callbacks::Answers;

/// The data that a libsasl2 connection points to.
pub(super) struct Kept {
    pub(super) _callbacks: Box<[sasl_callback_t]>,
    pub(super) _answers: Box<Answers>,
}

/// A libsasl2 connection that is no longer used.
pub(super) struct Remains {
    pub(super) conn: *mut sasl_conn_t,
    /// Dropped after the connection has been disposed of.
    pub(super) _kept: Option<Kept>,
}

// SAFETY: like for the exchange; the only remaining operation is to dispose of it.
unsafe impl Send for Remains {}

impl Remains {
    /// Disposes of the connection.
    ///
    /// # Safety
    /// The caller must hold the turn.
    pub(super) unsafe fn dispose(mut self) {
        // SAFETY: the connection is alive and no exchange uses it any more. The caller guarantees
        // the rest.
        unsafe { sasl_dispose(&mut self.conn) };
    }
}
