//! Logging in through the platform's libsasl2, to real servers, and its security layers.
//!
//! `make sasl2` runs this, with the feature `libsasl2`.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cyrsync_lab::certs::Authority;
use cyrsync_lab::{Imap, Lab, Options, PASSWORD, Proxy, Run, compare, describe, sync_client};

const OURS: &str = env!("CARGO_BIN_EXE_sync_client");

/// In a message that is replicated; nobody on the way may see it.
const MARK: &str = "Subject: for nobody else";

fn lab(mechanisms: &str, more: &str) -> Lab {
    let conf = format!("sasl_mech_list: {mechanisms}\nfailedloginpause: 0s\n{more}");
    filled(Options { replica_conf: conf, ..Options::default() })
}

fn filled(options: Options) -> Lab {
    let lab = Lab::new(options);
    let mut imap = Imap::admin(&lab.master);
    imap.ok("CREATE user.fred");
    append(&lab, 3);
    lab
}

fn append(lab: &Lab, count: usize) {
    let mut imap = Imap::login(&lab.master, "fred");
    for _ in 0..count {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Longer than a packet of the layer, whose size is that of Cyrus's buffers.
        let body = "0123456789 abcdefghij\r\n".repeat(1000);
        let message = format!("{MARK}\r\nMessage-ID: <{number}@x>\r\n\r\n{body}");
        imap.append("INBOX", "", message.as_bytes());
    }
}

fn ours(lab: &Lab) -> Run {
    let run = sync_client(OURS, &lab.master, &["-o", "-v", "-v", "-u", "fred"]);
    for text in [&run.stdout, &run.stderr, &run.log] {
        assert!(!text.contains(PASSWORD), "{run}");
    }
    run
}

