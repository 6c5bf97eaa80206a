//! The quick set of every `cargo test`, and that a seed is a run. The many seeds are run in release:
//! `cargo run --release -p skiff-simulator --example seeds`.

use skiff_simulator::{Profile, Settings, run, run_steps, tell};

#[test]
fn one_seed_is_one_run() {
    for profile in [Profile::Mixed, Profile::Crashes, Profile::Restores] {
        let settings = Settings::new(7, profile, 2);
        let first = run(&settings);
        let again = run_steps(&settings, settings.steps(), true);
        let of =
            |outcome: &skiff_simulator::Outcome| (outcome.hash, outcome.events, outcome.applies, outcome.deletions);
        assert_eq!(of(&first), of(&again), "{profile:?}: again, and a trace changes nothing");
        assert!(first.trace.is_empty() && !again.trace.is_empty());
    }
    let hash = |seed| run(&Settings::new(seed, Profile::Mixed, 1)).hash;
    assert_ne!(hash(1), hash(2), "seeds differ");
}

#[test]
fn a_seed_of_every_profile_holds() {
    for (profile, seed) in Profile::ALL.into_iter().zip(0..) {
        let settings = Settings::new(seed, profile, 2);
        let outcome = run(&settings);
        if let Some(violation) = &outcome.violation {
            panic!("{}", tell(&settings, violation, false));
        }
        assert!(outcome.applies > 10, "seed {seed}, {profile:?}: something happened");
    }
}
