//! The progress of a client, which any thread can read.

use std::fmt;
use std::sync::Arc;

use crate::run::tally::Tally;
use crate::status::ProgressSnapshot;

/// The progress of a client. Any thread can read it while the client works. It is made with
/// `Progress::from(&client)`.
///
/// ```
/// use cyrsync::Progress;
/// # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
/// # let (_spool, config) = recorded_master();
/// # let settings = cyrsync::Settings::resolve(&config, None, &Default::default())?;
/// # let mut client = cyrsync::Client::builder(settings).build()?;
/// let progress = Progress::from(&client);
/// std::thread::spawn(move || assert_eq!(progress.snapshot().users, 0)).join().unwrap();
/// # Ok::<(), cyrsync::Error>(())
/// ```
#[derive(Clone)]
pub struct Progress(pub(super) Arc<Tally>);

impl Progress {
    /// Returns the current progress.
    pub fn snapshot(&self) -> ProgressSnapshot {
        self.0.snapshot()
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.snapshot()).finish()
    }
}
