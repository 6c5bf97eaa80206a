//! What a person types. `main` calls [`run`] and nothing else.
//!
//! | module | what it holds |
//! |---|---|
//! | [`args`] | the commands and their options |
//! | [`output`] | the only place that prints |
//! | [`error`] | a failure and its exit status |
//! | [`offline`] | `bundle`, `render`: a directory on disk, no hub |
//! | [`online`] | everything that talks to a hub |
//! | [`hub`] | `hub`: the server itself |
//! | [`demo`] | `demo`: a hub, agents and clusters in one process |

pub mod args;
pub mod demo;
pub mod error;
pub mod hub;
pub mod offline;
pub mod online;
pub mod output;

use args::{Arguments, Command};
use clap::Parser as _;
use error::CliError;
use output::Output;
use std::process::ExitCode;

/// Reads the command line, does what it says, and gives the exit status: 0 done, 1 failed or does not hold, 2 wrong use.
pub fn run() -> ExitCode {
    // rustls asks which provider to use before the first TLS connection; a second call would be refused and is harmless.
    let _already_set = rustls::crypto::ring::default_provider().install_default();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::usage(&error),
    };
    let mut output = Output::stdio();
    let result = dispatch(arguments, &mut output).and_then(|()| output.finish());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit_status())
        }
    }
}

fn dispatch(arguments: Arguments, output: &mut Output) -> Result<(), CliError> {
    let Arguments { global, command } = arguments;
    match command {
        Command::Bundle(args) => offline::bundle::run(&args, output),
        Command::Render(args) => offline::render::run(&args, output),
        Command::Diff(args) => offline::diff::run(&args, output),
        Command::Lint(args) => offline::lint::run(&args, output),
        Command::Target(args) => offline::target::run(&args, output),
        Command::Kustomize(args) => offline::kustomize::run(&args, output),
        Command::Helm(args) => offline::helm::run(&args, output),
        Command::Hub(args) => hub::run(args, &global, output),
        Command::Demo(args) => demo::run(args, output),
        Command::Token(args) => online::token(args, &global, output),
        Command::Apply(args) => online::apply(&args, &global, output),
        Command::Label(args) => online::label(&args, &global, output),
        Command::Delete(args) => online::delete(&args, &global, output),
        Command::Get(args) => online::get(&args, &global, output),
        Command::Explain(args) => online::explain(&args, &global, output),
        Command::Drift(args) => online::drift(&args, &global, output),
        Command::Approve(args) => online::approve(&args, &global, output),
        Command::Wait(args) => online::wait(&args, &global, output),
        Command::Sync(args) => online::sync(&args, &global, output),
    }
}
