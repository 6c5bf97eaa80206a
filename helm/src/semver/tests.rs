use super::{Constraint, Error, Version};

#[test]
fn ranges_hold_as_in_masterminds() -> Result<(), Error> {
    let cases = [
        (">=1.20-0", "1.31.4-gke.1", true),
        (">=1.20", "1.31.4-gke.1", false),
        (">= 1.2.3, < 2", "1.9.0", true),
        (">= 1.2.3 < 2", "2.0.0", false),
        ("1.2 - 1.4.5", "1.4.5", true),
        ("1.2 - 1.4.5", "1.4.6", false),
        ("1.2.x - 1.4", "1.4.9", true),
        ("^1.2", "1.99.0", true),
        ("^0.2.3", "0.3.0", false),
        ("^0.0.3", "0.0.4", false),
        ("^0", "0.9.1", true),
        ("^0.0", "0.0.9", true),
        ("~1.2.3", "1.3.0", false),
        ("~>1", "1.9.9", true),
        ("~0.0.0", "7.0.0", true),
        ("1.x", "1.5.0", true),
        ("=1.2", "1.2.9", true),
        ("*", "9.9.9", true),
        ("!=1.x", "1.2.3", false),
        ("!=1.2.x", "1.3.0", true),
        (">11", "11.1.0", false),
        (">11.1", "11.2.1", true),
        ("<=11", "11.9.0", true),
        ("<=11.1", "11.2.0", false),
        ("=> 1", "1.0.0", true),
        ("=< 1.0.0", "1.0.1", false),
        ("<1 || >=3", "3.0.0", true),
        ("1.0.0+a", "1.0.0+b", true),
        (">1.0.0-beta.2", "1.0.0-beta.11", true),
        (">1.0.0-1", "1.0.0-alpha", true),
    ];
    for (range, version, expected) in cases {
        let holds = range.parse::<Constraint>()?.check(&Version::parse(version)?);
        assert_eq!(holds, expected, "{range} for {version}");
    }
    Ok(())
}

#[test]
fn prereleases_can_be_let_in() -> Result<(), Error> {
    let range: Constraint = ">=1.20".parse()?;
    assert!(range.check_with_prereleases(&Version::parse("1.31.4-gke.1")?));
    Ok(())
}

#[test]
fn what_is_no_range_is_refused() {
    for range in ["", "foo", ">>1", "1 2 3 x y", "^", "1.2.3.4", "||1", "1 ||"] {
        assert_eq!(
            range.parse::<Constraint>().err().map(|e| e.to_string().starts_with("improper")),
            Some(true),
            "{range}"
        );
    }
    let long = format!(">={}", "1".repeat(512));
    assert_eq!(long.parse::<Constraint>().err(), Some(Error::ConstraintTooLong));
    assert_eq!(vec!["1"; 33].join("||").parse::<Constraint>().err(), Some(Error::TooManyGroups));
}

#[test]
fn versions_are_read_leniently_and_strictly() -> Result<(), Error> {
    for (text, normal) in
        [("v1", "1.0.0"), ("1.2", "1.2.0"), ("01.2.3", "1.2.3"), ("1.2.3-a.1+b", "1.2.3-a.1+b"), ("1-x", "1.0.0-x")]
    {
        assert_eq!(Version::parse(text)?.to_string(), normal);
    }
    for (text, error) in [
        ("1.2.3.4", Error::Invalid),
        ("", Error::Invalid),
        ("1.2.3-01", Error::LeadingZero),
        ("1.2.3-", Error::Invalid),
        ("99999999999999999999", Error::Segment("99999999999999999999".to_owned())),
    ] {
        assert_eq!(Version::parse(text).err(), Some(error), "{text}");
    }
    for (text, error) in
        [("v1.2.3", Error::Characters), ("1.2", Error::Invalid), ("01.2.3", Error::LeadingZero), ("", Error::Empty)]
    {
        assert_eq!(Version::parse_strict(text).err(), Some(error), "{text}");
    }
    Ok(())
}
