//! Arithmetic. Sprig: `numeric.go` and the functions in `functions.go`.

use super::args::{self, Outcome};
use super::cast::{self, to_float, to_int};
use super::decimal::Decimal;
use super::signatures::{INT, INT64};
use crate::template::{Call, Function, FunctionError, Signature};
use crate::value::{List, Type, Value};

use Type::{Any, Float64, String as Text};

const INTS: Type = Type::Slice(&INT);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::pure("atoi", Signature::new(&[Text], INT), atoi),
    Function::pure("int64", Signature::new(&[Any], INT64), |a| Ok(Value::int64(to_int(args::any(a, 0))))),
    Function::pure("int", Signature::new(&[Any], INT), |a| Ok(Value::int(to_int(args::any(a, 0))))),
    Function::pure("float64", Signature::new(&[Any], Float64), |a| Ok(Value::Float(to_float(args::any(a, 0))))),
    Function::pure("toDecimal", Signature::new(&[Any], INT64), to_decimal),
    Function::call("seq", Signature::variadic(&[INT], Text), seq),
    Function::call("until", Signature::new(&[INT], INTS), until),
    Function::call("untilStep", Signature::new(&[INT, INT, INT], INTS), until_step),
    Function::pure("add1", Signature::new(&[Any], INT64), |a| {
        Ok(Value::int64(to_int(args::any(a, 0)).wrapping_add(1)))
    }),
    Function::pure("add", Signature::variadic(&[Any], INT64), |a| Ok(folded(&Value::Nil, a, i64::wrapping_add))),
    Function::pure("sub", Signature::new(&[Any, Any], INT64), |a| Ok(folded_args(a, i64::wrapping_sub))),
    Function::pure("mul", Signature::variadic(&[Any, Any], INT64), |a| Ok(folded_args(a, i64::wrapping_mul))),
    Function::pure("div", Signature::new(&[Any, Any], INT64), |a| divided(a, i64::wrapping_div)),
    Function::pure("mod", Signature::new(&[Any, Any], INT64), |a| divided(a, i64::wrapping_rem)),
    Function::pure("max", Signature::variadic(&[Any, Any], INT64), |a| Ok(folded_args(a, i64::max))),
    Function::pure("biggest", Signature::variadic(&[Any, Any], INT64), |a| Ok(folded_args(a, i64::max))),
    Function::pure("min", Signature::variadic(&[Any, Any], INT64), |a| Ok(folded_args(a, i64::min))),
    Function::pure("add1f", Signature::new(&[Any], Float64), add1f),
    Function::pure("addf", Signature::variadic(&[Any], Float64), addf),
    Function::pure("subf", Signature::variadic(&[Any, Any], Float64), |a| decimals(a, |x, y| Ok(x.sub(y)))),
    Function::pure("mulf", Signature::variadic(&[Any, Any], Float64), |a| decimals(a, |x, y| Ok(x.mul(y)))),
    Function::pure("divf", Signature::variadic(&[Any, Any], Float64), |a| decimals(a, Decimal::div)),
    Function::pure("maxf", Signature::variadic(&[Any, Any], Float64), |a| Ok(floats(a, max))),
    Function::pure("minf", Signature::variadic(&[Any, Any], Float64), |a| Ok(floats(a, min))),
    Function::pure("ceil", Signature::new(&[Any], Float64), |a| Ok(Value::Float(to_float(args::any(a, 0)).ceil()))),
    Function::pure("floor", Signature::new(&[Any], Float64), |a| Ok(Value::Float(to_float(args::any(a, 0)).floor()))),
    Function::pure("round", Signature::variadic(&[Any, INT, Float64], Float64), round),
];

/// Decimal digits only; where it does not fit, Go gives the nearest limit with the error that Sprig drops.
fn atoi(args: &[Value]) -> Outcome {
    let text = args::string(args, 0)?.as_str().unwrap_or_default();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let number = match cast::parse_int(text, 10) {
        Some(number) => number,
        None if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) => 0,
        None if text.starts_with('-') => i64::MIN,
        None => i64::MAX,
    };
    Ok(Value::int(number))
}

/// Octal digits as a number.
fn to_decimal(args: &[Value]) -> Outcome {
    let text = cast::display(args::any(args, 0));
    Ok(Value::int64(std::str::from_utf8(&text).ok().and_then(|s| cast::parse_int(s, 8)).unwrap_or(0)))
}

