//! The command line of Skiff. Everything is in the library, so that tests and the demo can call it.

fn main() -> std::process::ExitCode {
    skiff::run()
}
