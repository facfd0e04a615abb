//! Reserves TCP ports of 127.0.0.1.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// Ports below the range that the kernel assigns to outgoing connections. A client that connects
/// again and again to a port of that range, while no server listens on it, can connect to itself.
/// A server could then not use the port.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// A port that no other lab of this machine takes while this value lives, also while no server
/// listens on it.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// A socket with the port's number in its name. The name is free again when the socket is
    /// closed, also if the process is killed.
    _reserved: UnixListener,
}

impl Port {
    /// Reserves a port that is free now.
    pub fn reserve() -> Port {
        (0..1000).find_map(|_| Port::any()).expect("no free port on 127.0.0.1")
    }

    fn any() -> Option<Port> {
        let random = RandomState::new().build_hasher().finish() % PORTS.len() as u64;
        let number = PORTS.start + u16::try_from(random).expect("as many as there are ports");
        let name = SocketAddr::from_abstract_name(format!("cyrsync-lab-port-{number}")).ok()?;
        let reserved = UnixListener::bind_addr(&name).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Port { number, _reserved: reserved })
    }

    /// Returns the number of the port.
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_port_stays_reserved_while_nobody_listens() {
        let port = Port::reserve();
        let name = || SocketAddr::from_abstract_name(format!("cyrsync-lab-port-{}", port.number()));
        assert!(UnixListener::bind_addr(&name().unwrap()).is_err());
        // A server can listen on it, and stop.
        drop(TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).unwrap());
        let number = port.number();
        drop(port);
        let name = SocketAddr::from_abstract_name(format!("cyrsync-lab-port-{number}"));
        assert!(UnixListener::bind_addr(&name.unwrap()).is_ok());
    }
}