#[track_caller]
fn assert_same(lab: &Lab) {
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

/// The last login that the replica logged.
fn login(lab: &Lab) -> String {
    let log = lab.replica.log();
    log.lines().rfind(|line| line.contains("login: ")).unwrap_or_default().to_owned()
}

fn over_imap(lab: &Lab, port: u16) {
    lab.master.use_port(port);
    lab.master.set_config("sync_try_imap", Some("yes"));
}

/// All that went over the wire, without the base64 of the login.
fn seen(proxy: &Proxy) -> String {
    let all = [proxy.transcript(), proxy.answers()].concat();
    String::from_utf8_lossy(&all).into_owned()
}

/// Replicates over csync and over IMAP, and finds nothing of what was replicated on the wire.
fn assert_hidden(lab: &Lab, mechanism: &str) {
    // Compressed it could not be found anyway.
    lab.master.set_config("sync_deflate_level", Some("0"));
    for imap in [false, true] {
        let port = if imap { lab.replica.imap_port() } else { lab.replica.csync_port() };
        let proxy = Proxy::new(port, Duration::ZERO, true);
        lab.master.use_port(proxy.port());
        if imap {
            over_imap(lab, proxy.port());
            append(lab, 2);
        }
        let run = ours(lab).ok();
        assert!(run.stderr.contains("APPLY MESSAGE "), "{run}");
        assert_same(lab);
        let login = login(lab);
        assert!(login.contains(&format!(" repl {mechanism} ")), "{login}");
        let seen = seen(&proxy);
        assert!(seen.contains(&format!("AUTHENTICATE {mechanism}")), "{imap}: {seen}");
        assert!(seen.contains("OK Success (privacy protection)"), "{imap}: {seen}");
        assert!(proxy.traffic().sent > 20_000, "{imap}: {:?}", proxy.traffic());
        for clear in [MARK, "APPLY ", "MBOXNAME", "UNIQUEID", "user.fred"] {
            assert!(!seen.contains(clear), "over IMAP {imap}: {clear}: {seen}");
        }
    }
}

#[test]
fn digest_md5_hides_all_that_follows_over_csync_and_imap() {
    let lab = lab("DIGEST-MD5", "");
    assert_hidden(&lab, "DIGEST-MD5");
}

#[test]
fn compression_works_above_a_security_layer() {
    let lab = lab("DIGEST-MD5", "");
    for imap in [false, true] {
        if imap {
            over_imap(&lab, lab.replica.imap_port());
            append(&lab, 2);
        }
        let run = sync_client(OURS, &lab.master, &["-o", "-z", "-u", "fred"]).ok();
        assert_same(&lab);
        assert!(login(&lab).contains(" repl DIGEST-MD5 "), "{run}");
    }
}

#[test]
fn a_layer_that_is_meddled_with_ends_the_run() {
    let lab = lab("DIGEST-MD5", "");
    // A stranger's line in clear behind the login, which the client must not take for the
    // replica's.
    let end = "OK Success (privacy protection)\r\n";
    let forged = Forger::new(lab.replica.csync_port(), end, "* LSUB (user.fred)\r\nOK success\r\n");
    lab.master.use_port(forged.port);
    append(&lab, 1);
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let told = |words: &str| run.log.contains(words) || run.stderr.contains(words);
    assert!(told("bytes came in clear after the login") || told("security layer"), "{run}");
}

#[test]
fn digest_md5_logs_in_over_tls_too() {
    let mut lab = lab("DIGEST-MD5", "");
    let authority = Authority::new(&lab.replica, "ca");
    let root = authority.root().display().to_string();
    let certificate = authority.issue("replica", &["IP:127.0.0.1"], cyrsync_lab::certs::Valid::Now);
    lab.replica.use_certificate(&certificate);
    lab.master.set_config("tls_client_ca_file", Some(&root));
    lab.master.set_config("sync_tls", Some("require"));
    for imap in [false, true] {
        if imap {
            over_imap(&lab, lab.replica.imap_port());
            append(&lab, 1);
        }
        let run = ours(&lab).ok();
        assert!(login(&lab).contains(" repl DIGEST-MD5+TLS "), "{run}\n{}", login(&lab));
        assert_same(&lab);
    }
}

#[test]
fn a_wrong_and_a_missing_password_are_told_in_one_line() {
    let lab = lab("DIGEST-MD5", "");
    lab.master.set_config("sync_password", Some("not-the-password"));
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let told = |run: &Run, words: &[&str]| {
        run.log.lines().any(|line| words.iter().all(|word| line.contains(word)))
    };
    assert!(told(&run, &["log in to the replica as repl", "DIGEST-MD5", "hint: "]), "{run}");
    assert!(!format!("{run}").contains("not-the-password"), "{run}");
    lab.master.set_config("sync_password", None);
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(told(&run, &["DIGEST-MD5 cannot be used: ", "hint: set sync_authname"]), "{run}");
}

#[test]
fn our_own_stronger_mechanisms_come_before_digest_md5() {
    let lab = lab("PLAIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-256", "");
    ours(&lab).ok();
    assert!(login(&lab).contains(" repl SCRAM-SHA-256 "), "{}", login(&lab));
    // So does Cyrus's client choose.
    append(&lab, 1);
    cyrsync_lab::cyrus_sync_client(&lab.master, &["-u", "fred"]).ok();
    assert!(login(&lab).contains(" repl SCRAM-SHA-256 "), "{}", login(&lab));
    lab.master.set_config("force_sasl_client_mech", Some("CRAM-MD5 DIGEST-MD5"));
    append(&lab, 1);
    ours(&lab).ok();
    assert!(login(&lab).contains(" repl DIGEST-MD5 "), "{}", login(&lab));
}

#[test]
fn gssapi_logs_in_by_a_ticket_and_hides_all_that_follows() {
    let port = free_port();
    let mut lab = filled(Options {
        replica_conf: "sasl_mech_list: GSSAPI\nfailedloginpause: 0s\n\
                       sasl_keytab: {dir}/krb5.keytab\n"
            .into(),
        environment: [
            ("KRB5_CONFIG", "{lab}/krb5.conf"),
            ("KRB5_KTNAME", "{lab}/server.keytab"),
            ("KRB5CCNAME", "FILE:{lab}/tickets"),
            // Of the replay cache.
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
    // Without a keytab the plugin was not loaded.
    lab.replica.stop_server();
    lab.replica.start_server();
    // Without a ticket.
    let run = ours(&lab);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(run.log.contains("GSSAPI cannot be used: "), "{run}");
    realm.log_in();
    assert_hidden(&lab, "GSSAPI");
}

/// A Kerberos realm on the loopback interface.
struct Realm {
    dir: PathBuf,
    kdc: Child,
}

impl Realm {
    /// With the principal `repl`, and the replica's services in its keytab.
    fn new(place: &Path, port: u16) -> Realm {
        let dir = place.display().to_string();
        let conf = format!(
            "[libdefaults]\n default_realm = LAB.TEST\n dns_lookup_kdc = false\n\
             \x20dns_lookup_realm = false\n dns_canonicalize_hostname = false\n rdns = false\n\
             \x20ignore_acceptor_hostname = true\n udp_preference_limit = 1\n\
             [realms]\n LAB.TEST = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
        );
        fs::write(place.join("krb5.conf"), conf).unwrap();
        let conf = format!(
            "[kdcdefaults]\n kdc_listen = \"\"\n kdc_tcp_listen = 127.0.0.1:{port}\n\
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
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < deadline, "krb5kdc does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Realm { dir: place.to_owned(), kdc }
    }

    /// Gets the ticket that our client uses.
    fn log_in(&self) {
        let dir = self.dir.display();
        let tickets = format!("FILE:{dir}/tickets");
        let keytab = format!("{dir}/user.keytab");
        run(&self.dir, "/usr/bin/kinit", &["-k", "-t", &keytab, "-c", &tickets, "repl"]);
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        fs::set_permissions(self.dir.join("tickets"), all).unwrap();
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

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Forwards a connection, and puts a line of its own behind one that the server says.
struct Forger {
    port: u16,
}

impl Forger {
    fn new(target: u16, after: &str, line: &str) -> Forger {
        use std::io::{Read, Write};
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (after, line) = (after.as_bytes().to_vec(), line.as_bytes().to_vec());
        std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            let mut buffer = vec![0; 4096];
            while let Ok(size @ 1..) = server.read(&mut buffer) {
                let mut bytes = buffer[..size].to_vec();
                if bytes.ends_with(&after) {
                    bytes.extend(&line);
                }
                if client.write_all(&bytes).is_err() {
                    break;
                }
            }
        });
        Forger { port }
    }
}
