//! Reads files into a [`Config`]: handles includes, repeated options and former names, and makes
//! the final checks.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::{channel_spec, check, spec};
use super::expand::expand;
use super::later::moves_data;
use super::lines::{Lines, Statement, statement};
use super::opt::{self, DEPRECATED};
use super::origin::Origin;
use super::values::{Config, Given, Known};
use crate::error::{Error, Kind, Result, reason};
use crate::limits::{CONFIG_FILE_BYTES, CONFIG_INCLUDE_DEPTH, CONFIG_LINE_BYTES};

const OP: &str = "read configuration";

/// Reads a file. If `prefix` is set, reads `prefix` followed by `path` if that file exists,
/// otherwise `path`.
pub(super) fn file(path: &Path, service: &str, prefix: Option<&OsStr>) -> Result<Config> {
    let mut reader = Reader::new(service, prefix);
    reader.file(path, None)?;
    reader.finish(path)
}

/// Reads a configuration from memory. Errors give `name` as its path.
pub(super) fn text(text: &[u8], name: &Path, service: &str) -> Result<Config> {
    let mut reader = Reader::new(service, None);
    reader.seen.insert(name.to_owned());
    reader.text(text, name)?;
    reader.finish(name)
}

struct Reader<'a> {
    config: Config,
    prefix: Option<&'a OsStr>,
    /// Files read so far. Cyrus reads no file twice.
    seen: HashSet<PathBuf>,
    depth: usize,
    /// Values that were set by former names of options.
    former: Vec<(&'static opt::Deprecated, Known)>,
}

/// A place in a file.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a Arc<Path>,
    line: usize,
}

impl Place<'_> {
    fn error(self, what: impl Into<String>) -> Error {
        Error::new(Kind::Config, OP, format!("{} line {}", self.file.display(), self.line), what)
    }
}

impl<'a> Reader<'a> {
    fn new(service: &str, prefix: Option<&'a OsStr>) -> Self {
        let config = Config {
            service: service.to_ascii_lowercase(),
            known: Default::default(),
            overflow: Default::default(),
            notes: Vec::new(),
            files: Vec::new(),
            lines: Vec::new(),
            path: None,
        };
        Reader { config, prefix, seen: HashSet::new(), depth: 0, former: Vec::new() }
    }

    fn file(&mut self, path: &Path, from: Option<Place<'_>>) -> Result<()> {
        let error = |what: String| match from {
            Some(place) => place.error(format!("@include: {}: {what}", path.display())),
            None => Error::new(Kind::Config, OP, path, what),
        };
        if self.depth >= CONFIG_INCLUDE_DEPTH {
            return Err(error(format!("more than {CONFIG_INCLUDE_DEPTH} levels of @include"))
                .with_hint("use fewer levels: include all files from one file"));
        }
        if !self.seen.insert(path.to_owned()) {
            return Err(
                error("this file is included twice".into()).with_hint("remove one @include")
            );
        }
        let prefixed = self.prefix.map(|prefix| {
            let mut full = prefix.to_owned();
            full.push(path);
            full
        });
        let opened = match prefixed.map(File::open) {
            Some(Ok(file)) => Ok(file),
            _ => File::open(path),
        };
        let mut text = Vec::new();
        opened.and_then(|file| file.take(CONFIG_FILE_BYTES + 1).read_to_end(&mut text)).map_err(
            |e| {
                error(format!("cannot be read: {}", reason(&e)))
                    .with_hint("check that the file exists and that the cyrus user may read it")
                    .with_source(e)
            },
        )?;
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > CONFIG_FILE_BYTES {
            return Err(error(format!("larger than {CONFIG_FILE_BYTES} bytes"))
                .with_hint("check that this is a configuration file"));
        }
        self.config.files.push(path.to_owned());
        self.depth += 1;
        self.text(&text, path)?;
        self.depth -= 1;
        Ok(())
    }

    fn text(&mut self, text: &[u8], file: &Path) -> Result<()> {
        let file: &Arc<Path> = &Arc::from(file);
        for line in Lines::new(text) {
            let line = match line {
                Ok(line) => line,
                Err(number) => {
                    self.config.notes.push(format!(
                        "{} line {number}: ignored, like in Cyrus: the last line of the file ends \
                         in a backslash",
                        file.display()
                    ));
                    continue;
                }
            };
            let place = Place { file, line: line.number };
            if line.text.len() > CONFIG_LINE_BYTES {
                return Err(place
                    .error(format!("longer than {CONFIG_LINE_BYTES} bytes"))
                    .with_hint("check that this is a configuration file"));
            }
            let read = statement(&line.text).map_err(|what| {
                place.error(what).with_hint("a line is \"option: value\", a comment begins with #")
            })?;
            match read {
                None => {}
                Some(Statement::Include(path)) => {
                    let path =
                        std::str::from_utf8(path).map_err(|_| not_utf8(place, "@include"))?;
                    self.file(Path::new(path), Some(place))?;
                }
                Some(Statement::Set(key, value)) => self.set(place, key, value)?,
            }
        }
        Ok(())
    }

