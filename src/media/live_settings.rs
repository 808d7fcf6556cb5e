//! The elements of one pipeline by their role, and the properties that the operator set on them.

use std::{
    collections::BTreeMap,
    slice::from_ref,
    sync::{Arc, Mutex, MutexGuard},
};

use gst::{glib, prelude::*};

use super::element_settings::{apply, apply_live};
use crate::config::{ElementRole, ElementSettings};

/// Shared between whoever builds the elements and whoever changes them while they run.
#[derive(Clone, Debug, Default)]
pub(super) struct LiveSettings(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    settings: ElementSettings,
    elements: Vec<(ElementRole, glib::WeakRef<gst::Element>)>,
}

impl LiveSettings {
    pub(super) fn new(settings: ElementSettings) -> Self {
        Self(Arc::new(Mutex::new(State { settings, ..State::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock should panic")
    }

    /// Sets up all elements of a role, which do not run yet. Answers why properties were left
    /// out, a sentence each.
    pub(super) fn take(&self, role: ElementRole, elements: &[gst::Element]) -> Vec<String> {
        // Setting may call back: not under the lock.
        let settings = self.remember(role, elements);
        apply(role, elements, &settings).err().unwrap_or_default()
    }

    /// Sets up one of several kinds of elements of a role: what it does not have is another's.
    pub(super) fn take_one(&self, role: ElementRole, element: &gst::Element) -> Vec<String> {
        let mut settings = self.remember(role, from_ref(element));
        settings.retain(|name, _| element.has_property(name));
        apply(role, from_ref(element), &settings).err().unwrap_or_default()
    }

    /// Remembers elements of a role, and answers what is set on them.
    fn remember(&self, role: ElementRole, elements: &[gst::Element]) -> BTreeMap<String, String> {
        let mut state = self.lock();
        state.elements.retain(|(_, element)| element.upgrade().is_some());
        state.elements.extend(elements.iter().map(|element| (role, element.downgrade())));
        state.settings.get(&role).cloned().unwrap_or_default()
    }

    /// The properties that are set on elements of this role.
    pub(super) fn of(&self, role: ElementRole) -> BTreeMap<String, String> {
        self.lock().settings.get(&role).cloned().unwrap_or_default()
    }

    /// Sets a property on the elements of a role that there are, and on those that come.
    ///
    /// # Errors
    /// A sentence that says why it was not set, and what to do; nothing is kept then.
    pub(super) fn set(&self, role: ElementRole, name: &str, text: &str) -> Result<(), String> {
        // Known before the present elements are looked up: one that comes in between has it, too.
        let before = self.lock().settings.entry(role).or_default().insert(name.to_owned(), text.to_owned());
        let elements: Vec<gst::Element> = self.elements(role);
        let set = if elements.is_empty() { Ok(()) } else { apply_live(role, &elements, name, text) };
        if set.is_err() {
            self.put_back(role, name, before);
        }
        set
    }

    fn put_back(&self, role: ElementRole, name: &str, before: Option<String>) {
        let mut state = self.lock();
        let settings = state.settings.entry(role).or_default();
        match before {
            Some(before) => drop(settings.insert(name.to_owned(), before)),
            None => drop(settings.remove(name)),
        }
    }

    fn elements(&self, role: ElementRole) -> Vec<gst::Element> {
        let state = self.lock();
        state.elements.iter().filter(|(of, _)| *of == role).filter_map(|(_, element)| element.upgrade()).collect()
    }
}
