//! Writes the configuration of a server: imapd.conf and cyrus.conf.

use std::fs;
use std::path::Path;

use super::{Cyrus, PROGRAM_DIRS, Ports};
use crate::options::{ADMIN, Options, REPLICATOR};
use crate::port::Port;
use crate::run::copy_program;

impl Cyrus {
    /// Writes imapd.conf and cyrus.conf. Lines of `extra` replace the lab's own lines.
    pub(crate) fn configure(&self, options: &Options, extra: &str) {
        let yes = |value: bool| if value { "yes" } else { "no" };
        let dir = self.dir.display();
        let text = format!(
            "configdirectory: {dir}/conf\n\
             proc_path: {dir}/proc\n\
             mboxname_lockpath: {dir}/lock\n\
             defaultpartition: default\n\
             partition-default: {dir}/spool\n\
             partition-second: {dir}/second\n\
             sievedir: {dir}/sieve\n\
             servername: {name}\n\
             admins: {ADMIN} {REPLICATOR}\n\
             proxyservers: {ADMIN}\n\
             allowplaintext: yes\n\
             sasl_pwcheck_method: auxprop\n\
             sasl_auxprop_plugin: sasldb\n\
             sasl_sasldb_path: {dir}/sasldb2\n\
             sasl_mech_list: PLAIN\n\
             annotation_definitions: {dir}/annotations\n\
             skiplist_unsafe: yes\n\
             duplicatesuppression: no\n\
             autocreate_quota: -1\n\
             unixhierarchysep: {sep}\n\
             altnamespace: {alt}\n\
             hashimapspool: {hash}\n\
             conversations: {conversations}\n\
             reverseacls: {reverseacls}\n\
             delete_mode: {delete}\n\
             expunge_mode: {expunge}\n\
             virtdomains: {virt}\n",
            name = self.name,
            sep = yes(options.unixhierarchysep),
            alt = yes(options.altnamespace),
            hash = yes(options.hashimapspool),
            conversations = yes(options.conversations),
            reverseacls = yes(options.reverseacls),
            delete = if options.delayed_delete { "delayed" } else { "immediate" },
            expunge = if options.delayed_expunge { "delayed" } else { "immediate" },
            virt = if options.virtdomains { "userid" } else { "off" },
        );
        let mut text = text;
        if let Some(tree) = &self.tree {
            // Our client also writes to this spool through the sync_server of the same version.
            let script = self.dir.join("sync_server");
            let draft = script.with_extension("draft");
            self.guard.write(&draft, tree.script("/usr/lib/cyrus/bin/sync_server"));
            copy_program(&draft, &script);
            text.push_str(&format!("sync_server_path: {}\n", script.display()));
        }
        let extra = extra.replace("{dir}", &dir.to_string());
        self.guard.write(&self.imapd_conf(), merge(&text, &extra));
        let Ports { imap, imaps, csync, sieve } = &self.ports;
        let [imap, imaps, csync, sieve] = [imap, imaps, csync, sieve].map(Port::number);
        let bin = PROGRAM_DIRS[0];
        let conf = self.imapd_conf();
        let service = |name: &str, program: &str, listen: &str| {
            let conf = conf.display();
            format!("  {name} cmd=\"{bin}/{program} -C {conf}\" listen=\"{listen}\" prefork=0\n")
        };
        let csync = service("csync", "sync_server", &format!("127.0.0.1:{csync}"));
        let services = [
            service("imap", "imapd", &format!("127.0.0.1:{imap}")),
            service("imaps", "imapd -s", &format!("127.0.0.1:{imaps}")),
            if options.csync { csync } else { String::new() },
            service("sieve", "timsieved", &format!("127.0.0.1:{sieve}")),
            service("csyncunix", "sync_server", &self.csync_socket().display().to_string()),
            service("lmtpunix", "lmtpd", &self.lmtp_socket().display().to_string()),
        ];
        let services = services.concat();
        let text =
            format!("START {{\n}}\nSERVICES {{\n{services}}}\nEVENTS {{\n}}\nDAEMON {{\n}}\n");
        self.guard.write(&self.dir.join("cyrus.conf"), text);
    }

    /// Chooses other ports. The caller must then call `configure`.
    pub(crate) fn change_ports(&mut self) {
        self.ports = Ports::reserve();
    }

    /// Returns whether imapd.conf configures archive partitions.
    pub(crate) fn has_archive(&self) -> bool {
        let text = fs::read_to_string(self.imapd_conf()).expect("imapd.conf was written");
        text.lines().any(|line| line.starts_with("archivepartition-"))
    }

