//! One attempt to publish a feed, from its offer until the end of what came of it.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use reqwest::{
    Client, Method, Response, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use tokio::time::{sleep, timeout};
use url::Url;

use super::{
    links,
    resource::{Resource, authorized},
    response::{SDP, answer, redirects, refused},
};
use crate::{
    config::{ConnectorSettings, Password},
    connector::{
        client::{
            Attempts, ConnectorFault, ConnectorFaultKind as Kind, Post, SetUp, address_gone,
            http::{client, is_refused, own_address, unanswered},
            moved,
        },
        hub::{Guest, GuestEvent},
    },
    i18n::gettext,
    webrtc::{IceAddresses, complete, sends_from},
};

/// How long the endpoint may take for its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Candidates are complete when none came for so long; most come within a few milliseconds.
const QUIET: Duration = Duration::from_millis(250);
/// Those of slow STUN and TURN servers are not waited for any longer.
const GATHER_WITHIN: Duration = Duration::from_secs(2);
/// A server that told what it received is gone when it has not for so long.
const SILENCE_LIMIT: Duration = Duration::from_secs(2);
/// How long the server may take to say that it is there, and which servers it has for us.
const ASK_WITHIN: Duration = Duration::from_millis(1500);

/// What an endpoint named is used for so long; logins of TURN servers hold for some minutes at least.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// An endpoint, and how it lets us in.
pub(super) struct Publisher {
    pub(super) endpoint: Url,
    pub(super) settings: ConnectorSettings,
}

impl Publisher {
    /// Publishes a feed, and again whenever that has ended, for as long as it is polled.
    pub(super) async fn keep_published(&self, post: Post) {
        let mut attempts = Attempts::new(self.settings.id.clone(), post.tell.clone());
        loop {
            attempts.begin();
            let fault = self.attempt(&post, &mut attempts).await.unwrap_or_else(|fault| fault);
            attempts.wait_after(fault).await;
        }
    }

    async fn attempt(&self, post: &Post, attempts: &mut Attempts) -> Result<ConnectorFault, ConnectorFault> {
        let client = self.client()?;
        let token = self.settings.secret("token").await?;
        let mut set_up = SetUp::default();
        let (mut guest, offer) = self.offer(post, &client, token.as_ref(), FRESH_FOR, &mut set_up).await?;
        let asked = Instant::now();
        let response = authorized(client.post(self.endpoint.clone()), token.as_ref())
            .header(CONTENT_TYPE, SDP)
            .body(offer.clone())
            .send()
            .await
            .map_err(|error| self.unanswered(&error))?;
        let resource = self.resource(&response, &client, token)?;
        let answer = answer(response).await?;
        guest.answer(answer);
        set_up.signalling = Some(asked.elapsed().as_secs_f64());
        attempts.succeed(set_up);
        let fault = self.until_end(&mut guest, &client, &offer).await;
        drop(guest);
        // It ends at the endpoint before it begins there anew.
        if let Some(resource) = resource {
            resource.delete().await;
        }
        Ok(fault)
    }

    /// The server as a viewer, and what it is offered. Logins of TURN servers hold for a while only: where the picture
    /// came late, the endpoint is asked once more.
    async fn offer(
        &self,
        post: &Post,
        client: &Client,
        token: Option<&Password>,
        fresh_for: Duration,
        set_up: &mut SetUp,
    ) -> Result<(Guest, String), ConnectorFault> {
        loop {
            let asked = Instant::now();
            let servers = self.servers(client, token, set_up).await;
            let may_expire = !servers.turn.is_empty();
            let guest = Guest::watch_through(&post.hub, post.feed.as_str(), servers);
            let mut guest = guest.map_err(|refused| ConnectorFault::settings(refused.to_string()))?;
            let offer = offer_of(&mut guest).await?;
            if !may_expire || asked.elapsed() < fresh_for {
                return Ok((guest, offer));
            }
        }
    }

    /// Says why a session that has begun has ended.
    async fn until_end(&self, guest: &mut Guest, client: &Client, offer: &str) -> ConnectorFault {
        let own = own_address(&self.endpoint).await;
        if own.is_some_and(|own| self.is_outdated(offer, own)) {
            return moved();
        }
        tokio::select! {
            () = self.watch(guest, client) => {
                ConnectorFault::new(Kind::Lost, gettext("The connection to the media server was lost."), "")
            }
            () = address_gone(own) => moved(),
        }
    }

