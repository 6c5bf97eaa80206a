//! Values by verb. Go: `fmt/print.go`, `printArg` and `printValue`.

use super::format::{LOWER, UPPER};
use super::{MAX_TEXT, Printer};
use crate::stack::deeper;
use crate::value::{Kind, List, Map, ObjectRef, Type, Value};

/// The deepest nesting that is printed. Go has no limit and ends the process at some depth.
const MAX_DEPTH: usize = 10_000;

/// Stands for the addresses that Go prints for pointers inside of values and for `%p`; the same inputs give the same bytes.
const ADDRESS: u64 = 0xc0_0001_0000;

impl Printer {
    /// An argument: a value in an `interface{}`.
    pub(super) fn print_arg(&mut self, arg: &Value, verb: char) {
        match (verb, arg) {
            ('T' | 'v', Value::Nil) => self.format.pad(b"<nil>"),
            (_, Value::Nil) => self.bad_verb(verb, None),
            ('T', _) => self.format.string(arg.type_name().as_bytes()),
            ('p', _) => self.pointer(arg, 'p'),
            // Only Errorf knows this verb. Go: `handleMethods`.
            ('w', Value::List(_) | Value::Map(_) | Value::Object(_)) => self.bad_verb(verb, Some(arg)),
            (_, Value::List(list)) if list.type_of() == Type::BYTES => self.bytes(list, verb, "[]byte"),
            _ => self.print_value(arg, verb, 0, true),
        }
    }

    /// A value that has an address, or what it points to.
    pub(super) fn print_indirect(&mut self, value: &Value) {
        let Value::Object(object) = value else {
            self.print_arg(value, 'v');
            return;
        };
        match (object.to_text_of_pointer(), object.type_of()) {
            (Some(text), _) => self.format.text(&text),
            (None, Type::Pointer(of)) if of.kind() == Kind::Struct => {
                self.fields(object, &of.to_string(), 'v', 0, true);
            }
            _ => self.print_arg(value, 'v'),
        }
    }

    /// A value at a depth. `methods` is false within unexported fields, where no method can be called.
    fn print_value(&mut self, value: &Value, verb: char, depth: usize, methods: bool) {
        if depth > MAX_DEPTH {
            self.stopped = Some("the value nests deeper than 10000 levels (the limit of printing)");
        }
        if self.format.buffer.len() > MAX_TEXT {
            self.stopped = Some("the text is larger than 16 MiB (the limit of printing)");
        }
        if self.stopped.is_some() {
            return;
        }
        match value {
            // The nil interface as an element; at depth 0 it never comes here.
            Value::Nil => self.format.text(if self.format.flags.sharp_v { "interface {}(nil)" } else { "<nil>" }),
            Value::Bool(b) => match verb {
                't' | 'v' => self.format.pad(if *b { b"true" } else { b"false" }),
                _ => self.bad_verb(verb, Some(value)),
            },
            Value::Int(_, n) => self.integer(value, n.unsigned_abs(), *n < 0, true, verb),
            Value::Uint(_, n) => self.integer(value, *n, false, false, verb),
            Value::Float(f) => self.float(value, *f, verb),
            Value::Complex(re, im) => self.complex(value, *re, *im, verb),
            Value::String(s) => self.string(value, s.as_bytes(), verb),
            Value::List(list) => deeper(|| self.list(list, verb, depth, methods)),
            Value::Map(map) => deeper(|| self.map(map, verb, depth, methods)),
            Value::Object(object) => deeper(|| self.object(value, object, verb, depth, methods)),
        }
    }

    /// What a verb prints that does not fit its value.
    fn bad_verb(&mut self, verb: char, value: Option<&Value>) {
        let erroring = std::mem::replace(&mut self.erroring, true);
        self.format.text(&format!("%!{verb}("));
        match value {
            Some(value) => {
                self.format.text(&value.type_name());
                self.format.text("=");
                self.print_value(value, 'v', 0, true);
            }
            None => self.format.text("<nil>"),
        }
        self.format.text(")");
        self.erroring = erroring;
    }

