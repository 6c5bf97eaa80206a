//! A program that is run and watched.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Result;

/// What one run took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) milliseconds: f64,
    /// The most memory that was resident.
    pub(super) peak_mib: f64,
}

/// Runs `program args… dir` again and again. Its peak is read from `/proc` until its output ends.
///
/// # Errors
/// It prints something else than `expected`.
pub(super) fn measure(program: &Path, args: &[&str], dir: &Path, runs: usize, expected: &str) -> Result<Vec<Run>> {
    (0..runs).map(|_| run(program, args, dir, expected)).collect()
}

fn run(program: &Path, args: &[&str], dir: &Path, expected: &str) -> Result<Run> {
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
        // It prints last: what it used until then is nearly all.
        let read = stdout.read(&mut chunk)?;
        peak_kib = crate::usage::of(child.id()).map_or(0, |usage| usage.peak_kib).max(peak_kib);
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
    Ok(Run { milliseconds, peak_mib: f64::from(u32::try_from(peak_kib)?) / 1_024.0 })
}
