//! Parses the command line, runs the requested mode, and returns the exit code.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::catch_unwind;
use std::process::ExitCode;

use cyrsync::{Client, Level};

use crate::exit::{Exit, Fatal};
use crate::flags::{self, Mode, Page, Request};
use crate::start::NewClient;
use crate::sys::{daemon, syslog};
use crate::terminal::complain;
use crate::{check, dry_run, forget, pages, progress, rolling, show, start, status, verify, work};

/// Runs the program with the command line of this process. Returns the exit code for the process.
pub fn main() -> ExitCode {
    main_with(|settings, cancel, observer| {
        Client::builder(settings).cancel(cancel).observer(observer).build()
    })
}

/// Runs the program like [`main`], but creates the client with `new_client`. Modes that replicate
/// nothing, such as `--check-config`, create no client and read the spool directly.
pub fn main_with(new_client: NewClient) -> ExitCode {
    let mut words: Vec<OsString> = env::args_os().collect();
    let program = if words.is_empty() { "sync_client".into() } else { words.remove(0) };
    let posixly = env::var_os("POSIXLY_CORRECT").is_some();
    let exit = match flags::parse(&words, posixly) {
        Ok(Request::Print(page)) => print(page),
        Ok(Request::PrintConfig(low)) => end(catch_unwind(move || show::show(&low))),
        Ok(Request::CheckConfig(low)) => end(catch_unwind(move || check::check(&low))),
        Ok(Request::Run(Mode::ForgetTls, low)) => end(catch_unwind(move || forget::forget(&low))),
        Ok(Request::Run(Mode::Status, low)) => end(catch_unwind(move || Ok(status::status(&low)))),
        Ok(Request::Run(mode, low)) => end(catch_unwind(move || run(mode, *low, new_client))),
        Err(wrong) => {
            complain(pages::usage(&wrong, &program));
            Exit::Usage
        }
    };
    if cyrsync::program::login_is_stuck() {
        // A thread still runs inside libsasl2. A normal exit would free data that this thread uses.
        let _ = io::stdout().flush();
        daemon::leave(exit as u8);
    }
    exit.into()
}

fn print(page: Page) -> Exit {
    let text = match page {
        Page::Help => pages::help(),
        Page::Version => pages::version(),
        Page::Manual => pages::manual(),
    };
    // Ignores a write error: a reader that closed the pipe needs no more text.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Exit::Ok
}

fn run(mode: Mode, mut low: flags::Low, new_client: NewClient) -> Result<Exit, Fatal> {
    let verify = low.verify.as_ref().map(|words| verify::asked(words, mode, &low)).transpose()?;
    let mut session = match start::start(mode, &low, new_client) {
        Ok(session) => session,
        Err(ended) => return ended,
    };
    let _shown = progress::show(mode, &low, &session.reporter);
    if mode == Mode::Meta && low.input_file.take().is_some() {
        // As in Cyrus's program, but there without a word.
        session.console.mistake("-s reads no list, so -f has no effect: name the users");
    }
    match verify {
        Some(how) => verify::work(mode, how, low, &mut session),
        None if low.dry_run => dry_run::work(mode, low, &mut session),
        None if mode == Mode::Rolling => rolling::work(low, session),
        None => work::work(mode, low, &mut session),
    }
}

/// Returns the exit code of a run. Reports a fatal error or a caught panic first.
fn end(ended: std::thread::Result<Result<Exit, Fatal>>) -> Exit {
    let fatal = match ended {
        Ok(Ok(exit)) => return exit,
        Ok(Err(fatal)) => fatal,
        Err(_) => Fatal::new(Exit::Software, "internal error, please report it"),
    };
    let line = format!("Fatal error: {}", fatal.message);
    complain(&line);
    syslog::send(Level::Error, &line);
    fatal.exit
}
