//! What became of a branch since it was read before: whether it went back, and whether somebody said so.

use fleet_api::v1alpha1::{GitRepo, GitRepoSpec};
use skiff_bundler::git::{Access, Ancestry, Error, Fetched, Limits, ObjectId, Reference, Remote, Repository};

/// How a commit relates to what was read before. That is what the copy of the repository says; and in the first read of
/// this process, what the GitRepo's status says: a store that was put back from a backup comes without a copy, or beside
/// one that is older than it.
pub(super) async fn before(
    (repository, remote, access, limits): (&Repository, &Remote, &Access, &Limits),
    fetched: &Fetched,
    followed: Option<&str>,
    gitrepo: &GitRepo,
) -> Result<Fetched, Error> {
    if let Some(told) = told(fetched, followed, gitrepo)
        && fetched.ancestry != Ancestry::Rewound
        && repository.compare(remote, access, told, fetched.commit, limits).await? == Ancestry::Rewound
    {
        return Ok(Fetched { previous: Some(told), ancestry: Ancestry::Rewound, ..fetched.clone() });
    }
    Ok(fetched.clone())
}

/// The commit in the status of a GitRepo, where that is another one and this process has read none.
fn told(fetched: &Fetched, followed: Option<&str>, gitrepo: &GitRepo) -> Option<ObjectId> {
    let told: ObjectId = gitrepo.status.as_ref()?.commit.parse().ok()?;
    (followed.is_none() && told != fetched.commit && Some(told) != fetched.previous).then_some(told)
}

/// For people: a branch does not lead on from the commit that was read before.
pub(super) fn message(before: &Fetched, reference: &Reference, rewound: bool, gitrepo: &str) -> String {
    let (commit, previous) = (before.commit, before.previous.map(|id| id.to_string()).unwrap_or_default());
    if rewound {
        format!(
            "{reference} went back: commit {previous}, which was read before, is built on {commit}; what the older commit \
             lacks is deleted only after `skiff approve gitrepo {gitrepo}`"
        )
    } else {
        format!("{reference} was rewritten: commit {commit} does not descend from {previous}, which was read before")
    }
}

/// What of a GitRepo says which commit is read.
pub(super) fn followed(gitrepo: &GitRepo) -> String {
    let GitRepoSpec { repo, branch, revision, .. } = &gitrepo.spec;
    let uid = gitrepo.metadata.uid.as_deref().unwrap_or_default();
    format!("{uid} {repo:?} {branch:?} {revision:?}")
}

/// Whether a commit that is older than the one before is no person's word: another branch or revision in the spec is one,
/// and no other change of the spec is. `before`: what was [`followed`] at the read before, where this process did one.
pub(super) fn went_back(ancestry: Ancestry, before: Option<&str>, gitrepo: &GitRepo) -> bool {
    ancestry == Ancestry::Rewound && before.is_none_or(|before| before == followed(gitrepo))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gitrepo(uid: &str, edit: impl FnOnce(&mut GitRepoSpec)) -> GitRepo {
        let mut gitrepo = GitRepo::default();
        gitrepo.metadata.uid = Some(uid.to_owned());
        gitrepo.spec.repo = "https://git.example.com/shop".into();
        edit(&mut gitrepo.spec);
        gitrepo
    }

    /// Somebody adds a path, or another interval, while the mirror lags behind: nobody has said to go back.
    #[test]
    fn only_another_branch_or_revision_is_a_word_about_the_commit() {
        let before = followed(&gitrepo("u", |_| {}));
        let goes_back = |gitrepo: &GitRepo| went_back(Ancestry::Rewound, Some(&before), gitrepo);
        assert!(goes_back(&gitrepo("u", |_| {})));
        assert!(goes_back(&gitrepo("u", |spec| spec.paths.push("more".into()))));
        assert!(goes_back(&gitrepo("u", |spec| spec.polling_interval = "1h".into())));
        assert!(!goes_back(&gitrepo("u", |spec| spec.branch = "older".into())));
        assert!(!goes_back(&gitrepo("u", |spec| spec.revision = "v1".into())));
        assert!(!goes_back(&gitrepo("u", |spec| spec.repo = "https://git.example.com/other".into())));
        assert!(!goes_back(&gitrepo("made anew", |_| {})));
        assert!(went_back(Ancestry::Rewound, None, &gitrepo("u", |_| {})), "a hub that has just started");
        assert!(!went_back(Ancestry::Descendant, Some(&before), &gitrepo("u", |_| {})));
    }
}
