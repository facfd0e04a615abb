//! Data that a later Cyrus wrote and that is not known here: it is passed over, but not silently.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::events::{Observer, StoreEvent};

/// Kinds of such data that are reported.
const MOST: usize = 64;

/// Reports each kind of such data once.
pub struct Unknown {
    observer: Arc<dyn Observer>,
    reported: Mutex<BTreeSet<(&'static str, Vec<u8>)>>,
}

impl Unknown {
    /// Reports to `observer`.
    pub fn new(observer: Arc<dyn Observer>) -> Unknown {
        Unknown { observer, reported: Mutex::default() }
    }

    /// Reports what `place` holds, unless that was done: a letter, the beginning of a key.
    pub fn report(&self, place: &'static str, what: &[u8]) {
        let mut reported = self.reported.lock();
        if reported.len() < MOST && reported.insert((place, what.to_vec())) {
            drop(reported);
            let (place, data) = (place.to_owned(), what.escape_ascii().to_string());
            self.observer.event(&StoreEvent::UnknownData { place, data }.into());
        }
    }

    /// The same for each of some letters.
    pub fn report_letters(&self, place: &'static str, letters: &[u8]) {
        letters.chunks(1).for_each(|letter| self.report(place, letter));
    }
}
