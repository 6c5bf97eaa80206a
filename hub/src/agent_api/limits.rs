//! Wrong attempts of one address are counted, and then refused for a while. Right ones never are.

use super::Refusal;
use axum::http::StatusCode;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many wrong attempts an address has, and in which time they come back.
const BURST: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);
/// How many addresses are remembered.
const ADDRESSES: usize = 16_384;

#[derive(Debug, Default)]
pub(super) struct Attempts {
    failed: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl Attempts {
    /// Whether the address may try again.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match failed.get(&address) {
            Some((number, since)) if *number >= BURST && since.elapsed() < WINDOW => Err(Refusal::plain(
                StatusCode::TOO_MANY_REQUESTS,
                "too many refused attempts from this address; wait a minute",
            )),
            _ => Ok(()),
        }
    }

    /// An attempt was wrong.
    pub(super) fn failed(&self, address: IpAddr) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() >= ADDRESSES {
            failed.retain(|_, (_, since)| since.elapsed() < WINDOW);
            if failed.len() >= ADDRESSES {
                failed.clear();
            }
        }
        let entry = failed.entry(address).or_insert_with(|| (0, Instant::now()));
        if entry.1.elapsed() >= WINDOW {
            *entry = (0, Instant::now());
        }
        entry.0 += 1;
    }
}
