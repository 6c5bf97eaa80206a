//! The YAML that apply bodies come in. Clients of this server send JSON, which is YAML as well; anything else is
//! refused rather than half understood.

use serde_json::Value;

pub(crate) fn parse(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|e| format!("only JSON is modelled here: {e}"))
}
