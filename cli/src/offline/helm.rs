//! `skiff helm template`: a stand-in for `helm template`, without a cluster and without a program to call.

use crate::args::EngineArgs;
use crate::error::CliError;
use crate::output::Output;
use file_tree::DirTree;
use helm_rs::Chart;
use helm_rs::command::{Arguments, Done, Host, Write, template};
use helm_rs::functions::Seed;
use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

/// What random functions of templates draw from here: nothing secret, so that a render can be compared with another one.
/// What a hub renders draws from its own secret.
pub(crate) const DUMMY_SEED: [u8; 32] = *b"skiff-renders-with-a-dummy-seed.";

const USAGE: &str = "Usage: skiff helm template [NAME] CHART [flags of `helm template`]\n\n\
    CHART is a directory or a package. The flags are those of Helm 4; those that matter only with a cluster have no effect.\n";

/// Runs `skiff helm`.
///
/// # Errors
/// What is wrong with chart, values or flags, in Helm's words.
pub fn run(args: &EngineArgs, output: &mut Output) -> Result<(), CliError> {
    let words = match args.words.split_first() {
        Some((command, words)) if command == "template" => words,
        _ => return Err(CliError::Usage(USAGE.to_owned())),
    };
    let arguments = Arguments::parse(words).map_err(CliError::Usage)?;
    if arguments.help {
        return output.raw(USAGE);
    }
    let Done { text, warnings, writes } = template(&arguments, &Machine).map_err(CliError::Failed)?;
    warnings.iter().for_each(|warning| output.note(warning));
    for file in &writes {
        write(file).map_err(|error| CliError::Failed(format!("{}: {error}", file.path)))?;
    }
    output.raw(&text)
}

fn write(file: &Write) -> std::io::Result<()> {
    let path = Path::new(&file.path);
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).write(!file.append).append(file.append).truncate(!file.append);
    options.open(path)?.write_all(file.text.as_bytes())
}

/// The files and the clock of this machine.
struct Machine;

impl Host for Machine {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let failed = |error: std::io::Error| format!("open {path}: {error}");
        if path.trim() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map_err(failed)?;
            return Ok(bytes);
        }
        fs::read(path).map_err(failed)
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
        Seed::new(DUMMY_SEED)
    }

    fn time(&self) -> i64 {
        jiff::Timestamp::now().as_second()
    }
}

#[cfg(test)]
mod tests {
    use helm_rs::manifest::INSTALL_ORDER;
    use skiff_planner::order::place;

    /// The agent knows nothing of charts, so the order stands in the planner, too.
    #[test]
    fn objects_are_applied_in_the_order_in_which_helm_prints_them() {
        for (rank, kind) in INSTALL_ORDER.iter().enumerate() {
            assert_eq!(place(kind), (rank, ""), "{kind}");
        }
        assert_eq!(place("Widget"), (INSTALL_ORDER.len(), "Widget"));
    }
}
