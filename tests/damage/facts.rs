//! What the replica holds, as its own replication server tells it: a line for each thing.

use std::collections::BTreeMap;

use cyrsync_lab::{Cyrus, SyncServer, Value};

/// Things and their state: `MAILBOX id`, `LSUB name`, `QUOTA root`, ...
pub type Facts = BTreeMap<String, String>;

/// A session with the replica's spool, kept from seed to seed.
pub struct Oracle(SyncServer);

impl Oracle {
    /// Starts it.
    pub fn new(replica: &Cyrus) -> Oracle {
        Oracle(SyncServer::spawn(replica))
    }

    /// Everything of a user.
    pub fn user(&mut self, user: &str) -> Facts {
        let mut facts = Facts::new();
        for (kind, value) in self.0.get("USER", &Value::text(user)).ok() {
            match kind.as_str() {
                "LSUB" => {
                    for name in value.items() {
                        facts.insert(format!("LSUB {}", name.show()), String::new());
                    }
                }
                "MAILBOX" => add(&mut facts, &kind, "UNIQUEID", value),
                "SEEN" => add(&mut facts, &kind, "UNIQUEID", value),
                "QUOTA" => add(&mut facts, &kind, "ROOT", value),
                _ => add(&mut facts, &kind, "FILENAME", value),
            }
        }
        facts
    }

    /// The state of mailboxes, as the server tells it.
    pub fn mailboxes(&mut self, names: &[&str]) -> Vec<(String, Value)> {
        self.0.get("MAILBOXES", &Value::texts(names)).ok()
    }

    /// Shared mailboxes and the server's annotations.
    pub fn others(&mut self, shared: &[&str]) -> Facts {
        let mut facts = Facts::new();
        for (kind, value) in self.mailboxes(shared) {
            add(&mut facts, &kind, "UNIQUEID", value);
        }
        for (kind, value) in self.0.get("ANNOTATION", &Value::text("")).ok() {
            add(&mut facts, &kind, "ENTRY", value);
        }
        facts
    }
}

fn add(facts: &mut Facts, kind: &str, key: &str, value: Value) {
    let name = value.get(key).map_or_else(String::new, Value::show);
    let mut fields = value.into_map();
    // Rises with changes that are none of limits, on each server by itself.
    if kind == "QUOTA" {
        fields.remove("MODSEQ");
    }
    // Annotations in an order of their own.
    if let Some(Value::List(annotations)) = fields.remove("ANNOTATIONS") {
        for annotation in annotations {
            let entry = annotation.get("ENTRY").map_or_else(String::new, Value::show);
            facts.insert(format!("NOTE {name} {entry}"), annotation.show());
        }
    }
    let shown: Vec<String> = fields.iter().map(|(k, v)| format!("{k} {}", v.show())).collect();
    facts.insert(format!("{kind} {name}"), shown.join(" "));
}
