//! Tests an attacker in the network who changes bytes of a connection with a security layer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};

use cyrsync_lab::tools;

use super::*;

#[test]
fn clear_text_inserted_after_the_login_ends_the_run() {
    let lab = lab("DIGEST-MD5", "");
    // The attacker adds lines in clear after the login. The client must not accept them.
    let forged = Forger::new(lab.replica.csync_port(), |mut bytes| {
        if bytes.ends_with(b"OK Success (privacy protection)\r\n") {
            bytes.extend(b"* LSUB (user.fred)\r\nOK success\r\n");
        }
        bytes
    });
    lab.master.use_port(forged.port);
    append(&lab, 1);
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let reported = |words: &str| run.log.contains(words) || run.stderr.contains(words);
    assert!(
        reported("unprotected bytes came after the login") || reported("security layer"),
        "{run}"
    );
}

#[test]
fn a_changed_byte_ends_the_connection_and_damages_nothing() {
    let lab = lab("DIGEST-MD5", "");
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    // Limit the wait for a packet whose length the attacker has increased.
    lab.master.set_config("sync_timeout", Some("10s"));
    ours(&lab).ok();
    proxy.reset();
    ours(&lab).ok();
    let idle = proxy.traffic();
    let answers = String::from_utf8_lossy(&proxy.answers()).into_owned();
    const END: &str = "(privacy protection)\r\n";
    let begins = answers.find(END).expect("there is a layer") + END.len();
    // The proxy removes this line from the answers.
    let begins = (begins + "* COMPRESS DEFLATE\r\n".len()) as u64;
    for (name, sent, received, connected) in [
        // In the middle of a message. The replica must not store it.
        ("sent", Some(idle.sent + 8_000), None, true),
        ("length of the first packet", None, Some(begins + 3), false),
        ("first packet", None, Some(begins + 12), false),
        // Within the answer to GET USER, which is the longest one.
        ("later packet", None, Some(idle.received - 200), true),
    ] {
        append(&lab, 1);
        proxy.reset();
        sent.inspect(|at| proxy.flip_at(*at));
        received.inspect(|at| proxy.flip_answer_at(*at));
        let run = ours(&lab);
        // A client that was connected continues over a new connection and logs the reason.
        assert_eq!(run.status.code(), Some(i32::from(!connected)), "{name}: {run}");
        assert_eq!(run.log.contains("trying again: "), connected, "{name}: {run}");
        let says: &[&str] = match received {
            Some(_) => &["the replica: the security layer of DIGEST-MD5", "hint: "],
            // sync_server closes the connection, maybe after an error message.
            None => &["the replica", "hint: "],
        };
        assert!(reported(&run, says), "{name}: {run}");
        // No message may be stored partly.
        assert_eq!(tools::reconstruct_complaints(&lab.replica, "user.*"), [""; 0], "{name}");
        proxy.never_flip();
        ours(&lab).ok();
        assert_same(&lab);
    }
}

/// A proxy for one connection that changes the server's replies.
pub struct Forger {
    pub port: u16,
}

impl Forger {
    pub fn new(target: u16, mut change: impl FnMut(Vec<u8>) -> Vec<u8> + Send + 'static) -> Forger {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            let mut buffer = vec![0; 4096];
            while let Ok(size @ 1..) = server.read(&mut buffer) {
                if client.write_all(&change(buffer[..size].to_vec())).is_err() {
                    break;
                }
            }
            let _ = client.shutdown(Shutdown::Both);
        });
        Forger { port }
    }
}
