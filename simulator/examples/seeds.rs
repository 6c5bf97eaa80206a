//! Runs seeds: `cargo run --release -p skiff-simulator --example seeds -- [--from N] [--count N] [--clusters N]
//! [--profile NAME] [--threads N] [--seed N [--trace]]`. A seed that fails is shrunk and printed.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use skiff_simulator::{Profile, Settings, run, run_steps, tell};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A sixth of the time of a seed is the memory of small values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Arguments {
    from: u64,
    count: u64,
    clusters: usize,
    profile: Option<Profile>,
    threads: usize,
    seed: Option<u64>,
    trace: bool,
    shrink: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut out = Arguments {
        from: 0,
        count: 1000,
        clusters: 10,
        profile: None,
        threads: 2,
        seed: None,
        trace: false,
        shrink: true,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--trace" {
            out.trace = true;
            continue;
        }
        if word == "--no-shrink" {
            out.shrink = false;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{word} {value}: {error}"));
        let size = || value.parse::<usize>().map_err(|error| format!("{word} {value}: {error}"));
        match word.as_str() {
            "--from" => out.from = number()?,
            "--count" => out.count = number()?,
            "--seed" => out.seed = Some(number()?),
            "--clusters" => out.clusters = size()?,
            "--threads" => out.threads = size()?,
            "--profile" => {
                let known = Profile::ALL.into_iter().find(|profile| profile.name() == value);
                out.profile = Some(known.ok_or_else(|| format!("no profile `{value}`"))?);
            }
            _ => return Err(format!("{word} is not known")),
        }
    }
    Ok(out)
}

fn settings(arguments: &Arguments, seed: u64) -> Settings {
    let by_seed = Profile::ALL[usize::try_from(seed % 8).unwrap_or(0)];
    Settings::new(seed, arguments.profile.unwrap_or(by_seed), arguments.clusters)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(why) => {
            println!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let (from, count) = arguments.seed.map_or((arguments.from, arguments.count), |seed| (seed, 1));
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let totals = Mutex::new((0_u64, 0_u64, 0_u64, 0_u64, 0_u64));
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.min(usize::try_from(count).unwrap_or(1)) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let settings = settings(&arguments, from + number);
                    let outcome = run(&settings);
                    if let Some(violation) = &outcome.violation {
                        if arguments.shrink {
                            println!("{}", tell(&settings, violation, arguments.trace));
                        } else {
                            println!("seed {} ({}) FAILED: {violation}", settings.seed, settings.profile.name());
                            if arguments.trace {
                                let again = run_steps(&settings, settings.steps(), true);
                                again.trace.iter().for_each(|line| println!("  {line}"));
                            }
                        }
                    }
                    if let Ok(mut totals) = totals.lock() {
                        totals.0 += u64::from(outcome.violation.is_some());
                        totals.1 += outcome.events;
                        totals.2 += outcome.deletions;
                        totals.3 += outcome.applies;
                        totals.4 = totals.4.max(outcome.recovery);
                    }
                }
            });
        }
    });
    let (failed, events, deletions, applies, recovery) =
        totals.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = count as f64 / seconds;
    println!(
        "{count} seeds x {} clusters in {seconds:.1} s: {rate:.1} seeds/s; {events} events, {applies} applies, {deletions} \
         deletions; all right again after at most {} s; {failed} failed",
        arguments.clusters,
        recovery / 1000
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
