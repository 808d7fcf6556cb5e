//! A camera on this computer: which one, and in what form it is to send.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    rc::Rc,
};

use adw::prelude::*;
use gtk::{gio, glib};

use super::rows::{Changed, Choice, group, link, number, page, value, zero_means_camera};
use crate::{
    config::{DeviceConfig, DeviceFormat, Size},
    i18n::{gettext, gettext_f},
    media::source::{DeviceState, VideoDevice, VideoMode, video_devices},
    ui::model::{Entered, SourceKind},
};

/// The row that chooses the camera, the page of its form, and the row that leads there.
pub(super) struct DevicePage {
    pub(super) page: adw::NavigationPage,
    pub(super) link: adw::ActionRow,
    pub(super) device: Choice<Option<DeviceConfig>>,
    format: Choice<DeviceFormat>,
    size: Choice<Option<Size>>,
    framerate: adw::SpinRow,
    /// The cameras that were found last.
    found: RefCell<Vec<VideoDevice>>,
    /// The camera whose sizes are offered.
    sized_for: RefCell<Option<PathBuf>>,
    refresh: gtk::Button,
}

impl DevicePage {
    pub(super) fn new(changed: &Changed) -> Rc<Self> {
        let device = Choice::new(&gettext("Camera"), [], changed);
        let refresh = gtk::Button::builder()
            .icon_name("view-refresh-symbolic")
            .tooltip_text(gettext("Look for cameras again"))
            .valign(gtk::Align::Center)
            .css_classes(["flat"])
            .build();
        device.row.add_suffix(&refresh);
        let formats = DeviceFormat::ALL.iter().map(|format| (*format, format_words(*format)));
        let format = Choice::new(&gettext("Format"), formats, changed);
        let size = Choice::new(&gettext("Size"), sizes(&[], None), changed);
        let framerate = number(&gettext("Frames per second"), &(0..=*DeviceConfig::FRAMERATE.end()), 1, changed);
        framerate.set_subtitle(&zero_means_camera());
        let title = gettext("Camera Format");
        let rows = group("", &[format.row.upcast_ref(), size.row.upcast_ref(), framerate.upcast_ref()]);
        let page = page(&title, "device", &[&rows]);
        let link = link(&title, "device");
        let (found, sized_for) = Default::default();
        let made = Rc::new(Self { page, link, device, format, size, framerate, found, sized_for, refresh });
        made.find_when_asked(changed);
        made
    }

    pub(super) fn read(&self, entered: &mut Entered) {
        let framerate = value(&self.framerate);
        entered.device = self.device.get().flatten().map(|device| DeviceConfig {
            format: self.format.get().unwrap_or_default(),
            size: self.size.get().flatten(),
            framerate: (framerate > 0).then_some(framerate),
            ..device
        });
    }

    pub(super) fn show(&self, entered: &Entered) {
        let Some(device) = &entered.device else { return };
        self.device.offer([(Some(plain(&device.path)), device.path.display().to_string())]);
        self.device.set(&Some(plain(&device.path)));
        self.format.set(&device.format);
        self.size.offer(sizes(&[], device.size));
        self.size.set(&device.size);
        self.framerate.set_value(device.framerate.unwrap_or_default().into());
    }

    /// What is set, in a few words.
    pub(super) fn summarise(&self, entered: &Entered) {
        let is_meant = entered.kind == SourceKind::Device;
        self.device.row.set_visible(is_meant);
        self.link.set_visible(is_meant && entered.device.is_some());
        self.link.set_subtitle(&format!("{}, {}", self.format.words(), self.size.words()));
        if let Some(device) = entered.device.as_ref() {
            let found = self.found.borrow();
            let state = found.iter().find(|found| leads_to(found, &device.path)).map(state_words);
            drop(found);
            self.device.row.set_subtitle(&state.unwrap_or_default());
            self.offer_sizes(device);
        }
    }

    /// Asks the system which cameras there are; the main loop does not wait for the answer.
    pub(super) fn find(self: &Rc<Self>, changed: &Changed) {
        self.refresh.set_sensitive(false);
        self.device.row.set_subtitle(&gettext("Looking for cameras…"));
        let (page, changed) = (Rc::downgrade(self), changed.clone());
        glib::spawn_future_local(async move {
            let found = gio::spawn_blocking(video_devices).await.unwrap_or_default();
            // Whoever closed the dialog in between does not want to know.
            if let Some(page) = page.upgrade() {
                page.take(found);
                changed.tell();
            }
        });
    }

    fn take(&self, found: Vec<VideoDevice>) {
        self.refresh.set_sensitive(true);
        let present = self.device.get().flatten();
        let mut options: Vec<_> =
            found.iter().map(|device| (Some(config_of(device, present.as_ref())), device.name.clone())).collect();
        if let Some(present) = &present
            && !options.iter().any(|(offered, _)| offered.as_ref() == Some(present))
        {
            let path = present.path.display().to_string();
            options.push((Some(present.clone()), gettext_f("{path} (not found)", &[("path", &path)])));
        }
        let none = gettext("No camera was found on this computer. Plug one in, and look again.");
        self.device.row.set_subtitle(if options.is_empty() { &none } else { "" });
        self.device.offer(options);
        self.found.replace(found);
        self.sized_for.take();
    }

