//! Simple mechanisms: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195) and EXTERNAL (RFC 4422, appendix
//! A).

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use zeroize::Zeroizing;

use super::mechanism::{Mechanism, Response};

/// User name and password, and the user to act as (`authzid`).
#[derive(Clone, Default)]
pub struct Login {
    pub authname: String,
    pub password: Zeroizing<String>,
    pub authzid: String,
}

/// PLAIN: sends names and password in one response, without protection.
pub struct Plain(pub Login);

impl Mechanism for Plain {
    fn name(&self) -> &str {
        "PLAIN"
    }

    fn sends_password(&self) -> bool {
        true
    }

    fn initial(&mut self) -> Result<Option<Response>, String> {
        let Login { authname, password, authzid } = &self.0;
        if [authname.as_str(), password, authzid].iter().any(|part| part.contains('\0')) {
            return Err("a name or password holds a NUL".into());
        }
        let parts = [authzid.as_bytes(), authname.as_bytes(), password.as_bytes()];
        Ok(Some(Zeroizing::new(parts.join(&0))))
    }

    fn step(&mut self, _: &[u8]) -> Result<Response, String> {
        Err("it continues after the last step of PLAIN".into())
    }

    fn is_done(&self) -> bool {
        true
    }
}

/// LOGIN: answers the first challenge with the user name and the second one with the password. The
/// texts of the challenges are ignored.
pub struct LoginMechanism {
    login: Login,
    steps: usize,
}

impl LoginMechanism {
    pub fn new(login: Login) -> Self {
        LoginMechanism { login, steps: 0 }
    }
}

impl Mechanism for LoginMechanism {
    fn name(&self) -> &str {
        "LOGIN"
    }

    fn sends_password(&self) -> bool {
        true
    }

    fn step(&mut self, _: &[u8]) -> Result<Response, String> {
        self.steps += 1;
        match self.steps {
            1 => Ok(Zeroizing::new(self.login.authname.clone().into_bytes())),
            2 => Ok(Zeroizing::new(self.login.password.as_bytes().to_vec())),
            _ => Err("it continues after the last step of LOGIN".into()),
        }
    }

    fn is_done(&self) -> bool {
        true
    }
}

/// CRAM-MD5: sends a digest of password and challenge.
pub struct CramMd5 {
    login: Login,
    answered: bool,
}

impl CramMd5 {
    pub fn new(login: Login) -> Self {
        CramMd5 { login, answered: false }
    }
}

impl Mechanism for CramMd5 {
    fn name(&self) -> &str {
        "CRAM-MD5"
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Response, String> {
        if std::mem::replace(&mut self.answered, true) {
            return Err("it continues after the last step of CRAM-MD5".into());
        }
        let mut mac = Hmac::<Md5>::new_from_slice(self.login.password.as_bytes())
            .map_err(|error| error.to_string())?;
        mac.update(challenge);
        let mut response = format!("{} ", self.login.authname);
        for byte in mac.finalize().into_bytes() {
            response.push_str(&format!("{byte:02x}"));
        }
        Ok(Zeroizing::new(response.into_bytes()))
    }

    fn is_done(&self) -> bool {
        self.answered
    }
}

/// EXTERNAL: the server identifies the client by other means, such as a certificate.
pub struct External {
    pub authzid: String,
}

impl Mechanism for External {
    fn name(&self) -> &str {
        "EXTERNAL"
    }

    fn initial(&mut self) -> Result<Option<Response>, String> {
        Ok(Some(Zeroizing::new(self.authzid.clone().into_bytes())))
    }

    fn step(&mut self, _: &[u8]) -> Result<Response, String> {
        Err("it continues after the last step of EXTERNAL".into())
    }

    fn is_done(&self) -> bool {
        true
    }
}
