//! Records how far each attempt to connect has come.

use std::cell::RefCell;

use crate::error::Error;
use crate::replica::{Offered, Shown, Stage, Trust};

/// What the server's greeting says about the server.
#[derive(Debug, Clone)]
pub(super) struct Greeted {
    /// The protocol of the server: `imap` or csync.
    pub protocol: &'static str,
    /// The version of Cyrus, as the greeting has it.
    pub release: Option<String>,
    /// Major and minor version.
    pub version: Option<(u32, u32)>,
}

/// The choice of a login mechanism.
#[derive(Debug, Clone)]
pub(super) struct Mechanism {
    /// The mechanisms that the server offers.
    pub offered: Vec<String>,
    /// The chosen mechanism; `None` if no login is needed.
    pub chosen: Option<String>,
    /// Whether the password is sent over a network unencrypted.
    pub clear_password: bool,
}

/// The stages that an attempt on one port reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Attempt {
    /// The port; 0 for a UNIX socket.
    pub port: u16,
    /// The address of the server.
    pub connected: Option<String>,
    /// The server's certificate, as far as it was read.
    pub certificate: Option<Shown>,
    /// The kind of encryption, and whether the certificate was verified. `None` if the connection
    /// is not encrypted.
    pub encrypted: Option<(String, Trust)>,
    /// Set if the connection is used without encryption. The inner value is the server's reply to
    /// STARTTLS, if it refused that command.
    pub clear: Option<Option<String>>,
    /// What the server's greeting says. `None` before the greeting.
    pub greeted: Option<Greeted>,
    /// The choice of a login mechanism. `None` before this step.
    pub mechanism: Option<Mechanism>,
    /// Whether the login was accepted.
    pub logged_in: bool,
    /// The capabilities that the server offers after the login. `None` before the login.
    pub offered: Option<Offered>,
    /// Whether the connection is compressed. `None` if the attempt ended before this was decided.
    pub compressed: Option<bool>,
    /// The error that ended the attempt.
    pub error: Option<Error>,
}

impl Attempt {
    fn note(&mut self, stage: Stage) {
        match stage {
            Stage::Begun { port } => self.port = port,
            Stage::Connected { to } => self.connected = Some(to),
            Stage::Certificate(shown) => self.certificate = Some(shown),
            Stage::Encrypted { how, trust } => self.encrypted = Some((how, trust)),
            Stage::Clear { refused } => self.clear = Some(refused),
            Stage::Greeted { protocol, release, version } => {
                self.greeted = Some(Greeted { protocol, release, version });
            }
            Stage::Mechanism { offered, chosen, clear_password } => {
                self.mechanism = Some(Mechanism { offered, chosen, clear_password });
            }
            Stage::LoggedIn => self.logged_in = true,
            Stage::Offered(offered) => self.offered = Some(offered),
            Stage::Compressed(compressed) => self.compressed = Some(compressed),
            Stage::Failed(error) => self.error = Some(error),
        }
    }

    /// Returns the number of stages that the attempt has reached.
    fn depth(&self) -> usize {
        let stages = [
            self.connected.is_some(),
            self.certificate.is_some(),
            self.encrypted.is_some() || self.clear.is_some(),
            self.greeted.is_some(),
            self.mechanism.is_some(),
            self.logged_in,
            self.offered.is_some(),
            self.compressed.is_some(),
        ];
        stages.into_iter().filter(|reached| *reached).count()
    }
}

/// Collects the stages of all attempts, one attempt for each port.
#[derive(Debug, Default)]
pub(super) struct Attempts(RefCell<Vec<Attempt>>);

impl Attempts {
    /// Records a stage of the current attempt.
    pub fn note(&self, stage: Stage) {
        let mut all = self.0.borrow_mut();
        if matches!(stage, Stage::Begun { .. }) || all.is_empty() {
            all.push(Attempt::default());
        }
        if let Some(last) = all.last_mut() {
            last.note(stage);
        }
    }

    /// Returns the attempt that reached the most stages, and the other attempts. Returns `None` if
    /// there was no attempt.
    pub fn furthest(self) -> Option<(Attempt, Vec<Attempt>)> {
        let mut all = self.0.into_inner();
        // If several attempts reached equally many stages, take the first: a client also reports
        // the first failure.
        let depth = |at: &usize| (all.get(*at).map_or(0, Attempt::depth), usize::MAX - at);
        let best = (0..all.len()).max_by_key(depth)?;
        let best = all.remove(best);
        Some((best, all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn the_attempt_that_came_furthest_counts() {
        let attempts = Attempts::default();
        let failed = |what: &str| Stage::Failed(Error::new(Kind::Connect, "a", "b", what));
        attempts.note(Stage::Begun { port: 143 });
        attempts.note(failed("refused"));
        attempts.note(Stage::Begun { port: 2005 });
        attempts.note(Stage::Connected { to: "::1".to_owned() });
        attempts.note(failed("no greeting"));
        let (best, others) = attempts.furthest().unwrap();
        assert_eq!((best.port, best.error.unwrap().detail()), (2005, "no greeting"));
        assert_eq!(others.len(), 1);
        assert!(Attempts::default().furthest().is_none());

        let both = Attempts::default();
        both.note(Stage::Begun { port: 143 });
        both.note(Stage::Begun { port: 2005 });
        assert_eq!(both.furthest().unwrap().0.port, 143);
    }
}
