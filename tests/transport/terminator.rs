//! A proxy in front of a port without TLS that accepts TLS from the first byte on. It records the
//! names that each client offers by ALPN.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use cyrsync_lab::certs::Certificate;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

/// Names that a client offered by ALPN.
pub type Offered = Vec<String>;

/// Decrypts TLS and forwards to a port of 127.0.0.1.
pub struct Terminator {
    port: u16,
    hellos: Arc<Mutex<Vec<Offered>>>,
}

/// Supplies the certificate, and records the names that each client offers.
#[derive(Debug)]
struct Listening {
    key: Arc<CertifiedKey>,
    hellos: Arc<Mutex<Vec<Offered>>>,
}

impl ResolvesServerCert for Listening {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let names = hello.alpn().into_iter().flatten();
        let offered = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        self.hellos.lock().unwrap().push(offered);
        Some(self.key.clone())
    }
}

impl Terminator {
    /// Starts the proxy. If `alpn` is set, it is the only protocol of the proxy, which then refuses
    /// clients that offer only other protocols.
    pub fn new(target: u16, certificate: &Certificate, alpn: Option<&str>) -> Terminator {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = CertificateDer::pem_file_iter(&certificate.cert).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(&certificate.key).unwrap();
        let key = Arc::new(CertifiedKey::from_der(chain, key, &provider).unwrap());
        let hellos = Arc::new(Mutex::new(Vec::new()));
        let resolver = Arc::new(Listening { key, hellos: hellos.clone() });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols.extend(alpn.map(|name| name.as_bytes().to_vec()));
        let config = Arc::new(config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for client in listener.incoming() {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).unwrap();
                forward(client.unwrap(), server, ServerConnection::new(config.clone()).unwrap());
            }
        });
        Terminator { port, hellos }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the names that clients have offered since the last call.
    pub fn take_offers(&self) -> Vec<Offered> {
        std::mem::take(&mut *self.hellos.lock().unwrap())
    }
}

/// Forwards with a thread for each direction. Both threads use the same TLS session.
fn forward(client: TcpStream, server: TcpStream, tls: ServerConnection) {
    let tls = Arc::new(Mutex::new(tls));
    let (back, mut from) = (tls.clone(), server.try_clone().unwrap());
    let mut to = client.try_clone().unwrap();
    thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(size @ 1..) = from.read(&mut buffer) {
            let mut tls = back.lock().unwrap();
            tls.writer().write_all(&buffer[..size]).unwrap();
            if flush(&mut tls, &mut to).is_err() {
                break;
            }
        }
        let mut tls = back.lock().unwrap();
        tls.send_close_notify();
        let _ = flush(&mut tls, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let (mut client, mut server) = (client, server);
    thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        'connection: while let Ok(size @ 1..) = client.read(&mut buffer) {
            let mut bytes = &buffer[..size];
            while !bytes.is_empty() {
                let mut tls = tls.lock().unwrap();
                tls.read_tls(&mut bytes).unwrap();
                let state = tls.process_new_packets();
                let _ = flush(&mut tls, &mut client);
                let Ok(state) = state else { break 'connection };
                let mut clear = vec![0; state.plaintext_bytes_to_read()];
                tls.reader().read_exact(&mut clear).unwrap();
                drop(tls);
                if server.write_all(&clear).is_err() {
                    break 'connection;
                }
            }
        }
        for stream in [client, server] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    });
}

fn flush(tls: &mut ServerConnection, to: &mut TcpStream) -> std::io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(to)?;
    }
    Ok(())
}
