//! `sync_client` on the command line.

fn main() -> std::process::ExitCode {
    sync_client::main()
}
