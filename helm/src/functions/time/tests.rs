use super::duration;
use super::format::format;
use super::moment::{Moment, Zone};
use super::parse::parse;

#[test]
fn layouts_format_as_in_go() {
    let moment = Moment::utc(1_700_000_000, 120_000_000);
    for (layout, expected) in [
        ("Mon Jan _2 15:04:05.000 2006", "Tue Nov 14 22:13:20.120 2023"),
        ("Monday 02 January 06 3:04PM pm", "Tuesday 14 November 23 10:13PM pm"),
        ("002 __2 .999 05,999999", "318 318 .12 20,12"),
        ("_2006 Janet Month 1 2 3 4 5", "_2023 Janet Month 11 14 10 13 20"),
        ("Z07:00 -0700 -07 MST", "Z +0000 +00 UTC"),
    ] {
        assert_eq!(String::from_utf8_lossy(&format(&moment, layout.as_bytes())), expected, "{layout}");
    }
}

#[test]
fn zones_of_the_database_are_known_and_others_are_utc() {
    let shown = |seconds, zone: &str| {
        let moment = Moment::utc(seconds, 0).within(Zone::load(zone));
        String::from_utf8_lossy(&format(&moment, b"2006-01-02 15:04 MST -0700")).into_owned()
    };
    assert_eq!(shown(1_700_000_000, "America/New_York"), "2023-11-14 17:13 EST -0500");
    assert_eq!(shown(1_690_000_000, "America/New_York"), "2023-07-22 00:26 EDT -0400");
    assert_eq!(shown(17_000, "Etc/GMT+3"), "1970-01-01 01:43 -03 -0300");
    for unknown in ["america/new_york", "Mars/Olympus", "Local", ""] {
        assert_eq!(shown(1_700_000_000, unknown), "2023-11-14 22:13 UTC +0000", "{unknown}");
    }
}

#[test]
fn texts_parse_as_in_go() {
    for (layout, text, expected) in [
        ("2006-01-02", "2024-02-29", Ok("2024-02-29 00:00:00 +0000 UTC")),
        ("2006-01-02 MST", "2024-01-02 GMT+3", Ok("2024-01-02 03:00:00 +0300 GMT+3")),
        ("2006-01-02 15:04 -0700", "2024-01-02 15:00 +0100", Ok("2024-01-02 15:00:00 +0100 +0100")),
        ("15:04:05", "01:02:03.5", Ok("0000-01-01 01:02:03.5 +0000 UTC")),
        ("2006 002", "2024 060", Ok("2024-02-29 00:00:00 +0000 UTC")),
        ("Jan 2 3PM", "feb 3 12AM", Ok("0000-02-03 00:00:00 +0000 UTC")),
        ("2006", "x", Err(r#"parsing time "x" as "2006": cannot parse "x" as "2006""#)),
        ("2006-01-02", "2024-13-02", Err(r#"parsing time "2024-13-02": month out of range"#)),
        ("2006-01-02", "2024-02-30", Err(r#"parsing time "2024-02-30": day out of range"#)),
        ("2006-01-02", "2024-02-20x", Err(r#"parsing time "2024-02-20x": extra text: "x""#)),
    ] {
        let parsed = parse(layout.as_bytes(), text.as_bytes()).map(|moment| super::format::to_string(&moment));
        assert_eq!(parsed.as_deref().map_err(String::as_str), expected, "{layout}");
    }
}

#[test]
fn durations_parse_and_print_as_in_go() {
    for (text, expected) in [
        ("1h30m", Ok("1h30m0s")),
        ("1.5h", Ok("1h30m0s")),
        ("-1500us", Ok("-1.5ms")),
        ("0", Ok("0s")),
        ("1ns", Ok("1ns")),
        ("2562047h47m16.854775807s", Ok("2562047h47m16.854775807s")),
        ("2562047h47m16.854775808s", Err(r#"time: invalid duration "2562047h47m16.854775808s""#)),
        ("3", Err(r#"time: missing unit in duration "3""#)),
        ("3x", Err(r#"time: unknown unit "x" in duration "3x""#)),
        ("", Err(r#"time: invalid duration """#)),
    ] {
        let parsed = duration::parse(text.as_bytes()).map(duration::to_string);
        assert_eq!(parsed.as_deref().map_err(String::as_str), expected, "{text}");
    }
}
