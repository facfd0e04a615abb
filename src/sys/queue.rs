//! Reads how many bytes that were written to a socket have not been sent yet.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Returns the number of bytes that were written to a socket but not sent. Over TCP, these are the
/// bytes that have not left this machine. For other sockets, they are the bytes that the other end
/// has not read.
///
/// # Errors
/// If the system cannot provide the number.
pub fn unsent(socket: &impl AsFd) -> io::Result<u64> {
    #[cfg(target_os = "linux")]
    if let Ok(bytes) = ask(socket, SIOCOUTQNSD) {
        return Ok(bytes);
    }
    ask(socket, libc::TIOCOUTQ)
}

/// The request from `linux/sockios.h`; the crate `libc` does not define it.
#[cfg(target_os = "linux")]
const SIOCOUTQNSD: libc::Ioctl = 0x894b;

fn ask(socket: &impl AsFd, what: libc::Ioctl) -> io::Result<u64> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open as long as `socket` is borrowed. These requests write one int
    // to the pointer, which points to `bytes`.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), what, &raw mut bytes) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    u64::try_from(bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    #[test]
    fn unread_bytes_of_the_other_end_are_counted_as_unsent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _theirs = listener.accept().unwrap();
        assert_eq!(unsent(&ours).unwrap(), 0);
        ours.set_nonblocking(true).unwrap();
        while ours.write(&[7; 65536]).is_ok() {}
        assert!(unsent(&ours).unwrap() > 0);
    }

    #[test]
    fn a_unix_socket_tells_too() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        ours.write_all(&[7; 1000]).unwrap();
        assert!(unsent(&ours).unwrap() > 0);
        theirs.read_exact(&mut [0; 1000]).unwrap();
        assert_eq!(unsent(&ours).unwrap(), 0);
    }
}
