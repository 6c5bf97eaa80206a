//! What is said to the hub, and when: reports as deltas from what the hub has acknowledged, and polls between them.
//! Called by the loop of the shell and by the simulator; performs nothing itself.
//!
//! Times are durations since the process began, on a clock that only goes forward.
//!
//! Invariant: the sequence of reports rises strictly (R11); a report is sent again until it is acknowledged; a delta is
//! one from the report before it, which is what the hub takes it for.

use fleet_api::names::ClusterUid;
use fleet_api::wire::{Have, PROTOCOL, Report, ReportDelta, SyncRequest, SyncResponse};
use std::time::Duration;

/// How long news is collected while the picture is not complete.
const COLLECT: Duration = Duration::from_millis(1_000);
/// A hub that answers sooner with nothing is asked less often.
const SHORT: Duration = Duration::from_secs(10);
/// How soon a hub that asks for the whole report is asked again, while there is none yet.
const ASKED_FOR: Duration = Duration::from_millis(500);
/// How soon a hub that did not take what it was told is told again: this agent is fenced, or its report is too large.
const UNHEARD: Duration = Duration::from_secs(60);
/// Longer intervals are kept to even where the hub answers before, with nothing.
const HELD: Duration = Duration::from_secs(300);

/// What is known of the conversation with the hub.
#[derive(Debug)]
pub struct Courier {
    cluster: ClusterUid,
    kube_system_uid: String,
    instance: String,
    poll_interval: Duration,
    start: Option<u64>,
    sequence: u64,
    acknowledged: Option<Report>,
    /// The sequence that the hub acknowledged last.
    heard: u64,
    /// What was told last, until it is acknowledged: the hub may know it or not.
    sent: Option<(u64, Report)>,
    current: Option<Report>,
    changed_at: Option<Duration>,
    failures: u32,
    /// When the next request may go out.
    pub next_at: Duration,
    /// When the one that is under way went out, and for how long it may be held open.
    pub under_way: Option<(Duration, u32)>,
}

impl Courier {
    /// For one process; the first request may go out at `now`.
    pub fn new(
        cluster: ClusterUid,
        kube_system_uid: String,
        instance: String,
        poll_interval: Duration,
        now: Duration,
    ) -> Self {
        Self {
            cluster,
            kube_system_uid,
            instance,
            poll_interval,
            start: None,
            sequence: 0,
            acknowledged: None,
            heard: 0,
            sent: None,
            current: None,
            changed_at: None,
            failures: 0,
            next_at: now,
            under_way: None,
        }
    }

    /// The state to be told.
    pub fn report(&mut self, report: Report, now: Duration) {
        if self.current.as_ref() != Some(&report) {
            self.current = Some(report);
            self.changed_at.get_or_insert(now);
        }
    }

    fn has_news(&self) -> bool {
        let is_new = self.sent.is_some() || self.current != self.acknowledged;
        self.start.is_some() && self.current.is_some() && is_new
    }

    /// When there is news to be told, if there is.
    pub fn news_at(&self, settled: bool) -> Option<Duration> {
        let at = self.changed_at.filter(|_| self.has_news())?;
        Some(if settled { at } else { at + COLLECT })
    }

    /// Whether a poll that is held open stands in the way of news.
    pub fn interrupts(&self, settled: bool, now: Duration) -> bool {
        let is_poll = self.under_way.is_some_and(|(_, wait)| wait > 0);
        is_poll && now >= self.next_at && self.news_at(settled).is_some_and(|at| at <= now)
    }

    /// The next request.
    pub fn request(&mut self, have: Option<Have>, settled: bool, now: Duration) -> SyncRequest {
        let tells = self.news_at(settled).is_some_and(|at| at <= now);
        let report = if tells { self.delta() } else { None };
        // The first request is answered at once: it brings the start counter and what is new.
        let wait = if report.is_some() || self.start.is_none() { 0 } else { self.wait_seconds(settled, now) };
        self.under_way = Some((now, wait));
        SyncRequest {
            protocol: PROTOCOL,
            cluster: self.cluster.clone(),
            kube_system_uid: self.kube_system_uid.clone(),
            start: self.start,
            instance: self.instance.clone(),
            have,
            report,
            wait,
        }
    }

