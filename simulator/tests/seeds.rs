//! The quick set of every `cargo test`, and that a seed is a run.

#![expect(clippy::panic, reason = "a seed that fails says all of it")]

use skiff_simulator::{Profile, Settings, run, run_steps, tell};

#[test]
fn one_seed_is_one_run() {
    for profile in Profile::ALL {
        let settings = Settings::new(7, profile, 3);
        let (first, again) = (run(&settings), run(&settings));
        assert_eq!((first.hash, first.events, first.applies), (again.hash, again.events, again.applies), "{profile:?}");
        let traced = run_steps(&settings, settings.steps(), true);
        assert_eq!(first.hash, traced.hash, "{profile:?}: a trace changes nothing");
    }
    let hash = |seed| run(&Settings::new(seed, Profile::Mixed, 3)).hash;
    assert_ne!(hash(1), hash(2), "seeds differ");
}

#[test]
fn a_few_seeds_of_every_profile_hold() {
    for profile in Profile::ALL {
        for seed in 0..4 {
            let settings = Settings::new(seed, profile, 4);
            let outcome = run(&settings);
            if let Some(violation) = &outcome.violation {
                panic!("{}", tell(&settings, violation, false));
            }
            assert!(outcome.applies > 50, "seed {seed}, {profile:?}: something happened");
        }
    }
}
