//! Every rule has its line in `simulator/ablation.txt`, and some of the lines are run. All of them are run, with the score
//! that the gate asks for, by `cargo run --release -p skiff-simulator --example ablate -- --gate`.

#![allow(dead_code, clippy::allow_attributes, reason = "the example uses the rest of the module")]

mod common;

use common::{committed, switches};
use skiff_simulator::run;

#[test]
fn every_rule_has_one_line() {
    let table = committed().expect("every line can be read");
    let names: Vec<&String> = table.iter().map(|(name, _)| name).collect();
    for switch in switches() {
        assert_eq!(names.iter().filter(|name| ***name == switch.name).count(), 1, "{}", switch.name);
    }
    assert_eq!(table.len(), switches().len(), "a line without a rule");
}

#[test]
fn some_rules_switched_off_are_caught() {
    let table = committed().expect("every line can be read");
    for name in ["agent/R8Kinds", "hub/R13Empty"] {
        let switch = switches().into_iter().find(|switch| switch.name == name).expect("a switch");
        let (_, settings) = table.iter().find(|(of, _)| *of == name).expect("a line");
        assert_eq!(run(settings).violation, None, "{name}: all rules on");
        assert!(switch.caught(*settings).is_some(), "{name}: off");
    }
}
