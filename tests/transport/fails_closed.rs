//! Tests that the client refuses an unencrypted connection if the configuration requires TLS, or if
//! an earlier connection used verified TLS. This also holds if an attacker removes the offer of
//! STARTTLS. A password that crosses a network unencrypted causes a warning.

use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cyrsync_lab::certs::{Authority, Certificate, Valid, fingerprint, self_signed};
use cyrsync_lab::{Lab, PASSWORD, Proxy, REPLICATOR, sync_client};

use crate::apart;
use crate::common::{OURS, assert_equal, fill, lab, ours, set};

/// Starts a proxy in front of one of the replica's ports, and makes the client use it.
fn between(lab: &Lab, port: u16) -> Proxy {
    let proxy = Proxy::new(port, Duration::ZERO, true);
    set(lab, &[("sync_port", &proxy.port().to_string()), ("sync_try_imap", "yes")]);
    proxy
}

/// Asserts that a run fails before it begins to log in, with one line that contains these words.
#[track_caller]
fn refused(lab: &Lab, proxy: &Proxy, args: &[&str], says: &[&str]) {
    let before = proxy.traffic().connections;
    let run = ours(lab, args);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let lines: Vec<&str> = run.stderr.lines().filter(|line| line.contains("hint: ")).collect();
    assert_eq!(lines.len(), 1, "{run}");
    for words in says {
        assert!(lines[0].contains(words), "{words:?}: {run}");
    }
    assert_eq!(proxy.traffic().connections, before + 1, "{run}");
    let sent = String::from_utf8_lossy(&proxy.transcript()).into_owned();
    assert!(!sent.contains("AUTH"), "{sent}");
}

/// Returns the replica's ports of sync_server and of imapd.
fn ports(lab: &Lab) -> [u16; 2] {
    [lab.replica.csync_port(), lab.replica.imap_port()]
}

#[test]
fn with_a_pin_nothing_is_sent_if_starttls_is_removed() {
    let mut lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let certificate = self_signed(&lab.replica, &lab.replica.scratch(), "replica");
    lab.replica.use_certificate(&certificate);
    let pin = format!("sha256:{}", fingerprint(&lab.replica, &certificate.cert));
    set(&lab, &[("sync_tls_fingerprint", &pin)]);
    for port in ports(&lab) {
        let proxy = between(&lab, port);
        proxy.strip_starttls(true);
        // Test the default, and `try`, which is the same.
        for mode in ["", "try", "require"] {
            set(&lab, &[("sync_tls", mode)]);
            let says = ["does not offer STARTTLS", "127.0.0.1:"];
            refused(&lab, &proxy, &["-u", "u0"], &says);
            let sent = String::from_utf8_lossy(&proxy.transcript()).into_owned();
            assert_eq!(sent, "", "not a byte");
        }
        set(&lab, &[("sync_tls", "")]);
        proxy.strip_starttls(false);
        ours(&lab, &["-u", "u0"]).ok();
        let sent = String::from_utf8_lossy(&proxy.transcript()).into_owned();
        assert!(sent.contains("STARTTLS") && !sent.contains("AUTHENTICATE"), "{sent}");
    }
    assert_equal(&lab);

    // These options contradict each other, so the configuration is refused.
    set(&lab, &[("sync_tls", "off")]);
    let run = ours(&lab, &["-u", "u0"]);
    assert_eq!(run.status.code(), Some(78), "{run}");
    assert!(run.stderr.contains("sync_tls: off") && run.stderr.contains("fingerprint"), "{run}");
    // A UNIX socket needs no TLS, because nobody can attack the connection.
    let socket = lab.replica.csync_socket().display().to_string();
    ours(&lab, &["-S", &socket, "-u", "u0"]).ok();
}

/// Makes a lab whose replica has a certificate of an authority. Returns also the path of the
/// authority's certificate, and the replica's certificate.
fn certified() -> (Lab, String, Certificate) {
    let mut lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let authority = Authority::new(&lab.replica, "ca");
    let certificate = authority.issue("replica", &["IP:127.0.0.1"], Valid::Now);
    lab.replica.use_certificate(&certificate);
    (lab, authority.root().display().to_string(), certificate)
}

/// Returns the path of the file that records that TLS was verified on a port of the replica.
fn remembered(lab: &Lab, port: u16) -> PathBuf {
    lab.master.config_dir().join(format!("sync/tls-verified/127.0.0.1:{port}"))
}

