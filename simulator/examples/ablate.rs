//! `cargo run --release -p skiff-simulator --example ablate -- --gate` runs the committed lines of `simulator/ablation.txt`:
//! each rule switched off has to be caught by its seed, by an invariant that the rule is for, and with all rules on the same
//! seed has to hold. Prints the score. `--power [N]` tells how much has to be run until each is noticed. Without either it looks for such
//! seeds, and prints lines:
//! `… --example ablate -- [--seeds N] [NAME…]`.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(dead_code, clippy::allow_attributes, reason = "the tests use the rest of the module")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Switch, committed, switches};
use skiff_simulator::{Profile, Settings, Violation, run};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

const CLUSTERS: usize = 4;

/// A sixth of the time of a seed is the memory of small values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "--gate") {
        return gate();
    }
    if words.first().is_some_and(|word| word == "--power") {
        power(words.get(1).and_then(|word| word.parse().ok()).unwrap_or(8));
        return ExitCode::SUCCESS;
    }
    let mut seeds = 100;
    if words.len() >= 2 && words[0] == "--seeds" {
        seeds = words[1].parse().unwrap_or(seeds);
        words.drain(..2);
    }
    let asked = |switch: &Switch| words.is_empty() || words.contains(&switch.name);
    switches().iter().filter(|switch| asked(switch)).for_each(|switch| search(switch, seeds));
    ExitCode::SUCCESS
}

fn search(switch: &Switch, seeds: u64) {
    let candidates = (0..seeds).flat_map(|seed| Profile::ALL.map(|profile| Settings::new(seed, profile, CLUSTERS)));
    // It has to be the rule that makes the difference.
    let mut caught = candidates.filter_map(|settings| Some((settings, switch.caught(settings)?)));
    match caught.find(|(settings, _)| run(settings).violation.is_none()) {
        Some((settings, violation)) => println!(
            "{:<22} {:<10} {:>5} {CLUSTERS}   # {}: {}",
            switch.name,
            settings.profile.name(),
            settings.seed,
            violation.rule,
            violation.message
        ),
        None => println!("{:<22} uncaught   # in {seeds} seeds of each profile", switch.name),
    }
}

/// How much has to be run, on average, until a rule that is off is noticed: events, over `seeds` seeds of each profile.
/// It is what to compare where the shape of a run is changed: a shorter run is a better one if this falls.
fn power(seeds: u64) {
    let all = switches();
    let next = AtomicUsize::new(0);
    let lines = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(switch) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (mut caught, mut events) = (0_u64, 0);
                    for seed in 0..seeds {
                        for profile in Profile::ALL {
                            let outcome = run(&switch.off(Settings::new(seed, profile, 10)));
                            events += outcome.events;
                            let is_for = |violation: &Violation| switch.invariants().contains(&violation.rule);
                            caught += u64::from(outcome.violation.as_ref().is_some_and(is_for));
                        }
                    }
                    if let Ok(mut lines) = lines.lock() {
                        lines.insert(switch.name.clone(), (caught, events));
                    }
                }
            });
        }
    });
    let lines = lines.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut logarithms = 0.0;
    for (name, (caught, events)) in &lines {
        let each = events / (*caught).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let of = (each as f64).ln();
        logarithms += of;
        println!("{name:<22} {caught:>4} of {:<4} {each:>10} events each", seeds * 8);
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let mean = (logarithms / lines.len() as f64).exp();
    let total: u64 = lines.values().map(|(_, events)| events).sum();
    let unseen = lines.values().filter(|(caught, _)| *caught == 0).count();
    println!("{total} events in all, {unseen} rules not noticed");
    println!("in the geometric mean {mean:.0} events until a rule that is off is noticed");
}

fn gate() -> ExitCode {
    let table = match committed() {
        Ok(table) => table,
        Err(line) => {
            println!("this line cannot be read: {line}");
            return ExitCode::FAILURE;
        }
    };
    let all = switches();
    let (mut caught, mut wrong) = (0, 0);
    for switch in &all {
        match table.iter().find(|(name, _)| *name == switch.name) {
            None => {
                println!("{}: it has no line", switch.name);
                wrong += 1;
            }
            Some((_, settings)) => {
                if let Some(violation) = run(settings).violation {
                    println!("{}: its seed fails with all rules on: {violation}", switch.name);
                    wrong += 1;
                }
                match switch.caught(*settings) {
                    Some(violation) => {
                        caught += 1;
                        println!("{:<22} {violation}", switch.name);
                    }
                    None => {
                        println!("{}: seed {} does not notice", switch.name, settings.seed);
                        wrong += 1;
                    }
                }
            }
        }
    }
    println!("ablation: {caught} of {} switches are caught, {wrong} lines are wrong", all.len());
    if wrong == 0 && caught == all.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
