//! The harness of the test targets of tier 4 (`harness = false`).
//!
//! Test targets call [`run`] from `main`. It understands the arguments that `cargo test` and `cargo nextest` pass,
//! prints what libtest prints, so that tools count the tests, and adds what libtest cannot: a scenario that has no
//! control plane to run on is *ignored* with the reason, or fails where `SKIFF_TIER4=require`.
//!
//! What it keeps: scenarios run one after the other (each starts processes of its own), none runs for ever, and a panic
//! is the failure of its scenario alone.

use std::error::Error;
use std::io::Write as _;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::binaries::{Binaries, REQUIRE, required};

/// What a scenario answers: any error fails it, and so does a panic.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// A scenario once it is started.
pub type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A name and the function that starts it; made by [`crate::scenarios!`].
pub type Scenario = (&'static str, fn(Binaries) -> Running);

/// How long a scenario may take, in seconds, unless `SKIFF_TIER4_TIMEOUT` says otherwise.
const TIMEOUT_SECONDS: u64 = 600;

/// The scenarios of a test target: `scenarios![one, another]`, each an
/// `async fn(Binaries) -> skiff_controlplane::harness::Outcome`.
#[macro_export]
macro_rules! scenarios {
    ($($scenario:path),* $(,)?) => {
        &[$((stringify!($scenario), (|binaries| ::std::boxed::Box::pin($scenario(binaries)))
            as fn($crate::Binaries) -> $crate::harness::Running)),*]
    };
}

/// What the command line asks for; options that make no difference here are understood and dropped.
#[derive(Debug, Default, PartialEq, Eq)]
struct Arguments {
    filters: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    list: bool,
    ignored_only: bool,
}

impl Arguments {
    fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (word, None),
            };
            let mut value = || inline.clone().or_else(|| words.next()).ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--list" => parsed.list = true,
                "--exact" => parsed.exact = true,
                "--ignored" => parsed.ignored_only = true,
                "--skip" => parsed.skip.push(value()?),
                "--test-threads" | "--color" | "--format" | "--logfile" | "-Z" => drop(value()?),
                "--nocapture" | "--no-capture" | "--show-output" | "--include-ignored" | "-q" | "--quiet" => {}
                other if other.starts_with('-') => return Err(format!("{other} is not understood by this harness")),
                _ => parsed.filters.push(name),
            }
        }
        Ok(parsed)
    }

    fn selects(&self, name: &str) -> bool {
        let matches = |filter: &String| if self.exact { name == filter } else { name.contains(filter.as_str()) };
        // Nothing is marked as ignored in the source, so `--ignored` alone selects nothing.
        !self.ignored_only
            && (self.filters.is_empty() || self.filters.iter().any(matches))
            && !self.skip.iter().any(matches)
    }
}

#[derive(Debug)]
enum Verdict {
    Passed,
    Failed(String),
    Ignored(String),
}

/// Runs the scenarios that the command line selects and says how they went; give the result back from `main`.
#[must_use]
pub fn run(scenarios: &[Scenario]) -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) if arguments.list => list(scenarios, &arguments),
        Ok(arguments) => run_selected(scenarios, &arguments),
        Err(message) => {
            say(&format!("error: {message}"));
            ExitCode::from(2)
        }
    }
}

fn list(scenarios: &[Scenario], arguments: &Arguments) -> ExitCode {
    for (name, _) in scenarios.iter().filter(|(name, _)| arguments.selects(name)) {
        say(&format!("{name}: test"));
    }
    ExitCode::SUCCESS
}

