//! The lines of steps, which `-v` prints.

use std::fmt;

use super::repair;
use crate::events::step::Step;

/// Returns the line of a step.
pub(super) fn text(step: &Step) -> String {
    let command = step.command();
    match step {
        Step::User { user }
        | Step::Meta { user }
        | Step::DeleteUser { user }
        | Step::DeactivateSieve { user } => format!("{command} {user}"),
        Step::Absent { user } => format!("Does not exist locally {user}"),
        Step::Mailboxes { mailboxes } => {
            let names: Vec<String> = mailboxes.iter().map(ToString::to_string).collect();
            format!("{command} {}", names.join(" "))
        }
        Step::MailboxAgain { mailbox }
        | Step::Mailbox { mailbox, .. }
        | Step::DeleteMailbox { mailbox, .. }
        | Step::FullMailbox { mailbox } => format!("{command} {mailbox}"),
        Step::MasterMailbox { mailbox } => format!("{command} {mailbox} (on the master)"),
        Step::MasterScripts { user } => format!("{command} {user} (on the master)"),
        Step::Rename { from, to, partition, .. } => {
            format!("{command} {from} -> {to} ({partition})")
        }
        Step::Repair { found } => repair::line(found).text,
        Step::Subscribe { user, mailbox } | Step::Unsubscribe { user, mailbox } => {
            format!("{command} {user} {mailbox}")
        }
        Step::Seen { user, uniqueid } => format!("{command} {user} {uniqueid}"),
        Step::UploadSieve { user, script }
        | Step::DeleteSieve { user, script }
        | Step::ActivateSieve { user, script } => format!("{command} {user} {script}"),
        Step::SetQuota { root } | Step::DeleteQuota { root } => format!("{command} {root}"),
        Step::SetAnnotation { mailbox, entry, userid }
        | Step::DeleteAnnotation { mailbox, entry, userid } => {
            format!("{command} {mailbox} {entry} {userid}")
        }
        Step::Enable { capabilities } => format!("{command} {capabilities:#x}"),
    }
}

/// Formats the step as the line that `-v` prints.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(self))
    }
}
