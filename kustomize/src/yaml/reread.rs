//! What becomes of a text when kyaml writes it and reads it again, as it does with every object that it prints.
//!
//! Go: go.yaml.in/yaml/v3 emitterc.go (`yaml_emitter_analyze_scalar`, `yaml_emitter_write_folded_scalar`) and scannerc.go
//! (`yaml_parser_scan_block_scalar`). Quoted styles give back what they got; block styles do not always.

use std::borrow::Cow;

use super::node::{Node, Style};

/// The text of a string after that.
///
/// # Errors
/// A block that begins with a tab cannot be read again.
pub(super) fn reread<'t>(node: &Node, text: &'t str, in_flow: bool) -> Result<Cow<'t, str>, String> {
    let quoted = node.style.has(Style::SINGLE_QUOTED.with(Style::DOUBLE_QUOTED));
    let block = node.style.has(Style::LITERAL.with(Style::FOLDED)) || text.contains('\n');
    if quoted || !block || in_flow || !may_be_block(text) {
        return Ok(Cow::Borrowed(text));
    }
    if text.starts_with('\t') {
        return Err(
            "a text of several lines that begins with a tab cannot be written as kustomize writes it".to_owned()
        );
    }
    Ok(if node.style.has(Style::FOLDED) { Cow::Owned(refold(text)) } else { Cow::Borrowed(text) })
}

/// Whether a block style is possible; otherwise the text is written in double quotes.
pub(super) fn may_be_block(text: &str) -> bool {
    let special = |c: char| !matches!(c, '\n' | '\t' | ' '..='~' | '\u{a0}'..='\u{fffd}') || c == '\u{feff}';
    let space_break = text.contains(" \n") || text.contains(" \u{2028}") || text.contains(" \u{2029}");
    !(text.is_empty() || text.ends_with(' ') || space_break || text.contains(special))
}

/// A text that was folded, folded again.
fn refold(text: &str) -> String {
    let chomp = match text.strip_suffix('\n') {
        None => Chomp::Strip,
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => Chomp::Keep,
        Some(_) => Chomp::Clip,
    };
    unfold(&fold(text), chomp)
}

/// The lines of a text as a folded block: the first line end of several is written twice whatever follows.
pub(super) fn fold(text: &str) -> String {
    // Go looks at the begin of the text where it means what follows the line end.
    let doubled = !text.trim_start_matches('\n').starts_with([' ', '\t']) && !text.trim_start_matches('\n').is_empty();
    let mut written = String::with_capacity(text.len());
    let (mut breaks, mut leading_spaces) = (true, true);
    for c in text.chars() {
        if c == '\n' {
            if !breaks && !leading_spaces && doubled {
                written.push('\n');
            }
            written.push('\n');
            breaks = true;
        } else {
            if breaks {
                leading_spaces = matches!(c, ' ' | '\t');
            }
            written.push(c);
            breaks = false;
        }
    }
    written
}

#[derive(Clone, Copy, PartialEq)]
enum Chomp {
    Strip,
    Clip,
    Keep,
}

/// Reads the lines of a folded block.
fn unfold(written: &str, chomp: Chomp) -> String {
    let body = written.strip_suffix('\n').unwrap_or(written);
    let mut text = String::new();
    let (mut pending_break, mut blank_lines) = (false, 0);
    let mut blank_before = false;
    for line in body.split('\n') {
        if line.is_empty() {
            blank_lines += 1;
            continue;
        }
        let blank = line.starts_with([' ', '\t']);
        if pending_break && !blank_before && !blank {
            if blank_lines == 0 {
                text.push(' ');
            }
        } else if pending_break {
            text.push('\n');
        }
        text.extend(std::iter::repeat_n('\n', blank_lines));
        text.push_str(line);
        (pending_break, blank_lines, blank_before) = (true, 0, blank);
    }
    if chomp != Chomp::Strip && pending_break {
        text.push('\n');
    }
    if chomp == Chomp::Keep {
        text.extend(std::iter::repeat_n('\n', blank_lines));
    }
    text
}
