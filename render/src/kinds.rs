//! The kinds that Kubernetes itself brings: which of them are cluster-scoped, and which are merged strategically.
//!
//! Made from the discovery document of Kubernetes v1.36. A cluster may have more kinds (CustomResourceDefinitions);
//! their scope is known to the cluster alone.

/// A group: its name, its cluster-scoped kinds, its namespaced kinds.
type Group = (&'static str, &'static [&'static str], &'static [&'static str]);

const GROUPS: &[Group] = &[
    (
        "",
        &["ComponentStatus", "Namespace", "Node", "PersistentVolume"],
        &[
            "Binding",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
        &[],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"], &[]),
    ("apiregistration.k8s.io", &["APIService"], &[]),
    ("apps", &[], &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("authentication.k8s.io", &["SelfSubjectReview", "TokenReview"], &[]),
    (
        "authorization.k8s.io",
        &["SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"],
        &["LocalSubjectAccessReview"],
    ),
    ("autoscaling", &[], &["HorizontalPodAutoscaler"]),
    ("batch", &[], &["CronJob", "Job"]),
    ("certificates.k8s.io", &["CertificateSigningRequest"], &[]),
    ("coordination.k8s.io", &[], &["Lease"]),
    ("discovery.k8s.io", &[], &["EndpointSlice"]),
    ("events.k8s.io", &[], &["Event"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"], &[]),
    ("networking.k8s.io", &["IPAddress", "IngressClass", "ServiceCIDR"], &["Ingress", "NetworkPolicy"]),
    ("node.k8s.io", &["RuntimeClass"], &[]),
    ("policy", &[], &["PodDisruptionBudget"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding"], &["Role", "RoleBinding"]),
    ("resource.k8s.io", &["DeviceClass", "ResourceSlice"], &["ResourceClaim", "ResourceClaimTemplate"]),
    ("scheduling.k8s.io", &["PriorityClass"], &[]),
    (
        "storage.k8s.io",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
        &["CSIStorageCapacity"],
    ),
];

/// Groups whose types are not in the scheme of client-go, which decides in Fleet (and kubectl) how a patch is merged.
const NOT_IN_CLIENT_GO: [&str; 2] = ["apiextensions.k8s.io", "apiregistration.k8s.io"];

fn group(name: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.0 == name)
}

/// Whether objects of the kind belong to no namespace; `None` for kinds that Kubernetes does not bring.
pub(crate) fn is_cluster_scoped(group_name: &str, kind: &str) -> Option<bool> {
    let (_, cluster, namespaced) = group(group_name)?;
    if cluster.contains(&kind) { Some(true) } else { namespaced.contains(&kind).then_some(false) }
}

/// Whether a patch of the kind is a strategic merge.
pub(crate) fn is_merged_strategically(group_name: &str, kind: &str) -> bool {
    !NOT_IN_CLIENT_GO.contains(&group_name) && is_cluster_scoped(group_name, kind).is_some()
}
