//! How lists inside Kubernetes' own kinds are merged: the `patchStrategy` and `patchMergeKey` tags of `k8s.io/api`
//! v0.36. What is not named here is replaced, as in Kubernetes.

/// What is known of a mapping's fields.
#[derive(Debug)]
pub(super) struct Fields(&'static [(&'static str, Field)]);

/// What is known of one field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    /// A mapping with fields of its own.
    Map(&'static Fields),
    /// A list of mappings that is merged by this key; and the fields of its items.
    MergeBy(&'static str, &'static Fields),
    /// A list of scalars that is merged as a set.
    MergeScalars,
}

impl Fields {
    /// What is known of the field, if anything.
    pub(super) fn get(&self, name: &str) -> Option<Field> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }
}

use Field::{Map, MergeBy, MergeScalars};

/// A mapping of which nothing is known.
pub(super) static NOTHING: Fields = Fields(&[]);

static META: Fields = Fields(&[("ownerReferences", MergeBy("uid", &NOTHING)), ("finalizers", MergeScalars)]);
static CONDITIONS: Fields = Fields(&[("conditions", MergeBy("type", &NOTHING))]);

static CONTAINER: Fields = Fields(&[
    ("ports", MergeBy("containerPort", &NOTHING)),
    ("env", MergeBy("name", &NOTHING)),
    ("volumeMounts", MergeBy("mountPath", &NOTHING)),
    ("volumeDevices", MergeBy("devicePath", &NOTHING)),
]);
static POD_SPEC: Fields = Fields(&[
    ("volumes", MergeBy("name", &NOTHING)),
    ("initContainers", MergeBy("name", &CONTAINER)),
    ("containers", MergeBy("name", &CONTAINER)),
    ("ephemeralContainers", MergeBy("name", &CONTAINER)),
    ("imagePullSecrets", MergeBy("name", &NOTHING)),
    ("hostAliases", MergeBy("ip", &NOTHING)),
    ("topologySpreadConstraints", MergeBy("topologyKey", &NOTHING)),
    ("schedulingGates", MergeBy("name", &NOTHING)),
    ("resourceClaims", MergeBy("name", &NOTHING)),
]);
static POD_STATUS: Fields = Fields(&[
    ("conditions", MergeBy("type", &NOTHING)),
    ("podIPs", MergeBy("ip", &NOTHING)),
    ("hostIPs", MergeBy("ip", &NOTHING)),
]);
static POD: Fields = Fields(&[("metadata", Map(&META)), ("spec", Map(&POD_SPEC)), ("status", Map(&POD_STATUS))]);
static TEMPLATE: Fields = Fields(&[("metadata", Map(&META)), ("spec", Map(&POD_SPEC))]);
static POD_TEMPLATE: Fields = Fields(&[("metadata", Map(&META)), ("template", Map(&TEMPLATE))]);

static WORKLOAD_SPEC: Fields = Fields(&[("template", Map(&TEMPLATE))]);
static WORKLOAD: Fields =
    Fields(&[("metadata", Map(&META)), ("spec", Map(&WORKLOAD_SPEC)), ("status", Map(&CONDITIONS))]);
static JOB_TEMPLATE: Fields = Fields(&[("metadata", Map(&META)), ("spec", Map(&WORKLOAD_SPEC))]);
static CRON_JOB_SPEC: Fields = Fields(&[("jobTemplate", Map(&JOB_TEMPLATE))]);
static CRON_JOB: Fields = Fields(&[("metadata", Map(&META)), ("spec", Map(&CRON_JOB_SPEC))]);

static SERVICE_SPEC: Fields = Fields(&[("ports", MergeBy("port", &NOTHING))]);
static SERVICE: Fields =
    Fields(&[("metadata", Map(&META)), ("spec", Map(&SERVICE_SPEC)), ("status", Map(&CONDITIONS))]);
static SERVICE_ACCOUNT: Fields = Fields(&[("metadata", Map(&META)), ("secrets", MergeBy("name", &NOTHING))]);

static NODE_SPEC: Fields = Fields(&[("podCIDRs", MergeScalars)]);
static NODE_STATUS: Fields =
    Fields(&[("conditions", MergeBy("type", &NOTHING)), ("addresses", MergeBy("type", &NOTHING))]);
static NODE: Fields = Fields(&[("metadata", Map(&META)), ("spec", Map(&NODE_SPEC)), ("status", Map(&NODE_STATUS))]);

static CSI_NODE_SPEC: Fields = Fields(&[("drivers", MergeBy("name", &NOTHING))]);
static CSI_NODE: Fields = Fields(&[("metadata", Map(&META)), ("spec", Map(&CSI_NODE_SPEC))]);

static WEBHOOK: Fields = Fields(&[("matchConditions", MergeBy("name", &NOTHING))]);
static WEBHOOKS: Fields = Fields(&[("metadata", Map(&META)), ("webhooks", MergeBy("name", &WEBHOOK))]);
static POLICY_SPEC: Fields =
    Fields(&[("matchConditions", MergeBy("name", &NOTHING)), ("variables", MergeBy("name", &NOTHING))]);
static POLICY: Fields = Fields(&[("metadata", Map(&META)), ("spec", Map(&POLICY_SPEC))]);

static OTHER: Fields = Fields(&[("metadata", Map(&META)), ("status", Map(&CONDITIONS))]);

/// What is known of a kind of Kubernetes.
pub(super) fn of_kind(kind: &str) -> &'static Fields {
    match kind {
        "Pod" => &POD,
        "PodTemplate" => &POD_TEMPLATE,
        "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "ReplicationController" | "Job" => &WORKLOAD,
        "CronJob" => &CRON_JOB,
        "Service" => &SERVICE,
        "ServiceAccount" => &SERVICE_ACCOUNT,
        "Node" => &NODE,
        "CSINode" => &CSI_NODE,
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => &WEBHOOKS,
        "MutatingAdmissionPolicy" | "ValidatingAdmissionPolicy" => &POLICY,
        _ => &OTHER,
    }
}
