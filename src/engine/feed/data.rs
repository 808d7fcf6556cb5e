//! A feed's data channels: their sockets for programs, and what carries them to viewers.

use super::Worker;
use crate::{
    channels::{Socket, usual_place},
    config::SocketPlace,
    connector::Door,
    media::DataPlan,
};

impl Worker {
    /// Opens the sockets that are not open. One that cannot be is told, and viewers have the channel.
    pub(super) fn open_sockets(&mut self) {
        for channel in self.around.exchange.channels() {
            let place = match &channel.socket {
                SocketPlace::None => continue,
                SocketPlace::Usual => usual_place(&self.config.id, &channel.label),
                SocketPlace::Path(path) => path.clone(),
            };
            if self.sockets.iter().any(|socket| socket.place() == place) {
                continue;
            }
            match Socket::open(&self.around.exchange, channel, place) {
                Ok(socket) => self.sockets.push(socket),
                Err(error) => self.notice(error.to_string()),
            }
        }
    }

    /// What an outlet behind this door exchanges with viewers beside the media.
    pub(super) fn data_plan(&self, door: &dyn Door) -> Option<DataPlan> {
        let (who, own) = (door.who_watches(), door.own_channels());
        (who.is_some() || own.is_some()).then(|| DataPlan { exchange: self.around.exchange.clone(), who, own })
    }
}
