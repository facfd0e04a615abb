//! Parses a small part of DER, the encoding of certificates, to find the hash function of a
//! certificate's signature for channel binding.

use sha2::{Digest, Sha256, Sha384, Sha512};

/// Hashes a certificate for `tls-server-end-point` (RFC 5929). The hash function is that of the
/// certificate's signature, but SHA-256 instead of MD5 and SHA-1. Returns `None` if the signature
/// has no separate hash function, such as Ed25519, or if the bytes are not a certificate.
pub(super) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let oid = signature_oid(certificate)?;
    let (_, hash) = HASHES.iter().find(|(known, _)| *known == oid)?;
    Some(match hash {
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    })
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// Object identifiers of signature algorithms, in their DER encoding.
const HASHES: [(&[u8], Hash); 9] = [
    // 1.2.840.113549.1.1: RSA with MD5, SHA-1, SHA-256, -384, -512.
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4], Hash::Sha256),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5], Hash::Sha256),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11], Hash::Sha256),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12], Hash::Sha384),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13], Hash::Sha512),
    // 1.2.840.10045.4: ECDSA with SHA-1, SHA-256, -384, -512.
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1], Hash::Sha256),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2], Hash::Sha256),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3], Hash::Sha384),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4], Hash::Sha512),
];

pub(super) const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;

/// Finds the signature algorithm: `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm
/// SEQUENCE { OID, ... }, ... }`.
fn signature_oid(certificate: &[u8]) -> Option<&[u8]> {
    let (body, _) = element(certificate, SEQUENCE)?;
    let (_, rest) = element(body, SEQUENCE)?;
    let (algorithm, _) = element(rest, SEQUENCE)?;
    element(algorithm, OID).map(|(oid, _)| oid)
}

/// Returns the contents of the first element, if it has this tag, and the bytes after it.
pub(super) fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    any(bytes).filter(|(found, ..)| *found == tag).map(|(_, contents, rest)| (contents, rest))
}

/// Returns tag and contents of the first element, and the bytes after it.
pub(super) fn any(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length).map(|(contents, rest)| (found, contents, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrap(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = body.len();
        let mut out = vec![tag, 0x82, u8::try_from(length >> 8).unwrap(), 0];
        out[3] = u8::try_from(length & 0xff).unwrap();
        out.extend_from_slice(body);
        out
    }

    fn certificate(oid: &[u8]) -> Vec<u8> {
        let body = [wrap(SEQUENCE, &[7; 300]), wrap(SEQUENCE, &wrap(OID, oid)), vec![3, 1, 0]];
        wrap(SEQUENCE, &body.concat())
    }

    #[test]
    fn the_hash_follows_the_signature() {
        for (oid, hash) in HASHES {
            let length = match hash {
                Hash::Sha256 => 32,
                Hash::Sha384 => 48,
                Hash::Sha512 => 64,
            };
            let certificate = certificate(oid);
            assert_eq!(end_point(&certificate).unwrap().len(), length);
        }
        let signed = certificate(HASHES[2].0);
        assert_eq!(end_point(&signed).unwrap(), Sha256::digest(&signed).to_vec());
        // Ed25519 has no separate hash.
        assert_eq!(end_point(&certificate(&[0x2b, 0x65, 0x70])), None);
    }

    #[test]
    fn invalid_certificates_have_no_hash() {
        let whole = certificate(HASHES[2].0);
        for end in 0..whole.len() {
            let _ = end_point(&whole[..end]);
        }
        for bad in
            [&[][..], &[0x30], &[0x30, 0x85, 1, 1, 1, 1, 1], &[0x30, 0x84, 255, 255, 255, 255]]
        {
            assert_eq!(end_point(bad), None, "{bad:?}");
        }
    }
}
