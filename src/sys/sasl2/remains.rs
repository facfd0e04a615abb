//! The remains of an exchange: a libsasl2 connection that still has to be freed.

use sasl2_sys::sasl::{sasl_callback_t, sasl_conn_t, sasl_dispose};

use super::callbacks::Answers;

/// The data to which a libsasl2 connection points.
pub(super) struct Kept {
    pub(super) _callbacks: Box<[sasl_callback_t]>,
    pub(super) _answers: Box<Answers>,
}

/// A libsasl2 connection that no exchange uses any longer.
pub(super) struct Remains {
    pub(super) conn: *mut sasl_conn_t,
    /// Must be freed after the connection.
    pub(super) _kept: Option<Kept>,
}

// SAFETY: as for `Exchange`. The only operation is to free the connection.
unsafe impl Send for Remains {}

impl Remains {
    /// Frees the connection.
    ///
    /// # Safety
    /// The caller must hold the [turn](super::Turn).
    pub(super) unsafe fn dispose(mut self) {
        // SAFETY: the connection is valid, and no exchange uses it. The caller holds the turn.
        unsafe { sasl_dispose(&mut self.conn) };
    }
}
