//! What is rendered in a process of its own, which is the program.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be made is the end of its test")]

use file_tree::{MemoryTree, Mode};
use fleet_api::names::Ref;
use fleet_api::wire::Deployment;
use fleet_api::{Digest, Reason};
use serde_json::{Value, json};
use skiff_agent::render::{Job, Renderer, Unrendered};
use skiff_render::{Chance, ClusterFacts, RenderInput, Values, packed, to_sources};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A chart with this template, and values from the cluster.
fn job(template: &str, values: &str) -> Job {
    let chart = "apiVersion: v2\nname: shop\nversion: 0.1.0\n";
    let files: BTreeMap<String, (Mode, Vec<u8>)> =
        [("Chart.yaml", chart), ("templates/a.yaml", template), ("values.yaml", "from: chart\n")]
            .map(|(path, text)| (path.to_owned(), (Mode::Regular, text.as_bytes().to_vec())))
            .into();
    let packed = packed::pack(&files);
    let tree: MemoryTree = packed::unpack(&packed).unwrap();
    let options = json!({"defaultNamespace": "shop", "helm": {"valuesFrom": [{"secretKeyRef": {"name": "s"}}]}});
    let options = serde_json::from_value(options).unwrap();
    let input = RenderInput {
        files: &tree,
        prefix: "",
        bundle: "shop",
        options: &options,
        cluster: &ClusterFacts::default(),
        chance: Some(Chance { seed: [7; 32], time: 1_795_910_400 }),
    };
    let bundle = Ref { namespace: "fleet-default".parse().unwrap(), name: "shop".parse().unwrap() };
    let document = serde_json::to_vec(&to_sources(&input, &bundle, Digest::of(&packed)).unwrap()).unwrap();
    Job {
        source: Digest::of(&document),
        document,
        files: packed,
        cluster: Arc::new(ClusterFacts {
            kubernetes_version: "v1.36.3".into(),
            api_versions: vec!["v1".into(), "example.com/v1/Thing".into()],
            ..ClusterFacts::default()
        }),
        values: Arc::new(vec![Values::from_yaml(values).unwrap()]),
    }
}

fn apart() -> Renderer {
    Renderer::Apart(PathBuf::from(env!("CARGO_BIN_EXE_skiff-agent")))
}

const TEMPLATE: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  text: {{ .Values.text | quote }}
  from: {{ .Values.from }}
  float: {{ .Values.float | quote }}
  whole: {{ .Values.whole | toString | quote }}
  chance: {{ randAlphaNum 8 | quote }}
  version: {{ .Capabilities.KubeVersion.Version }}
  thing: {{ .Capabilities.APIVersions.Has \"example.com/v1/Thing\" | quote }}
";

#[test]
fn what_is_rendered_apart_is_what_is_rendered_here() {
    let job = job(TEMPLATE, "text: \"a \\u0000 é\"\nfloat: 0.12345678901234566\nwhole: 9007199254740993\n");
    let rendered = apart().render(&job).unwrap();
    assert_eq!(rendered, Renderer::Here.render(&job).unwrap());
    let object: Value = serde_json::from_slice(&rendered.objects[0]).unwrap();
    let data = &object["data"];
    assert_eq!((data["thing"].as_str(), data["from"].as_str()), (Some("true"), Some("chart")));
    assert_eq!((data["version"].as_str(), data["text"].as_str()), (Some("v1.36.3"), Some("a \0 é")));
    let document: Deployment = serde_json::from_slice(&rendered.document).unwrap();
    assert_eq!((document.rendered_from, document.objects.len()), (Some(job.source), 1));
    assert_eq!(document.objects[0].digest, Digest::of(&rendered.objects[0]));
}

#[test]
fn an_error_apart_is_the_error_here() {
    let job = job("{{ fail (printf \"%s is wrong\" .Values.password) }}", "password: hunter2");
    let error = apart().render(&job).unwrap_err();
    assert_eq!(error, Renderer::Here.render(&job).unwrap_err());
    let Unrendered::Failed(note) = error else { panic!("{error:?}") };
    assert!(note.reason == Reason::RenderFailed && !note.message.contains("hunter2"), "{note:?}");
}

#[cfg(unix)]
#[test]
fn the_end_of_the_process_is_the_end_of_the_render_alone() {
    let job = job(TEMPLATE, "text: hunter2");
    let with = |script: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Renderer::Apart(program).render(&job).unwrap_err()
    };
    for script in ["exit 101", "cat >&2; kill -ABRT $$", "cat", "head -c 8 /dev/zero; head -c 100 /dev/urandom"] {
        let Unrendered::Failed(note) = with(script) else { panic!("{script}") };
        assert!(note.message.contains("panicked") && !note.message.contains("hunter2"), "{script}: {note:?}");
    }
    let Unrendered::Later(why) = with("kill -KILL $$") else { panic!("it may be rendered another time") };
    assert!(why.contains("killed"), "{why}");
    let error = Renderer::Apart("/nowhere/skiff-agent".into()).render(&job).unwrap_err();
    assert!(matches!(error, Unrendered::Later(_)), "{error:?}");
}
