//! The list of a task's mailboxes that must be compared. Either one pass takes them all, or several
//! passes share them, each with its own session. The pass that runs the task is the owner; the
//! passes of other workers are helpers.
//!
//! Staged files belong to a session, so a mailbox stays with the pass that has taken it. No mailbox
//! of a user may be created before the INBOX, and none before its parents, because the replica
//! would create the parents by itself. So a mailbox waits while another pass is working on its
//! INBOX or on a parent.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::failures::Failures;
use super::usermeta::quotas::NamedRoot;
use crate::protocol::RemoteFolder;
use crate::types::{MailboxEntry, MboxName, UniqueId};

/// A mailbox that must be compared.
#[derive(Clone)]
pub(crate) struct Todo {
    /// Entry of the mailbox in the master's mailboxes.db.
    pub entry: MailboxEntry,
    /// State of the mailbox on the replica. `None` if the replica does not have it.
    pub remote: Option<RemoteFolder>,
    /// Whether the mailbox is an INBOX that the replica does not have.
    pub new_inbox: bool,
    /// Estimated number of messages that the replica does not have.
    pub messages: u64,
}

/// A part has this fraction (1/16) of the mailboxes that are left.
const PARTS: usize = 16;
/// Minimum number of mailboxes in a part, because each part costs a few round trips.
const SMALLEST: usize = 4;
/// Maximum number of mailboxes in a part.
const PART: usize = 32;
/// A part is complete once it has this many messages, because its round trips cost little in
/// comparison.
const PART_MESSAGES: u64 = 4096;
/// A task with this many messages and more than one mailbox is large: helpers are asked for.
const MANY_MESSAGES: u64 = 2 * PART_MESSAGES;
/// A task with this many mailboxes is large, whatever the number of messages.
const MANY: usize = 8;
/// Interval at which a waiting pass checks whether its worker is needed for another task.
const TICK: Duration = Duration::from_millis(200);

/// Identifies a pass among those that share the mailboxes.
pub(crate) type PassId = u32;

/// The id of the owner, which is the pass that runs the task.
pub(crate) const OWNER: PassId = 0;

/// The results of a pass.
#[derive(Default)]
pub(crate) struct Found {
    /// Failures of the mailboxes that the pass worked on.
    pub failures: Failures,
    /// Quota roots in the headers of these mailboxes.
    pub roots: Vec<NamedRoot>,
    /// Mailboxes whose update the replica has refused with `IMAP_MAILBOX_MOVED`.
    pub moved: HashSet<UniqueId>,
}

impl Found {
    /// Adds the quota root of a mailbox. Each root is stored once.
    pub fn name_root(&mut self, named: NamedRoot) {
        match self.roots.iter_mut().find(|known| known.root == named.root) {
            Some(known) => known.by_its_own = known.by_its_own.take().or(named.by_its_own),
            None => self.roots.push(named),
        }
    }

    fn absorb(&mut self, mut other: Found) {
        self.failures.absorb(&mut other.failures);
        other.roots.into_iter().for_each(|root| self.name_root(root));
        self.moved.extend(other.moved);
    }
}

#[derive(Default)]
struct State {
    todo: VecDeque<Todo>,
    /// Mailboxes that the replica does not have, each with the pass that is working on it.
    under_way: HashMap<MboxName, PassId>,
    /// Whether the replica lacks an INBOX. Helpers wait until the owner has created it.
    lacks_inbox: bool,
    /// Number of helpers at work.
    helpers: u32,
    /// Number of all helpers that were ever started.
    helped: u32,
    is_closed: bool,
    /// The results of the helpers.
    found: Found,
}

impl State {
    /// Takes the first mailbox. Returns `None` if the list is empty or this pass must wait for
    /// another.
    fn take_first(&mut self, pass: PassId) -> Option<Todo> {
        if self.lacks_inbox && pass != OWNER {
            return None;
        }
        let mut outer = self.todo.front()?.entry.name.as_bytes();
        while let Some(dot) = outer.iter().rposition(|byte| *byte == b'.') {
            outer = outer.get(..dot).unwrap_or_default();
            if self.under_way.get(&MboxName::new(outer)).is_some_and(|other| *other != pass) {
                return None;
            }
        }
        self.todo.pop_front()
    }
}

