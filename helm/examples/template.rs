//! `helm template` on the files of this machine: `cargo run -p helm-rs --example template -- rel ./chart -f values.yaml`.
#![expect(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr, reason = "a program, not the crate")]

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use file_tree::DirTree;
use helm_rs::Chart;
use helm_rs::command::{Arguments, Done, Host, template};
use helm_rs::functions::Seed;

struct Machine;

impl Host for Machine {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(path).map_err(|error| format!("open {path}: {error}"))
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn chart(&self, path: &str) -> Result<Chart, String> {
        if Path::new(path).is_dir() {
            let tree = DirTree::open(path).map_err(|error| error.to_string())?;
            return Chart::load(&tree, "").map_err(|error| error.to_string());
        }
        Chart::from_package(path, &self.read(path)?).map_err(|error| error.to_string())
    }

    fn seed(&self) -> Seed {
        Seed::new([7; 32])
    }

    fn time(&self) -> i64 {
        1_795_000_000
    }
}

fn run() -> Result<(), String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Done { text, warnings, writes } = template(&Arguments::parse(&words)?, &Machine)?;
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    for write in writes {
        let path = Path::new(&write.path);
        std::fs::create_dir_all(path.parent().unwrap_or(path)).map_err(|error| error.to_string())?;
        let mut options = std::fs::OpenOptions::new();
        options.create(true).write(!write.append).append(write.append).truncate(!write.append);
        let mut file = options.open(path).map_err(|error| error.to_string())?;
        file.write_all(write.text.as_bytes()).map_err(|error| error.to_string())?;
    }
    print!("{text}");
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}
