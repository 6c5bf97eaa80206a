//! Free loopback ports, chosen so that several test programs beside each other rarely meet.
//!
//! [`crate::ControlPlane`] asks once for each listener. etcd and kube-apiserver cannot hand back a port that the system
//! chose, so a port is picked, tried and let go again; below the ephemeral range, because outgoing connections of
//! other tests would take it in the meantime.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Error, Result};

const FROM: u16 = 12_000;
const TO: u16 = 31_999;

/// A port on 127.0.0.1 that nothing listens on, and that this program was not given before.
///
/// # Errors
/// Where all of them are taken.
pub fn free() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let span = u32::from(TO - FROM) + 1;
    for _ in 0..span {
        // Programs start far from each other (a prime step by process id) and go on one by one.
        let offset = process::id().wrapping_mul(7919).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % span;
        let port = FROM + u16::try_from(offset).unwrap_or(0);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::NoPort { from: FROM, to: TO })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once() {
        let mut ports: Vec<u16> = (0..50).map(|_| free().unwrap()).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 50);
    }
}
