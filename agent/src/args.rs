//! What the operator says on the command line or in the environment.

use clap::Parser;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The agent of one cluster: pulls what the hub means for it, applies it, keeps it so, and says how it is.
#[derive(Clone, Debug, Parser)]
#[command(name = "skiff-agent", version, about)]
pub struct Args {
    /// File with the enrollment token (`skiff token create`); read at the first start only.
    #[arg(long, env = "SKIFF_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Address of the hub, instead of the one in the token.
    #[arg(long, env = "SKIFF_HUB", value_name = "URL")]
    pub hub: Option<String>,
    /// Kubeconfig of the cluster; without it the agent's own service account is used.
    #[arg(long, env = "SKIFF_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The name that the cluster would like to have at the hub.
    #[arg(long, env = "SKIFF_CLUSTER_NAME", value_name = "CLUSTER")]
    pub name: Option<String>,
    /// A label that the agent claims; selectors see it under claims.skiff.dev/.
    #[arg(long = "label", env = "SKIFF_LABELS", value_name = "K=V", value_parser = parse_label, value_delimiter = ',')]
    pub labels: Vec<(String, String)>,
    /// Directory for cached content, which a start without the hub needs [default: ~/.local/state/skiff-agent].
    #[arg(long, env = "SKIFF_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// How often to ask the hub, at least; what is new comes at once all the same.
    #[arg(long, env = "SKIFF_POLL_INTERVAL", value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    pub poll_interval: Duration,
}

impl Args {
    /// The claimed labels; of one key the last counts.
    pub fn claimed_labels(&self) -> BTreeMap<String, String> {
        self.labels.iter().cloned().collect()
    }
}

fn parse_label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not KEY=VALUE")),
    }
}

/// `90s`, `5m`, `1h30m`, `250ms`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration such as 90s, 5m or 1h30m");
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| digits + end);
        let millis = match &rest[digits..unit_end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong()),
        };
        total += Duration::from_millis(number.checked_mul(millis).ok_or_else(wrong)?);
        rest = &rest[unit_end..];
    }
    if total.is_zero() { Err(wrong()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_labels_are_read_or_explained() {
        for (text, millis) in [("90s", 90_000), ("1h30m", 5_400_000), ("250ms", 250)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)));
        }
        for wrong in ["", "5", "m", "5d", "-1s", "0s", "99999999999999999999s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_label("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(parse_label("a").is_err() && parse_label("=b").is_err());
    }

    #[test]
    fn the_command_line_is_the_contract() {
        let args = Args::try_parse_from([
            "skiff-agent",
            "--token-file",
            "t",
            "--hub",
            "https://h",
            "--kubeconfig",
            "k",
            "--name",
            "c",
            "--label",
            "a=b",
            "--label",
            "c=d",
            "--state-dir",
            "s",
            "--poll-interval",
            "30m",
        ])
        .unwrap();
        assert_eq!(args.claimed_labels().len(), 2);
        assert_eq!(args.poll_interval, Duration::from_secs(1_800));
    }
}
