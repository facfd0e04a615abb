//! Compares `--verify` with a run that finds no changes.

use super::super::Bench;
use super::super::contender::Contender;
use super::super::ground::{Ground, small, thousands};
use super::super::measure::{Wire, measure};
use super::super::result::{Case, Row};
use super::super::settings::Mix;
use super::first::both;
use crate::Cyrus;
use crate::fill::{Bulk, Filler};

/// Number of messages in each mailbox.
const MESSAGES: usize = 100;

/// Compares `--verify` with other runs, for mailboxes of many users and for one large mailbox.
pub fn verify(bench: &Bench) -> Vec<Case> {
    let settings = &bench.settings;
    let (users, folders) = (settings.unchanged, settings.folders);
    let mut cases = Vec::new();
    if users > 0 {
        let bulk = Bulk { users, folders, messages: MESSAGES, seed: 10 };
        let ground = Ground::bulk(bulk, Mix::Plain);
        let messages = thousands(users * folders * MESSAGES);
        let title = format!("verified: {} mailboxes with {messages} messages", users * folders);
        cases.push(Case::new("verify", title).with_rows(rows(bench, &ground)));
    }
    if settings.big > 0 {
        let ground = Ground::new(|master| {
            Filler::new(master, 2).mailbox_of("user.fred", settings.big, small);
        });
        let title = format!("verified: one mailbox of {} messages", thousands(settings.big));
        cases.push(Case::new("verify-big", title).with_rows(rows(bench, &ground)));
    }
    cases
}

/// Measures both clients without changes, then a full comparison (`--verify`), which exits with 0
/// only if both sides are equal.
fn rows(bench: &Bench, ground: &Ground) -> Vec<Row> {
    let replica = ground.fresh();
    let servers: [&Cyrus; 2] = [ground.master(), &replica];
    let [cyrus, ours] = both();
    let contenders = [cyrus, ours, Contender::verify()];
    // The first run sends missing data and writes caches.
    let settled = both().map(|contender| {
        measure(&bench.settings, &contender, servers, &["-A"], Wire::Direct).map(drop)
    });
    bench.over(None, &contenders, |contender, _, wire| {
        settled.iter().cloned().collect::<Result<(), String>>()?;
        measure(&bench.settings, contender, servers, &["-A"], wire)
    })
}
