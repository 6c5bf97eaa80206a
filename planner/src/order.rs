//! The order in which kinds are applied; removal goes the other way round.
//!
//! Source: `InstallOrder` of Helm 4 (`pkg/release/v1/util/kind_sorter.go`). Kinds that Helm does not know come last, by
//! name. Within a kind the order of the render is kept.

const INSTALL_ORDER: &[&str] = &[
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// The place of a kind: `(rank, kind)`. Objects whose places are equal may be applied at the same time.
pub fn place(kind: &str) -> (usize, &str) {
    match INSTALL_ORDER.iter().position(|known| *known == kind) {
        Some(rank) => (rank, ""),
        None => (INSTALL_ORDER.len(), kind),
    }
}

/// Sorts into the order of applying, keeping the order within a kind.
pub fn sort_for_apply<T>(items: &mut [T], kind: impl Fn(&T) -> &str) {
    items.sort_by(|a, b| place(kind(a)).cmp(&place(kind(b))));
}

/// Sorts into the order of removal: the reverse of applying.
pub fn sort_for_removal<T>(items: &mut [T], kind: impl Fn(&T) -> &str) {
    sort_for_apply(items, kind);
    items.reverse();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_come_before_what_uses_them_and_unknown_kinds_last() {
        let mut kinds =
            ["Widget", "Deployment", "Anvil", "ConfigMap", "CustomResourceDefinition", "Namespace", "ServiceAccount"];
        sort_for_apply(&mut kinds, |kind| kind);
        let expected =
            ["Namespace", "ServiceAccount", "ConfigMap", "CustomResourceDefinition", "Deployment", "Anvil", "Widget"];
        assert_eq!(kinds, expected);
        sort_for_removal(&mut kinds, |kind| kind);
        assert_eq!(kinds[0], "Widget");
        assert_eq!(kinds[6], "Namespace");
    }

    #[test]
    fn the_order_of_the_render_is_kept_within_a_kind() {
        let mut items = [("Service", 2), ("Secret", 1), ("Service", 1)];
        sort_for_apply(&mut items, |item| item.0);
        assert_eq!(items, [("Secret", 1), ("Service", 2), ("Service", 1)]);
    }
}
