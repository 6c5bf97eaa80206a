//! What the demo shows. Each step changes one thing as a person would, and looks at the clusters' API servers and at
//! the hub until what should follow is so; what it gives is the sentence for the reader.

mod away;
mod checks;
mod commit;
mod enroll;
mod held;
mod rename;
mod repair;
mod rollout;

use super::report::Failure;
use super::world::World;
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;

type Run = for<'a> fn(&'a mut World) -> LocalBoxFuture<'a, Result<String, Failure>>;

/// A step: each builds on those before it.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// Its name in the output; stable.
    pub(super) name: &'static str,
    /// What it shows.
    pub(super) title: &'static str,
    /// Does it.
    pub(super) run: Run,
}

/// All steps, in their order.
pub(super) const STEPS: &[Step] = &[
    Step {
        name: "enroll",
        title: "the clusters join, and nothing is deployed to them yet",
        run: |world| enroll::run(world).boxed_local(),
    },
    Step {
        name: "rollout",
        title: "labelled, each cluster gets the values of its environment",
        run: |world| rollout::run(world).boxed_local(),
    },
    Step {
        name: "commit",
        title: "a pushed commit reaches every cluster, and changes one object",
        run: |world| commit::run(world).boxed_local(),
    },
    Step {
        name: "repair",
        title: "an object deleted by hand is restored",
        run: |world| repair::run(world).boxed_local(),
    },
    Step {
        name: "away",
        title: "the hub stops, an agent restarts, and drift is repaired all the same",
        run: |world| away::run(world).boxed_local(),
    },
    Step {
        name: "rename",
        title: "a renamed directory is handed over, and nothing is deleted",
        run: |world| rename::run(world).boxed_local(),
    },
    Step {
        name: "held",
        title: "a volume claim removed from git is held until it is approved",
        run: |world| held::run(world).boxed_local(),
    },
];
