//! SCRAM (RFC 5802, RFC 7677), with channel binding if the replica offers it and TLS supports it.
//!
//! It is implemented here, and not taken from a crate. `rsasl`, the maintained crate, does not
//! limit the number of iterations that a server may request. It also does not accept a nonce, so
//! that the test vectors of the RFCs cannot be tested.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::mechanism::{Mechanism, Response};
use super::password::Login;
use crate::limits::SCRAM_ITERATIONS;

/// The hash function that a mechanism's name contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

macro_rules! with_hash {
    ($hash:expr, $type:ident => $body:expr) => {
        match $hash {
            Hash::Sha1 => {
                type $type = Sha1;
                $body
            }
            Hash::Sha224 => {
                type $type = Sha224;
                $body
            }
            Hash::Sha256 => {
                type $type = Sha256;
                $body
            }
            Hash::Sha384 => {
                type $type = Sha384;
                $body
            }
            Hash::Sha512 => {
                type $type = Sha512;
                $body
            }
        }
    };
}

impl Hash {
    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        with_hash!(self, H => H::digest(bytes).to_vec())
    }

    fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, String> {
        with_hash!(self, H => {
            let mut mac = Hmac::<H>::new_from_slice(key).map_err(|error| error.to_string())?;
            parts.iter().for_each(|part| mac.update(part));
            Ok(Zeroizing::new(mac.finalize().into_bytes().to_vec()))
        })
    }

    /// Computes `Hi` of the RFC: PBKDF2 with one block.
    fn salted(self, key: &[u8], salt: &[u8], count: u32) -> Result<Zeroizing<Vec<u8>>, String> {
        with_hash!(self, H => {
            let keyed = Hmac::<H>::new_from_slice(key).map_err(|error| error.to_string())?;
            let mut mac = keyed.clone();
            mac.update(salt);
            mac.update(&1u32.to_be_bytes());
            let mut last = mac.finalize().into_bytes();
            let mut sum = Zeroizing::new(last.to_vec());
            for _ in 1..count {
                let mut mac = keyed.clone();
                mac.update(&last);
                last = mac.finalize().into_bytes();
                xor(&mut sum, &last);
            }
            Ok(sum)
        })
    }
}

fn xor(into: &mut [u8], other: &[u8]) {
    into.iter_mut().zip(other).for_each(|(a, b)| *a ^= b);
}

/// The channel binding of the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// Flag `n`: this client cannot bind to a channel.
    None,
    /// Flag `y`: this client could bind to a channel, but the server does not offer it. If the
    /// server did offer it and an attacker removed the offer, the server refuses the login.
    NotOffered,
    /// Flag `p`: binds to a channel, given by its type and data.
    To(&'static str, Vec<u8>),
}

/// The next message that is expected, or the result of the exchange.
enum State {
    First,
    Final { server_signature: Zeroizing<Vec<u8>> },
    Proved,
    Failed,
}

/// One SCRAM exchange.
pub struct Scram {
    name: String,
    hash: Hash,
    login: Login,
    gs2: String,
    binding: Vec<u8>,
    nonce: String,
    state: State,
}

impl Scram {
    /// Starts an exchange. `nonce` must be unpredictable and consist of printable characters except
    /// commas.
    pub fn new(name: &str, hash: Hash, login: Login, binding: Binding, nonce: String) -> Self {
        let (flag, binding) = match binding {
            Binding::None => ("n".to_owned(), Vec::new()),
            Binding::NotOffered => ("y".to_owned(), Vec::new()),
            Binding::To(kind, data) => (format!("p={kind}"), data),
        };
        let authzid = match login.authzid.as_str() {
            "" => String::new(),
            authzid => format!("a={}", escape(authzid)),
        };
        let gs2 = format!("{flag},{authzid},");
        Scram { name: name.to_owned(), hash, login, gs2, binding, nonce, state: State::First }
    }

    /// Makes a nonce: 18 random bytes in base64.
    pub fn nonce() -> Result<String, String> {
        let mut bytes = [0; 18];
        getrandom::fill(&mut bytes).map_err(|error| format!("no random bytes: {error}"))?;
        Ok(BASE64.encode(bytes))
    }

