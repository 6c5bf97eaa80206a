use super::{format_float, quote, sprint, sprintf, sprintln};
use crate::value::Value;

fn printed(format: &str, args: &[Value]) -> String {
    String::from_utf8(sprintf(format.as_bytes(), args).expect("it prints")).expect("it is text")
}

#[test]
fn floats_print_as_in_go() {
    for (value, verb, precision, want) in [
        (1e6, 'g', None, "1e+06"),
        (123_456.0, 'g', None, "123456"),
        (1e20, 'g', None, "1e+20"),
        (0.0001, 'g', None, "0.0001"),
        (0.00001, 'g', None, "1e-05"),
        (-0.0, 'g', None, "-0"),
        (100.0, 'g', Some(3), "100"),
        (1234.5678, 'g', Some(3), "1.23e+03"),
        (2.5, 'f', Some(0), "2"),
        (1e21, 'f', None, "1000000000000000000000"),
        (123_456.789, 'e', Some(6), "1.234568e+05"),
        (1.0, 'x', None, "0x1p+00"),
        (3.5, 'x', Some(3), "0x1.c00p+01"),
        (1.0, 'b', None, "4503599627370496p-52"),
        (f64::INFINITY, 'g', None, "+Inf"),
        (f64::NAN, 'g', None, "NaN"),
    ] {
        assert_eq!(format_float(value, verb, precision), want, "{value} {verb} {precision:?}");
    }
}

#[test]
fn verbs_take_flags_width_and_precision() {
    let int = Value::int(42);
    for (format, arg, want) in [
        ("%5d|", int.clone(), "   42|"),
        ("%-5d|", int.clone(), "42   |"),
        ("%05d", Value::int(-42), "-0042"),
        ("%+d", int.clone(), "+42"),
        ("%x %[1]X %#[1]x", Value::int(255), "ff FF 0xff"),
        ("%08b", int.clone(), "00101010"),
        ("%#o %[1]O", int, "052 0o52"),
        ("%c %[1]q %[1]U %#[1]U", Value::int(0x263a), "☺ '☺' U+263A U+263A '☺'"),
        ("%6.2f|%-8.1e|", Value::Float(1234.5), "1234.50|%!e(MISSING)|"),
        ("%06.1f", Value::Float(-1.5), "-001.5"),
        ("%#g", Value::Float(1.0), "1.00000"),
        ("%q %+[1]q %#[1]q", "a\"é".into(), r#""a\"é" "a\"\u00e9" `a"é`"#),
        ("%.2s|%5s|", "é☺x".into(), "é☺|%!s(MISSING)|"),
        ("% x %#[1]x", "hi".into(), "68 69 0x6869"),
        ("%v", Value::Complex(1.0, -2.0), "(1-2i)"),
        ("%t", Value::Bool(true), "true"),
        ("%v %06[1]v % [1]v", Value::Float(f64::INFINITY), "+Inf   +Inf  Inf"),
        ("%v %+[1]f", Value::Float(f64::NAN), "NaN +NaN"),
    ] {
        assert_eq!(printed(format, &[arg]), want, "{format}");
    }
}

#[test]
fn what_is_wrong_shows_in_the_text() {
    for (format, args, want) in [
        ("%d", vec!["hi".into()], "%!d(string=hi)"),
        ("%d", vec![], "%!d(MISSING)"),
        ("a", vec![Value::int(1), Value::Nil], "a%!(EXTRA int=1, <nil>)"),
        ("%", vec![], "%!(NOVERB)"),
        ("%[3]d", vec![Value::int(1)], "%!d(BADINDEX)"),
        ("%*d", vec!["x".into(), Value::int(1)], "%!(BADWIDTH)1"),
        ("%d", vec![Value::list(vec![Value::int(1), "a".into(), Value::Nil])], "[1 %!d(string=a) <nil>]"),
        ("%d", vec![Value::map([("a", Value::int(1))])], "map[%!d(string=a):1]"),
        ("%z", vec![Value::Nil], "%!z(<nil>)"),
        ("%w", vec![Value::map([("a", Value::int(1))])], "%!w(map[string]interface {}=map[a:1])"),
    ] {
        assert_eq!(printed(format, &args), want, "{format}");
    }
}

#[test]
fn go_syntax_and_types_name_the_types() {
    let list = Value::list(vec![Value::int(1), "a".into(), Value::Nil, Value::Float(1.0)]);
    assert_eq!(printed("%#v", &[list]), r#"[]interface {}{1, "a", interface {}(nil), 1}"#);
    assert_eq!(printed("%#v", &[Value::strings(["x"])]), r#"[]string{"x"}"#);
    assert_eq!(
        printed("%T %T %T", &[Value::Nil, Value::int64(1), Value::map([("a", Value::Nil)])]),
        "<nil> int64 map[string]interface {}"
    );
    assert_eq!(printed("%s %v", &[Value::bytes(b"ab"), Value::bytes(b"ab")]), "ab [97 98]");
}

#[test]
fn print_puts_spaces_between_what_is_no_string() {
    let args = [Value::int(1), Value::int(2), "a".into(), "b".into(), Value::int(3), Value::Nil];
    assert_eq!(sprint(&args).as_deref(), Ok(&b"1 2ab3 <nil>"[..]));
    assert_eq!(sprintln(&args).as_deref(), Ok(&b"1 2 a b 3 <nil>\n"[..]));
}

#[test]
fn quoted_strings_escape_what_does_not_print() {
    assert_eq!(quote(b"a\n\t\x01\xff\xc2\xa0\xe2\x80\xa8\x7f"), r#""a\n\t\x01\xff\u00a0\u2028\x7f""#);
}

#[test]
fn endless_values_do_not_print() {
    let map = crate::value::Map::new();
    map.insert("self", Value::Map(map.clone()));
    let error = sprint(&[Value::Map(map.clone())]).expect_err("it has no end");
    assert!(error.message().contains("10000 levels"), "{error}");
    drop(map.remove("self"));
    let wide = (0..40).fold(Value::from("x"), |inner, _| Value::list(vec![inner.clone(), inner]));
    let error = sprint(&[wide]).expect_err("it is too large");
    assert!(error.message().contains("16 MiB"), "{error}");
}