    fn integer(&mut self, value: &Value, magnitude: u64, negative: bool, signed: bool, verb: char) {
        // As Go's conversion to uint64, for the verbs that take a character.
        let code = if negative { magnitude.wrapping_neg() } else { magnitude };
        match verb {
            'v' if self.format.flags.sharp_v && !signed => self.prefixed_hex(magnitude, true),
            'v' | 'd' => self.format.integer(magnitude, negative, 10, verb, LOWER),
            'b' => self.format.integer(magnitude, negative, 2, verb, LOWER),
            'o' | 'O' => self.format.integer(magnitude, negative, 8, verb, LOWER),
            'x' => self.format.integer(magnitude, negative, 16, verb, LOWER),
            'X' => self.format.integer(magnitude, negative, 16, verb, UPPER),
            'c' => self.format.character(code),
            'q' => self.format.quoted_character(code),
            'U' => self.format.unicode(code),
            _ => self.bad_verb(verb, Some(value)),
        }
    }

    fn prefixed_hex(&mut self, n: u64, prefix: bool) {
        let sharp = std::mem::replace(&mut self.format.flags.sharp, prefix);
        self.format.integer(n, false, 16, 'v', LOWER);
        self.format.flags.sharp = sharp;
    }

    fn float(&mut self, value: &Value, f: f64, verb: char) {
        match verb {
            'v' => self.format.float(f, 'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.format.float(f, verb, None),
            'f' | 'e' | 'E' => self.format.float(f, verb, Some(6)),
            'F' => self.format.float(f, 'f', Some(6)),
            _ => self.bad_verb(verb, Some(value)),
        }
    }

    fn complex(&mut self, value: &Value, re: f64, im: f64, verb: char) {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            self.bad_verb(verb, Some(value));
            return;
        }
        self.format.text("(");
        self.float(value, re, verb);
        let plus = std::mem::replace(&mut self.format.flags.plus, true);
        self.float(value, im, verb);
        self.format.flags.plus = plus;
        self.format.text("i)");
    }

    fn string(&mut self, value: &Value, bytes: &[u8], verb: char) {
        match verb {
            'v' if self.format.flags.sharp_v => self.format.quoted(bytes),
            'v' | 's' => self.format.string(bytes),
            'x' => self.format.hex(bytes, LOWER),
            'X' => self.format.hex(bytes, UPPER),
            'q' => self.format.quoted(bytes),
            _ => self.bad_verb(verb, Some(value)),
        }
    }

    /// A slice of bytes. Go: `fmtBytes`.
    fn bytes(&mut self, list: &List, verb: char, type_name: &str) {
        let bytes = list.to_bytes().unwrap_or_default();
        match verb {
            'v' | 'd' if self.format.flags.sharp_v => {
                self.format.text(type_name);
                if list.is_nil() {
                    self.format.text("(nil)");
                    return;
                }
                self.format.text("{");
                for (i, byte) in bytes.iter().enumerate() {
                    self.format.text(if i > 0 { ", " } else { "" });
                    self.prefixed_hex(u64::from(*byte), true);
                }
                self.format.text("}");
            }
            's' => self.format.string(&bytes),
            'x' => self.format.hex(&bytes, LOWER),
            'X' => self.format.hex(&bytes, UPPER),
            'q' => self.format.quoted(&bytes),
            _ => self.elements(list, verb, 0, true),
        }
    }

    fn list(&mut self, list: &List, verb: char, depth: usize, methods: bool) {
        let of_bytes = list.type_of().element() == Type::BYTES.element();
        if of_bytes && matches!(verb, 's' | 'q' | 'x' | 'X') {
            self.bytes(list, verb, &list.type_of().to_string());
        } else {
            self.elements(list, verb, depth, methods);
        }
    }

