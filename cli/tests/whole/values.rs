//! `helm.valuesFrom`: values of a Secret that never leave their cluster.

use crate::repo::{Files, config_map};
use crate::world::{NAMESPACE, World};
use fleet_api::Reason;
use jiff::SignedDuration;
use serde_json::{Value, json};
use skiff_sim::{Fault, FaultRule, ObjectKey, Verb};
use std::path::Path;

/// A value that stands nowhere but in the cluster.
const CANARY: &str = "canary-7f3a-hunter2";

/// A bundle with a chart that reads a password of the cluster, and another one without.
fn files(replicas: &str) -> Files {
    let fleet = "defaultNamespace: shop\nserviceAccount: tenant\nhelm:\n  values: {greeting: hello}\n  valuesFrom:\n  - secretKeyRef: {name: web-values, key: more.yaml}\n";
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{v: {{{{ .Values.greeting }}}}, replicas: {replicas:?}}}\n"
    );
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: {{ required \"no password\" .Values.password | quote }}}\n";
    let extra = "{{ if .Values.extra }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {v: {{ .Values.password | upper }}}\n{{ end }}";
    let broken = "{{ if .Values.broken }}{{ fail .Values.password }}{{ end }}\n";
    [
        ("apps/shop/fleet.yaml", fleet.to_owned()),
        ("apps/shop/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned()),
        ("apps/shop/templates/a.yaml", map),
        ("apps/shop/templates/login.yaml", secret.to_owned()),
        ("apps/shop/templates/extra.yaml", extra.to_owned()),
        ("apps/shop/templates/broken.yaml", broken.to_owned()),
        ("apps/other/fleet.yaml", "defaultNamespace: shop\n".to_owned()),
        ("apps/other/o.yaml", config_map("o", "one")),
    ]
    .map(|(path, text)| (path.to_owned(), text))
    .into()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn key(resource: &str, name: &str) -> ObjectKey {
    ObjectKey::new("", resource, "shop", name)
}

/// What somebody in the cluster puts there.
fn put_values(world: &World, values: &str) {
    let data = json!({"more.yaml": base64(values)});
    let secret = key("secrets", "web-values");
    let edited = world.server.edit_as("kubectl", &secret, |object| object["data"] = data.clone());
    if edited.is_err() {
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web-values", "namespace": "shop"}, "data": data,
        });
        world.server.create_as("kubectl", object).unwrap();
    }
}

fn data(world: &World, resource: &str, name: &str) -> Value {
    world.server.object(&key(resource, name)).map(|object| object["data"].clone()).unwrap_or_default()
}

fn has_password(world: &World, password: &str) -> bool {
    data(world, "secrets", "login")["password"] == base64(password).as_str()
}

/// The time after which values are read again has gone by.
fn a_minute_later(world: &World, minutes: &mut i64) {
    *minutes += 1;
    world.skew(SignedDuration::from_secs(*minutes * 61));
}

/// All files below a directory in which `text` stands, plain or in base64.
fn holding(directory: &Path, text: &str) -> Vec<String> {
    let encoded = base64(text);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, text));
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        if has(text) || has(encoded.trim_end_matches('=')) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Nothing of the value is with the hub, on its disk or in what it says, nor in the clear on the disk of the agent.
fn assert_nowhere(world: &World, values: &[&str]) {
    for value in values {
        assert_eq!(holding(&world.data(), value), [] as [&str; 0], "the disk of the hub");
        assert_eq!(holding(&world.path("agent"), value), [] as [&str; 0], "the disk of the agent");
        let said = format!("{:?} {:?} {:?}", world.notes(), world.gitrepo(), world.cluster());
        assert!(!said.contains(value), "{said}");
    }
}

