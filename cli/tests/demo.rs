//! The demo as a user runs it: hub, agents and clusters in one process, every step of it.

use serde_json::Value;
use std::process::Command;

#[test]
fn every_step_of_the_demo_holds() {
    let output = Command::new(env!("CARGO_BIN_EXE_skiff"))
        .args(["demo", "--headless", "--clusters", "3"])
        // A proxy that is not there: nothing of the demo leaves the machine.
        .envs([("HTTPS_PROXY", "http://127.0.0.1:1"), ("HTTP_PROXY", "http://127.0.0.1:1")])
        .output()
        .unwrap();
    let (said, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let steps: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(names, ["enroll", "rollout", "commit", "repair", "away", "rename", "held"]);
    assert!(steps.iter().all(|step| step["ok"] == true), "{said}{told}");
    assert!(output.status.success(), "{told}");
    let directory = told.split_whitespace().find(|word| word.contains("skiff-demo-")).unwrap().trim_end_matches('.');
    assert!(!std::path::Path::new(directory).exists(), "{directory} was left behind");
}

#[test]
fn the_demo_needs_a_cluster_for_each_environment() {
    let output = Command::new(env!("CARGO_BIN_EXE_skiff")).args(["demo", "--clusters", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
