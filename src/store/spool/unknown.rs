//! Reports data that a later Cyrus wrote and that this program does not know. Readers skip such
//! data.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::events::{Observer, StoreEvent};

/// The maximum number of reports, to limit the memory.
const MOST: usize = 64;

/// Reports each kind of unknown data once.
pub struct Unknown {
    observer: Arc<dyn Observer>,
    reported: Mutex<BTreeSet<(&'static str, Vec<u8>)>>,
}

impl Unknown {
    /// Creates a reporter that sends events to `observer`.
    pub fn new(observer: Arc<dyn Observer>) -> Unknown {
        Unknown { observer, reported: Mutex::default() }
    }

    /// Reports unknown data, unless the same was reported before. `place` names the file or
    /// database. `what` is the letter of a field, or the first bytes of a key.
    pub fn report(&self, place: &'static str, what: &[u8]) {
        let mut reported = self.reported.lock();
        if reported.len() < MOST && reported.insert((place, what.to_vec())) {
            drop(reported);
            let (place, data) = (place.to_owned(), what.escape_ascii().to_string());
            self.observer.event(&StoreEvent::UnknownData { place, data }.into());
        }
    }

    /// Reports each byte of `letters` separately; see [`Unknown::report`].
    pub fn report_letters(&self, place: &'static str, letters: &[u8]) {
        letters.chunks(1).for_each(|letter| self.report(place, letter));
    }
}
