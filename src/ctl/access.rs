//! Which broker is asked, and how it lets us in.

use std::path::PathBuf;

use crate::{
    cli::CtlOptions,
    config::{BrokerAddress, BrokerChoice, ConfigFile, EmbeddedBroker, ExternalBroker, PasswordSource},
    connector::FORMS,
};

/// The broker of the command line, or else that of the settings; on this machine at the usual port
/// where nothing is said.
pub(super) fn find(config: Option<PathBuf>, options: &CtlOptions) -> Result<ExternalBroker, String> {
    let mut access = match &options.broker {
        Some(address) => ExternalBroker::at(address.clone()),
        None => of_settings(config)?,
    };
    if let Some(user) = &options.user {
        access.user = Some(user.clone());
        access.password = match &options.password_env {
            Some(name) => PasswordSource::Environment(name.clone()),
            None => PasswordSource::None,
        };
    }
    if options.ca.is_some() {
        access.ca.clone_from(&options.ca);
    }
    Ok(access)
}

fn of_settings(config: Option<PathBuf>) -> Result<ExternalBroker, String> {
    let path = config.map_or_else(ConfigFile::default_path, Ok).map_err(|error| error.to_string())?;
    let loaded = ConfigFile::new(path, FORMS).load().map_err(|error| error.to_string())?;
    Ok(match loaded.config.mqtt.broker {
        BrokerChoice::External(broker) => *broker,
        BrokerChoice::Embedded(broker) => {
            let mut access = ExternalBroker::at(address(&broker));
            // A certificate of one's own vouches for itself.
            access.ca = broker.tls_cert;
            access
        }
        BrokerChoice::Off => ExternalBroker::at(address(&EmbeddedBroker::at(EmbeddedBroker::DEFAULT_LISTEN))),
    })
}

fn address(broker: &EmbeddedBroker) -> BrokerAddress {
    let mut listen = broker.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(if listen.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    let scheme = if broker.tls_cert.is_some() { "mqtts" } else { "mqtt" };
    format!("{scheme}://{listen}").parse().expect("an address and a port should be an address")
}
