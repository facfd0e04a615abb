//! Compares the simulated server with a real server. Histories are played against both, and each
//! reply is compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use cyrsync_lab::{Lab, Options, Status, SyncServer, Value};

use super::history;
use super::link::Hear;
use crate::dlist::Framer;

/// A reply to one command: its items, and its last line.
type Said = (Vec<(String, Value)>, String);

/// A real server that receives the same commands as the simulated one.
struct Twin {
    real: SyncServer,
    /// Uniqueids that the servers have created. The keys are those of the real server, and the
    /// values are those of the simulated server.
    ids: BTreeMap<Vec<u8>, Vec<u8>>,
    commands: usize,
    differences: Vec<String>,
}

impl Twin {
    fn compare(&mut self, command: &[u8], model: &[u8]) {
        self.commands += 1;
        if std::env::var_os("CYRSYNC_SIM_SHOW").is_some() {
            println!("{}", String::from_utf8_lossy(command));
        }
        self.real.send(command);
        let reply = self.real.reply();
        let status = match reply.status {
            Status::Ok => "OK",
            _ => "NO",
        };
        let theirs = (reply.items, format!("{status} {}", reply.text));
        let ours = items(model);
        let theirs = (self.with_model_ids(&ours, theirs.0), theirs.1);
        let (ours, theirs) = (comparable(ours), comparable(theirs));
        if ours != theirs {
            let only = |a: &[String], b: &[String]| -> Vec<String> {
                a.iter().filter(|line| !b.contains(line)).cloned().collect()
            };
            let command = String::from_utf8_lossy(command);
            let (here, there) = (only(&ours.0, &theirs.0), only(&theirs.0, &ours.0));
            let ends = (ours.1, theirs.1);
            self.differences.push(format!(
                "{}: {command}  model: {here:#?}\n  real:  {there:#?}\n{ends:?}",
                self.commands
            ));
        }
    }

    /// Replaces uniqueids that the real server has created by those of the simulated server.
    fn with_model_ids(
        &mut self,
        ours: &Said,
        theirs: Vec<(String, Value)>,
    ) -> Vec<(String, Value)> {
        let of = |value: &Value, key: &str| value.get(key).map(|value| value.show());
        let mut all = Vec::new();
        for (name, mut value) in theirs {
            let twin = ours.0.iter().find(|(other, model)| {
                *other == name && of(model, "MBOXNAME") == of(&value, "MBOXNAME")
            });
            let made = twin.and_then(|(_, model)| made_up(model));
            if let (Some(Value::Text(id)), Value::Keyed(pairs)) = (made, &mut value) {
                for (key, value) in pairs {
                    match key.as_str() {
                        "UNIQUEID" => {
                            if let Value::Text(real) = value {
                                self.ids.insert(id.clone(), real.clone());
                                *real = id.clone();
                            }
                        }
                        // UIDVALIDITY depends on the time of day.
                        "UIDVALIDITY" => *value = Value::Nil,
                        _ => {}
                    }
                }
            }
            all.push((name, value));
        }
        all
    }
}

/// Returns the uniqueid of a mailbox if the simulated server has created it.
fn made_up(model: &Value) -> Option<Value> {
    let id = model.get("UNIQUEID")?;
    matches!(id, Value::Text(text) if text.starts_with(b"r")).then(|| id.clone())
}

fn items(reply: &[u8]) -> Said {
    let (mut items, mut rest) = (Vec::new(), reply);
    while let Ok(Some(length)) = Framer::default().find(rest) {
        let (line, later) = rest.split_at(length);
        rest = later;
        match line.strip_prefix(b"* ") {
            Some(item) => items.push(Value::parse_named(item).unwrap()),
            None => return (items, String::from_utf8_lossy(line).trim_end().to_owned()),
        }
    }
    (items, String::new())
}

/// Converts a reply to text for the comparison. Keys and user entries are sorted.
fn comparable((items, end): Said) -> (Vec<String>, String) {
    let mut lines: Vec<String> = items
        .into_iter()
        .map(|(name, mut value)| {
            if made_up(&value).is_some()
                && let Value::Keyed(pairs) = &mut value
            {
                for (_, value) in pairs.iter_mut().filter(|(key, _)| key == "UIDVALIDITY") {
                    *value = Value::Nil;
                }
            }
            let left_out: &[&str] = match name.as_str() {
                // The real server raises this modseq with every message. The simulated server does
                // not. Since Cyrus 3.10 it also sends these limits under a second name.
                "QUOTA" => &["MODSEQ", "ANNOTATION-STORAGE", "MAILBOX"],
                // If the script was ever active, the real server returns the time of day.
                "SIEVE" => &["LAST_UPDATE"],
                _ => &[],
            };
            if let Value::Keyed(pairs) = &mut value {
                pairs.retain(|(key, _)| !left_out.contains(&key.as_str()));
            }
            sort(&mut value);
            format!("{name} {}", value.show())
        })
        .collect();
    lines.sort();
    (lines, end)
}

fn sort(value: &mut Value) {
    match value {
        Value::Keyed(pairs) => {
            pairs.iter_mut().for_each(|(_, value)| sort(value));
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
        }
        Value::List(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_key(Value::show);
        }
        _ => {}
    }
}

#[test]
fn the_model_answers_as_cyrus_does() {
    let first = std::env::var("CYRSYNC_SIM_SEED").map_or(1, |seed| seed.parse().unwrap());
    let lab = Lab::new(Options::default());
    for (seed, server) in [(first, &lab.replica), (first + 1, &lab.master)] {
        let real = SyncServer::spawn(server);
        let twin = Twin { real, ids: BTreeMap::new(), commands: 0, differences: Vec::new() };
        let twin = Arc::new(Mutex::new(twin));
        let heard = twin.clone();
        let hear: Box<Hear> = Box::new(move |command, reply| heard.lock().compare(command, reply));
        history::beside(seed, &Arc::new(Mutex::new(hear)));
        let mut twin = twin.lock();
        let found = twin.differences.len();
        twin.differences.truncate(5);
        let first = twin.differences.join("\n");
        assert_eq!(found, 0, "of {} commands with seed {seed}; {first}", twin.commands);
    }
}
