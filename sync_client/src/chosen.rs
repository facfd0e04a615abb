//! Finds the users or mailboxes for names on the command line or in a list. A name with `*`, `?` or
//! `[` is a pattern, unless a user or mailbox with exactly this name exists.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use cyrsync::{Catalog, Error, Matches, MboxName, Pattern, Result, UserId};

use crate::console::Console;
use crate::exit::{Exit, Fatal};
use crate::list::Unreadable;

/// Names to replicate, from the command line or a list.
pub type Names = Box<dyn Iterator<Item = std::result::Result<Vec<u8>, Unreadable>>>;

/// A thing that a name or pattern selects: a user or a mailbox.
pub trait Choice: Clone + Eq + Hash {
    /// The word for this kind of thing in messages.
    const WHAT: &'static str;

    /// Converts a name. A user or mailbox with this name need not exist.
    fn named(name: &[u8], catalog: &Catalog) -> Result<Self>;

    /// Returns whether this user or mailbox exists on the master.
    fn is_there(&self, catalog: &Catalog) -> Result<bool>;

    /// Returns all users or mailboxes that match a pattern.
    fn matching(pattern: &Pattern, catalog: &Catalog) -> Matches<Self>;
}

impl Choice for UserId {
    const WHAT: &'static str = "user";

    fn named(name: &[u8], _: &Catalog) -> Result<Self> {
        Ok(UserId::from(name))
    }

    fn is_there(&self, catalog: &Catalog) -> Result<bool> {
        catalog.has_user(self)
    }

    fn matching(pattern: &Pattern, catalog: &Catalog) -> Matches<Self> {
        catalog.users(pattern)
    }
}

impl Choice for MboxName {
    const WHAT: &'static str = "mailbox";

    fn named(name: &[u8], catalog: &Catalog) -> Result<Self> {
        catalog.internal_name(name)
    }

    fn is_there(&self, catalog: &Catalog) -> Result<bool> {
        catalog.has_mailbox(self)
    }

    fn matching(pattern: &Pattern, catalog: &Catalog) -> Matches<Self> {
        catalog.mailboxes(pattern)
    }
}

/// An iterator over the chosen users or mailboxes. It reads a list name by name, so a long list
/// needs little memory.
pub struct Chosen<T> {
    names: Names,
    catalog: Catalog,
    console: Arc<Console>,
    /// Users or mailboxes that were found, but were not returned yet.
    ready: VecDeque<T>,
    /// Users or mailboxes that patterns have found. Later patterns skip them.
    matched: HashSet<T>,
    /// Users or mailboxes that operands name. Patterns skip them.
    named: HashSet<T>,
    is_list: bool,
    /// Errors for operands with invalid patterns.
    malformed: Vec<Error>,
    /// Errors for names and patterns that could not be looked up.
    pub failed: Vec<Error>,
    /// Whether a name was read, or a name's error was reported.
    is_named: bool,
}

impl<T: Choice> Chosen<T> {
    /// Creates the iterator for the names of a list or for operands. Looks up all operands at once.
    ///
    /// # Errors
    /// Fails with [`Exit::Usage`] if an operand is an invalid pattern.
    pub fn new(
        names: Names,
        is_list: bool,
        catalog: Catalog,
        console: Arc<Console>,
    ) -> std::result::Result<Self, Fatal> {
        let mut chosen = Chosen {
            names,
            catalog,
            console,
            ready: VecDeque::new(),
            matched: HashSet::new(),
            named: HashSet::new(),
            is_list,
            malformed: Vec::new(),
            failed: Vec::new(),
            is_named: false,
        };
        if !is_list {
            // Reading an operand never fails; only a list can be unreadable.
            while let Some(Ok(name)) = chosen.names.next() {
                chosen.look_up(&name);
            }
            if let Some(error) = chosen.malformed.first() {
                return Err(Fatal::new(Exit::Usage, error.to_string()));
            }
        }
        Ok(chosen)
    }

    fn look_up(&mut self, name: &[u8]) {
        self.is_named = true;
        let named = T::named(name, &self.catalog);
        if !Pattern::is_one(name) {
            return self.take_named(named);
        }
        match named.as_ref().map_or(Ok(false), |named| named.is_there(&self.catalog)) {
            Ok(false) => {}
            Ok(true) => return self.take_named(named),
            Err(error) => return self.failed.push(error),
        }
        match Pattern::new(name) {
            Ok(pattern) => self.take_matching(&pattern),
            Err(error) if self.is_list => self.failed.push(error),
            Err(error) => self.malformed.push(error),
        }
    }

    /// Reports once that there was no name.
    fn nothing_to_do(&mut self) {
        if std::mem::replace(&mut self.is_named, true) {
            return;
        }
        if self.is_list {
            self.console.mistake(&format!("nothing to do: the list names no {}", T::WHAT));
        } else {
            self.console.mistake("nothing to do: no user or mailbox was named");
        }
    }

    fn take_named(&mut self, named: Result<T>) {
        match named {
            Ok(named) => {
                if !self.is_list {
                    self.named.insert(named.clone());
                }
                if !self.matched.contains(&named) {
                    self.ready.push_back(named);
                }
            }
            Err(error) => self.failed.push(error),
        }
    }

    fn take_matching(&mut self, pattern: &Pattern) {
        let Matches { found, unread, .. } = T::matching(pattern, &self.catalog);
        if found.is_empty() && unread.is_none() {
            self.console.mistake(&format!("no {} matches {pattern}", T::WHAT));
        }
        for one in found {
            if !self.named.contains(&one) && self.matched.insert(one.clone()) {
                self.ready.push_back(one);
            }
        }
        self.failed.extend(unread);
    }
}

impl<T: Choice> Iterator for Chosen<T> {
    type Item = std::result::Result<T, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(one) = self.ready.pop_front() {
                return Some(Ok(one));
            }
            match self.names.next() {
                Some(Ok(name)) => self.look_up(&name),
                Some(Err(error)) => {
                    self.is_named = true;
                    return Some(Err(error));
                }
                None => {
                    self.nothing_to_do();
                    return None;
                }
            }
        }
    }

    /// The count is exact for operands. For a list it is unknown until the whole list is read.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.ready.len(), (!self.is_list).then_some(self.ready.len()))
    }
}
