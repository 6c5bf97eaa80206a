//! Who may do what: every route of the hub, asked as everybody who could come. The routes come from the hub's own
//! table, so that one that is added without a decision fails here; `docs/ACCESS.md` is that table.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, and a figure")]

use crate::common::*;
use axum::http::Method;
use fleet_api::wire::BlobsRequest;
use serde_json::{Value, json};
use skiff_hub::Hub;
use skiff_hub::routes::{Access, Route, all};
use std::fmt::Write as _;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actor {
    /// No certificate, no credential.
    Nobody,
    /// A person with a credential that is not the admin's: the text of an enrollment token.
    User,
    /// An agent whose identity was revoked.
    RevokedAgent,
    /// A key without an identity that holds a token somebody else has used.
    UsedToken,
    /// An agent beside which a younger process has the same identity (R12).
    FencedAgent,
    /// The agent of another cluster.
    OtherAgent,
    /// The admin, without an agent's certificate.
    Admin,
}

const ACTORS: [(Actor, &str); 7] = [
    (Actor::Nobody, "nobody"),
    (Actor::User, "a user with another credential"),
    (Actor::RevokedAgent, "a revoked agent"),
    (Actor::UsedToken, "the holder of a used token"),
    (Actor::FencedAgent, "a fenced agent"),
    (Actor::OtherAgent, "another cluster's agent"),
    (Actor::Admin, "the admin"),
];

/// What has to come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Allowed,
    /// Allowed, for what is the caller's own; nothing of another cluster is given or changed.
    Own,
    /// Allowed to read its own, and told that it is fenced.
    Fenced,
    Refused,
}

fn expected(access: Access, path: &str, actor: Actor) -> Outcome {
    match (access, actor) {
        (Access::Anybody, _) | (Access::Admin, Actor::Admin) => Outcome::Allowed,
        (Access::Agent, Actor::OtherAgent) => Outcome::Own,
        (Access::Agent, Actor::FencedAgent) if path == "/v1/sync" => Outcome::Fenced,
        (Access::Agent, Actor::FencedAgent) => Outcome::Own,
        (Access::Token | Access::Agent | Access::Admin, _) => Outcome::Refused,
    }
}

struct World {
    hub: Hub,
    _dir: tempfile::TempDir,
    _repo: Repo,
    admin: String,
    used: fleet_api::wire::EnrollmentToken,
    used_text: String,
    /// The cluster that is asked about.
    victim: Agent,
    other: Agent,
    revoked: Agent,
    fenced: Agent,
    stranger: Agent,
}

async fn world() -> World {
    let (dir, data) = data();
    let hub = start(&data).await;
    let repo = Repo::new();
    repo.commit(&[("web/a.yaml", &config_map("a", "one"))]);
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut victim = Agent::new(&hub, "ks-1");
    let used = token(&hub, Some("victim"), &[("env", "prod")]).await;
    victim.enroll(&used, None).await.unwrap();
    told(&mut victim, &["shop-web"]).await;
    victim.fetch().await;
    let mut agents = Vec::new();
    for name in ["other", "revoked", "fenced"] {
        let mut agent = Agent::new(&hub, name);
        agent.enroll(&token(&hub, Some(name), &[]).await, None).await.unwrap();
        agent.sync(0, None).await.unwrap();
        agents.push(agent);
    }
    hub.resources().delete(skiff_hub::store::Kind::Cluster, "fleet-default", "revoked").await.unwrap();
    eventually("the identity is revoked", async || agents[1].sync(0, None).await.is_err().then_some(())).await;
    let mut younger = Agent::with_key(&hub, "fenced", agents[2].key.clone());
    younger.identity.clone_from(&agents[2].identity);
    younger.signing_key.clone_from(&agents[2].signing_key);
    younger.instance = "two".into();
    younger.sync(0, None).await.unwrap();
    let [other, revoked, fenced] = <[Agent; 3]>::try_from(agents).ok().unwrap();
    let file = std::fs::read_to_string(hub.admin_file()).unwrap();
    let admin = skiff_hub::user_api::AdminFile::parse(&file).unwrap().token;
    let stranger = Agent::new(&hub, "ks-9");
    let used_text = format!("skiff1.{}", used.secret);
    World { hub, _dir: dir, _repo: repo, admin, used, used_text, victim, other, revoked, fenced, stranger }
}