    /// Whether the offer was made while the network was away: it does not name the address from which the
    /// endpoint is reached, and another one would.
    fn is_outdated(&self, offer: &str, own: IpAddr) -> bool {
        let transport = &self.settings.transport;
        let is_named = offer.contains(&format!(" {own} "));
        !is_named && !transport.relay_only && sends_from(own, &transport.interfaces)
    }

    /// Comes back when the feed has ended the session, or the server has.
    ///
    /// ICE notices the latter after 30 s (RFC 7675). A server that told ten times a second what it
    /// received, and says nothing more though it can be asked, has ended it before, and so has one that does not
    /// run any more; where nobody can be asked, the way to it is gone, and the session goes on when that is back.
    async fn watch(&self, guest: &mut Guest, client: &Client) {
        let mut was_away = false;
        loop {
            if let Ok(Some(GuestEvent::Ended) | None) = timeout(QUIET, guest.next()).await {
                return;
            }
            if guest.silence().is_none_or(|silence| silence < SILENCE_LIMIT) {
                was_away = false;
                continue;
            }
            let asked = client.head(self.endpoint.clone()).timeout(ASK_WITHIN).send().await;
            let is_there = asked.is_ok();
            if is_there && !was_away || asked.is_err_and(|error| is_refused(&error)) {
                return;
            }
            if is_there {
                // It has just come back: media need a moment.
                sleep(SILENCE_LIMIT).await;
            }
            was_away = !is_there;
        }
    }

    /// The STUN and TURN servers that the endpoint names before it is sent anything; the operator's own come
    /// first. An endpoint that says nothing of them says later, too, why it cannot be published to.
    async fn servers(&self, client: &Client, token: Option<&Password>, set_up: &mut SetUp) -> IceAddresses {
        if !self.settings.transport.ice.servers.is_empty() {
            return IceAddresses::default();
        }
        let ask = authorized(client.request(Method::OPTIONS, self.endpoint.clone()), token).timeout(ASK_WITHIN);
        match set_up.time("OPTIONS", ask.send()).await {
            Ok(response) if response.status().is_success() => links::servers(response.headers()),
            _ => IceAddresses::default(),
        }
    }

    fn client(&self) -> Result<Client, ConnectorFault> {
        client(&self.settings, ANSWER_WITHIN, redirects())
    }

    /// What was made at the endpoint, which ends with this value.
    fn resource(
        &self,
        response: &Response,
        client: &Client,
        token: Option<Password>,
    ) -> Result<Option<Resource>, ConnectorFault> {
        if response.status() != StatusCode::CREATED {
            return Err(refused(&self.endpoint, response));
        }
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let url = location.and_then(|location| response.url().join(location).ok());
        // The token is for the endpoint's origin.
        let token = token.filter(|_| url.as_ref().is_some_and(|url| url.origin() == self.endpoint.origin()));
        Ok(url.map(|url| Resource::new(client.clone(), url, token)))
    }

    fn unanswered(&self, error: &reqwest::Error) -> ConnectorFault {
        unanswered(&self.endpoint, error)
    }
}

/// The feed's offer with its candidates. It comes when the feed has a picture, however long that takes.
async fn offer_of(guest: &mut Guest) -> Result<String, ConnectorFault> {
    let ended = || ConnectorFault::new(Kind::Lost, gettext("The feed has nothing to send now."), "");
    let offer = loop {
        match guest.next().await {
            Some(GuestEvent::Offer(offer)) => break offer,
            Some(GuestEvent::Candidate { .. } | GuestEvent::Answer(_)) => {}
            Some(GuestEvent::Ended) | None => return Err(ended()),
        }
    };
    let mut candidates = Vec::new();
    let end = Instant::now() + GATHER_WITHIN;
    while Instant::now() < end {
        match timeout(QUIET, guest.next()).await {
            Ok(Some(GuestEvent::Candidate { candidate, line })) if !candidate.is_empty() => {
                candidates.push((line, candidate));
            }
            Ok(Some(GuestEvent::Ended) | None) => return Err(ended()),
            Ok(Some(_)) => {}
            Err(_) if candidates.is_empty() => {}
            Err(_) => break,
        }
    }
    Ok(complete(&offer, &candidates))
}
