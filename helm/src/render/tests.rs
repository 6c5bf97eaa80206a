use super::*;
use crate::chart::File;

const CHART: &str = "apiVersion: v2\nname: demo\nversion: 0.1.0\n";

fn chart(files: &[(&str, &str)]) -> Chart {
    let own = files.iter().any(|(path, _)| *path == "Chart.yaml");
    let given = files.iter().map(|(path, text)| File::new(*path, text.as_bytes()));
    let default = (!own).then(|| File::new("Chart.yaml", CHART.as_bytes()));
    Chart::from_files(default.into_iter().chain(given).collect()).unwrap()
}

fn options() -> Options {
    Options::new(Seed::new([7; 32]), 1_795_000_000)
}

#[expect(clippy::unwrap_in_result, reason = "the values of a test are well formed")]
fn rendered(files: &[(&str, &str)], values: &str) -> Result<Output, Error> {
    let values = Values::from_yaml(values).unwrap();
    render(&chart(files), &Release::new("rel", "ns"), &values, &options())
}

fn text(files: &[(&str, &str)], values: &str) -> String {
    rendered(files, values).unwrap().manifests.into_iter().map(|manifest| manifest.content).collect()
}

#[test]
fn templates_see_values_release_chart_and_files() {
    let files = [
        ("values.yaml", "a: {b: 1, c: 2}\n"),
        ("conf/x.txt", "file"),
        ("templates/_h.tpl", "{{ define \"n\" }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}"),
        ("templates/a.yaml", "n: {{ include \"n\" . }}\nv: {{ .Values.a }}\nf: {{ .Files.Get \"conf/x.txt\" }}\n"),
        ("templates/NOTES.txt", "Hello {{ .Release.Namespace }}"),
    ];
    assert_eq!(text(&files, "a: {b: 5}"), "n: rel-demo\nv: map[b:5 c:2]\nf: file\n");
    assert_eq!(rendered(&files, "").unwrap().notes, "Hello ns");
}

#[test]
fn conditions_tags_and_aliases_switch_subcharts() {
    let files = [
        (
            "Chart.yaml",
            "apiVersion: v2\nname: demo\nversion: 0.1.0\ndependencies:\n- {name: s, version: '*', alias: one}\n\
             - {name: s, version: '*', alias: two, condition: two.enabled}\n- {name: s, version: '*', alias: three, tags: [t]}\n",
        ),
        ("charts/s/Chart.yaml", "name: s\nversion: 1.0.0\n"),
        ("charts/s/values.yaml", "x: default\n"),
        ("charts/s/templates/a.yaml", "{{ .Chart.Name }}: {{ .Values.x }} {{ .Template.Name }}\n"),
    ];
    let all = text(&files, "one: {x: 1}");
    assert_eq!(
        all,
        "one: 1 demo/charts/one/templates/a.yaml\nthree: default demo/charts/three/templates/a.yaml\n\
         two: default demo/charts/two/templates/a.yaml\n"
    );
    assert_eq!(text(&files, "two: {enabled: false}\ntags: {t: false}").lines().count(), 1);
}

#[test]
fn values_flow_between_charts_as_in_helm() {
    let files = [
        (
            "Chart.yaml",
            "apiVersion: v2\nname: demo\nversion: 0.1.0\ndependencies:\n\
             - {name: s, version: '*', import-values: [data, {child: deep.er, parent: here}]}\n",
        ),
        ("values.yaml", "global: {g: {a: 1}}\ns: {gone: null, kept: parent}\n"),
        ("charts/s/Chart.yaml", "name: s\nversion: 1.0.0\n"),
        ("charts/s/values.yaml", "gone: 1\nkept: child\nexports: {data: {up: 1}}\ndeep: {er: {x: 2}}\n"),
        ("charts/s/templates/a.yaml", "s: {{ .Values.kept }} {{ hasKey .Values \"gone\" }} {{ .Values.global.g.a }}\n"),
        ("templates/a.yaml", "d: {{ .Values.up }} {{ .Values.here.x }}\n"),
    ];
    // A null of the parent's values.yaml does not delete; one of the user does.
    assert_eq!(text(&files, "s: {gone: null}"), "s: parent false 1\nd: 1 2\n");
    assert_eq!(text(&files, ""), "s: parent true 1\nd: 1 2\n");
    assert_eq!(text(&files, "here: {x: mine}\nglobal: {g: {a: 9}}"), "s: parent true 9\nd: 1 mine\n");
}

#[test]
fn what_is_wrong_says_where() {
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
    let cases: &[Case<'_>] = &[
        (&[("templates/a.yaml", "{{ .Values.a.b }}")], "a: {}", ""),
        (&[("templates/a.yaml", "x\n{{ fail \"no\" }}")], "", "execution error at (demo/templates/a.yaml:2:3): no"),
        (&[("templates/a.yaml", "{{ if }}")], "", "parse error at (demo/templates/a.yaml:1): missing value for if"),
        (
            &[
                ("charts/s/Chart.yaml", "name: s\nversion: 1.0.0"),
                ("Chart.yaml", "name: demo\nversion: 1.0.0\ndependencies: [{name: s}]"),
            ],
            "s: text",
            "chart dependencies processing failed: type mismatch on s: %!t(string=text)",
        ),
        (
            &[("Chart.yaml", "name: demo\nversion: 1.0.0\nkubeVersion: '>=1.99'")],
            "",
            "chart requires kubeVersion: >=1.99 which is incompatible with Kubernetes v1.37.0",
        ),
    ];
    for (files, values, expected) in cases {
        let error = rendered(files, values).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(error, *expected, "{files:?}");
    }
    let error = render(&chart(&[]), &Release::new("A_b", "ns"), &Values::new(), &options()).unwrap_err().to_string();
    assert!(error.starts_with("release name check failed: release name \"A_b\": invalid release name"), "{error}");
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let files = [("templates/a.yaml", "a: {{ randAlphaNum 20 }}\nb: {{ now | date \"2006\" }}\nc: {{ uuidv4 }}\n")];
    assert_eq!(text(&files, ""), text(&files, ""));
    let output = rendered(&files, "").unwrap();
    assert!(output.is_random && output.reads_clock);
    let plain = rendered(&[("templates/a.yaml", "a: 1")], "").unwrap();
    assert!(!plain.is_random && !plain.reads_clock);
    let values = Values::new();
    let other = Options::new(Seed::new([8; 32]), 1_795_000_000);
    let other = render(&chart(&files), &Release::new("rel", "ns"), &values, &other).unwrap();
    assert_ne!(output.manifests, other.manifests);
}

#[test]
fn a_renderer_keeps_what_it_parsed() {
    let chart = chart(&[("templates/a.yaml", "a: {{ .Values.x }}")]);
    let mut renderer = Renderer::new();
    for x in ["1", "2"] {
        let values = Values::from_yaml(&format!("x: {x}")).unwrap();
        let output = renderer.render(&chart, &Release::new("rel", "ns"), &values, &options()).unwrap();
        assert_eq!(output.manifests[0].content, format!("a: {x}"));
    }
}
