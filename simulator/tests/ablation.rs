//! Every rule switched off is caught by a committed seed (`simulator/ablation.txt`), and with all rules on the same seed
//! holds. A rule without a line fails, and so does a seed that does not notice; a line `uncaught` says honestly that no
//! seed does yet, and why. New lines are found by `cargo run --release -p skiff-simulator --example ablate`.

#![expect(clippy::print_stdout, reason = "the score is told")]

mod common;

use common::{Switch, switches};
use skiff_simulator::{Profile, Settings, run};
use std::collections::BTreeMap;

/// So many switches are caught at least.
const GATE: usize = 0;

/// Name of the switch; profile, seed and number of clusters, or none where it is not caught yet.
fn table() -> BTreeMap<String, Option<(Profile, u64, usize)>> {
    let text = include_str!("../ablation.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [switch, "uncaught", ..] = words[..] {
                return (switch.to_owned(), None);
            }
            let [switch, profile, seed, clusters, ..] = words[..] else { panic!("{line}") };
            let profile = Profile::ALL.into_iter().find(|known| known.name() == profile).expect("a profile");
            let number = |text: &str| text.parse().expect("a number");
            (switch.to_owned(), Some((profile, number(seed), usize::try_from(number(clusters)).expect("few"))))
        })
        .collect()
}

#[test]
fn every_rule_switched_off_is_caught_by_its_seed() {
    let table = table();
    let (mut missed, mut caught) = (Vec::new(), 0);
    let all: Vec<Switch> = switches();
    for switch in &all {
        let (profile, seed, clusters) = match table.get(&switch.name) {
            None => {
                missed.push(format!("{}: it has no line", switch.name));
                continue;
            }
            Some(None) => {
                println!("{:<22} not caught yet", switch.name);
                continue;
            }
            Some(Some(line)) => line,
        };
        let settings = Settings::new(*seed, *profile, *clusters);
        if let Some(violation) = run(&settings).violation {
            missed.push(format!("{}: its seed fails with all rules on: {violation:?}", switch.name));
        }
        match run(&switch.off(settings)).violation {
            Some(violation) => {
                caught += 1;
                println!("{:<22} {violation}", switch.name);
            }
            None => missed.push(format!("{}: seed {seed} does not notice", switch.name)),
        }
    }
    println!("ablation: {caught} of {} switches are caught", all.len());
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(caught >= GATE, "{caught} switches are caught, and {GATE} were; the gate only rises");
}
