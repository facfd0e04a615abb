//! Plans which folders of the replica to delete or rename before contents are sent, and in what
//! order. Pure: takes lists of folders and returns ordered steps.
//!
//! Folders are matched by uniqueid, as in `do_folders` in `imap/sync_support.c`. If a folder of the
//! replica is not in the master's list, the master is searched for the folder's uniqueid. A
//! tombstone means that the folder must be deleted. A live entry means that the folder was renamed
//! to a name that is not in the list.

use std::collections::{HashMap, HashSet};

use crate::names::Namespace;
use crate::protocol::RemoteFolder;
use crate::types::{FormerName, MboxName, Text, UniqueId};

/// The properties of a master's folder that the planner needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    /// Current name on the master.
    pub name: MboxName,
    /// The uniqueid by which folders are matched.
    pub uniqueid: UniqueId,
    /// The partition that the folder must have on the replica. `None` for intermediates, which have
    /// no files, and for damaged entries.
    pub partition: Option<Text>,
    /// UIDVALIDITY, sent with a rename.
    pub uidvalidity: u32,
    /// Former names of the folder.
    pub history: Vec<FormerName>,
}

/// What happened on the master to a folder that is only in the replica's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepairAction {
    /// The folder was deleted: the master has a tombstone.
    Deleted,
    /// The folder was renamed. The value describes the folder on the master, which is not in the
    /// list.
    Renamed(Local),
    /// The master has no record of the folder.
    Unknown,
    /// The same, and the folder holds nothing that the master's folder of its name does not hold.
    Expendable,
    /// The folder must not be changed. It has the right name already, or its failure is reported by
    /// the caller.
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
    /// Uniqueid of the mailbox. A mailbox that needs a temporary name has two renames.
    pub uniqueid: UniqueId,
    /// Name of the mailbox on the master.
    pub mailbox: MboxName,
}

/// The steps on the replica's folders: first all deletes, then the renames.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Folders to delete.
    pub deletes: Vec<MboxName>,
    /// Renames, in the order in which they must be done.
    pub renames: Vec<Rename>,
    /// Folders that only the replica has and that have no tombstone. They are reported and not
    /// changed.
    pub strays: Vec<MboxName>,
    /// Folders with the same uniqueid as another folder of the replica. They are reported and not
    /// changed.
    pub doubles: Vec<MboxName>,
    /// Folders of the master that cannot get their name on the replica, because another folder
    /// there keeps it.
    pub blocked: Vec<MboxName>,
}

struct Wanted<'a> {
    from: MboxName,
    to: MboxName,
    partition: Text,
    local: &'a Local,
}

