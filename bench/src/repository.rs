//! The git repository that is rolled out: directories of ConfigMaps, each in a file of its own, with 1 KiB of text that
//! compresses badly. The same seed gives the same bytes, so figures of different days speak of the same content.

use crate::Result;
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Signature, Time};
use std::path::{Path, PathBuf};

/// The branch that is followed.
pub(crate) const BRANCH: &str = "main";
/// Bytes of text in a ConfigMap.
pub(crate) const TEXT: usize = 1024;

/// What is in a repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Directories, each a bundle.
    pub(crate) bundles: usize,
    /// ConfigMaps in each, beside its `fleet.yaml`.
    pub(crate) objects: usize,
}

/// A bare repository that this program writes.
pub(crate) struct Repository {
    git: git2::Repository,
    path: PathBuf,
}

impl Repository {
    /// An empty one with a first commit that holds no bundle.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let git = git2::Repository::init_bare(path)?;
        let repository = Self { git, path: path.to_owned() };
        repository.commit(&[("README".to_owned(), "Written by a benchmark.\n".to_owned())])?;
        Ok(repository)
    }

    /// `file://…`
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// Commits every bundle of `layout`.
    pub(crate) fn fill(&self, layout: Layout) -> Result<()> {
        let mut files = Vec::new();
        for bundle in 0..layout.bundles {
            files.push((format!("{}/fleet.yaml", directory(bundle)), options(bundle)));
            for object in 0..layout.objects {
                files.push(file(bundle, object, 1));
            }
        }
        self.commit(&files)
    }

    /// Commits one changed line in one object.
    pub(crate) fn change(&self, bundle: usize, object: usize, revision: usize) -> Result<()> {
        self.commit(&[file(bundle, object, revision)])
    }

    fn commit(&self, files: &[(String, String)]) -> Result<()> {
        let reference = format!("refs/heads/{BRANCH}");
        let parent = self.git.find_reference(&reference).ok().and_then(|found| found.peel_to_commit().ok());
        let baseline = match &parent {
            Some(parent) => parent.tree()?,
            None => self.git.find_tree(self.git.treebuilder(None)?.write()?)?,
        };
        let mut update = TreeUpdateBuilder::new();
        for (path, content) in files {
            update.upsert(path.as_str(), self.git.blob(content.as_bytes())?, FileMode::Blob);
        }
        let tree: Oid = update.create_updated(&self.git, &baseline)?;
        // One commit a second: enough to tell them apart, and the same every time.
        let seconds = parent.as_ref().map_or(1_700_000_000, |parent| parent.time().seconds() + 1);
        let author = Signature::new("bench", "bench@example.com", &Time::new(seconds, 0))?;
        let parents: Vec<_> = parent.iter().collect();
        self.git.commit(Some(&reference), &author, &author, "content", &self.git.find_tree(tree)?, &parents)?;
        Ok(())
    }
}

/// The directory of a bundle.
pub(crate) fn directory(bundle: usize) -> String {
    format!("app-{bundle:04}")
}

/// Where the objects of a bundle go.
pub(crate) fn namespace(bundle: usize) -> String {
    directory(bundle)
}

/// The name of a ConfigMap.
pub(crate) fn object_name(object: usize) -> String {
    format!("cm-{object:02}")
}

/// What stands at key `image` in revision `revision` of an object.
pub(crate) fn image(revision: usize) -> String {
    format!("example/app:{revision}")
}

fn options(bundle: usize) -> String {
    format!("defaultNamespace: {}\n", namespace(bundle))
}

/// One ConfigMap in one file.
fn file(bundle: usize, object: usize, revision: usize) -> (String, String) {
    let (name, image) = (object_name(object), image(revision));
    let text = text(bundle, object);
    let yaml = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  image: {image}\n  text: {text}\n"
    );
    (format!("{}/{name}.yaml", directory(bundle)), yaml)
}

/// Letters and digits of which each carries six bits of chance.
fn text(bundle: usize, object: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut chance = (bundle as u64) << 20 | object as u64;
    // A letter first, so that YAML never takes it for anything but a string.
    let mut text = String::from("t");
    while text.len() < TEXT {
        let mut bits = mix(&mut chance);
        for _ in 0..10 {
            text.push(char::from(LETTERS[usize::try_from(bits & 63).unwrap_or_default()]));
            bits >>= 6;
        }
    }
    text.truncate(TEXT);
    text
}

/// splitmix64.
fn mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_the_same_every_time_and_differ_from_each_other() {
        assert_eq!(file(3, 4, 1), file(3, 4, 1));
        let texts: std::collections::BTreeSet<String> =
            (0..50).flat_map(|b| (0..10).map(move |o| text(b, o))).collect();
        assert_eq!(texts.len(), 500);
        assert!(texts.iter().all(|text| text.len() == TEXT));
        assert_ne!(file(3, 4, 1), file(3, 4, 2));
    }
}
