//! In what form viewers get the picture: codec, encoder, bitrate, and profiles that set them.

use adw::prelude::*;
use gtk::glib;

use super::rows::{Changed, Choice, entry, group, link, number, page, switch, value};
use crate::{
    config::{Codec, ElementChoice, FeedConfig, PathChoice, Profile},
    i18n::{gettext, gettext_f},
    media::{availability::Availability, licence_note},
    ui::{encoder_list::ElementList, model::Entered},
};

/// The page, and the row that leads to it.
pub(super) struct ViewersPage {
    pub(super) page: adw::NavigationPage,
    pub(super) link: adw::ActionRow,
    /// The page of all profiles.
    pub(super) profiles: adw::NavigationPage,
    profiles_link: adw::ActionRow,
    path: Choice<PathChoice>,
    keep_warm: adw::SwitchRow,
    codec: Choice<Codec>,
    pub(super) encoder: Choice<ElementChoice>,
    decoder: Choice<ElementChoice>,
    bitrate: adw::SpinRow,
    pub(super) properties: adw::EntryRow,
    unavailable: adw::ExpanderRow,
    reasons: gtk::Label,
}

impl ViewersPage {
    pub(super) fn new(changed: &Changed, apply: impl Fn(&'static Profile) + Clone + 'static) -> Self {
        let paths = PathChoice::ALL.iter().map(|path| (*path, path_words(*path)));
        let path = Choice::new(&gettext("Camera's Stream"), paths, changed);
        path.show_below_title();
        let keep_warm = switch(
            &gettext("Keep Running"),
            &gettext("Otherwise the camera is called when somebody looks, and the picture comes a moment later"),
            changed,
        );
        let codecs = Codec::ALL.iter().map(|codec| (*codec, codec.to_string()));
        let codec = Choice::new(&gettext("Codec"), codecs, changed);
        let encoder = Choice::new(&gettext("Encoder"), [], changed);
        encoder.show_below_title();
        let decoder = Choice::new(&gettext("Decoder"), [], changed);
        decoder.show_below_title();
        let bitrate = number(&gettext("Bitrate (kbit/s)"), &FeedConfig::BITRATE_KBPS, 100, changed);
        bitrate.set_subtitle(&gettext("2000 suits 1280×720 at 30 fps"));
        let properties = entry(&gettext("Element properties: threads=4; source.do-rtcp=false; …"), changed);
        let (unavailable, reasons) = unavailable_row();
        let profiles_link = link(&gettext("Profile"), "profiles");
        profiles_link.set_subtitle(&gettext("Settings that belong together, as in GstWebRTCApp"));
        let groups = [
            group(
                "",
                &[
                    path.row.upcast_ref(),
                    keep_warm.upcast_ref(),
                    codec.row.upcast_ref(),
                    encoder.row.upcast_ref(),
                    bitrate.upcast_ref(),
                    unavailable.upcast_ref(),
                ],
            ),
            group("", &[profiles_link.upcast_ref(), decoder.row.upcast_ref(), properties.upcast_ref()]),
        ];
        let title = gettext("For Viewers");
        let page = page(&title, "viewers", &groups.each_ref());
        let link = link(&title, "viewers");
        let profiles = profiles_page(apply);
        let made = Self {
            page,
            link,
            profiles,
            profiles_link,
            path,
            keep_warm,
            codec,
            encoder,
            decoder,
            bitrate,
            properties,
            unavailable,
            reasons,
        };
        made.offer(&Entered::default());
        made
    }

    pub(super) fn read(&self, entered: &mut Entered) {
        entered.path = self.path.get().unwrap_or_default();
        entered.keep_warm = self.keep_warm.is_active();
        entered.codec = self.codec.get().unwrap_or_default();
        entered.encoder = self.encoder.get().unwrap_or_default();
        entered.decoder = self.decoder.get().unwrap_or_default();
        entered.bitrate_kbps = value(&self.bitrate);
        entered.properties = entered.properties.clone().with_line(self.properties.text());
    }

    pub(super) fn show(&self, entered: &Entered) {
        self.path.set(&entered.path);
        self.keep_warm.set_active(entered.keep_warm);
        self.codec.set(&entered.codec);
        self.offer(entered);
        self.encoder.set(&entered.encoder);
        self.decoder.set(&entered.decoder);
        self.bitrate.set_value(entered.bitrate_kbps.into());
        self.properties.set_text(&entered.properties.line);
    }

    /// Offers what there is for the codec, as far as it is known now.
    pub(super) fn offer(&self, entered: &Entered) {
        let found = Availability::of_this_machine();
        let encoders = ElementList::encoders(entered.codec, &entered.encoder, found);
        let decoders = ElementList::decoders(&entered.decoder, found);
        self.encoder.offer(encoders.options);
        self.decoder.offer(decoders.options);
        let reasons = [encoders.remarks, decoders.remarks].concat();
        self.unavailable.set_visible(!reasons.is_empty());
        self.reasons.set_label(&reasons.join("\n"));
        self.codec.row.set_subtitle(&licence_note(entered.codec));
    }

    /// Says which profile filled the fields.
    pub(super) fn tell_profile(&self, profile: &Profile) {
        self.profiles_link.set_subtitle(&gettext_f("Filled in from {name}", &[("name", &profile.name)]));
    }

    /// What is set, in a few words.
    pub(super) fn summarise(&self, entered: &Entered) {
        let words = gettext_f(
            "{codec}, {kbps} kbit/s, {encoder}",
            &[
                ("codec", &entered.codec.to_string()),
                ("kbps", &entered.bitrate_kbps.to_string()),
                ("encoder", &self.encoder.words()),
            ],
        );
        self.link.set_subtitle(&words);
    }
}

fn path_words(path: PathChoice) -> String {
    match path {
        PathChoice::Automatic => gettext("Automatic: as it is where every viewer can take it"),
        PathChoice::PassThrough => gettext("As it is, whatever is asked for"),
        PathChoice::Transcode => gettext("Always encoded anew"),
    }
}

/// What cannot be chosen, explained once and only to whoever asks.
fn unavailable_row() -> (adw::ExpanderRow, gtk::Label) {
    let row = adw::ExpanderRow::builder().title(gettext("What is not available, and why")).build();
    let reasons = gtk::Label::builder().wrap(true).wrap_mode(gtk::pango::WrapMode::WordChar).xalign(0.0);
    let reasons = reasons.margin_top(12).margin_bottom(12).margin_start(12).margin_end(12).selectable(true).build();
    row.add_row(&reasons);
    (row, reasons)
}

fn profiles_page(apply: impl Fn(&'static Profile) + Clone + 'static) -> adw::NavigationPage {
    let rows = adw::PreferencesGroup::new();
    rows.set_description(Some(&gettext("A profile fills in codec, encoder, decoder, bitrate and what else it knows. You can change all of it afterwards.")));
    for profile in Profile::all() {
        let row = adw::ActionRow::builder()
            .title(profile.title())
            .subtitle(format!("{}. {}", profile.name, profile.about()))
            .use_markup(false)
            .activatable(true)
            .build();
        let apply = apply.clone();
        row.connect_activated(move |_| apply(profile));
        rows.add(&row);
    }
    page(&gettext("Profiles"), "profiles", &[&rows])
}

/// Work of the main loop that ends with this value.
pub(super) struct Task(glib::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Task {
    pub(super) fn spawn(work: impl Future<Output = ()> + 'static) -> Self {
        Self(glib::spawn_future_local(work))
    }

    /// Tells whenever more is known of what works on this machine.
    pub(super) fn follow_availability(tell: impl Fn() + 'static) -> Self {
        let mut changes = Availability::of_this_machine().changes();
        Self::spawn(async move {
            while changes.changed().await.is_ok() {
                tell();
            }
        })
    }
}
