//! Names of releases. Helm: `pkg/chart/v2/util/validate_name.go`; `pkg/action/install.go`, `TemplateName`.

use std::sync::Arc;

use super::Error;
use crate::functions::{Environment, Library, Seed};
use crate::template::{MissingKey, Options, Run, Templates};
use crate::value::Value;

/// Kubernetes allows 63, and charts append to the name.
const MAX_LENGTH: usize = 53;

/// Checks that a release can have this name.
///
/// # Errors
/// [`Error::Name`] with the rule.
pub fn validate(name: &str) -> Result<(), Error> {
    let refuse = |reason: &str| Err(Error::Name { name: name.to_owned(), reason: reason.to_owned() });
    if name.is_empty() {
        return refuse("no name provided");
    }
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label =
        |label: &str| label.starts_with(inner) && label.ends_with(inner) && label.chars().all(|c| inner(c) || c == '-');
    if name.len() > MAX_LENGTH || !name.split('.').all(label) {
        return refuse(
            "invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and \
             the length must not be longer than 53",
        );
    }
    Ok(())
}

/// The name that a template makes, which sees no values.
///
/// # Errors
/// What is wrong with the template.
pub fn from_template(text: &str, seed: Seed, time: i64) -> Result<String, String> {
    const NAME: &str = "name-template";
    let mut templates = Templates::new(NAME, Arc::new(Library::new()));
    templates.parse(NAME, text.as_bytes()).map_err(|error| error.to_string())?;
    let environment = Environment::new(seed, time);
    let options = Options { missing_key: MissingKey::Zero, limits: crate::template::Limits::default() };
    let output =
        Run::new(&templates, options, &environment).execute(NAME, &Value::Nil).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}
