//! Chance that is none: bytes derived from a seed and from the call. Sprig: `strings.go`, `crypto.go`; goutils:
//! `cryptorandomstringutils.go`; xstrings: `Shuffle`.
//!
//! What a call gives depends on the seed, the function, the place of the call and how many calls were before it; so the same inputs
//! give the same bytes, and nobody without the seed can compute them.

use std::fmt;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng as _, SeedableRng as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::args::{self, Outcome};
use super::encoding::encode_base64;
use super::environment::randomness;
use super::signatures::INT;
use crate::template::{Call, Function, FunctionError, Signature};
use crate::value::{Type, Value};

use Type::String as Text;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::call("randAlphaNum", Signature::new(&[INT], Text), |call, a| {
        characters(call, a, "randAlphaNum", |c| c.is_ascii_alphanumeric())
    }),
    Function::call("randAlpha", Signature::new(&[INT], Text), |call, a| {
        characters(call, a, "randAlpha", |c| c.is_ascii_alphabetic())
    }),
    Function::call("randNumeric", Signature::new(&[INT], Text), |call, a| {
        characters(call, a, "randNumeric", |c| c.is_ascii_digit())
    }),
    Function::call("randAscii", Signature::new(&[INT], Text), |call, a| {
        characters(call, a, "randAscii", |c| matches!(c, ' '..='~'))
    }),
    Function::call("randBytes", Signature::new(&[INT], Text), bytes),
    Function::call("randInt", Signature::new(&[INT, INT], INT), int),
    Function::call("shuffle", Signature::new(&[Text], Text), shuffle),
    Function::call("uuidv4", Signature::new(&[], Text), uuid),
];

/// The secret from which everything random in a render is derived.
#[derive(Clone, Copy)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed of these bytes. Two renders with different inputs need different seeds.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The seed of one of several renders that share this one.
    #[must_use]
    pub fn derived(&self, render: &[u8]) -> Self {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).map(|mac| mac.chain_update(render).finalize().into_bytes());
        // An HMAC takes keys of any length; without one nothing secret must be made.
        Self(mac.map(Into::into).unwrap_or_default())
    }

    /// The stream of one purpose.
    pub(super) fn stream(&self, purpose: &[u8]) -> Stream {
        Stream(ChaCha20Rng::from_seed(self.derived(purpose).0))
    }
}

/// Without the secret.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// Random bytes of one call.
pub(super) struct Stream(pub(super) ChaCha20Rng);

impl Stream {
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// A number below `bound`, each equally likely; 0 if the bound is.
    fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let number = self.0.next_u64();
            if number < limit {
                return number % bound;
            }
        }
    }
}

/// How many characters, after their room was asked for; a negative number is none.
fn length(call: &mut dyn Call, args: &[Value]) -> Result<usize, FunctionError> {
    let length = usize::try_from(args::int(args, 0)?).unwrap_or(0);
    call.reserve(length)?;
    Ok(length)
}

fn characters(call: &mut dyn Call, args: &[Value], name: &str, allowed: fn(char) -> bool) -> Outcome {
    let length = length(call, args)?;
    let mut stream = randomness(call, name)?;
    let alphabet: Vec<char> = (' '..='~').filter(|c| allowed(*c)).collect();
    let count = u64::try_from(alphabet.len()).unwrap_or(1);
    let mut pick = || usize::try_from(stream.below(count)).ok().and_then(|n| alphabet.get(n)).copied().unwrap_or(' ');
    Ok(Value::from((0..length).map(|_| pick()).collect::<String>()))
}

fn bytes(call: &mut dyn Call, args: &[Value]) -> Outcome {
    if args::int(args, 0)? < 0 {
        return Err("runtime error: makeslice: len out of range".into());
    }
    let mut bytes = vec![0; length(call, args)?];
    randomness(call, "randBytes")?.fill(&mut bytes);
    Ok(encode_base64(&bytes).into())
}

fn int(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let (least, end) = (args::int(args, 0)?, args::int(args, 1)?);
    let span = u64::try_from(end.wrapping_sub(least)).ok().filter(|span| *span > 0);
    let span = span.ok_or_else(|| FunctionError::from("invalid argument to Intn"))?;
    Ok(Value::int(least.wrapping_add_unsigned(randomness(call, "randInt")?.below(span))))
}

fn shuffle(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let mut characters: Vec<char> = args::string(args, 0)?.to_text().chars().collect();
    let mut stream = randomness(call, "shuffle")?;
    for at in (1..characters.len()).rev() {
        let other = stream.below(u64::try_from(at).unwrap_or(0) + 1);
        characters.swap(at, usize::try_from(other).unwrap_or(at));
    }
    Ok(Value::from(characters.into_iter().collect::<String>()))
}

fn uuid(call: &mut dyn Call, _: &[Value]) -> Outcome {
    let mut bytes = [0; 16];
    randomness(call, "uuidv4")?.fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    Ok(format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]).into())
}
