package main

import (
	"fmt"
	"strings"
)

// Scalars that some YAML library reads differently from another.
var scalars = strings.Split(strings.TrimSuffix(`
true|True|TRUE|tRue|false|False|FALSE|yes|Yes|YES|yEs|no|No|NO|on|On|ON|oN|off|Off|OFF|y|Y|n|N|t|f|o
null|Null|NULL|nUll|~|~~|none|nil|undefined
0|-0|+0|00|-00|1|-1|+1|007|0777|-0777|+0777|0o777|0O17|-0o7|0o8|0o|08|089|-089|0888.5|09e1|0x|0x1F|0X1f|-0x1F|+0x1f|0xG|0x1.8p1
0b|0b101|0B11|-0b11|+0b1|0b2|1_000|1__0|_1|1_|0_7|0_9|0x_1F|0x1_F|0b1_0|1_0.5|1_000e3|-1_0|+_1|-_1
10|010|0010|1.0|1.|.5|-.5|+.5|.|..|...x|.5.|1.5|1.50|01.5|1e3|1E3|1e+3|1e-3|1.5e3|.5e3|5.e3|1e|1e+|e3|1e3.5|123e4567|1e400|-1e400|1e-400|1e309|1.7976931348623157e308
6.02e23|1e20|1e21|1e22|123456789.5|0.1|0.0001|0.00001|1e-7|-0.0|0.0|3.0|-3.0|1e18|1e19|1e15|9007199254740993|9007199254740993.0
9223372036854775807|9223372036854775808|-9223372036854775808|-9223372036854775809|18446744073709551615|18446744073709551616|+9223372036854775808|0xFFFFFFFFFFFFFFFF|0x10000000000000000|0xffff_ffff|1234567890123456789012345678901234567890|0777777777777777777777|01777777777777777777777|0b1111111111111111111111111111111111111111111111111111111111111111
.inf|.Inf|.INF|+.inf|-.inf|-.Inf|.iNf|.nan|.NaN|.NAN|.Nan|inf|nan|NaN|Infinity|-inf|+.nan|.5_0|._5|.5_|.5e5_0|-.5_0
2001-01-01|2001-1-1|2001-13-01|2001-02-29|2000-02-29|2001-01-01T00:00:00Z|2001-01-01t01:02:03Z|2001-01-01T1:2:3Z|2001-01-01 01:02:03|2001-01-01 01:02:03.5|2001-01-01   01:02:03|2001-01-01T01:02:03.123456789+02:00|2001-01-01T01:02:03-08:30|2001-01-01T01:02:03|2001-01-01T24:00:00Z|2001-01-01T01:02:60Z|2001-01-01 01:02:03 Z|2001-01-01T01:02:03,5Z|200-01-01|20010101|2001-01|2001-01-01x|0001-01-01|2001-001-01
12:30|1:2|12:30:45|190:20:30|1:60|12:30.5|1.2.3|1.2.3.4|v1.2|1-2|1+2|-|--|---a|+|+-1|-a|+a|1a|1,000|1 000|$1|%1|a%|100%
<<|=|<|>a|a>b|a=b|a#b|a #b|a: b|a:b|a:|:a|::|?a|?|-1-|'a'|"a"|'|''|""|"\x41"|"\u00e9\U0001F600"|"\e\a\0"|"a\tb"|"a\
  b"|'a''b'|'a"b'|"a'b"|a'b|a"b|{}|[]|{a: b}|[a, b]|[a,b]|{a:b}|{a}|{a, b: c}|[a: b]|[,]|[a,]|{a: b,}|[[a], {b: [c]}]|[a b, c d]|{"a":"b"}|{"a":1,"b":[true,null]}|[-1, - 2]|[a, #c
  b]|{a: }|{: a}|{? a : b}|{'a':b}
!!str 1|!!str|!!str true|!!str null|!!int 1|!!int "1"|!!int 0x1F|!!int 1.0|!!int a|!!int 1.5|!!float 1|!!float 1.5|!!float "2"|!!float a|!!float .inf|!!float 0x10|!!bool yes|!!bool "yes"|!!bool true|!!bool 1|!!bool a|!!null null|!!null ''|!!null x|!!binary aGVsbG8=|!!binary aGVsbG8|!!binary "aGVs bG8="|!!binary "aGVs\nbG8="|!!binary /w==|!!binary ''|!!timestamp 2001-01-01|!!timestamp "2001-01-01"|!!timestamp x|!!seq [a]|!!map {a: b}|!!set {a, b}|!!omap [a: b]|!!pairs [a: b]|!!foo a|!!str [a]|!!int [a]
! a|! 12|! "12"|!local a|!local 12|!local {a: 1}|!local [1]|!Ref x|!GetAtt a.b|!<tag:yaml.org,2002:int> 3|!<tag:yaml.org,2002:str> 3|!e!x a|!!merge <<|!!int &a 3|&a !!int 3
&a 1|&a|*a|&a x y|&a [1]|a &b|a*b|*|&|@a|`+"`a"+`|%a|a!b|!|#a|a\b|\n|a/b|//|~/x|/abs|C:\x|http://a.b:80/c?d=e#f|a@b.c|key=value|${VAR}|{{ tpl }}|"{{ tpl }}"|é|日本語|😀|a  b|a	b|tab	|
`, "\n"), "\n")

