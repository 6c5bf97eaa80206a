//! Many worlds at the same time: most of their time they wait.

use std::sync::Mutex;
use std::time::Instant;

/// How many are under way at once.
const AT_ONCE: usize = 6;

/// Runs each case on a thread and a runtime of its own, so that a panic is its failure alone; the names of those that
/// failed.
pub(crate) fn run<C, F>(cases: Vec<(String, C)>, each: impl Fn(C) -> F + Sync) -> Vec<String>
where
    C: Send,
    F: Future<Output = ()>,
{
    let (queue, failed) = (Mutex::new(cases.into_iter().rev().collect::<Vec<_>>()), Mutex::new(Vec::new()));
    let one = |case: C| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(each(case));
    };
    let worker = || {
        while let Some((name, case)) = { queue.lock().unwrap().pop() } {
            let begun = Instant::now();
            let passes = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| one(case))).is_ok();
            println!("{name:<60} {} ({:.1} s)", if passes { "ok" } else { "FAILED" }, begun.elapsed().as_secs_f32());
            if !passes {
                failed.lock().unwrap().push(name);
            }
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(worker))));
    failed.into_inner().unwrap()
}
