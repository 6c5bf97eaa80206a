//! Advisories of others, replayed against this hub. What each was stands in docs/ADVISORIES.md, with those that are
//! replayed elsewhere and those that cannot exist here.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use crate::common::*;
use fleet_api::v1alpha1::{Cluster, GitRepo};
use fleet_api::wire::{BlobsHead, EnrollRequest, EnrollmentToken};
use serde_json::{Value, json};
use skiff_hub::Hub;
use skiff_hub::store::Kind;

async fn hub() -> (tempfile::TempDir, Hub) {
    let (dir, data) = data();
    let hub = start(&data).await;
    (dir, hub)
}

async fn enrolled(hub: &Hub, name: &str) -> Agent {
    let mut agent = Agent::new(hub, &format!("ks-{name}"));
    agent.enroll(&token(hub, Some(name), &[]).await, None).await.unwrap();
    agent.sync(0, None).await.unwrap();
    agent
}

/// A request as the admin; status and body.
async fn admin(hub: &Hub, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let file = std::fs::read_to_string(hub.admin_file()).unwrap();
    let token = skiff_hub::user_api::AdminFile::parse(&file).unwrap().token;
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = client(hub.hub_key(), None).request(method, format!("https://{}{path}", hub.address()));
    request = request.bearer_auth(token);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

/// TLS to the hub, and nothing said yet.
async fn connected(hub: &Hub, protocols: &[&[u8]]) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls =
        rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(rustls::DEFAULT_VERSIONS).unwrap();
    let mut tls = tls.dangerous().with_custom_certificate_verifier(pinned(hub.hub_key())).with_no_client_auth();
    tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(tls));
    let stream = tokio::net::TcpStream::connect(hub.address()).await.unwrap();
    connector.connect("hub".try_into().unwrap(), stream).await.unwrap()
}

/// A request byte by byte, as no client would write it; the status.
async fn raw(hub: &Hub, path: &str) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = connected(hub, &[]).await;
    let request = format!("GET {path} HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// CVE-2026-4740 (OCM): an identity was matched by a prefix of its name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c01_an_identity_is_its_name_byte_for_byte() {
    let (_dir, hub) = hub().await;
    let one = enrolled(&hub, "shop").await;
    let names = ["shop1", "sho", "shop-1", "Shop", "shop.", "shop:shop", "shop/x", "shop\u{0}", "SHOP", "", "shop "];
    for name in names {
        let mut other = Agent::new(&hub, &format!("other {name}"));
        let refused = other.enroll(&token(&hub, Some("shop"), &[]).await, Some(name)).await.is_err();
        assert!(refused, "{name:?} came in with a token of `shop`");
    }
    let two = enrolled(&hub, "shop1").await;
    let (uid_one, uid_two) = (one.request(0, None).cluster, two.request(0, None).cluster);
    assert_ne!(uid_one, uid_two);
    for (agent, uid) in [(&one, &uid_two), (&two, &uid_one)] {
        let mut request = agent.request(0, None);
        request.cluster = uid.clone();
        let answer: Answer<Value> = agent.call("/v1/sync", &request).await;
        assert!(matches!(answer, Err((401 | 403, _))), "{answer:?}");
    }
    hub.stop().await;
}

/// CVE-2024-56513 (Karmada): who had registered might do far more than what is its own. Every route, as everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c02_access_every_route_is_open_to_exactly_whom_it_is_for() {
    crate::access::ask_all().await;
}

