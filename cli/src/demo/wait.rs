//! Waiting for something to hold: looked at again and again, up to a deadline. Nothing in the demo sleeps blindly.

use super::report::Failure;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long anything may take. Steps take about a second; a machine that is busy otherwise must not fail them.
const LIMIT: Duration = Duration::from_secs(30);
/// How often it is looked at.
const INTERVAL: Duration = Duration::from_millis(20);

/// Waits until `check` gives a value; its failure says what is not so yet, and stands in that of the wait.
pub(super) async fn until<T>(what: &str, check: impl AsyncFnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    until_within(LIMIT, what, check).await
}

async fn until_within<T>(
    limit: Duration,
    what: &str,
    mut check: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + limit;
    let mut last = Failure::new("no answer");
    while let Ok(result) = timeout_at(deadline, check()).await {
        match result {
            Ok(value) => return Ok(value),
            Err(why) => last = why,
        }
        if Instant::now() >= deadline {
            break;
        }
        sleep(INTERVAL).await;
    }
    Err(Failure::new(format!("waited {limit:?} for {what}: {last}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(60);

    #[tokio::test]
    async fn a_failure_says_what_was_waited_for_and_what_was_not_so() {
        let mut looked = 0;
        let held = until("three", async || {
            looked += 1;
            if looked == 3 { Ok("held") } else { Err(Failure::new(format!("{looked}"))) }
        });
        assert_eq!(held.await, Ok("held"));
        let never = until_within(SHORT, "a ship", async || Err::<(), _>(Failure::new("the sea is empty")));
        assert_eq!(never.await, Err(Failure::new("waited 60ms for a ship: the sea is empty")));
        let hanging = until_within(SHORT, "an echo", async || {
            std::future::pending::<()>().await;
            Ok(())
        });
        assert_eq!(hanging.await, Err(Failure::new("waited 60ms for an echo: no answer")));
    }
}
