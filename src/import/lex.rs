//! Words and links of a launch text.

use super::ImportError;

/// A piece of a launch text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `!`
    Link,
    /// An element, a property with its value, caps or a reference, without quotes.
    Word(Word),
}

/// A word and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// From 1.
    pub(super) line: usize,
}

/// Splits a text where `gst-launch` would: at blanks and at `!`, but not inside of quotes and
/// brackets, and not around the `=` of a property or behind a comma of caps.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, ImportError> {
    let mut lexer = Lexer { rest: text, line: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        match lexer.peek() {
            None => return Ok(tokens),
            Some('!') => {
                lexer.next();
                tokens.push(Token::Link);
            }
            // A bin says where elements live, which nothing here depends on.
            Some('(' | ')') => drop(lexer.next()),
            Some(_) => {
                let line = lexer.line;
                let text = lexer.word()?;
                tokens.push(Token::Word(Word { text, line }));
            }
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        self.line += usize::from(next == '\n');
        Some(next)
    }

    /// Blanks, and the backslash of a shell that a line goes on.
    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) || self.rest.starts_with("\\\n") {
            self.next();
        }
    }

    fn word(&mut self) -> Result<String, ImportError> {
        let mut word = String::new();
        // The brackets that are open, each with its line.
        let mut open: Vec<(char, usize)> = Vec::new();
        while let Some(c) = self.peek() {
            let line = self.line;
            match c {
                '"' | '\'' => self.quoted(&mut word)?,
                '\\' => {
                    self.next();
                    word.extend(self.next().filter(|c| *c != '\n'));
                }
                '(' | '[' | '{' | '<' => {
                    open.push((c, line));
                    word.extend(self.next());
                }
                ')' | ']' | '}' | '>' if !open.is_empty() => {
                    open.pop();
                    word.extend(self.next());
                }
                ')' => break,
                _ if !open.is_empty() => word.extend(self.next()),
                '!' => break,
                c if c.is_whitespace() => {
                    self.skip_blanks();
                    if !self.goes_on(&word) {
                        break;
                    }
                }
                _ => word.extend(self.next()),
            }
        }
        match open.first() {
            Some(&(mark, line)) => Err(ImportError::Unclosed { mark, line }),
            None => Ok(word),
        }
    }

    /// A quoted part, without its quotes.
    fn quoted(&mut self, word: &mut String) -> Result<(), ImportError> {
        let line = self.line;
        let quote = self.next().unwrap_or('"');
        loop {
            match self.next() {
                None => return Err(ImportError::Unclosed { mark: quote, line }),
                Some('\\') => word.extend(self.next()),
                Some(c) if c == quote => return Ok(()),
                Some(c) => word.push(c),
            }
        }
    }

    /// Whether a word goes on behind a blank: `width = 1280`, `video/x-raw, width=(int) 1280`.
    fn goes_on(&self, word: &str) -> bool {
        let typed = word.ends_with(')') && word.rfind("=(") == word.rfind('(').and_then(|at| at.checked_sub(1));
        let caps = word.contains('/') && word.ends_with([',', ';']);
        let more = match self.peek() {
            None | Some('!') => return false,
            Some('=') => true,
            Some(',') => word.contains('/'),
            Some(_) => false,
        };
        more || typed || caps || word.ends_with('=')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let tokens = lex(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let text = |token| match token {
            Token::Link => "!".to_owned(),
            Token::Word(word) => word.text,
        };
        tokens.into_iter().map(text).collect()
    }

    #[test]
    fn words_end_where_gst_launch_ends_them() {
        for (text, expected) in [
            ("a ! b", &["a", "!", "b"][..]),
            ("a!b", &["a", "!", "b"]),
            ("a x = 1 y=\"p q\" z='!'", &["a", "x=1", "y=p q", "z=!"]),
            ("video/x-raw, width=(int) 1280 , height=720 ! b", &["video/x-raw,width=(int)1280,height=720", "!", "b"]),
            (
                "video/x-raw(memory:NVMM),format={I420, NV12} ! b",
                &["video/x-raw(memory:NVMM),format={I420, NV12}", "!", "b"],
            ),
            ("a caps=\"video/x-raw,width=1\" ! b", &["a", "caps=video/x-raw,width=1", "!", "b"]),
            ("a \\\n ! b", &["a", "!", "b"]),
            ("( a ! b ) c", &["a", "!", "b", "c"]),
            ("a x=\"say \\\"hi\\\"\"", &["a", "x=say \"hi\""]),
            ("t. ! a", &["t.", "!", "a"]),
            ("", &[]),
        ] {
            assert_eq!(words(text), expected, "for {text:?}");
        }
    }

    #[test]
    fn what_is_not_closed_is_said_with_its_line() {
        for (text, mark, line) in [("a\nb=\"c", '"', 2), ("a b={c ! d", '{', 1), ("\n\na b='", '\'', 3)] {
            assert_eq!(lex(text), Err(ImportError::Unclosed { mark, line }), "for {text:?}");
        }
    }
}
