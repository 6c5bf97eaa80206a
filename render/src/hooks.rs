//! Which objects are hooks, by their annotations alone: whatever made them, a chart, a kustomization over one, or plain
//! YAML (Fleet makes a chart of that, reference §2.8).

use crate::RenderedObject;
use fleet_api::reason::{Note, Reason};
use fleet_api::wire::{Hook, HookDeletion, HookEvent};
use helm_rs::manifest::{self, DeletePolicy, Event, Head, HeadMetadata};
use serde_json::Value;

/// What makes an object a hook that is ever run by itself.
pub(crate) fn of(object: &Value) -> Option<Hook> {
    let head = head(object);
    let events = manifest::events_of(&head)??;
    let hook = manifest::Hook::new("", "", events, head);
    let events: std::collections::BTreeSet<HookEvent> = hook.events.iter().copied().filter_map(event).collect();
    let delete = hook.delete_policies.iter().copied().map(deletion).collect();
    (!events.is_empty()).then_some(Hook { events, weight: hook.weight, delete })
}

/// Takes away the hooks that are never run, and says so: those of tests and of going back, and those of events that Helm
/// does not know.
pub(crate) fn leave_out(objects: &mut Vec<RenderedObject>, notes: &mut Vec<Note>) {
    objects.retain(|object| {
        let Some(events) = object.value["metadata"]["annotations"].get(manifest::HOOK) else { return true };
        if !events.is_string() || of(&object.value).is_some() {
            return true;
        }
        let (kind, name) = (&object.value["kind"], &object.value["metadata"]["name"]);
        let (kind, name) = (kind.as_str().unwrap_or_default(), name.as_str().unwrap_or_default());
        let why = match manifest::events_of(&head(&object.value)) {
            Some(Some(_)) => "hooks of tests and of going back are not run by themselves",
            _ => "Helm does not know the event, and leaves it out",
        };
        let message = format!("{}: the hook {kind} {name:?} ({events}) is left out: {why}", object.source);
        notes.push(Note::new(Reason::LikelyMistake, message).in_file(object.source.as_str()));
        false
    });
}

fn head(object: &Value) -> Head {
    let annotations = object["metadata"]["annotations"].as_object().into_iter().flatten();
    let annotations = annotations.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    Head { metadata: Some(HeadMetadata { annotations, ..HeadMetadata::default() }), ..Head::default() }
}

const fn event(event: Event) -> Option<HookEvent> {
    Some(match event {
        Event::PreInstall => HookEvent::PreInstall,
        Event::PostInstall => HookEvent::PostInstall,
        Event::PreUpgrade => HookEvent::PreUpgrade,
        Event::PostUpgrade => HookEvent::PostUpgrade,
        Event::PreDelete => HookEvent::PreDelete,
        Event::PostDelete => HookEvent::PostDelete,
        Event::PreRollback | Event::PostRollback | Event::Test => return None,
    })
}

const fn deletion(policy: DeletePolicy) -> HookDeletion {
    match policy {
        DeletePolicy::BeforeCreation => HookDeletion::BeforeHookCreation,
        DeletePolicy::Succeeded => HookDeletion::HookSucceeded,
        DeletePolicy::Failed => HookDeletion::HookFailed,
    }
}
