//! Advisories of others, replayed against charts (docs/ADVISORIES.md).

#![expect(clippy::unwrap_in_result, reason = "charts and values of a test are well formed")]

use std::io::Write as _;

use file_tree::{MemoryTree, Mode};
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use crate::functions::Seed;
use crate::template::Limits;
use crate::{Chart, Options, Output, Release, Values, render};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 0.1.0\n";

fn chart(files: &[(&str, &str)]) -> Result<Chart, String> {
    let mut tree = MemoryTree::from_files(files.iter().map(|(path, text)| (format!("web/{path}"), *text))).unwrap();
    if !files.iter().any(|(path, _)| *path == "Chart.yaml") {
        tree.insert("web/Chart.yaml", Mode::Regular, CHART.as_bytes()).unwrap();
    }
    Chart::load(&tree, "web").map_err(|error| error.to_string())
}

fn rendered(files: &[(&str, &str)], values: &str, time: i64) -> Result<Output, String> {
    let limits = Limits { steps: 200_000, bytes: 4 << 20, depth: 500 };
    let options = Options { limits, ..Options::new(Seed::new([7; 32]), time) };
    let values = Values::from_yaml(values).map_err(|error| error.to_string())?;
    render(&chart(files)?, &Release::new("rel", "ns"), &values, &options).map_err(|error| error.to_string())
}

fn template(text: &str) -> Result<Output, String> {
    rendered(&[("templates/a.yaml", text)], "", 0)
}

fn text(output: &Output) -> String {
    output.manifests.iter().map(|manifest| manifest.content.as_str()).collect()
}

fn entry(path: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

/// Whole blocks of a tar archive.
fn blocks(header: &Header, bytes: &[u8]) -> Vec<u8> {
    let mut out = [header.as_bytes(), bytes].concat();
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn file(path: &str, bytes: &[u8]) -> Vec<u8> {
    blocks(&entry(path, EntryType::Regular, bytes.len() as u64), bytes)
}

fn packaged(entries: &[Vec<u8>]) -> Result<Chart, String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&file("web/Chart.yaml", CHART.as_bytes())).unwrap();
    encoder.write_all(&entries.concat()).unwrap();
    encoder.write_all(&[0; 1024]).unwrap();
    Chart::from_archive(&encoder.finish().unwrap()).map_err(|error| error.to_string())
}

fn names(chart: &Chart) -> Vec<&str> {
    chart.templates.iter().chain(&chart.files).map(|file| file.name.as_str()).collect()
}

/// CVE-2026-41050 (Fleet): `lookup` read the cluster with the controller's rights while a chart was rendered.
#[test]
fn c12_lookup_finds_nothing_and_is_told() {
    let output = template(
        "{{ range (lookup \"v1\" \"Secret\" \"kube-system\" \"\").items }}s: {{ .data }}{{ end }}\
         a: {{ lookup \"v1\" \"Secret\" \"kube-system\" \"admin\" | toJson }}\n",
    )
    .unwrap();
    assert_eq!(text(&output), "a: {}\n");
    let told: Vec<_> = output.lookups.iter().map(|lookup| (lookup.namespace.as_str(), lookup.name.as_str())).collect();
    assert_eq!(told, [("kube-system", ""), ("kube-system", "admin")]);
}

/// CVE-2025-53547 (a lock file that is a link), CVE-2024-25620, CVE-2026-35206 (a chart called `.`), CVE-2019-18658 (Helm):
/// a chart wrote where it should not.
#[test]
fn c33_a_chart_has_no_name_that_is_a_path_and_no_file_outside() {
    for name in [".", "..", "../web", "a/b", "/web", "", "web/", "./web"] {
        let text = format!("apiVersion: v2\nname: '{name}'\nversion: 0.1.0\n");
        let told = chart(&[("Chart.yaml", &text)]).expect_err(name);
        assert!(told.contains("name"), "{name}: {told}");
    }
    for path in ["Chart.lock", "requirements.lock", "values.yaml", "templates/a.yaml", "charts/sub"] {
        for target in ["/etc/hostname", "../../etc/hostname", "../../../.bashrc"] {
            let mut tree = MemoryTree::from_files([("web/Chart.yaml", CHART)]).unwrap();
            tree.insert(&format!("web/{path}"), Mode::Symlink, target.as_bytes()).unwrap();
            let told = Chart::load(&tree, "web").expect_err(path).to_string();
            assert!(told.contains(path), "{path} to {target}: {told}");
        }
    }
}

