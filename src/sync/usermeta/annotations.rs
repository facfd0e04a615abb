//! Replicates annotations of the server, or of one mailbox. Annotations of messages are not
//! included.

use crate::error::{Result, Subject};
use crate::events::Step;
use crate::protocol::Command;
use crate::sync::failures::Failures;
use crate::sync::pass::Pass;
use crate::types::{Annotation, MboxName};

/// Replicates the annotations of the server (`None`), or of one mailbox (`sync_do_annotation`).
pub fn annotations(pass: &mut Pass<'_>, mailbox: Option<&MboxName>) -> Result<()> {
    let owner = mailbox.and_then(|name| pass.names.owner(name));
    let _lock = pass.lock(owner.as_ref(), pass.settings.wait)?;
    let name = mailbox.cloned().unwrap_or_default();
    let ticket = pass.session.submit(Command::GetAnnotations(&name))?;
    let theirs = pass.session.wait(ticket)?.into_annotations()?;
    let ours = pass.store.annotations(mailbox)?;
    let key = |a: &Annotation| (a.entry.clone(), a.userid.clone());
    let mut tickets = Vec::new();
    for gone in theirs.iter().filter(|a| !ours.iter().any(|o| key(o) == key(a))) {
        let (mailbox, entry, userid) = (name.clone(), gone.entry.clone(), gone.userid.clone());
        let step = Step::DeleteAnnotation { mailbox, entry, userid };
        let ticket = pass.session.submit(Command::UnAnnotation(&name, gone))?;
        tickets.push((announce(pass, step), ticket));
    }
    let same = |a: &Annotation, b: &Annotation| key(a) == key(b) && a.value == b.value;
    for changed in ours.iter().filter(|a| !theirs.iter().any(|t| same(t, a))) {
        let (mailbox, entry, userid) =
            (name.clone(), changed.entry.clone(), changed.userid.clone());
        let step = Step::SetAnnotation { mailbox, entry, userid };
        let ticket = pass.session.submit(Command::Annotation(&name, changed))?;
        tickets.push((announce(pass, step), ticket));
    }
    let mut failures = Failures::default();
    pass.each_reply(tickets, |pass, subject, done| {
        done.map(drop).or_else(|error| failures.keep(pass, subject, error))
    })?;
    failures.into_result(
        mailbox.map_or("annotations of the server".into(), |name| format!("annotations of {name}")),
    )
}

/// Reports a step. Returns the subject for its failure.
fn announce(pass: &Pass<'_>, step: Step) -> Subject {
    let subject = Subject::item(step.to_string().trim_end());
    pass.report(step);
    subject
}
