//! Annotations by themselves: of the server, or of one mailbox without its records.

use crate::error::{Result, Subject};
use crate::protocol::Command;
use crate::sync::failures::Failures;
use crate::sync::pass::Pass;
use crate::types::{Annotation, MboxName};

/// Replicates the annotations of the server (`None`) or of one mailbox without its records
/// (`sync_do_annotation`).
pub fn annotations(pass: &mut Pass<'_>, mailbox: Option<&MboxName>) -> Result<()> {
    let owner = mailbox.and_then(|name| pass.names.owner(name));
    let server = &pass.settings.server;
    let _lock = pass.store.sync_lock(server, owner.as_ref(), pass.settings.wait)?;
    let name = mailbox.cloned().unwrap_or_default();
    let ticket = pass.session.submit(Command::GetAnnotations(&name))?;
    let theirs = pass.session.wait(ticket)?.into_annotations()?;
    let ours = pass.store.annotations(mailbox)?;
    let key = |a: &Annotation| (a.entry.clone(), a.userid.clone());
    let mut tickets = Vec::new();
    for gone in theirs.iter().filter(|a| !ours.iter().any(|o| key(o) == key(a))) {
        let line = format!("UNANNOTATION {name} {} {}", gone.entry, gone.userid);
        pass.action_on(&name, &line);
        let ticket = pass.session.submit(Command::UnAnnotation(&name, gone))?;
        tickets.push((line, ticket));
    }
    let same = |a: &Annotation, b: &Annotation| key(a) == key(b) && a.value == b.value;
    for changed in ours.iter().filter(|a| !theirs.iter().any(|t| same(t, a))) {
        let line = format!("ANNOTATION {name} {} {}", changed.entry, changed.userid);
        pass.action_on(&name, &line);
        let ticket = pass.session.submit(Command::Annotation(&name, changed))?;
        tickets.push((line, ticket));
    }
    let mut failures = Failures::default();
    for (line, ticket) in tickets {
        if let Err(error) = pass.session.wait(ticket) {
            failures.keep(pass, Subject::item(line.trim_end()), error)?;
        }
    }
    failures.into_result(
        mailbox.map_or("annotations of the server".into(), |name| format!("annotations of {name}")),
    )
}