/// CVE-2025-62518 (TARmageddon), CVE-2026-33055, -33056 (tar): two readers of one archive saw other entries in it, and
/// links led out.
#[test]
fn c34_an_entry_is_as_long_as_its_extension_says_and_links_hold_nothing() {
    // What an archive within the archive smuggles: a reader that takes the size of the old header (0) finds it.
    let smuggled = file("web/templates/evil.yaml", b"evil: true\n");
    // A record begins with its own length.
    let record = format!("13 size={}\n", smuggled.len());
    assert_eq!(record.len(), 13);
    let extension = blocks(&entry("web/pax", EntryType::XHeader, record.len() as u64), record.as_bytes());
    let carrier = blocks(&entry("web/inner.tar", EntryType::Regular, 0), &smuggled);
    let found = packaged(&[extension, carrier, file("web/templates/good.yaml", b"good: true\n")]).unwrap();
    assert_eq!(names(&found), ["templates/good.yaml", "inner.tar"]);
    let inner = found.files.iter().find(|file| file.name == "inner.tar").unwrap();
    assert_eq!(&*inner.data, smuggled.as_slice());

    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Char] {
        let mut link = entry("web/templates/link.yaml", kind, 0);
        link.set_link_name_literal(b"/etc/hostname").unwrap();
        link.set_cksum();
        let found = packaged(&[blocks(&link, &[])]).unwrap();
        assert!(found.templates.iter().all(|file| file.data.is_empty()), "{kind:?}");
    }
    for path in ["web/../../x", "web//etc/passwd", "web/..", "web\\..\\..\\x", "web/C:/x"] {
        assert!(packaged(&[file(path, b"x")]).unwrap_err().contains("illegal"), "{path}");
    }
}

/// CVE-2025-32386 (Helm), CVE-2023-40584, CVE-2024-29893, CVE-2022-31016 (Argo CD): few bytes that unpack to very many.
#[test]
fn c36_a_package_that_unpacks_to_very_much_is_refused_with_the_limit() {
    let size = "the decompressed chart is larger than the maximum of 104857600";
    let claimed = entry("web/a", EntryType::Regular, 1 << 40).as_bytes().to_vec();
    assert!(packaged(&[claimed]).unwrap_err().contains(size));
    let part = vec![0; 1 << 20];
    let many: Vec<Vec<u8>> = (0..101).map(|number| file(&format!("web/{number}"), &part)).collect();
    assert!(packaged(&many).unwrap_err().contains(size), "each is small, and all of them are not");
    let empty: Vec<Vec<u8>> = (0..100_001).map(|number| file(&format!("web/{number}"), &[])).collect();
    assert!(packaged(&empty).unwrap_err().contains("number of files"));
}

/// CVE-2023-25165 (Helm): a function of templates asked the DNS, and so told values to whoever answers. A render reads
/// nothing but its inputs.
#[test]
fn c38_a_render_reads_neither_network_nor_clock_nor_environment_nor_files() {
    let all = "a: {{ getHostByName \"localhost\" | quote }}\nb: {{ now | date \"2006\" }}\nc: {{ randAlphaNum 8 }}\n\
               d: {{ .Files.Get \"/etc/hostname\" }}{{ .Files.Get \"../../etc/hostname\" }}\n";
    let once = rendered(&[("templates/a.yaml", all)], "", 1_000_000_000).unwrap();
    assert!(text(&once).starts_with("a: \"\"\nb: 2001\nc: "), "{}", text(&once));
    assert!(text(&once).ends_with("\nd: \n"), "{}", text(&once));
    let again = rendered(&[("templates/a.yaml", all)], "", 1_000_000_000).unwrap();
    assert_eq!(text(&once), text(&again));
    for function in ["env \"HOME\"", "expandenv \"$HOME\"", "readFile \"/etc/hostname\"", "genPrivateKeyFile \"x\""] {
        let told = template(&format!("{{{{ {function} }}}}")).unwrap_err();
        assert!(told.contains("not defined"), "{function}: {told}");
    }
}

