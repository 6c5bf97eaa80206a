//! Decimals of any size, for the sums of floats that come out as people expect. shopspring/decimal: `decimal.go`.

use num_bigint::{BigInt, Sign};

/// `value` times ten to `exponent`.
#[derive(Debug, Clone)]
pub(super) struct Decimal {
    value: BigInt,
    exponent: i64,
}

/// Digits after the point of a quotient that does not end. Go: `DivisionPrecision`.
const PRECISION: i64 = 16;

fn ten_to(exponent: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).unwrap_or(0))
}

impl Decimal {
    /// The shortest decimal that reads back as this float; an error for what is not finite.
    pub(super) fn from_float(f: f64) -> Result<Self, String> {
        if !f.is_finite() {
            let name = if f.is_nan() {
                "NaN"
            } else if f > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(format!("Cannot create a Decimal from {name}"));
        }
        let text = format!("{f:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let fraction = mantissa.split_once('.').map_or(0, |(_, digits)| digits.len());
        let value = mantissa.replace('.', "").parse().unwrap_or_default();
        let exponent = exponent.parse().unwrap_or(0) - i64::try_from(fraction).unwrap_or(0);
        Ok(Self { value, exponent })
    }

    /// The nearest float.
    pub(super) fn to_float(&self) -> f64 {
        format!("{}e{}", self.value, self.exponent).parse().unwrap_or(f64::NAN)
    }

    fn rescaled(&self, exponent: i64) -> BigInt {
        &self.value * ten_to(self.exponent - exponent)
    }

    fn paired(&self, other: &Self) -> (BigInt, BigInt, i64) {
        let exponent = self.exponent.min(other.exponent);
        (self.rescaled(exponent), other.rescaled(exponent), exponent)
    }

    /// The sum.
    pub(super) fn add(&self, other: &Self) -> Self {
        let (a, b, exponent) = self.paired(other);
        Self { value: a + b, exponent }
    }

    /// The difference.
    pub(super) fn sub(&self, other: &Self) -> Self {
        let (a, b, exponent) = self.paired(other);
        Self { value: a - b, exponent }
    }

    /// The product.
    pub(super) fn mul(&self, other: &Self) -> Self {
        Self { value: &self.value * &other.value, exponent: self.exponent + other.exponent }
    }

    /// The quotient, rounded half away from zero where it does not end. Go: `DivRound`.
    pub(super) fn div(&self, other: &Self) -> Result<Self, String> {
        if other.value.sign() == Sign::NoSign {
            return Err("decimal division by 0".to_owned());
        }
        let shift = self.exponent - other.exponent + PRECISION;
        let (a, b) = if shift < 0 {
            (self.value.clone(), &other.value * ten_to(-shift))
        } else {
            (&self.value * ten_to(shift), other.value.clone())
        };
        let (mut quotient, remainder) = (&a / &b, &a % &b);
        if remainder.magnitude() * 2u8 >= *b.magnitude() {
            quotient += if a.sign() == b.sign() { 1 } else { -1 };
        }
        Ok(Self { value: quotient, exponent: -PRECISION })
    }
}
