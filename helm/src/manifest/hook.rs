//! Hooks: objects that run at certain moments of a release. Helm: `pkg/release/v1/hook.go`, `manifest_sorter.go`.

use super::Head;

/// The annotation that makes an object a hook.
pub const ANNOTATION: &str = "helm.sh/hook";
const WEIGHT: &str = "helm.sh/hook-weight";
const DELETE_POLICY: &str = "helm.sh/hook-delete-policy";

/// A moment at which a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// Before the first install.
    PreInstall,
    /// After the first install.
    PostInstall,
    /// Before the release goes.
    PreDelete,
    /// After the release is gone.
    PostDelete,
    /// Before a change.
    PreUpgrade,
    /// After a change.
    PostUpgrade,
    /// Before going back.
    PreRollback,
    /// After going back.
    PostRollback,
    /// When somebody asks for tests.
    Test,
}

/// When a hook is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeletePolicy {
    /// After it succeeded.
    Succeeded,
    /// After it failed.
    Failed,
    /// Before it is made anew; the default.
    BeforeCreation,
}

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The template that made it, with the names of its charts.
    pub path: String,
    /// Its text.
    pub content: String,
    /// When it runs.
    pub events: Vec<Event>,
    /// Among hooks of one event lower weights run first.
    pub weight: i64,
    /// When it is deleted; [`DeletePolicy::BeforeCreation`] alone if it does not say.
    pub delete_policies: Vec<DeletePolicy>,
    /// What is known of the object.
    pub head: Head,
}

impl Hook {
    /// The hook that an object with this head is, whose events were read with [`events_of`].
    pub fn new(path: impl Into<String>, content: impl Into<String>, events: Vec<Event>, head: Head) -> Self {
        let weight = head.annotation(WEIGHT).and_then(|weight| weight.parse().ok()).unwrap_or_default();
        let policies = head.annotation(DELETE_POLICY).unwrap_or_default().split(',');
        let mut delete_policies: Vec<DeletePolicy> = policies.filter_map(policy).collect();
        if delete_policies.is_empty() {
            // Helm: `pkg/action/hooks.go`, `execHook`.
            delete_policies.push(DeletePolicy::BeforeCreation);
        }
        Self { path: path.into(), content: content.into(), events, weight, delete_policies, head }
    }

    /// Whether it runs only when somebody asks for tests.
    pub fn is_test(&self) -> bool {
        self.events.contains(&Event::Test)
    }
}

fn policy(name: &str) -> Option<DeletePolicy> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "hook-succeeded" => DeletePolicy::Succeeded,
        "hook-failed" => DeletePolicy::Failed,
        "before-hook-creation" => DeletePolicy::BeforeCreation,
        _ => return None,
    })
}

/// Whether an object is a hook, and of which events: `None` where it is none; `Some(None)` where it names an event that Helm does
/// not know, and leaves the object out for it.
pub fn events_of(head: &Head) -> Option<Option<Vec<Event>>> {
    head.annotation(ANNOTATION).map(events)
}

/// The events of the annotation; `None` if one of them is unknown.
fn events(annotation: &str) -> Option<Vec<Event>> {
    annotation.split(',').map(|name| event(&name.trim().to_lowercase())).collect()
}

fn event(name: &str) -> Option<Event> {
    Some(match name {
        "pre-install" => Event::PreInstall,
        "post-install" => Event::PostInstall,
        "pre-delete" => Event::PreDelete,
        "post-delete" => Event::PostDelete,
        "pre-upgrade" => Event::PreUpgrade,
        "post-upgrade" => Event::PostUpgrade,
        "pre-rollback" => Event::PreRollback,
        "post-rollback" => Event::PostRollback,
        // The second name is that of Helm 2.
        "test" | "test-success" => Event::Test,
        _ => return None,
    })
}
