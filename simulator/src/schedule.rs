//! What goes wrong and what people do, and when: made from the seed, and shrunk when a run fails.

use crate::rng::Rng;

/// One thing that happens to the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it; `site` is the number of a cluster, `ms` for how long")]
pub enum Act {
    // People, in git.
    Change { repo: usize },
    AddObject { repo: usize },
    DropObject { repo: usize },
    AddDir { repo: usize },
    RemoveDir { repo: usize },
    RenameDir { repo: usize },
    RemoveEntry { repo: usize },
    Break { repo: usize },
    Fail { repo: usize },
    Empty { repo: usize },
    Mend { repo: usize },
    GoBack { repo: usize, by: usize },
    // People, at the hub.
    Label { site: usize, repo: usize, on: bool },
    Approve { site: usize, think: u64 },
    DeleteRepo { repo: usize },
    CreateRepo { repo: usize },
    TakeEntry { repo: usize },
    GiveEntry { repo: usize },
    DeleteCluster { site: usize },
    // People, in a cluster.
    Edit { site: usize, pick: usize },
    AddKey { site: usize, pick: usize },
    Unlabel { site: usize, pick: usize },
    DeleteObject { site: usize, pick: usize },
    Replace { site: usize, pick: usize },
    Occupy { site: usize, repo: usize },
    Hang { site: usize, pick: usize },
    Snipe { site: usize },
    // The hub.
    CrashHub { ms: u64 },
    CrashHubAtCommit { before: bool },
    Backup,
    Restore { ms: u64 },
    HubDiskFull { ms: u64 },
    HubClock { seconds: i64 },
    Unreachable { repo: usize, ms: u64 },
    CorruptBlobs { count: u32 },
    // Agents.
    Crash { site: usize, ms: u64 },
    CrashAfter { site: usize, calls: u32 },
    PowerLoss { site: usize, ms: u64 },
    Second { site: usize },
    AgentDiskFull { site: usize, ms: u64 },
    Clock { site: usize, seconds: i64 },
    Clone { site: usize },
    Reinstall { site: usize },
    // API servers.
    ApiDown { site: usize, ms: u64 },
    ApiStarts { site: usize, ms: u64 },
    ApiErrs { site: usize, ms: u64 },
    ApiRefuses { site: usize, ms: u64 },
    ApiSlow { site: usize, ms: u64 },
    WatchSlow { site: usize, ms: u64 },
    WatchBreaks { site: usize },
    // The network.
    Cut { site: usize, ms: u64 },
    HalfOpen { site: usize, ms: u64 },
    Lossy { site: usize, ms: u64 },
    NetSlow { site: usize, ms: u64 },
    // Documents that nobody should believe.
    Replay { site: usize },
    Misdeliver { from: usize, to: usize },
    Future { site: usize },
}

/// An act and its time (ms).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: u64,
    /// What.
    pub act: Act,
}

/// What a run is made of mostly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// A bit of everything.
    Mixed,
    /// Crashes at every corner.
    Crashes,
    /// Backups of the hub, restored.
    Restores,
    /// Commits that remove, and approvals.
    Removals,
    /// People with kubectl.
    Hands,
    /// Identities that are used twice, and clusters made anew.
    Identities,
    /// Documents and content that nobody should believe.
    Lies,
    /// Long silence, and clocks that are off.
    Silence,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Mixed,
        Self::Crashes,
        Self::Restores,
        Self::Removals,
        Self::Hands,
        Self::Identities,
        Self::Lies,
        Self::Silence,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Crashes => "crashes",
            Self::Restores => "restores",
            Self::Removals => "removals",
            Self::Hands => "hands",
            Self::Identities => "identities",
            Self::Lies => "lies",
            Self::Silence => "silence",
        }
    }

    /// Each group's share of the steps, in the order of [`act`]: git, hub users, hands, hub, agents, API, network, lies.
    const fn shares(self) -> [u64; 8] {
        match self {
            Self::Mixed => [22, 12, 12, 8, 14, 16, 12, 4],
            Self::Crashes => [24, 8, 4, 14, 30, 14, 6, 0],
            Self::Restores => [22, 16, 4, 34, 6, 4, 12, 2],
            Self::Removals => [40, 26, 4, 6, 10, 10, 4, 0],
            Self::Hands => [20, 6, 40, 2, 10, 18, 4, 0],
            Self::Identities => [20, 14, 4, 4, 44, 6, 8, 0],
            Self::Lies => [26, 8, 4, 6, 10, 6, 10, 30],
            Self::Silence => [20, 12, 4, 12, 14, 6, 32, 0],
        }
    }
}

/// How long things go wrong, in ms.
pub const CHAOS: u64 = 240_000;
/// How many repositories there are.
pub const REPOS: usize = 3;

/// The steps of a run.
pub fn steps(seed: u64, profile: Profile, sites: usize) -> Vec<Step> {
    let mut rng = Rng::new(seed, 1);
    let count = rng.between(45, 75);
    let mut steps: Vec<Step> = (0..count)
        .map(|_| {
            let at = rng.between(8_000, CHAOS);
            Step { at, act: act(&mut rng, profile, sites) }
        })
        .collect();
    if profile == Profile::Restores {
        let at = rng.between(20_000, CHAOS / 2);
        steps.push(Step { at, act: Act::Backup });
        let ms = rng.between(500, 20_000);
        steps.push(Step { at: rng.between(at, CHAOS), act: Act::Restore { ms } });
    }
    steps.sort_by_key(|step| step.at);
    steps
}

