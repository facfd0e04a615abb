//! Creates certificates for TLS tests with the openssl program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cyrus::Cyrus;
use crate::guard::Guard;

/// A certificate and its key, as PEM files that the cyrus user can read.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub cert: PathBuf,
    /// Its key, without a passphrase.
    pub key: PathBuf,
}

/// The period in which a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Valid {
    /// From 2020 to 2099.
    Now,
    /// In the past, in 2020.
    Once,
    /// In the future, from 2090 on.
    Later,
    /// From 2020 on, until this many days from today.
    Days(u32),
}

/// The kind of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// An elliptic curve key (P-256).
    Ec,
    /// An RSA key of 2048 bits.
    Rsa,
}

/// An authority that signs certificates.
#[derive(Debug)]
pub struct Authority {
    dir: PathBuf,
    root: Certificate,
    serial: AtomicU32,
    run: Runner,
}

#[derive(Debug)]
struct Runner {
    guard: std::sync::Arc<Guard>,
}

impl Runner {
    fn openssl(&self, dir: &Path, args: &[&str]) {
        let mut command = self.guard.command("/usr/bin/openssl");
        let output = command.args(args).current_dir(dir).output().expect("openssl is installed");
        assert!(output.status.success(), "openssl {args:?}: {output:?}");
    }

    /// Creates a new key.
    fn key(&self, dir: &Path, name: &str, kind: Key) -> PathBuf {
        let file = format!("{name}.key");
        let (algorithm, option) = match kind {
            Key::Ec => ("EC", "ec_paramgen_curve:P-256"),
            Key::Rsa => ("RSA", "rsa_keygen_bits:2048"),
        };
        let args = ["genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out"];
        self.openssl(dir, &[&args[..], &[&file]].concat());
        dir.join(file)
    }
}

impl Authority {
    /// Creates a new authority, with its files in a server's scratch directory.
    pub fn new(cyrus: &Cyrus, name: &str) -> Authority {
        let run = Runner { guard: cyrus.guard().clone() };
        let dir = cyrus.scratch().join(name);
        run.guard.make_dir(&dir);
        let root = self_signed(cyrus, &dir, name);
        for (file, text) in [("index.txt", ""), ("number", "01\n"), ("ca.cnf", CA_CONF)] {
            run.guard.write(&dir.join(file), text);
        }
        Authority { dir, root, serial: AtomicU32::new(0x1000), run }
    }

    /// Returns the authority's own certificate, which clients must trust.
    pub fn root(&self) -> &Path {
        &self.root.cert
    }

    /// Returns a directory that contains this certificate under the name that OpenSSL looks for.
    pub fn hashed_dir(&self) -> PathBuf {
        let dir = self.dir.join("hashed");
        self.run.guard.make_dir(&dir);
        let text = std::fs::read(self.root()).expect("the root was made");
        self.run.guard.write(&dir.join("root.pem"), text);
        self.run.openssl(&dir, &["rehash", "."]);
        dir
    }

    /// Issues a certificate for these names, such as `IP:127.0.0.1` or `DNS:replica.example`. The
    /// first argument is the subject, which can also be the name of a user.
    pub fn issue(&self, subject: &str, names: &[&str], valid: Valid) -> Certificate {
        self.issue_for(Key::Ec, subject, names, valid)
    }