/// CVE-2024-9779 (OCM), CVE-2023-30622 (clusternet): the rights of one service account turned a node into the fleet. What
/// the manifests grant is all in this list: the hub asks nothing of the cluster that it runs in, and one agent everything
/// of its own cluster alone, which its manifest says.
#[test]
fn c03_the_manifests_grant_what_is_listed_and_no_more() {
    let granted = |name: &str| -> Vec<String> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        let documents = k8s_yaml::parse(&text, &k8s_yaml::Options::sigs()).unwrap();
        let objects = documents.iter().map(|document| document.node.to_json().unwrap());
        let of_rights = |object: &Value| object["kind"].as_str().is_some_and(|kind| kind.contains("Role"));
        let pods = |object: &Value| object.pointer("/spec/template/spec").cloned();
        let all: Vec<Value> = objects.filter(|object| !object.is_null()).collect();
        let rights = all.iter().filter(|object| of_rights(object)).map(|object| {
            format!(
                "{} {}",
                object["kind"].as_str().unwrap(),
                object.get("rules").or_else(|| object.get("subjects")).unwrap()
            )
        });
        let tokens = all.iter().filter_map(pods).map(|pod| format!("token {}", pod["automountServiceAccountToken"]));
        rights.chain(tokens).collect()
    };
    assert_eq!(granted("hub.yaml"), ["token false"]);
    let everything = r#"[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]},{"nonResourceURLs":["*"],"verbs":["*"]}]"#;
    let subjects = r#"[{"kind":"ServiceAccount","name":"skiff-agent","namespace":"skiff-system"}]"#;
    let expected = [format!("ClusterRole {everything}"), format!("ClusterRoleBinding {subjects}"), "token null".into()];
    assert_eq!(granted("agent.yaml"), expected);
}

/// Fleet #5605: a registering agent chose labels that bundles are targeted by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c05_labels_that_an_agent_claims_target_nothing() {
    let (_dir, hub) = hub().await;
    let token = token(&hub, Some("till"), &[("granted", "yes")]).await;
    let agent = Agent::new(&hub, "ks-1");
    let claims =
        ["env", "granted", "management.cattle.io/cluster-display-name", "fleet.cattle.io/cluster", "skiff.dev/x"];
    let request = EnrollRequest {
        protocol: 1,
        secret: token.secret,
        name: None,
        kube_system_uid: "ks-1".into(),
        claimed_labels: claims.iter().map(|key| ((*key).to_owned(), "claimed".to_owned())).collect(),
    };
    drop(agent.call::<_, Value>("/v1/enroll", &request).await.unwrap());
    let cluster: Cluster = hub.resources().get("fleet-default", "till").unwrap().unwrap();
    let labels = cluster.metadata.labels.unwrap_or_default();
    assert_eq!(labels.get("granted").map(String::as_str), Some("yes"));
    let wrong: Vec<_> =
        labels.iter().filter(|(key, value)| *value == "claimed" && !key.starts_with("claims.skiff.dev/")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    hub.stop().await;
}

/// CVE-2025-5187 (Kubernetes): a node changed what it should not of its own object.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c06_a_report_changes_nothing_but_the_status() {
    let (_dir, hub) = hub().await;
    let mut agent = enrolled(&hub, "till").await;
    let before: Cluster = hub.resources().get("fleet-default", "till").unwrap().unwrap();
    let mut request = serde_json::to_value(agent.request(0, None)).unwrap();
    request["report"] = json!({
        "sequence": 1, "full": true, "version": {"epoch": 1, "generation": 1},
        "facts": {"agentVersion": "x", "kubernetesVersion": "v1", "claimedLabels": {"env": "prod"}},
        "metadata": {"labels": {"env": "prod"}, "finalizers": ["x/y"], "ownerReferences": [{"uid": "1"}], "name": "other"},
        "labels": {"env": "prod"}, "spec": {"paused": true},
    });
    drop(agent.post("/v1/sync", serde_json::to_vec(&request).unwrap()).await);
    drop(agent.sync(0, None).await);
    let after: Cluster = hub.resources().get("fleet-default", "till").unwrap().unwrap();
    let granted = |cluster: &Cluster| {
        let labels = cluster.metadata.labels.clone().unwrap_or_default();
        labels.into_iter().filter(|(key, _)| !key.starts_with("claims.skiff.dev/")).collect::<Vec<_>>()
    };
    assert_eq!(granted(&after), granted(&before));
    assert_eq!(
        (&after.metadata.finalizers, &after.metadata.owner_references),
        (&before.metadata.finalizers, &before.metadata.owner_references)
    );
    assert_eq!(serde_json::to_value(&after.spec).unwrap(), serde_json::to_value(&before.spec).unwrap());
    hub.stop().await;
}

