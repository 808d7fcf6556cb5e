//! A Director of Ahoy's: the stand-in for one, which decodes what it is sent.

use std::{net::SocketAddr, time::Duration};

use heliograph::{
    config::Password,
    lab::director::{Director, DirectorSettings, PlayState, PlayView},
    media,
};
use tokio::runtime::Runtime;

use super::{free_port, wait_for};

/// As long as a busy machine takes to show a picture.
const PATIENCE: Duration = Duration::from_secs(30);

/// A Director at a loopback port.
pub struct Lab {
    pub director: Director,
    pub runtime: Runtime,
}

impl Lab {
    pub const KEY: &str = "planted-api-key";

    pub fn start() -> Self {
        Self::start_at(free_port())
    }

    pub fn start_at(port: u16) -> Self {
        Self::listening(([127, 0, 0, 1], port).into())
    }

    pub fn listening(listen: SocketAddr) -> Self {
        media::init().unwrap();
        let runtime = Runtime::new().unwrap();
        let settings = DirectorSettings { listen, key: Password::new(Lab::KEY) };
        let director = runtime.block_on(Director::start(settings)).unwrap();
        Self { director, runtime }
    }

    pub fn wait_attached(&self) {
        wait_for("the feed in the gallery", PATIENCE, || {
            self.director.feeds().iter().any(|feed| feed.name == "bow" && feed.is_attached).then_some(())
        });
    }

    pub fn play(&self) -> u64 {
        let _inside = self.runtime.enter();
        self.director.play("bow").unwrap()
    }

    pub fn view(&self, number: u64) -> PlayView {
        let feeds = self.director.feeds();
        let bow = feeds.iter().find(|feed| feed.name == "bow").unwrap();
        bow.plays.iter().find(|play| play.number == number).unwrap().clone()
    }

    pub fn wait_state(&self, number: u64, state: PlayState) -> PlayView {
        wait_for(&format!("play {number} to be {state:?}"), PATIENCE, || {
            let view = self.view(number);
            assert!(view.state == state || view.state != PlayState::Failed, "{view:?}");
            (view.state == state).then_some(view)
        })
    }

    pub fn wait_frames(&self, number: u64, more: u64) {
        let wanted = self.view(number).frames + more;
        wait_for(&format!("pictures of play {number}"), PATIENCE, || {
            let view = self.view(number);
            assert!(view.state != PlayState::Failed, "{view:?}");
            (view.frames >= wanted).then_some(())
        });
    }

    /// Waits for the refusal of a play; why, and how long it took from the offer on.
    pub fn wait_refused(&self, number: u64) -> (String, f64) {
        wait_for(&format!("the refusal of play {number}"), PATIENCE, || {
            let view = self.view(number);
            assert!(matches!(view.state, PlayState::Asked | PlayState::Offered | PlayState::Failed), "{view:?}");
            let took = view.reply_took;
            (view.state == PlayState::Failed).then(|| (view.reason.unwrap_or_default(), took.unwrap_or(f64::MAX)))
        })
    }

    pub fn assert_content(&self) {
        assert_eq!(self.director.complaints(), Vec::<String>::new());
    }
}
