//! `docs/ADVISORIES.md` against the tests that are called `cve_replay`: each row that can exist here has one, each of them has
//! a row, and the board says how many there are.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that reads the sources")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of tests of that name, by their crate.
fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            files(&path, found);
        } else if name == "cve_replay.rs" {
            found.push(path);
        }
    }
}

/// `c28` of `fn c28_a_redirect_…` below `#[test]`; of `c07_c11_…` both.
fn ids(line: &str) -> Vec<String> {
    let name = line.trim_start().trim_start_matches("async ").strip_prefix("fn ").unwrap_or_default();
    let is_id = |word: &&str| {
        word.len() == 3 && word.starts_with(['c', 'd']) && word[1..].chars().all(|digit| digit.is_ascii_digit())
    };
    name.split('_').take_while(is_id).map(str::to_uppercase).collect()
}

/// How many tests each row has, by crate.
fn tests() -> BTreeMap<String, BTreeMap<String, usize>> {
    let (mut paths, mut rows) = (Vec::new(), BTreeMap::<String, BTreeMap<String, usize>>::new());
    files(&root(), &mut paths);
    for path in paths {
        let relative = path.strip_prefix(root()).unwrap();
        let package = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                let name = lines.find(|line| line.contains("fn ")).unwrap_or_default();
                let ids = ids(name);
                assert!(!ids.is_empty(), "{}: `{name}` names no row", relative.display());
                for id in ids {
                    *rows.entry(id).or_default().entry(package.clone()).or_default() += 1;
                }
            }
        }
    }
    rows
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.trim_end_matches('|').split('|').map(str::trim).collect();
    let id = cells.first()?;
    (cells.len() == 4 && id.len() == 3 && id.starts_with(['C', 'D'])).then_some(cells)
}

/// `SKIFF_UPDATE=1` writes the last column anew.
#[test]
fn every_advisory_that_can_exist_here_is_replayed_and_listed() {
    let path = root().join("docs/ADVISORIES.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mut tests = tests();
    let (mut written, mut seen, mut replayed, mut missing) = (String::new(), BTreeSet::new(), 0, Vec::new());
    for line in page.lines() {
        let Some(cells) = cells(line) else {
            writeln!(written, "{line}").unwrap();
            continue;
        };
        assert!(seen.insert(cells[0].to_owned()), "{} stands there twice", cells[0]);
        let found = tests.remove(cells[0]).unwrap_or_default();
        let cannot = cells[2].starts_with("cannot exist: ");
        assert!(!cannot || found.is_empty(), "{} cannot exist here, and is replayed", cells[0]);
        if !cannot && found.is_empty() {
            missing.push(cells[0].to_owned());
        }
        replayed += usize::from(!found.is_empty());
        let found: Vec<String> = found.iter().map(|(package, count)| format!("{package} ({count})")).collect();
        let found = if cannot { "–".to_owned() } else { found.join(", ") };
        writeln!(written, "| {} | {} | {} | {found} |", cells[0], cells[1], cells[2]).unwrap();
    }
    let all = (1..=59).map(|number| format!("C{number:02}")).chain((1..=15).map(|number| format!("D{number:02}")));
    assert_eq!(seen, all.collect::<BTreeSet<String>>());
    assert!(tests.is_empty(), "tests without a row: {:?}", tests.keys());
    assert!(missing.is_empty(), "rows without a test: {missing:?}");
    if std::env::var_os("SKIFF_UPDATE").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    assert!(
        written == page || std::env::var_os("SKIFF_UPDATE").is_some(),
        "run this with SKIFF_UPDATE=1 and commit {}",
        path.display()
    );
    let board = std::fs::read_to_string(root().join("docs/RELIABILITY.md")).unwrap();
    let line = format!("**{replayed} of {replayed}**, {} cannot exist here", seen.len() - replayed);
    assert!(board.contains(&line), "the board has to say: {line}");
}