/// CVE-2022-31075, -31078, -31079 (KubeEdge): whoever reaches the hub, or one edge, uses up its memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c07_c11_bodies_are_bounded_before_and_after_an_identity() {
    let (_dir, hub) = hub().await;
    let agent = enrolled(&hub, "till").await;
    let stranger = Agent::new(&hub, "ks-2");
    for (who, path, size) in
        [(&stranger, "/v1/enroll", 65 << 10), (&agent, "/v1/sync", 3 << 20), (&agent, "/v1/blobs", 5 << 20)]
    {
        let answer = who.post(path, vec![b' '; size]).await;
        // The hub may have closed the connection before all of it was sent.
        assert!(matches!(answer, Err((413 | 0, _))), "{path}: {answer:?}");
    }
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    for path in ["/v1/sync", "/v1/blobs"] {
        let mut answer = agent.post(path, deep.clone().into_bytes()).await;
        // The connection on which the large body was refused may be closed just when it is used again.
        if matches!(answer, Err((0, _))) {
            answer = agent.post(path, deep.clone().into_bytes()).await;
        }
        assert!(matches!(answer, Err((400 | 422, _))), "{path}: {answer:?}");
    }
    hub.stop().await;
}

/// CVE-2026-44946 (Rancher): what proves an identity once was taken twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c08_tokens_and_reports_are_no_use_a_second_time() {
    let (_dir, hub) = hub().await;
    let token = token(&hub, Some("till"), &[]).await;
    let mut agent = Agent::new(&hub, "ks-1");
    agent.enroll(&token, None).await.unwrap();
    let mut thief = Agent::new(&hub, "ks-2");
    assert!(thief.enroll(&token, None).await.is_err());
    agent.sync(0, None).await.unwrap();
    let report = agent.all_ready();
    assert_eq!(agent.sync(0, Some(report.clone())).await.unwrap().acknowledged, report.sequence);
    let newer = agent.all_ready();
    assert_eq!(agent.sync(0, Some(newer.clone())).await.unwrap().acknowledged, newer.sequence);
    let again = agent.sync(0, Some(report)).await.unwrap();
    assert_eq!(again.acknowledged, newer.sequence, "it goes back: {again:?}");
    hub.stop().await;
}

/// CVE-2023-23947 (Argo CD): rights were looked up for what the request says, not for what is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c18_a_body_that_disagrees_with_its_path_is_refused() {
    let (_dir, hub) = hub().await;
    let base = "/apis/fleet.cattle.io/v1alpha1/namespaces/fleet-default/gitrepos";
    let object = |namespace: &str, name: &str| {
        json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo",
            "metadata": {"name": name, "namespace": namespace}, "spec": {"repo": "https://x.example/y"}})
    };
    assert_eq!(admin(&hub, "POST", base, Some(&object("fleet-default", "shop"))).await.0, 201);
    for body in [object("other", "shop"), object("fleet-default", "other")] {
        let (status, answer) = admin(&hub, "PUT", &format!("{base}/shop"), Some(&body)).await;
        assert!(matches!(status, 400 | 409 | 422), "{status} {answer}");
    }
    let mut kind = object("fleet-default", "shop");
    kind["kind"] = "Cluster".into();
    assert!(admin(&hub, "PUT", &format!("{base}/shop"), Some(&kind)).await.0 >= 400);
    assert_eq!(admin(&hub, "POST", base, Some(&object("other", "new"))).await.0, 400);
    hub.stop().await;
}

