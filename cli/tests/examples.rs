//! Every example under `examples/` renders, for each environment, to what stands in `testdata/examples/`. After a wanted
//! change `UPDATE_GOLDEN=1 cargo test -p skiff --test examples` writes those files anew; look at the difference.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::path::{Path, PathBuf};
use std::process::Command;

const ENVIRONMENTS: [&str; 2] = ["dev", "prod"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn examples() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("examples")).unwrap().map(Result::unwrap);
    let directories = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    let mut names: Vec<_> = directories.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What a cluster of this environment would get; the program must not even warn.
fn render(example: &str, environment: &str) -> String {
    let directory = format!("examples/{example}");
    let gitrepo = format!("{directory}/gitrepo.yaml");
    let label = format!("env={environment}");
    let output = Command::new(env!("CARGO_BIN_EXE_skiff"))
        .args(["render", &directory, "--gitrepo", &gitrepo, "--label", "shop=yes", "--label", &label])
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.is_empty(), "{example}, {environment}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_example_renders_to_what_is_written_down() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let examples = examples();
    assert!(!examples.is_empty());
    for example in examples {
        for environment in ENVIRONMENTS {
            let golden = root().join(format!("testdata/examples/{example}.{environment}.yaml"));
            let rendered = render(&example, environment);
            if update {
                std::fs::write(&golden, &rendered).unwrap();
            }
            let expected = std::fs::read_to_string(&golden)
                .unwrap_or_else(|error| panic!("{}: {error}; see the top of this test", golden.display()));
            assert_eq!(rendered, expected, "{example}, {environment}: see the top of this test");
        }
    }
}

#[test]
fn a_cluster_without_the_label_gets_nothing_of_the_shops() {
    let output = Command::new(env!("CARGO_BIN_EXE_skiff"))
        .args([
            "render",
            "examples/shops",
            "--gitrepo",
            "examples/shops/gitrepo.yaml",
            "--cluster",
            "fleet-default/one",
        ])
        .args(["--clusters", "testdata/examples/clusters.yaml"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
}
