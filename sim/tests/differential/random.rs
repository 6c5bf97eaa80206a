//! Random writes: three managers apply, patch and put one object until something differs.

use crate::sequences::{cm, sequence};
use crate::steps::{Sequence, apply, force, get, merge, object, put, strategic};
use serde_json::{Value, json};

/// Random writes by three managers to one object of each sort.
pub(crate) fn random(seeds: std::ops::Range<u64>) -> Vec<Sequence> {
    seeds.map(random_sequence).collect()
}

/// A linear congruential generator: the same seed gives the same requests everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

fn random_sequence(seed: u64) -> Sequence {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1);
    for _ in 0..8 {
        dice.roll(2);
    }
    let sort = seed % 3;
    let mut steps = Vec::new();
    for i in 0..14 {
        let manager = dice.pick(&["one", "two", "three"]);
        let (path, object) = match sort {
            0 => ("cm/r", random_map(&mut dice)),
            1 => ("deploy/r", random_deployment(&mut dice, i == 0)),
            _ => ("svc/r", random_service(&mut dice, i == 0)),
        };
        let managed = format!("{path}?fieldManager={manager}");
        let step = match dice.roll(10) {
            0..=3 => apply(path, manager, object),
            4..=5 => force(path, manager, object),
            6..=7 if sort == 0 => merge(
                &managed,
                json!({"metadata": object["metadata"], "data": {dice.pick(&["a", "b", "c"]): dice.pick(&["1", "2"]), dice.pick(&["x", "y"]): null}}),
            ),
            6 => strategic(&managed, json!({"metadata": object["metadata"], "spec": object["spec"]})),
            7 => merge(
                &format!("{path}?fieldManager={manager}"),
                json!({"metadata": {"labels": {dice.pick(&["l", "m"]): null, "n": dice.pick(&["1", "2"])}}}),
            ),
            8 => put(&managed, object),
            _ => get(path),
        };
        steps.push(step);
    }
    steps.push(get(match sort {
        0 => "cm/r",
        1 => "deploy/r",
        _ => "svc/r",
    }));
    sequence(&format!("random-{seed}"), steps)
}

fn random_metadata(dice: &mut Dice, object: &mut Value) {
    if dice.roll(3) == 0 {
        object["metadata"]["labels"] = json!({dice.pick(&["l", "m"]): dice.pick(&["1", "2"])});
    }
    if dice.roll(4) == 0 {
        object["metadata"]["annotations"] = json!({dice.pick(&["l", "m"]): dice.pick(&["1", "2"])});
    }
    if dice.roll(8) == 0 {
        object["metadata"]["finalizers"] = json!([dice.pick(&["example.com/a", "example.com/b"])]);
    }
}

fn random_map(dice: &mut Dice) -> Value {
    let mut data = serde_json::Map::new();
    for _ in 0..dice.roll(4) {
        data.insert(dice.pick(&["a", "b", "c", "d"]).into(), dice.pick(&["1", "2"]).into());
    }
    let mut out = cm("r", Value::Object(data));
    random_metadata(dice, &mut out);
    out
}

fn random_deployment(dice: &mut Dice, whole: bool) -> Value {
    let mut containers = Vec::new();
    for name in ["c", "d", "e"] {
        if name != "c" && dice.roll(2) == 0 || !whole && name == "c" && dice.roll(3) == 0 {
            continue;
        }
        let mut c = json!({"name": name, "image": dice.pick(&["i:1", "i:2"])});
        if dice.roll(2) == 0 {
            let (a, b) = (dice.pick(&["A", "B"]), dice.pick(&["C", "D"]));
            c["env"] = json!([{"name": b, "value": dice.pick(&["1", "2"])}, {"name": a, "value": "0"}]);
        }
        if dice.roll(3) == 0 {
            c["args"] = json!([dice.pick(&["x", "y"])]);
        }
        if dice.roll(3) == 0 {
            c["ports"] = json!([{"containerPort": 80 + dice.roll(2), "name": "p"}]);
        }
        if dice.roll(3) == 0 {
            c["resources"] = json!({"limits": {dice.pick(&["cpu", "memory"]): "1"}});
        }
        containers.push(c);
    }
    if dice.roll(2) == 0 {
        containers.reverse();
    }
    let mut spec = json!({"selector": {"matchLabels": {"app": "r"}}, "template": {"metadata": {"labels": {"app": "r"}}, "spec": {}}});
    if !containers.is_empty() {
        spec["template"]["spec"]["containers"] = Value::Array(containers);
    }
    if dice.roll(3) == 0 {
        spec["replicas"] = json!(dice.roll(3));
    }
    if dice.roll(4) == 0 {
        spec["template"]["spec"]["nodeSelector"] = json!({dice.pick(&["k", "l"]): "v"});
    }
    if dice.roll(4) == 0 {
        spec["template"]["spec"]["tolerations"] = json!([{"key": dice.pick(&["k", "l"]), "operator": "Exists"}]);
    }
    if dice.roll(4) == 0 {
        spec["strategy"] = json!({"type": "Recreate"});
    }
    let mut out = object("apps/v1", "Deployment", "r", json!({"spec": spec}));
    random_metadata(dice, &mut out);
    out
}

fn random_service(dice: &mut Dice, whole: bool) -> Value {
    let mut ports = Vec::new();
    for (name, port) in [("a", 80), ("b", 81), ("c", 80)] {
        if whole && name == "a" || dice.roll(2) == 0 {
            let protocol = if name == "c" { "UDP" } else { "TCP" };
            let mut p = json!({"name": name, "port": port, "protocol": protocol});
            if dice.roll(2) == 0 {
                p["targetPort"] = json!(8080 + dice.roll(2));
            }
            ports.push(p);
        }
    }
    let mut spec = json!({"selector": {dice.pick(&["s", "t"]): dice.pick(&["1", "2"])}});
    if !ports.is_empty() {
        spec["ports"] = Value::Array(ports);
    }
    if dice.roll(4) == 0 {
        spec["sessionAffinity"] = json!("ClientIP");
    }
    let mut out = object("v1", "Service", "r", json!({"spec": spec}));
    random_metadata(dice, &mut out);
    out
}
