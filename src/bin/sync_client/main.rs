//! `sync_client`: the replication client on the command line, a drop-in for Cyrus's own.
//!
//! The words are read by a table ([`flags`]), resolved against imapd.conf ([`start`]) and
//! carried out ([`work`]); how it ended becomes an exit code here and in [`exit`] alone.

mod connect;
mod console;
mod exit;
mod flags;
mod getopt;
mod list;
mod pages;
mod rolling;
mod signals;
mod start;
mod traffic;
mod work;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::catch_unwind;
use std::process::ExitCode;

use cyrsync::observe::Level;
use cyrsync::sys::syslog;

use console::complain;
use exit::{Exit, Fatal};
use flags::{Mode, Page, Request};

fn main() -> ExitCode {
    let mut words: Vec<OsString> = env::args_os().collect();
    let program = if words.is_empty() { "sync_client".into() } else { words.remove(0) };
    let posixly = env::var_os("POSIXLY_CORRECT").is_some();
    let exit = match flags::parse(&words, posixly) {
        Ok(Request::Print(page)) => print(page),
        Ok(Request::Run(mode, low)) => run(mode, low),
        Err(wrong) => {
            complain(pages::usage(&wrong, &program));
            Exit::Usage
        }
    };
    exit.into()
}

fn print(page: Page) -> Exit {
    let text = match page {
        Page::Help => pages::help(),
        Page::Version => pages::version(),
        Page::Manual => pages::manual(),
    };
    // Whoever closed the pipe has read enough.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Exit::Ok
}

fn run(mode: flags::Mode, low: flags::Low) -> Exit {
    let ended = catch_unwind(move || match start::start(mode, &low) {
        Ok(session) if mode == Mode::Rolling => rolling::work(low, session),
        Ok(mut session) => Ok(work::work(mode, low, &mut session)),
        Err(ended) => ended,
    });
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
