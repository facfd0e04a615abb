//! Plans the steps for a user's data besides mailboxes: subscriptions, seen state, sieve scripts,
//! quotas.
//!
//! Pure: takes the lists of both sides and returns steps in the order in which they must be done.
//! Each [`Step`] makes its command and its event.

use std::collections::{HashMap, HashSet};

use crate::events;
use crate::protocol::Command;
use crate::types::{MboxName, Quota, Seen, SieveScript, Text, UniqueId, UserId};

/// One change to a user's data on the replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Adds a subscription: `APPLY SUB`.
    Subscribe(MboxName),
    /// Removes a subscription: `APPLY UNSUB`.
    Unsubscribe(MboxName),
    /// Sends the seen state of a mailbox: `APPLY SEEN`.
    Seen(Seen),
    /// Uploads a script: `APPLY SIEVE`. The content of the script is read when the command is sent.
    UploadSieve(SieveScript),
    /// Deletes a script and uploads it again: `APPLY UNSIEVE`, then `APPLY SIEVE`.
    ReplaceSieve(SieveScript),
    /// Deletes a script: `APPLY UNSIEVE`.
    DeleteSieve(Text),
    /// Makes a script the active one: `APPLY ACTIVATE_SIEVE`.
    ActivateSieve(Text),
    /// Deactivates the active script: `APPLY UNACTIVATE_SIEVE`.
    DeactivateSieve,
    /// Creates a quota root: `APPLY QUOTA`.
    CreateQuota(Quota),
    /// Sets the limits of a quota root that the replica has: `APPLY QUOTA`.
    SetQuota(Quota),
    /// Deletes a quota root: `APPLY UNQUOTA`.
    DeleteQuota(Text),
}

impl Step {
    /// Returns the command of the step. `content` is the content of the script to upload.
    pub fn command<'c>(&'c self, user: &'c UserId, content: &'c [u8]) -> Command<'c> {
        match self {
            Step::Subscribe(name) => Command::Sub(user, name),
            Step::Unsubscribe(name) => Command::UnSub(user, name),
            Step::Seen(seen) => Command::Seen(user, seen),
            Step::UploadSieve(script) | Step::ReplaceSieve(script) => {
                Command::Sieve(user, script, content)
            }
            Step::DeleteSieve(name) => Command::UnSieve(user, name),
            Step::ActivateSieve(name) => Command::ActivateSieve(user, name),
            Step::DeactivateSieve => Command::UnActivateSieve(user),
            Step::CreateQuota(quota) | Step::SetQuota(quota) => Command::Quota(quota),
            Step::DeleteQuota(root) => Command::UnQuota(root),
        }
    }

    /// Returns whether the step creates or deletes a quota root.
    pub fn changes_roots(&self) -> bool {
        matches!(self, Step::CreateQuota(_) | Step::DeleteQuota(_))
    }

    /// Returns the event that reports the step.
    pub fn reported(&self, user: &UserId) -> events::Step {
        use events::Step as Told;
        let user = user.clone();
        match self {
            Step::Subscribe(name) => Told::Subscribe { user, mailbox: name.clone() },
            Step::Unsubscribe(name) => Told::Unsubscribe { user, mailbox: name.clone() },
            Step::Seen(seen) => Told::Seen { user, uniqueid: seen.uniqueid.clone() },
            Step::UploadSieve(script) | Step::ReplaceSieve(script) => {
                Told::UploadSieve { user, script: script.name.clone() }
            }
            Step::DeleteSieve(name) => Told::DeleteSieve { user, script: name.clone() },
            Step::ActivateSieve(name) => Told::ActivateSieve { user, script: name.clone() },
            Step::DeactivateSieve => Told::DeactivateSieve { user },
            Step::CreateQuota(quota) | Step::SetQuota(quota) => {
                Told::SetQuota { root: quota.root.clone() }
            }
            Step::DeleteQuota(root) => Told::DeleteQuota { root: root.clone() },
        }
    }
}

/// Returns steps that add subscriptions, in the master's order, and then steps that remove the
/// replica's other subscriptions (`sync_do_user_sub`).
pub fn subscriptions(ours: &[MboxName], theirs: &[MboxName]) -> Vec<Step> {
    let here: HashSet<&MboxName> = ours.iter().collect();
    let there: HashSet<&MboxName> = theirs.iter().collect();
    let add = ours.iter().filter(|name| !there.contains(name)).cloned().map(Step::Subscribe);
    let drop = theirs.iter().filter(|name| !here.contains(name)).cloned().map(Step::Unsubscribe);
    add.chain(drop).collect()
}

/// Returns steps for seen state that differs or is missing on the replica. Entries that only the
/// replica has are kept, as in Cyrus (`sync_do_user_seen`).
pub fn seen(ours: Vec<Seen>, theirs: &[Seen]) -> Vec<Step> {
    let there: HashMap<&UniqueId, &Seen> = theirs.iter().map(|s| (&s.uniqueid, s)).collect();
    let differs = |seen: &Seen| there.get(&seen.uniqueid).is_none_or(|other| *other != seen);
    ours.into_iter().filter(differs).map(Step::Seen).collect()
}