impl World {
    /// Asks; the status and the body.
    async fn ask(&self, actor: Actor, route: &Route) -> (u16, Value) {
        let client = match actor {
            Actor::Nobody | Actor::User | Actor::Admin => &client(self.hub.hub_key(), None),
            Actor::RevokedAgent => &self.revoked.client,
            Actor::UsedToken => &self.stranger.client,
            Actor::FencedAgent => &self.fenced.client,
            Actor::OtherAgent => &self.other.client,
        };
        let path = route
            .path
            .replace("{kind}", "cluster")
            .replace("{namespace}", "fleet-default")
            .replace("{name}", "victim")
            .replace("sync/cluster", "sync/gitrepo");
        let method = reqwest::Method::from_bytes(route.method.as_str().as_bytes()).unwrap();
        let mut request = client.request(method, format!("https://{}{path}", self.hub.address()));
        match actor {
            Actor::Admin => request = request.bearer_auth(&self.admin),
            Actor::User => request = request.bearer_auth(&self.used_text),
            Actor::Nobody | Actor::RevokedAgent | Actor::UsedToken | Actor::FencedAgent | Actor::OtherAgent => {}
        }
        if route.method != Method::GET {
            request = request.header("content-type", "application/json").body(self.body(actor, &path));
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::String(text)))
    }

    /// As harmful as the actor can make it.
    fn body(&self, actor: Actor, path: &str) -> String {
        let caller = match actor {
            Actor::OtherAgent => &self.other,
            Actor::FencedAgent => &self.fenced,
            _ => &self.victim,
        };
        let body = match path {
            "/v1/enroll" => json!({
                "protocol": 1, "secret": self.used.secret, "kubeSystemUid": "ks-9", "claimedLabels": {},
            }),
            "/v1/sync" => serde_json::to_value(caller.request(0, None)).unwrap(),
            "/v1/blobs" => {
                let want = self.victim.blobs.keys().copied().collect();
                serde_json::to_value(BlobsRequest { want, ..BlobsRequest::default() }).unwrap()
            }
            // Nothing that would change the world for the actors that come after.
            _ => json!({"kind": "Nothing"}),
        };
        body.to_string()
    }
}

fn judge(outcome: Outcome, path: &str, status: u16, body: &Value) -> bool {
    let no_such_path = body["message"] == "the server could not find the requested resource";
    match outcome {
        Outcome::Refused => matches!(status, 401 | 403 | 429),
        Outcome::Allowed => !matches!(status, 401 | 403 | 405 | 429 | 500..) && !no_such_path,
        Outcome::Fenced => status == 200 && body["fenced"] == true && body.get("desired").is_none(),
        Outcome::Own if path == "/v1/blobs" => status == 200 && !body.to_string().contains("ConfigMap"),
        Outcome::Own => status == 200,
    }
}

/// Asks every route as everybody.
pub(crate) async fn ask_all() {
    let world = world().await;
    let before = world.hub.resources().objects(skiff_hub::store::Kind::Cluster, None).0.len();
    let (mut cells, mut wrong) = (0, Vec::new());
    // Deletions by the admin come last.
    let mut routes = all();
    routes.sort_by_key(|route| route.method == Method::DELETE);
    for route in &routes {
        for (actor, _) in ACTORS {
            if actor == Actor::Admin && route.method == Method::DELETE {
                continue;
            }
            let outcome = expected(route.access, &route.path, actor);
            let (status, body) = world.ask(actor, route).await;
            cells += 1;
            if !judge(outcome, &route.path, status, &body) {
                wrong.push(format!(
                    "{} {} by {actor:?}: {outcome:?} expected, {status} {body}",
                    route.method, route.path
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(world.hub.resources().objects(skiff_hub::store::Kind::Cluster, None).0.len(), before);
    println!("{cells} cells of {} routes and {} actors", routes.len(), ACTORS.len());
    assert!(cells > 300);
    world.hub.stop().await;
}

/// `SKIFF_UPDATE=1` writes the page anew.
#[test]
fn the_page_of_routes_is_up_to_date() {
    let mut page = String::from(
        "# Who may do what\n\nWritten from the hub's table of routes (`hub/src/routes.rs`) by `hub/tests/hub/access.rs`, which asks every route \
         as each of them.\n`own`: what is its own cluster's, and nothing else. There is one admin and no other user yet.\n\n| route |",
    );
    for (_, name) in ACTORS {
        write!(page, " {name} |").unwrap();
    }
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(ACTORS.len()));
    page.push('\n');
    for route in all() {
        write!(page, "| `{} {}` |", route.method, route.path).unwrap();
        for (actor, _) in ACTORS {
            let cell = match expected(route.access, &route.path, actor) {
                Outcome::Allowed => "yes",
                Outcome::Own => "own",
                Outcome::Fenced => "is told that it is fenced",
                Outcome::Refused => "–",
            };
            write!(page, " {cell} |").unwrap();
        }
        page.push('\n');
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ACCESS.md");
    if std::env::var_os("SKIFF_UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == page,
        "run this test with SKIFF_UPDATE=1 and commit docs/ACCESS.md"
    );
}
