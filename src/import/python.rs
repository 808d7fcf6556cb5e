//! The text of a pipeline out of the Python program that holds it.

use std::borrow::Cow;

use super::ImportError;

/// The text inside of Python's quotes: `NAME = '''…'''`, or several pieces one after the
/// other, perhaps in parentheses. A text that is not written so is taken as it is.
pub(super) fn unwrap(text: &str) -> Result<Cow<'_, str>, ImportError> {
    let start = text.trim_start().trim_start_matches('\u{FEFF}');
    let expression = behind_assignment(start).unwrap_or(start);
    if literal(expression.trim_start_matches(['(', ' ', '\n', '\r', '\t'])).is_none() {
        return Ok(Cow::Borrowed(text));
    }
    let mut rest = expression;
    let mut joined = String::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '(' | '\\' | '+'));
        if let Some(comment) = rest.strip_prefix('#') {
            rest = comment.split_once('\n').map_or("", |(_, next)| next);
        } else if let Some((raw, quote, body)) = literal(rest) {
            rest = read_body(raw, quote, body, &mut joined).ok_or_else(|| {
                let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
                ImportError::Unclosed { mark: quote.chars().next().unwrap_or('"'), line }
            })?;
        } else {
            // Whatever follows is the program's: a comma, a parenthesis, `.format(…)`.
            return Ok(Cow::Owned(joined));
        }
    }
}

/// What stands behind `NAME =` or `NAME: str =`.
fn behind_assignment(text: &str) -> Option<&str> {
    let (name, value) = text.split_once('=')?;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | ' ');
    let expression = value.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '(' | '\\'));
    (name.chars().all(plain) && literal(expression).is_some()).then_some(value)
}

/// Whether a string literal starts here: whether it is raw, its quote, and what follows.
fn literal(text: &str) -> Option<(bool, &'static str, &str)> {
    let body = text.trim_start_matches(['r', 'R', 'f', 'F', 'b', 'B', 'u', 'U']);
    let prefix = &text[..text.len() - body.len()];
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| body.starts_with(quote))?;
    (prefix.len() <= 2).then(|| (prefix.contains(['r', 'R']), quote, &body[quote.len()..]))
}

/// Adds a literal's text, and gives what stands behind its closing quote.
fn read_body<'a>(raw: bool, quote: &str, body: &'a str, joined: &mut String) -> Option<&'a str> {
    let mut rest = body;
    loop {
        if let Some(behind) = rest.strip_prefix(quote) {
            return Some(behind);
        }
        let mut chars = rest.chars();
        match (chars.next()?, raw) {
            ('\\', false) => match chars.next()? {
                '\n' => {}
                'n' => joined.push('\n'),
                't' => joined.push('\t'),
                escaped @ ('\\' | '"' | '\'') => joined.push(escaped),
                other => joined.extend(['\\', other]),
            },
            ('\\', true) => {
                joined.push('\\');
                joined.push(chars.next()?);
            }
            (other, _) => joined.push(other),
        }
        rest = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launch_text_is_left_as_it_is() {
        for text in ["videotestsrc ! fakesink", "rtspsrc location=rtsp://h/s name=\"a\"", "", "=", "é = x"] {
            assert_eq!(unwrap(text).unwrap(), text);
        }
    }

    #[test]
    fn strings_of_a_program_lose_their_quotes() {
        for text in [
            "P = '''a ! b'''",
            "P: str = f\"\"\"a ! b\"\"\"\nother = 1",
            "\"a ! b\"",
            "P = (\n  'a '  # first\n  r'! b'\n)",
            "self.pipeline = \"a \" \\\n  \"! b\"",
            "'a \\\n! b'",
        ] {
            assert_eq!(unwrap(text).unwrap(), "a ! b", "for {text:?}");
        }
        assert_eq!(unwrap(r#"P = "caps=\"video/x-raw\" \\d""#).unwrap(), r#"caps="video/x-raw" \d"#);
        assert_eq!(unwrap("P = (\n'a").unwrap_err(), ImportError::Unclosed { mark: '\'', line: 2 });
    }
}