/// CVE-2023-50726 (Argo CD): a user sets at creation what only the server may set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c19_what_the_hub_owns_is_not_taken_from_a_user() {
    let (_dir, hub) = hub().await;
    let base = "/apis/fleet.cattle.io/v1alpha1/namespaces/fleet-default/gitrepos";
    let body = json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo",
        "metadata": {"name": "shop", "uid": "mine", "generation": 99, "resourceVersion": "", "creationTimestamp": "2001-01-01T00:00:00Z"},
        "spec": {"repo": "https://x.example/y", "paused": true}, "status": {"commit": "deadbeef"}});
    let (status, made) = admin(&hub, "POST", base, Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    assert_ne!(made["metadata"]["uid"], "mine");
    assert_eq!(made["metadata"]["generation"], 1);
    assert_ne!(made["metadata"]["creationTimestamp"], "2001-01-01T00:00:00Z");
    let stored: GitRepo = hub.resources().get("fleet-default", "shop").unwrap().unwrap();
    assert_ne!(stored.status.map(|status| status.commit).unwrap_or_default(), "deadbeef");
    hub.stop().await;
}

/// CVE-2024-52280 (steve), CVE-2026-33186 (gRPC-Go): a path is judged in another form than it is served in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c23_an_odd_path_opens_nothing() {
    let (_dir, hub) = hub().await;
    let base = "apis/fleet.cattle.io/v1alpha1/namespaces/fleet-default/gitrepos";
    let forms = [
        format!("/{base}"),
        format!("//{base}"),
        format!("/./{base}"),
        format!("/healthz/../{base}"),
        format!("/healthz/%2e%2e/{base}"),
        format!("/%61pis/{}", &base[5..]),
        format!("/APIS/{}", &base[5..]),
        format!("/{base}/"),
        format!("/{base};x"),
        format!("/{base}%00"),
        format!("/{base}?watch=true"),
        format!("/{}", base.replace('/', "%2f")),
        format!("/{}", base.replace('/', "\\")),
        format!("https://hub/{base}"),
    ];
    for form in &forms {
        let status = raw(&hub, form).await;
        assert!(status >= 400, "GET {form} by nobody: {status}");
    }
    assert_eq!(raw(&hub, "/healthz").await, 200, "the request is well-formed");
    hub.stop().await;
}

/// CVE-2022-39272 (Flux), Fleet #5299: one object that makes no sense stops all of its kind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c42_one_bad_gitrepo_stops_no_other() {
    let (_dir, hub) = hub().await;
    let repo = Repo::new();
    repo.commit(&[("web/a.yaml", &config_map("a", "one"))]);
    let base = "/apis/fleet.cattle.io/v1alpha1/namespaces/fleet-default/gitrepos";
    for (at, more) in
        [json!({"pollingInterval": "1d"}), json!({"paths": ["[", "\u{0}"]}), json!({"repo": "-oProxyCommand=x"})]
            .iter()
            .enumerate()
    {
        let mut spec = json!({"repo": repo.url(), "branch": "main"});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo", "metadata": {"name": format!("bad-{at}")}, "spec": spec});
        // Refused at once or told later; both will do.
        drop(admin(&hub, "POST", base, Some(&body)).await);
    }
    gitrepo(&hub, "good", &repo, &json!({})).await;
    let mut agent = Agent::new(&hub, "ks-1");
    agent.enroll(&token(&hub, Some("till"), &[("env", "prod")]).await, None).await.unwrap();
    told(&mut agent, &["good-web"]).await;
    hub.stop().await;
}

