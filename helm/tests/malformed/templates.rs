//! Templates that do not parse, that fail, that never end, and that make too much.

use crate::case::{Case, Want};

const FILE: &str = "templates/a.yaml";

/// The values of the chart of each case.
const VALUES: &str = "s: text\nn: 1\nf: 1.5\nt: true\nl: [1, b, {x: y}]\nm: {a: 1, b: {c: d}}\ne: ''\nnone:\n";

fn case(text: &str, want: &[&str]) -> Case {
    let short: String = text.chars().filter(|c| *c != '\n').take(120).collect();
    Case::files(&format!("template {short}"), &[(FILE, text), ("values.yaml", VALUES)], want)
}

/// Go's `text/template` tells the line of what does not parse.
fn unparsable() -> Vec<Case> {
    [
        ("{{", "unclosed action"),
        ("{{ \"", "unterminated quoted string"),
        ("{{ `", "unterminated raw quoted string"),
        ("{{ ' }}", "unterminated character constant"),
        ("{{ 'ab' }}", "'ab'"),
        ("{{ \"\\q\" }}", "invalid syntax"),
        ("{{ . ", "unclosed action"),
        ("{{ }}", "missing value for command"),
        ("{{ | }}", "unexpected \"|\" in command"),
        ("{{ . | 1 }}", "non executable command in pipeline stage 2"),
        ("{{ (. }}", "unclosed left paren"),
        ("{{ . ) }}", "unexpected right paren"),
        ("{{ () }}", "missing value for parenthesized pipeline"),
        ("{{ $x }}", "undefined variable \"$x\""),
        ("{{ $x := }}", "missing value for command"),
        ("{{ 1 := 2 }}", "unexpected \":=\""),
        ("{{ $x, $y := .m }}", "too many declarations in command"),
        ("{{ if }}{{ end }}", "missing value for if"),
        ("{{ range }}{{ end }}", "missing value for range"),
        ("{{ with }}{{ end }}", "missing value for with"),
        ("{{ range $a, $b, $c := .l }}{{ end }}", "too many declarations in range"),
        ("{{ if . }}", "unexpected EOF"),
        ("{{ range . }}", "unexpected EOF"),
        ("{{ with . }}", "unexpected EOF"),
        ("{{ define \"x\" }}", "unexpected EOF"),
        ("{{ block \"x\" . }}", "unexpected EOF"),
        ("{{ block \"x\" }}{{ end }}", "missing value for block clause"),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ else }}", "unexpected {{else}}"),
        ("{{ if . }}{{ else }}{{ else }}{{ end }}", "expected end; found {{else}}"),
        ("{{ if . }}{{ else x }}{{ end }}", "unexpected"),
        ("{{ break }}", "{{break}} outside {{range}}"),
        ("{{ continue }}", "{{continue}} outside {{range}}"),
        ("{{ range . }}{{ break 1 }}{{ end }}", "unexpected"),
        ("{{ nobody . }}", "function \"nobody\" not defined"),
        ("{{ env \"HOME\" }}", "function \"env\" not defined"),
        ("{{ expandenv \"$HOME\" }}", "function \"expandenv\" not defined"),
        ("{{ template x }}", "unexpected"),
        ("{{ template }}", "unexpected"),
        ("{{ define x }}{{ end }}", "unexpected"),
        ("{{ define \"a\" }}{{ define \"b\" }}{{ end }}{{ end }}", "unexpected <define> in command"),
        ("{{ /* }}", "unexpected \"/\" in command"),
        ("{{/* x */ }}", "comment ends before closing delimiter"),
        ("{{ 1x }}", "\"1x\""),
        ("{{ 0x }}", "\"0x\""),
        ("{{ 1__0 }}", "\"1__0\""),
        ("{{ 99999999999999999999 }}", "\"99999999999999999999\""),
        ("{{ nil.x }}", "unexpected"),
        ("{{ .x.1 }}", "unexpected"),
        ("{{ \"a\".b }}", "unexpected"),
        ("{{ 1.b }}", "\"1.b\""),
        ("{{ a\u{0}b }}", "bad character U+0000"),
        ("{{ # }}", "unexpected"),
        ("{{ - }}", "\"-\""),
        ("{{ ! . }}", "unexpected"),
        ("{{ . & . }}", "unexpected"),
        ("{{ .\u{1f980} }}", "bad character U+1F980"),
    ]
    .into_iter()
    .map(|(text, message)| {
        let text = format!("a: b\n# more\n{text}\n");
        case(&text, &["parse error at (web/templates/a.yaml:", message])
    })
    .collect()
}

