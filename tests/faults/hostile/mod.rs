//! Tests a broken or hostile replica. For any bytes that it sends, the client must end soon, use
//! little memory, and report the last command and the last reply. The master's mail must stay
//! unchanged.
//!
//! The client is the real program on a real master. The replica is a script of a few lines.

mod fuse;
mod greeting;
mod lies;
mod repair;
mod replies;
mod server;
mod stages;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cyrsync_lab::certs::{Authority, Valid};
use cyrsync_lab::run::start_sync_client;
use cyrsync_lab::{Imap, Lab, Options, compare, describe, sync_client};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use server::{Peer, Way};

const OURS: &str = env!("CARGO_BIN_EXE_sync_client");

/// Maximum memory that the client may use, for any replica.
const MEMORY_KIB: u64 = 64 << 10;
/// Time limit of a run, far above the normal time, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// Number of clients that run at the same time. Most of them wait for a timeout.
const AT_ONCE: usize = 6;
/// The client's timeouts, for hostile replicas.
const TIMEOUT: &str = "3s";

type Script = Box<dyn Fn(&mut Peer) + Send + Sync>;

/// The behaviour of a replica, and the words that the client's error line must contain.
struct Case {
    name: String,
    way: Way,
    words: Vec<String>,
    script: Script,
    args: &'static [&'static str],
    code: i32,
}

impl Case {
    fn new(
        name: &str,
        way: &Way,
        words: &[&str],
        script: impl Fn(&mut Peer) + Send + Sync + 'static,
    ) -> Case {
        Case {
            name: format!("{name} ({})", way.name()),
            way: way.clone(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            script: Box::new(script),
            args: &["-u", "fred"],
            code: 1,
        }
    }
}

/// A master with the user fred, who has mail.
struct World {
    lab: Lab,
}

impl World {
    fn new() -> World {
        let conf = "sync_try_imap: yes\n".to_owned();
        let lab = Lab::new(Options { master_conf: conf, ..Options::default() });
        Imap::admin(&lab.master).ok("CREATE user.fred");
        let mut fred = Imap::login(&lab.master, "fred");
        for number in 0..3 {
            let message =
                format!("From: <a@example.com>\r\nSubject: {number}\r\n\r\nsome text\r\n");
            fred.append("INBOX", "", message.as_bytes());
        }
        let world = World { lab };
        world.set_timeouts(TIMEOUT);
        world
    }

    /// Returns the TLS configuration for a scripted replica. The client trusts its certificate.
    fn tls(&self) -> Arc<ServerConfig> {
        let authority = Authority::new(&self.lab.master, "authority");
        let root = authority.root().display().to_string();
        self.lab.master.set_config("tls_server_ca_file", Some(&root));
        let own = authority.issue("replica", &["IP:127.0.0.1"], Valid::Now);
        let chain = vec![CertificateDer::from_pem_file(&own.cert).expect("openssl made it")];
        let key = PrivateKeyDer::from_pem_file(&own.key).expect("openssl made it");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them");
        Arc::new(config.with_no_client_auth().with_single_cert(chain, key).expect("a pair"))
    }

    /// Runs the client against each of these replicas. Asserts that it fails within the limits of
    /// time and memory, and reports the reason.
    #[track_caller]
    fn run(&self, cases: Vec<Case>) {
        let (next, count) = (AtomicUsize::new(0), cases.len());
        let cases: Vec<_> =
            cases.into_iter().map(|case| std::sync::Mutex::new(Some(case))).collect();
        let work = || {
            let mut failed = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                let case = case.lock().expect("nobody panics").take().expect("each is taken once");
                failed.extend(self.against(case).err());
            }
            failed
        };
        let failed: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
        });
        let all = failed.join("\n\n");
        assert!(failed.is_empty(), "{} of {count} cases failed:\n{all}", failed.len());
    }

    fn against(&self, case: Case) -> Result<(), String> {
        let Case { name, way, words, script, args, code } = case;
        let place = format!("127.0.0.1:{}", server::serve(way, script));
        let args = [&["-o", "-v", "-S", &place], args].concat();
        let running = start_sync_client(OURS, &self.lab.master, &args);
        let (run, cost) = running
            .wait_measured_within(PATIENCE)
            .map_err(|running| format!("{name}: no end: {:?}", running.so_far()))?;
        println!("{name}: {} KiB, {:?}", cost.peak_kib, cost.wall);
        let reported = format!("{}{}{}", run.stdout, run.stderr, run.log);
        let mut lines = reported.lines();
        if run.status.code() != Some(code) || run.stderr.contains("panicked") {
            Err(format!("{name}: {run}"))
        } else if !(1..MEMORY_KIB).contains(&cost.peak_kib) {
            Err(format!("{name}: {} KiB: {run}", cost.peak_kib))
        } else if !lines.any(|line| words.iter().all(|word| line.contains(word))) {
            Err(format!("{name}: no line with {words:?} in:\n{reported}"))
        } else {
            Ok(())
        }
    }

    /// Sets the timeouts. With an honest replica they must be long.
    fn set_timeouts(&self, time: &str) {
        for option in ["sync_timeout", "client_timeout"] {
            self.lab.master.set_config(option, Some(time));
        }
    }

    /// Asserts that a real replica receives everything afterwards.
    #[track_caller]
    fn nothing_is_lost(&self) {
        self.set_timeouts("10m");
        sync_client(OURS, &self.lab.master, &["-o", "-u", "fred"]).ok();
        let differences = compare(&self.lab.master, &self.lab.replica);
        assert!(differences.is_empty(), "{}", describe(&differences, 20));
        let uids = Imap::login(&self.lab.replica, "fred").with_selected("INBOX").uids();
        assert_eq!(uids, [1, 2, 3]);
    }
}
