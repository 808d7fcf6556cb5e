//! What is heard beside the picture.

use std::rc::Rc;

use adw::prelude::*;
use gtk::{gio, glib};

use super::rows::{Changed, Choice, group, link, number, page, value};
use crate::{
    config::{AudioConfig, AudioSource},
    i18n::{gettext, gettext_f},
    media::audio::input_devices,
    ui::model::Entered,
};

/// The page, and the row that leads to it.
pub(super) struct AudioPage {
    pub(super) page: adw::NavigationPage,
    pub(super) link: adw::ActionRow,
    source: Choice<AudioSource>,
    bitrate: adw::SpinRow,
}

impl AudioPage {
    pub(super) fn new(changed: &Changed) -> Rc<Self> {
        let source = Choice::new(&gettext("Sound"), offered(&[], &AudioSource::None), changed);
        let bitrate = number(&gettext("Bitrate (kbit/s)"), &AudioConfig::BITRATE_KBPS, 8, changed);
        bitrate.set_subtitle(&gettext("48 is enough for clear speech"));
        let title = gettext("Audio");
        let page = page(&title, "audio", &[&group("", &[source.row.upcast_ref(), bitrate.upcast_ref()])]);
        let link = link(&title, "audio");
        Rc::new(Self { page, link, source, bitrate })
    }

    /// Asks the system which devices there are; the main loop does not wait for the answer.
    pub(super) fn find(self: &Rc<Self>, changed: &Changed) {
        let (page, changed) = (Rc::downgrade(self), changed.clone());
        glib::spawn_future_local(async move {
            let devices = gio::spawn_blocking(input_devices).await.unwrap_or_default();
            if let Some(page) = page.upgrade() {
                let names: Vec<String> = devices.into_iter().map(|device| device.name).collect();
                page.source.offer(offered(&names, &page.source.get().unwrap_or_default()));
                changed.tell();
            }
        });
    }

    pub(super) fn read(&self, entered: &mut Entered) {
        let source = self.source.get().unwrap_or_default();
        entered.audio = AudioConfig { source, bitrate_kbps: value(&self.bitrate) };
    }

    pub(super) fn show(&self, entered: &Entered) {
        self.source.offer(offered(&[], &entered.audio.source));
        self.source.set(&entered.audio.source);
        self.bitrate.set_value(entered.audio.bitrate_kbps.into());
    }

    /// What is set, in a few words.
    pub(super) fn summarise(&self, entered: &Entered) {
        let is_heard = entered.audio.source != AudioSource::None;
        self.bitrate.set_visible(is_heard);
        let rate = gettext_f("{kbps} kbit/s", &[("kbps", &entered.audio.bitrate_kbps.to_string())]);
        let words = self.source.words();
        self.link.set_subtitle(&if is_heard { format!("{words}, {rate}") } else { words });
    }
}

/// What can be heard. The present choice is among it even where its device is not there:
/// nobody's setting is changed behind their back.
fn offered(devices: &[String], present: &AudioSource) -> Vec<(AudioSource, String)> {
    let plain = [AudioSource::None, AudioSource::Camera, AudioSource::Tone, AudioSource::Silence];
    let mut offered: Vec<_> = plain.into_iter().map(|source| (source.clone(), words(&source))).collect();
    for name in devices {
        offered.push((AudioSource::Device(name.clone()), name.clone()));
    }
    if !offered.iter().any(|(source, _)| source == present) {
        offered.push((present.clone(), words(present)));
    }
    offered
}

fn words(source: &AudioSource) -> String {
    match source {
        AudioSource::None => gettext("None"),
        AudioSource::Camera => gettext("The camera's own"),
        AudioSource::Device(name) => name.clone(),
        AudioSource::Tone => gettext("Test tone"),
        AudioSource::Silence => gettext("Silence, for services that want sound"),
    }
}
