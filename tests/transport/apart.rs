//! Runs a test once more in separate network and mount namespaces, in which every port is free and
//! /etc/hosts can have any content. For tests that need certain ports or host names.

use std::fs;
use std::process::Command;

/// Environment variable that is set while a test runs in the namespaces.
const APART: &str = "CYRSYNC_TEST_APART";

/// Sets the namespaces up and runs the test. Allows all users to use ports below 1024, because
/// Cyrus's master process runs as the cyrus user here.
const SCRIPT: &str = r#"
ip link set lo up
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
mount --bind "$3" /etc/hosts
exec "$1" --exact "$2" --nocapture
"#;

/// Returns `true` if the calling test runs in the namespaces and must do its work. Otherwise runs
/// the test there and returns `false`. `test` is its name, `hosts` the content of /etc/hosts.
#[track_caller]
pub fn is_here(test: &str, hosts: &str) -> bool {
    if std::env::var_os(APART).is_some() {
        return true;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), hosts).unwrap();
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(file.path(), all).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "/bin/sh", "-euc", SCRIPT, "sh"]);
    command.arg(std::env::current_exe().unwrap()).arg(test).arg(file.path());
    let output = command.env(APART, "yes").output().expect("unshare is part of Debian");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{test}, apart: {}\n{out}\n{err}", output.status);
    assert!(out.contains("1 passed"), "{test} is not there: {out}");
    false
}
