//! Which network addresses a repository may be read from.
//!
//! Private ranges are allowed, as people run git servers there. Link-local addresses and the metadata services of the
//! clouds are not: a URL that leads there, by DNS or by a redirect, reads the hub's own cloud credentials.
//! Behind an HTTP proxy (`HTTPS_PROXY`) it is the proxy that resolves names; literal addresses are judged all the same.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whether an address must not be connected to.
pub(crate) fn is_refused(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_refused_v4(v4),
        IpAddr::V6(v6) => is_refused_v6(v6),
    }
}

fn is_refused_v4(v4: Ipv4Addr) -> bool {
    /// Metadata of Alibaba Cloud and Oracle's classic cloud, outside the link-local range.
    const METADATA: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
    v4.is_link_local() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast() || METADATA.contains(&v4)
}

fn is_refused_v6(v6: Ipv6Addr) -> bool {
    /// Metadata of AWS and Google Cloud.
    const METADATA: [Ipv6Addr; 2] =
        [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];
    let segments = v6.segments();
    let embedded = match segments {
        // IPv4-mapped, IPv4-compatible and NAT64 addresses reach the IPv4 address within.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => v4_at(&v6, 12),
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => v4_at(&v6, 12),
        // 6to4
        [0x2002, ..] => v4_at(&v6, 2),
        _ => None,
    };
    v6.is_unicast_link_local()
        || v6.is_unspecified()
        || v6.is_multicast()
        || METADATA.contains(&v6)
        || embedded.is_some_and(is_refused_v4)
}

/// Whether an address belongs to a network that only its neighbours reach: this machine, a private or a shared range.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => {
            let carried = match v6.segments() {
                [0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, ..] => v4_at(&v6, 12),
                [0x2002, ..] => v4_at(&v6, 2),
                _ => None,
            };
            v6.is_loopback() || v6.is_unique_local() || carried.is_some_and(is_private_v4)
        }
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    // 100.64/10 is shared by the customers of a provider, 192.0.0/24 and 198.18/15 are of protocols and of benchmarks.
    let is_special =
        a == 0 || (a == 100 && (64..128).contains(&b)) || [a, b, c] == [192, 0, 0] || (a == 198 && b & 0xfe == 18);
    v4.is_loopback() || v4.is_private() || is_special
}

fn v4_at(v6: &Ipv6Addr, start: usize) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = v6.octets().get(start..start + 4)?.try_into().ok()?;
    Some(Ipv4Addr::from(octets))
}

/// A host resolved to nothing but refused addresses.
#[derive(Debug, thiserror::Error)]
#[error("{host} is at {address}, which is refused")]
pub(crate) struct Refused {
    pub(crate) host: String,
    pub(crate) address: IpAddr,
}

/// Resolves a host and drops what is refused, and with `public_only` the addresses of private networks. The addresses
/// returned are the ones connected to, so that a second answer of the DNS cannot slip in between.
pub(crate) async fn resolve(host: &str, port: u16, public_only: bool) -> Result<Vec<SocketAddr>, std::io::Error> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let all = tokio::net::lookup_host((bare, port)).await?.collect();
    let allowed = without(host, all, is_refused)?;
    if public_only { without(host, allowed, is_private) } else { Ok(allowed) }
}

/// Fails where nothing else is there.
fn without(host: &str, all: Vec<SocketAddr>, is_out: fn(IpAddr) -> bool) -> Result<Vec<SocketAddr>, std::io::Error> {
    let (out, rest): (Vec<SocketAddr>, Vec<SocketAddr>) = all.into_iter().partition(|address| is_out(address.ip()));
    match out.first() {
        Some(address) if rest.is_empty() => {
            Err(std::io::Error::other(Refused { host: host.to_owned(), address: address.ip() }))
        }
        _ => Ok(rest),
    }
}

/// [`resolve`] for reqwest.
#[derive(Debug)]
pub(crate) struct FilteringResolver {
    pub(crate) public_only: bool,
}

impl reqwest::dns::Resolve for FilteringResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let public_only = self.public_only;
        Box::pin(async move {
            let addresses = resolve(name.as_str(), 0, public_only).await?;
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

/// Finds a [`Refused`] in the causes of an error.
pub(crate) fn refusal<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Refused> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Some(refused);
        }
        // An io::Error hides what it wraps from `source`.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
