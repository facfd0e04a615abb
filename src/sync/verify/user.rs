//! Compares a user's data besides mailboxes: subscriptions, seen state, Sieve scripts; and quota
//! roots.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::part::{Part, text, value};
use crate::error::{Error, Kind, Result, Subject};
use crate::events::Finding;
use crate::protocol::RemoteUser;
use crate::store::{Metadata, ScriptDirectory};
use crate::sync::failures::ends_all;
use crate::sync::pass::Pass;
use crate::sync::usermeta::plan::Step;
use crate::sync::usermeta::scripts::sieve_steps;
use crate::types::{MboxName, QUOTA_RESOURCES, Quota, Seen, SieveScript, Text, UniqueId, UserId};

/// Compares a user's data besides mailboxes. Returns whether the master has any such data.
pub(super) fn compare(
    pass: &mut Pass<'_>,
    user: &UserId,
    remote: &RemoteUser,
    part: &mut Part,
) -> Result<bool> {
    let in_mailbox = pass.session.capabilities().sieve_mailbox;
    let sieve_mailbox = in_mailbox.then(|| pass.names.sieve_mailbox(user));
    let Metadata { subscriptions, scripts, seen, script_directory, .. } =
        pass.store.metadata(user, sieve_mailbox.as_ref());
    let is_some = subscriptions.as_ref().is_ok_and(|all| !all.is_empty())
        || scripts.as_ref().is_ok_and(|all| all.as_ref().is_some_and(|all| !all.is_empty()))
        || seen.as_ref().is_ok_and(|all| !all.is_empty());
    match subscriptions {
        Ok(ours) => self::subscriptions(&ours, &remote.subscriptions, part),
        Err(error) => part.fails(Subject::item(&*format!("SUB {user}")), error),
    }
    match seen {
        Ok(ours) => self::seen(pass, user, &ours, &remote.seen, part),
        Err(error) => part.fails(Subject::item(&*format!("SEEN {user}")), error),
    }
    let steps = scripts.and_then(|ours| {
        let is_certain = script_directory == ScriptDirectory::There;
        let steps = sieve_steps(pass, sieve_mailbox, ours.clone(), is_certain, &remote.sieve)?;
        Ok((ours.unwrap_or_default(), steps))
    });
    match steps {
        Ok((ours, steps)) => self::scripts(&ours, &remote.sieve, steps, part),
        Err(error) if ends_all(&error) => return Err(error),
        Err(error) => part.fails(Subject::item(&*format!("SIEVE {user}")), error),
    }
    part.compared.users += 1;
    Ok(is_some)
}

fn subscriptions(ours: &[MboxName], theirs: &[MboxName], part: &mut Part) {
    let [here, there]: [HashSet<&MboxName>; 2] = [ours, theirs].map(|names| names.iter().collect());
    let subscribed = || value("subscribed");
    for name in ours.iter().filter(|name| !there.contains(name)) {
        part.differs(format!("SUB {name}"), subscribed(), None, true);
    }
    for name in theirs.iter().filter(|name| !here.contains(name)) {
        part.differs(format!("SUB {name}"), None, subscribed(), true);
    }
}

/// Compares seen state. Ignores the replica's seen state of mailboxes that the master does not
/// have, because it is left over from deleted mailboxes.
fn seen(pass: &Pass<'_>, user: &UserId, ours: &[Seen], theirs: &[Seen], part: &mut Part) {
    let there: HashMap<&UniqueId, &Seen> = theirs.iter().map(|one| (&one.uniqueid, one)).collect();
    for here in ours {
        let place = || Place { pass, user, uniqueid: &here.uniqueid };
        match there.get(&here.uniqueid) {
            Some(other) => one_seen(&place(), here, other, part),
            None => part.add(place().finding("SEEN", value("there"), None, true)),
        }
    }
    let here: HashSet<&UniqueId> = ours.iter().map(|one| &one.uniqueid).collect();
    for one in theirs.iter().filter(|one| !here.contains(&one.uniqueid)) {
        let place = Place { pass, user, uniqueid: &one.uniqueid };
        if place.mailbox().is_some() {
            part.add(place.finding("SEEN", None, value("there"), false));
        }
    }
}

