use super::Arguments;

fn parse(line: &str) -> Result<Arguments, String> {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    Arguments::parse(&words)
}

#[test]
fn flags_are_read_as_helm_reads_them() {
    let arguments = parse(
        "rel -f a.yaml,b.yaml --set x=1,y=2 -nns ./chart -a v1,\"a,b\" -fc --values=d --set=z --include-crds=false \
         --no-hooks --wait --timeout 5m -s=t.yaml --atomic -- -x",
    )
    .unwrap();
    assert_eq!(arguments.positional, ["rel", "./chart", "-x"]);
    assert_eq!(arguments.values_files, ["a.yaml", "b.yaml", "c", "d"]);
    assert_eq!(arguments.set, ["x=1,y=2", "z"]);
    assert_eq!(arguments.api_versions, ["v1", "a,b"]);
    assert_eq!(arguments.namespace, "ns");
    assert_eq!(arguments.show_only, ["t.yaml"]);
    assert!(arguments.no_hooks && !arguments.include_crds);
    assert_eq!(arguments.ignored, ["wait", "timeout", "atomic"]);
}

#[test]
fn wrong_flags_are_errors() {
    let cases = [
        ("--no-such-flag", "unknown flag: --no-such-flag"),
        ("-z", "unknown shorthand flag: 'z' in -z"),
        ("--set", "flag needs an argument: --set"),
        ("-f", "flag needs an argument: 'f' in -f"),
        (
            "--no-hooks=maybe",
            "invalid argument \"maybe\" for \"--no-hooks\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(parse(line), Err(expected.to_owned()), "{line}");
    }
    assert!(parse("--repo https://example.com x").unwrap_err().starts_with("--repo is not supported"));
}
