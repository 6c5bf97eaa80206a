//! Benchmarks: programs that print figures as JSON.

fn main() {}
