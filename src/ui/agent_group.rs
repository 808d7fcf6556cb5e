//! Who decides over a feed's bitrate and size: a person or an agent, and within which limits.

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
    config::{AgentConfig, AgentKind, FeedConfig},
    engine::FeedCommand,
    i18n::{gettext, gettext_f},
};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::AgentGroup)]
    #[template(file = "agent_group.ui")]
    pub struct AgentGroup {
        #[template_child]
        agent: TemplateChild<adw::ComboRow>,
        #[template_child]
        overtaken: TemplateChild<adw::ActionRow>,
        #[template_child]
        passive: TemplateChild<adw::SwitchRow>,
        #[template_child]
        picture: TemplateChild<adw::SwitchRow>,
        #[template_child]
        least: TemplateChild<adw::SpinRow>,
        #[template_child]
        most: TemplateChild<adw::SpinRow>,
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
    impl ObjectSubclass for AgentGroup {
        const NAME: &'static str = "HlgAgentGroup";
        type Type = super::AgentGroup;
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
    impl ObjectImpl for AgentGroup {
        fn constructed(&self) {
            self.parent_constructed();
            self.showing.set(true);
            let names: Vec<String> = AgentKind::ALL.iter().map(|kind| words(*kind)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.agent.set_model(Some(&gtk::StringList::new(&names)));
            for row in [&self.least, &self.most] {
                row.set_adjustment(Some(&bitrates()));
            }
            self.showing.set(false);
        }

        fn dispose(&self) {
            self.steady.stop();
        }
    }

    impl WidgetImpl for AgentGroup {}
    impl BinImpl for AgentGroup {}

    #[gtk::template_callbacks]
    impl AgentGroup {
        fn set_feed(&self, feed: Option<FeedObject>) {
            // What was entered for the feed before is done to that one.
            if self.steady.stop() {
                self.apply();
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
            self.handler.replace(Some(feed.connect_deciding_notify(follow)));
            self.show();
        }

        /// Shows what holds, but for what is being entered.
        fn show(&self) {
            let Some(feed) = self.feed.borrow().clone() else { return };
            let AgentConfig { kind, is_passive, least_kbps, most_kbps, adapts_picture } = feed.config().agent;
            let state = feed.agent();
            let is_overtaken = state.as_ref().is_some_and(|state| state.is_overtaken);
            let is_agent = kind != AgentKind::Manual;
            self.showing.set(true);
            let place = AgentKind::ALL.iter().position(|known| *known == kind).unwrap_or_default();
            self.agent.set_selected(place as u32);
            self.agent.set_subtitle(&feed.deciding());
            self.overtaken.set_visible(is_overtaken);
            self.passive.set_visible(is_agent);
            self.passive.set_active(is_passive);
            let would_be = state.and_then(|state| state.would_be_kbps).map(|kbps| units::bitrate(kbps.into()));
            let would_be = would_be.map_or_else(String::new, |bitrate| {
                // Translators: {bitrate} is such as 1.8 Mbit/s.
                gettext_f("It would choose {bitrate}", &[("bitrate", &bitrate)])
            });
            self.passive.set_subtitle(&would_be);
            self.picture.set_visible(is_agent);
            self.picture.set_active(adapts_picture);
            if !self.steady.is_waiting() {
                self.least.set_value(least_kbps.into());
                self.most.set_value(most_kbps.into());
            }
            self.showing.set(false);
        }

        #[template_callback]
        fn chosen(&self) {
            if !self.showing.get() {
                self.apply();
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
                move || imp.apply()
            ));
        }

        fn apply(&self) {
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            let Some((desk, feed)) = desk.zip(feed) else { return };
            let number = |row: &adw::SpinRow| row.value().round() as u32;
            let (least, most) = (number(&self.least), number(&self.most));
            // The limit that was left alone gives way.
            let (least_kbps, most_kbps) = if least == feed.config().agent.least_kbps {
                (least.min(most), most)
            } else {
                (least, most.max(least))
            };
            let agent = AgentConfig {
                kind: AgentKind::ALL.get(self.agent.selected() as usize).copied().unwrap_or_default(),
                is_passive: self.passive.is_active(),
                adapts_picture: self.picture.is_active(),
                least_kbps,
                most_kbps,
            };
            desk.set_agent(&feed, agent);
            self.show();
        }

        #[template_callback]
        fn give_back(&self) {
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            if let Some((desk, feed)) = desk.zip(feed) {
                desk.command(&feed, FeedCommand::GiveBack);
            }
        }
    }
}

fn words(kind: AgentKind) -> String {
    match kind {
        // Translators: who chooses a camera's bitrate: nobody but people.
        AgentKind::Manual => gettext("Nobody but You"),
        // Translators: who chooses a camera's bitrate: a program that looks at the viewers' connections.
        AgentKind::Gcc => gettext("Congestion Control"),
    }
}

fn bitrates() -> gtk::Adjustment {
    let (least, most) = FeedConfig::BITRATE_KBPS.into_inner();
    gtk::Adjustment::new(least.into(), least.into(), most.into(), 100.0, 1000.0, 0.0)
}

glib::wrapper! {
    /// Who decides over a feed, and within which limits.
    pub struct AgentGroup(ObjectSubclass<imp::AgentGroup>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}