/// What fails tells line and column, and which part of the text it was.
const FAILING: &[(&str, &str)] = &[
    ("{{ .Values.s.x }}", "can't evaluate field x in type interface {}"),
    ("{{ .Values.none.x }}", "nil pointer evaluating interface {}.x"),
    ("{{ .Values.nobody.x }}", "nil pointer evaluating interface {}.x"),
    ("{{ .Release.Nobody.x }}", "nil pointer evaluating interface {}.x"),
    ("{{ .Chart.Name.x }}", "can't evaluate field x"),
    ("{{ .Capabilities.Nobody }}", "can't evaluate field Nobody"),
    ("{{ index .Values.l 9 }}", "index out of range: 9"),
    ("{{ index .Values.l \"a\" }}", "cannot index slice/array with type string"),
    ("{{ index .Values.n 1 }}", "index of untyped nil"),
    ("{{ index .Values.none 1 }}", "index of untyped nil"),
    ("{{ slice .Values.l 2 1 }}", "slice index out of bounds"),
    ("{{ slice .Values.m 1 }}", "list should be type of slice or array but map"),
    ("{{ range .Values.s }}{{ end }}", "range can't iterate over text"),
    ("{{ range .Values.f }}{{ end }}", "range can't iterate over 1.5"),
    ("{{ range .Values.t }}{{ end }}", "range can't iterate over true"),
    ("{{ template \"nobody\" }}", "template \"nobody\" not defined"),
    ("{{ include \"nobody\" . }}", "no template \"nobody\" associated"),
    ("{{ include \"nobody\" }}", "wrong number of args for include: want 2 got 1"),
    ("{{ include .Values.n . }}", "wrong type for value; expected string; got interface {}"),
    ("{{ tpl .Values.m . }}", "wrong type for value; expected string"),
    ("{{ tpl \"{{\" . }}", "error calling tpl: cannot parse template \"{{\""),
    ("{{ tpl \"{{ .a.b.c }}\" . }}", "error calling tpl"),
    ("{{ tpl \"{{ fail `deep` }}\" . }}", "deep"),
    ("{{ fail \"on purpose\" }}", "on purpose"),
    ("{{ required \"it is needed\" .Values.none }}", "it is needed"),
    ("{{ required \"it is needed\" .Values.e }}", "it is needed"),
    ("{{ lt 1 \"a\" }}", "incompatible types for comparison"),
    ("{{ lt .Values.m .Values.m }}", "invalid type for comparison"),
    ("{{ eq .Values.l .Values.l }}", "non-comparable type"),
    ("{{ eq 1 }}", "missing argument for comparison"),
    ("{{ len 1 }}", "len of type int"),
    ("{{ len .Values.none }}", "len of nil pointer"),
    ("{{ call .Values.s }}", "error calling call: non-function"),
    ("{{ .Values.s 1 }}", "s is not a method but has arguments"),
    ("{{ dict \"a\" 1 | first }}", "Cannot find first on type map"),
    ("{{ get .Values.l \"a\" }}", "wrong type for value; expected map[string]interface {}"),
    ("{{ set .Values.none \"a\" 1 }}", "wrong type for value; expected map[string]interface {}"),
    ("{{ dig \"a\" .Values.m }}", "needs at least three arguments"),
    ("{{ dig \"b\" \"c\" \"x\" \"y\" .Values.m }}", "interface conversion"),
    ("{{ merge .Values.l .Values.m }}", "wrong type for value"),
    ("{{ add1 }}", "wrong number of args for add1: want 1 got 0"),
    ("{{ div 1 0 }}", "integer divide by zero"),
    ("{{ mod 1 0 }}", "integer divide by zero"),
    ("{{ chunk 0 .Values.l }}", "makeslice: len out of range"),
    ("{{ repeat -1 \"x\" }}", "negative Repeat count"),
    ("{{ trunc .Values.s 1 }}", "wrong type for value; expected int"),
    ("{{ indent -1 \"x\" }}", "negative Repeat count"),
    ("{{ mustRegexMatch \"(\" \"x\" }}", "missing closing )"),
    ("{{ regexMatch \"(\" \"x\" | fail }}", "expected string; got bool"),
    ("{{ regexReplaceAll \"(\" \"x\" \"y\" }}", "missing closing )"),
    ("{{ semver \"x.y\" }}", "invalid semantic version"),
    ("{{ semverCompare \">>1\" \"1.2.3\" }}", "improper constraint"),
    ("{{ mustToDate \"2006-01-02\" \"x\" }}", "cannot parse \"x\""),
    ("{{ mustFromJson \"{\" }}", "unexpected end of JSON input"),
    ("{{ toToml .Values | fromYamlArray | first | fail }}", "error unmarshaling"),
    ("{{ mustDateModify \"x\" now }}", "invalid duration"),
    ("{{ urlParse \"http://[\" }}", "unable to parse url"),
    ("{{ urlJoin (dict \"host\" 1) }}", ""),
    ("{{ genPrivateKey \"nobody\" | fail }}", "Unknown type nobody"),
    ("{{ genCA \"x\" \"y\" }}", "expected int"),
    ("{{ buildCustomCert \"x\" \"y\" }}", "unable to decode base64"),
    ("{{ genSignedCert \"x\" nil nil 1 \"y\" }}", "can't handle"),
    ("{{ derivePassword 1 \"nobody\" \"a\" \"b\" \"c\" | fail }}", "cannot find password template nobody"),
    ("{{ decryptAES \"x\" \"eA==\" }}", "error calling decryptAES"),
    ("{{ until \"x\" }}", "expected int"),
    ("{{ $x = 1 }}", "undefined variable: $x"),
    ("{{ nil }}", "nil is not a command"),
    ("{{ ternary 1 2 3 }}", "expected bool; found 3"),
    ("{{ splitn \"a\" 1 2 }}", "expected string"),
    ("{{ lookup \"v1\" }}", "wrong number of args for lookup: want 4 got 1"),
    ("{{ .Files.Get }}", "wrong number of args for Get: want 1 got 0"),
    ("{{ .Files.Lines 1 }}", "expected string"),
    ("{{ .Capabilities.APIVersions.Has }}", "wrong number of args for Has: want 1 got 0"),
    ("{{ .Values.PathValue \"\" }}", "YAML path cannot be empty"),
    ("{{ .Values.Table \"a.b\" }}", "\"a\" is not a table"),
    ("{{ $x := dict }}{{ $x = set $x \"x\" $x }}{{ toYaml $x | fail }}", ""),
    ("{{ printf 1 }}", "expected string"),
];

