//! Go's types under short names, for the tables of functions.

use crate::value::Type;

pub(super) const INT: Type = Type::INT;
pub(super) const INT64: Type = Type::INT64;
pub(super) const LIST: Type = Type::LIST;
pub(super) const STRINGS: Type = Type::STRINGS;
pub(super) const DICT: Type = Type::DICT;
pub(super) const STRING_MAP: Type = Type::STRING_MAP;
