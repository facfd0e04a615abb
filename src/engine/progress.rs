//! The progress of a client, for any thread.

use std::fmt;
use std::sync::Arc;

use crate::run::tally::Tally;
use crate::status::Reached;

/// Reports the progress of a client to any thread, while the client works:
/// `Progress::from(&client)`.
///
/// ```
/// use cyrsync::Progress;
/// # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
/// # let (_spool, config) = recorded_master();
/// # let settings = cyrsync::Settings::resolve(&config, None, &Default::default())?;
/// # let mut client =
/// #     cyrsync::Client::new(settings, Default::default(), std::sync::Arc::new(cyrsync::Silent))?;
/// let progress = Progress::from(&client);
/// std::thread::spawn(move || assert_eq!(progress.reached().users, 0)).join().unwrap();
/// # Ok::<(), cyrsync::Error>(())
/// ```
#[derive(Clone)]
pub struct Progress(pub(super) Arc<Tally>);

impl Progress {
    /// Returns the present progress.
    pub fn reached(&self) -> Reached {
        self.0.reached()
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.reached()).finish()
    }
}
