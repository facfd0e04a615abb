//! Tests GSSAPI in a Kerberos realm that the test sets up.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use cyrsync_lab::Port;
use cyrsync_lab::run::start_sync_client;

use super::*;

/// Starts a replica that offers only GSSAPI, and a realm that has both of the replica's services.
/// No user has a ticket yet.
fn gssapi() -> (Lab, Realm) {
    let port = Port::reserve();
    let mut lab = filled(Options {
        replica_conf: "sasl_mech_list: GSSAPI\nfailedloginpause: 0s\n\
                       sasl_keytab: {dir}/krb5.keytab\n"
            .into(),
        environment: [
            ("KRB5_CONFIG", "{lab}/krb5.conf"),
            ("KRB5_KTNAME", "{lab}/server.keytab"),
            ("KRB5CCNAME", "FILE:{lab}/tickets"),
            // Switch the replay cache off.
            ("KRB5RCACHENAME", "none:"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into(),
        ..Options::default()
    });
    lab.master.set_config("sync_host", Some("localhost"));
    lab.master.set_config("sync_authname", None);
    lab.master.set_config("sync_password", None);
    lab.master.set_config("sync_realm", None);
    let realm = Realm::new(lab.dir(), port);
    // Restart the replica. At its first start there was no keytab, so the server did not load the
    // plug-in.
    lab.replica.stop_server();
    lab.replica.start_server();
    (lab, realm)
}

#[test]
fn gssapi_logs_in_with_a_ticket_and_encrypts_the_session() {
    let (lab, realm) = gssapi();
    // The first run has no ticket.
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.log.contains("GSSAPI cannot be used: "), "{run}");
    realm.log_in();
    assert_hidden(&lab, "GSSAPI");
}

/// If the Kerberos server does not answer, the Kerberos library waits half a minute in one call.
/// The client must end earlier.
#[test]
fn a_kerberos_server_that_does_not_answer_does_not_delay_the_client_beyond_the_timeout() {
    let (lab, mut realm) = gssapi();
    realm.log_in();
    let silent = realm.fall_silent();

    lab.master.set_config("client_timeout", Some("5s"));
    let begun = Instant::now();
    let run = ours(&lab);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}: {run}", begun.elapsed());
    assert_eq!(run.status.code(), Some(1), "{run}");
    let words = ["GSSAPI cannot be used: no answer for 5 seconds (client_timeout)", "hint: "];
    assert!(reported(&run, &words), "{run}");
    let lines = run.stderr.lines().filter(|line| line.contains("GSSAPI")).count();
    assert_eq!(lines, 1, "{run}");

    lab.master.set_config("client_timeout", Some("10m"));
    silent.forget();
    let running = start_sync_client(OURS, &lab.master, &["-o", "-u", "fred"]);
    silent.wait();
    running.signal(libc::SIGTERM);
    let run = running.wait_within(Duration::from_secs(20)).expect("it ends when it is asked to");
    assert_eq!(run.status.code(), Some(75), "{run}");
    assert!(reported(&run, &["graceful shutdown"]) && run.log.lines().count() == 1, "{run}");
}

/// A Kerberos realm on the loopback interface.
struct Realm {
    dir: PathBuf,
    port: Port,
    kdc: Child,
}

/// A server that accepts connections and sends nothing.
struct Silent {
    tcp: TcpListener,
    _udp: UdpSocket,
}

impl Silent {
    /// Waits until a client has connected.
    fn wait(&self) -> TcpStream {
        self.tcp.set_nonblocking(false).unwrap();
        self.tcp.accept().unwrap().0
    }

    /// Accepts and closes all connections so far.
    fn forget(&self) {
        self.tcp.set_nonblocking(true).unwrap();
        while self.tcp.accept().is_ok() {}
    }
}

impl Realm {
    /// Creates the realm with the principal `repl`, and writes the keys of the replica's services
    /// to its keytab.
    fn new(place: &Path, port: Port) -> Realm {
        let number = port.number();
        let dir = place.display().to_string();
        let conf = format!(
            "[libdefaults]\n default_realm = LAB.TEST\n dns_lookup_kdc = false\n\
             \x20dns_lookup_realm = false\n dns_canonicalize_hostname = false\n rdns = false\n\
             \x20ignore_acceptor_hostname = true\n udp_preference_limit = 1\n\
             [realms]\n LAB.TEST = {{\n  kdc = 127.0.0.1:{number}\n }}\n"
        );
        fs::write(place.join("krb5.conf"), conf).unwrap();
        let conf = format!(
            "[kdcdefaults]\n kdc_listen = \"\"\n kdc_tcp_listen = 127.0.0.1:{number}\n\
             [realms]\n LAB.TEST = {{\n  database_name = {dir}/principal\n\
             \x20 key_stash_file = {dir}/stash\n  acl_file = {dir}/acl\n }}\n"
        );
        fs::write(place.join("kdc.conf"), conf).unwrap();
        run(place, "/usr/sbin/kdb5_util", &["-P", "master", "create", "-s"]);
        let keytab = format!("ktadd -k {dir}/server.keytab csync/localhost imap/localhost");
        let user = format!("ktadd -k {dir}/user.keytab repl");
        for query in [
            "addprinc -randkey csync/localhost",
            "addprinc -randkey imap/localhost",
            "addprinc -randkey repl",
            &keytab,
            &user,
        ] {
            run(place, "/usr/sbin/kadmin.local", &["-q", query]);
        }
        fs::copy(place.join("server.keytab"), place.join("replica/krb5.keytab")).unwrap();
        for file in ["server.keytab", "user.keytab", "replica/krb5.keytab"] {
            let all = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            fs::set_permissions(place.join(file), all).unwrap();
        }
        let mut kdc = kerberos(place, "/usr/sbin/krb5kdc");
        let kdc = kdc.arg("-n").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, number)).is_err() {
            assert!(Instant::now() < deadline, "krb5kdc does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Realm { dir: place.to_owned(), port, kdc }
    }

    /// Gets a ticket for our client.
    fn log_in(&self) {
        let dir = self.dir.display();
        let tickets = format!("FILE:{dir}/tickets");
        let keytab = format!("{dir}/user.keytab");
        run(&self.dir, "/usr/bin/kinit", &["-k", "-t", &keytab, "-c", &tickets, "repl"]);
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        fs::set_permissions(self.dir.join("tickets"), all).unwrap();
    }
}

impl Realm {
    /// Replaces the Kerberos server with one that sends nothing.
    fn fall_silent(&mut self) -> Silent {
        self.kdc.kill().unwrap();
        self.kdc.wait().unwrap();
        let place = (Ipv4Addr::LOCALHOST, self.port.number());
        Silent { tcp: TcpListener::bind(place).unwrap(), _udp: UdpSocket::bind(place).unwrap() }
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        let _ = self.kdc.kill();
        let _ = self.kdc.wait();
    }
}

fn kerberos(place: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("KRB5_CONFIG", place.join("krb5.conf"));
    command.env("KRB5_KDC_PROFILE", place.join("kdc.conf")).stdin(Stdio::null());
    command
}

fn run(place: &Path, program: &str, args: &[&str]) {
    let output = kerberos(place, program).args(args).output();
    let output = output.unwrap_or_else(|e| panic!("{program}: {e}; make sasl2 installs it"));
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
}