/// The shared list of mailboxes. The documentation of this module describes the order.
pub(crate) struct SharedTodo {
    state: Mutex<State>,
    changed: Condvar,
    smallest: usize,
    /// Names that are mailboxes, not intermediates, on the replica.
    pub real: HashSet<MboxName>,
    /// The same names in the replica's order. The replica searches these mailboxes for messages
    /// that it has already.
    pub among: Vec<MboxName>,
}

impl SharedTodo {
    /// Makes a list of these mailboxes. Parents must come before their children.
    pub fn new(todo: VecDeque<Todo>, among: Vec<MboxName>) -> SharedTodo {
        let real = among.iter().cloned().collect();
        let lacks_inbox = todo.iter().any(|todo| todo.new_inbox);
        let state = Mutex::new(State { todo, lacks_inbox, ..State::default() });
        SharedTodo { state, changed: Condvar::new(), smallest: SMALLEST, real, among }
    }

    /// Returns whether there are enough mailboxes or messages for helpers.
    pub fn is_large(&self) -> bool {
        let state = self.state.lock();
        let messages: u64 = state.todo.iter().map(|todo| todo.messages).sum();
        state.todo.len() >= MANY || state.todo.len() > 1 && messages >= MANY_MESSAGES
    }

    /// Takes the next part of the list. It is small enough to leave mailboxes for other passes.
    /// Waits while the next mailboxes depend on the work of other passes, unless `is_recalled`
    /// returns true. If there are helpers, calls `begin` before another pass can take the following
    /// part.
    pub fn take(
        &self,
        pass: PassId,
        begin: &mut dyn FnMut(),
        is_recalled: &dyn Fn() -> bool,
    ) -> VecDeque<Todo> {
        let mut state = self.state.lock();
        let (mut taken, mut messages) = (VecDeque::new(), 0);
        while !state.is_closed && !is_recalled() {
            let most = (state.todo.len() / PARTS).clamp(self.smallest, PART);
            while taken.len() < most
                && messages < PART_MESSAGES
                && let Some(todo) = state.take_first(pass)
            {
                if todo.remote.is_none() {
                    state.under_way.insert(todo.entry.name.clone(), pass);
                }
                messages += todo.messages;
                taken.push_back(todo);
            }
            if !taken.is_empty() {
                if state.todo.is_empty() {
                    // The list is empty, so wake the waiting passes.
                    self.changed.notify_all();
                }
                if pass != OWNER || state.helped > 0 {
                    begin();
                }
                break;
            }
            let others = state.helpers - u32::from(pass != OWNER);
            if state.todo.is_empty() || (pass == OWNER && others == 0) {
                break;
            }
            self.changed.wait_for(&mut state, TICK);
        }
        taken
    }