// Whole documents.
var documents = []string{
	"", "\n", " ", "# c", "# c\n", "---", "---\n", "--- # c\n", "---\n# c\n", "...", "---\n...\n", "--- a", "--- |\n a\n", "---\na: 1", "\ufeffa: 1", "\ufeff", "\ufeff# c\na: 1",
	"%YAML 1.1\n---\na: 1", "a: 1\n...\n", "a: 1\n---\nb: 2\n", "a: 1\r\nb: 2\r\n", "a: 1\rb: 2\r", "a:\r\n- b\r\n", "a: |\r\n  b\r\n  c\r\n",
	"a", "a\nb", "a\n b\n", "a: b\n c\n", "a: b\n\n c\n", "a:\n b\n c\n", "a:\n  b: c\n  d: e\n", "a:\n- b\n- c\n", "a:\n  - b\n  - c\n", "- a\n- b\n", "- a\n-\n- b\n", "- - a\n  - b\n- c\n", "-\n  a: b\n", "- a: b\n  c: d\n", "-   a: b\n    c: d\n", "- a:\n  - b\n", "- a:\n  b:\n", "-\n\n\n  - a\n",
	"a:\nb:\n", "a: \n  \nb: 1\n", "a: ~\nb:\n- ~\n-\n", "? a\n: b\n", "? a\n", "? a\n? b\n: c\n", "? |\n  a\n: b\n", "? [a]\n: b\n", "[a]: b\n", "{a: b}: c\n", "? - a\n: b\n", "? {a: b}\n: c\n", ": a\n", "~: a\n", "null: a\n", "'': a\n", "\"\": a\n", "? \n: a\n",
	"1: a\n", "1.0: a\n", "1.1: a\n", "1e3: a\n", "1e6: a\n", "0x10: a\n", "0777: a\n", "true: a\n", "on: push\n", "n: 1\n'n': 2\n", "yes: 1\nno: 2\n", ".inf: a\n", "-.inf: a\n", ".nan: a\n", "2001-01-01: a\n", "9223372036854775808: a\n", "16777217.0: a\n", "0.1: a\n", "!!str 1: a\n", "!!binary YQ==: a\n", "x: {1: a}\n", "x: {true: a}\n", "x: {1.5: a}\n", "x: {on: a}\n", "x: {null: a}\n", "- 1: a\n", "- {on: a}\n",
	"a: 1\na: 2\n", "a: 1\n\"a\": 2\n", "a: {b: 1, b: 2}\n", "a: {b: 1}\na: {c: 2}\n", "a: 1\nb: 2\na:\n",
	"a: |\n  b\n", "a: |\n  b", "a: |\n  b\n\n", "a: |-\n  b\n\n", "a: |+\n  b\n\n", "a: |+\n  b", "a: |+\n\n", "a: |\n\n", "a: |\n", "a: |", "a: |-\nb: 1\n", "a: |\nb: 1\n", "a: |+\nb: 1\n", "a: |\n  b\n   c\n  d\n", "a: |\n\n  b\n", "a: |2\n   b\n  c\n", "a: |1\n b\n", "a: |1-\n  b\n", "a: |-1\n  b\n", "a: | # c\n  b\n", "a: |\n  b\n # c\n", "a: |\n  b\n  # c\n", "a: |\n  b\n# c\nd: e\n", "a: |\n\tb\n", "a: |\n  b\tc\n", "a: |\n  \tb\n", "a: |\n  b  \n", "a: |\n  b\n \n  c\n", "a: |\n  b\n     \n  c\n", "a: |9\n  b\n", "a: |0\n  b\n", "a: |x\n  b\n", "a: |\n b\n  c\n d\n", "- |\n a\n- |\n  b\n", "a:\n  - |\n    b\n   - c\n", "a: |\n    b\n  c\n", "|\n a\n", "|-\n a\n", "--- |\na\n", "a: !!str |\n  1\n", "a: &x |\n  1\nb: *x\n", "a: !!int |-\n  1\n",
	"a: >\n  b\n  c\n", "a: >\n  b\n\n  c\n", "a: >\n  b\n\n\n  c\n", "a: >-\n  b\n  c\n\n", "a: >+\n  b\n  c\n\n", "a: >\n  b\n   c\n  d\n", "a: >\n\n  b\n", "a: >\n  b\n    c\n\n    d\n  e\n", "a: >\n  b", "a: >2\n   b\n  c\n", "a: >\n  b \n  c\n", "a: >\n\n\n", "a: >\n  b\n  \n  c\n", "a: >\n  * a\n  * b\n",
	"a: 'b\n  c'\n", "a: 'b\n\n  c'\n", "a: \"b\n  c\"\n", "a: \"b\\\n  c\"\n", "a: \"b\n\n  c\"\n", "a: \"b  \n  c\"\n", "a: \" b \"\n", "a: ' b '\n", "a: \"\\x41\\u0041\\U00000041\\n\\t\\\\ \\\"\\ \\_\\N\\L\\P\"\n", "a: \"\\/\"\n", "a: \"\\q\"\n", "a: \"\\xZZ\"\n", "a: \"\\ud83d\\ude00\"\n", "a: \"\\ud83d\"\n", "a: \"b\n", "a: 'b\n", "a: 'b' c\n", "a: \"b\" c\n", "a: 'b'c\n", "a: 'b' # c\n", "a: 'b'#c\n", "'a': b\n", "\"a\": b\n", "\"a\":b\n", "'a' : b\n", "a : b\n", "a\t: b\n",
	"{a: 1, b: 2}", "{a: 1\n, b: 2}", "{a: 1,\nb: 2}", "{\n  a: 1,\n  b: [1,\n 2]\n}\n", "{a: b\n c}", "[a\n b]", "[a, [b, c], {d: e}]", "{a: [b, c], d: {e: f}}", "[]", "{}", "[ ]", "{ }", "[[]]", "[{}]", "{a: {}}", "[a", "{a: b", "[a}", "{a: b]", "[a]]", "{a: b}}", "a: [b]c\n", "a: [b] c\n", "a: [b] # c\n", "[a, b]: c", "a: [\nb\n]\n", "a: [\n  b,\n  c,\n]\n", "a: {\n  b: c,\n}\n", "a:\n  [b, c]\n", "a:\n  {b: c}\n", "a: {b: c,, d: e}\n", "a: [b,, c]\n", "{a: b: c}", "[a: b: c]", "{a, b}", "{\"a\": 1, \"b\"}", "{\"a\":1,\"b\":\"c\"}", "[\"a\",\"b\"]", "{a: 'b', c: \"d\"}", "{http://a: b}", "[http://a:80]", "{a: http://b, c: d}", "[a#b]", "[a #b\n]", "{a: -1}", "[-1]", "[- 1]", "{a: *b}", "[?a]", "[a?]", "{?a: b}", "[a:b]", "[:a]", "[a:]", "{a:}", "[ 'a' : b ]", "{a: |\n b}", "{<<: {a: b}}", "[!!str 1, !!int '2']", "[&a b, *a]", "{&a b: *a}", "{a: b}\n{c: d}\n", "[a]\n[b]\n",
	"a: &x 1\nb: *x\n", "a: &x {b: 1}\nc: *x\n", "a: &x [1, 2]\nb: [*x, *x]\n", "a: *x\n", "a: &x [*x]\n", "a: &x 1\nb: &x 2\nc: *x\n", "&a b: c\nd: *a\n", "a: &x b\n*x : c\n", "a: &x\nb: *x\n", "a: &x\n  b: c\nd: *x\n", "a: &x\n- b\nd: *x\n", "&x a: b\n", "&x\na: b\n", "&x [a]", "--- &x\na: b\n", "--- &x a: b\n", "a: &x-y.z 1\nb: *x-y.z\n", "a: &é 1\nb: *é\n", "a: &x &y 1\n", "a: &x *x\n", "a: &x 1\n---\nb: *x\n", "a: &x null\nb: *x\n", "a: &x 1\nb: {*x : 2}\n", "a: &x [1]\n? *x\n: 2\n",
	"a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", "a: &x {b: 1, c: 2}\nd:\n  c: 3\n  <<: *x\n", "a: &x {b: 1}\ne: &y {b: 2, c: 3}\nd:\n  <<: [*x, *y]\n", "a: &x {b: 1}\ne: &y {b: 2, c: 3}\nd:\n  <<: *x\n  <<: *y\n", "d:\n  <<: {b: 1}\n", "d:\n  <<: [{b: 1}, {b: 2}]\n", "d:\n  <<: 1\n", "d:\n  <<: [1]\n", "d:\n  <<: ~\n", "d:\n  <<:\n", "d:\n  '<<': {b: 1}\n", "d:\n  \"<<\": 1\n", "d: <<\n", "a: &x {b: 1}\nc: &y {<<: *x, d: 2}\ne: {<<: *y, b: 3}\n", "<<: {a: 1}\n", "a: &x [1]\nd:\n  <<: *x\n", "d:\n  !!merge <<: {b: 1}\n", "d:\n  <<: {1: a, on: b}\n", "a: &x {b: null}\nd:\n  b: 1\n  <<: *x\n",
	"\ta: b\n", "a:\tb\n", "a: \tb\n", "a:\n\tb\n", "a:\n\tb: c\n", "a:\n  b\t\n", "a: b\t# c\n", "- \ta\n", "-\ta\n", "-\t- a\n", "a: b\n\t\nc: d\n", "a: b\n \t\nc: d\n", "[a,\tb]", "[\n\ta\n]", "a: [\n\tb\n]\n", "a: {\n\tb: c\n}\n", "a: 'b\n\tc'\n", "a: b\n\tc\n", "a:\n  - b\n\t- c\n",
	" a: b\n", "  a: b\n  c: d\n", " a: b\nc: d\n", "a: b\n c: d\n", "a:\n  b: c\n d: e\n", "a:\n b: c\n  d: e\n", "a:\n  - b\n - c\n", "- a\n - b\n", "a: - b\n", "a: b: c\n", "a: b:\n", "a: b :c\n", "a: b : c\n", "- a: b: c\n", "a\n: b\n", "a b: c d\n", "a:b\n", "a:\n", "a: b\nc\n", "a: b\n- c\n", "- a\nb: c\n", "a: [b\nc: d\n", "a: \"b\nc: d\n", "a: b #c\n", "a: b#c\n", "a: #b\n", "a: # b\n  c\n", "a: b\n# c\n  d\n", "a: b # c\n  d\n", "#a\n#b\na: b\n", "a: b\n #c\n", "a: -\n", "a: - \n", "a: ?\n", "a: ? b\n", "- ? a\n  : b\n", "- : a\n", "a: !\n", "a: !!str\nb: 1\n", "a: ! b\n", "a: !<x> b\n", "a: !x!y b\n", "%TAG !e! tag:e.com,2000:\n---\na: !e!x b\n", "%TAG ! tag:yaml.org,2002:\n---\na: !int \"1\"\n", "%FOO bar\n---\na: b\n", "a: %b\n", "%a: b\n", "a: @b\n", "@a: b\n", "`a`: b\n", "a: `b`\n", "a: b\n...\nc: d\n", "a: b\n--- c\n", "a: b\n---c\n", "a: 'b\n--- c'\n", "a: |\n  b\n---\nc\n", "a: b\n... # c\n", "a: b\n...x\n",
	"a: \u0085b\n", "a: b\u2028c\n", "a: b\u00a0c\n", "a: b\ufeffc\n", "a: \u0007\n", "a: \u007f\n", "a: \u0080\n", "a: b\u0000\n", "a: \ufffe\n", "\u00a0a: b\n", "a: é\nü: 日本\n", "a: 😀\n", "😀: a\n", "a: \"😀\"\n",
	strings.Repeat("k", 1000) + ": a\n", strings.Repeat("k", 1025) + ": a\n", "\"" + strings.Repeat("k", 1030) + "\": a\n", "? " + strings.Repeat("k", 1030) + "\n: a\n", "a: " + strings.Repeat("v", 3000) + "\n", "{" + strings.Repeat("k", 1030) + ": a}", "a: " + strings.Repeat("[", 50) + strings.Repeat("]", 50) + "\n", strings.Repeat("- ", 50) + "a\n",
	"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels:\n    app.kubernetes.io/name: a\n    enabled: \"true\"\ndata:\n  key: |\n    line 1\n      line 2\n\n    line 3\n  other: >-\n    folded\n    text\n  number: \"1\"\n  script.sh: |-\n    #!/bin/sh\n    echo \"a: b\"\n",
	"spec:\n  containers:\n  - name: a\n    image: nginx:1.25\n    args: [\"--port=80\", --host, \"{{ x }}\"]\n    ports:\n    - containerPort: 80\n      protocol: TCP\n    resources: {limits: {cpu: 100m, memory: 1Gi}, requests: {cpu: 0.5}}\n  defaultMode: 0644\n  port: 0x50\n  ratio: 1e-2\n",
	"defaultNamespace: a\nhelm:\n  chart: ./x\n  values:\n    on: off\n    version: 1.10\n    sha: 1e10\n    zip: 01234\n    time: 12:30\ntargetCustomizations:\n- name: dev\n  clusterSelector:\n    matchLabels: {env: dev}\n- name: rest\n  clusterSelector: {}\n",
}