/// Returns steps that upload sieve scripts that are missing or differ, delete the replica's other
/// scripts, and then change the active script (`sync_do_user_sieve`). Scripts are compared by GUID,
/// or by date if the replica reports no GUID. Compiled bytecode (`.bc`) is never sent, because the
/// replica compiles scripts itself.
pub fn sieve(ours: &[SieveScript], theirs: &[SieveScript]) -> Vec<Step> {
    let there: HashMap<&Text, &SieveScript> = theirs.iter().map(|s| (&s.name, s)).collect();
    let here: HashSet<&Text> = ours.iter().map(|s| &s.name).collect();
    let up_to_date = |script: &SieveScript| {
        there.get(&script.name).is_some_and(|other| {
            if other.guid.is_null() {
                other.last_update >= script.last_update
            } else {
                other.guid == script.guid
            }
        })
    };
    let mut steps: Vec<Step> = ours
        .iter()
        .filter(|s| !up_to_date(s) && !s.name.as_bytes().ends_with(b".bc"))
        .cloned()
        .map(Step::UploadSieve)
        .collect();
    // Cyrus's client also deletes the bytecode of a script that is not active any more. A replica
    // since 3.6 ignores that command, so the script would stay active there.
    let kept = |name: &Text| here.contains(name) || here.contains(&source(name));
    let gone = theirs.iter().filter(|s| !kept(&s.name));
    steps.extend(gone.map(|s| Step::DeleteSieve(s.name.clone())));
    match ours.iter().find(|s| s.active) {
        Some(active) if there.get(&active.name).is_none_or(|s| !s.active) => {
            steps.push(Step::ActivateSieve(active.name.clone()));
        }
        Some(_) => {}
        None if theirs.iter().any(|s| s.active && kept(&s.name)) => {
            steps.push(Step::DeactivateSieve);
        }
        None => {}
    }
    steps
}

/// Returns the steps of [`sieve`] for a replica that empties an existing script when it receives
/// the script again ([`Capabilities::empties_scripts`](crate::replica::Capabilities)). A changed
/// script is deleted before it is sent. If the script was active, it must be activated again.
pub fn sieve_by_deletion(ours: &[SieveScript], theirs: &[SieveScript]) -> Vec<Step> {
    let mut replaced = HashSet::new();
    let replace = |step| match step {
        Step::UploadSieve(script) if theirs.iter().any(|there| there.name == script.name) => {
            replaced.insert(script.name.clone());
            Step::ReplaceSieve(script)
        }
        step => step,
    };
    let mut steps: Vec<Step> = sieve(ours, theirs).into_iter().map(replace).collect();
    // A server may report the bytecode of a script as active.
    let active =
        |scripts: &[SieveScript]| scripts.iter().find(|s| s.active).map(|s| s.name.clone());
    if let (Some(here), Some(there)) = (active(ours), active(theirs))
        && here == there
        && replaced.contains(&source(&there))
    {
        steps.push(Step::ActivateSieve(here));
    }
    steps
}

/// Returns the name of the script from which the bytecode `name` was compiled. Returns the name of
/// a script unchanged.
fn source(name: &Text) -> Text {
    match name.as_bytes().strip_suffix(b".bc") {
        Some(script) => Text::from([script, b".script"].concat()),
        None => name.clone(),
    }
}