fn run_selected(scenarios: &[Scenario], arguments: &Arguments) -> ExitCode {
    let started = Instant::now();
    let selected: Vec<&Scenario> = scenarios.iter().filter(|(name, _)| arguments.selects(name)).collect();
    say(&format!("\nrunning {} test{}", selected.len(), if selected.len() == 1 { "" } else { "s" }));
    let binaries = Binaries::find().map_err(|missing| missing.to_string());
    let (mut passed, mut ignored, mut failures) = (0, 0, Vec::new());
    for (name, scenario) in &selected {
        let begun = Instant::now();
        let verdict = match &binaries {
            Ok(binaries) => perform(*scenario, binaries.clone()),
            Err(why) if required() => Verdict::Failed(format!("{REQUIRE}=require, but there is {why}")),
            Err(why) => Verdict::Ignored(why.clone()),
        };
        let seconds = begun.elapsed().as_secs_f32();
        match verdict {
            Verdict::Passed => {
                passed += 1;
                say(&format!("test {name} ... ok ({seconds:.1} s)"));
            }
            Verdict::Failed(why) => {
                say(&format!("test {name} ... FAILED ({seconds:.1} s)"));
                failures.push((name, why));
            }
            Verdict::Ignored(why) => {
                ignored += 1;
                say(&format!("test {name} ... ignored\ntier 4: SKIPPED {name}: {why}"));
            }
        }
    }
    tell_failures(&failures);
    let filtered = scenarios.len() - selected.len();
    let (word, failed) = (if failures.is_empty() { "ok" } else { "FAILED" }, failures.len());
    say(&format!(
        "\ntest result: {word}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; {filtered} filtered \
         out; finished in {:.2}s\n",
        started.elapsed().as_secs_f32()
    ));
    // libtest's own exit status for failed tests.
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn tell_failures(failures: &[(&&'static str, String)]) {
    if failures.is_empty() {
        return;
    }
    say("\nfailures:\n");
    for (name, why) in failures {
        say(&format!("---- {name} ----\n{why}\n"));
    }
    say("failures:");
    for (name, _) in failures {
        say(&format!("    {name}"));
    }
}

/// One scenario on a thread and a runtime of its own, so that a panic or a task that hangs stays with it.
fn perform(scenario: fn(Binaries) -> Running, binaries: Binaries) -> Verdict {
    let seconds = std::env::var("SKIFF_TIER4_TIMEOUT").ok().and_then(|text| text.parse().ok());
    let limit = Duration::from_secs(seconds.unwrap_or(TIMEOUT_SECONDS));
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
        let outcome = runtime.block_on(async { tokio::time::timeout(limit, scenario(binaries)).await });
        runtime.shutdown_timeout(Duration::from_secs(5));
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(chain(error.as_ref())),
            Err(_) => Err(format!("it did not end within {} s (SKIFF_TIER4_TIMEOUT)", limit.as_secs())),
        }
    });
    match thread.join() {
        Ok(Ok(())) => Verdict::Passed,
        Ok(Err(why)) => Verdict::Failed(why),
        Err(panic) => Verdict::Failed(panic_text(panic.as_ref())),
    }
}

/// An error and what caused it; a cause that its error already tells is not told again.
fn chain(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !told.contains(&text) {
            told = format!("{told}\n  caused by: {text}");
        }
        source = cause.source();
    }
    told
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("with something that is no text"))
}

/// A line on standard output; a reader that went away is no reason to fail.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> Arguments {
        Arguments::parse(words.iter().map(|word| (*word).to_owned())).unwrap()
    }

    #[test]
    fn names_are_selected_as_libtest_selects_them() {
        let cases: [(&[&str], bool); 8] = [
            (&[], true),
            (&["drift"], true),
            (&["rollout", "drift"], true),
            (&["rollout"], false),
            (&["drift", "--exact"], false),
            (&["--skip=repaired"], false),
            (&["--test-threads", "1", "--nocapture", "drift_is_repaired", "--exact"], true),
            (&["--ignored"], false),
        ];
        for (words, selected) in cases {
            assert_eq!(arguments(words).selects("drift_is_repaired"), selected, "{words:?}");
        }
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(Arguments::parse(["--shuffle".to_owned()]).unwrap_err().contains("--shuffle"));
    }

    async fn passes(_: Binaries) -> Outcome {
        Ok(())
    }

    async fn fails(_: Binaries) -> Outcome {
        Err("the reason".into())
    }

    async fn panics(_: Binaries) -> Outcome {
        panic!("the {}", "panic")
    }

    #[test]
    fn an_error_and_a_panic_fail_their_scenario_alone() {
        let nowhere = Binaries {
            etcd: "etcd".into(),
            kube_apiserver: "kube-apiserver".into(),
            kube_controller_manager: None,
            kubectl: None,
        };
        let scenarios: &[Scenario] = scenarios![passes, fails, panics];
        let told: Vec<String> =
            scenarios.iter().map(|(_, scenario)| format!("{:?}", perform(*scenario, nowhere.clone()))).collect();
        assert_eq!(told, ["Passed", r#"Failed("the reason")"#, r#"Failed("panicked: the panic")"#]);
    }
}
