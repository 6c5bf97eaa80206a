//! Benchmarks: programs that print figures as JSON.
