//! What is broken, endless or huge, in a chart, its values or its templates: an error that says where, or a text; never a
//! panic, and never more time or memory than the caps allow, each of which is named in its error.
//!
//! A program of its own, for its allocator counts. One case after the other on one thread, so that what is counted is the
//! case's. `SKIFF_MALFORMED=NAME cargo test -p helm-rs --test malformed` repeats the cases with that in their names.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests, which read fixtures and build packages")]

mod archives;
mod case;
mod charts;
mod meter;
mod mutation;
mod templates;
mod values;

use case::{Case, Want};
use meter::Meter;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What one case may take: without optimisation the code is some twenty times slower.
const CPU_SECONDS: f64 = if cfg!(debug_assertions) { 20.0 } else { 1.5 };

/// How many bytes of heap one case may hold at once.
const BYTES: usize = 200 << 20;

/// What is wrong with what came of a case.
fn faults(case: &Case) -> Vec<String> {
    let meter = Meter::start(&MEMORY);
    let outcome = case.run();
    let (seconds, bytes) = meter.stop();
    let mut faults = Vec::new();
    match (outcome, &case.want) {
        (Err(panic), _) => faults.push(format!("panic: {panic}")),
        (Ok(Ok(_)), Want::Any(_)) => {}
        (Ok(Ok(text)), Want::Text(least)) if text.len() >= *least => {}
        (Ok(Ok(text)), _) => faults.push(format!("no error, but {} bytes", text.len())),
        (Ok(Err(error)), want) => {
            faults.extend(want.missing(&error).map(|missing| format!("no {missing:?} in: {error}")));
        }
    }
    if seconds > CPU_SECONDS {
        faults.push(format!("{seconds:.1} s of a processor"));
    }
    if bytes > BYTES {
        faults.push(format!("{} MiB of memory", bytes >> 20));
    }
    faults
}

#[test]
fn what_is_malformed_is_an_error_that_says_where_within_the_caps() {
    let wanted = std::env::var("SKIFF_MALFORMED").unwrap_or_default();
    let sources = [templates::cases(), values::cases(), charts::cases(), archives::cases(), mutation::cases()];
    let cases: Vec<Case> = sources.into_iter().flatten().filter(|case| case.name.contains(&wanted)).collect();
    let wrong: Vec<String> =
        cases.iter().flat_map(|case| faults(case).into_iter().map(|fault| format!("{}: {fault}", case.name))).collect();
    assert!(wrong.is_empty(), "{} faults in {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    let errors = cases.iter().filter(|case| matches!(case.want, Want::Error(_))).count();
    assert!(
        !wanted.is_empty() || (errors >= 200 && cases.len() >= 1_000),
        "only {errors} errors in {} cases",
        cases.len()
    );
}