    fn wait_seconds(&self, settled: bool, now: Duration) -> u32 {
        let until_news = self.news_at(settled).map(|at| at.saturating_sub(now));
        let wait = until_news.map_or(self.poll_interval, |until| until.min(self.poll_interval));
        // A poll that is not held open would be answered, and asked again, as fast as the hub can; news interrupts it.
        u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1)
    }

    fn delta(&mut self) -> Option<ReportDelta> {
        let current = self.current.clone()?;
        self.sequence += 1;
        self.changed_at = None;
        // A report whose answer was lost may have been taken, and then this one builds on it; where it was not, the hub
        // misses one, and asks for all.
        let sent = self.sent.as_ref().map(|(_, report)| report);
        let before = self.acknowledged.as_ref().map(|acknowledged| sent.unwrap_or(acknowledged));
        let delta = current.told_after(before, self.sequence);
        self.sent = Some((self.sequence, current));
        Some(delta)
    }

    /// The request that was under way is dropped; what it told is told again.
    pub fn dropped(&mut self) {
        self.under_way = None;
    }

    /// The hub has answered.
    pub fn answered(&mut self, response: &SyncResponse, now: Duration) {
        let (sent_at, wait) = self.under_way.take().unwrap_or((now, 0));
        self.failures = 0;
        self.start = Some(response.start);
        // A hub that was put back to before a report has forgotten it, and nothing else tells: its desired state may be the
        // very one that this agent has.
        let forgot = !response.fenced && response.acknowledged < self.heard;
        if !response.fenced {
            self.heard = response.acknowledged;
        }
        if response.resend || forgot {
            self.acknowledged = None;
        } else if let Some((_, report)) = self.sent.take_if(|(sequence, _)| *sequence <= response.acknowledged) {
            self.acknowledged = Some(report);
        }
        if self.has_news() {
            self.changed_at.get_or_insert(now);
        }
        let held = now.saturating_sub(sent_at);
        let is_empty = wait > 0 && response.desired.is_none();
        let is_unheard = wait == 0 && self.sent.is_some() && !response.resend;
        self.next_at = if response.fenced || is_unheard {
            // What was told is not taken. Told again at once, it would be told as fast as the hub can refuse it.
            now + self.poll_interval.min(UNHEARD)
        } else if is_empty && response.resend {
            // It waits for the whole report, which comes as soon as that is complete.
            now + ASKED_FOR
        } else if is_empty && held + SHORT < self.poll_interval && self.poll_interval > HELD {
            // The hub does not hold requests that long, and traffic counts.
            sent_at + self.poll_interval
        } else if is_empty && held < SHORT.min(self.poll_interval) {
            sent_at + self.poll_interval.min(Duration::from_secs(60))
        } else {
            now
        };
    }

    /// The hub has not answered, or has said no.
    pub fn failed(&mut self, refused: bool, now: Duration) {
        self.under_way = None;
        if self.has_news() {
            self.changed_at.get_or_insert(now);
        }
        self.failures = self.failures.saturating_add(1);
        let seconds = if refused { 300 } else { 1_u64 << self.failures.min(6) };
        // A fleet does not come back in one instant: the instance's name spreads it.
        let spread = self.instance.bytes().fold(0_u64, |sum, byte| sum * 31 % 997 + u64::from(byte)) % 500;
        let pause = Duration::from_millis(seconds * (500 + spread));
        self.next_at = now + pause.min(self.poll_interval.max(Duration::from_secs(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_api::wire::Version;
    use std::collections::BTreeMap;

    fn courier(now: Duration) -> Courier {
        Courier::new("c".parse().unwrap(), "k".into(), "i".into(), Duration::from_secs(300), now)
    }

    fn answer(acknowledged: u64) -> SyncResponse {
        SyncResponse { protocol: 1, start: 7, fenced: false, desired: None, acknowledged, resend: false }
    }

    fn report(generation: u64) -> Report {
        Report { version: Version { epoch: 1, generation }, ..Report::default() }
    }

    #[test]
    fn a_report_is_told_until_it_is_acknowledged_and_then_not_again() {
        let now = Duration::from_secs(1);
        let mut courier = courier(now);
        courier.report(report(1), now);
        let first = courier.request(None, true, now);
        assert!(
            first.start.is_none() && first.report.is_none() && first.wait == 0,
            "the first one asks for the counter"
        );
        courier.answered(&answer(0), now);
        let told = courier.request(None, true, now);
        assert_eq!(
            (told.start, told.wait, told.report.map(|delta| (delta.sequence, delta.full))),
            (Some(7), 0, Some((1, true)))
        );
        courier.failed(false, now);
        let again = courier.request(None, true, now);
        assert_eq!(again.report.map(|delta| delta.sequence), Some(2));
        courier.answered(&answer(2), now);
        let poll = courier.request(None, true, now);
        assert_eq!((poll.report, poll.wait), (None, 300));
        assert!(!courier.interrupts(true, now));
        courier.report(report(2), now);
        assert!(courier.interrupts(true, now) && !courier.interrupts(false, now));
        courier.dropped();
        let delta = courier.request(None, true, now).report.unwrap();
        assert!(!delta.full);
        courier.answered(&SyncResponse { resend: true, ..answer(2) }, now);
        assert!(courier.request(None, true, now).report.unwrap().full);
    }

    /// Found by the simulator (seed 101920).
    #[test]
    fn what_is_as_it_was_before_a_report_whose_answer_was_lost_is_told_again() {
        let now = Duration::from_secs(1);
        let bundle = fleet_api::names::Ref::new("a", "b").unwrap();
        let of = |objects| {
            let said = serde_json::json!({"applied": true, "ready": true, "unmodified": true, "objects": objects,
                "readyObjects": objects});
            let said = serde_json::from_value(said).unwrap();
            Report { deployments: BTreeMap::from([(bundle.clone(), said)]), ..report(1) }
        };
        let mut courier = courier(now);
        let mut hub = Report::default();
        let mut tell = |courier: &mut Courier, is_taken: bool| {
            let delta = courier.request(None, true, now).report.expect("there is news");
            let sequence = delta.sequence;
            if is_taken {
                hub.apply(delta);
            }
            (sequence, hub.clone())
        };
        courier.request(None, true, now);
        courier.answered(&answer(0), now);
        courier.report(of(1), now);
        let (sequence, _) = tell(&mut courier, true);
        courier.answered(&answer(sequence), now);
        courier.report(of(2), now);
        assert_eq!(tell(&mut courier, true).1, of(2));
        courier.failed(false, now);
        courier.report(of(1), now);
        tell(&mut courier, false);
        courier.failed(false, now);
        // The hub misses that one, and asks for all.
        let (sequence, _) = tell(&mut courier, false);
        courier.answered(&SyncResponse { resend: true, ..answer(sequence - 2) }, now);
        let (sequence, known) = tell(&mut courier, true);
        assert_eq!(known, of(1));
        courier.answered(&answer(sequence), now);
        assert_eq!(courier.request(None, true, now).report, None);

        courier.report(of(2), now);
        tell(&mut courier, true);
        courier.failed(false, now);
        courier.report(of(1), now);
        assert_eq!(tell(&mut courier, true).1, of(1), "one from the report before it");
    }

    #[test]
    fn a_hub_that_was_put_back_to_before_a_report_is_told_all_of_it_again() {
        let now = Duration::from_secs(1);
        let mut courier = courier(now);
        courier.request(None, true, now);
        courier.answered(&answer(0), now);
        for sequence in [1, 2] {
            courier.report(report(sequence), now);
            assert!(courier.request(None, true, now).report.is_some());
            courier.answered(&answer(sequence), now);
        }
        courier.request(None, true, now);
        courier.answered(&SyncResponse { fenced: true, ..answer(0) }, now);
        assert_eq!(courier.request(None, true, now).report, None, "who is fenced tells nothing new");
        courier.answered(&answer(1), now);
        let again = courier.request(None, true, now).report.unwrap();
        assert_eq!((again.sequence, again.full), (3, true));
        courier.answered(&answer(3), now);
        assert_eq!(courier.request(None, true, now).report, None);
    }

    #[test]
    fn a_poll_is_held_open_also_while_news_is_gathered() {
        let now = Duration::from_secs(1);
        let mut courier = courier(now);
        courier.request(None, false, now);
        courier.answered(&answer(0), now);
        courier.report(report(1), now);
        let poll = courier.request(None, false, now);
        assert!(poll.report.is_none() && poll.wait > 0, "it would be asked again at once: {poll:?}");
    }

    #[test]
    fn a_hub_that_asks_for_the_whole_report_gets_it_soon() {
        let now = Duration::from_secs(1);
        let mut courier = courier(now);
        courier.request(None, false, now);
        courier.answered(&SyncResponse { resend: true, ..answer(0) }, now);
        courier.request(None, false, now);
        courier.answered(&SyncResponse { resend: true, ..answer(0) }, now);
        assert!(courier.next_at > now, "it is not asked without end");
        assert!(courier.next_at <= now + Duration::from_secs(1), "it is not taken for a hub that holds no polls");
    }

    #[test]
    fn a_hub_that_does_not_take_a_report_is_not_told_without_end() {
        for fenced in [true, false] {
            let now = Duration::from_secs(1);
            let mut courier = courier(now);
            courier.request(None, true, now);
            courier.answered(&answer(0), now);
            courier.report(report(1), now);
            assert!(courier.request(None, true, now).report.is_some());
            courier.answered(&SyncResponse { fenced, ..answer(0) }, now);
            assert!(courier.next_at >= now + Duration::from_secs(10), "fenced {fenced}: {:?}", courier.next_at);
        }
    }
}
