//! A commit of a git repository as a [`Source`].

use super::{Problem, Source};
use crate::git::{CommitTree, ProblemKind};
use file_tree::Files;
use fleet_api::reason::{Note, Reason};

impl Source for CommitTree {
    fn files(&self) -> &dyn Files {
        self
    }

    fn tree_id(&self, dir: &str) -> Option<String> {
        self.subtree_id(dir).map(|id| id.to_string())
    }

    fn problems(&self, dir: &str) -> Vec<Problem> {
        let told = |problem: &crate::git::Problem| {
            let reason = match problem.kind {
                ProblemKind::Submodule(_) => Reason::SubmoduleUnsupported,
                ProblemKind::Name(_) | ProblemKind::Duplicate => Reason::PathRefused,
            };
            Problem { path: problem.path.clone(), note: Note::new(reason, problem.to_string()).in_file(&problem.path) }
        };
        self.problems_under(dir).map(told).collect()
    }
}