/// CVE-2025-32386 (Helm), CVE-2023-40584 (Argo CD), Fleet #4891: few bytes that unpack to very many, in a Bundle that a
/// user writes. The hub goes on, and so does what comes after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c36_a_bundle_that_unpacks_to_very_much_is_not_taken() {
    use base64::Engine as _;
    use std::io::Write as _;
    let (_dir, hub) = hub().await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..65 {
        gzip.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let bomb = base64::engine::general_purpose::STANDARD.encode(gzip.finish().unwrap());
    assert!(bomb.len() < 200_000);
    let base = "/apis/fleet.cattle.io/v1alpha1/namespaces/fleet-default/bundles";
    let bundle = |name: &str, more: &[Value]| {
        let own = json!({"name": "a.yaml", "content": config_map(name, "one")});
        let resources: Vec<Value> = std::iter::once(own).chain(more.iter().cloned()).collect();
        json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Bundle", "metadata": {"name": name},
            "spec": {"resources": resources, "targets": [{"clusterName": "till"}]}})
    };
    // No file of it is too large by itself, and this one is not rendered.
    let bad = bundle("bad", &[json!({"name": "b.txt", "content": bomb, "encoding": "base64+gz"})]);
    // Refused at once or told later; both will do.
    drop(admin(&hub, "POST", base, Some(&bad)).await);
    let good = bundle("good", &[]);
    assert_eq!(admin(&hub, "POST", base, Some(&good)).await.0, 201);
    let mut agent = enrolled(&hub, "till").await;
    told(&mut agent, &["good"]).await;
    hub.stop().await;
}

/// GHSA-m425-mq94-257g (gRPC), RUSTSEC-2024-0003, -0332 (h2): requests that are taken back as fast as they come, and a
/// header that never ends. The connection is closed; others do not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c47_a_flood_over_http_2_ends_its_own_connection_alone() {
    let (_dir, hub) = hub().await;
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat();
    // GET https://hub/ by the static table of HPACK.
    let request = [&[0x82, 0x87, 0x84, 0x41, 0x03][..], b"hub"].concat();
    let resets = |number: u32| {
        let stream = 2 * number + 1;
        [frame(1, 0x05, stream, &request), frame(3, 0, stream, &8_u32.to_be_bytes())].concat()
    };
    let continued = |number: u32| match number {
        0 => frame(1, 0x01, 1, &request),
        // A header of 15 kB, again and again, and no end of headers.
        _ => frame(9, 0, 1, &[&[0x00, 0x01, b'a', 0x7f, 0x81, 0x74][..], &[b'x'; 15_000]].concat()),
    };
    for (what, flood) in [("resets", &resets as &dyn Fn(u32) -> Vec<u8>), ("continuations", &continued)] {
        let sent = flooded(&hub, &hello, flood, 50_000).await;
        assert!(sent < 50_000, "{what}: the hub took all of them");
        assert_eq!(raw(&hub, "/healthz").await, 200, "{what}");
    }
    hub.stop().await;
}

/// Writes frames over HTTP/2 until the hub has enough; how many it took.
async fn flooded(hub: &Hub, hello: &[u8], frames: &dyn Fn(u32) -> Vec<u8>, most: u32) -> u32 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let stream = connected(hub, &[b"h2"]).await;
    let (mut from, mut to) = tokio::io::split(stream);
    let closed = tokio::spawn(async move {
        let mut bytes = vec![0; 16 << 10];
        // GOAWAY is the last that it says; the answers before it are of no interest.
        while matches!(from.read(&mut bytes).await, Ok(length) if length > 0) {}
    });
    to.write_all(hello).await.unwrap();
    for number in 0..most {
        if closed.is_finished() || to.write_all(&frames(number)).await.is_err() {
            return number;
        }
    }
    // The last of it may still be on its way.
    let end = tokio::time::timeout(std::time::Duration::from_secs(5), closed).await;
    if end.is_ok() { most - 1 } else { most }
}

/// CVE-2024-52284 (Fleet), CVE-2024-52282, CVE-2022-45157 (Rancher), CVE-2025-55190 (Argo CD), CVE-2023-22649 (Rancher):
/// secrets lay in ordinary objects, and came back with answers and logs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c49_c52_canaries_in_every_secret_input_come_out_nowhere() {
    crate::canaries::sweep().await;
}

