//! The in-memory API server beside a real kube-apiserver: the same requests to both, and the answers compared.
//!
//! Tier 4. Each sequence has a namespace of its own on both sides. Before comparing, uids and resourceVersions become
//! ordinals in the order of their first appearance in a sequence (so a write that should have changed nothing shows),
//! and times, addresses and ports become constants. What differs on purpose is listed in `allowed.rs`, with a reason;
//! a listed difference that no longer appears fails the test as well.

mod allowed;
mod compare;
mod random;
mod sequences;
mod steps;

use skiff_controlplane::harness::Outcome;
use skiff_controlplane::{Binaries, ControlPlane, Options, harness, scenarios};
use skiff_sim::ApiServer;
use std::collections::BTreeSet;
use steps::{Runner, Sequence};

/// The same without kube-controller-manager, as the real side is started.
fn bare() -> ApiServer {
    ApiServer::new(skiff_sim::Options { namespace_controller: false, garbage_collector: false, ..Default::default() })
}

/// A step that differs makes the rest of its sequence differ; of a random one only the first is worth reading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    GoOn,
    NextSequence,
}

async fn compare(binaries: Binaries, sequences: Vec<Sequence>, after: After) -> Outcome {
    let plane = ControlPlane::start(&binaries, Options::default()).await?;
    let real = plane.client_named("tester/1").await?;
    let server = bare();
    let filter = std::env::var("SKIFF_DIFF_ONLY").unwrap_or_default();
    let (mut found, mut expected, mut requests) = (Vec::new(), BTreeSet::new(), 0);
    for sequence in sequences.iter().filter(|s| filter.is_empty() || s.name.contains(&filter)) {
        let mut ours = Runner::new(server.client(), &sequence.name);
        let mut theirs = Runner::new(real.clone(), &sequence.name);
        for (i, step) in sequence.steps.iter().enumerate() {
            let (a, b) = (ours.run(step).await?, theirs.run(step).await?);
            requests += 1;
            if std::env::var_os("SKIFF_DIFF_TRACE").is_some() {
                note(&format!(
                    "{} {i} {}\n  sent {}\n  ours {a}\n  theirs {b}",
                    sequence.name,
                    step.describe(),
                    step.body()
                ));
            }
            let before = found.len();
            for difference in compare::differences(&a, &b) {
                match allowed::reason(&sequence.name, i, &difference) {
                    Some(entry) => drop(expected.insert(entry)),
                    None => found.push(format!("{} step {i} ({}): {difference}", sequence.name, step.describe())),
                }
            }
            if after == After::NextSequence && found.len() > before {
                break;
            }
        }
    }
    if filter.is_empty() && allowed::entries(&sequences).next().is_some() {
        let stale =
            allowed::entries(&sequences).filter(|e| !expected.contains(e)).map(|e| format!("no longer differs: {e}"));
        found.extend(stale);
    }
    if found.is_empty() {
        note(&format!("{requests} requests compared"));
        return Ok(());
    }
    let shown: Vec<&str> = found.iter().map(String::as_str).collect();
    Err(format!("{} differences in {requests} requests:\n{}", found.len(), shown.join("\n")).into())
}

#[expect(clippy::print_stdout, reason = "the count is for the person who runs the test")]
fn note(text: &str) {
    println!("{text}");
}

async fn objects_are_written_and_read_alike(binaries: Binaries) -> Outcome {
    compare(binaries, sequences::all(), After::GoOn).await
}

/// Random writes of three managers to one object; `SKIFF_DIFF_SEEDS=FROM-TO` (TO not included) chooses other and more
/// seeds.
async fn random_writes_leave_equal_objects_and_owners(binaries: Binaries) -> Outcome {
    compare(binaries, random::random(seeds()?), After::NextSequence).await
}

/// What `SKIFF_DIFF_SEEDS` asks for, and a few seeds without it. A text that is no range is an error: whoever asks for a
/// thousand seeds and misspells it would otherwise take a run of a few for them.
fn seeds() -> Result<std::ops::Range<u64>, String> {
    match std::env::var("SKIFF_DIFF_SEEDS") {
        Err(std::env::VarError::NotPresent) => Ok(0..24),
        Err(error) => Err(format!("SKIFF_DIFF_SEEDS: {error}")),
        Ok(text) => range(&text).ok_or_else(|| format!("SKIFF_DIFF_SEEDS={text:?} is not FROM-TO with FROM below TO")),
    }
}

fn range(text: &str) -> Option<std::ops::Range<u64>> {
    let (from, to) = text.split_once('-')?;
    let range = from.parse().ok()?..to.parse().ok()?;
    (!range.is_empty()).then_some(range)
}

fn main() -> std::process::ExitCode {
    harness::run(scenarios![objects_are_written_and_read_alike, random_writes_leave_equal_objects_and_owners])
}
