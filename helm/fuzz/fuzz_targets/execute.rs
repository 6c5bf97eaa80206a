//! Any bytes as a template that is executed with the functions of Helm, within small limits.
#![no_main]

use std::sync::Arc;

use helm_rs::functions::{Environment, Library, Seed};
use helm_rs::template::{Limits, Options, Run, Templates};
use helm_rs::value::Value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let mut templates = Templates::new("set", Arc::new(Library::new()));
    if templates.parse("t", text).is_err() {
        return;
    }
    let environment = Environment::new(Seed::new([1; 32]), 1_700_000_000);
    let limits = Limits { steps: 20_000, bytes: 1 << 20, depth: 100 };
    let data = Value::map([("s", Value::from("text")), ("n", Value::int(1)), ("l", Value::strings(["a", "b"]))]);
    let _outcome = Run::new(&templates, Options { limits, ..Options::default() }, &environment).execute("t", &data);
});