#[test]
fn after_verified_tls_clear_text_is_refused_until_forget_tls() {
    let (lab, root, _) = certified();
    for port in ports(&lab) {
        let proxy = between(&lab, port);
        let file = remembered(&lab, proxy.port());
        // The connection uses TLS without a verified certificate. The client must not record it.
        set(&lab, &[("tls_server_ca_file", "")]);
        ours(&lab, &["-u", "u0"]).ok();
        assert!(!file.exists());
        set(&lab, &[("tls_server_ca_file", &root)]);
        ours(&lab, &["-u", "u0"]).ok();
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(mode, 0o600, "{text}");
        assert!(text.contains(&format!("127.0.0.1:{}\n", proxy.port())), "{text}");
        // An empty file protects in the same way.
        fs::write(&file, "").unwrap();

        proxy.strip_starttls(true);
        let place = format!("127.0.0.1:{}", proxy.port());
        let conf = lab.master.imapd_conf().display().to_string();
        let command = format!("run: sync_client -C {conf} --forget-tls {place}");
        let says = ["does not offer STARTTLS", "an earlier connection used verified TLS", &command];
        refused(&lab, &proxy, &["-u", "u0"], &says);
        // Name the replica in another way, use another channel, and remove the authority.
        refused(&lab, &proxy, &["-S", &place, "-u", "u0"], &says);
        set(&lab, &[("far_sync_host", "127.0.0.1"), ("tls_server_ca_file", "")]);
        refused(&lab, &proxy, &["-n", "far", "-u", "u0"], &says);

        let run = sync_client(OURS, &lab.master, &["--forget-tls", &place]).ok();
        assert!(run.stdout.contains(&place), "{run}");
        assert!(!file.exists());
        ours(&lab, &["-u", "u0"]).ok();
        let sent = String::from_utf8_lossy(&proxy.transcript()).into_owned();
        assert!(sent.contains("AUTHENTICATE"), "it goes on in clear: {sent}");
        let run = sync_client(OURS, &lab.master, &["--forget-tls", &place]);
        assert_eq!(run.status.code(), Some(1), "{run}");
        assert!(run.stderr.contains("nothing is remembered"), "{run}");
    }
    assert_equal(&lab);

    // `sync_tls: off` overrides the record.
    set(&lab, &[("sync_port", &lab.replica.csync_port().to_string())]);
    set(&lab, &[("tls_server_ca_file", &root), ("sync_try_imap", "no")]);
    ours(&lab, &["-u", "u0"]).ok();
    set(&lab, &[("sync_tls", "off")]);
    let run = ours(&lab, &["-u", "u0"]).ok();
    assert!(run.log.contains("sync_tls is off") && !run.log.contains(" with cipher "), "{run}");
    set(&lab, &[("sync_tls", "")]);

    // If the record cannot be written, the run reports it and succeeds.
    fs::remove_dir_all(lab.master.config_dir().join("sync/tls-verified")).unwrap();
    fs::set_permissions(lab.master.config_dir().join("sync"), PermissionsExt::from_mode(0o500))
        .unwrap();
    let run = ours(&lab, &["-u", "u0"]).ok();
    let warned = run.log.lines().filter(|line| line.contains("Permission denied"));
    assert_eq!(warned.clone().count(), 1, "{run}");
    assert!(warned.clone().all(|line| line.contains("tls-verified")), "{run}");
}

#[test]
fn without_require_or_a_pin_an_attacker_gets_the_password_at_the_first_connection() {
    let (lab, root, certificate) = certified();
    let pin = format!("sha256:{}", fingerprint(&lab.replica, &certificate.cert));
    let login = BASE64.encode(format!("\0{REPLICATOR}\0{PASSWORD}"));
    for port in ports(&lab) {
        let proxy = between(&lab, port);
        proxy.strip_starttls(true);
        let sent = || String::from_utf8_lossy(&proxy.transcript()).into_owned();
        for (mode, pin) in [("require", ""), ("try", pin.as_str())] {
            let options = [("sync_tls", mode), ("sync_tls_fingerprint", pin)];
            set(&lab, &options);
            refused(&lab, &proxy, &["-u", "u0"], &["does not offer STARTTLS"]);
        }
        // The client can verify the certificate, but the attacker never shows it one.
        let options = [("sync_tls", "try"), ("sync_tls_fingerprint", "")];
        set(&lab, &options);
        set(&lab, &[("tls_server_ca_file", &root)]);
        ours(&lab, &["-u", "u0"]).ok();
        assert!(sent().contains(&login), "{}", sent());
        set(&lab, &[("tls_server_ca_file", "")]);
    }
    assert_equal(&lab);
}

