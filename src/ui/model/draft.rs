//! A feed as the operator describes it in a dialog: from texts to settings.
//!
//! Pure, so that the dialog only shows what is decided here.

use crate::{
    config::{
        AddressError, Codec, Credentials, EncoderChoice, FeedConfig, FeedId, NameError, Password, PasswordSource,
        RtspConfig, SourceAddress, SourceConfig,
    },
    i18n::{gettext, gettext_f},
};

/// What was entered, as it stands in the fields. Not for `Debug`: a password may
/// still stand in the address.
#[derive(Clone, Default)]
pub struct Entered {
    /// The name.
    pub name: String,
    /// The address; none where it is not asked for.
    pub address: Option<String>,
    /// The user; empty where the camera asks for none.
    pub user: String,
    /// The password; empty where there is none, or the kept one is to stay.
    pub password: Password,
    /// The codec.
    pub codec: Codec,
    /// The encoder.
    pub encoder: EncoderChoice,
}

/// A described feed, ready to be added.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its name.
    pub name: String,
    /// None where the source is not asked for.
    address: Option<SourceAddress>,
    user: Option<String>,
    password: Option<Password>,
    codec: Codec,
    encoder: EncoderChoice,
}

/// Why what was entered is no feed yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// The name.
    Name(NameError),
    /// The address.
    Address(AddressError),
    /// A password without a user.
    NoUser,
}

impl Problem {
    /// What is wrong and what to do, as a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Name(error) => gettext_f("This name cannot be used: {reason}.", &[("reason", &error.to_string())]),
            Self::Address(error) => {
                gettext_f("This address cannot be used: {reason}.", &[("reason", &error.to_string())])
            }
            Self::NoUser => gettext("Enter the user to whom this password belongs."),
        }
    }
}

impl Entered {
    /// The feed that is described.
    ///
    /// # Errors
    /// The first field that cannot stay as it is. Fields that are still empty count, too.
    pub fn check(&self) -> Result<Draft, Problem> {
        let name = self.name.trim();
        FeedConfig::check_name(name).map_err(Problem::Name)?;
        let address = self.address.as_deref().map(address_alone).transpose().map_err(Problem::Address)?;
        let (user, password) = (self.user.trim(), &self.password);
        if user.is_empty() && !password.is_empty() {
            return Err(Problem::NoUser);
        }
        Ok(Draft {
            name: name.to_owned(),
            address,
            user: (!user.is_empty()).then(|| user.to_owned()),
            password: (!password.is_empty()).then(|| password.clone()),
            codec: self.codec,
            encoder: self.encoder.clone(),
        })
    }

    /// User and password that were pasted within the address, taken out of it.
    /// The address is left as it is where there are none, or where it is no address.
    pub fn split_address(text: &str) -> Option<(String, Credentials)> {
        let (address, credentials) = SourceAddress::parse(text).ok()?;
        Some((address.as_str().to_owned(), credentials?))
    }
}

fn address_alone(text: &str) -> Result<SourceAddress, AddressError> {
    text.trim().parse()
}

impl Draft {
    /// A new feed, and the password to keep for it.
    pub fn into_config(self, id: FeedId) -> (FeedConfig, Option<Password>) {
        let source = SourceConfig::Demo;
        let name = self.name.clone();
        self.change(FeedConfig::new(id, name, source))
    }

    /// The same feed with what was described, and the password to keep for it.
    /// What no dialog asks for stays as it is.
    pub fn change(self, mut config: FeedConfig) -> (FeedConfig, Option<Password>) {
        if let Some(address) = self.address {
            let old = if let SourceConfig::Rtsp(rtsp) = &config.source { Some(rtsp) } else { None };
            let mut rtsp = RtspConfig::new(address);
            rtsp.latency_ms = old.map_or(rtsp.latency_ms, |old| old.latency_ms);
            rtsp.password = match (&self.user, &self.password, old) {
                (None, ..) => PasswordSource::None,
                (Some(_), Some(_), _) => PasswordSource::Keyring,
                (Some(_), None, old) => old.map_or(PasswordSource::None, |old| old.password.clone()),
            };
            rtsp.user = self.user;
            config.source = SourceConfig::Rtsp(rtsp);
        }
        config.name = self.name;
        config.codec = self.codec;
        config.encoder = self.encoder;
        (config, self.password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(name: &str, address: &str) -> Entered {
        Entered { name: name.into(), address: Some(address.into()), ..Entered::default() }
    }

    fn rtsp(config: &FeedConfig) -> &RtspConfig {
        match &config.source {
            SourceConfig::Rtsp(rtsp) => rtsp,
            SourceConfig::Demo => panic!("no camera on the network"),
        }
    }

    #[test]
    fn a_description_becomes_a_feed() {
        let mut bow = entered(" Bow ", " rtsp://10.0.0.5/1 ");
        bow.user = "me".into();
        bow.password = Password::new("planted");
        let (config, password) = bow.check().unwrap().into_config(FeedId::from_name("bow"));
        assert_eq!((config.name.as_str(), rtsp(&config).address.as_str()), ("Bow", "rtsp://10.0.0.5/1"));
        assert_eq!((rtsp(&config).user.as_deref(), &rtsp(&config).password), (Some("me"), &PasswordSource::Keyring));
        assert_eq!(password.unwrap().expose(), "planted");
    }

    #[test]
    fn what_cannot_be_a_feed_is_told_in_a_sentence() {
        let sentence = |entered: Entered| entered.check().unwrap_err().sentence();
        assert!(sentence(entered("Bow", "http://10.0.0.5/")).contains("http:// is not supported"));
        assert!(sentence(entered("", "rtsp://h/")).contains("a name has"));
        let lonely = Entered { password: Password::new("planted"), ..entered("Bow", "rtsp://h/") };
        assert!(sentence(lonely).starts_with("Enter the user"));
        assert!(!format!("{:?}", entered("Bow", "rtsp://h/").check()).contains("planted"));
    }

    #[test]
    fn a_pasted_password_is_taken_out_of_the_address() {
        let (address, found) = Entered::split_address("rtsp://me:p%40ss@h/1").unwrap();
        assert_eq!((address.as_str(), found.user.as_str(), found.password.expose()), ("rtsp://h/1", "me", "p@ss"));
        assert!(Entered::split_address("rtsp://h/1").is_none());
        assert!(Entered::split_address("rtsp://me:p@ss@").is_none());
    }

    #[test]
    fn a_change_keeps_what_is_not_asked_for() {
        let mut old = entered("Bow", "rtsp://h/1").check().unwrap().into_config(FeedId::from_name("bow")).0;
        old.bitrate_kbps = 777;
        old.streaming = false;
        old.source = SourceConfig::Rtsp(RtspConfig {
            latency_ms: 40,
            ..rtsp(&old).clone().with_user("me", PasswordSource::Environment("BOW".into()))
        });
        let renamed = Entered { user: "me".into(), ..entered("Stern", "rtsp://h/2") };
        let (new, password) = renamed.check().unwrap().change(old.clone());
        assert_eq!((new.id, new.bitrate_kbps, new.streaming), (old.id, 777, false));
        assert!(password.is_none());
        let SourceConfig::Rtsp(new) = new.source else { panic!("still a camera on the network") };
        assert_eq!((new.latency_ms, new.password), (40, PasswordSource::Environment("BOW".into())));
    }
}
