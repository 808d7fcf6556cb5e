//! What is done to the picture before it is encoded.

use adw::prelude::*;

use super::rows::{Changed, Choice, entry, group, link, number, page, switch, value, zero_means_camera};
use crate::{
    config::{Crop, Flip, PictureConfig, Rotation},
    i18n::{gettext, gettext_f},
    ui::model::{Entered, EnteredPicture},
};

/// The page, and the row that leads to it.
pub(super) struct PicturePage {
    pub(super) page: adw::NavigationPage,
    pub(super) link: adw::ActionRow,
    pub(super) size: adw::EntryRow,
    framerate: adw::SpinRow,
    letterbox: adw::SwitchRow,
    rotate: Choice<Rotation>,
    flip: Choice<Flip>,
    deinterlace: adw::SwitchRow,
    crop: CropRow,
}

impl PicturePage {
    pub(super) fn new(changed: &Changed) -> Self {
        let size = entry(&gettext("Size, such as 1280x720; empty: the camera's"), changed);
        let framerate = number(&gettext("Frames per second"), &(0..=*PictureConfig::FRAMERATE.end()), 1, changed);
        framerate.set_subtitle(&zero_means_camera());
        let letterbox = switch(
            &gettext("Black bars"),
            &gettext("Rather than a distorted picture, where the size has another shape"),
            changed,
        );
        let rotations = Rotation::ALL.iter().map(|turn| (*turn, rotation_words(*turn)));
        let rotate = Choice::new(&gettext("Turn"), rotations, changed);
        let flips = Flip::ALL.iter().map(|flip| (*flip, flip_words(*flip)));
        let flip = Choice::new(&gettext("Mirror"), flips, changed);
        let crop = CropRow::new(changed);
        let deinterlace = switch(
            &gettext("Deinterlace"),
            &gettext("For analogue cameras, whose picture comes in two halves"),
            changed,
        );
        let groups = [
            group("", &[size.upcast_ref(), framerate.upcast_ref(), letterbox.upcast_ref()]),
            group("", &[rotate.row.upcast_ref(), flip.row.upcast_ref()]),
            group("", &[crop.row.upcast_ref(), deinterlace.upcast_ref()]),
        ];
        let title = gettext("Picture");
        let page = page(&title, "picture", &groups.each_ref());
        let link = link(&title, "picture");
        Self { page, link, size, framerate, letterbox, rotate, flip, deinterlace, crop }
    }

    pub(super) fn read(&self, entered: &mut Entered) {
        entered.picture = EnteredPicture {
            deinterlace: self.deinterlace.is_active(),
            crop: self.crop.get(),
            rotate: self.rotate.get().unwrap_or_default(),
            flip: self.flip.get().unwrap_or_default(),
            size: self.size.text().into(),
            framerate: value(&self.framerate),
            letterbox: self.letterbox.is_active(),
        };
    }

    pub(super) fn show(&self, entered: &Entered) {
        let picture = &entered.picture;
        self.deinterlace.set_active(picture.deinterlace);
        self.crop.set(picture.crop);
        self.rotate.set(&picture.rotate);
        self.flip.set(&picture.flip);
        self.size.set_text(&picture.size);
        self.framerate.set_value(picture.framerate.into());
        self.letterbox.set_active(picture.letterbox);
    }

    /// What is set, in a few words.
    pub(super) fn summarise(&self, entered: &Entered) {
        let picture = &entered.picture;
        self.crop.summarise();
        let told = [
            Some(picture.size.trim().replace('x', "×")).filter(|size| !size.is_empty()),
            (picture.framerate > 0).then(|| gettext_f("{rate} fps", &[("rate", &picture.framerate.to_string())])),
            (picture.rotate != Rotation::None).then(|| gettext("turned")),
            (picture.flip != Flip::None).then(|| gettext("mirrored")),
            (picture.crop != Crop::default()).then(|| gettext("cropped")),
            picture.deinterlace.then(|| gettext("deinterlaced")),
        ];
        let told: Vec<String> = told.into_iter().flatten().collect();
        let words = if told.is_empty() { gettext("As the camera sends it") } else { told.join(", ") };
        self.link.set_subtitle(&words);
    }
}

/// How much is cut off, edge by edge.
struct CropRow {
    row: adw::ExpanderRow,
    edges: [adw::SpinRow; 4],
}

impl CropRow {
    fn new(changed: &Changed) -> Self {
        let row = adw::ExpanderRow::builder().title(gettext("Crop")).build();
        let titles = [gettext("Left (px)"), gettext("Top (px)"), gettext("Right (px)"), gettext("Bottom (px)")];
        let edges = titles.map(|title| number(&title, &Crop::EDGE, 2, changed));
        for edge in &edges {
            row.add_row(edge);
        }
        Self { row, edges }
    }

    fn get(&self) -> Crop {
        let [left, top, right, bottom] = self.edges.each_ref().map(value);
        Crop { left, top, right, bottom }
    }

    fn set(&self, crop: Crop) {
        let Crop { left, top, right, bottom } = crop;
        for (edge, pixels) in self.edges.iter().zip([left, top, right, bottom]) {
            edge.set_value(pixels.into());
        }
    }

    fn summarise(&self) {
        let Crop { left, top, right, bottom } = self.get();
        let words = if self.get() == Crop::default() {
            gettext("Nothing is cut off")
        } else {
            format!("{left}, {top}, {right}, {bottom}")
        };
        self.row.set_subtitle(&words);
    }
}

fn rotation_words(turn: Rotation) -> String {
    match turn {
        Rotation::None => gettext("Not at all"),
        Rotation::Quarter => gettext("90° clockwise"),
        Rotation::Half => gettext("Upside down"),
        Rotation::ThreeQuarters => gettext("90° anticlockwise"),
    }
}

fn flip_words(flip: Flip) -> String {
    match flip {
        Flip::None => gettext("Not at all"),
        Flip::Horizontal => gettext("Left and right"),
        Flip::Vertical => gettext("Top and bottom"),
    }
}
