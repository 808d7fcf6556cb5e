//! What GStreamer's ICE agent is told: STUN and TURN servers, and what not to do.

use gst::{glib, prelude::*};
use gst_webrtc::WebRTCICE;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::{IceServer, IceServerKind, IceServers, Password, SecretError};

/// The servers that somebody named, as addresses of GStreamer's form, which hold the password: not
/// for any log.
#[derive(Clone, Default)]
pub struct IceAddresses {
    /// Of STUN servers only the first is asked: they all tell the same.
    pub(crate) stun: Option<String>,
    pub(crate) turn: Vec<String>,
}

impl std::fmt::Debug for IceAddresses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceAddresses").field("stun", &self.stun).field("turn", &self.turn.len()).finish()
    }
}

impl IceAddresses {
    /// The addresses of the servers named in the settings.
    ///
    /// # Errors
    /// The TURN servers' password is not where it should be.
    pub fn of(servers: &IceServers) -> Result<Self, SecretError> {
        Ok(Self::with_password(servers, &servers.password()?))
    }

    /// The same with this password.
    pub fn with_password(servers: &IceServers, password: &Password) -> Self {
        let mut addresses = Self::default();
        servers.servers.iter().for_each(|server| addresses.add(server, password));
        addresses
    }

    /// Tells them to a webrtcbin that has not looked for a way yet, beside those that it knows.
    pub(crate) fn tell(&self, peer: &gst::Element) {
        if let Some(server) = &self.stun {
            peer.set_property("stun-server", server);
        }
        for server in &self.turn {
            peer.emit_by_name::<bool>("add-turn-server", &[server]);
        }
    }

    /// Adds one, unless it is a STUN server and there is one already.
    pub(crate) fn add(&mut self, server: &IceServer, password: &Password) {
        let address = address(server, password);
        match server.kind {
            IceServerKind::Stun => drop(self.stun.get_or_insert(address)),
            IceServerKind::Turn | IceServerKind::Turns => self.turn.push(address),
        }
    }
}

/// One server's address, with user and password in it where it has them.
pub fn address(server: &IceServer, password: &Password) -> String {
    let place = server.place();
    if server.kind == IceServerKind::Stun {
        return format!("stun://{place}");
    }
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let login = format!("{}:{}", encoded(server.user.as_deref().unwrap_or_default()), encoded(password.expose()));
    // Without the word GStreamer would ask by TCP, too.
    let transport = server.transport;
    format!("{}://{login}@{place}?transport={transport}", server.kind)
}

/// Keeps the agent from looking for a router (`UPnP`) and having it open ports for each session,
/// which libnice does unless told otherwise: nobody asked for that.
pub fn ask_no_router(agent: &WebRTCICE) {
    let nice = agent.find_property("agent").and_then(|_| agent.property::<Option<glib::Object>>("agent"));
    match nice {
        // libnice has the property even where it was built without UPnP.
        Some(nice) if nice.has_property("upnp") => nice.set_property("upnp", false),
        _ => tracing::warn!("Routers may be asked to open ports: this GStreamer does not show its ICE agent."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_the_login_and_show_it_to_nobody() {
        let servers = ["stun:stun.ship", "turn:me@turn.ship:3478?transport=tcp"].map(|text| text.parse().unwrap());
        let password = Password::new("p@ss/1");
        let [stun, turn] = &servers;
        assert_eq!(address(stun, &password), "stun://stun.ship:3478");
        assert_eq!(address(turn, &password), "turn://me:p%40ss%2F1@turn.ship:3478?transport=tcp");
        let addresses = IceAddresses { stun: None, turn: vec![address(turn, &password)] };
        assert!(!format!("{addresses:?}").contains("p%40ss"));
    }
}