    /// Records that a pass has finished the mailboxes that it took, with success or not. It still
    /// works on those in `left`.
    pub fn done<'t>(&self, pass: PassId, left: impl Iterator<Item = &'t Todo>) {
        let mut state = self.state.lock();
        state.under_way.retain(|_, other| *other != pass);
        let new = left.filter(|todo| todo.remote.is_none());
        state.under_way.extend(new.map(|todo| (todo.entry.name.clone(), pass)));
        self.changed.notify_all();
    }

    /// Records that the INBOX exists on the replica, unless an INBOX is still in the list.
    pub fn inbox_is_there(&self) {
        let mut state = self.state.lock();
        state.lacks_inbox &= state.todo.iter().any(|todo| todo.new_inbox);
        self.changed.notify_all();
    }

    /// Puts mailboxes that a pass could not complete back at the front of the list.
    pub fn put_back(&self, todo: impl DoubleEndedIterator<Item = Todo>) {
        let mut state = self.state.lock();
        todo.rev().for_each(|todo| state.todo.push_front(todo));
        self.changed.notify_all();
    }

    /// Registers a helper and returns its id. Returns `None` if the list is empty or closed.
    pub fn enter(&self) -> Option<PassId> {
        let mut state = self.state.lock();
        if state.is_closed || state.todo.is_empty() {
            return None;
        }
        state.helpers += 1;
        state.helped += 1;
        Some(state.helped)
    }

    /// Unregisters a helper and stores its results.
    pub fn leave(&self, pass: PassId, found: Found) {
        let mut state = self.state.lock();
        state.found.absorb(found);
        state.helpers -= 1;
        drop(state);
        self.done(pass, [].iter());
    }

    /// Returns whether there was ever a helper.
    pub fn is_helped(&self) -> bool {
        self.state.lock().helped > 0
    }

    /// Waits until the list is not empty or no helper is at work. Returns whether the list is not
    /// empty.
    pub fn wait_for_more(&self) -> bool {
        let mut state = self.state.lock();
        while state.helpers > 0 && state.todo.is_empty() {
            self.changed.wait(&mut state);
        }
        !state.todo.is_empty()
    }

    /// Closes the list, so that no more helpers start. Waits for the helpers at work. Returns the
    /// results of all helpers.
    pub fn close(&self) -> Found {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.todo.clear();
        self.changed.notify_all();
        while state.helpers > 0 {
            self.changed.wait(&mut state);
        }
        std::mem::take(&mut state.found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    fn todo(name: &str, is_new: bool) -> Todo {
        let entry = MailboxEntry { name: name.into(), ..MailboxEntry::default() };
        let remote = (!is_new).then(RemoteFolder::default);
        Todo { entry, remote, new_inbox: is_new && name == "user.fred", messages: 0 }
    }

    fn of(names: &[(&str, bool)]) -> SharedTodo {
        let todo = names.iter().map(|(name, is_new)| todo(name, *is_new));
        SharedTodo { smallest: 1, ..SharedTodo::new(todo.collect(), Vec::new()) }
    }

    fn take(shared: &SharedTodo, pass: PassId) -> Option<String> {
        let taken = shared.take(pass, &mut || {}, &|| false);
        taken.front().map(|todo| todo.entry.name.to_string())
    }

    #[test]
    fn few_mailboxes_are_large_if_their_messages_are_many() {
        let large = |sizes: &[u64]| {
            let sized =
                sizes.iter().map(|size| Todo { messages: *size, ..todo("user.fred.a", false) });
            SharedTodo::new(sized.collect(), Vec::new())
        };
        assert!(!large(&[100_000]).is_large(), "one mailbox stays on one connection");
        assert!(!large(&[400; 5]).is_large());
        assert!(large(&[1; 8]).is_large());
        let shared = large(&[5000, 100, 5000]);
        assert!(shared.is_large());
        let sizes: Vec<usize> =
            (0..3).map(|_| shared.take(OWNER, &mut || {}, &|| false).len()).collect();
        assert_eq!(sizes, [1, 2, 0], "a part ends with many messages");
    }

    #[test]
    fn a_recalled_helper_takes_nothing_and_does_not_wait() {
        let shared = of(&[("user.fred.a", true), ("user.fred.a.b", true)]);
        let (one, other) = (shared.enter().unwrap(), shared.enter().unwrap());
        assert_eq!(take(&shared, one).unwrap(), "user.fred.a");
        // Without the recall this pass would wait, because the first pass has the parent.
        assert!(shared.take(other, &mut || {}, &|| true).is_empty());
        shared.leave(other, Found::default());
        shared.leave(one, Found::default());
        assert_eq!(take(&shared, OWNER).unwrap(), "user.fred.a.b");
    }

    #[test]
    fn no_mailbox_is_created_before_those_that_it_is_in() {
        let shared = of(&["user.fred.a", "user.fred.a.b", "user.fred.c"].map(|name| (name, true)));
        let helper = shared.enter().unwrap();
        assert_eq!(take(&shared, helper).unwrap(), "user.fred.a");
        let is_free = |pass| shared.state.lock().take_first(pass);
        assert!(is_free(OWNER).is_none(), "another's is on its way");
        assert_eq!(take(&shared, helper).unwrap(), "user.fred.a.b", "its own is");
        assert_eq!(take(&shared, OWNER).unwrap(), "user.fred.c");
        shared.leave(helper, Found::default());
        assert_eq!(take(&shared, OWNER), None);
    }

    #[test]
    fn a_mailbox_that_is_taken_but_not_sent_is_not_done() {
        let names = ["user.fred.a", "user.fred.b", "user.fred.b.c"].map(|name| (name, true));
        let shared = SharedTodo { smallest: 2, ..of(&names) };
        let helper = shared.enter().unwrap();
        let mut taken = shared.take(helper, &mut || {}, &|| false);
        assert_eq!(taken.len(), 2);
        taken.pop_front();
        shared.done(helper, taken.iter());
        assert!(shared.state.lock().take_first(OWNER).is_none(), "b is not there yet");
        shared.done(helper, [].iter());
        assert_eq!(take(&shared, OWNER).unwrap(), "user.fred.b.c");
        shared.leave(helper, Found::default());
    }

    #[test]
    fn nothing_of_a_user_is_created_before_the_inbox() {
        let shared = Arc::new(of(&[("user.fred", true), ("DELETED.user.fred.a.1", true)]));
        let (helper, waiting) = (shared.enter().unwrap(), shared.clone());
        let helping = thread::spawn(move || take(&waiting, helper));
        assert_eq!(take(&shared, OWNER).unwrap(), "user.fred");
        shared.done(OWNER, [].iter());
        assert!(!helping.is_finished(), "it could not be created");
        shared.inbox_is_there();
        assert_eq!(helping.join().unwrap().unwrap(), "DELETED.user.fred.a.1");
        shared.leave(helper, Found::default());
    }

    #[test]
    fn mailboxes_that_the_replica_has_can_be_taken_in_any_order() {
        let shared = of(&[("user.fred", false), ("user.fred.a", false), ("user.fred.a.b", true)]);
        let helper = shared.enter().unwrap();
        assert_eq!(take(&shared, OWNER).unwrap(), "user.fred");
        assert_eq!(take(&shared, helper).unwrap(), "user.fred.a");
        assert_eq!(take(&shared, OWNER).unwrap(), "user.fred.a.b");
        shared.leave(helper, Found::default());
    }

    #[test]
    fn a_helper_that_waits_for_a_parent_ends_when_all_is_taken() {
        let shared = Arc::new(of(&[("user.fred", true), ("user.fred.a", true)]));
        let (helper, waiting) = (shared.enter().unwrap(), shared.clone());
        let helping = thread::spawn(move || {
            let taken = take(&waiting, helper);
            waiting.leave(helper, Found::default());
            taken
        });
        assert_eq!(take(&shared, OWNER).unwrap(), "user.fred");
        assert_eq!(take(&shared, OWNER).unwrap(), "user.fred.a");
        assert!(!shared.wait_for_more());
        assert_eq!(helping.join().unwrap(), None);
    }

    #[test]
    fn several_mailboxes_are_taken_at_once_but_not_all() {
        let names: Vec<String> = (0..160).map(|n| format!("user.fred.{n:03}")).collect();
        let shared = of(&names.iter().map(|name| (name.as_str(), true)).collect::<Vec<_>>());
        let mut begun = 0;
        assert_eq!(shared.take(OWNER, &mut || begun += 1, &|| false).len(), 10);
        assert_eq!(begun, 0, "nobody helps");
        let helper = shared.enter().unwrap();
        assert_eq!(shared.take(helper, &mut || begun += 1, &|| false).len(), 9);
        assert_eq!(shared.take(OWNER, &mut || begun += 1, &|| false).len(), 8);
        assert_eq!(begun, 2);
        shared.leave(helper, Found::default());
    }

    #[test]
    fn the_owner_waits_for_helpers_and_takes_what_they_put_back() {
        let shared = Arc::new(of(&[("user.fred.a", true), ("user.fred.a.b", true)]));
        let helper = shared.enter().unwrap();
        let first = shared.take(helper, &mut || {}, &|| false);
        let waiting = shared.clone();
        let owner = thread::spawn(move || {
            let first = take(&waiting, OWNER);
            let second = take(&waiting, OWNER);
            (first, second, waiting.wait_for_more())
        });
        shared.put_back(first.into_iter());
        shared.leave(helper, Found::default());
        let (first, second, more) = owner.join().unwrap();
        assert_eq!(first.unwrap(), "user.fred.a");
        assert_eq!((second.unwrap().as_str(), more), ("user.fred.a.b", false));
        assert!(shared.close().failures.is_empty());
        assert!(shared.enter().is_none());
    }
}
