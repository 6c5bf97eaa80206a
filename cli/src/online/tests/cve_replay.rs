//! Advisories of others, replayed against the command line (docs/ADVISORIES.md).

use super::*;
use fleet_api::v1alpha1::Condition;

/// What drives a terminal: a title, a colour, C1's own introducer, a line that is written over, text turned around.
const HOSTILE: &str = "a\u{1b}]0;owned\u{7}\u{1b}[31m\u{9b}2J\r\u{8}\u{7f}\u{202e}b\u{2066}";

fn is_harmful(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// CVE-2023-32198 (steve), CVE-2022-31105 (Argo CD), CVE-2025-67601 (Rancher CLI): TLS was not checked on one of the paths.
/// Whoever is in between gets no request, and no token.
#[test]
fn c10_another_server_at_the_hubs_address_is_asked_for_nothing() {
    let hub = hub();
    assert_eq!(hub.apply(SHOP).status, 0);
    hub.done("sync gitrepo shop");
    let between = Arc::new(FakeCore::default());
    let (address, key) = hub.runtime.block_on(serve(hub.resources.clone(), between.clone()));
    assert_ne!(key, hub.file.hub_key);
    let file = AdminFile { hub: address.clone(), ..hub.file.clone() };
    std::fs::write(hub.dir.path().join("admin.yaml"), file.to_yaml()).unwrap();
    for line in
        ["sync gitrepo shop", "get gitrepos", "get gitrepos -o json", "explain gitrepo shop", "delete gitrepo shop"]
    {
        let said = hub.run(line);
        assert!(said.status != 0 && said.out.is_empty(), "{line}: {}", said.out);
        assert!(!said.err.contains("secret"), "{line}: {}", said.err);
    }
    // Where no key is known, the certificate has to be one that this machine trusts.
    // As the program does at its start.
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = config::HubConfig { url: address, key: None, token: "secret".into() };
    let client = client::Client::new(config).unwrap();
    assert!(hub.runtime.block_on(client.send(reqwest::Method::GET, "/version", None)).is_err());
    assert_eq!(between.done.lock().unwrap().as_slice(), [] as [String; 0]);
    assert!(hub.resources.object(skiff_hub::store::Kind::GitRepo, "fleet-default", "shop").is_some());
}

/// CVE-2021-25743 (kubectl): what a cluster says drove the terminal of whoever looked at it.
#[test]
fn c48_nothing_that_a_cluster_says_drives_the_terminal() {
    let hub = hub();
    assert_eq!(hub.apply(SHOP).status, 0);
    let note = Note::new(Reason::ObjectRefused, HOSTILE).with_remedy(HOSTILE);
    let condition =
        Condition { type_: "Ready".into(), status: "False".into(), message: HOSTILE.into(), ..Condition::default() };
    let mut repo: GitRepo = hub.resources.get("fleet-default", "shop").unwrap().unwrap();
    repo.metadata.annotations = Some([("from".to_owned(), HOSTILE.to_owned())].into());
    repo.status = Some(GitRepoStatus {
        commit: HOSTILE.into(),
        notes: vec![note.clone()],
        conditions: vec![condition.clone()],
        ..GitRepoStatus::default()
    });
    let metadata = serde_json::json!({"name": "one", "namespace": "fleet-default"});
    let cluster = serde_json::json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Cluster", "metadata": metadata, "spec": {}});
    let mut cluster: Cluster = serde_json::from_value(cluster).unwrap();
    cluster.status =
        Some(ClusterStatus { notes: vec![note.clone()], conditions: vec![condition], ..ClusterStatus::default() });
    hub.runtime.block_on(async {
        hub.resources.put(&cluster).await.unwrap();
        let (of_repo, of_cluster) = (repo.status.clone().unwrap(), cluster.status.clone().unwrap());
        hub.resources.put(&repo).await.unwrap();
        hub.resources.set_status::<GitRepo>("fleet-default", "shop", &of_repo).await.unwrap();
        hub.resources.set_status::<Cluster>("fleet-default", "one", &of_cluster).await.unwrap();
    });
    let object = HeldObject {
        key: ObjectKey::new("", "Secret", "shop", HOSTILE),
        uid: HOSTILE.into(),
        bundle: "fleet-default/shop-web".parse().unwrap(),
    };
    let held = HeldDeletions { digest: Digest::of(b"x"), objects: vec![object], note };
    hub.core.held.lock().unwrap().push(HeldInCluster { cluster: "fleet-default/one".parse().unwrap(), held });
    for line in [
        "get gitrepos",
        "get gitrepos -o wide",
        "get gitrepos -o json",
        "get gitrepos -o yaml",
        "get clusters -o wide",
        "get clusters -o json",
        "get gitrepo shop -o json",
        "get gitrepo shop -o yaml",
        "explain gitrepo shop",
        "explain cluster one",
        "explain cluster one -o json",
        "approve cluster one --yes",
        "wait gitrepo shop --timeout 1s",
        "get gitrepo \u{1b}[31m",
        "explain \u{1b}[31m x",
    ] {
        let said = hub.run(line);
        let text = [said.out, said.err].concat();
        // YAML escapes what no terminal takes as text; that some text runs from right to left is no matter of it.
        let is_yaml = line.ends_with("yaml");
        let found = text.chars().find(|c| is_harmful(*c) && (c.is_control() || !is_yaml));
        assert_eq!(found, None, "{line}: {}", text.escape_debug());
    }
    assert!(hub.done("explain gitrepo shop").contains("owned"), "it is shown, escaped");
    let json: serde_json::Value = serde_json::from_str(&hub.done("get gitrepo shop -o json")).unwrap();
    assert_eq!(json["status"]["commit"], HOSTILE, "and in data it is what it was");
}
