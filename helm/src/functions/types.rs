//! What a value is. Sprig: `reflect.go`.

use super::args::{self, Outcome};
use super::equal::deep_equal;
use crate::template::{Function, Signature};
use crate::value::{Type, Value};

use Type::{Any, Bool, String as Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::pure("typeOf", Signature::new(&[Any], Text), |a| Ok(args::any(a, 0).type_name().into())),
    Function::pure("typeIs", Signature::new(&[Text, Any], Bool), type_is),
    Function::pure("typeIsLike", Signature::new(&[Text, Any], Bool), type_is_like),
    Function::pure("kindOf", Signature::new(&[Any], Text), |a| Ok(args::any(a, 0).kind().to_string().into())),
    Function::pure("kindIs", Signature::new(&[Text, Any], Bool), kind_is),
    Function::deep("deepEqual", Signature::new(&[Any, Any], Bool), |a| {
        Ok(deep_equal(args::any(a, 0), args::any(a, 1)).into())
    }),
];

fn type_is(args: &[Value]) -> Outcome {
    Ok((*args::string(args, 0)? == args::any(args, 1).type_name().as_str()).into())
}

/// The type, or a pointer to it.
fn type_is_like(args: &[Value]) -> Outcome {
    let (target, name) = (args::string(args, 0)?, args::any(args, 1).type_name());
    Ok((*target == name.as_str() || name.strip_prefix('*').is_some_and(|to| *target == to)).into())
}

fn kind_is(args: &[Value]) -> Outcome {
    Ok((*args::string(args, 0)? == args::any(args, 1).kind().to_string().as_str()).into())
}
