//! What is printed of a run that failed: its number, the command that repeats it, the smallest schedule that still
//! fails, and what happened in it.

use crate::oracle::Violation;
use crate::run::{Settings, run_steps, shrink};
use std::fmt::Write;

/// So many of the last lines of a trace are told where not all are asked for.
const LINES: usize = 40;

/// The text for people; `whole`: with all of the trace of the shrunk run.
pub fn tell(settings: &Settings, violation: &Violation, whole: bool) -> String {
    let Settings { seed, profile, clusters, .. } = settings;
    let mut text = format!("seed {seed} FAILED: {violation}\n");
    let profile = profile.name();
    // A String takes everything.
    let _written = writeln!(
        text,
        "  cargo run --release -p skiff-simulator --example seeds -- --seed {seed} --profile {profile} --clusters {clusters}"
    );
    let steps = shrink(settings, violation.rule);
    let _written = writeln!(text, "  {} of {} steps are enough:", steps.len(), settings.steps().len());
    for step in &steps {
        let _written = writeln!(text, "    {:>7} ms  {:?}", step.at, step.act);
    }
    let shrunk = run_steps(settings, steps, true);
    if let Some(violation) = shrunk.violation {
        let _written = writeln!(text, "  with these: {violation}");
    }
    let left_out = if whole { 0 } else { shrunk.trace.len().saturating_sub(LINES) };
    if left_out > 0 {
        let _written = writeln!(text, "  ({left_out} lines before; --trace shows them)");
    }
    for line in &shrunk.trace[left_out..] {
        let _written = writeln!(text, "  {line}");
    }
    text
}