    /// Sets the server's certificate and restarts the daemons. Cyrus 3.10 and later also need an
    /// option to offer STARTTLS.
    pub fn use_certificate(&mut self, certificate: &crate::certs::Certificate) {
        let (cert, key) = (certificate.cert.display(), certificate.key.display());
        self.set_config("tls_server_cert", Some(&cert.to_string()));
        self.set_config("tls_server_key", Some(&key.to_string()));
        if self.release().version() >= (3, 10) {
            self.set_config("allowstarttls", Some("yes"));
        }
        self.stop_server();
        self.start_server();
    }

    /// Sets an option of imapd.conf, or removes it with `None`. Tools use the new value
    /// immediately, daemons after their next start.
    pub fn set_config(&self, option: &str, value: Option<&str>) {
        let old = fs::read_to_string(self.imapd_conf()).expect("imapd.conf was written");
        let is_other = |line: &&str| line.split(':').next() != Some(option);
        let mut lines: Vec<String> = old.lines().filter(is_other).map(str::to_owned).collect();
        lines.extend(value.map(|value| format!("{option}: {value}")));
        self.guard.write(&self.imapd_conf(), lines.join("\n") + "\n");
    }

    /// Adds a program to a section of cyrus.conf, such as `START` or `DAEMON`. master starts it
    /// when it starts itself.
    ///
    /// # Panics
    /// If there is no such section.
    pub fn add_entry(&self, section: &str, name: &str, command: &str) {
        let path = self.dir.join("cyrus.conf");
        let old = fs::read_to_string(&path).expect("cyrus.conf was written");
        let head = format!("{section} {{\n");
        assert!(old.contains(&head), "cyrus.conf has no section {section}");
        let entry = format!("{head}  {name} cmd=\"{command}\"\n");
        self.guard.write(&path, old.replace(&head, &entry));
    }

    /// Returns whether cyrus.conf has a service of this name.
    pub fn has_service(&self, name: &str) -> bool {
        let text = fs::read_to_string(self.dir.join("cyrus.conf")).expect("cyrus.conf was written");
        text.lines().any(|line| line.starts_with(&format!("  {name} cmd=")))
    }

    /// Adds a service to cyrus.conf: a Cyrus program with its arguments, for this address and port.
    /// The daemons must be restarted.
    pub fn add_service(&self, name: &str, program: &str, listen: &str) {
        let command = format!("{}/{program} -C {}", PROGRAM_DIRS[0], self.imapd_conf().display());
        let more = format!("{command}\" listen=\"{listen}\" prefork=\"0");
        self.add_entry("SERVICES", name, &more);
    }

    /// Makes the services that run `program`, one of Cyrus's programs, preload a library. The
    /// daemons must be restarted.
    pub fn preload(&self, program: &str, library: &Path) {
        let path = self.dir.join("cyrus.conf");
        let old = fs::read_to_string(&path).expect("cyrus.conf was written");
        let command = format!("{}/{program}", PROGRAM_DIRS[0]);
        let script = self.scratch().join(program);
        assert!(old.contains(&format!("\"{command} ")), "no service is {program}: {old}");
        let text = format!(
            "#!/bin/sh\nLD_PRELOAD=\"$LD_PRELOAD:{}\" exec {command} \"$@\"\n",
            library.display()
        );
        let source = self.scratch().join(format!("{program}.sh"));
        self.guard.write(&source, text);
        copy_program(&source, &script);
        let through = old.replace(&format!("\"{command} "), &format!("\"{} ", script.display()));
        self.guard.write(&path, through);
    }

    /// Configures sync_client on this server to replicate to `replica`.
    pub fn use_replica(&self, replica: &Cyrus) {
        self.use_port(replica.csync_port());
        self.set_config("sync_realm", Some(replica.name()));
    }

    /// Configures sync_client on this server to connect to a port of 127.0.0.1, such as that of a
    /// [`Proxy`](crate::Proxy).
    pub fn use_port(&self, port: u16) {
        self.set_config("sync_port", Some(&port.to_string()));
    }
}

/// Merges lines of imapd.conf so that each option appears once. The last line wins. A line without
/// a value removes the option.
fn merge(lines: &str, more: &str) -> String {
    let mut merged: Vec<&str> = Vec::new();
    for line in lines.lines().chain(more.lines()).filter(|line| !line.is_empty()) {
        let (option, value) = line.split_once(':').unwrap_or((line, ""));
        merged.retain(|other| other.split(':').next() != Some(option));
        if !value.trim().is_empty() {
            merged.push(line);
        }
    }
    merged.join("\n") + "\n"
}
