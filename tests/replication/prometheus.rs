//! Loads the alert rules and the dashboard of `contrib/` into a real Prometheus, with real metrics.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cyrsync_lab::{Imap, Lab, Port};
use serde_json::Value;

use crate::common::{append, create};
use crate::rolling::{drained, rolling, stop};

/// Time limit for each expected event.
const PATIENCE: Duration = Duration::from_secs(60);

fn contrib(file: &str) -> PathBuf {
    cyrsync_lab::checkout().join("contrib").join(file)
}

/// Serves a file by HTTP, like a node exporter. Returns the port, and a flag that ends the server.
fn exporter(file: PathBuf) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let is_over = Arc::new(AtomicBool::new(false));
    let ends = is_over.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if ends.load(Ordering::Relaxed) {
                return;
            }
            let mut stream = stream;
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let text = fs::read_to_string(&file).unwrap_or_default();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n";
            let length = text.len();
            let _ =
                write!(stream, "{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{text}");
        }
    });
    (port, is_over)
}

/// A Prometheus with our alert rules. It reads the metrics once a second.
struct Prometheus {
    child: Child,
    port: Port,
}

impl Prometheus {
    fn start(lab: &Lab, target: u16) -> Prometheus {
        let scratch = lab.master.scratch();
        let port = Port::reserve();
        let config = scratch.join("prometheus.yml");
        let rules = contrib("prometheus/cyrsync.rules.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{}']\n\
             scrape_configs:\n- job_name: cyrsync\n  static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n",
            rules.display()
        );
        fs::write(&config, text).expect("own directory");
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", scratch.join("tsdb").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{}", port.number()));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Prometheus { child: command.spawn().expect("prometheus is installed"), port }
    }

    /// Returns the answer of the HTTP API to a request.
    fn get(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port.number())).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// Returns the answer to a query. `more` is further parameters.
    fn query(&self, expression: &str, more: &str) -> Option<Value> {
        let quoted: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.get(&format!("/api/v1/query?query={quoted}{more}"))
    }

    /// Waits until the result of a query is `wanted`.
    #[track_caller]
    fn until(&self, expression: &str, wanted: &str) {
        self.known(expression, |value| value == wanted);
    }

    /// Waits until a query has a result that is `wanted`. Returns it.
    #[track_caller]
    fn known(&self, expression: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.query(expression, "");
            let value = answer.as_ref().map(|a| &a["data"]["result"][0]["value"][1]);
            if let Some(value) = value.and_then(Value::as_str).filter(|value| wanted(value)) {
                return value.to_owned();
            }
            assert!(Instant::now() < end, "{expression} is not as wanted: {answer:?}");
            // No event announces that Prometheus has read the metrics, so query again.
            thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns all expressions of the dashboard, with `.*` as the channel.
fn expressions() -> Vec<String> {
    let text = fs::read_to_string(contrib("grafana/cyrsync.json")).expect("own file");
    let dashboard: Value = serde_json::from_str(&text).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("a target"));
    let expression = |target: &Value| target["expr"].as_str().expect("text").to_owned();
    targets.map(|target| expression(target).replace("$channel", ".*")).collect()
}

/// Returns the names of all metrics in the alerts and the dashboard.
fn metrics() -> BTreeSet<String> {
    let files = ["grafana/cyrsync.json", "prometheus/cyrsync.rules.yml"];
    let texts = files.map(|file| fs::read_to_string(contrib(file)).expect("own file"));
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = texts.iter().flat_map(|text| text.split(|c| !is_part(c)));
    words.filter(|word| word.starts_with("cyrsync_")).map(str::to_owned).collect()
}

#[test]
fn prometheus_reads_the_metrics_the_alerts_and_the_dashboard() {
    let mut lab = Lab::default();
    let file = lab.master.scratch().join("cyrsync.prom");
    lab.master.set_config("sync_metrics_file", file.to_str());
    create(&lab.master, &["user.fred"]);
    let running = rolling(&lab, &[]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    let running = drained(running, &lab);
    let (port, is_over) = exporter(file);
    let prometheus = Prometheus::start(&lab, port);
    prometheus.until("cyrsync_messages_total{server=\"127.0.0.1\"}", "1");
    prometheus.until("cyrsync_up", "1");
    prometheus.until("cyrsync_backlog_entries", "0");
    let known =
        prometheus.get("/api/v1/label/__name__/values").expect("it answers")["data"].clone();
    for metric in metrics() {
        // This metric has values only for kinds of failures that have occurred.
        let is_known = metric == "cyrsync_failures_total"
            || known.as_array().is_some_and(|known| known.contains(&metric.as_str().into()));
        assert!(is_known, "{metric} is not among {known}");
    }
    // At the time when the metrics were read. If they cannot be read in time once, Prometheus forgets
    // the values until it has read them again.
    let read_at = prometheus.known("timestamp(cyrsync_up)", |_| true);
    for expression in expressions() {
        let answer =
            prometheus.query(&expression, &format!("&time={read_at}")).expect("it answers");
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        let has_none = answer["data"]["result"].as_array().is_none_or(Vec::is_empty);
        // These expressions may have no value: nothing has failed, and a rate needs some time.
        let may = expression.contains("failures") || expression.contains('[');
        assert!(!has_none || may, "{expression}: {answer}");
    }
    lab.replica.stop_server();
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "two");
    prometheus.until("cyrsync_connected", "0");
    prometheus.until("sum(cyrsync_failures_total) > bool 0", "1");
    stop(running);
    prometheus.until("cyrsync_up", "0");
    let rules = prometheus.get("/api/v1/rules").expect("it answers");
    let rules = rules["data"]["groups"][0]["rules"].as_array().expect("a group of rules");
    assert_eq!(rules.len(), 6, "{rules:?}");
    assert!(rules.iter().all(|rule| rule["health"] == "ok"), "{rules:?}");
    // The alert is pending for five minutes before it fires.
    prometheus.until("count(ALERTS{alertname=\"CyrsyncNotRunning\",alertstate=\"pending\"})", "1");
    is_over.store(true, Ordering::Relaxed);
}
