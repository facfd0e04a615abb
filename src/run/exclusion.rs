//! Leaves users and mailboxes out of a run (`--exclude`), and counts them.

use super::task::Goal;
use crate::events::RunEvent;
use crate::names::Namespace;
use crate::types::{MboxName, Pattern, Text, UserId};

/// The maximum number of excluded users and mailboxes that are reported by name. Further ones are
/// only counted.
const NAMES: usize = 20;

/// Removes excluded users and mailboxes from goals.
pub struct Exclusion<'e> {
    patterns: &'e [Pattern],
    namespace: &'e Namespace,
    users: u64,
    mailboxes: u64,
    names: Vec<Text>,
}

impl<'e> Exclusion<'e> {
    /// Excludes users whose userid matches a pattern, with all their mailboxes. Also excludes
    /// mailboxes whose external name matches, but only from goals that list mailboxes.
    pub fn new(patterns: &'e [Pattern], namespace: &'e Namespace) -> Exclusion<'e> {
        Exclusion { patterns, namespace, users: 0, mailboxes: 0, names: Vec::new() }
    }

    /// Returns what is left of a goal, or `None` if all of it is excluded. Log entries are never
    /// excluded, because excluded entries would be lost.
    pub fn rest(&mut self, goal: Goal) -> Option<Goal> {
        if self.patterns.is_empty() {
            return Some(goal);
        }
        match goal {
            Goal::Mailboxes(mut names) => {
                names.retain(|name| !self.leaves_out_mailbox(name));
                (!names.is_empty()).then_some(Goal::Mailboxes(names))
            }
            goal => {
                let is_out = match &goal {
                    Goal::User(user)
                    | Goal::Meta(user)
                    | Goal::Seen(user, _)
                    | Goal::Subscription(user, _) => self.leaves_out_user(user),
                    Goal::Quota(root) => self.leaves_out_mailbox(&MboxName::new(root.as_bytes())),
                    Goal::Annotations(Some(mailbox)) => self.leaves_out_mailbox(mailbox),
                    Goal::Annotations(None) | Goal::Entries(_) | Goal::Mailboxes(_) => false,
                };
                (!is_out).then_some(goal)
            }
        }
    }

    /// Returns an event that reports what was excluded, or `None` if nothing was excluded.
    pub fn event(self) -> Option<RunEvent> {
        let Exclusion { users, mailboxes, names, .. } = self;
        (users + mailboxes > 0).then_some(RunEvent::Excluded { users, mailboxes, names })
    }

    fn matches(&self, name: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(name))
    }

    fn leaves_out_user(&mut self, user: &UserId) -> bool {
        let is_out = self.matches(user.as_bytes());
        if is_out {
            self.users += 1;
            self.note(user.as_bytes());
        }
        is_out
    }

    /// Returns whether a mailbox is excluded, by its owner or its external name. A mailbox without
    /// an external name is compared by its internal name.
    fn leaves_out_mailbox(&mut self, name: &MboxName) -> bool {
        let external = self.namespace.to_external(name).unwrap_or_else(|| name.as_bytes().into());
        let owner = self.namespace.owner(name);
        let is_out = self.matches(external.as_bytes())
            || owner.is_some_and(|owner| self.matches(owner.as_bytes()));
        if is_out {
            self.mailboxes += 1;
            self.note(external.as_bytes());
        }
        is_out
    }

    fn note(&mut self, name: &[u8]) {
        if self.names.len() < NAMES {
            self.names.push(Text::new(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::of;

    fn left(patterns: &[&str], conf: &str, goals: Vec<Goal>) -> (Vec<Goal>, Option<RunEvent>) {
        let patterns: Vec<Pattern> =
            patterns.iter().map(|text| Pattern::new(text.as_bytes()).unwrap()).collect();
        let names = Namespace::new(&of(conf).naming);
        let mut exclusion = Exclusion::new(&patterns, &names);
        let left = goals.into_iter().filter_map(|goal| exclusion.rest(goal)).collect();
        (left, exclusion.event())
    }

    fn mailboxes(names: &[&str]) -> Goal {
        Goal::Mailboxes(names.iter().map(|name| MboxName::from(*name)).collect())
    }

    #[test]
    fn users_and_mailboxes_are_left_out_by_their_names() {
        let goals = || {
            vec![
                Goal::User("ann".into()),
                Goal::Meta("bob".into()),
                Goal::User("lists".into()),
                mailboxes(&["lists.rust", "news", "user.ann.Sent", "user.zoe"]),
                Goal::Annotations(None),
                Goal::Annotations(Some("user.ann".into())),
                Goal::Quota("lists.rust".into()),
            ]
        };
        let conf = "unixhierarchysep: no\n";
        let (all, nothing) = left(&[], conf, goals());
        assert_eq!((all, nothing.is_none()), (goals(), true));
        let (rest, event) = left(&["a*", "lists.*"], conf, goals());
        let expected = [
            Goal::Meta("bob".into()),
            Goal::User("lists".into()),
            mailboxes(&["news", "user.zoe"]),
            Goal::Annotations(None),
        ];
        assert_eq!(rest, expected);
        let Some(RunEvent::Excluded { users, mailboxes, names }) = event else { panic!() };
        assert_eq!((users, mailboxes), (1, 4));
        assert_eq!(names[0], "ann");
        // A pattern for mailboxes matches `user.zoe` because this mailbox is itself a goal.
        let (rest, _) = left(&["user.zoe*"], conf, goals());
        assert!(rest.contains(&super::Goal::User("ann".into())));
        assert!(!format!("{rest:?}").contains("zoe"));
        let (rest, event) = left(&["*"], conf, goals());
        assert_eq!(rest, [Goal::Annotations(None)]);
        assert!(event.is_some());
    }

    #[test]
    fn names_are_those_that_an_administrator_types() {
        let goals = || vec![mailboxes(&["lists.a^b", "lists.c"])];
        let (rest, _) = left(&["lists/a.b"], "unixhierarchysep: yes\n", goals());
        assert_eq!(rest, [mailboxes(&["lists.c"])]);
        let (rest, _) = left(&["lists.a^b"], "unixhierarchysep: yes\n", goals());
        assert_eq!(rest, goals());
    }

    #[test]
    fn many_are_counted_and_some_named() {
        let goals = (0..50).map(|n| Goal::User(format!("u{n}").as_str().into())).collect();
        let (rest, event) = left(&["u*"], "", goals);
        let Some(RunEvent::Excluded { users, names, .. }) = event else { panic!() };
        assert_eq!((rest.len(), users, names.len()), (0, 50, NAMES));
    }
}