fn act(rng: &mut Rng, profile: Profile, sites: usize) -> Act {
    let shares = profile.shares();
    let mut roll = rng.below(shares.iter().sum());
    let mut group = 0;
    for (index, share) in shares.iter().enumerate() {
        if roll < *share {
            group = index;
            break;
        }
        roll -= share;
    }
    let (site, repo, pick) = (rng.index(sites), rng.index(REPOS), rng.index(1000));
    let short = rng.between(500, 15_000);
    let long = rng.between(5_000, 200_000);
    match group {
        0 => in_git(rng, repo),
        1 => at_hub(rng, site, repo),
        2 => by_hand(rng, site, repo, pick),
        3 => of_hub(rng, repo, short, long),
        4 => of_agents(rng, site, short, long),
        5 => of_api(rng, site, short, long),
        6 => match rng.below(4) {
            0 => Act::Cut { site, ms: long },
            1 => Act::HalfOpen { site, ms: long / 2 },
            2 => Act::Lossy { site, ms: long },
            _ => Act::NetSlow { site, ms: long },
        },
        _ => match rng.below(4) {
            0 => Act::Replay { site },
            1 => Act::Misdeliver { from: site, to: rng.index(sites) },
            2 => Act::Future { site },
            _ => Act::CorruptBlobs { count: 3 },
        },
    }
}

fn in_git(rng: &mut Rng, repo: usize) -> Act {
    match rng.below(17) {
        0..=3 => Act::Change { repo },
        4 | 5 => Act::AddObject { repo },
        6 | 7 => Act::DropObject { repo },
        8 => Act::AddDir { repo },
        9 | 10 => Act::RemoveDir { repo },
        11 => Act::RenameDir { repo },
        12 => Act::RemoveEntry { repo },
        13 => Act::Break { repo },
        15 => Act::GoBack { repo, by: 1 + rng.index(3) },
        14 => {
            if rng.per_mille(500) {
                Act::Fail { repo }
            } else {
                Act::Empty { repo }
            }
        }
        _ => Act::Mend { repo },
    }
}

fn at_hub(rng: &mut Rng, site: usize, repo: usize) -> Act {
    match rng.below(14) {
        0 | 1 => Act::Label { site, repo, on: false },
        2 | 3 => Act::Label { site, repo, on: true },
        4..=8 => Act::Approve { site, think: rng.between(100, 40_000) },
        9 => Act::DeleteRepo { repo },
        10 => Act::CreateRepo { repo },
        11 => Act::TakeEntry { repo },
        12 => Act::GiveEntry { repo },
        _ => Act::DeleteCluster { site },
    }
}

fn by_hand(rng: &mut Rng, site: usize, repo: usize, pick: usize) -> Act {
    match rng.below(10) {
        0 | 1 => Act::Edit { site, pick },
        2 => Act::AddKey { site, pick },
        3 => Act::Unlabel { site, pick },
        4 | 5 => Act::DeleteObject { site, pick },
        6 => Act::Replace { site, pick },
        7 => Act::Occupy { site, repo },
        8 => Act::Hang { site, pick },
        _ => Act::Snipe { site },
    }
}

fn of_hub(rng: &mut Rng, repo: usize, short: u64, long: u64) -> Act {
    match rng.below(11) {
        0 | 1 => Act::CrashHub { ms: short },
        2 | 3 => Act::CrashHubAtCommit { before: rng.per_mille(500) },
        4 => Act::Backup,
        5 => Act::Restore { ms: short },
        6 => Act::HubDiskFull { ms: short },
        7 => Act::HubClock { seconds: clock(rng) },
        8 | 9 => Act::Unreachable { repo, ms: long },
        _ => Act::CorruptBlobs { count: 1 },
    }
}

fn of_agents(rng: &mut Rng, site: usize, short: u64, long: u64) -> Act {
    match rng.below(14) {
        0 | 1 => Act::Crash { site, ms: short },
        2..=5 => Act::CrashAfter { site, calls: u32::try_from(rng.between(1, 25)).unwrap_or(1) },
        6 => Act::PowerLoss { site, ms: short },
        7 | 8 => Act::Second { site },
        9 => Act::AgentDiskFull { site, ms: long },
        10 => Act::Clock { site, seconds: clock(rng) },
        11 => Act::Clone { site },
        12 => Act::Reinstall { site },
        _ => Act::DeleteCluster { site },
    }
}

/// Some minutes, or ten years.
fn clock(rng: &mut Rng) -> i64 {
    let seconds = i64::try_from(if rng.per_mille(400) { 315_360_000 } else { rng.between(60, 7200) }).unwrap_or(0);
    if rng.per_mille(350) { -seconds } else { seconds }
}

fn of_api(rng: &mut Rng, site: usize, short: u64, long: u64) -> Act {
    match rng.below(9) {
        0 => Act::ApiDown { site, ms: short },
        1 => Act::ApiStarts { site, ms: short },
        2 | 3 => Act::ApiErrs { site, ms: long / 2 },
        4 => Act::ApiRefuses { site, ms: long / 2 },
        5 => Act::ApiSlow { site, ms: long / 2 },
        6 => Act::WatchSlow { site, ms: long },
        _ => Act::WatchBreaks { site },
    }
}
