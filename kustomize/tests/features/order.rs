//! In which order objects come.

use kustomize_rs::{Options, Order};

use crate::built;

const OBJECTS: &str = "kind: Toy\nmetadata: {name: t}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n---\n\
                       apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n---\nkind: ValidatingWebhookConfiguration\n\
                       metadata: {name: w}\n---\nkind: Apple\nmetadata: {name: a}\n";

fn names(sort: &str, order: Order) -> Result<String, String> {
    let kustomization = format!("resources: [a.yaml]\n{sort}\n");
    let tree = [("kustomization.yaml", kustomization.as_str()), ("a.yaml", OBJECTS)];
    let output = built("", &tree, &Options { order, ..Options::default() }).map_err(|error| error.to_string())?;
    Ok(output.objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap_or("?")).collect())
}

#[test]
fn the_options_of_the_kustomization_win_over_those_of_the_caller() {
    let custom = "sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Toy], orderLast: [Namespace]}}";
    for (sort, order, expected) in [
        ("", Order::Input, "tsnwa"),
        ("", Order::Legacy, "nsatw"),
        ("sortOptions: {order: fifo}", Order::Legacy, "tsnwa"),
        ("sortOptions: {order: legacy}", Order::Input, "nsatw"),
        (custom, Order::Input, "tsawn"),
    ] {
        assert_eq!(names(sort, order).as_deref(), Ok(expected), "{sort}");
    }
    assert!(names("sortOptions: {order: other}", Order::Input).unwrap_err().contains("must be one of fifo, legacy"));
    assert!(names("sortOptions: {order: fifo, legacySortOptions: {}}", Order::Input).is_err());
}
