//! Applies the planted bugs to the commands of a session.

use super::plant::Plant;
use super::world::World;

/// The state of a planted bug in a session.
#[derive(Debug, Default)]
pub(super) struct Planted {
    /// A command that is carried out later. Its reply was already sent.
    held: Option<Vec<u8>>,
    /// Queries and their replies. For some queries, the reply is from before the last rename.
    listings: Vec<(Vec<u8>, Vec<u8>)>,
    renamed: bool,
}

/// What happens instead of a command.
pub(super) enum Instead {
    /// Up to three commands are carried out. The client receives the reply to `command`.
    Run { first: Option<Vec<u8>>, command: Vec<u8>, last: Option<Vec<u8>> },
    /// No command is carried out. The client receives this reply.
    Reply(Vec<u8>),
}

const OK: &[u8] = b"OK success\r\n";

impl Planted {
    /// Returns what happens instead of a command.
    pub fn command(&mut self, world: &mut World, command: &[u8]) -> Instead {
        let as_it_is = |first, last| Instead::Run { first, command: command.to_vec(), last };
        let is = |start: &[u8]| command.starts_with(start);
        match world.plant {
            Some(Plant::UpdatesBeforeUpload) if is(b"APPLY MESSAGE") && self.held.is_none() => {
                self.held = Some(command.to_vec());
                Instead::Reply(OK.to_vec())
            }
            Some(Plant::UpdatesBeforeUpload) if is(b"APPLY MAILBOX") => {
                as_it_is(None, self.held.take())
            }
            Some(Plant::SwapsCommands) => {
                let swappable = [&b"APPLY MAILBOX"[..], b"APPLY RENAME", b"APPLY UNMAILBOX"];
                if self.held.is_none() && swappable.iter().any(|s| is(s)) && world.chance.one_in(8)
                {
                    self.held = Some(command.to_vec());
                    return Instead::Reply(OK.to_vec());
                }
                as_it_is(None, self.held.take())
            }
            Some(Plant::TrustsOldListing) => {
                self.renamed |= is(b"APPLY RENAME");
                let known = self.listings.iter().find(|(question, _)| question == command);
                match known.filter(|_| self.renamed) {
                    Some((_, answer)) => Instead::Reply(answer.clone()),
                    None => as_it_is(None, None),
                }
            }
            Some(Plant::LeavesOutSince) if is(b"APPLY MAILBOX") => {
                Instead::Run { first: None, command: without_since(command), last: None }
            }
            Some(Plant::LeavesOutGroups) if is(b"APPLY MAILBOX") => {
                let command = without(command, b" USERGROUPS ", b" VERSION ");
                Instead::Run { first: None, command, last: None }
            }
            _ => as_it_is(self.held.take(), None),
        }
    }

    /// Records a query and its reply.
    pub fn replied(&mut self, command: &[u8], reply: &[u8]) {
        if command.starts_with(b"GET USER") || command.starts_with(b"GET MAILBOXES") {
            self.listings.retain(|(question, _)| question != command);
            self.listings.push((command.to_vec(), reply.to_vec()));
        }
    }
}

/// Returns an update without the state that it is based on.
pub(super) fn without_since(command: &[u8]) -> Vec<u8> {
    without(command, b" SINCE_MODSEQ ", b" RECORD (")
}

/// Returns a command without the part from `from` up to `to`.
fn without(command: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let find = |word: &[u8]| command.windows(word.len()).position(|window| window == word);
    match (find(from), find(to)) {
        (Some(start), Some(end)) if start < end => [&command[..start], &command[end..]].concat(),
        _ => command.to_vec(),
    }
}