/// CVE-2024-26147, CVE-2022-23525, -23524, -23526, -36055, CVE-2025-55198 (Helm): null or another type in Chart.yaml, the
/// index of values or the schema.
#[test]
fn c40_another_type_in_any_place_of_a_chart_is_an_error_or_a_text() {
    let files = [
        (
            "Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies: [{name: s, version: 1, alias: t, condition: s.on, tags: [x], import-values: [{child: a, parent: b}]}]\nmaintainers: [{name: a}]\nannotations: {a: b}\n",
        ),
        ("charts/s/Chart.yaml", "name: s\nversion: 1.0.0\n"),
        ("charts/s/values.yaml", "a: {b: c}\nexports: {x: {y: z}}\n"),
        ("values.yaml", "t: {on: true}\nglobal: {g: 1}\n"),
        ("values.schema.json", "{\"properties\": {\"t\": {\"type\": \"object\"}}}"),
        ("Chart.lock", "dependencies: [{name: s, version: 1.0.0}]\ndigest: x\n"),
        (
            "templates/a.yaml",
            "a: {{ .Values.t.on }}-{{ .Values.global.g }}-{{ .Chart.Maintainers | toJson | quote }}\n",
        ),
    ];
    assert!(rendered(&files, "", 0).is_ok(), "{:?}", rendered(&files, "", 0));
    let mut tried = 0;
    for (at, (path, text)) in files.iter().enumerate().filter(|(_, (path, _))| !path.starts_with("templates")) {
        let options = k8s_yaml::Options::sigs();
        let value = k8s_yaml::parse(text, &options).unwrap()[0].node.to_json().unwrap();
        for mutated in mutations(&value) {
            let text = mutated.to_string();
            let mut files = files;
            files[at].1 = &text;
            if let Err(told) = rendered(&files, "", 0) {
                assert!(!told.is_empty(), "{path}: {text}");
            }
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
}

/// The value with each of its parts in turn replaced by what does not belong there.
fn mutations(value: &serde_json::Value) -> Vec<serde_json::Value> {
    use serde_json::{Value, json};
    let mut found = vec![Value::Null, json!([]), json!({}), json!(""), json!(0), json!(true)];
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                found.extend(mutations(inner).into_iter().map(|mutated| {
                    let mut copy = map.clone();
                    copy.insert(key.clone(), mutated);
                    Value::Object(copy)
                }));
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                found.extend(mutations(inner).into_iter().map(|mutated| {
                    let mut copy = items.clone();
                    copy[at] = mutated;
                    Value::Array(copy)
                }));
            }
        }
        _ => {}
    }
    found
}

/// CVE-2025-32387 (a schema that calls itself), CVE-2025-55199 (`$ref` to a device) (Helm).
#[test]
fn c41_a_schema_reads_no_file_and_ends() {
    for target in ["file:///dev/zero", "/dev/zero", "https://example.com/schema.json", "../../etc/hostname"] {
        let schema = format!("{{\"properties\": {{\"a\": {{\"$ref\": \"{target}\"}}}}}}");
        let told = rendered(&[("values.schema.json", &schema)], "a: 1\n", 0).expect_err(target);
        assert!(told.contains("values.schema.json"), "{target}: {told}");
    }
    let nested = format!("{}{{}}{}", "{\"properties\": {\"a\": ".repeat(5_000), "}}".repeat(5_000));
    let circle =
        "{\"$ref\": \"#/$defs/a\", \"$defs\": {\"a\": {\"$ref\": \"#/$defs/b\"}, \"b\": {\"$ref\": \"#/$defs/a\"}}}";
    let itself =
        "{\"properties\": {\"a\": {\"$ref\": \"#\"}}, \"additionalProperties\": {\"$ref\": \"#/properties/a\"}}";
    let deep = format!("{}1{}\n", "{a: ".repeat(150), "}".repeat(150));
    for (schema, values) in [(nested.as_str(), "a: 1\n"), (circle, "a: 1\n"), (itself, &deep)] {
        // It ends, within the stack of this thread; what is wrong with a schema is said of its file.
        if let Err(told) = rendered(&[("values.schema.json", schema)], values, 0) {
            assert!(told.contains("values.schema.json"), "{}", &told[..told.len().min(300)]);
        }
    }
}

/// CVE-2024-32476 (Argo CD, jq), CVE-2026-23881 (Kyverno): an expression of a user ran for ever, or made very much of
/// little.
#[test]
fn c45_an_expression_has_so_much_to_do_and_no_more() {
    for text in [
        "{{ range 1000000000 }}{{ end }}",
        "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}",
        "{{ $s := \"xxxxxxxx\" }}{{ range 60 }}{{ $s = print $s $s }}{{ end }}",
        "{{ repeat 1000000000 \"x\" }}",
        "{{ until 1000000000 }}",
        "{{ regexReplaceAll \"((((a{9}){9}){9}){9}){99}\" \"a\" \"b\" }}",
        "{{ regexReplaceAll \"x\" (repeat 2000 \"x\") (repeat 2000 \"y\") }}",
    ] {
        let told = template(text).expect_err(text);
        assert!(told.contains("templates/a.yaml"), "{text}: {}", &told[..told.len().min(300)]);
    }
}
