//! Looks for the seeds that notice each rule being off, and prints the lines of `simulator/ablation.txt`:
//! `cargo run --release -p skiff-simulator --example ablate -- [NAME…]`.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

#[path = "../tests/common/mod.rs"]
mod common;

use skiff_simulator::{Profile, Settings, run};

const SEEDS: u64 = 150;
const CLUSTERS: usize = 4;

fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    for switch in common::switches() {
        if !names.is_empty() && !names.contains(&switch.name) {
            continue;
        }
        let candidates = (0..SEEDS).flat_map(|seed| Profile::ALL.map(|profile| Settings::new(seed, profile, CLUSTERS)));
        let found = candidates.into_iter().find_map(|settings| {
            let violation = run(&switch.off(settings)).violation?;
            // It has to be the rule that makes the difference.
            run(&settings).violation.is_none().then_some((settings, violation))
        });
        match found {
            Some((settings, violation)) => println!(
                "{:<22} {:<10} {:>5} {CLUSTERS}   # {}: {}",
                switch.name,
                settings.profile.name(),
                settings.seed,
                violation.rule,
                violation.message
            ),
            None => println!("# {}: nothing found in {SEEDS} seeds of each profile", switch.name),
        }
    }
}
