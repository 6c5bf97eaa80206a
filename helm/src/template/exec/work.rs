//! What calls of functions cost, so that no loop of cheap calls is without end for want of a limit.

use super::Run;
use crate::template::error::FunctionError;
use crate::value::Value;

/// How many bytes of a text a function may look at for one step.
const BYTES_OF_A_STEP: usize = 1 << 10;

/// How many values of a list or map a function may look at for one step.
const VALUES_OF_A_STEP: usize = 64;

/// What a value counts for, in bytes, beside the bytes of its text.
const BYTES_OF_A_VALUE: usize = 16;

/// How deep values are counted. What nests deeper is for the function to refuse: each has a limit of its own.
const MAX_DEPTH: usize = 1_000;

type Result<T> = std::result::Result<T, FunctionError>;

impl Run<'_> {
    /// Counts steps for the length of what a function is given.
    pub(super) fn count_arguments(&mut self, values: &[Value]) -> Result<()> {
        let work = |value: &Value| match value {
            Value::String(text) => text.len() / BYTES_OF_A_STEP,
            Value::List(list) => list.len() / VALUES_OF_A_STEP,
            Value::Map(map) => map.len() / VALUES_OF_A_STEP,
            _ => 0,
        };
        let work: usize = values.iter().map(work).sum();
        self.steps = self.steps.saturating_add(u64::try_from(work).unwrap_or(u64::MAX));
        if work > 0 && self.steps > self.options.limits.steps {
            return Err(self.too_many_steps().into());
        }
        Ok(())
    }

    /// Counts bytes for what a function has made: a text, or a list or map that nobody else holds.
    pub(super) fn count_result(&mut self, value: &Value) -> Result<()> {
        let bytes = match value {
            Value::String(text) => text.len(),
            Value::List(list) if is_new(value) => list.len().saturating_mul(BYTES_OF_A_VALUE),
            Value::Map(map) if is_new(value) => map.len().saturating_mul(2 * BYTES_OF_A_VALUE),
            _ => return Ok(()),
        };
        self.count_bytes(bytes).map_err(FunctionError::from)
    }

    /// Counts bytes for all that a value holds. A list that holds another twice, which holds another twice, ends at the limit.
    pub(super) fn count_all(&mut self, value: &Value) -> Result<()> {
        let mut open = vec![(value.clone(), 0)];
        while let Some((value, depth)) = open.pop() {
            let text = if let Value::String(text) = &value { text.len() } else { 0 };
            self.count_bytes(BYTES_OF_A_VALUE + text)?;
            if depth > MAX_DEPTH {
                continue;
            }
            match &value {
                Value::List(list) => list.with(|items| open.extend(items.iter().map(|item| (item.clone(), depth + 1)))),
                Value::Map(map) => map.with(|items| open.extend(items.values().map(|item| (item.clone(), depth + 1)))),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether nobody else holds this list or map, so that it was made just now.
pub(super) fn is_new(value: &Value) -> bool {
    match value {
        Value::List(list) => !list.is_shared(),
        Value::Map(map) => !map.is_shared(),
        _ => false,
    }
}