    /// Offers the sizes of the camera that is chosen now.
    fn offer_sizes(&self, device: &DeviceConfig) {
        if self.sized_for.borrow().as_ref() == Some(&device.path) {
            return;
        }
        // Before the offer: a change of the row comes back here.
        self.sized_for.replace(Some(device.path.clone()));
        let found = self.found.borrow();
        let modes = match found.iter().find(|found| leads_to(found, &device.path)).map(|found| &found.state) {
            Some(DeviceState::Ready(modes)) => modes.as_slice(),
            _ => &[],
        };
        self.size.offer(sizes(modes, device.size));
    }

    fn find_when_asked(self: &Rc<Self>, changed: &Changed) {
        let (page, changed) = (Rc::downgrade(self), changed.clone());
        self.refresh.connect_clicked(move |_| {
            if let Some(page) = page.upgrade() {
                page.find(&changed);
            }
        });
    }
}

/// A device by its path alone; the other rows say the rest.
fn plain(path: &Path) -> DeviceConfig {
    DeviceConfig::new(path)
}

/// The path by which a camera is kept: the one that is kept already if it still leads there,
/// else one that stays with the camera whatever else is plugged in.
fn config_of(device: &VideoDevice, present: Option<&DeviceConfig>) -> DeviceConfig {
    match present {
        Some(present) if leads_to(device, &present.path) => present.clone(),
        _ => plain(device.links.first().unwrap_or(&device.path)),
    }
}

fn leads_to(device: &VideoDevice, path: &Path) -> bool {
    device.path == path || device.links.iter().any(|link| link == path)
}

/// Whether a camera can be used, and for what.
fn state_words(device: &VideoDevice) -> String {
    match &device.state {
        DeviceState::Ready(modes) => match modes.first() {
            Some(mode) => gettext_f(
                "{path}, up to {width}×{height}",
                &[
                    ("path", &device.path.display().to_string()),
                    ("width", &mode.size.width.to_string()),
                    ("height", &mode.size.height.to_string()),
                ],
            ),
            None => gettext("It sends nothing that Heliograph can use."),
        },
        DeviceState::NotPermitted => {
            gettext("You may not open it. Add yourself to the group “video”, and sign in again.")
        }
        DeviceState::Busy => gettext("Another program has it for itself. End that program."),
        DeviceState::NoNode => gettext("It cannot be reached from here: the container has no access to it."),
        DeviceState::NoAnswer => gettext("It does not answer. Unplug it, and plug it in again."),
        DeviceState::Broken(reason) => gettext_f("It does not work: {reason}", &[("reason", reason)]),
    }
}

/// The sizes a camera has, the largest first, and the one that is set.
fn sizes(modes: &[VideoMode], present: Option<Size>) -> Vec<(Option<Size>, String)> {
    let mut sizes: Vec<Size> = Vec::new();
    for size in modes.iter().map(|mode| mode.size).chain(present) {
        if !sizes.contains(&size) {
            sizes.push(size);
        }
    }
    let best = (None, gettext("The largest up to 1920×1080"));
    let words = |size: Size| format!("{}×{}", size.width, size.height);
    std::iter::once(best).chain(sizes.into_iter().map(|size| (Some(size), words(size)))).collect()
}

fn format_words(format: DeviceFormat) -> String {
    match format {
        DeviceFormat::Automatic => gettext("Automatic"),
        DeviceFormat::Raw => gettext("Not compressed"),
        DeviceFormat::Mjpeg => gettext("Motion JPEG"),
        DeviceFormat::H264 => gettext("H.264"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webcam() -> VideoDevice {
        VideoDevice {
            path: "/dev/video2".into(),
            links: vec!["/dev/v4l/by-id/webcam".into()],
            name: "Webcam".into(),
            driver: None,
            bus: None,
            state: DeviceState::Busy,
            holders: Vec::new(),
        }
    }

    #[test]
    fn a_camera_is_kept_by_the_name_that_stays_with_it() {
        assert_eq!(config_of(&webcam(), None), plain(Path::new("/dev/v4l/by-id/webcam")));
        let kept = plain(Path::new("/dev/video2"));
        assert_eq!(config_of(&webcam(), Some(&kept)), kept, "nobody's setting is changed behind their back");
    }

    #[test]
    fn every_state_is_told() {
        let ready = |modes| DeviceState::Ready(modes);
        let mode = VideoMode { format: DeviceFormat::Raw, size: Size { width: 640, height: 480 }, framerates: vec![] };
        let states = [
            ready(vec![mode.clone()]),
            ready(vec![]),
            DeviceState::NotPermitted,
            DeviceState::Busy,
            DeviceState::NoNode,
            DeviceState::NoAnswer,
            DeviceState::Broken("it is on fire".into()),
        ];
        let mut told: Vec<String> =
            states.into_iter().map(|state| state_words(&VideoDevice { state, ..webcam() })).collect();
        assert_eq!(told[0], "/dev/video2, up to 640×480");
        told.sort();
        told.dedup();
        assert_eq!(told.len(), 7);
        let offered = sizes(&[mode.clone(), mode], Some(Size { width: 320, height: 240 }));
        assert_eq!(offered.len(), 3, "each size once: {offered:?}");
    }
}
