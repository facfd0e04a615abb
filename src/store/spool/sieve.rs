//! Reads the sieve scripts of a user.
//!
//! Since Cyrus 3.6 a script is a message in the user's `#sieve` mailbox, and the flag `\Flagged`
//! marks the active script. Cyrus lists scripts from a table in the user's dav.db, which it derives
//! from these messages (`sync_sieve_list_generate`, `mailbox_update_sieve`). This module reads the
//! messages. If the mailbox does not exist, the scripts are in the user's sieve directory. Cyrus
//! moves them from there when it next opens the mailbox (`sieve_ensure_folder`).

use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use sha1::{Digest, Sha1};

use crate::error::{Error, Kind, Malformed, Result, reason};
use crate::format::script;
use crate::limits::SIEVE_SCRIPT_BYTES;
use crate::store::read::{Crcs, ReadMailbox as _};
use crate::store::traits::Mailbox;
use crate::sys::file::{absent, open_regular};
use crate::types::{Guid, InternalFlags, Record, SieveScript, SystemFlags, Text, Time};

const OP: &str = "read sieve script";
/// Advice for a script file that cannot be read.
const SCRIPTS: &str = "check the file at this path, and sievedir in imapd.conf; if the script is \
                       lost, ask its owner to store it again";
const SCRIPT: &[u8] = b".script";
const BYTECODE: &[u8] = b".bc";
const ACTIVE_LINK: &str = "defaultbc";

/// A stored Sieve script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The name that users see, without extension.
    pub name: Vec<u8>,
    /// Time when the script was stored.
    pub last_update: Time,
    /// Whether this is the active script.
    pub active: bool,
    /// The text of the script.
    pub content: Vec<u8>,
}

/// Reads the scripts of a `#sieve` mailbox, ordered by name.
///
/// # Errors
/// Those of the mailbox and its files; [`Kind::Corrupt`] if a message is not a script.
pub fn in_mailbox(mailbox: &mut dyn Mailbox) -> Result<Vec<Stored>> {
    let mut records = Vec::new();
    mailbox.scan_all(Crcs::Stored, &mut |record| {
        if !record.internal_flags.has(InternalFlags::EXPUNGED | InternalFlags::UNLINKED) {
            records.push(*record);
        }
        Ok(())
    })?;
    let mut newest: Vec<(Vec<u8>, Stored)> = Vec::new();
    for record in &records {
        let (id, stored) = in_message(mailbox, record)?;
        // Keep only the last message of a script: to replace a script, Cyrus appends the new
        // message and then expunges the old one.
        newest.retain(|(other, _)| *other != id);
        newest.push((id, stored));
    }
    Ok(by_name(newest.into_iter().map(|(_, stored)| stored).collect()))
}

fn in_message(mailbox: &dyn Mailbox, record: &Record) -> Result<(Vec<u8>, Stored)> {
    let subject = || format!("{} UID {}", mailbox.state().name, record.uid);
    let failed = |error: std::io::Error| {
        Error::new(Kind::Io, OP, subject(), reason(&error)).with_source(error)
    };
    let message = read(mailbox.message(record)?, record.size).map_err(failed)?;
    let corrupt = |malformed: Malformed| {
        Error::new(Kind::Corrupt, OP, subject(), malformed.to_string())
            .with_hint("expunge the message: only sieve scripts belong there")
    };
    let script = script::parse(&message).map_err(corrupt)?;
    let stored = Stored {
        name: script.name,
        last_update: record.internaldate,
        active: record.system_flags.has(SystemFlags::FLAGGED),
        content: script.content.to_vec(),
    };
    Ok((script.id, stored))
}

/// Reads the scripts of a sieve directory, ordered by name. The names are those that Cyrus would
/// give to the scripts in a mailbox. Returns `None` if there is no such directory.
///
/// # Errors
/// [`Kind::Io`].
pub fn in_directory(directory: &Path) -> Result<Option<Vec<Stored>>> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| Error::io(OP, &path, error).or_hint(SCRIPTS)
    };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => match absent(directory) {
            Some(error) => return Err(at(directory)(error)),
            None => return Ok(None),
        },
        entries => entries.map_err(at(directory))?,
    };
    let active = active(&directory.join(ACTIVE_LINK))?;
    let mut scripts = Vec::new();
    for entry in entries {
        let entry = entry.map_err(at(directory))?;
        let path = entry.path();
        let name = path.file_name().map(OsStr::as_bytes).and_then(|it| it.strip_suffix(SCRIPT));
        let Some(name) = name.filter(|name| !name.is_empty()) else { continue };
        // Fail if this is not a regular file. If it were skipped, the script would be deleted on
        // the replica.
        let (file, len) = open_regular(&path).map_err(at(&path))?;
        let modified = file.metadata().and_then(|found| found.modified()).map_err(at(&path))?;
        let seconds = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let content = read(file, len).map_err(at(&path))?;
        scripts.push(Stored {
            name: script::subject(name),
            last_update: Time::try_from(seconds).unwrap_or(Time::MAX),
            active: active.as_deref() == Some(name),
            content,
        });
    }
    Ok(Some(by_name(scripts)))
}

