//! Whether the API server answers at all. Every request tells; the loop reads, and reports to the hub what lasts.
//!
//! Invariant: one answer, whatever it says of its request, ends the trouble.

use crate::api::ApiError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What is over sooner is not told: a connection that broke, an API server that was busy for a moment.
const PASSING: Duration = Duration::from_secs(3);

/// What the requests of one agent have shown.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// Since when nothing is answered, and how the first failure read: the words stay, so that it is told once.
    away: Mutex<Option<(Instant, String)>>,
    changed: Notify,
}

impl Reach {
    /// A request to `path` has ended.
    pub(crate) fn record(&self, path: &str, error: Option<&ApiError>) {
        let mut away = self.lock();
        match error.filter(|error| is_away(path, error)) {
            Some(error) if away.is_none() => *away = Some((Instant::now(), error.to_string())),
            None if away.is_some() => *away = None,
            _ => return,
        }
        drop(away);
        self.changed.notify_one();
    }

    /// Why it cannot be reached, where this lasts.
    pub(crate) fn trouble(&self) -> Option<String> {
        let away = self.lock();
        away.as_ref().filter(|(since, _)| since.elapsed() >= PASSING).map(|(_, why)| why.clone())
    }

    /// When there will be trouble to tell, if nothing is answered until then.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.lock().as_ref().map(|(since, _)| *since + PASSING).filter(|due| *due > Instant::now())
    }

    /// Waits until it goes away or comes back.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No answer, or one of a server that cannot serve. An aggregated API (`/apis/…`) may be down where all else works, and
/// 500 is also what a broken webhook gives.
fn is_away(path: &str, error: &ApiError) -> bool {
    match error.code() {
        None => true,
        Some(429 | 502 | 503 | 504) => path.starts_with("/api/") || path.starts_with("/apis/coordination.k8s.io/"),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> ApiError {
        ApiError::of(code, b"")
    }

    #[tokio::test(start_paused = true)]
    async fn what_lasts_is_told_until_something_is_answered() {
        let refused = || ApiError::Transport("connection refused".into());
        let cases = [
            ("/api/v1/namespaces/a", Some(refused()), true),
            ("/api/v1/namespaces/a", Some(status(503)), true),
            ("/apis/coordination.k8s.io/v1/leases", Some(status(429)), true),
            ("/apis/metrics.k8s.io/v1", Some(status(503)), false),
            ("/api/v1/namespaces/a", Some(status(500)), false),
            ("/api/v1/namespaces/a", Some(status(404)), false),
            ("/api/v1/namespaces/a", None, false),
        ];
        for (path, error, away) in cases {
            let reach = Reach::default();
            reach.record(path, error.as_ref());
            assert_eq!((reach.trouble(), reach.due().is_some()), (None, away), "{path} {error:?}: it may pass");
            tokio::time::advance(PASSING).await;
            assert_eq!(reach.trouble().is_some(), away, "{path} {error:?}");
            let told = reach.trouble();
            reach.record(path, Some(&ApiError::Transport("other words".into())));
            assert!(told.is_none() || reach.trouble() == told, "the same words while it lasts");
            reach.record("/apis/apps/v1", Some(&status(404)));
            assert_eq!((reach.trouble(), reach.due()), (None, None), "any answer ends it");
        }
    }
}
