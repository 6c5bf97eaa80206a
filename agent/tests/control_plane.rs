//! Tier 4: the same scenarios against a real kube-apiserver, with etcd and kube-controller-manager.

#![allow(clippy::unwrap_used, clippy::unwrap_in_result, reason = "tests, without the attribute that says so")]

mod common;

use common::Writes;
use skiff_controlplane::{Binaries, ControlPlane, Options, harness};
use std::sync::{Arc, Mutex};

macro_rules! scenarios {
    ($($module:ident::$name:ident)*) => {
        $( async fn $name(binaries: Binaries) -> harness::Outcome {
            let plane = ControlPlane::start(&binaries, Options::default().with_audit().with_controller_manager()).await?;
            let plane = Arc::new(plane);
            let client = plane.client_named("skiff-agent").await?;
            let mark = Mutex::new(plane.audit_mark()?);
            let counted = plane.clone();
            let writes: Writes = Arc::new(move || {
                let mut mark = mark.lock().unwrap();
                let events = counted.audit_since(*mark).unwrap();
                *mark = counted.audit_mark().unwrap();
                events
                    .iter()
                    .filter(|event| event.is_write() && event.user_agent == "skiff-agent")
                    .map(|event| format!("{} {} {}/{}", event.verb, event.resource, event.namespace, event.name))
                    .collect()
            });
            common::$module::$name(client, writes).await;
            Ok(())
        } )*

        fn main() -> std::process::ExitCode {
            harness::run(skiff_controlplane::scenarios![$($name),*])
        }
    };
}

common::every_scenario!(scenarios);