/// The numbers from `start` to before `stop`, after their room was asked for. Sprig: `untilStep`.
fn steps(call: &mut dyn Call, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FunctionError> {
    let ends = if stop < start { step >= 0 } else { step <= 0 };
    if ends || start == stop {
        return Ok(Vec::new());
    }
    let count = (i128::from(stop) - i128::from(start)).unsigned_abs().div_ceil(u128::from(step.unsigned_abs()));
    call.reserve(usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(size_of::<Value>()))?;
    let next = |n: &i64| n.checked_add(step).filter(|n| if step > 0 { *n < stop } else { *n > stop });
    Ok(std::iter::successors(Some(start), next).collect())
}

fn ints(numbers: Vec<i64>) -> Value {
    Value::List(List::typed(INTS, numbers.into_iter().map(Value::int).collect()))
}

fn until(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let count = args::int(args, 0)?;
    Ok(ints(steps(call, 0, count, if count < 0 { -1 } else { 1 })?))
}

fn until_step(call: &mut dyn Call, args: &[Value]) -> Outcome {
    Ok(ints(steps(call, args::int(args, 0)?, args::int(args, 1)?, args::int(args, 2)?)?))
}

fn seq(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let toward = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let (start, step, end, past) = match args.len() {
        1 => {
            let end = args::int(args, 0)?;
            (1, toward(1, end), end, toward(1, end))
        }
        2 => {
            let (start, end) = (args::int(args, 0)?, args::int(args, 1)?);
            (start, toward(start, end), end, toward(start, end))
        }
        3 => {
            let (start, step, end) = (args::int(args, 0)?, args::int(args, 1)?, args::int(args, 2)?);
            if end < start && step > 0 {
                return Ok(Value::from(""));
            }
            (start, step, end, toward(start, end))
        }
        _ => return Ok(Value::from("")),
    };
    let numbers = steps(call, start, end.wrapping_add(past), step)?;
    Ok(Value::from(numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")))
}

fn folded(first: &Value, rest: &[Value], op: fn(i64, i64) -> i64) -> Value {
    Value::int64(rest.iter().map(to_int).fold(to_int(first), op))
}

fn folded_args(args: &[Value], op: fn(i64, i64) -> i64) -> Value {
    folded(args::any(args, 0), args::rest(args, 1), op)
}

fn divided(args: &[Value], op: fn(i64, i64) -> i64) -> Outcome {
    match to_int(args::any(args, 1)) {
        0 => Err("runtime error: integer divide by zero".into()),
        by => Ok(Value::int64(op(to_int(args::any(args, 0)), by))),
    }
}

/// Sprig: `execDecimalOp`.
fn decimal_op(first: f64, rest: &[Value], op: impl Fn(&Decimal, &Decimal) -> Result<Decimal, String>) -> Outcome {
    let mut result = Decimal::from_float(first)?;
    for value in rest {
        result = op(&result, &Decimal::from_float(to_float(value))?)?;
    }
    Ok(Value::Float(result.to_float()))
}

fn decimals(args: &[Value], op: fn(&Decimal, &Decimal) -> Result<Decimal, String>) -> Outcome {
    decimal_op(to_float(args::any(args, 0)), args::rest(args, 1), op)
}

fn addf(args: &[Value]) -> Outcome {
    decimal_op(0.0, args, |x, y| Ok(x.add(y)))
}

fn add1f(args: &[Value]) -> Outcome {
    decimal_op(to_float(args::any(args, 0)), &[Value::int(1)], |x, y| Ok(x.add(y)))
}

fn floats(args: &[Value], op: fn(f64, f64) -> f64) -> Value {
    Value::Float(args::rest(args, 1).iter().map(to_float).fold(to_float(args::any(args, 0)), op))
}

/// Go: `math.Max`. Infinity wins over not-a-number, which wins over the rest; 0 is above -0.
fn max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else if a > b {
        a
    } else {
        b
    }
}

/// Go: `math.Min`.
fn min(a: f64, b: f64) -> f64 {
    -max(-a, -b)
}

fn round(args: &[Value]) -> Outcome {
    let on = match args::any(args, 2) {
        Value::Float(on) => *on,
        _ => 0.5,
    };
    let power = pow10(args::int(args, 1)?);
    let digits = power * to_float(args::any(args, 0));
    let fraction = digits - digits.trunc();
    // Infinity has no fraction, where Go's Modf says not-a-number; both are below.
    let rounded = if fraction >= on { digits.ceil() } else { digits.floor() };
    Ok(Value::Float(rounded / power))
}

/// `math.Pow(10, n)` with Go's rounding. Go: `math/pow.go`, by squaring of the fraction with the exponent apart.
fn pow10(n: i64) -> f64 {
    if n == 0 {
        return 1.0;
    }
    // 10 is 0.625 times 2 to 4.
    let (mut result, mut exponent) = (1.0, 0i64);
    let (mut x, mut x_exponent) = (0.625f64, 4i64);
    let mut bits = n.unsigned_abs();
    while bits != 0 {
        if !(-4096..=4096).contains(&x_exponent) {
            exponent += x_exponent;
            break;
        }
        if bits & 1 == 1 {
            result *= x;
            exponent += x_exponent;
        }
        x *= x;
        x_exponent <<= 1;
        if x < 0.5 {
            x += x;
            x_exponent -= 1;
        }
        bits >>= 1;
    }
    if n < 0 {
        result = 1.0 / result;
        exponent = -exponent;
    }
    cast::ldexp(result, i32::try_from(exponent.clamp(-10_000, 10_000)).unwrap_or(0))
}
