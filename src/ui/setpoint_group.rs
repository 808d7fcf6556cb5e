//! What a running feed is held to: preset, bitrate, frames per second, size, repair packets,
//! priority. Each takes effect when it is changed, and viewers keep their sessions.

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Properties, SignalHandlerId, clone},
};

use super::{
    model::{Desk, FeedObject},
    steady::Steady,
    units,
};
use crate::{
    config::{FeedConfig, PictureConfig, Preset, Priority, Setpoint, SetpointChange},
    i18n::{gettext, gettext_f},
};

/// What a click on an arrow adds, in kbit/s.
const BITRATE_STEP: f64 = 100.0;

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::SetpointGroup)]
    #[template(file = "setpoint_group.ui")]
    pub struct SetpointGroup {
        #[template_child]
        preset: TemplateChild<adw::ComboRow>,
        #[template_child]
        bitrate: TemplateChild<adw::SpinRow>,
        #[template_child]
        framerate: TemplateChild<adw::SpinRow>,
        #[template_child]
        size: TemplateChild<adw::EntryRow>,
        #[template_child]
        fec: TemplateChild<adw::SpinRow>,
        #[template_child]
        priority: TemplateChild<adw::ComboRow>,
        /// Who carries out what is chosen here.
        #[property(get, set, nullable)]
        desk: RefCell<Option<Desk>>,
        /// The feed that is shown.
        #[property(get, set = Self::set_feed, nullable)]
        feed: RefCell<Option<FeedObject>>,
        handler: RefCell<Option<SignalHandlerId>>,
        /// The rows are being made to show what holds: nobody asks for anything.
        showing: Cell<bool>,
        steady: Steady,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for SetpointGroup {
        const NAME: &'static str = "HlgSetpointGroup";
        type Type = super::SetpointGroup;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            FeedObject::ensure_type();
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    #[glib::derived_properties]
    impl ObjectImpl for SetpointGroup {
        fn constructed(&self) {
            self.parent_constructed();
            self.showing.set(true);
            self.preset.set_model(Some(&presets()));
            let (least, most) = FeedConfig::BITRATE_KBPS.into_inner();
            self.bitrate.set_adjustment(Some(&numbers(least, most, BITRATE_STEP)));
            self.framerate.set_adjustment(Some(&numbers(0, *PictureConfig::FRAMERATE.end(), 1.0)));
            let (least, most) = Setpoint::FEC_PERCENT.into_inner();
            self.fec.set_adjustment(Some(&numbers(least, most, 1.0)));
            self.showing.set(false);
        }
    }

    impl WidgetImpl for SetpointGroup {}
    impl BinImpl for SetpointGroup {}

    #[gtk::template_callbacks]
    impl SetpointGroup {
        fn set_feed(&self, feed: Option<FeedObject>) {
            // What was asked of the feed before is done to that one.
            if self.steady.stop() {
                self.apply_numbers();
            }
            if let (Some(old), Some(handler)) = (self.feed.replace(feed.clone()), self.handler.take()) {
                old.disconnect(handler);
            }
            let Some(feed) = feed else { return };
            let follow = clone!(
                #[weak(rename_to = imp)]
                self,
                move |_: &FeedObject| imp.show()
            );
            self.handler.replace(Some(feed.connect_set_by_notify(follow)));
            self.show();
            // What was being entered was meant for the feed before.
            self.show_size(&feed.setpoint());
        }

        /// Shows what holds, but for what is being entered.
        fn show(&self) {
            let Some(feed) = self.feed.borrow().clone() else { return };
            let setpoint = feed.setpoint();
            self.showing.set(true);
            let preset = Preset::of(&setpoint).and_then(|held| Preset::ALL.iter().position(|preset| preset == held));
            self.preset.set_selected(preset.map_or(0, |place| place as u32 + 1));
            if !self.steady.is_waiting() {
                self.bitrate.set_value(setpoint.bitrate_kbps.into());
                self.framerate.set_value(setpoint.framerate.unwrap_or_default().into());
                self.fec.set_value(setpoint.fec_percent.into());
            }
            self.priority.set_selected(u32::from(setpoint.priority.number()) - 1);
            let is_entering = self.size.delegate().is_some_and(|text| text.has_focus());
            if !is_entering {
                self.show_size(&setpoint);
            }
            self.showing.set(false);
        }

        fn show_size(&self, setpoint: &Setpoint) {
            self.size.remove_css_class("error");
            let text = setpoint.size.map(|size| size.to_string()).unwrap_or_default();
            if self.size.text() != text {
                // Otherwise the row offers to apply what holds already.
                self.size.set_show_apply_button(false);
                self.size.set_text(&text);
                self.size.set_show_apply_button(true);
            }
        }

        #[template_callback]
        fn preset_chosen(&self) {
            if self.showing.get() {
                return;
            }
            let place = self.preset.selected().checked_sub(1);
            match place.and_then(|place| Preset::at(place as usize).ok()) {
                Some(preset) => {
                    self.steady.stop();
                    self.apply(preset.change());
                }
                // No preset is what the rows below make it.
                None => self.show(),
            }
        }

        #[template_callback]
        fn number_changed(&self) {
            if self.showing.get() {
                return;
            }
            self.steady.changed(clone!(
                #[weak(rename_to = imp)]
                self,
                move || imp.apply_numbers()
            ));
        }

        fn apply_numbers(&self) {
            let Some(feed) = self.feed.borrow().clone() else { return };
            let number = |row: &adw::SpinRow| row.value().round() as u32;
            let framerate = Some(number(&self.framerate)).filter(|rate| *rate > 0);
            let held = feed.setpoint();
            let (bitrate_kbps, fec_percent) = (number(&self.bitrate), number(&self.fec));
            self.apply(held.change_to(Setpoint { bitrate_kbps, framerate, fec_percent, ..held }));
        }

        #[template_callback]
        fn priority_chosen(&self) {
            if self.showing.get() {
                return;
            }
            let chosen = Priority::of_number(self.priority.selected() + 1);
            self.apply(SetpointChange { priority: chosen, ..SetpointChange::default() });
        }

        #[template_callback]
        fn size_entered(&self) {
            let text = self.size.text();
            let size = match text.trim() {
                "" => Ok(None),
                text => text.parse().map(Some),
            };
            match size {
                Ok(size) => {
                    self.size.remove_css_class("error");
                    self.apply(SetpointChange::size(size));
                }
                Err(error) => {
                    self.size.add_css_class("error");
                    let sentence = gettext_f("This size cannot be used: {reason}.", &[("reason", &error.to_string())]);
                    if let Some(desk) = self.desk.borrow().clone() {
                        desk.notice(&sentence, "");
                    }
                }
            }
        }

        fn apply(&self, change: SetpointChange) {
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            if let (Some(desk), Some(feed)) = (desk, feed) {
                desk.apply(&feed, change);
            }
        }
    }
}

/// No preset first, then all of them.
fn presets() -> gtk::StringList {
    // Translators: stands where presets are offered, for values that are those of no preset.
    let mut names = vec![gettext("None")];
    names.extend(Preset::ALL.iter().map(|preset| {
        let size = units::picture_size(preset.size.width, preset.size.height);
        // Translators: a preset, such as "HD, 1280×720".
        gettext_f("{preset}, {size}", &[("preset", preset.name), ("size", &size)])
    }));
    gtk::StringList::new(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn numbers(least: u32, most: u32, step: f64) -> gtk::Adjustment {
    gtk::Adjustment::new(least.into(), least.into(), most.into(), step, 10.0 * step, 0.0)
}

glib::wrapper! {
    /// What a running feed is held to.
    pub struct SetpointGroup(ObjectSubclass<imp::SetpointGroup>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}