    /// Like [`Authority::issue`], with a choice of the kind of key.
    pub fn issue_for(&self, kind: Key, subject: &str, names: &[&str], valid: Valid) -> Certificate {
        let number = self.serial.fetch_add(1, Ordering::Relaxed);
        let name = format!("issued-{number:x}");
        let key = self.run.key(&self.dir, &name, kind);
        let (request, cert) = (format!("{name}.csr"), format!("{name}.pem"));
        let subject = format!("/CN={subject}");
        let key_file = key.display().to_string();
        self.run.openssl(
            &self.dir,
            &["req", "-new", "-key", &key_file, "-subj", &subject, "-out", &request],
        );
        let extensions = match names {
            [] => "basicConstraints=CA:FALSE\n".to_owned(),
            names => format!("basicConstraints=CA:FALSE\nsubjectAltName={}\n", names.join(",")),
        };
        let extfile = format!("{name}.ext");
        self.run.guard.write(&self.dir.join(&extfile), extensions);
        self.run.guard.write(&self.dir.join("serial"), format!("{number:04X}\n"));
        let (from, to) = valid.dates();
        let root = [self.root.cert.display().to_string(), self.root.key.display().to_string()];
        self.run.openssl(
            &self.dir,
            &[
                "ca",
                "-batch",
                "-notext",
                "-config",
                "ca.cnf",
                "-cert",
                &root[0],
                "-keyfile",
                &root[1],
                "-in",
                &request,
                "-out",
                &cert,
                "-extfile",
                &extfile,
                "-startdate",
                &from,
                "-enddate",
                &to,
            ],
        );
        Certificate { cert: self.dir.join(cert), key }
    }

    /// Revokes a certificate. Lists that [`Authority::revoked`] creates afterwards contain it.
    pub fn revoke(&self, certificate: &Certificate) {
        self.list(&["-revoke", &certificate.cert.display().to_string()]);
    }

    /// Creates a list of the revoked certificates that is valid in the given period.
    pub fn revoked(&self, valid: Valid) -> PathBuf {
        let number = self.serial.fetch_add(1, Ordering::Relaxed);
        let file = format!("revoked-{number:x}.pem");
        let (from, to) = valid.dates();
        let dates = ["-crl_lastupdate", &from, "-crl_nextupdate", &to];
        self.list(&[&["-gencrl", "-out", &file][..], &dates].concat());
        self.dir.join(file)
    }

    fn list(&self, args: &[&str]) {
        let root = [&self.root.cert, &self.root.key].map(|path| path.display().to_string());
        let own = ["ca", "-batch", "-config", "ca.cnf", "-cert", &root[0], "-keyfile", &root[1]];
        self.run.openssl(&self.dir, &[&own[..], args].concat());
    }
}

impl Valid {
    /// Returns the start and the end of the period in openssl's format.
    fn dates(self) -> (String, String) {
        let (from, to) = match self {
            Valid::Now => ("20200101000000Z", "20991231000000Z"),
            Valid::Once => ("20200101000000Z", "20201231000000Z"),
            Valid::Later => ("20900101000000Z", "20991231000000Z"),
            Valid::Days(days) => return ("20200101000000Z".to_owned(), in_days(days)),
        };
        (from.to_owned(), to.to_owned())
    }
}

/// Returns the time in this many days in openssl's format.
fn in_days(days: u32) -> String {
    let when = format!("+{days} days");
    let mut command = Command::new("/bin/date");
    let output = command.args(["-u", "-d", &when, "+%Y%m%d%H%M%SZ"]).output().expect("date runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Creates a self-signed certificate with the defaults of `openssl req -x509`: it is marked as an
/// authority's and has a subject but no alternative names.
pub fn self_signed(cyrus: &Cyrus, dir: &Path, name: &str) -> Certificate {
    let run = Runner { guard: cyrus.guard().clone() };
    let key = run.key(dir, name, Key::Ec);
    let (cert, key_file) = (format!("{name}.pem"), key.display().to_string());
    let subject = format!("/CN={name}");
    let args = ["req", "-x509", "-days", "3650", "-key", &key_file, "-subj", &subject, "-out"];
    run.openssl(dir, &[&args[..], &[&cert]].concat());
    Certificate { cert: dir.join(cert), key }
}

/// Returns the SHA-256 of a certificate in the format of `openssl x509 -fingerprint`.
pub fn fingerprint(cyrus: &Cyrus, cert: &Path) -> String {
    let mut command = cyrus.guard().command("/usr/bin/openssl");
    command.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(cert);
    let output = command.output().expect("openssl is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.trim().split_once('=').expect("it prints name=digits").1.to_owned()
}

const CA_CONF: &str = "\
[ca]
default_ca = here
[here]
database = index.txt
serial = serial
crlnumber = number
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
";