/// Plans deletes and renames. Calls `action` once for each folder that only the replica lists.
pub fn plan<E>(
    names: &Namespace,
    locals: &[Local],
    remotes: &[RemoteFolder],
    mut action: impl FnMut(&RemoteFolder) -> Result<RepairAction, E>,
) -> Result<Plan, E> {
    let by_id: HashMap<&UniqueId, &Local> = locals.iter().map(|l| (&l.uniqueid, l)).collect();
    let wanted_names: HashSet<&MboxName> =
        locals.iter().filter(|l| l.partition.is_some()).map(|l| &l.name).collect();
    let mut plan = Plan::default();
    let mut moved_out = Vec::new();
    let mut matched = Vec::new();
    let mut stay: HashSet<&MboxName> = HashSet::new();
    let mut seen: HashMap<&UniqueId, &MboxName> = HashMap::new();
    // If the replica has a uniqueid twice, use the folder that has the master's name.
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
            None => match action(remote)? {
                RepairAction::Deleted => plan.deletes.push(remote.name.clone()),
                found @ (RepairAction::Unknown | RepairAction::Expendable) => {
                    // If the folder never had a message, the replica itself would replace it.
                    let expendable = remote.last_uid == 0 || found == RepairAction::Expendable;
                    let makes_room = expendable && wanted_names.contains(&remote.name);
                    let list = if makes_room { &mut plan.deletes } else { &mut plan.strays };
                    list.push(remote.name.clone());
                }
                RepairAction::Renamed(local) => moved_out.push((remote, local)),
                RepairAction::Stays => drop(stay.insert(&remote.name)),
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

/// Orders renames so that each target name is free when its turn comes. A cycle, for example a
/// swap, is broken with a temporary name. If possible this is a former name of the folder, because
/// the user needed a temporary name too; otherwise a new name is made up. If the client is
/// interrupted between the two renames, the next run finds the folder by its uniqueid. Also returns
/// the folders whose target name will not become free.
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
        // A target name that none of the remaining renames frees belongs to a folder that stays.
        // The rename to that name is blocked, and so are the renames that wait for it.
        let leaving: HashSet<MboxName> = wanted.iter().map(|w| w.from.clone()).collect();
        if wanted.iter().any(|w| !leaving.contains(&w.to)) {
            let (cycles, stuck) = wanted.into_iter().partition(|w| leaving.contains(&w.to));
            wanted = cycles;
            blocked.extend(stuck.into_iter().map(|w: Wanted<'_>| w.local.name.clone()));
            continue;
        }
        if let Some(w) = wanted.first_mut() {
            // Use only former names of the same owner, because the folders of other users are not
            // in the lists.
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
/// (`mboxlist_renamemailbox` in `imap/mboxlist.c`). It can only be renamed to a deleted name, and
/// from there to the other name.
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
    use crate::types::MailboxHeader;

    /// Plans with the namespace of the default settings.
    fn plan<E>(
        locals: &[Local],
        remotes: &[RemoteFolder],
        action: impl FnMut(&RemoteFolder) -> Result<RepairAction, E>,
    ) -> Result<Plan, E> {
        super::plan(&Namespace::new(&settings::tests::of("").naming), locals, remotes, action)
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

    fn unknown(_: &RemoteFolder) -> Result<RepairAction, ()> {
        Ok(RepairAction::Unknown)
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
        // If the mailbox had a deleted name on the master, the plan uses that name.
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
        let action = |r: &RemoteFolder| -> Result<RepairAction, ()> {
            Ok(match r.uniqueid.as_bytes() {
                b"1" => RepairAction::Deleted,
                b"3" => RepairAction::Renamed(local("3", "elsewhere")),
                _ => RepairAction::Unknown,
            })
        };
        let plan = plan(&[], &remotes, action).unwrap();
        assert_eq!(plan.deletes, ["gone"]);
        assert_eq!(plan.strays, ["stray"]);
        assert_eq!(steps(&plan), [("moved".into(), "elsewhere".into())]);
    }

    #[test]
    fn a_stray_with_messages_blocks_its_name_and_dependent_renames() {
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
    fn only_an_expendable_mailbox_with_messages_makes_room() {
        let mut own = remote("9", "user.fred.#sieve");
        own.last_uid = 5;
        let remotes = [remote("1", "user.fred"), own];
        let locals = [local("1", "user.fred"), local("2", "user.fred.#sieve")];
        let expendable = |_: &RemoteFolder| Ok::<_, ()>(RepairAction::Expendable);
        assert_eq!(plan(&locals, &remotes, expendable).unwrap().deletes, ["user.fred.#sieve"]);
        assert_eq!(plan(&locals[..1], &remotes, expendable).unwrap().deletes, [""; 0]);
        let stays = plan(&locals, &remotes, unknown).unwrap();
        assert!(stays.deletes.is_empty() && stays.blocked == ["user.fred.#sieve"], "{stays:?}");
    }

    #[test]
    fn of_two_mailboxes_with_one_uniqueid_the_one_in_its_place_counts() {
        let locals = [local("1", "b")];
        for remotes in [[remote("1", "a"), remote("1", "b")], [remote("1", "b"), remote("1", "a")]]
        {
            let plan = plan(&locals, &remotes, unknown).unwrap();
            assert_eq!(plan.doubles, ["a"]);
            assert!(plan.renames.is_empty() && plan.deletes.is_empty(), "{plan:?}");
        }
        // Another mailbox cannot get a name that belongs to a duplicate.
        let locals = [local("1", "b"), local("2", "a")];
        let plan = plan(&locals, &[remote("1", "a"), remote("1", "b")], unknown).unwrap();
        assert_eq!(plan.blocked, ["a"]);
    }

    #[test]
    fn a_folder_that_must_stay_is_neither_renamed_nor_deleted_and_keeps_its_name() {
        let stays = |_: &RemoteFolder| -> Result<RepairAction, ()> { Ok(RepairAction::Stays) };
        let plan = plan(&[local("2", "a")], &[remote("1", "a")], stays).unwrap();
        let expected = Plan { blocked: vec!["a".into()], ..Plan::default() };
        assert_eq!(plan, expected);
    }

    #[test]
    fn a_name_freed_by_a_delete_can_be_a_target() {
        let remotes = [remote("1", "a"), remote("2", "b")];
        let action = |_: &RemoteFolder| -> Result<RepairAction, ()> { Ok(RepairAction::Deleted) };
        let plan = plan(&[local("2", "a")], &remotes, action).unwrap();
        assert_eq!(play(&plan, &remotes).len(), 1);
    }
}