    fn elements(&mut self, list: &List, verb: char, depth: usize, methods: bool) {
        let sharp = self.format.flags.sharp_v;
        if sharp {
            self.format.text(&list.type_of().to_string());
            if list.is_nil() {
                self.format.text("(nil)");
                return;
            }
        }
        self.format.text(if sharp { "{" } else { "[" });
        for (i, item) in list.to_vec().iter().enumerate() {
            if i > 0 {
                self.format.text(if sharp { ", " } else { " " });
            }
            self.print_value(item, verb, depth + 1, methods);
        }
        self.format.text(if sharp { "}" } else { "]" });
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize, methods: bool) {
        let sharp = self.format.flags.sharp_v;
        if sharp {
            self.format.text(&map.type_of().to_string());
            if map.is_nil() {
                self.format.text("(nil)");
                return;
            }
            self.format.text("{");
        } else {
            self.format.text("map[");
        }
        for (i, (key, value)) in map.to_vec().into_iter().enumerate() {
            if i > 0 {
                self.format.text(if sharp { ", " } else { " " });
            }
            self.print_value(&Value::String(key), verb, depth + 1, methods);
            self.format.text(":");
            self.print_value(&value, verb, depth + 1, methods);
        }
        self.format.text(if sharp { "}" } else { "]" });
    }

    fn object(&mut self, value: &Value, object: &ObjectRef, verb: char, depth: usize, methods: bool) {
        if !self.erroring
            && methods
            && !self.format.flags.sharp_v
            && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
            && let Some(text) = object.to_text()
        {
            self.string(&Value::from(text.as_str()), text.as_bytes(), verb);
            return;
        }
        if let Some(plain) = object.underlying() {
            self.named(value, &plain, verb, depth, methods);
            return;
        }
        match object.type_of() {
            Type::Pointer(of) if depth == 0 && of.kind() == Kind::Struct => {
                self.format.text("&");
                self.fields(object, &of.to_string(), verb, depth + 1, methods);
            }
            Type::Pointer(_) => self.pointer(value, verb),
            of => self.fields(object, &of.to_string(), verb, depth, methods),
        }
    }

    /// A named type over a plain one prints as the plain one, under its own name where types show.
    fn named(&mut self, value: &Value, plain: &Value, verb: char, depth: usize, methods: bool) {
        let Some(of) = value.type_of() else { return };
        match plain {
            Value::List(list) => self.list(&list.retyped(of), verb, depth, methods),
            Value::Map(map) => self.map(&map.retyped(of), verb, depth, methods),
            Value::Int(_, n) => self.integer(value, n.unsigned_abs(), *n < 0, true, verb),
            Value::Uint(_, n) => self.integer(value, *n, false, false, verb),
            Value::String(s) => self.string(value, s.as_bytes(), verb),
            Value::Float(f) => self.float(value, *f, verb),
            other => self.print_value(other, verb, depth, methods),
        }
    }

    fn fields(&mut self, object: &ObjectRef, type_name: &str, verb: char, depth: usize, methods: bool) {
        let flags = self.format.flags;
        if flags.sharp_v {
            self.format.text(type_name);
        }
        self.format.text("{");
        for (i, (name, value)) in object.fields().into_iter().enumerate() {
            if i > 0 {
                self.format.text(if flags.sharp_v { ", " } else { " " });
            }
            if flags.plus_v || flags.sharp_v {
                self.format.text(name);
                self.format.text(":");
            }
            let exported = name.starts_with(|c: char| c.is_uppercase());
            self.print_value(&value, verb, depth + 1, methods && exported);
        }
        self.format.text("}");
    }

    /// A pointer as an address. Go: `fmtPointer`.
    fn pointer(&mut self, value: &Value, verb: char) {
        if !matches!(value.kind(), Kind::Pointer | Kind::Map | Kind::Slice | Kind::Func) {
            self.bad_verb(verb, Some(value));
            return;
        }
        match verb {
            'v' if self.format.flags.sharp_v => {
                self.format.text(&format!("({})(", value.type_name()));
                self.prefixed_hex(ADDRESS, true);
                self.format.text(")");
            }
            'v' | 'p' => self.prefixed_hex(ADDRESS, !self.format.flags.sharp),
            'b' | 'o' | 'd' | 'x' | 'X' => self.integer(value, ADDRESS, false, false, verb),
            _ => self.bad_verb(verb, Some(value)),
        }
    }
}