func texts() []string {
	var out []string
	for _, row := range scalars {
		for _, scalar := range strings.Split(row, "|") {
			if scalar != "" {
				out = append(out, "v: "+scalar+"\n")
			}
		}
	}
	return append(out, documents...)
}

// Strings that need, or nearly need, quotes.
var strs = []string{
	"", " ", "  ", "a", " a", "a ", "a b", "a  b", "\t", "a\tb", "\ta", "a\t", "\n", "\n\n", "a\n", "a\n\n", "a\n\n\n", "\na", "\n\na", "a\nb", "a\nb\n", "a\n\nb", "a\n b\n", " a\nb", "  a\n b\n", "a \nb", "a\nb ", "a\n ", "a\n \nb", "\n ", " \n", "a\tb\nc", "\ta\nb", "a\r", "a\rb", "a\r\nb", "a\nb\r\nc\n", "#a\nb", "- a\n- b\n", "a: b\nc: d\n", "'a'\nb", "\"a\"\nb", "é\nb", "😀\nb", "a\u0085b\nc", "%a\nb", "---\na", "...\n",
	"true", "True", "TRUE", "tRue", "false", "yes", "Yes", "no", "on", "off", "y", "Y", "n", "N", "t", "f", "o", "null", "Null", "NULL", "~", "~a", "none",
	"0", "-0", "+1", "1", "-1", "0777", "0o777", "0x1F", "0b1", "089", "08", "1_000", "_1", "1_", "1.0", "1.", ".5", "-.5", ".", "..", "...", "...a", "....", "1e3", "1E3", "1e", "123e4567", "1e400", "1e-400", "9223372036854775807", "9223372036854775808", "18446744073709551616", "0xFFFFFFFFFFFFFFFFF", ".inf", "-.inf", "+.inf", ".nan", ".NaN", "inf", "nan", ".5_0", "0x", "0b2", "12345678901234567890123456789012345678901234567890",
	"2001-01-01", "2001-1-1", "2001-13-01", "2001-02-30", "2001-01-01T00:00:00Z", "2001-01-01T00:00:00", "2001-01-01 00:00:00", "2001-01-01 00:00:00 Z", "2001-01", "20010101", "12:30", "1:2", "12:30:45", "190:20:30.15", "1:60", "1:6", "-1:20", "+1:20", "1_0:20", "12:30:", ":30", "1:2:3:4", "12:3a", "12:345", "1.2.3", "1-2", "v1",
	"<<", "=", "<", ">", ">a", "|", "|a", "-", "--", "---", "--- a", "---a", "-a", "- a", "-\ta", "a-", "a -b", "?", "?a", "? a", "a?", ":", ":a", ": a", "a:", "a: b", "a:b", "a:\tb", "a :b", "::", "a: ", "#", "#a", "a#", "a #", "a #b", "a#b", "a\t#b", "!", "!a", "a!", "!!str a", "&", "&a", "a&b", "*", "*a", "a*", "%", "%a", "a%", "@", "@a", "a@b", "`", "`a", "a`", "'", "''", "'a'", "a'b", "it's", "\"", "\"a\"", "a\"b", "\\", "a\\b", "\\n", ",", ",a", "a,b", "a, b", "[", "]", "[a]", "a[0]", "[]", "{", "}", "{a}", "{}", "{{ x }}", "{a: b}", "${A}", "$(A)", "$", "/", "/a/b", "~/a", "a/b", "http://a.b/c", "http://a.b:80/c?d=e&f#g", "a=b", "a;b", "(a)", "a|b", "a>b", "^a$", ".*", "*.yaml", "**/*.yaml", "1 2", "1 a", "a 1", "0 1", "1,000", "100m", "1Gi", "50%", "--flag", "-f", "-1a", "+a", "+", "+-1", "a+b", "\\u0041",
	"é", "ü b", "日本語", "a\u00a0b", "\u00a0", "\u200b", "\u2026", "\ue000", "\ufffd", "\ufeff", "\ufeffa", "a\ufeffb", "😀", "a😀b", "\U0010ffff", "\u0001", "\u0007a", "\u001b[0m", "\u0000",
	strings.Repeat("word ", 30) + "end", strings.Repeat("word ", 15) + "end", strings.Repeat("x", 200), strings.Repeat("x", 200) + " " + strings.Repeat("y", 50), strings.Repeat("'word ", 30) + "end: x", strings.Repeat("\"word ", 30) + "\tend", strings.Repeat("word  ", 30) + "end", strings.Repeat("word  ", 30) + "\tend", strings.Repeat("wörd ", 30) + "end", strings.Repeat("a ", 100) + "b", strings.Repeat("a ", 100), " " + strings.Repeat("a ", 100) + "b", strings.Repeat("long line ", 20) + "\n" + strings.Repeat("long line ", 20), "1 " + strings.Repeat("word ", 30) + "end", "- " + strings.Repeat("word ", 30) + "end", "# " + strings.Repeat("word ", 30) + "end", strings.Repeat("x", 79) + " y z", strings.Repeat("x", 80) + " y z", strings.Repeat("x", 81) + " y z", strings.Repeat("x", 81) + "  y  z", strings.Repeat("{{ .Values.x }} ", 20) + "z",
}

