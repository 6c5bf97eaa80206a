//! Without the hub, after restarts, and at rest.

use crate::driver::{self, One, config_map, ensure, gitrepo};
use crate::repo::Repo;
use skiff_controlplane::harness::Outcome;
use skiff_controlplane::{AuditEvent, Binaries};
use std::time::Duration;

pub(crate) async fn drift_is_repaired_without_the_hub_and_its_return_deletes_nothing(binaries: Binaries) -> Outcome {
    let mut world = driver::world(&binaries).await?;
    let ns = "outage";
    let texts = ["a", "b", "c"].map(|name| config_map(name, "{v: right}"));
    let fleet = "defaultNamespace: outage\ncorrectDrift: {enabled: true}\n";
    let repo = Repo::with(&[("x/fleet.yaml", fleet), ("x/all.yaml", &texts.join("---\n"))])?;
    world.ok("label cluster one outage=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [x]"))?;
    world.ok("wait gitrepo outage --for condition=Ready --timeout 60s")?;
    let uid = world.uid(One, ns, "c")?;
    let mark = world.mark(One)?;

    world.kill_hub();
    // While the agent runs.
    world.kubectl(One, r#"-n outage patch configmap a -p {"data":{"v":"wrong"}}"#, "")?;
    world.has(One, (ns, "a"), "v", "right").await?;
    // While it does not.
    world.kill_agent(One);
    world.kubectl(One, r#"-n outage patch configmap a -p {"data":{"v":"wrong"}}"#, "")?;
    world.kubectl(One, "-n outage delete configmap b", "")?;
    world.start_agent(One)?;
    world.has(One, (ns, "a"), "v", "right").await?;
    world.has(One, (ns, "b"), "v", "right").await?;

    // A commit of the meantime arrives when the hub is back.
    let last = config_map("c", "{v: newer}");
    let commit = repo.commit(&[("x/all.yaml", &[texts[0].as_str(), &texts[1], &last].join("---\n"))])?;
    world.start_hub().await?;
    world.has(One, (ns, "c"), "v", "newer").await?;
    world.ready(ns, &commit).await?;
    ensure!(world.uid(One, ns, "c")? == uid, "c was made anew");
    let deleted = world.deleted(One, ns, mark)?;
    ensure!(deleted.is_empty(), "deleted: {deleted:?}");
    Ok(())
}

/// What is no Lease.
fn besides_the_lease(events: Vec<AuditEvent>) -> Vec<AuditEvent> {
    events.into_iter().filter(|event| event.resource != "leases").collect()
}

fn listed(events: &[AuditEvent]) -> String {
    events.iter().map(|event| format!("{} {} {}\n", event.verb, event.uri, event.code)).collect()
}

pub(crate) async fn a_restart_with_nothing_to_do_writes_nothing(binaries: Binaries) -> Outcome {
    let mut world = driver::world(&binaries).await?;
    let ns = "quiet";
    let fleet = "defaultNamespace: quiet\ncorrectDrift: {enabled: true}\n";
    let repo = Repo::with(&[("x/fleet.yaml", fleet), ("x/all.yaml", &config_map("a", "{a: b}"))])?;
    world.ok("label cluster one quiet=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [x]"))?;
    world.ok("wait gitrepo quiet --for condition=Ready --timeout 60s")?;
    // What is still being written down of earlier changes.
    tokio::time::sleep(Duration::from_secs(7)).await;

    let mark = world.mark(One)?;
    world.kill_agent(One);
    world.start_agent(One)?;
    world.watches_again(One, mark).await?;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let events = world.asked(One, mark)?;
    ensure!(events.iter().any(|event| event.verb == "watch"), "the agent did not start:\n{}", listed(&events));
    let writes: Vec<_> = besides_the_lease(events).into_iter().filter(AuditEvent::is_write).collect();
    ensure!(writes.len() <= 1, "a restart with nothing to do wrote:\n{}", listed(&writes));

    // At rest: watches that go on, the Lease, and nothing else.
    let mark = world.mark(One)?;
    tokio::time::sleep(Duration::from_secs(12)).await;
    let events = besides_the_lease(world.asked(One, mark)?);
    let others: Vec<_> = events.into_iter().filter(|event| event.verb != "watch").collect();
    ensure!(others.is_empty(), "at rest the agent asked:\n{}", listed(&others));
    Ok(())
}
