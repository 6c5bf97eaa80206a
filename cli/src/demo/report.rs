//! How the steps are shown: a live table on a terminal, a line each otherwise, lines of JSON with `--headless`.
//!
//! Invariant: every step is told of exactly once when it is over; what is told goes to stdout, except on a terminal,
//! where the table is drawn on stderr.

use crate::error::CliError;
use crate::output::{Output, escape};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::Duration;

/// Why a step did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure(String);

impl Failure {
    /// What was tried, and what came of it.
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What came of a step.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Outcome {
    step: &'static str,
    ok: bool,
    seconds: f64,
    note: String,
}

impl Outcome {
    /// Of a step that took so long.
    pub(super) fn new(step: &'static str, took: Duration, result: Result<String, Failure>) -> Self {
        let (ok, note) = match result {
            Ok(note) => (true, note),
            Err(failure) => (false, failure.to_string()),
        };
        // A line for people: milliseconds are enough.
        let seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        Self { step, ok, seconds, note }
    }

    /// Whether it held.
    pub(super) fn holds(&self) -> bool {
        self.ok
    }

    fn line(&self) -> String {
        let mark = if self.ok { "✓" } else { "✗" };
        format!("{mark} {:<9} {:>6.2} s  {}", self.step, self.seconds, self.note)
    }
}

/// Where a step says what it does at the moment. Heard on a terminal only.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Says it.
    pub(super) fn say(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(escape(what));
        }
    }
}

/// The table of the clusters below that of the steps; its rows are replaced as they change.
#[derive(Clone, Debug)]
pub(super) struct ClusterTable {
    rows: Vec<ProgressBar>,
}

impl ClusterTable {
    /// Shows rows of name, environment, ready Deployments, state and message.
    pub(super) fn show(&self, rows: &[[String; 5]]) {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["CLUSTER", "ENV", "READY", "STATE", ""]);
        for row in rows {
            table.add_row(row.iter().map(|cell| escape(cell)));
        }
        for (bar, line) in self.rows.iter().zip(table.lines()) {
            let line = line.trim_end();
            // Every new message draws all of it again.
            if bar.message() != line {
                bar.set_message(line.to_owned());
            }
        }
    }
}

enum Style {
    Json,
    Plain,
    Live { all: MultiProgress, steps: Vec<(&'static str, ProgressBar)>, clusters: ClusterTable },
}

/// The steps as they are shown.
pub(super) struct Report<'a> {
    output: &'a mut Output,
    style: Style,
}

impl<'a> Report<'a> {
    /// For `steps`, their names and titles, over so many clusters.
    pub(super) fn new(
        output: &'a mut Output,
        headless: bool,
        steps: &[(&'static str, &'static str)],
        clusters: usize,
    ) -> Self {
        let style = match (headless, std::io::stderr().is_terminal()) {
            (true, _) => Style::Json,
            (false, false) => Style::Plain,
            (false, true) => live(steps, clusters),
        };
        Self { output, style }
    }

    /// A line for people, above the table where there is one.
    pub(super) fn say(&mut self, text: &str) {
        if let Style::Live { all, .. } = &self.style {
            for line in text.lines() {
                // A terminal that is gone is no failure.
                let _gone = all.println(escape(line));
            }
        } else {
            self.output.note(text);
        }
    }

    /// The table of the clusters, on a terminal.
    pub(super) fn clusters(&self) -> Option<ClusterTable> {
        match &self.style {
            Style::Live { clusters, .. } => Some(clusters.clone()),
            Style::Json | Style::Plain => None,
        }
    }

    /// A step begins.
    pub(super) fn begin(&self, step: &str) -> Progress {
        let Style::Live { steps, .. } = &self.style else { return Progress::default() };
        let bar = steps.iter().find(|(name, _)| *name == step).map(|(_, bar)| bar.clone());
        if let Some(bar) = &bar {
            bar.set_style(style("{spinner} {prefix:9} {elapsed:>8}  {wide_msg}"));
            bar.reset_elapsed();
            bar.enable_steady_tick(Duration::from_millis(80));
        }
        Progress { bar }
    }

    /// A step is over.
    pub(super) fn end(&mut self, outcome: &Outcome) -> Result<(), CliError> {
        match &self.style {
            Style::Json => {
                let line = serde_json::to_string(outcome).map_err(std::io::Error::from)?;
                self.output.raw(&format!("{line}\n"))?;
                self.output.finish()
            }
            Style::Plain => {
                self.output.line(&outcome.line())?;
                self.output.finish()
            }
            Style::Live { steps, .. } => {
                if let Some((_, bar)) = steps.iter().find(|(name, _)| *name == outcome.step) {
                    bar.set_style(style("{wide_msg}"));
                    bar.finish_with_message(escape(&outcome.line()));
                }
                Ok(())
            }
        }
    }

    /// Leaves the tables on the terminal as they are.
    pub(super) fn finish(&self) {
        if let Style::Live { steps, clusters, .. } = &self.style {
            steps.iter().map(|(_, bar)| bar).chain(&clusters.rows).for_each(ProgressBar::abandon);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn live(steps: &[(&'static str, &'static str)], clusters: usize) -> Style {
    let all = MultiProgress::new();
    let line = |text: &str| {
        let bar = all.add(ProgressBar::new_spinner().with_style(style("{wide_msg}")));
        bar.set_message(text.to_owned());
        bar
    };
    let steps = steps.iter().map(|(name, title)| {
        let bar = line(&format!("· {name:<9}           {title}"));
        bar.set_prefix(*name);
        (*name, bar)
    });
    let steps = steps.collect();
    // A blank line and the header come before the clusters.
    line(" ").tick();
    let rows = (0..=clusters).map(|_| line(" ")).collect();
    Style::Live { all, steps, clusters: ClusterTable { rows } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex, PoisonError};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn headless_steps_are_one_line_of_json_each_on_stdout() {
        let (data, notes) = (Sink::default(), Sink::default());
        let mut output = Output::new(Box::new(data.clone()), Box::new(notes.clone()));
        let mut report = Report::new(&mut output, true, &[("rollout", "")], 1);
        report.say("look here");
        report.end(&Outcome::new("rollout", Duration::from_micros(1_234_567), Ok("all \"well\"".into()))).unwrap();
        report.end(&Outcome::new("commit", Duration::ZERO, Err(Failure::new("waited 9 s for x:\nno")))).unwrap();
        let text = String::from_utf8(data.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            "{\"step\":\"rollout\",\"ok\":true,\"seconds\":1.235,\"note\":\"all \\\"well\\\"\"}\n\
             {\"step\":\"commit\",\"ok\":false,\"seconds\":0.0,\"note\":\"waited 9 s for x:\\nno\"}\n"
        );
        assert_eq!(String::from_utf8(notes.0.lock().unwrap().clone()).unwrap(), "look here\n");
    }
}