    fn first_bare(&self) -> String {
        format!("n={},r={}", escape(&self.login.authname), self.nonce)
    }

    fn answer_first(&self, challenge: &str) -> Result<(Response, Zeroizing<Vec<u8>>), String> {
        let mut fields = challenge.split(',');
        let mut field = |key: &str| {
            let found = fields.next().and_then(|field| field.strip_prefix(key));
            found.ok_or_else(|| format!("its first message has no {key}"))
        };
        // A mandatory extension (`m=`) comes before the nonce. It is not supported, so the exchange
        // fails.
        let (nonce, salt, count) = (field("r=")?, field("s=")?, field("i=")?);
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("its nonce does not begin with ours".into());
        }
        let salt = BASE64.decode(salt).map_err(|_| "its salt is not base64")?;
        let count: u32 = count.parse().map_err(|_| "its iteration count is not a number")?;
        if !(1..=SCRAM_ITERATIONS).contains(&count) {
            return Err(format!(
                "it requires {count} iterations, but at most {SCRAM_ITERATIONS} are allowed"
            ));
        }
        // If SASLprep does not allow the password, use it unchanged, as servers do.
        let prepared = stringprep::saslprep(&self.login.password);
        let password = Zeroizing::new(
            prepared.map_or_else(|_| self.login.password.to_string(), |text| text.into_owned()),
        );
        let hash = self.hash;
        let salted = hash.salted(password.as_bytes(), &salt, count)?;
        let client_key = hash.hmac(&salted, &[b"Client Key"])?;
        let channel = BASE64.encode([self.gs2.as_bytes(), &self.binding].concat());
        let bare = format!("c={channel},r={nonce}");
        let message = format!("{},{challenge},{bare}", self.first_bare());
        let signature = hash.hmac(&hash.digest(&client_key), &[message.as_bytes()])?;
        let mut proof = client_key;
        xor(&mut proof, &signature);
        let server_key = hash.hmac(&salted, &[b"Server Key"])?;
        let expected = hash.hmac(&server_key, &[message.as_bytes()])?;
        let response = format!("{bare},p={}", BASE64.encode(proof));
        Ok((Zeroizing::new(response.into_bytes()), expected))
    }

    fn check_final(&self, challenge: &str, expected: &[u8]) -> Result<(), String> {
        if let Some(error) = challenge.strip_prefix("e=") {
            let error: String = error.chars().filter(|c| !c.is_control()).take(80).collect();
            return Err(format!("it refused: {error}"));
        }
        let field = challenge.split(',').next().and_then(|field| field.strip_prefix("v="));
        let signature = field.and_then(|field| BASE64.decode(field).ok());
        if signature.is_some_and(|signature| signature == expected) {
            Ok(())
        } else {
            Err("it does not know the password: its signature is wrong".into())
        }
    }
}

impl Mechanism for Scram {
    fn name(&self) -> &str {
        &self.name
    }

    fn initial(&mut self) -> Result<Option<Response>, String> {
        Ok(Some(Zeroizing::new(format!("{}{}", self.gs2, self.first_bare()).into_bytes())))
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Response, String> {
        let challenge = std::str::from_utf8(challenge).map_err(|_| "its message is not UTF-8")?;
        match std::mem::replace(&mut self.state, State::Failed) {
            State::First => {
                let (response, server_signature) = self.answer_first(challenge)?;
                self.state = State::Final { server_signature };
                Ok(response)
            }
            State::Final { server_signature } => {
                self.check_final(challenge, &server_signature)?;
                self.state = State::Proved;
                Ok(Response::default())
            }
            State::Proved | State::Failed => {
                Err("it continues after the last step of SCRAM".into())
            }
        }
    }

    fn is_done(&self) -> bool {
        matches!(self.state, State::Proved)
    }
}

/// Escapes a name: in SCRAM messages commas separate fields and equals signs assign values.
fn escape(name: &str) -> String {
    let prepared = stringprep::saslprep(name);
    prepared.as_deref().unwrap_or(name).replace('=', "=3D").replace(',', "=2C")
}