/// Returns steps for quota roots: first for roots that were deleted, then for roots whose limits
/// differ. In `ours`, `None` means that a mailbox has the root in its header, but the root does not
/// exist.
///
/// Cyrus's client deletes last (`sync_do_user_quota`). But when a replica deletes a root, it leaves
/// the mailboxes below it without a root (`mboxlist_unsetquota`). They get the root above only when
/// that root is created after the deletion (`mboxlist_setquotas`).
pub fn quotas(ours: &[(Text, Option<Quota>)], theirs: &[Quota]) -> Vec<Step> {
    let there: HashMap<&Text, &Quota> = theirs.iter().map(|q| (&q.root, q)).collect();
    let here: HashMap<&Text, &Option<Quota>> = ours.iter().map(|(root, q)| (root, q)).collect();
    let is_gone = |quota: &&Quota| here.get(&quota.root).is_none_or(|ours| ours.is_none());
    let gone = theirs.iter().filter(is_gone).map(|quota| Step::DeleteQuota(quota.root.clone()));
    let changed = ours.iter().filter_map(|(root, quota)| {
        let quota = quota.as_ref()?;
        match there.get(root) {
            None => Some(Step::CreateQuota(quota.clone())),
            Some(other) => (other.limits != quota.limits).then(|| Step::SetQuota(quota.clone())),
        }
    });
    gone.chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Guid;

    fn script(name: &str, content: u8, active: bool) -> SieveScript {
        SieveScript { name: name.into(), last_update: 10, guid: Guid([content; 20]), active }
    }

    #[test]
    fn subscriptions_become_the_masters() {
        let steps = subscriptions(&["a".into(), "b".into()], &["b".into(), "c".into()]);
        assert_eq!(steps, [Step::Subscribe("a".into()), Step::Unsubscribe("c".into())]);
    }

    #[test]
    fn seen_is_sent_where_it_differs_and_never_deleted() {
        let entry = |id: &str, uids: &str| Seen {
            uniqueid: id.into(),
            lastread: 1,
            lastuid: 2,
            lastchange: 3,
            seenuids: uids.into(),
        };
        let ours = vec![entry("same", "1:2"), entry("changed", "1:3"), entry("new", "1")];
        let theirs = [entry("same", "1:2"), entry("changed", "1:2"), entry("old", "7")];
        let steps = seen(ours, &theirs);
        assert_eq!(steps, [Step::Seen(entry("changed", "1:3")), Step::Seen(entry("new", "1"))]);
    }

    #[test]
    fn a_script_that_would_become_empty_is_deleted_before_it_is_uploaded_and_active_again() {
        let theirs = [script("a.script", 1, true), script("b.script", 2, false)];
        let ours = |active| {
            let of = |name| script(name, 9, active == Some(name));
            [of("a.script"), of("b.script"), of("new.script")]
        };
        let again = |active| {
            let [a, b, new] = ours(active);
            vec![Step::ReplaceSieve(a), Step::ReplaceSieve(b), Step::UploadSieve(new)]
        };
        let activate = |name: &str| vec![Step::ActivateSieve(name.into())];
        for (active, last) in [
            (Some("a.script"), activate("a.script")),
            (Some("b.script"), activate("b.script")),
            (None, vec![Step::DeactivateSieve]),
        ] {
            let steps = sieve_by_deletion(&ours(active), &theirs);
            assert_eq!(steps, [again(active), last].concat());
        }
        assert_eq!(sieve_by_deletion(&theirs, &theirs), []);
        // The replica reports the bytecode as active.
        let reported =
            |content| [script("a.script", content, false), script("a.bc", content, true)];
        let [_, active] = &sieve_by_deletion(&reported(9), &reported(1))[..] else { panic!("two") };
        assert_eq!(*active, Step::ActivateSieve("a.bc".into()));
    }

    #[test]
    fn a_changed_active_script_is_uploaded_before_it_is_activated() {
        let ours = [script("a.script", 1, true), script("b.script", 2, false)];
        let theirs = [script("b.script", 3, true), script("c.script", 4, false)];
        assert_eq!(
            sieve(&ours, &theirs),
            [
                Step::UploadSieve(ours[0].clone()),
                Step::UploadSieve(ours[1].clone()),
                Step::DeleteSieve("c.script".into()),
                Step::ActivateSieve("a.script".into()),
            ]
        );
    }

    #[test]
    fn no_active_script_here_deactivates_there() {
        let theirs = [script("a.script", 1, true)];
        assert_eq!(sieve(&[script("a.script", 1, false)], &theirs), [Step::DeactivateSieve]);
        assert_eq!(sieve(&[], &theirs), [Step::DeleteSieve("a.script".into())]);
    }

    #[test]
    fn a_script_that_stays_is_deactivated_and_keeps_its_bytecode() {
        let theirs = [script("a.script", 1, false), script("a.bc", 0, true)];
        assert_eq!(sieve(&theirs[..1], &theirs), [Step::DeactivateSieve]);
        let ours = [script("a.script", 1, false), script("b.script", 2, false)];
        let active = script("b.bc", 0, true);
        let activate = [Step::UploadSieve(ours[1].clone()), Step::ActivateSieve("b.bc".into())];
        assert_eq!(sieve(&[&ours[..], &[active]].concat(), &theirs), activate);
        let deleted = ["a.script", "a.bc"].map(|name| Step::DeleteSieve(name.into()));
        assert_eq!(sieve(&[], &theirs), deleted);
    }

    #[test]
    fn without_a_guid_the_newer_date_wins() {
        let mut there = script("a.script", 0, false);
        there.guid = Guid::default();
        assert!(sieve(&[script("a.script", 1, false)], &[there.clone()]).is_empty());
        there.last_update = 9;
        assert_eq!(sieve(&[script("a.script", 1, false)], &[there]).len(), 1);
    }

    #[test]
    fn quota_roots_are_deleted_then_changed_or_created() {
        let quota = |root: &str, storage| Quota {
            root: root.into(),
            limits: [storage, None, None, None],
            modseq: 1,
        };
        let entry = |root: &str, storage| (Text::from(root), Some(quota(root, storage)));
        let ours = [
            entry("same", Some(5)),
            entry("changed", None),
            entry("new", Some(7)),
            ("gone".into(), None),
        ];
        let theirs = [
            quota("same", Some(5)),
            quota("changed", Some(1)),
            quota("gone", Some(2)),
            quota("stray", Some(3)),
        ];
        assert_eq!(
            quotas(&ours, &theirs),
            [
                Step::DeleteQuota("gone".into()),
                Step::DeleteQuota("stray".into()),
                Step::SetQuota(quota("changed", None)),
                Step::CreateQuota(quota("new", Some(7))),
            ]
        );
    }
}