/// Returns the name of the active script, or `None` if no script is active. `link` is the symbolic
/// link to the bytecode of the active script.
fn active(link: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read_link(link) {
        Ok(target) => match target.as_os_str().as_bytes().strip_suffix(BYTECODE) {
            Some(name) => Ok(Some(name.to_vec())),
            None => {
                let subject = link.display().to_string();
                Err(Error::new(Kind::Corrupt, OP, subject, "the link does not lead to bytecode")
                    .with_hint("ask the user to activate a script again"))
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(OP, link, error).or_hint(SCRIPTS)),
    }
}

/// Reads a file of `len` bytes, if it is not larger than any script can be.
fn read(file: impl Read, len: u64) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    if len <= SIEVE_SCRIPT_BYTES {
        file.take(SIEVE_SCRIPT_BYTES + 1).read_to_end(&mut content)?;
    }
    if len > SIEVE_SCRIPT_BYTES || content.len() as u64 > SIEVE_SCRIPT_BYTES {
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, "too large for a sieve script"));
    }
    Ok(content)
}

fn by_name(mut scripts: Vec<Stored>) -> Vec<Stored> {
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    scripts
}

/// Makes the list that master and replica compare. Each script has an entry whose name ends in
/// `.script`. The active script has a second entry, whose name ends in `.bc`. Only this entry is
/// marked active, and it has neither GUID nor time (`sync_sieve_list_generate`).
pub fn listed(scripts: &[Stored]) -> Vec<SieveScript> {
    let mut list = Vec::new();
    for script in scripts {
        list.push(SieveScript {
            name: Text::from([&script.name[..], SCRIPT].concat()),
            last_update: script.last_update,
            guid: Guid(Sha1::digest(&script.content).into()),
            active: false,
        });
        if script.active {
            list.push(SieveScript {
                name: Text::from([&script.name[..], BYTECODE].concat()),
                last_update: 0,
                guid: Guid::default(),
                active: true,
            });
        }
    }
    list
}

