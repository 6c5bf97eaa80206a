//! The files of a chart in a directory. Helm: `pkg/chart/v2/loader/directory.go`, `internal/sympath/walk.go`.

use file_tree::{Files, Mode, resolve};

use super::archive::Budget;
use super::{Error, File, Rules};

/// How deep directories may nest, links followed: a link to a directory above would never end.
const MAX_DEPTH: usize = 64;

/// Reads a directory, without what `.helmignore` hides.
pub(super) fn read(files: &dyn Files, dir: &str, budget: &mut Budget) -> Result<Vec<File>, Error> {
    let root = resolve(files, dir).map_err(|error| Error::file(dir, &error))?;
    let chart_yaml = joined(&root, "Chart.yaml");
    if files.read(&chart_yaml).is_err() {
        return Err(Error::NoChart { path: joined(dir, "Chart.yaml") });
    }
    let rules = match files.read(&joined(&root, ".helmignore")) {
        Ok(text) => Rules::parse(&String::from_utf8_lossy(&text))?,
        Err(_) => Rules::parse("")?,
    };
    let mut walk = Walk { files, rules, budget, found: Vec::new() };
    walk.dir(&root, "", 0)?;
    Ok(walk.found)
}

struct Walk<'f> {
    files: &'f dyn Files,
    rules: Rules,
    budget: &'f mut Budget,
    found: Vec<File>,
}

impl Walk<'_> {
    /// The directory at `real` of the tree, which is `seen` in the chart.
    fn dir(&mut self, real: &str, seen: &str, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooLarge { what: "the depth of a chart's directories", limit: MAX_DEPTH as u64 });
        }
        for entry in self.files.list_dir(real) {
            let (real, seen) = (joined(real, &entry.name), joined(seen, &entry.name));
            let real = match entry.mode {
                Some(Mode::Symlink) => resolve(self.files, &real).map_err(|error| Error::file(&seen, &error))?,
                _ => real,
            };
            let is_dir = self.files.is_dir(&real);
            if self.rules.ignores(&seen, is_dir) {
                continue;
            }
            if is_dir {
                self.dir(&real, &seen, depth + 1)?;
            } else {
                let data = self.files.read(&real).map_err(|error| Error::file(&seen, &error))?;
                self.budget.spend(data.len())?;
                self.found.push(File::new(seen, without_bom(&data)));
            }
        }
        Ok(())
    }
}

pub(super) fn without_bom(data: &[u8]) -> &[u8] {
    data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data)
}

fn joined(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}
