//! Every rule switched off is caught by a committed seed (`simulator/ablation.txt`), and with all rules on the same seed
//! holds. The gate is 100 %: a rule without a line fails, too. New lines are found by
//! `cargo run --release -p skiff-simulator --example ablate`.

#![expect(clippy::print_stdout, reason = "the score is told")]

mod common;

use common::{Switch, switches};
use skiff_simulator::{Profile, Settings, run};
use std::collections::BTreeMap;

/// Name of the switch, profile, seed, number of clusters.
fn table() -> BTreeMap<String, (Profile, u64, usize)> {
    let text = include_str!("../ablation.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [switch, profile, seed, clusters, ..] = words[..] else { panic!("{line}") };
            let profile = Profile::ALL.into_iter().find(|known| known.name() == profile).expect("a profile");
            let number = |text: &str| text.parse().expect("a number");
            (switch.to_owned(), (profile, number(seed), usize::try_from(number(clusters)).expect("few")))
        })
        .collect()
}

#[test]
fn every_rule_switched_off_is_caught_by_its_seed() {
    let table = table();
    let mut missed = Vec::new();
    let all: Vec<Switch> = switches();
    for switch in &all {
        let Some((profile, seed, clusters)) = table.get(&switch.name) else {
            missed.push(format!("{}: no seed", switch.name));
            continue;
        };
        let settings = Settings::new(*seed, *profile, *clusters);
        if let Some(violation) = run(&settings).violation {
            missed.push(format!("{}: its seed fails with all rules on: {violation:?}", switch.name));
        }
        match run(&switch.off(settings)).violation {
            Some(violation) => println!("{:<22} {} {}", switch.name, violation.rule, violation.message),
            None => missed.push(format!("{}: seed {seed} does not notice", switch.name)),
        }
    }
    println!("ablation: {} of {} switches are caught", all.len() - missed.len(), all.len());
    assert!(missed.is_empty(), "{missed:#?}");
}
