//! Collects the data of one side of a comparison as paths and values.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Facts;
use crate::cyrus::Cyrus;
use crate::dlist::Value;
use crate::places::{Places, places};
use crate::sync_server::SyncServer;
use crate::tools;
use crate::trees::Release;

/// Message files by UID. If the path does not exist, the message has no file.
pub(crate) type Files = BTreeMap<u64, PathBuf>;

/// A server and a session on its spool.
pub(crate) struct Side<'a> {
    cyrus: &'a Cyrus,
    server: SyncServer,
}

/// The contents of mailboxes.db.
pub(crate) struct Mailboxes {
    pub(crate) facts: Facts,
    /// Mailboxes that can be opened, by internal name.
    pub(crate) open: Vec<String>,
    /// Owners of mailboxes, including deleted ones.
    pub(crate) users: Vec<String>,
    /// Users whose INBOX is a tombstone. Cyrus finds their files by the uniqueid in the tombstone,
    /// so after a rename it finds the files of another user.
    pub(crate) gone: Vec<String>,
}

/// The contents of a mailbox.
pub(crate) struct Contents {
    pub(crate) facts: Facts,
    pub(crate) files: Files,
}

impl<'a> Side<'a> {
    pub(crate) fn open(cyrus: &'a Cyrus) -> Side<'a> {
        Side { cyrus, server: SyncServer::spawn(cyrus) }
    }

    /// Sends a `GET`. The caller reads the reply later, so that both servers work at the same time.
    pub(crate) fn ask(&mut self, name: &str, value: &str) {
        let mut line = format!("GET {name} ").into_bytes();
        Value::text(value).write(&mut line);
        line.extend(b"\r\n");
        self.server.send(&line);
    }

    /// Returns the entries of mailboxes.db: by name (`N`) and by uniqueid (`I`).
    ///
    /// Tombstones and name histories are left out, because they describe the past of a server. The
    /// protocol of 3.6 transfers only current names, and each server writes its own past.
    pub(crate) fn mailboxes(&self) -> Mailboxes {
        let mut found = Mailboxes {
            facts: Facts::new(),
            open: Vec::new(),
            users: Vec::new(),
            gone: Vec::new(),
        };
        let kind = tools::database_type(self.cyrus, "mboxlist_db");
        for (key, value) in tools::dump(self.cyrus, "mailboxes.db", &kind) {
            let (kind, name) = match self.cyrus.release() {
                Release::Bullseye if key.starts_with('$') => continue,
                Release::Bullseye => ("N", key.clone()),
                _ => {
                    let (kind, name) = key.split_at_checked(1).unwrap_or((&key, ""));
                    (kind, tools::internal_name(name))
                }
            };
            if kind == "J" {
                // An index by owner and JMAP id, for Cyrus's own use. It has copies of the entries
                // by uniqueid. If several mailboxes have the same id, it contains the entry that
                // was written last.
                continue;
            }
            if !matches!(kind, "N" | "I") {
                // Reverse ACLs, whose keys contain the mailbox and the user.
                found.facts.insert(format!("mailboxes.db {kind} {name}"), value);
                continue;
            }
            let mut entry = match Value::parse(value.as_bytes()) {
                Ok((entry, b"")) => entry.into_map(),
                other => panic!("mailboxes.db: {key}: {value}: {other:?}"),
            };
            if self.cyrus.release() == Release::Bullseye {
                // Convert to the format of 3.6: type `e` (mail) is written explicitly, and
                // intermediate mailboxes have no ACL.
                let types = entry.remove("T").map_or_else(|| "e".into(), |types| types.show());
                let types = if types == "i" { "ei".into() } else { types };
                if types == "ei" {
                    entry.remove("A");
                }
                entry.insert("T".into(), Value::text(&types));
            }
            let types = entry.get("T").map_or_else(String::new, Value::show);
            if kind == "N" {
                found.users.extend(owner(&name));
                if types.contains('d') && is_inbox(&name) {
                    found.gone.extend(owner(&name));
                }
                if !types.contains(['d', 'i', 'z', 'r']) {
                    found.open.push(name.clone());
                }
            }
            let past = types.contains('d');
            entry.remove("H");
            for (field, value) in entry.into_iter().filter(|_| !past) {
                let path = format!("mailboxes.db {kind} {name} {field}");
                let shown = match (field.as_str(), value) {
                    ("N", Value::Text(text)) => {
                        tools::internal_name(&String::from_utf8_lossy(&text))
                    }
                    ("A", acl @ Value::Keyed(_)) => {
                        let rights = acl.into_map();
                        let pairs =
                            rights.iter().map(|(who, what)| format!("{who} {}", what.show()));
                        pairs.collect::<Vec<_>>().join(", ")
                    }
                    // Each server decides for itself whether directories are named after the
                    // mailbox (type `l`).
                    ("T", value) => value.show().replace('l', ""),
                    (_, value) => value.show(),
                };
                found.facts.insert(path, shown);
            }
        }
        found.users.sort();
        found.users.dedup();
        found
    }

    /// Returns the directories of these mailboxes.
    pub(crate) fn places(&self, mailboxes: &[String]) -> BTreeMap<String, Places> {
        places(self.cyrus, mailboxes.iter().map(String::as_str))
    }

    /// Returns the seen state, subscriptions and Sieve scripts of a user.
    pub(crate) fn user(&mut self, user: &str) -> Facts {
        let mut facts = Facts::new();
        for (kind, value) in self.server.reply().ok() {
            let prefix = format!("USER {user} {kind}");
            match kind.as_str() {
                "LSUB" => {
                    for name in value.items() {
                        facts.insert(format!("{prefix} {}", name.show()), "subscribed".into());
                    }
                }
                "SEEN" => fields(&mut facts, &prefix, &["UNIQUEID"], value),
                _ => fields(&mut facts, &prefix, &["FILENAME"], value),
            }
        }
        facts
    }

    /// Returns the annotations of the server itself.
    pub(crate) fn server_annotations(&mut self) -> Facts {
        let mut facts = Facts::new();
        for (_, value) in self.server.reply().ok() {
            fields(&mut facts, "SERVER ANNOTATION", &["ENTRY", "USERID"], value);
        }
        facts
    }

    /// Returns the limits and usage of the quota roots.
    ///
    /// Roots without a mailbox at or below them are left out, because the protocol shows roots only
    /// through their mailboxes. A rename or delete leaves such roots until `quota -f` removes them.
    /// The modseq of a root is also left out: it rises on each server with changes other than
    /// limits.
    pub(crate) fn quotas(&mut self, mailboxes: &[String]) -> Facts {
        let mut facts = Facts::new();
        let mut roots = Vec::new();
        match tools::database_type(self.cyrus, "quota_db").as_str() {
            "quotalegacy" => {
                let conf = self.cyrus.config_dir();
                quota_files(&conf.join("quota"), "", &mut roots);
                let letters = directories(&conf.join("domain"));
                for domain in letters.iter().flat_map(|letter| directories(letter)) {
                    let name = domain.file_name().unwrap_or_default().to_string_lossy();
                    quota_files(&domain.join("quota"), &format!("{name}!"), &mut roots);
                }
            }
            kind => roots = tools::dump(self.cyrus, "quotas.db", kind),
        }
        roots.retain(|(root, _)| {
            let applies = |m: &String| {
                let below =
                    |rest: &str| rest.is_empty() || rest.starts_with('.') || root.ends_with('!');
                m.strip_prefix(root).is_some_and(below)
            };
            mailboxes.iter().any(applies)
        });
        for (root, text) in roots {
            let used = text.split(" MODSEQ").next().unwrap_or_default().to_owned();
            facts.insert(format!("QUOTA {root} FILE"), used);
            self.ask("QUOTA", &root);
            for (_, value) in self.server.reply().ok() {
                fields(&mut facts, "QUOTA", &["ROOT"], value);
                facts.remove(&format!("QUOTA {root} MODSEQ"));
                // Since 3.10 these limits are also reported under the names of RFC 9208.
                facts.remove(&format!("QUOTA {root} ANNOTATION-STORAGE"));
                facts.remove(&format!("QUOTA {root} MAILBOX"));
            }
        }
        facts
    }

    /// Returns a mailbox with all its records, and the files of its unexpunged messages. `places`
    /// are the directories of all mailboxes that this side had when the comparison began.
    pub(crate) fn mailbox(&mut self, name: &str, places: &BTreeMap<String, Places>) -> Contents {
        let mut contents = Contents { facts: Facts::new(), files: Files::new() };
        let reply = self.server.reply();
        if reply.status != crate::Status::Ok {
            // Add the server's name, so that a mailbox that is broken on both sides counts as a
            // difference.
            let words = format!("{:?} {} on {}", reply.status, reply.text, self.cyrus.name());
            contents.facts.insert(format!("{name} FULLMAILBOX"), words);
            return contents;
        }
        let Some(places) = places.get(name) else {
            // Its entry in mailboxes.db was not there yet, and is a difference already.
            contents.facts.insert(format!("{name} FULLMAILBOX"), "appeared meanwhile".to_owned());
            return contents;
        };
        for (_, value) in reply.items {
            let Value::Keyed(items) = value else { continue };
            for (key, value) in items {
                match (key.as_str(), value) {
                    ("RECORD", Value::List(records)) => {
                        for record in records {
                            let uid = record.num("UID");
                            if !flags(&record).contains("\\Expunged") {
                                let [file, archived] = places.message(uid);
                                let path = if archived.exists() { archived } else { file };
                                contents.files.insert(uid, path);
                            }
                            fields(
                                &mut contents.facts,
                                &format!("{name} RECORD"),
                                &["UID"],
                                record,
                            );
                        }
                    }
                    (_, value) => field(&mut contents.facts, name, &key, value),
                }
            }
        }
        contents
    }
}

/// Adds the fields of a keyed list. The path is the prefix followed by the values of `keys`.
fn fields(facts: &mut Facts, prefix: &str, keys: &[&str], value: Value) {
    let mut map = value.into_map();
    let mut path = prefix.to_owned();
    for key in keys {
        path.push(' ');
        path.push_str(&map.remove(*key).map_or_else(String::new, |v| v.show()));
    }
    for (key, value) in map {
        field(facts, &path, &key, value);
    }
}

/// Adds one field. Sorts lists whose order has no meaning.
fn field(facts: &mut Facts, path: &str, key: &str, value: Value) {
    match (key, value) {
        ("ANNOTATIONS", Value::List(annotations)) => {
            for annotation in annotations {
                fields(facts, &format!("{path} ANNOTATION"), &["ENTRY", "USERID"], annotation);
            }
        }
        ("FLAGS", Value::List(flags)) => {
            let mut names: Vec<String> = flags.iter().map(Value::show).collect();
            names.sort();
            facts.insert(format!("{path} FLAGS"), format!("({})", names.join(" ")));
        }
        ("ACL", Value::Text(acl)) => {
            let text = String::from_utf8_lossy(&acl);
            let words: Vec<&str> = text.trim_end_matches('\t').split('\t').collect();
            let mut pairs: Vec<String> = words.chunks(2).map(|p| p.join(" ")).collect();
            pairs.sort();
            facts.insert(format!("{path} ACL"), pairs.join(", "));
        }
        (_, value) => {
            facts.insert(format!("{path} {key}"), value.show());
        }
    }
}

fn flags(record: &Value) -> String {
    record.get("FLAGS").map_or_else(String::new, Value::show).replace("\\\\", "\\")
}

/// Returns the owner of a mailbox: john.doe for `user.john^doe.Sent` and
/// `DELETED.user.john^doe.Sent.6B04A4A8`, fred@example.com for `example.com!user.fred`.
fn owner(name: &str) -> Option<String> {
    let (domain, local) = match name.split_once('!') {
        Some((domain, local)) => (Some(domain), local),
        None => (None, name),
    };
    let local = local.strip_prefix("DELETED.").unwrap_or(local);
    let user = local.strip_prefix("user.")?.split('.').next()?.replace('^', ".");
    Some(match domain {
        Some(domain) => format!("{user}@{domain}"),
        None => user,
    })
}

fn is_inbox(name: &str) -> bool {
    let local = name.split_once('!').map_or(name, |(_, local)| local);
    local.strip_prefix("user.").is_some_and(|user| !user.contains('.'))
}

/// Collects the quota roots below a directory of a `quotalegacy` database. Each file has the name
/// of a root without its domain; a file `root` is the root of the whole domain. Returns the
/// contents in the format of other databases.
fn quota_files(dir: &Path, domain: &str, out: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            quota_files(&path, domain, out);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let value = text.trim_end_matches('\n').replacen('\n', " ", 1);
        let root = if name == "root" { domain.to_owned() } else { format!("{domain}{name}") };
        out.push((root, value));
    }
    out.sort();
}

fn directories(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}
