//! Words for people, in their language.
//!
//! Every sentence that a window, a page or a log may show goes through
//! [`gettext_f`] or [`gettext`]. Variables are named, so that translators can
//! move them: `gettext_f("{host} does not answer.", &[("host", host)])`.

pub use gettextrs::gettext;

/// The name of the catalogue.
const DOMAIN: &str = "heliograph";
/// Where translations are installed.
const LOCALE_DIR: &str = match option_env!("HELIOGRAPH_LOCALEDIR") {
    Some(dir) => dir,
    None => "/usr/share/locale",
};

/// Finds the translations. The language is chosen when GTK starts; a program
/// without a window stays English, so that programs can read its log.
pub fn init() {
    let bound = gettextrs::bindtextdomain(DOMAIN, LOCALE_DIR)
        .and_then(|_| gettextrs::bind_textdomain_codeset(DOMAIN, "UTF-8"))
        .and_then(|_| gettextrs::textdomain(DOMAIN));
    if let Err(error) = bound {
        tracing::warn!("Translations cannot be used: {error}.");
    }
}

/// Translates, then puts values in place of their `{names}`.
pub fn gettext_f(sentence: &str, values: &[(&str, &str)]) -> String {
    fill(&gettext(sentence), values)
}

/// Translates the form that suits the number `n`, then puts values in place; `{n}` is the number.
pub fn ngettext_f(one: &str, many: &str, n: u32, values: &[(&str, &str)]) -> String {
    fill(&gettextrs::ngettext(one, many, n), values).replace("{n}", &n.to_string())
}

/// One pass, so that a value that looks like a name is left alone.
fn fill(sentence: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some(start) = rest.find('{') {
        filled.push_str(&rest[..start]);
        rest = &rest[start..];
        let named =
            values.iter().find(|(name, _)| rest[1..].strip_prefix(name).is_some_and(|after| after.starts_with('}')));
        if let Some((name, value)) = named {
            filled.push_str(value);
            rest = &rest[name.len() + 2..];
        } else {
            filled.push('{');
            rest = &rest[1..];
        }
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_place_of_their_names() {
        let values = [("host", "{port}"), ("port", "554")];
        assert_eq!(gettext_f("{host} at {port}{", &values), "{port} at 554{");
        assert_eq!(gettext_f("no {such} name", &values), "no {such} name");
    }

    #[test]
    fn numbers_choose_their_form() {
        let words = |n| ngettext_f("{n} viewer", "{n} viewers", n, &[]);
        assert_eq!((words(1), words(2)), ("1 viewer".into(), "2 viewers".into()));
    }
}
