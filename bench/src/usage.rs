//! What a process uses, from `/proc`.

use crate::Result;
use std::fs;

/// `USER_HZ`, in which `/proc/<pid>/stat` counts; 100 on every architecture that Linux runs on today.
const TICKS: f64 = 100.0;

/// CPU time and memory of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// User and system time of all its threads since it began, in seconds (in steps of 10 ms).
    pub(crate) cpu_seconds: f64,
    /// Resident memory now, in KiB.
    pub(crate) rss_kib: u64,
    /// The most that was resident, in KiB, since it began or since [`reset_peak`].
    pub(crate) peak_kib: u64,
}

/// What the process uses now.
pub(crate) fn of(pid: u32) -> Result<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(Usage {
        cpu_seconds: cpu(&stat).ok_or("/proc/<pid>/stat cannot be read")?,
        rss_kib: kib(&status, "VmRSS:"),
        peak_kib: kib(&status, "VmHWM:"),
    })
}

/// Begins to look for the peak anew.
pub(crate) fn reset_peak(pid: u32) -> Result<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// The command in parentheses may hold anything; the fields after it are numbered from 3.
fn cpu(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field - 3)?.parse::<u32>().ok().map(f64::from);
    Some((ticks(14)? + ticks(15)?) / TICKS)
}

fn kib(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_spaces_and_parentheses_moves_no_field() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 9 0 0 0 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu(stat), Some(3.0));
        assert_eq!(kib("VmHWM:\t    1024 kB\nVmRSS:\t 512 kB\n", "VmRSS:"), 512);
    }
}
