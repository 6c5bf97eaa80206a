//! The switches of the rules, as they exist in test builds alone, and the seeds that notice them being off.

use skiff_planner::{agent, hub};
use skiff_simulator::{Profile, Settings, Violation, run};

/// A rule that can be switched off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    /// One of the agent's.
    Agent(agent::Rule),
    /// One of the hub's.
    Hub(hub::Rule),
}

/// A switch, by name.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    /// `agent/R6Uid`.
    pub(crate) name: String,
    /// Which rule.
    pub(crate) which: Which,
}

impl Switch {
    /// The same run without the rule.
    pub(crate) fn off(&self, settings: Settings) -> Settings {
        match self.which {
            Which::Agent(rule) => Settings { agent: settings.agent.without(rule), ..settings },
            Which::Hub(rule) => Settings { hub: settings.hub.without(rule), ..settings },
        }
    }

    /// What goes wrong in a run without the rule, where that is what the rule is for.
    pub(crate) fn caught(&self, settings: Settings) -> Option<Violation> {
        run(&self.off(settings)).violation.filter(|violation| self.invariants().contains(&violation.rule))
    }

    /// The invariants of the oracle that the rule is for. Most carry its number; the others hold up one of another name:
    /// what R13 and R14 forbid is a deletion that nobody asked for (R6), and what is told before it is on disk is lost with
    /// the process, a start counter (R12), a report (R11) or a document (R2) alike.
    pub(crate) fn invariants(&self) -> &'static [&'static str] {
        match self.which {
            Which::Agent(rule) => match rule {
                agent::Rule::R1Cluster | agent::Rule::R1Copy => &["R1"],
                agent::Rule::R2Mark | agent::Rule::R2Saved => &["R2"],
                agent::Rule::R3Epoch | agent::Rule::R3Anew => &["R3"],
                agent::Rule::R4Digest => &["R4"],
                agent::Rule::R6Uid
                | agent::Rule::R6Claim
                | agent::Rule::R6Complete
                | agent::Rule::R6Read
                | agent::Rule::R6Foreign
                | agent::Rule::R6Precondition => &["R6"],
                agent::Rule::R7Deleted | agent::Rule::R7Listed | agent::Rule::R7Journal => &["R7"],
                agent::Rule::R8Limit | agent::Rule::R8Counted | agent::Rule::R8Kinds => &["R8"],
                agent::Rule::R9Expired => &["R9"],
                agent::Rule::R10Unknown => &["R10"],
                // A document that another instance wrote over is a ledger without what that one made.
                agent::Rule::R12Document => &["R12", "R7"],
                agent::Rule::R12Fenced => &["R12"],
            },
            Which::Hub(rule) => match rule {
                hub::Rule::R1Identity | hub::Rule::R1Name => &["R1"],
                hub::Rule::R2Commit => &["R2", "R11", "R12"],
                hub::Rule::R3Epoch | hub::Rule::R3Hold => &["R3"],
                // Without its tombstone nothing ever speaks of what is left: it stays for good.
                hub::Rule::R6Tombstone => &["liveness"],
                hub::Rule::R8Shown => &["R8"],
                hub::Rule::R11Report => &["R11"],
                hub::Rule::R12Start => &["R12"],
                // A Bundle that ended on disk before its clusters were told leaves what it had for good.
                hub::Rule::R13Ends => &["R6", "liveness"],
                hub::Rule::R13Absent | hub::Rule::R13Failed => &["R6", "R13"],
                hub::Rule::R13Empty | hub::Rule::R13Moved => &["R6"],
                hub::Rule::R14Silence => &["R6", "R14"],
            },
        }
    }
}

/// All of them.
pub(crate) fn switches() -> Vec<Switch> {
    let of_agent = agent::Rule::ALL.iter().map(|rule| (format!("agent/{rule:?}"), Which::Agent(*rule)));
    let of_hub = hub::Rule::ALL.iter().map(|rule| (format!("hub/{rule:?}"), Which::Hub(*rule)));
    of_agent.chain(of_hub).map(|(name, which)| Switch { name, which }).collect()
}

/// `ablation.txt`: name of the switch, profile, seed, number of clusters.
///
/// # Errors
/// The line that cannot be read.
pub(crate) fn committed() -> Result<Vec<(String, Settings)>, String> {
    let lines = include_str!("../../ablation.txt").lines();
    let lines = lines.map(|line| line.split('#').next().unwrap_or_default()).filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let read = || {
                let [switch, profile, seed, clusters] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                    return None;
                };
                let profile = Profile::ALL.into_iter().find(|known| known.name() == profile)?;
                let settings = Settings::new(seed.parse().ok()?, profile, clusters.parse().ok()?);
                Some((switch.to_owned(), settings))
            };
            read().ok_or_else(|| line.to_owned())
        })
        .collect()
}
