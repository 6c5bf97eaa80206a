//! The machine that a figure was measured on.

use serde_json::{Value, json};
use std::fs;

/// Cores, memory, kernel, and how busy it was when this was called.
pub(crate) fn facts() -> Value {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    json!({
        "cores": cores,
        "memoryMiB": memory_kib() / 1024,
        "kernel": read("/proc/sys/kernel/osrelease"),
        "loadAverage": load(),
    })
}

/// The load averages of 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn memory_kib() -> u64 {
    let text = read("/proc/meminfo");
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}
