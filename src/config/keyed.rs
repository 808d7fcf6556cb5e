//! Choices of a few words: each has one name in files, messages and on the command line.

use crate::i18n::gettext_f;

/// The text is none of the words that a choice has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct ChoiceError {
    /// The words that would be right.
    pub known: Vec<&'static str>,
}

impl ChoiceError {
    /// What would be right.
    fn sentence(&self) -> String {
        let known: Vec<String> = self.known.iter().map(|word| format!("\"{word}\"")).collect();
        // Translators: {words} is a list such as "udp", "tcp".
        gettext_f("it is one of {words}", &[("words", &known.join(", "))])
    }
}

/// Makes an enum whose values have one word each: `ALL`, `key()`, and the same word
/// through `Display`, `FromStr` and serde.
macro_rules! keyed_enum {
    ($(#[$about:meta])* $name:ident { $($(#[$value_about:meta])* $value:ident = $key:literal,)+ }) => {
        $(#[$about])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        pub enum $name {
            $($(#[$value_about])* #[serde(rename = $key)] $value,)+
        }

        impl $name {
            /// Every value, in the order in which they are offered.
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// The word in files and messages.
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$value => $key,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.key())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::config::ChoiceError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let known = || Self::ALL.iter().map(|value| value.key()).collect();
                Self::ALL
                    .iter()
                    .copied()
                    .find(|value| value.key() == text)
                    .ok_or_else(|| $crate::config::ChoiceError { known: known() })
            }
        }
    };
}

pub(super) use keyed_enum;

#[cfg(test)]
mod tests {
    use crate::config::TransportChoice;

    #[test]
    fn a_choice_reads_its_own_words_and_names_them_all() {
        for choice in TransportChoice::ALL {
            assert_eq!(choice.key().parse(), Ok(*choice));
            assert_eq!(serde_json::to_value(choice).unwrap(), choice.key());
        }
        let error = "carrier-pigeon".parse::<TransportChoice>().unwrap_err();
        assert_eq!(error.to_string(), r#"it is one of "auto", "udp", "tcp", "multicast""#);
    }
}
