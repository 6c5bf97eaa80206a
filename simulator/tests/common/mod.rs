//! The switches of the rules, as they exist in test builds alone.

use skiff_planner::{agent, hub};
use skiff_simulator::Settings;

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
}

/// All of them.
pub(crate) fn switches() -> Vec<Switch> {
    let of_agent = agent::Rule::ALL.iter().map(|rule| (format!("agent/{rule:?}"), Which::Agent(*rule)));
    let of_hub = hub::Rule::ALL.iter().map(|rule| (format!("hub/{rule:?}"), Which::Hub(*rule)));
    of_agent.chain(of_hub).map(|(name, which)| Switch { name, which }).collect()
}
