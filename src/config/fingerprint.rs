//! Fingerprints of certificates.

use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};

/// The SHA-256 of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Computes the fingerprint of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(certificate).into())
    }

    /// Parses `sha256:` and 64 hexadecimal digits, with or without colons between them.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let (name, digits) = text.split_once(':')?;
        if !name.eq_ignore_ascii_case("sha256") {
            return None;
        }
        let digits: Vec<u8> = digits.bytes().filter(|b| *b != b':').collect();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Fingerprint(bytes))
    }

    /// Parses any number of fingerprints, separated by blanks or commas.
    ///
    /// # Errors
    /// [`Kind::Config`] if a word is not a fingerprint.
    pub fn parse_all(text: &str) -> Result<Vec<Fingerprint>> {
        let words = text.split([' ', '\t', ',']).filter(|word| !word.is_empty());
        words
            .map(|word| {
                Fingerprint::parse(word).ok_or_else(|| {
                    let what = format!("{word:?} is not a fingerprint");
                    Error::new(Kind::Config, "understand", "sync_tls_fingerprint", what).with_hint(
                        "write sha256: and the 64 digits that openssl x509 -noout -fingerprint \
                         -sha256 prints",
                    )
                })
            })
            .collect()
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_in_every_usual_form() {
        let plain = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let expected = Fingerprint::of(b"test");
        assert_eq!(expected.to_string(), format!("sha256:{plain}"));
        let pairs: Vec<String> =
            plain.as_bytes().chunks(2).map(|p| String::from_utf8_lossy(p).to_uppercase()).collect();
        for text in [format!("sha256:{plain}"), format!("SHA256:{}", pairs.join(":"))] {
            assert_eq!(Fingerprint::parse(&text), Some(expected), "{text}");
        }
        let two = format!("sha256:{plain}, sha256:{plain}");
        assert_eq!(Fingerprint::parse_all(&two).unwrap().len(), 2);
        for bad in ["sha1:aa", plain, "sha256:", "sha256:zz", &format!("sha256:{plain}00")] {
            assert_eq!(Fingerprint::parse_all(bad).unwrap_err().kind(), Kind::Config, "{bad}");
        }
    }
}
