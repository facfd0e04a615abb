//! Measures Cyrus's sync_client and ours on the same mail: `make bench`.

use std::process::ExitCode;

use cyrsync_lab::bench::{parse, run, usage};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--help") {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    match parse(&args).and_then(run) {
        Ok(_) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("bench: {problem}");
            eprint!("{}", usage());
            ExitCode::from(2)
        }
    }
}
