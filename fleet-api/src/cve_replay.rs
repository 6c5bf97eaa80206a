//! What went wrong elsewhere, replayed against names (docs/ADVISORIES.md).

use crate::names::{bundle_name, helm_release_name, is_dns_label, limit};
use std::collections::BTreeSet;

/// fleet#448, #523: long names were cut in two ways, and what had another name was deleted every few minutes. There is one
/// way; what was cut is not cut again, and what differs behind the cut differs in front of it.
#[test]
fn d06_long_names_are_cut_in_one_way_and_stay_distinct() {
    for length in 1..200 {
        let path = format!("apps/{}", "a".repeat(length));
        let ends = ["", "b", "c", "-b", "/c", ".b", "_b", "B", "é"];
        let names: BTreeSet<String> = ends.iter().map(|end| bundle_name("shop", &format!("{path}{end}"))).collect();
        assert_eq!(names.len(), ends.len(), "{length}: {names:?}");
        for name in &names {
            assert!(name.len() <= 53 && is_dns_label(name), "{name}");
            assert_eq!((&helm_release_name(name), &limit(name, 53)), (name, name));
        }
    }
}