/// CVE-2024-31989 (Argo CD): rendered manifests were replaced in a cache that everybody could write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c53_a_blob_that_was_changed_on_disk_is_not_given_out() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let repo = Repo::new();
    repo.commit(&[("web/a.yaml", &config_map("a", "one"))]);
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut agent = Agent::new(&hub, "ks-1");
    agent.enroll(&token(&hub, Some("till"), &[("env", "prod")]).await, None).await.unwrap();
    told(&mut agent, &["shop-web"]).await;
    hub.stop().await;
    for shard in std::fs::read_dir(data.join("blobs")).unwrap().flatten().filter(|shard| shard.path().is_dir()) {
        for blob in std::fs::read_dir(shard.path()).unwrap().flatten() {
            let mut bytes = std::fs::read(blob.path()).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(blob.path(), bytes).unwrap();
        }
    }
    let hub = start(&data).await;
    agent.moved(&hub);
    let want: Vec<_> = agent.desired.clone().unwrap().deployments.iter().map(|entry| entry.deployment).collect();
    // It is made anew from the repository, or refused; the helper compares each digest.
    match agent.blobs(&want, &[]).await {
        Ok(BlobsHead { .. }) => {}
        Err((status, body)) => assert!(status >= 400, "{body}"),
    }
    hub.stop().await;
}

/// Fleet #1245: clusters whose names share a prefix took each other's bundles away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d02_names_with_a_common_prefix_have_nothing_in_common() {
    let (_dir, hub) = hub().await;
    let repo = Repo::new();
    repo.commit(&[("a/a.yaml", &config_map("a", "one")), ("a-b/a.yaml", &config_map("b", "one"))]);
    for name in ["shop", "shop-a"] {
        gitrepo(&hub, name, &repo, &json!({"targets": [{"clusterName": "till"}], "paths": ["a"]})).await;
    }
    gitrepo(&hub, "shop-1", &repo, &json!({"targets": [{"clusterName": "till-1"}], "paths": ["a-b"]})).await;
    let mut agents = Vec::new();
    for (name, bundles) in [("till", &["shop-a", "shop-a-a"][..]), ("till-1", &["shop-1-a-b"][..])] {
        let mut agent = enrolled(&hub, name).await;
        told(&mut agent, bundles).await;
        agents.push(agent);
    }
    hub.resources().delete(Kind::GitRepo, "fleet-default", "shop").await.unwrap();
    told(&mut agents[0], &["shop-a-a"]).await;
    told(&mut agents[1], &["shop-1-a-b"]).await;
    hub.stop().await;
}

/// rancher#34932: deleting the hub's object of a cluster destroyed the cluster's workloads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d08_the_end_of_a_cluster_at_the_hub_asks_for_no_deletion() {
    let (_dir, hub) = hub().await;
    let repo = Repo::new();
    repo.commit(&[("web/a.yaml", &config_map("a", "one"))]);
    gitrepo(&hub, "shop", &repo, &json!({"targets": [{"clusterName": "till"}]})).await;
    let mut agent = enrolled(&hub, "till").await;
    told(&mut agent, &["shop-web"]).await;
    hub.resources().delete(Kind::Cluster, "fleet-default", "till").await.unwrap();
    let refusal = eventually("it is refused", async || agent.sync(0, None).await.err()).await;
    assert!(matches!(refusal.0, 401 | 403), "{refusal:?}");
    assert_eq!(agent.bundles(), ["shop-web"]);
    hub.stop().await;
}

/// A token says who may use it and nothing of what it is for is in the clear of an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c51_a_refusal_does_not_repeat_the_secret() {
    let (_dir, hub) = hub().await;
    let secret = "canary-not-a-token-96f1";
    let token = EnrollmentToken { secret: secret.into(), ..token(&hub, None, &[]).await };
    let (_, body) = Agent::new(&hub, "ks-1").enroll(&token, None).await.unwrap_err();
    assert!(!body.to_string().contains(secret), "{body}");
    hub.stop().await;
}
