//! The program `sync_client`.

fn main() -> std::process::ExitCode {
    sync_client::main()
}
