//! Any bytes as the text of a template: parsed, or an error.
#![no_main]

use std::sync::Arc;

use helm_rs::functions::Library;
use helm_rs::template::Templates;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let mut templates = Templates::new("set", Arc::new(Library::new()));
    let _outcome = templates.parse("t", text);
});