fn failing() -> Vec<Case> {
    let case = |(text, message): &(&str, &str)| case(&format!("a: b\n# more\n{text}\n"), &["a.yaml:3:#", message]);
    FAILING.iter().map(case).collect()
}

/// Each cap is named in its error.
fn without_end() -> Vec<Case> {
    let steps = "more than 200000 steps (the limit of a render)";
    let bytes = "the templates make more than 4194304 bytes (the limit of a render)";
    let depth = "exceeded maximum template depth (500)";
    let nested = |open: &str, count: usize, close: &str| format!("{}x{}", open.repeat(count), close.repeat(count));
    [
        ("{{ range 1000000000 }}{{ end }}".to_owned(), steps),
        (nested("{{ range 1000 }}", 5, "{{ end }}"), steps),
        (nested("{{ range until 1000 }}", 5, "{{ end }}"), bytes),
        ("{{ range $i, $e := until 40000 }}{{ $z := add $i 1 }}{{ $x := add $i 1 }}{{ $y := add $x 1 }}{{ end }}".to_owned(), steps),
        (r#"{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}"#.to_owned(), depth),
        (r#"{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}"#.to_owned(), depth),
        (
            r#"{{ define "a" }}{{ include "b" . }}{{ end }}{{ define "b" }}{{ include "a" . }}{{ end }}{{ include "a" . }}"#
                .to_owned(),
            depth,
        ),
        (r#"{{ define "f" }}{{ template "f" . }}{{ template "f" . }}{{ end }}{{ template "f" . }}"#.to_owned(), depth),
        (r#"{{ define "f" }}{{ if lt (len .) 60 }}{{ template "f" (append . 1) }}{{ template "f" (append . 1) }}{{ end }}{{ end }}{{ template "f" list }}"#.to_owned(), bytes),
        (r#"{{ $_ := set .Values "x" "{{ tpl .Values.x . }}" }}{{ tpl .Values.x . }}"#.to_owned(), depth),
        (r#"{{ $_ := set .Values "x" "{{ tpl .Values.x . }}{{ tpl .Values.x . }}" }}{{ tpl .Values.x . }}"#.to_owned(), depth),
        (
            r#"{{ $_ := set .Values "x" "{{ include \"y\" . }}" }}{{ define "y" }}{{ tpl .Values.x . }}{{ end }}{{ include "y" . }}"#
                .to_owned(),
            "e",
        ),
        (r#"{{ range 100000 }}{{ tpl (print "{{ 1 }}" .) $ }}{{ end }}"#.to_owned(), steps),
        (r#"{{ repeat 1000000000 "x" }}"#.to_owned(), bytes),
        (r#"{{ repeat 9223372036854775807 "xx" }}"#.to_owned(), "limit"),
        (r#"{{ range 1000 }}{{ repeat 100000 "x" }}{{ end }}"#.to_owned(), bytes),
        ("{{ until 1000000000 }}".to_owned(), "limit"),
        ("{{ until 9223372036854775807 }}".to_owned(), "limit"),
        ("{{ untilStep 0 1000000000 1 }}".to_owned(), "limit"),
        ("{{ untilStep 0 -9223372036854775808 -1 }}".to_owned(), "limit"),
        ("{{ seq 1 1000000000 }}".to_owned(), "limit"),
        (r#"{{ indent 1000000000 "x" }}"#.to_owned(), "limit"),
        (r#"{{ nindent 1000000000 "x" }}"#.to_owned(), "limit"),
        (r#"{{ indent 1000 (repeat 100000 "x\n") }}"#.to_owned(), "limit"),
        (r#"{{ printf "%1000000000d" 1 }}{{ range 1000 }}{{ printf "%1000000d" 1 }}{{ end }}"#.to_owned(), bytes),
        (r#"{{ $s := "xxxxxxxx" }}{{ range 40 }}{{ $s = print $s $s }}{{ end }}"#.to_owned(), "(the limit of"),
        (r#"{{ $s := "xxxxxxxx" }}{{ range 40 }}{{ $s = replace "x" $s $s }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := "xxxxxxxx" }}{{ range 40 }}{{ $s = cat $s $s }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := "xxxxxxxx" }}{{ range 40 }}{{ $s = join $s (list $s $s $s) }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := "xxxxxxxx" }}{{ range 40 }}{{ $s = b64enc $s }}{{ $s = print $s $s }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := "xxxxxxxx" }}{{ range 40 }}{{ $s = quote $s $s }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := "\"\"\"\"" }}{{ range 40 }}{{ $s = toJson $s }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := "xxxxxxxx" }}{{ range 40 }}{{ $s = regexReplaceAll "x" $s (repeat 20 "$0$0") }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := "xxxxxxxx" }}{{ range 60 }}{{ $s = wrapWith 1 $s $s }}{{ end }}"#.to_owned(), "limit"),
        ("{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ $l }}".to_owned(), "(the limit of printing)"),
        ("{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ toYaml $l }}".to_owned(), "limit"),
        ("{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ toJson $l }}".to_owned(), "limit"),
        ("{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ deepCopy $l }}".to_owned(), "limit"),
        ("{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ eq (deepEqual $l (deepCopy $l)) true }}".to_owned(), "limit"),
        ("{{ $l := list 1 2 3 }}{{ range 60 }}{{ $l = concat $l $l }}{{ end }}{{ len $l }}".to_owned(), "limit"),
        (r#"{{ $m := dict "a" 1 }}{{ range 60 }}{{ $m = dict "a" $m "b" $m }}{{ end }}{{ toYaml $m }}"#.to_owned(), "limit"),
        (r#"{{ $m := dict "a" 1 }}{{ range 60 }}{{ $m = dict "a" $m "b" $m }}{{ end }}{{ $x := merge (dict) $m }}{{ mergeOverwrite (deepCopy $m) $m }}"#.to_owned(), "limit"),
    ]
    .into_iter()
    .map(|(text, message)| case(&text, &["a.yaml:1", message]))
    .collect()
}

/// Values that hold themselves, what nests too deep, and large values gone through over and over.
fn large_values() -> Vec<Case> {
    let bytes = "the templates make more than 4194304 bytes (the limit of a render)";
    let nested = |open: &str, count: usize, close: &str| format!("{}x{}", open.repeat(count), close.repeat(count));
    [
        (r#"{{ $_ := set .Values.m "self" .Values.m }}{{ .Values.m }}"#.to_owned(), "(the limit of printing)"),
        (r#"{{ $_ := set .Values.m "self" .Values.m }}{{ toJson .Values.m | fail }}"#.to_owned(), "a.yaml:1"),
        (r#"{{ $_ := set .Values.m "self" .Values.m }}{{ mustToJson .Values.m }}"#.to_owned(), "a.yaml:1"),
        (r#"{{ $_ := set .Values.m "self" .Values.m }}{{ mustToYaml .Values.m }}"#.to_owned(), "a.yaml:1"),
        (r#"{{ $_ := set .Values.m "self" .Values.m }}{{ mustToToml .Values.m }}"#.to_owned(), "a.yaml:1"),
        (r#"{{ $_ := set .Values.m "self" .Values.m }}{{ deepCopy .Values.m }}"#.to_owned(), "a.yaml:1"),
        (r#"{{ $_ := set .Values.m "self" .Values.m }}{{ $x := dict }}{{ $_ := set $x "self" $x }}{{ deepEqual .Values.m $x }}{{ merge .Values.m $x }}{{ fail "it ends" }}"#.to_owned(), "a.yaml:1"),
        (format!("{{{{ {} }}}}", nested("(", 20_000, ")").replace('x', "1")), "max expression depth exceeded"),
        ("{{ if true }}".repeat(20_000), "limit"),
        ("{{ with . }}".repeat(20_000), "limit"),
        (r#"{{ regexMatch "((a{1000}){1000}){1000}" "a" | fail }}"#.to_owned(), "a.yaml:1"),
        (r#"{{ mustRegexMatch "((a{1000}){1000}){1000}" "a" }}"#.to_owned(), "a.yaml:1"),
        (r#"{{ range 100000 }}{{ genCA "x" 1 }}{{ end }}"#.to_owned(), "limit"),
        ("{{ randAlphaNum 1000000000 }}".to_owned(), "limit"),
        ("{{ randBytes 1000000000 }}".to_owned(), "limit"),
        (r#"{{ fromJson (repeat 100000 "[") | toJson | fail }}"#.to_owned(), "a.yaml:1"),
        (r#"{{ fromYaml (repeat 100000 "[") | toJson | fail }}"#.to_owned(), "a.yaml:1"),
        (r#"{{ fromToml (print "a=" (repeat 100000 "[")) | toJson | fail }}"#.to_owned(), "a.yaml:1"),
        (r#"{{ range 1000 }}{{ fromYaml (repeat 10000 "a: &a [x]\n") }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ range 1000 }}{{ sha256sum (repeat 20000 "x") }}{{ end }}"#.to_owned(), bytes),
        (r#"{{ range 1000 }}{{ toYaml (until 5000) | fromYamlArray | len }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $l := until 100000 }}{{ range 100000 }}{{ $x := reverse $l }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $l := until 100000 }}{{ range 100000 }}{{ $x := has -1 $l }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $l := until 100000 }}{{ range 100000 }}{{ $x := uniq $l }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $l := until 100000 }}{{ range 100000 }}{{ $x := without $l -1 }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $l := until 100000 }}{{ range 100000 }}{{ $x := sortAlpha $l }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $l := until 100000 }}{{ range 100000 }}{{ $x := append $l 1 }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $l := until 100000 }}{{ range 100000 }}{{ $x := chunk 1 $l }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $l := until 100000 }}{{ range 100000 }}{{ $x := deepCopy $l }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $l := until 100000 }}{{ range 100000 }}{{ $x := max 1 2 }}{{ $x := join "," $l }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := repeat 1000000 "x" }}{{ range 100000 }}{{ $x := upper $s }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := repeat 1000000 "x" }}{{ range 100000 }}{{ $x := contains "y" $s }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := repeat 1000000 "x" }}{{ range 100000 }}{{ $x := trunc 1 $s }}{{ end }}"#.to_owned(), "e"),
        (r#"{{ $s := repeat 1000000 "x" }}{{ range 100000 }}{{ $x := regexMatch "y$" $s }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := repeat 1000000 "x" }}{{ range 100000 }}{{ $x := splitList "" $s }}{{ end }}"#.to_owned(), "limit"),
        (r#"{{ $s := repeat 1000000 "x" }}{{ range 100000 }}{{ $x := eq $s (print $s "") }}{{ end }}"#.to_owned(), "limit"),
    ]
    .into_iter()
    .map(|(text, message)| case(&text, &["a.yaml:1", message]))
    .collect()
}

/// Large, and nothing is wrong with it.
fn large() -> Vec<Case> {
    let text = |name: &str, template: &str, least: usize| case(template, &[]).wanting(Want::Text(least)).called(name);
    vec![
        text("a long line", &format!("a: {}", "x".repeat(2 << 20)), 2 << 20),
        text("a pattern that others backtrack in", r#"a: {{ regexMatch "(a+)+$" (print (repeat 5000 "a") "b") }}"#, 8),
        text("many actions", &"{{ `` }}".repeat(50_000).replacen("``", "`a: b`", 1), 4),
        text("many documents", &"---\na: b\n".repeat(5_000), 4),
    ]
}

/// What a template makes must be YAML, or the error names the template and the line of what it made.
fn no_yaml() -> Vec<Case> {
    [
        ("a: b: c", "mapping values are not allowed"),
        ("a:\n\t- b", "2:2"),
        ("a: [", ""),
        ("a: {", ""),
        ("a: \"", ""),
        ("a: *nobody", "unknown anchor"),
        ("- a\nb: c", ""),
        ("a: @b", ""),
        ("a: `b", ""),
        ("just words", "expected a mapping, found a string at 1:1"),
        ("[1, 2]", "expected a mapping, found a list at 1:1"),
        ("kind: [a]", "expected a string, found a list at 1:7"),
        ("metadata: text", "expected a mapping, found a string at 1:11"),
        ("metadata: {annotations: [a]}", "metadata.annotations: expected a mapping, found a list at 1:25"),
        ("metadata: {name: {a: b}}", "metadata.name: expected a string, found a mapping at 1:18"),
        ("a: b\n--- x\nc: d", ""),
        ("a: !!binary \"*\"", ""),
        ("{{ repeat 20000 `[` }}", ""),
        ("{{ repeat 20000 `- ` }}", ""),
        ("{{ repeat 20000 `{a: ` }}", ""),
    ]
    .into_iter()
    .map(|(text, message)| case(text, &["web/templates/a.yaml", message]))
    .collect()
}

pub(crate) fn cases() -> Vec<Case> {
    [unparsable(), failing(), without_end(), large_values(), large(), no_yaml()].into_iter().flatten().collect()
}
