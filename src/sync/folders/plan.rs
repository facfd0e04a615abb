//! Plans which folders of the replica to delete or rename before contents are sent, and in what
//! order. Pure: takes lists of folders and returns ordered steps.
//!
//! Folders are matched by uniqueid, as in `do_folders` in `imap/sync_support.c`. If the master's
//! list lacks a folder of the replica, the master is searched for its uniqueid. A tombstone means
//! that the folder must be deleted. A live entry means that it was renamed to a name outside the
//! list.

use std::collections::{HashMap, HashSet};

use crate::names::Namespace;
use crate::protocol::RemoteFolder;
use crate::types::{FormerName, MboxName, Text, UniqueId};

/// The properties of a master's folder that the planner needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Its current name.
    pub name: MboxName,
    /// The uniqueid by which folders are matched.
    pub uniqueid: UniqueId,
    /// The partition that it must have on the replica. `None` for intermediates, which have no
    /// files, and for damaged entries.
    pub partition: Option<Text>,
    /// UIDVALIDITY, sent with a rename.
    pub uidvalidity: u32,
    /// Its former names.
    pub history: Vec<FormerName>,
}

/// What happened on the master to a folder that only the replica lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was deleted: there is a tombstone.
    Deleted,
    /// It was renamed: this entry is outside the list.
    Renamed(Local),
    /// The master does not know it (any more).
    Unknown,
    /// It must not be changed: it already has the right name, or its own failure is reported
    /// elsewhere.
    Stays,
}

/// One `APPLY RENAME` command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// Current name on the replica.
    pub from: MboxName,
    /// New name.
    pub to: MboxName,
    /// New partition.
    pub partition: Text,
    /// New UIDVALIDITY.
    pub uidvalidity: u32,
    /// The uniqueid of the mailbox. A mailbox that needs a temporary name is renamed twice.
    pub uniqueid: UniqueId,
    /// The name of this mailbox on the master.
    pub mailbox: MboxName,
}

/// The steps on the replica's folders: first all deletes, then the renames.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Folders to delete.
    pub deletes: Vec<MboxName>,
    /// Renames. Each is possible once those before it are done.
    pub renames: Vec<Rename>,
    /// Folders that only the replica has and that have no tombstone. They are reported and not
    /// changed.
    pub strays: Vec<MboxName>,
    /// Folders with the same uniqueid as another folder of the replica. They are reported and not
    /// changed.
    pub doubles: Vec<MboxName>,
    /// Folders of the master whose name is taken on the replica by a folder that stays. They cannot
    /// be renamed.
    pub blocked: Vec<MboxName>,
}

struct Wanted<'a> {
    from: MboxName,
    to: MboxName,
    partition: Text,
    local: &'a Local,
}

/// Plans deletes and renames. Calls `fate` once for each folder that only the replica lists.
pub fn plan<E>(
    names: &Namespace,
    locals: &[Local],
    remotes: &[RemoteFolder],
    mut fate: impl FnMut(&RemoteFolder) -> Result<Fate, E>,
) -> Result<Plan, E> {
    let by_id: HashMap<&UniqueId, &Local> = locals.iter().map(|l| (&l.uniqueid, l)).collect();
    let wanted_names: HashSet<&MboxName> =
        locals.iter().filter(|l| l.partition.is_some()).map(|l| &l.name).collect();
    let mut plan = Plan::default();
    let mut moved_out = Vec::new();
    let mut matched = Vec::new();
    let mut stay: HashSet<&MboxName> = HashSet::new();
    let mut seen: HashMap<&UniqueId, &MboxName> = HashMap::new();
    // If the replica has a uniqueid twice, use the folder with the right name.
    let in_place = |remote: &RemoteFolder| {
        by_id.get(&remote.uniqueid).is_some_and(|local| local.name == remote.name)
    };
    let (first, then): (Vec<_>, Vec<_>) = remotes.iter().partition(|remote| in_place(remote));
    for remote in first.into_iter().chain(then) {
        match seen.get(&remote.uniqueid) {
            Some(name) if **name == remote.name => continue,
            Some(_) => {
                plan.doubles.push(remote.name.clone());
                continue;
            }
            None => drop(seen.insert(&remote.uniqueid, &remote.name)),
        }
        match by_id.get(&remote.uniqueid) {
            Some(local) => matched.push((remote, *local)),
            None => match fate(remote)? {
                Fate::Deleted => plan.deletes.push(remote.name.clone()),
                // Such a mailbox never had a message, so even the replica itself would replace it.
                // Or the replica created it for scripts while the master did not store scripts in a
                // mailbox yet.
                Fate::Unknown if replaceable(remote) && wanted_names.contains(&remote.name) => {
                    plan.deletes.push(remote.name.clone());
                }
                Fate::Unknown => plan.strays.push(remote.name.clone()),
                Fate::Renamed(local) => moved_out.push((remote, local)),
                Fate::Stays => drop(stay.insert(&remote.name)),
            },
        }
    }
    let moved = moved_out.iter().map(|(remote, local)| (*remote, local));
    let wanted = matched.into_iter().chain(moved).filter_map(|(r, l)| want(r, l)).collect();
    let deleted: HashSet<&MboxName> = plan.deletes.iter().collect();
    let taken =
        remotes.iter().map(|r| r.name.clone()).filter(|name| !deleted.contains(name)).collect();
    (plan.renames, plan.blocked) = order(names, wanted, taken);
    stay.extend(plan.strays.iter().chain(&plan.doubles));
    let held = |l: &&Local| l.partition.is_some() && stay.contains(&l.name);
    plan.blocked.extend(locals.iter().filter(held).map(|l| l.name.clone()));
    plan.blocked.sort();
    plan.blocked.dedup();
    Ok(plan)
}

