//! A program that is run and watched.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Result;

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) milliseconds: f64,
    /// The most memory that was resident.
    pub(crate) peak_mib: f64,
}

/// The shortest time and the largest peak of several runs of `program args… dir`.
///
/// # Errors
/// It prints something else than `expected`.
pub(crate) fn best(program: &Path, args: &[&str], dir: &Path, runs: usize, expected: &str) -> Result<Run> {
    let mut best = Run { milliseconds: f64::INFINITY, peak_mib: 0.0 };
    for _ in 0..runs {
        let run = once(program, args, dir, expected)?;
        best.milliseconds = best.milliseconds.min(run.milliseconds);
        best.peak_mib = best.peak_mib.max(run.peak_mib);
    }
    Ok(best)
}

/// The peak is read from `/proc` until the output ends: programs that print at the end have used nearly all by then. Who
/// prints little and ends at once may be missed in a run.
fn once(program: &Path, args: &[&str], dir: &Path, expected: &str) -> Result<Run> {
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdout = child.stdout.take().ok_or("a child without standard output")?;
    let mut output = Vec::with_capacity(expected.len());
    let mut peak_kib = 0;
    let mut chunk = vec![0; 1 << 16];
    loop {
        let read = stdout.read(&mut chunk)?;
        peak_kib = peak(child.id()).unwrap_or(0).max(peak_kib);
        if read == 0 {
            break;
        }
        output.extend_from_slice(&chunk[..read]);
    }
    let status = child.wait()?;
    let milliseconds = start.elapsed().as_secs_f64() * 1_000.0;
    if !status.success() || output != expected.as_bytes() {
        return Err(format!("{} did not print what the library makes ({status})", program.display()).into());
    }
    Ok(Run { milliseconds, peak_mib: f64::from(peak_kib) / 1_024.0 })
}

fn peak(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