type m = map[string]interface{}
type l = []interface{}

func values() []interface{} {
	out := []interface{}{
		nil, true, false, m{}, l{}, m{"a": nil}, m{"a": m{}}, m{"a": l{}}, l{nil}, l{l{}}, l{m{}}, l{l{l{}}},
		0, 1, -1, 1000000, 9223372036854775807, -9223372036854775807 - 1, uint64(18446744073709551615),
		0.5, -0.5, 1.0, 1e3, 1e6, 1.5e6, 123456789.5, 1e15, 1e18, 1e19, 1e20, 1e21, 1e22, 1.5e300, 0.1, 0.0001, 0.00001, 1e-7, 1.234e-9, 5e-324, 1.7976931348623157e308, 100000.5, 999999.5, 1234567.0, 3.14159,
		l{1, "a", true, nil, 1.5}, l{l{1, 2}, l{3, l{4, 5}}}, l{m{"a": 1, "b": 2}, m{"c": l{1, m{"d": 2}}}}, m{"a": l{1, 2}, "b": m{"c": l{m{"d": l{l{1}}}}}},
		m{"a": m{"b": m{"c": m{"d": "e"}}}}, l{m{"a": "x\ny\n"}}, m{"a": l{"x\ny"}}, m{"a": m{"b": " x\n  y\n"}}, l{l{"x\ny\n\n"}}, l{"a\n\n", "b"}, m{"a": "x\n\n", "b": "y"}, l{m{"a": l{}}, m{"b": m{}}},
		m{strings.Repeat("k", 128): 1, strings.Repeat("l", 129): 1}, m{strings.Repeat("k", 200): l{1, 2}}, m{strings.Repeat("k", 200): m{"a": 1}}, m{strings.Repeat("k ", 100) + "k": m{"a": l{1}}}, m{"a\nb": 1}, m{"a\nb": m{"c": l{1, 2}}}, l{m{"a\nb": 1, "c": 2}}, m{"x": m{strings.Repeat("k", 200): "v\nw\n", "z": 1}},
		m{"z": 1, "a": 2, "m": 3, "B": 4, "_": 5, "-": 6, "1": 7, "é": 8}, m{"a1": 1, "a10": 2, "a2": 3, "a02": 4, "a002": 5, "a100": 6, "a1b": 7, "a": 8, "ab": 9}, m{"1": 1, "2": 2, "10": 3, "100": 4, "20": 5, "1000": 6, "101": 7, "110": 8}, m{"1.2": 1, "1.10": 2, "1.9": 3, "1": 4, "1a": 5, "1-2": 6, "1_": 7}, m{"a-b": 1, "a.b": 2, "a_b": 3, "a/b": 4, "ab": 5, "a b": 6, "aB": 7, "a": 8, "A": 9, "a:": 10}, m{"v1": 1, "v1beta1": 2, "v1alpha1": 3, "v2": 4, "v10": 5}, m{"foo.bar/a": 1, "foo-bar/a": 2, "foobar/a": 3, "foo/a": 4, "foo": 5}, m{"ä": 1, "a": 2, "z": 3, "日": 4, "本": 5},
		m{"apiVersion": "v1", "kind": "ConfigMap", "metadata": m{"name": "a", "namespace": "b", "labels": m{"app.kubernetes.io/name": "a", "enabled": "true"}, "annotations": m{"note": strings.Repeat("some words ", 20)}}, "data": m{"key.yaml": "a:\n- b\n- c: d\n", "empty": "", "number": "1", "script.sh": "#!/bin/sh\nset -e\n\techo hi\n", "json": "{\"a\": [1, 2]}"}},
		m{"spec": m{"replicas": 3, "template": m{"spec": m{"containers": l{m{"name": "a", "image": "nginx:1.25", "args": l{"--port=80", "-v", "{{ x }}", "yes"}, "ports": l{m{"containerPort": 80}}, "env": l{m{"name": "A", "value": "on"}, m{"name": "B", "value": "0777"}}}}, "volumes": l{m{"emptyDir": m{}, "name": "tmp"}}}}}},
	}
	for _, s := range strs {
		out = append(out, s, m{"k": s}, l{s})
		out = append(out, m{s: "v"})
	}
	for _, n := range []int{5, 30, 60, 76, 78, 79, 80, 81, 82} {
		out = append(out, m{"key": m{"inner": l{m{"x": strings.Repeat("w", n) + " " + strings.Repeat("word ", 20) + "end"}}}})
		out = append(out, fmt.Sprintf("%s it's: \"x\"", strings.Repeat("w ", n)))
	}
	return out
}
