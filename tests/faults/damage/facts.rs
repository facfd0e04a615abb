//! Lists the replica's data as its own replication server reports it: one entry for each item.

use std::collections::BTreeMap;

use cyrsync_lab::{Cyrus, SyncServer, Value};

/// Items and their state: `MAILBOX id`, `LSUB name`, `QUOTA root`, ...
pub type Facts = BTreeMap<String, String>;

/// A session with the replica's replication server. All seeds use the same session.
pub struct Oracle(SyncServer);

impl Oracle {
    /// Starts the session.
    pub fn new(replica: &Cyrus) -> Oracle {
        Oracle(SyncServer::spawn(replica))
    }

    /// Returns all items of a user.
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

    /// Returns the state of mailboxes, as the server reports it.
    pub fn mailboxes(&mut self, names: &[&str]) -> Vec<(String, Value)> {
        self.0.get("MAILBOXES", &Value::texts(names)).ok()
    }

    /// Returns the items of shared mailboxes and the server's annotations.
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
    // The modseq of a quota root also rises with changes other than limits, on each server
    // independently.
    if kind == "QUOTA" {
        fields.remove("MODSEQ");
    }
    // Sort the annotations, whose order is not fixed.
    if let Some(Value::List(annotations)) = fields.remove("ANNOTATIONS") {
        for annotation in annotations {
            let entry = annotation.get("ENTRY").map_or_else(String::new, Value::show);
            facts.insert(format!("NOTE {name} {entry}"), annotation.show());
        }
    }
    let shown: Vec<String> = fields.iter().map(|(k, v)| format!("{k} {}", v.show())).collect();
    facts.insert(format!("{kind} {name}"), shown.join(" "));
}