    fn set(&mut self, place: Place<'_>, full: String, value: &[u8]) -> Result<()> {
        // `<service>_<option>` is read as `<option>` for this program only, if there is such an
        // option.
        let service_prefix = format!("{}_", self.config.service);
        let own = full
            .strip_prefix(&service_prefix)
            .filter(|name| spec(name).is_some() || former(name).is_some());
        let (for_service, key) = (own.is_some(), own.unwrap_or(&full));
        if moves_data(full.strip_prefix(&service_prefix).unwrap_or(&full)) {
            return Err(place
                .error(format!("{full} is an option of a newer Cyrus than this program knows"))
                .with_hint(
                    "the option says where Cyrus keeps data, so this program would look in the \
                     wrong place: install a newer version of this program, or remove the line if \
                     your Cyrus does not know the option either",
                ));
        }
        let twice =
            || place.error(format!("{full} is set twice")).with_hint("remove one of the two lines");
        let text = match std::str::from_utf8(value) {
            Ok(text) => {
                check(key, text).map_err(|(what, hint)| place.error(what).with_hint(hint))?;
                text.to_owned()
            }
            Err(_) if spec(key).is_some() || channel_spec(key).is_some() => {
                return Err(not_utf8(place, &full));
            }
            // The option belongs to another program, so do not refuse it.
            Err(_) => {
                self.config.notes.push(format!(
                    "{} line {}: the value of {full} is not UTF-8; its invalid bytes are replaced",
                    place.file.display(),
                    place.line
                ));
                String::from_utf8_lossy(value).into_owned()
            }
        };
        let origin = Origin::Line { file: place.file.clone(), line: place.line, key: full.clone() };
        self.config.lines.push(origin.clone());
        let given = Known { given: Given { text, origin }, for_service };
        let before = |known: Option<&Known>| known.map(|known| known.for_service);
        if let Some(spec) = spec(key) {
            match (before(self.config.known.get(spec.name)), for_service) {
                (Some(true), true) | (Some(false), false) => return Err(twice()),
                // Keep the value that was set with the service's name.
                (Some(true), false) => {}
                (Some(false), true) | (None, _) => {
                    self.config.known.insert(spec.name, given);
                }
            }
        } else if let Some(deprecated) = former(key) {
            let known = self.former.iter().position(|(d, _)| d.name == key);
            let known = known.and_then(|at| self.former.get_mut(at));
            match (before(known.as_ref().map(|(_, known)| known)), for_service) {
                (Some(true), true) | (Some(false), false) => return Err(twice()),
                (Some(true), false) => {}
                _ => match known {
                    Some((_, known)) => *known = given,
                    None => self.former.push((deprecated, given)),
                },
            }
        } else if self.config.overflow.insert(full.clone(), given.given).is_some() {
            return Err(twice());
        }
        Ok(())
    }

    fn finish(mut self, path: &Path) -> Result<Config> {
        let config = &mut self.config;
        let error = |what: String| Error::new(Kind::Config, OP, path, what);
        for (deprecated, given) in self.former {
            let preferred = deprecated.preferred.name;
            config.notes.push(format!(
                "{} is called {preferred} since Cyrus {}",
                deprecated.name, deprecated.since
            ));
            config.known.entry(preferred).or_insert(given);
        }
        let Some(directory) = config.string(opt::CONFIGDIRECTORY, None).map(str::to_owned) else {
            return Err(error("configdirectory is not set".into()).with_hint(
                "add the line \"configdirectory: DIRECTORY\" with the directory of your server, \
                 for example /var/lib/cyrus",
            ));
        };
        let expanded: Vec<_> = (config.known.iter())
            .filter_map(|(name, known)| {
                Some((*name, expand(spec(name)?, &known.given.text, &directory)))
            })
            .collect();
        for (name, text) in expanded {
            if let Some(known) = config.known.get_mut(name) {
                known.given.text = text;
            }
        }
        Ok(self.config)
    }
}

fn former(name: &str) -> Option<&'static opt::Deprecated> {
    DEPRECATED.iter().find(|deprecated| deprecated.name == name)
}

fn not_utf8(place: Place<'_>, key: &str) -> Error {
    place.error(format!("the value of {key} is not UTF-8")).with_hint("save the file as UTF-8")
}
