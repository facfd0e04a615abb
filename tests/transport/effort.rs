//! Tests that the compression level depends on the speed of the connection (`sync_deflate_level:
//! auto`).

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use cyrsync_lab::Run;
use cyrsync_lab::fill::Filler;

use crate::common::{assert_equal, lab, ours, set};

/// The slow network transfers `PIECE` bytes in the time `EACH`.
const PIECE: usize = 4 << 10;
const EACH: Duration = Duration::from_millis(4);

/// Forwards to a port. Bytes from the client pass at about a megabyte a second. Returns the port to
/// connect to.
fn slow_way(target: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(client) = client else { return };
            let server = TcpStream::connect(("127.0.0.1", target)).unwrap();
            let (replies, back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || forward(client, server, EACH));
            thread::spawn(move || forward(replies, back, Duration::ZERO));
        }
    });
    port
}

fn forward(mut from: TcpStream, mut to: TcpStream, each: Duration) {
    let mut piece = [0; PIECE];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        // This sleep simulates the slow network.
        thread::sleep(each);
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Returns the compression levels that a run logged.
fn levels(run: &Run) -> Vec<u32> {
    let words = run.log.lines().filter_map(|line| line.split_once("compression level "));
    words.filter_map(|(_, rest)| rest.split(' ').next()?.parse().ok()).collect()
}

#[test]
fn over_a_slow_network_mail_is_compressed_well() {
    let lab = lab("PLAIN");
    Filler::new(&lab.master, 11).mailbox("user.u0", 700);
    let port = slow_way(lab.replica.csync_port()).to_string();
    set(&lab, &[("sync_port", port.as_str())]);
    let run = ours(&lab, &["-u", "u0"]).ok();
    assert!(levels(&run).last().is_some_and(|level| *level >= 6), "{run}");
    assert_equal(&lab);
}

#[test]
fn a_fixed_level_does_not_change() {
    let lab = lab("PLAIN");
    Filler::new(&lab.master, 11).mailbox("user.u0", 400);
    set(&lab, &[("sync_deflate_level", "1")]);
    let run = ours(&lab, &["-u", "u0"]).ok();
    assert!(levels(&run).is_empty(), "{run}");
    assert_equal(&lab);
}
