//! What an id may look like: it stands in addresses, topics and file names as it is.

/// The most characters an id may have.
pub(super) const MAX_LENGTH: usize = 63;

/// The words of a name, in lower case and with hyphens between them. Whatever is no ASCII letter or
/// digit separates words; a name in which nothing is left gives nothing.
pub(super) fn of_name(name: &str) -> String {
    let words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    cut(&words.join("-"), MAX_LENGTH).to_owned()
}

/// Whether the text is 1 to 63 characters of `a-z`, `0-9` and `-`, the first one not a hyphen: the rule
/// of a DNS label (RFC 1123, section 2.1).
pub(super) fn is_slug(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=MAX_LENGTH).contains(&text.len()) && !text.starts_with('-') && text.chars().all(allowed)
}

/// This with a number behind it.
pub(super) fn numbered(slug: &str, number: usize) -> String {
    let suffix = format!("-{number}");
    format!("{}{suffix}", cut(slug, MAX_LENGTH - suffix.len()))
}

/// At most `length` characters of a slug, without a hyphen at the end.
fn cut(slug: &str, length: usize) -> &str {
    slug[..slug.len().min(length)].trim_end_matches('-')
}
