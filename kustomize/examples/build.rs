//! `kustomize build` as a small program: `build DIR [--load-restrictor VALUE] [--reorder VALUE]`.

#![expect(clippy::print_stderr, reason = "a program prints")]

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use file_tree::Disk;
use kustomize_rs::{Options, Order, build_texts};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options { order: Order::Legacy, tree_path: Some("/"), ..Options::default() };
    let mut dir = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let (name, value) = argument.split_once('=').unwrap_or((&argument, ""));
        let value = match name {
            "--load-restrictor" | "--reorder" if value.is_empty() => arguments.next().unwrap_or_default(),
            _ => value.to_owned(),
        };
        match (name, value.as_str()) {
            ("--load-restrictor", value) => options.load_from_anywhere = value == "LoadRestrictionsNone",
            ("--reorder", "none") => options.order = Order::Input,
            ("--reorder", _) => options.order = Order::Legacy,
            (flag, _) if flag.starts_with("--") => return Err(format!("unknown flag {flag}").into()),
            _ => dir = Some(argument),
        }
    }
    let dir = std::fs::canonicalize(dir.unwrap_or_else(|| ".".to_owned()))?;
    let dir = dir.to_str().ok_or("the path is not UTF-8")?.trim_start_matches('/');
    let (texts, warnings) = build_texts(&Disk::new("/"), dir, &options)?;
    for warning in &warnings {
        eprintln!("{warning}");
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    texts.iter().try_for_each(|text| out.write_all(text.as_bytes()))?;
    out.flush()?;
    Ok(())
}
