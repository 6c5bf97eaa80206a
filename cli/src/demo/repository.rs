//! The git repository of the demo: the example of the shops, built into the program, in a directory of its own. The
//! steps change files in it and commit, as a person would; it has a working tree, so that with `--keep` a person can.
//!
//! Invariant: one branch, `main`, and a clean working tree after every call.

use super::report::Failure;
use git2::{IndexAddOption, Repository as Git, RepositoryInitOptions, Signature};
use std::path::{Path, PathBuf};

macro_rules! example {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../examples/shops/", $path)))),+]
    };
}

/// Every file of `examples/shops`, by its path in there.
const EXAMPLE: &[(&str, &str)] = example![
    "README.md",
    "gitrepo.yaml",
    "stock/Chart.yaml",
    "stock/fleet.yaml",
    "stock/templates/articles.yaml",
    "stock/templates/stock.yaml",
    "stock/values.yaml",
    "storage/claim.yaml",
    "storage/fleet.yaml",
    "till/fleet.yaml",
    "till/kustomization.yaml",
    "till/settings.yaml",
    "web/config.yaml",
    "web/deployment.yaml",
    "web/fleet.yaml",
    "web/overlays/dev/config_patch.yaml",
    "web/overlays/prod/config_patch.yaml",
    "web/overlays/prod/deployment_patch.yaml",
    "web/service.yaml",
];

/// The GitRepo of the example.
pub(super) const GITREPO: &str = include_str!("../../../examples/shops/gitrepo.yaml");

/// A repository with a working tree.
pub(super) struct Repository {
    git: Git,
    root: PathBuf,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Repository {
    /// Makes the repository in `root`, which must not exist, with the example as its first commit. `adapt` may change
    /// the text of a file before. Gives the commit, too.
    pub(super) fn create(root: &Path, adapt: impl Fn(&str, &str) -> String) -> Result<(Self, String), Failure> {
        let git = Git::init_opts(root, RepositoryInitOptions::new().initial_head("main")).map_err(failed(root))?;
        let repository = Self { git, root: root.to_owned() };
        for (path, text) in EXAMPLE {
            repository.write(path, &adapt(path, text))?;
        }
        let commit = repository.commit("Open the shops")?;
        Ok((repository, commit))
    }

    /// How a GitRepo names it.
    pub(super) fn url(&self) -> String {
        format!("file://{}", self.root.display())
    }

    /// Where it is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Replaces the one occurrence of `old` in a file.
    pub(super) fn replace(&self, path: &str, old: &str, new: &str) -> Result<(), Failure> {
        let text = std::fs::read_to_string(self.root.join(path)).map_err(failed(&self.root.join(path)))?;
        if text.matches(old).count() != 1 {
            return Err(Failure::new(format!("{path}: `{old}` does not stand there exactly once")));
        }
        self.write(path, &text.replacen(old, new, 1))
    }

    /// Gives a directory another name.
    pub(super) fn rename_directory(&self, from: &str, to: &str) -> Result<(), Failure> {
        let from = self.root.join(from);
        std::fs::rename(&from, self.root.join(to)).map_err(failed(&from))
    }

    /// Removes a directory.
    pub(super) fn remove_directory(&self, path: &str) -> Result<(), Failure> {
        let path = self.root.join(path);
        std::fs::remove_dir_all(&path).map_err(failed(&path))
    }

    /// Commits the working tree as it is, and gives the commit.
    pub(super) fn commit(&self, message: &str) -> Result<String, Failure> {
        self.try_commit(message).map_err(failed(&self.root))
    }

    fn try_commit(&self, message: &str) -> Result<String, git2::Error> {
        let mut index = self.git.index()?;
        // FORCE: what a person's global gitignore leaves out belongs in here all the same.
        index.add_all(["*"], IndexAddOption::FORCE, None)?;
        index.update_all(["*"], None)?;
        index.write()?;
        let tree = self.git.find_tree(index.write_tree()?)?;
        let parent = self.git.head().ok().and_then(|head| head.peel_to_commit().ok());
        let author = Signature::now("Skiff demo", "demo@skiff.invalid")?;
        let parents: Vec<_> = parent.iter().collect();
        let commit = self.git.commit(Some("HEAD"), &author, &author, message, &tree, &parents)?;
        Ok(commit.to_string())
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Failure> {
        let path = self.root.join(path);
        let parent = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(parent).map_err(failed(parent))?;
        std::fs::write(&path, text).map_err(failed(&path))
    }
}

fn failed<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> Failure {
    move |error| Failure::new(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn files(repository: &Repository, commit: &str) -> BTreeSet<String> {
        let commit = repository.git.find_commit(commit.parse().unwrap()).unwrap();
        let mut paths = BTreeSet::new();
        let walk = |root: &str, entry: &git2::TreeEntry<'_>| {
            if entry.kind() == Some(git2::ObjectType::Blob) {
                paths.insert(format!("{root}{}", entry.name().unwrap()));
            }
            git2::TreeWalkResult::Ok
        };
        commit.tree().unwrap().walk(git2::TreeWalkMode::PreOrder, walk).unwrap();
        paths
    }

    #[test]
    fn the_example_is_the_whole_directory() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shops");
        let mut found = BTreeSet::new();
        let mut directories = vec![root.clone()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    found.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        assert_eq!(found, EXAMPLE.iter().map(|(path, _)| (*path).to_owned()).collect());
    }

    #[test]
    fn commits_hold_what_was_changed_renamed_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let (repository, _) = Repository::create(&directory.path().join("shops"), |_, text| text.to_owned()).unwrap();
        repository.replace("web/deployment.yaml", "web:1.0.0", "web:1.1.0").unwrap();
        assert!(repository.replace("web/deployment.yaml", "web:1.0.0", "x").is_err(), "it stands there no more");
        repository.rename_directory("till", "counter").unwrap();
        repository.remove_directory("storage").unwrap();
        let commit = repository.commit("Change everything").unwrap();
        let mut expected: BTreeSet<String> =
            EXAMPLE.iter().map(|(path, _)| path.replace("till/", "counter/")).collect();
        expected.retain(|path| !path.starts_with("storage/"));
        assert_eq!(files(&repository, &commit), expected);
        assert_eq!(repository.git.find_commit(commit.parse().unwrap()).unwrap().parent_count(), 1);
        assert!(repository.git.statuses(None).unwrap().is_empty(), "the working tree is clean");
    }
}
