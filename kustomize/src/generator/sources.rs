//! Keys and values of a generator: `envs`, `literals`, `files`, in that order.
//!
//! kustomize: api/kv/kv.go, api/internal/generators/utils.go. Keys are not checked (its validator accepts any).

use crate::Error;

/// Reads a file beside the kustomization.
pub(crate) type Load<'a> = dyn FnMut(&str) -> Result<Vec<u8>, Error> + 'a;

/// A key and its content.
pub(crate) type Pair = (String, Vec<u8>);

/// Where keys and values come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    /// `key=value`; one pair of quotes around a value is taken off.
    pub(crate) literals: Vec<String>,
    /// `path` or `key=path`.
    pub(crate) files: Vec<String>,
    /// Files with a line `key=value` for each key.
    pub(crate) envs: Vec<String>,
}

/// Go's scanner of lines gives up, without a word, at a line of so many bytes.
const LONGEST_LINE: usize = 64 * 1024;

impl Sources {
    /// All pairs, in order; keys may repeat.
    ///
    /// # Errors
    /// A source of the wrong form, a file that cannot be read, an env file that is not UTF-8.
    pub(crate) fn pairs(&self, load: &mut Load<'_>, warnings: &mut Vec<String>) -> Result<Vec<Pair>, Error> {
        let mut pairs = Vec::new();
        for path in &self.envs {
            let content = load(path).map_err(|error| error.context(format!("env file {path}")))?;
            lines(path, &content, warnings, &mut pairs).map_err(|error| error.in_file(path))?;
        }
        for source in &self.literals {
            pairs.push(literal(source)?);
        }
        for source in &self.files {
            let (key, path) = file_source(source)?;
            let content = load(path).map_err(|error| error.context(format!("file {source}")))?;
            pairs.push((key.to_owned(), content));
        }
        Ok(pairs)
    }
}

/// The pairs of an env file.
fn lines(path: &str, content: &[u8], warnings: &mut Vec<String>, pairs: &mut Vec<Pair>) -> Result<(), Error> {
    for (number, line) in (1u32..).zip(content.split(|byte| *byte == b'\n')) {
        if line.len() >= LONGEST_LINE {
            warnings.push(format!(
                "{path}:{number}: the line is longer than {} bytes; as in kustomize it and all lines after it are left out",
                LONGEST_LINE - 1
            ));
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = std::str::from_utf8(line).map_err(|_| Error::new("the line is not UTF-8").at_line(number))?;
        let text = if number == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        let text = text.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        // A line that begins with "=" has no key and is passed over.
        if !key.is_empty() {
            pairs.push((key.to_owned(), value.into()));
        }
    }
    Ok(())
}

fn literal(source: &str) -> Result<Pair, Error> {
    match source.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), without_quotes(value).into())),
        _ => Err(Error::new(format!("invalid literal source {source}, expected key=value"))),
    }
}

fn without_quotes(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// Key and path of an entry of `files`. Go: `ParseFileSource`.
fn file_source(source: &str) -> Result<(&str, &str), Error> {
    match source.split_once('=') {
        None => Ok((base_name(source), source)),
        Some((_, path)) if path.contains('=') => {
            Err(Error::new(format!("source {source:?} key name or file path contains '='")))
        }
        Some(("", path)) => Err(Error::new(format!("missing key name for file path {path:?} in source {source:?}"))),
        Some((key, "")) => Err(Error::new(format!("missing file path for key name {key:?} in source {source:?}"))),
        Some(pair) => Ok(pair),
    }
}

/// Go: `path.Base`.
fn base_name(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match (path, trimmed) {
        ("", _) => ".",
        (_, "") => "/",
        (_, trimmed) => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(path: &str) -> Result<Vec<u8>, Error> {
        match path {
            "app.env" => Ok(b"\xef\xbb\xbf  a=1\r\n\n # c\nno-value\nq=\"x\" \n=lost\nb=c=d".to_vec()),
            "latin1.env" => Ok(b"a=1\nb=\xff\n".to_vec()),
            "dir/long.env" => Ok([b"a=1\n".to_vec(), vec![b'x'; LONGEST_LINE], b"\nb=2\n".to_vec()].concat()),
            "dir/blob" => Ok(vec![0xff, 0]),
            _ => Err(Error::new(format!("no file {path}"))),
        }
    }

    fn text(pairs: &[Pair]) -> Vec<(&str, &str)> {
        pairs.iter().map(|(key, value)| (key.as_str(), std::str::from_utf8(value).unwrap_or("binary"))).collect()
    }

    fn sources(envs: &[&str], literals: &[&str], files: &[&str]) -> Sources {
        let own = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        Sources { envs: own(envs), literals: own(literals), files: own(files) }
    }

    #[test]
    fn sources_come_in_the_order_of_kustomize() {
        let mut warnings = Vec::new();
        let sources = sources(
            &["app.env"],
            &["x=1", "y=\"Hello World\"", "z='it''", "q=\"", "e=", "u=\"a'"],
            &["dir/blob", "k=dir/blob"],
        );
        let pairs = sources.pairs(&mut load, &mut warnings).unwrap();
        assert_eq!(
            text(&pairs),
            [
                ("a", "1"),
                ("no-value", ""),
                ("q", "\"x\" "),
                ("b", "c=d"),
                ("x", "1"),
                ("y", "Hello World"),
                ("z", "it'"),
                ("q", "\""),
                ("e", ""),
                ("u", "\"a'"),
                ("blob", "binary"),
                ("k", "binary"),
            ]
        );
        assert!(warnings.is_empty());
    }

    #[test]
    fn a_line_that_go_cannot_read_ends_the_file_with_a_warning() {
        let mut warnings = Vec::new();
        let pairs = sources(&["dir/long.env"], &[], &[]).pairs(&mut load, &mut warnings).unwrap();
        assert_eq!(text(&pairs), [("a", "1")]);
        assert!(warnings[0].starts_with("dir/long.env:2: "), "{warnings:?}");
    }

    #[test]
    fn what_is_malformed_is_named() {
        for (sources, expected) in [
            (sources(&["latin1.env"], &[], &[]), "latin1.env:2: the line is not UTF-8"),
            (sources(&["none.env"], &[], &[]), "env file none.env: no file none.env"),
            (sources(&[], &["novalue"], &[]), "invalid literal source novalue, expected key=value"),
            (sources(&[], &["=v"], &[]), "invalid literal source =v, expected key=value"),
            (sources(&[], &[], &["a=b=c"]), "source \"a=b=c\" key name or file path contains '='"),
            (sources(&[], &[], &["a==c"]), "source \"a==c\" key name or file path contains '='"),
            (sources(&[], &[], &["=f"]), "missing key name for file path \"f\" in source \"=f\""),
            (sources(&[], &[], &["k="]), "missing file path for key name \"k\" in source \"k=\""),
        ] {
            let error = sources.pairs(&mut load, &mut Vec::new()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn base_names_are_those_of_go() {
        for (path, base) in [("a/b.txt", "b.txt"), ("b", "b"), ("a/", "a"), ("", "."), ("//", "/"), ("../x", "x")] {
            assert_eq!(base_name(path), base);
        }
    }
}
