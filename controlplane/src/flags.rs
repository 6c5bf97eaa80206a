//! The command lines of the three programs: pure functions of where things are.
//!
//! Chosen so that a control plane is ready in about 4 s and small, and otherwise behaves as a real one does: what a
//! test could see (admission, RBAC, watch cache, garbage collection) is on.

use std::path::Path;

use crate::Options;

/// Where the parts of one control plane are.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) etcd_client_port: u16,
    pub(crate) etcd_peer_port: u16,
    pub(crate) apiserver_port: u16,
}

fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}

fn file(name: &str, directory: &Path, file: &str) -> String {
    flag(name, directory.join(file).display())
}

/// etcd: one member, without fsync (the data die with the test).
pub(crate) fn etcd(places: &Places, directory: &Path) -> Vec<String> {
    let client = format!("http://127.0.0.1:{}", places.etcd_client_port);
    let peer = format!("http://127.0.0.1:{}", places.etcd_peer_port);
    vec![
        flag("name", "test"),
        file("data-dir", directory, "etcd"),
        flag("listen-client-urls", &client),
        flag("advertise-client-urls", &client),
        flag("listen-peer-urls", &peer),
        flag("initial-advertise-peer-urls", &peer),
        flag("initial-cluster", format!("test={peer}")),
        flag("unsafe-no-fsync", true),
        flag("log-level", "error"),
        // Entries kept in memory between snapshots: the default of 10,000 is most of a small etcd.
        flag("snapshot-count", 1000),
    ]
}

/// kube-apiserver. `ServiceAccount` admission refuses pods until a controller made the account, so it goes with the
/// controller manager.
pub(crate) fn apiserver(places: &Places, options: &Options, directory: &Path) -> Vec<String> {
    let mut args = vec![
        flag("etcd-servers", format!("http://127.0.0.1:{}", places.etcd_client_port)),
        flag("bind-address", "127.0.0.1"),
        flag("advertise-address", "127.0.0.1"),
        flag("secure-port", places.apiserver_port),
        file("tls-cert-file", directory, "server.crt"),
        file("tls-private-key-file", directory, "server.key"),
        file("client-ca-file", directory, "ca.crt"),
        flag("service-account-issuer", "https://kubernetes.default.svc"),
        file("service-account-key-file", directory, "sa.pub"),
        file("service-account-signing-key-file", directory, "sa.key"),
        flag("service-cluster-ip-range", "10.0.0.0/16"),
        flag("authorization-mode", "RBAC"),
        flag("allow-privileged", true),
        flag("endpoint-reconciler-type", "none"),
        flag("event-ttl", "10m"),
        flag("profiling", false),
        // Its bootstrap is a good part of the start, and its queues are not what these tests are about.
        flag("enable-priority-and-fairness", false),
        flag("v", 0),
    ];
    if !options.controller_manager {
        args.push(flag("disable-admission-plugins", "ServiceAccount"));
    }
    if options.audit {
        args.push(file("audit-log-path", directory, "audit.jsonl"));
        args.push(file("audit-policy-file", directory, "audit-policy.yaml"));
        // Written when the handler is done, not in batches: what a client has seen answered has been counted (an
        // answer of more than 4 kB may reach it a moment earlier).
        args.push(flag("audit-log-mode", "blocking"));
    }
    args.extend(options.apiserver_flags.iter().cloned());
    args
}

/// kube-controller-manager, without what needs nodes, a cloud or volumes.
pub(crate) fn controller_manager(directory: &Path) -> Vec<String> {
    let without = [
        "cloud-node-lifecycle-controller",
        "ephemeral-volume-controller",
        "node-ipam-controller",
        "node-lifecycle-controller",
        "node-route-controller",
        "persistentvolume-attach-detach-controller",
        "persistentvolume-binder-controller",
        "persistentvolume-expander-controller",
        "service-lb-controller",
        "taint-eviction-controller",
    ];
    let controllers: Vec<String> =
        std::iter::once("*".to_owned()).chain(without.iter().map(|name| format!("-{name}"))).collect();
    vec![
        file("kubeconfig", directory, "controller-manager.kubeconfig"),
        file("root-ca-file", directory, "ca.crt"),
        file("service-account-private-key-file", directory, "sa.key"),
        flag("controllers", controllers.join(",")),
        flag("leader-elect", false),
        flag("profiling", false),
        flag("secure-port", 0),
        flag("v", 0),
    ]
}

/// The audit policy: every request once, without bodies.
pub(crate) const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
";
