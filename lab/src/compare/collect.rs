//! One side of a comparison, turned into paths and values.

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

/// Message files by UID. A path that does not exist is a message without a file.
pub(crate) type Files = BTreeMap<u64, PathBuf>;

/// One server and a session with its spool.
pub(crate) struct Side<'a> {
    cyrus: &'a Cyrus,
    server: SyncServer,
}

/// What mailboxes.db holds.
pub(crate) struct Mailboxes {
    pub(crate) facts: Facts,
    /// Those that can be opened, by internal name.
    pub(crate) open: Vec<String>,
    /// Owners of mailboxes, deleted ones included.
    pub(crate) users: Vec<String>,
    /// Users of whose INBOX there is a tombstone. By the uniqueid in it Cyrus finds their files,
    /// which after a rename are somebody else's.
    pub(crate) gone: Vec<String>,
}

/// What a mailbox holds.
pub(crate) struct Contents {
    pub(crate) facts: Facts,
    pub(crate) files: Files,
}

impl<'a> Side<'a> {
    pub(crate) fn open(cyrus: &'a Cyrus) -> Side<'a> {
        Side { cyrus, server: SyncServer::spawn(cyrus) }
    }

    /// Sends a `GET`; the answer is read by the method for it, so that both sides work at once.
    pub(crate) fn ask(&mut self, name: &str, value: &str) {
        let mut line = format!("GET {name} ").into_bytes();
        Value::text(value).write(&mut line);
        line.extend(b"\r\n");
        self.server.send(&line);
    }

    /// Entries of mailboxes.db: by name (`N`) and by uniqueid (`I`).
    ///
    /// Tombstones and name histories are left out: they tell how a server got where it is. The
    /// protocol of 3.6 speaks of present names alone; each server writes its own past.
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
            if !matches!(kind, "N" | "I") {
                // Reverse ACLs: who may do what to which mailbox is in the key.
                found.facts.insert(format!("mailboxes.db {kind} {name}"), value);
                continue;
            }
            let mut entry = match Value::parse(value.as_bytes()) {
                Ok((entry, b"")) => entry.into_map(),
                other => panic!("mailboxes.db: {key}: {value}: {other:?}"),
            };
            if self.cyrus.release() == Release::Bullseye {
                // As 3.6 writes them: mail, where nothing else is said; no ACL of intermediates.
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
                    // Whether the directories are by name: each server's own affair.
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

    /// Where the files of these mailboxes are.
    pub(crate) fn places(&self, mailboxes: &[String]) -> BTreeMap<String, Places> {
        places(self.cyrus, mailboxes.iter().map(String::as_str))
    }

    /// Seen state, subscriptions and sieve scripts of a user.
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

    /// Annotations of the server itself.
    pub(crate) fn server_annotations(&mut self) -> Facts {
        let mut facts = Facts::new();
        for (_, value) in self.server.reply().ok() {
            fields(&mut facts, "SERVER ANNOTATION", &["ENTRY", "USERID"], value);
        }
        facts
    }

    /// Limits and use of the quota roots.
    ///
    /// A root with no mailbox at or below it (left after a rename or delete; `quota -f` removes
    /// it) is left out: the protocol shows roots only through the mailboxes they apply to. So is
    /// the modseq of a root, which on each server rises with changes that are no change of limits.
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
                // Since 3.8 these are told once more under the names of RFC 9208.
                facts.remove(&format!("QUOTA {root} ANNOTATION-STORAGE"));
                facts.remove(&format!("QUOTA {root} MAILBOX"));
            }
        }
        facts
    }

    /// A mailbox with all its records, and the files of those that are not expunged.
    /// `places` are the directories of all mailboxes.
    pub(crate) fn mailbox(&mut self, name: &str, places: &BTreeMap<String, Places>) -> Contents {
        let mut contents = Contents { facts: Facts::new(), files: Files::new() };
        let reply = self.server.reply();
        if reply.status != crate::Status::Ok {
            // With the server's name, so that a mailbox broken on both sides does not go unseen.
            let words = format!("{:?} {} on {}", reply.status, reply.text, self.cyrus.name());
            contents.facts.insert(format!("{name} FULLMAILBOX"), words);
            return contents;
        }
        let places = places.get(name).unwrap_or_else(|| panic!("mbpath knows no {name}"));
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

/// Adds the fields of a keyed list, its path being the prefix and the values of `keys`.
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

/// Adds one field, in an order of its own where order has no meaning.
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

/// The owner of a mailbox: `user.john^doe.Sent` and `DELETED.user.john^doe.Sent.6B04A4A8` are
/// john.doe's, `example.com!user.fred` is fred@example.com's.
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

/// Quota roots below a directory of the `quotalegacy` database, one file each, named as the root
/// without its domain; `root` is that of the whole domain. With what the file holds, as it would
/// be in another database.
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
