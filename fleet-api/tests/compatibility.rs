//! `docs/fleet-compatibility.md` names every field that the types have, and calls nothing "same" that they do not have.

use fleet_api::v1alpha1::documentation;
use fleet_api::v1alpha1::{
    BundleDeploymentSpec, BundleDeploymentStatus, BundleNamespaceMapping, BundleStatus, ClusterSpec, ClusterStatus,
    GitRepoSpec, GitRepoStatus,
};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../docs/fleet-compatibility.md");

/// The rows of a section: fields, and what is said of them.
fn rows(section: &str) -> Vec<(&'static str, &'static str)> {
    let start = PAGE.find(&format!("### {section}\n")).expect("the page has the section");
    let body = &PAGE[start + 4..];
    let body = &body[..body.find("\n### ").unwrap_or(body.len())];
    let cells = |line: &'static str| {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        Some((cells.next()?, cells.next()?))
    };
    body.lines().filter(|line| line.starts_with("| ")).filter_map(cells).filter(|row| row.0 != "fields").collect()
}

/// The names in backticks.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The fields that a section lists for a kind: of rows that begin with another kind nothing.
fn listed(section: &str, kind: &str, only: Option<&str>) -> BTreeSet<&'static str> {
    let of_kind = |cell: &str| {
        let word = cell.split_whitespace().next().unwrap_or_default();
        if word.starts_with('`') { kind.is_empty() } else { word == kind }
    };
    rows(section)
        .into_iter()
        .filter(|(cell, is)| of_kind(cell) && only.is_none_or(|only| *is == only))
        .flat_map(|(cell, _)| names(cell))
        .collect()
}

fn properties(schema: schemars::Schema, prefix: &str) -> BTreeSet<String> {
    let value = schema.to_value();
    let properties = value["properties"].as_object().expect("the type has fields");
    properties.keys().map(|name| format!("{prefix}{name}")).collect()
}

fn check(section: &str, kind: &str, types: &BTreeSet<String>) {
    let told = listed(section, kind, None);
    let missing: Vec<_> = types.iter().filter(|field| !told.contains(field.as_str())).collect();
    assert!(missing.is_empty(), "{section} {kind}: the page does not name {missing:?}");
    for is in ["same", "better"] {
        let same = listed(section, kind, Some(is));
        let unknown: Vec<_> = same
            .iter()
            .filter(|name| name.starts_with("spec.") || name.starts_with("status."))
            .filter(|name| !types.contains(**name))
            .filter(|name| !["status.resources", "status.perClusterResourceCounts"].contains(name))
            .collect();
        assert!(unknown.is_empty(), "{section} {kind}: the page calls {unknown:?} {is}, and the types lack it");
    }
}

#[test]
fn every_field_of_the_resources_is_listed() {
    let both = |spec, status| {
        let mut all: BTreeSet<String> = properties(spec, "spec.");
        all.extend(properties(status, "status."));
        all
    };
    check("GitRepo", "", &both(schemars::schema_for!(GitRepoSpec), schemars::schema_for!(GitRepoStatus)));
    check("Bundle and BundleDeployment", "", &properties(schemars::schema_for!(BundleStatus), "status."));
    check(
        "Bundle and BundleDeployment",
        "BundleDeployment",
        &both(schemars::schema_for!(BundleDeploymentSpec), schemars::schema_for!(BundleDeploymentStatus)),
    );
    let others = "Cluster, ClusterGroup, BundleNamespaceMapping";
    check(others, "Cluster", &both(schemars::schema_for!(ClusterSpec), schemars::schema_for!(ClusterStatus)));
    check(others, "BundleNamespaceMapping", &properties(schemars::schema_for!(BundleNamespaceMapping), ""));
}

#[test]
fn every_field_of_fleet_yaml_is_listed() {
    let told = listed("fleet.yaml", "", None);
    for field in documentation::fields() {
        let path = field.path.replace("[]", "");
        let parts: Vec<&str> = path.split('.').collect();
        let covered = (1..=parts.len()).any(|length| told.contains(parts[..length].join(".").as_str()));
        let is_heading = told.iter().any(|name| name.starts_with(&format!("{path}.")));
        assert!(covered || is_heading, "the page does not name {path}");
    }
}
