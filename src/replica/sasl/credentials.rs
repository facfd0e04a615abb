//! Who to log in as.

use zeroize::Zeroizing;

/// Who to log in as. The password is overwritten in memory when this is dropped.
#[derive(Clone, Default)]
pub struct Credentials {
    /// `sync_authname`: who proves to be whom.
    pub authname: Option<String>,
    /// `sync_password`.
    pub password: Option<Zeroizing<String>>,
    /// `sync_realm`, where a mechanism knows realms.
    pub realm: Option<String>,
    /// `sync_authzid`: who to act as; the same as `authname` if not set.
    pub authzid: Option<String>,
    /// `<host>_mechs` or `force_sasl_client_mech`: use one of these mechanisms and no other.
    pub mechanisms: Option<String>,
    /// `sync_allowplaintext`: whether a password may be sent as it is over a network that is not
    /// encrypted.
    pub plaintext: bool,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("authname", &self.authname)
            .field("realm", &self.realm)
            .field("authzid", &self.authzid)
            .field("mechanisms", &self.mechanisms)
            .finish_non_exhaustive()
    }
}