fn one_seen(place: &Place<'_, '_>, here: &Seen, there: &Seen, part: &mut Part) {
    if here == there {
        return;
    }
    let newer = here.lastchange > there.lastchange || here.lastread > there.lastread;
    type Show = fn(&Seen) -> Option<String>;
    let fields: [(&str, bool, Show); 4] = [
        ("LASTREAD", here.lastread == there.lastread, |seen| value(seen.lastread)),
        ("LASTUID", here.lastuid == there.lastuid, |seen| value(seen.lastuid)),
        ("LASTCHANGE", here.lastchange == there.lastchange, |seen| value(seen.lastchange)),
        ("SEENUIDS", here.seenuids == there.seenuids, |seen| text(seen.seenuids.as_bytes())),
    ];
    for (field, _, show) in fields.into_iter().filter(|(_, is_same, _)| !is_same) {
        part.add(place.finding(field, show(here), show(there), newer));
    }
}

/// The seen state of a user in one mailbox.
struct Place<'s, 'p> {
    pass: &'s Pass<'p>,
    user: &'s UserId,
    uniqueid: &'s UniqueId,
}

impl Place<'_, '_> {
    /// Returns the mailbox's name, if the master has the mailbox.
    fn mailbox(&self) -> Option<MboxName> {
        let entry = self.pass.store.lookup_by_id(self.uniqueid).ok().flatten();
        entry.filter(|entry| !entry.mbtype.is_deleted()).map(|entry| entry.name)
    }

    fn finding(
        &self,
        field: &str,
        master: Option<String>,
        replica: Option<String>,
        pending: bool,
    ) -> Finding {
        let mailbox = self.mailbox().map_or_else(|| self.uniqueid.to_string(), |n| n.to_string());
        let subject = Subject::item(&*format!("seen state of {} in {mailbox}", self.user));
        Finding { subject, field: field.to_owned(), master, replica, pending }
    }
}

/// Compares Sieve scripts. Each step that would change the replica's scripts is a difference.
fn scripts(ours: &[SieveScript], theirs: &[SieveScript], steps: Vec<Step>, part: &mut Part) {
    let guid = |side: &[SieveScript], name: &Text| {
        side.iter().find(|script| script.name == *name).and_then(|script| value(script.guid))
    };
    let active = |side: &[SieveScript]| {
        let script = side.iter().find(|script| script.active);
        script.and_then(|script| text(script.name.as_bytes()))
    };
    for step in steps {
        match step {
            Step::UploadSieve(script) => {
                let there = guid(theirs, &script.name);
                part.differs(format!("SIEVE {}", script.name), value(script.guid), there, true);
            }
            Step::DeleteSieve(name) => {
                let there = guid(theirs, &name).or_else(|| value("there"));
                part.differs(format!("SIEVE {name}"), None, there, true);
            }
            Step::ActivateSieve(_) | Step::DeactivateSieve => {
                part.differs("ACTIVE SIEVE", active(ours), active(theirs), true);
            }
            _ => {}
        }
    }
}

/// Compares the limits of quota roots: of the roots in `named`, which the master's mailboxes use,
/// and of the replica's roots.
pub(super) fn quotas(pass: &Pass<'_>, named: Vec<Text>, theirs: &[Quota], part: &mut Part) {
    let there: HashMap<&Text, &Quota> = theirs.iter().map(|quota| (&quota.root, quota)).collect();
    let mut roots: BTreeSet<Text> = named.into_iter().collect();
    roots.extend(theirs.iter().map(|quota| quota.root.clone()));
    for root in roots {
        let subject = Subject::item(&*format!("quota root {root}"));
        let ours = match pass.store.quota(&root) {
            Ok(ours) => ours,
            Err(error) => {
                part.fails(subject, error);
                continue;
            }
        };
        let mut differs = |field: &str, master, replica| {
            let (subject, field) = (subject.clone(), field.to_owned());
            part.add(Finding { subject, field, master, replica, pending: true });
        };
        match (ours, there.get(&root)) {
            (Some(ours), Some(theirs)) => {
                let limits = ours.limits.iter().zip(theirs.limits);
                for (name, (ours, theirs)) in QUOTA_RESOURCES.iter().zip(limits) {
                    if *ours != theirs {
                        differs(name, limit(*ours), limit(theirs));
                    }
                }
            }
            (Some(_), None) => differs("QUOTA", value("there"), None),
            (None, Some(_)) => differs("QUOTA", None, value("there")),
            // The header of a mailbox may still contain a root that was deleted.
            (None, None) => {}
        }
    }
}

fn limit(limit: Option<u64>) -> Option<String> {
    limit.map_or_else(|| value("unlimited"), value)
}

/// Makes the error for a user who exists on neither side.
pub(super) fn nobody(user: &UserId) -> Error {
    Error::new(Kind::NotFound, "compare", user, "neither side has such a user")
        .with_hint("check the name")
}