async fn begin(replicas: &str) -> World {
    let mut world = World::new().await;
    world
        .server
        .create_as("kubectl", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}))
        .unwrap();
    world.repo.commit(&files(replicas));
    world.put_gitrepo(&json!({})).await;
    world.enroll().await;
    world.start_agent();
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_a_secret_are_rendered_in_the_cluster_and_stay_there() {
    let mut world = begin("1").await;
    let mut minutes = 0;
    // The Secret is missing: the bundle waits, by name, and the other one goes on.
    world.told(&[Reason::WaitingForValues]).await;
    world.until("the other bundle is there", |world| world.value("o").is_some()).await;
    assert!(world.notes().iter().any(|(_, message)| message.contains("web-values")), "{:?}", world.notes());
    assert_eq!(world.value("a"), None);
    put_values(&world, &format!("password: {CANARY}\nextra: true\n"));
    a_minute_later(&world, &mut minutes);
    world.until("it is deployed", |world| has_password(world, CANARY) && world.value("extra").is_some()).await;
    assert_eq!(world.value("a").as_deref(), Some("hello"));
    world.told_no_longer(Reason::WaitingForValues).await;
    world.until("the hub hears of it", World::is_ready).await;
    // It is read with the rights of the bundle, and with no other.
    let reads: Vec<_> = world.server.requests().into_iter().filter(|request| request.name == "web-values").collect();
    let tenant = format!("system:serviceaccount:{}:tenant", fleet_api::labels::AGENT_NAMESPACE);
    assert!(!reads.is_empty());
    assert!(reads.iter().all(|request| request.user.as_deref() == Some(&*tenant) && request.verb == Verb::Get));
    // It changes, and what it no longer gives goes.
    let uids = world.uids();
    let changed = format!("{CANARY}-2");
    put_values(&world, &format!("password: {changed}\n"));
    a_minute_later(&world, &mut minutes);
    world.until("it is changed", |world| has_password(world, &changed) && world.value("extra").is_none()).await;
    assert_eq!(world.uids()[&key("secrets", "login")], uids[&key("secrets", "login")]);
    // It does not render any more, and the error would quote it.
    put_values(&world, &format!("password: {changed}\nbroken: true\n"));
    a_minute_later(&world, &mut minutes);
    world.told(&[Reason::RenderFailed]).await;
    assert!(has_password(&world, &changed));
    // It is gone: what runs is kept, over restarts of both sides, and repaired.
    world.server.delete(&key("secrets", "web-values")).unwrap();
    a_minute_later(&world, &mut minutes);
    world.told(&[Reason::WaitingForValues]).await;
    world.restart_agent().await;
    world.stop_hub().await;
    world.start_hub().await;
    world.told(&[Reason::WaitingForValues]).await;
    assert!(has_password(&world, &changed) && world.value("a").is_some());
    // A commit that cannot be rendered yet changes nothing.
    world.repo.commit(&files("2"));
    world.look().await;
    world.told(&[Reason::WaitingForValues]).await;
    assert_eq!(data(&world, "configmaps", "a")["replicas"], "1");
    let third = format!("{CANARY}-3");
    put_values(&world, &format!("password: {third}\n"));
    a_minute_later(&world, &mut minutes);
    world.until("the commit is there", |world| data(world, "configmaps", "a")["replicas"] == "2").await;
    world.until("with the values", |world| has_password(world, &third)).await;
    let deleted: Vec<_> = world.deletions().into_iter().filter(|line| !line.contains("/extra")).collect();
    assert_eq!(deleted, [] as [&str; 0]);
    assert_nowhere(&world, &[CANARY, &CANARY.to_uppercase()]);
    world.server.delete(&key("secrets", "web-values")).unwrap();
    world.withdraw().await;
    world.stop().await;
}

pub(crate) async fn a_secret_that_the_service_account_may_not_get_is_not_read_by_the_agent() {
    let world = {
        let world = begin("1").await;
        put_values(&world, &format!("password: {CANARY}\n"));
        world
    };
    let rule = FaultRule::new(Fault::status(403)).verbs(&[Verb::Get]).resource("secrets").name("web-values");
    let fault = world.server.inject(rule);
    let mut minutes = 0;
    a_minute_later(&world, &mut minutes);
    world.told(&[Reason::Forbidden]).await;
    let notes = world.notes();
    assert!(
        notes.iter().any(|(_, message)| message.contains("service account skiff-system/tenant may not get")),
        "{notes:?}"
    );
    assert_eq!(world.value("a"), None);
    world.server.remove_fault(fault);
    a_minute_later(&world, &mut minutes);
    world.until("it is deployed", |world| has_password(world, CANARY)).await;
    // And once it runs, being forbidden takes nothing away.
    let rule = FaultRule::new(Fault::status(403)).verbs(&[Verb::Get]).resource("secrets").name("web-values");
    world.server.inject(rule);
    a_minute_later(&world, &mut minutes);
    world.told(&[Reason::Forbidden]).await;
    assert!(has_password(&world, CANARY));
    assert_eq!(world.deletions(), [] as [&str; 0]);
    let asked = world.server.requests().into_iter().filter(|request| request.name == "web-values");
    let users: std::collections::BTreeSet<_> =
        asked.filter(|request| request.verb == Verb::Get).map(|request| request.user).collect();
    assert_eq!(users, [Some("system:serviceaccount:skiff-system:tenant".to_owned())].into());
    assert_nowhere(&world, &[CANARY]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_cannot_render_keeps_what_it_has_and_the_hub_says_why() {
    let mut world = World::new().await;
    world.wire.speak(1);
    world.deploy().await;
    let uids = world.uids();
    world.repo.commit(&files("1"));
    world.look().await;
    world.told(&[Reason::ProtocolTooOld]).await;
    assert_eq!(world.uids(), uids);
    assert!(world.wire.issued().iter().all(|desired| desired.deployments.iter().all(|one| !one.rendered_in_cluster)));
    put_values(&world, &format!("password: {CANARY}\n"));
    world.wire.speak(fleet_api::wire::PROTOCOL);
    world.until("the updated agent has it", |world| has_password(world, CANARY)).await;
    world.told_no_longer(Reason::ProtocolTooOld).await;
    assert_eq!(world.uids()[&key("configmaps", "a")], uids[&key("configmaps", "a")], "in namespace {NAMESPACE}");
    world.stop().await;
}