fn replaceable(remote: &RemoteFolder) -> bool {
    remote.last_uid == 0 || remote.mbtype.is_sieve()
}

fn want<'a>(remote: &RemoteFolder, local: &'a Local) -> Option<Wanted<'a>> {
    let other_partition = match &local.partition {
        Some(partition) => !remote.partition.is_empty() && *partition != remote.partition,
        None => false,
    };
    (local.name != remote.name || other_partition).then(|| Wanted {
        from: remote.name.clone(),
        to: local.name.clone(),
        partition: local.partition.clone().unwrap_or_else(|| remote.partition.clone()),
        local,
    })
}

/// Orders renames so that no target name is taken when its turn comes. A cycle, for example a swap,
/// is broken with a temporary name. If possible this is a former name of the folder, because its
/// owner must have used one too; otherwise a new name is made up. If we are interrupted in between,
/// the next run finds the folder by its uniqueid. Also returns the names of folders whose target
/// name will not become free.
fn order(
    names: &Namespace,
    mut wanted: Vec<Wanted<'_>>,
    mut taken: HashSet<MboxName>,
) -> (Vec<Rename>, Vec<MboxName>) {
    let mut done = Vec::with_capacity(wanted.len());
    let mut blocked = Vec::new();
    for w in &mut wanted {
        if is_refused(names, &w.from, &w.to) {
            let former = w.local.history.iter().map(|former| &former.name);
            let mut former = former.filter(|name| {
                let is_own = names.owner(name) == names.owner(&w.from);
                is_own && names.is_deleted(name) && !taken.contains(*name)
            });
            let made_up = || names.to_deleted(&w.from, w.local.uidvalidity);
            let temporary = former.next().cloned().unwrap_or_else(made_up);
            done.push(step(w, &temporary, w.local.uidvalidity));
            taken.remove(&w.from);
            taken.insert(temporary.clone());
            w.from = temporary;
        }
    }
    while !wanted.is_empty() {
        let before = wanted.len();
        wanted.retain(|w| {
            let blocked = w.from != w.to && taken.contains(&w.to);
            if !blocked {
                taken.remove(&w.from);
                taken.insert(w.to.clone());
                done.push(step(w, &w.to, w.local.uidvalidity));
            }
            blocked
        });
        if wanted.len() < before {
            continue;
        }
        // If no remaining rename will free a target name, a folder that stays has it. Renames that
        // depend on this one are blocked too.
        let leaving: HashSet<MboxName> = wanted.iter().map(|w| w.from.clone()).collect();
        if wanted.iter().any(|w| !leaving.contains(&w.to)) {
            let (cycles, stuck) = wanted.into_iter().partition(|w| leaving.contains(&w.to));
            wanted = cycles;
            blocked.extend(stuck.into_iter().map(|w: Wanted<'_>| w.local.name.clone()));
            continue;
        }
        if let Some(w) = wanted.first_mut() {
            // Only names of the same owner: this planner does not know the folders of other users.
            let is_own = |f: &&FormerName| names.owner(&f.name) == names.owner(&w.from);
            let mut former = w.local.history.iter().filter(is_own);
            let former = former.find(|f| !taken.contains(&f.name));
            let temporary = former.map_or_else(|| temporary_name(w), |f| f.name.clone());
            let uidvalidity = former.map_or(w.local.uidvalidity, |f| f.uidvalidity);
            done.push(step(w, &temporary, uidvalidity));
            taken.remove(&w.from);
            taken.insert(temporary.clone());
            w.from = temporary;
        }
    }
    (done, blocked)
}

/// Makes one rename of a folder.
fn step(w: &Wanted<'_>, to: &MboxName, uidvalidity: u32) -> Rename {
    Rename {
        from: w.from.clone(),
        to: to.clone(),
        partition: w.partition.clone(),
        uidvalidity,
        uniqueid: w.local.uniqueid.clone(),
        mailbox: w.local.name.clone(),
    }
}

/// Returns whether Cyrus refuses a rename: an INBOX cannot become another mailbox
/// (`mboxlist_renamemailbox` in `imap/mboxlist.c`). It can only be deleted, which is also a rename,
/// and then be restored under another name.
fn is_refused(names: &Namespace, from: &MboxName, to: &MboxName) -> bool {
    from != to && names.is_inbox(from) && !names.is_inbox(to) && !names.is_deleted(to)
}

fn temporary_name(w: &Wanted<'_>) -> MboxName {
    let mut name = w.from.as_bytes().to_vec();
    name.extend_from_slice(b"-");
    name.extend_from_slice(w.local.uniqueid.as_bytes());
    MboxName::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;
    use crate::types::{MailboxHeader, MboxType};

    /// Plans with the namespace of the default settings.
    fn plan<E>(
        locals: &[Local],
        remotes: &[RemoteFolder],
        fate: impl FnMut(&RemoteFolder) -> Result<Fate, E>,
    ) -> Result<Plan, E> {
        super::plan(&Namespace::new(&settings::tests::of("").naming), locals, remotes, fate)
    }

    fn local(id: &str, name: &str) -> Local {
        Local {
            name: name.into(),
            uniqueid: id.into(),
            partition: Some("default".into()),
            uidvalidity: 1,
            history: Vec::new(),
        }
    }

    fn remote(id: &str, name: &str) -> RemoteFolder {
        let header = MailboxHeader {
            uniqueid: id.into(),
            name: name.into(),
            partition: "default".into(),
            ..MailboxHeader::default()
        };
        RemoteFolder { header, ..RemoteFolder::default() }
    }

    fn former(name: &str) -> FormerName {
        FormerName {
            name: name.into(),
            partition: "default".into(),
            mtime: 0,
            foldermodseq: 0,
            uidvalidity: 3,
        }
    }

    fn unknown(_: &RemoteFolder) -> Result<Fate, ()> {
        Ok(Fate::Unknown)
    }

    fn steps(plan: &Plan) -> Vec<(String, String)> {
        plan.renames.iter().map(|r| (r.from.to_string(), r.to.to_string())).collect()
    }

    /// Applies a plan to the replica's names. Fails if a target name is taken.
    fn play(plan: &Plan, remotes: &[RemoteFolder]) -> HashMap<String, String> {
        let mut names: HashMap<String, String> =
            remotes.iter().map(|r| (r.name.to_string(), r.uniqueid.to_string())).collect();
        for name in &plan.deletes {
            assert!(names.remove(&name.to_string()).is_some(), "{name} deleted twice");
        }
        for (from, to) in steps(plan) {
            let id = names.remove(&from).unwrap_or_else(|| panic!("{from} is not there"));
            assert!(names.insert(to.clone(), id).is_none(), "{to} is taken");
        }
        names
    }

    #[test]
    fn same_folders_need_nothing() {
        let plan = plan(&[local("1", "a")], &[remote("1", "a")], unknown).unwrap();
        assert_eq!(plan, Plan::default());
    }

    #[test]
    fn a_chain_is_renamed_from_its_free_end() {
        let locals = [local("1", "b"), local("2", "c"), local("3", "d")];
        let remotes = [remote("1", "a"), remote("2", "b"), remote("3", "c")];
        let plan = plan(&locals, &remotes, unknown).unwrap();
        assert_eq!(play(&plan, &remotes).len(), 3);
        assert_eq!(steps(&plan)[0], ("c".into(), "d".into()));
    }

    #[test]
    fn a_swap_goes_through_the_name_its_owner_used() {
        let mut first = local("1", "b");
        first.history = vec![former("tmp"), former("a")];
        let remotes = [remote("1", "a"), remote("2", "b")];
        let plan = plan(&[first, local("2", "a")], &remotes, unknown).unwrap();
        let names = play(&plan, &remotes);
        assert_eq!(names["a"], "2");
        assert_eq!(names["b"], "1");
        assert_eq!(plan.renames[0].to, "tmp");
        assert_eq!(plan.renames[0].uidvalidity, 3);
    }

    #[test]
    fn a_swap_does_not_go_through_a_name_that_another_user_may_have_by_now() {
        let mut first = local("1", "user.fred.b");
        first.history = vec![former("user.anna.b"), former("user.fred.a")];
        let remotes = [remote("1", "user.fred.a"), remote("2", "user.fred.b")];
        let plan = plan(&[first, local("2", "user.fred.a")], &remotes, unknown).unwrap();
        assert_eq!(plan.renames[0].to, "user.fred.a-1");
        assert_eq!(play(&plan, &remotes)["user.fred.a"], "2");
    }

    #[test]
    fn a_swap_without_history_makes_up_a_name() {
        let remotes = [remote("1", "a"), remote("2", "b")];
        let plan = plan(&[local("1", "b"), local("2", "a")], &remotes, unknown).unwrap();
        let names = play(&plan, &remotes);
        assert_eq!((names["a"].as_str(), names["b"].as_str()), ("2", "1"));
    }

    #[test]
    fn two_cycles_and_a_chain_into_one_of_them_all_settle() {
        let pairs = [("1", "a", "b"), ("2", "b", "c"), ("3", "c", "a"), ("4", "x", "y")];
        let pairs = pairs.iter().chain(&[("5", "y", "x"), ("6", "q", "r")]);
        let (remotes, locals): (Vec<_>, Vec<_>) =
            pairs.map(|(id, from, to)| (remote(id, from), local(id, to))).unzip();
        let plan = plan(&locals, &remotes, unknown).unwrap();
        let names = play(&plan, &remotes);
        for l in &locals {
            assert_eq!(names[&l.name.to_string()], l.uniqueid.to_string());
        }
    }

    #[test]
    fn an_inbox_becomes_a_folder_by_way_of_a_deleted_name() {
        let remotes = [remote("1", "user.fred"), remote("2", "user.fred.a")];
        let mut old = local("1", "user.fred.old");
        old.uidvalidity = 0x5F3A_0C11;
        let locals = [local("3", "user.fred"), local("2", "user.fred.a"), old];
        let gone = |name: &str| {
            [("user.fred", name), (name, "user.fred.old")].map(|(a, b)| (a.into(), b.into()))
        };
        let made_up = plan(&locals, &remotes, unknown).unwrap();
        assert_eq!(steps(&made_up), gone("DELETED.user.fred.5F3A0C11"));
        assert_eq!(play(&made_up, &remotes)["user.fred.old"], "1");
        // If the mailbox's history has such a name, the replica uses the same one.
        let mut locals = locals;
        locals[2].history = vec![former("DELETED.user.fred.61"), former("user.fred")];
        let as_here = plan(&locals, &remotes, unknown).unwrap();
        assert_eq!(steps(&as_here), gone("DELETED.user.fred.61"));
        // A user who is renamed or deleted needs no temporary name.
        let renamed = plan(&[local("1", "user.anna")], &remotes[..1], unknown).unwrap();
        assert_eq!(steps(&renamed), [("user.fred".into(), "user.anna".into())]);
        let name = "DELETED.user.fred.61";
        let deleted = plan(&[local("1", name)], &remotes[..1], unknown).unwrap();
        assert_eq!(steps(&deleted), [("user.fred".into(), name.into())]);
    }

    #[test]
    fn another_partition_is_a_rename_onto_itself() {
        let mut there = remote("1", "a");
        there.partition = "old".into();
        let plan = plan(&[local("1", "a")], &[there], unknown).unwrap();
        assert_eq!(steps(&plan), [("a".into(), "a".into())]);
        assert_eq!(plan.renames[0].partition, "default");
    }

    #[test]
    fn only_tombstones_delete_and_strays_are_reported() {
        let remotes = [remote("1", "gone"), remote("2", "stray"), remote("3", "moved")];
        let fate = |r: &RemoteFolder| -> Result<Fate, ()> {
            Ok(match r.uniqueid.as_bytes() {
                b"1" => Fate::Deleted,
                b"3" => Fate::Renamed(local("3", "elsewhere")),
                _ => Fate::Unknown,
            })
        };
        let plan = plan(&[], &remotes, fate).unwrap();
        assert_eq!(plan.deletes, ["gone"]);
        assert_eq!(plan.strays, ["stray"]);
        assert_eq!(steps(&plan), [("moved".into(), "elsewhere".into())]);
    }

    #[test]
    fn a_stray_that_holds_messages_blocks_its_name_and_whoever_waits_for_it() {
        let mut stray = remote("9", "b");
        stray.last_uid = 5;
        let remotes = [remote("1", "a"), stray, remote("2", "x"), remote("3", "y")];
        let locals = [local("1", "b"), local("2", "a"), local("3", "z")];
        let plan = plan(&locals, &remotes, unknown).unwrap();
        assert_eq!(plan.strays, ["b"]);
        assert_eq!(plan.blocked, ["a", "b"]);
        assert_eq!(steps(&plan), [("y".into(), "z".into())]);
        assert!(plan.deletes.is_empty());
    }

    #[test]
    fn a_stray_that_never_held_a_message_makes_room() {
        let remotes = [remote("1", "a"), remote("9", "b")];
        let plan = plan(&[local("1", "b")], &remotes, unknown).unwrap();
        assert_eq!(plan.deletes, ["b"]);
        assert_eq!(play(&plan, &remotes).len(), 1);
        assert!(plan.blocked.is_empty());
    }

    #[test]
    fn scripts_that_the_replica_keeps_in_a_mailbox_of_its_own_make_room_for_the_masters() {
        let mut own = remote("9", "user.fred.#sieve");
        own.last_uid = 5;
        own.mbtype = MboxType(MboxType::SIEVE);
        let remotes = [remote("1", "user.fred"), own];
        let locals = [local("1", "user.fred"), local("2", "user.fred.#sieve")];
        assert_eq!(plan(&locals, &remotes, unknown).unwrap().deletes, ["user.fred.#sieve"]);
        assert_eq!(plan(&locals[..1], &remotes, unknown).unwrap().deletes, [""; 0]);
    }

    #[test]
    fn of_a_uniqueid_that_the_replica_has_twice_the_folder_in_its_place_counts() {
        let locals = [local("1", "b")];
        for remotes in [[remote("1", "a"), remote("1", "b")], [remote("1", "b"), remote("1", "a")]]
        {
            let plan = plan(&locals, &remotes, unknown).unwrap();
            assert_eq!(plan.doubles, ["a"]);
            assert!(plan.renames.is_empty() && plan.deletes.is_empty(), "{plan:?}");
        }
        // A duplicate that has the name of another mailbox keeps it.
        let locals = [local("1", "b"), local("2", "a")];
        let plan = plan(&locals, &[remote("1", "a"), remote("1", "b")], unknown).unwrap();
        assert_eq!(plan.blocked, ["a"]);
    }

    #[test]
    fn a_folder_that_must_stay_is_neither_renamed_nor_deleted_and_keeps_its_name() {
        let stays = |_: &RemoteFolder| -> Result<Fate, ()> { Ok(Fate::Stays) };
        let plan = plan(&[local("2", "a")], &[remote("1", "a")], stays).unwrap();
        let expected = Plan { blocked: vec!["a".into()], ..Plan::default() };
        assert_eq!(plan, expected);
    }

    #[test]
    fn a_name_freed_by_a_delete_can_be_a_target() {
        let remotes = [remote("1", "a"), remote("2", "b")];
        let fate = |_: &RemoteFolder| -> Result<Fate, ()> { Ok(Fate::Deleted) };
        let plan = plan(&[local("2", "a")], &remotes, fate).unwrap();
        assert_eq!(play(&plan, &remotes).len(), 1);
    }
}