/// Returns the content of a script. `name` is its name in the list and ends in `.script`.
///
/// # Errors
/// [`Kind::NotFound`] if there is no such script, or if `name` ends in `.bc`: bytecode is not
/// replicated.
pub fn content(scripts: Vec<Stored>, name: &Text) -> Result<Vec<u8>> {
    let wanted = name.as_bytes().strip_suffix(SCRIPT);
    let found = scripts.into_iter().find(|script| Some(&script.name[..]) == wanted);
    found.map(|script| script.content).ok_or_else(|| {
        Error::new(Kind::NotFound, OP, name.to_string(), "the user has no such script")
    })
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use std::fs::File;

    use super::*;
    use crate::error::Subject;
    use crate::format::damage::recorded;
    use crate::store::MailboxFiles;
    use crate::store::MessageFile;
    use crate::store::traits::Records;
    use crate::types::{Annotation, MailboxState, Uid};

    const REPLY: &str = include_str!("../../../tests/fixtures/userdata/replies/meta.fred");

    /// The `#sieve` mailbox of the fixtures: its state and its records.
    struct Folder(MailboxState, Vec<Record>);

    impl Folder {
        /// Makes records from tuples of UID, system flags and internal flags.
        fn of(records: &[(Uid, u32, u32)]) -> Self {
            let records = records.iter().map(|(uid, system, internal)| Record {
                uid: *uid,
                internaldate: recorded(REPLY, "main.script", "LAST_UPDATE")
                    .unwrap()
                    .parse()
                    .unwrap(),
                system_flags: SystemFlags(*system),
                internal_flags: InternalFlags(*internal),
                ..Record::default()
            });
            let records: Vec<Record> = records.collect();
            let state = MailboxState {
                header: crate::types::MailboxHeader {
                    name: "user.fred.#sieve".into(),
                    ..Default::default()
                },
                num_records: u32::try_from(records.len()).unwrap(),
                ..Default::default()
            };
            Folder(state, records)
        }

        fn as_cyrus_left_it() -> Self {
            let expunged = InternalFlags::EXPUNGED;
            Folder::of(&[
                (1, 0, expunged),
                (2, SystemFlags::FLAGGED, 0),
                (3, 0, 0),
                (4, 0, expunged),
            ])
        }
    }

    impl MailboxFiles for Folder {
        fn message(&self, record: &Record) -> Result<MessageFile> {
            let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/userdata");
            let path = fixtures.join(format!("sieve/{}.", record.uid));
            let opened = File::open(&path).and_then(MessageFile::open);
            opened.map_err(|error| Error::io(OP, &path, error))
        }

        fn message_name(&self, record: &Record) -> Subject {
            format!("UID {}", record.uid).into()
        }
    }

    impl Mailbox for Folder {
        fn state(&self) -> &MailboxState {
            &self.0
        }
        fn annotations(&self) -> Result<Vec<Annotation>> {
            Ok(Vec::new())
        }
        fn scan(
            &mut self,
            _: Records,
            visit: &mut dyn FnMut(&Record) -> Result<ControlFlow<()>>,
        ) -> Result<()> {
            self.1.iter().try_for_each(|record| visit(record).map(drop))
        }
        fn visit_annotations(
            &self,
            _: &[Uid],
            _: &mut dyn FnMut(Uid, Annotation) -> Result<()>,
        ) -> Result<()> {
            Ok(())
        }
        fn unlock_index(&mut self) {}
    }

    fn line(script: &SieveScript) -> String {
        format!(
            "* SIEVE %(FILENAME {} LAST_UPDATE {} GUID {} ISACTIVE {})",
            script.name,
            script.last_update,
            script.guid,
            u8::from(script.active)
        )
    }

    #[test]
    fn a_list_is_what_cyrus_says() {
        let scripts = in_mailbox(&mut Folder::as_cyrus_left_it()).unwrap();
        let mut ours: Vec<_> = listed(&scripts).iter().map(line).collect();
        let mut reply: Vec<_> = REPLY.lines().filter(|line| line.starts_with("* SIEVE")).collect();
        ours.sort();
        reply.sort();
        assert_eq!(ours, reply);
    }

    #[test]
    fn content_is_what_cyrus_says() {
        let scripts = in_mailbox(&mut Folder::as_cyrus_left_it()).unwrap();
        let main = content(scripts.clone(), &"main.script".into()).unwrap();
        let reply = include_str!("../../../tests/fixtures/userdata/replies/script.main");
        assert!(reply.contains(&format!("{{47}}\r\n{})", String::from_utf8(main).unwrap())));
        for name in ["old.script", "main.bc", "main"] {
            assert_eq!(content(scripts.clone(), &name.into()).unwrap_err().kind(), Kind::NotFound);
        }
    }

    #[test]
    fn of_two_messages_of_a_script_the_later_is_used() {
        let [script] = &in_mailbox(&mut Folder::of(&[(1, 0, 0), (2, 0, 0)])).unwrap()[..] else {
            panic!("not one script")
        };
        assert!(script.content.starts_with(b"require"));
    }

    #[test]
    fn a_directory_is_read_where_there_is_no_mailbox() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| fs::write(dir.path().join(name), content).unwrap();
        write("b.script", "keep;");
        write("a.script", "stop;");
        write("a.bc", "compiled");
        std::os::unix::fs::symlink("b.bc", dir.path().join(ACTIVE_LINK)).unwrap();
        let scripts = in_directory(dir.path()).unwrap().unwrap();
        assert!(scripts.iter().all(|script| script.last_update > 1_600_000_000));
        let names: Vec<_> = listed(&scripts).iter().map(|it| it.name.to_string()).collect();
        assert_eq!(names, ["a.script", "b.script", "b.bc"]);
        assert_eq!(content(scripts, &"b.script".into()).unwrap(), b"keep;");
        assert_eq!(in_directory(&dir.path().join("none")).unwrap(), None);
    }

    #[test]
    fn other_kinds_of_files_in_a_script_directory_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |name: &str| {
            let error = in_directory(dir.path()).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            assert!(!error.hint().is_empty(), "{error}");
        };
        let (script, link) = (dir.path().join("a.script"), dir.path().join(ACTIVE_LINK));
        fs::create_dir(&script).unwrap();
        refused("a.script");
        fs::remove_dir(&script).unwrap();
        fs::write(&link, "a.bc").unwrap();
        refused(ACTIVE_LINK);
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(ACTIVE_LINK, &link).unwrap();
        refused(ACTIVE_LINK);
        fs::remove_file(&link).unwrap();
        assert_eq!(in_directory(dir.path()).unwrap(), Some(vec![]));
        // Next case: the directory itself is a link that leads nowhere.
        let nowhere = dir.path().join("nowhere");
        std::os::unix::fs::symlink("x", &nowhere).unwrap();
        assert_eq!(in_directory(&nowhere).unwrap_err().kind(), Kind::Io);
        assert_eq!(in_directory(&link.join("x")).unwrap(), None);
    }
}