#[test]
fn no_password_is_sent_to_the_other_port_after_verified_tls() {
    let name = "fails_closed::no_password_is_sent_to_the_other_port_after_verified_tls";
    if !apart::is_here(name, "127.0.0.1 localhost\n") {
        return;
    }
    let mut lab = lab("PLAIN");
    fill(&lab, &["u0".to_owned()]);
    let authority = Authority::new(&lab.replica, "ca");
    let certificate = authority.issue("replica", &["IP:127.0.0.1"], Valid::Now);
    lab.replica.add_service("usualimap", "imapd", "127.0.0.1:143");
    lab.replica.use_certificate(&certificate);
    let root = authority.root().display().to_string();
    set(&lab, &[("tls_server_ca_file", &root), ("sync_port", ""), ("sync_try_imap", "yes")]);
    ours(&lab, &["-u", "u0"]).ok();
    assert!(remembered(&lab, 143).exists());

    // An attacker blocks one port and answers on the other.
    lab.replica.stop_server();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 2005)).unwrap();
    let peer = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let greeting = "* SASL PLAIN\r\n* OK a Cyrus sync server 3.6.1\r\n";
        std::io::Write::write_all(&mut socket, greeting.as_bytes()).unwrap();
        let mut heard = Vec::new();
        let _ = socket.read_to_end(&mut heard);
        heard
    });
    let run = ours(&lab, &["-u", "u0"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.stderr.contains("--forget-tls 127.0.0.1:143"), "{run}");
    assert_eq!(String::from_utf8_lossy(&peer.join().unwrap()), "");
}

#[test]
fn a_password_in_clear_over_a_network_causes_a_warning() {
    let name = "fails_closed::a_password_in_clear_over_a_network_causes_a_warning";
    if !apart::is_here(name, "127.0.0.1 localhost\n192.0.2.1 replica.far\n") {
        return;
    }
    let add = ["addr", "add", "192.0.2.1/32", "dev", "lo"];
    assert!(Command::new("ip").args(add).status().unwrap().success());
    let mut lab = lab("PLAIN LOGIN CRAM-MD5");
    fill(&lab, &["u0".to_owned()]);
    lab.replica.stop_server();
    lab.replica.add_service("farcsync", "sync_server", "192.0.2.1:2105");
    lab.replica.add_service("farimap", "imapd", "192.0.2.1:2143");
    lab.replica.start_server();
    set(&lab, &[("sync_try_imap", "yes")]);
    let warnings = |options: &[(&str, &str)]| -> Vec<String> {
        let names = ["sync_host", "force_sasl_client_mech", "sync_tls"];
        set(&lab, &names.map(|name| (name, "")));
        set(&lab, options);
        let run = ours(&lab, &["-u", "u0"]).ok();
        let lines = run.log.lines().filter(|line| line.contains("in clear"));
        lines.map(str::to_owned).collect()
    };
    for (host, mechanism) in [
        ("192.0.2.1:2105", "PLAIN"),
        ("replica.far:2105", "LOGIN"),
        ("192.0.2.1:2143", "PLAIN"),
        ("192.0.2.1:2143", "LOGIN"),
    ] {
        let way = [("sync_host", host), ("force_sasl_client_mech", mechanism)];
        let found = warnings(&way);
        assert_eq!(found.len(), 1, "{host}: {found:?}");
        let name = host.split(':').next().unwrap();
        for words in [name, "192.0.2.1", mechanism, "sync_tls: require", "sync_tls: off"] {
            assert!(found[0].contains(words), "{host}: {found:?}");
        }
        assert_eq!(warnings(&[&way[..], &[("sync_tls", "off")]].concat()), [""; 0], "{host}");
        let hashed = [("sync_host", host), ("force_sasl_client_mech", "CRAM-MD5")];
        assert_eq!(warnings(&hashed), [""; 0], "{host}");
    }
    // On the same machine nobody can attack the connection.
    let near = format!("127.0.0.1:{}", lab.replica.csync_port());
    let socket = lab.replica.csync_socket().display().to_string();
    for host in [near, socket] {
        let way = [("sync_host", host.as_str()), ("force_sasl_client_mech", "PLAIN")];
        assert_eq!(warnings(&way), [""; 0], "{host}");
    }
    assert_equal(&lab);
}
