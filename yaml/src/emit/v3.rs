//! YAML as go-yaml v3 writes Go's values (Helm's `toYamlPretty`): lists indented under their key, lines never folded, and
//! quotes where v3 would read something else than a string, or YAML 1.1 a boolean.

use super::scalar::Style;
use super::{Context, Emitter, sort};
use crate::scalar::{Scalar, is_base60, resolve_untagged};
use crate::{Mode, emit::scalar};

/// A value to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Yaml {
    /// A number, boolean, null or time, as its text.
    Plain(String),
    /// A scalar with a tag such as `!!binary`.
    Tagged(&'static str, String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Yaml>),
    /// A mapping; it is written in go-yaml's order of keys.
    Mapping(Vec<(String, Yaml)>),
}

/// The value as go-yaml v3's encoder writes it with an indentation of two.
#[must_use]
pub fn to_string(value: &Yaml) -> String {
    let mut emitter = Emitter { raw_separators: true, width: usize::MAX, tabs_are_quoted: true, ..Emitter::new(true) };
    emitter.yaml(value, Context::Root);
    emitter.write_indent();
    emitter.out
}

/// go-yaml v3: `stringv`.
fn wanted_style(text: &str) -> Style {
    if text.contains('\n') {
        return Style::Literal;
    }
    let old_boolean = matches!(
        text,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF"
    );
    let plain = matches!(resolve_untagged(Mode::Kyaml, text), Scalar::Text(_)) && !old_boolean && !is_base60(text);
    if plain { Style::Plain } else { Style::DoubleQuoted }
}

impl Emitter {
    fn yaml(&mut self, value: &Yaml, context: Context) {
        match value {
            Yaml::Plain(text) => self.scalar(text, Style::Plain, context),
            Yaml::Tagged(tag, text) => {
                self.indicator(tag, true, false, false);
                self.scalar(text, Style::Plain, context);
            }
            Yaml::Text(text) => self.scalar(text, wanted_style(text), context),
            Yaml::List(items) if items.is_empty() => self.empty("[]"),
            Yaml::Mapping(entries) if entries.is_empty() => self.empty("{}"),
            Yaml::List(items) => {
                let outer = self.indent;
                self.increase_indent(false);
                for item in items {
                    self.write_indent();
                    self.indicator("-", true, false, true);
                    self.yaml(item, Context::Item);
                }
                self.indent = outer;
            }
            Yaml::Mapping(entries) => self.yaml_mapping(entries),
        }
    }

    fn yaml_mapping(&mut self, entries: &[(String, Yaml)]) {
        let outer = self.indent;
        self.increase_indent(false);
        let mut sorted: Vec<(&String, &Yaml)> = entries.iter().map(|(key, value)| (key, value)).collect();
        sort::by_key(&mut sorted);
        for (key, value) in sorted {
            self.write_indent();
            if scalar::is_simple_key(key) {
                self.scalar(key, wanted_style(key), Context::SimpleKey);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.scalar(key, wanted_style(key), Context::Value);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.yaml(value, Context::Value);
        }
        self.indent = outer;
    }
}

#[cfg(test)]
mod tests {
    use super::{Yaml, to_string};

    #[test]
    fn values_are_written_as_by_go() {
        let text = |text: &str| Yaml::Text(text.to_owned());
        let plain = |text: &str| Yaml::Plain(text.to_owned());
        let inner = Yaml::Mapping(vec![("a".to_owned(), Yaml::List(vec![plain("1"), Yaml::List(vec![plain("2")])]))]);
        let value = Yaml::Mapping(vec![
            ("y".to_owned(), text("off")),
            ("l".to_owned(), Yaml::List(vec![inner, Yaml::List(Vec::new())])),
            ("long".to_owned(), text(&"word ".repeat(30))),
            ("m".to_owned(), text("a\n b\n")),
            ("date".to_owned(), text("2024-01-01")),
            ("octal".to_owned(), text("0o7")),
            ("tab".to_owned(), text("a\tb")),
            ("time".to_owned(), plain("2024-01-01T00:00:00Z")),
            ("bytes".to_owned(), Yaml::Tagged("!!binary", "/w==".to_owned())),
            ("empty".to_owned(), text("")),
        ]);
        let long = "word ".repeat(30);
        let expected = format!(
            "bytes: !!binary /w==\ndate: \"2024-01-01\"\nempty: \"\"\nl:\n  - a:\n      - 1\n      - - 2\n  - []\nlong: '{long}'\nm: |\n  a\n   b\noctal: \"0o7\"\ntab: \"a\\tb\"\ntime: 2024-01-01T00:00:00Z\n\"y\": \"off\"\n"
        );
        assert_eq!(to_string(&value), expected);
    }
}
