//! What is done to the picture.

use super::{Carried, Draft, Node, role::Picture, source::flag};
use crate::{
    config::{Crop, Flip, PictureConfig, Rotation},
    i18n::gettext,
    import::words,
};

impl Draft {
    pub(super) fn read_picture(&mut self, kind: Picture, factory: &str, node: &Node) {
        if let Picture::Deinterlace = kind {
            self.feed.picture.deinterlace = true;
        }
        self.each_property(factory, node, |draft, name, value| {
            let picture = &mut draft.feed.picture;
            match (kind, name) {
                (Picture::Scale, "add-borders") => flag(value).map(|borders| picture.letterbox = borders),
                (Picture::Rate, "max-rate") => {
                    let range = PictureConfig::FRAMERATE;
                    let rate = value.parse().ok().filter(|rate| range.contains(rate));
                    draft.set_picture_framerate(rate.ok_or_else(|| words::allowed(&range))?);
                    Ok(())
                }
                (Picture::Flip, "method" | "video-direction") => read_direction(picture, value),
                (Picture::Crop, edge) => read_edge(&mut picture.crop, edge, value),
                _ => Err(words::no_setting()),
            }
        });
    }
}

/// The words and numbers of `GstVideoOrientationMethod` and `GstVideoFlipMethod`.
fn read_direction(picture: &mut PictureConfig, value: &str) -> Carried {
    let (rotate, flip) = match value {
        "none" | "identity" | "0" => (Rotation::None, Flip::None),
        "clockwise" | "90r" | "1" => (Rotation::Quarter, Flip::None),
        "rotate-180" | "180" | "2" => (Rotation::Half, Flip::None),
        "counterclockwise" | "90l" | "3" => (Rotation::ThreeQuarters, Flip::None),
        "horizontal-flip" | "horiz" | "4" => (Rotation::None, Flip::Horizontal),
        "vertical-flip" | "vert" | "5" => (Rotation::None, Flip::Vertical),
        // A mirror along a diagonal is a quarter turn and a flip.
        "upper-left-diagonal" | "ul-lr" | "6" => (Rotation::Quarter, Flip::Horizontal),
        "upper-right-diagonal" | "ur-ll" | "7" => (Rotation::Quarter, Flip::Vertical),
        _ => return Err(words::unknown_value()),
    };
    if (picture.rotate, picture.flip) != (Rotation::None, Flip::None) {
        return Err(words::only_one());
    }
    (picture.rotate, picture.flip) = (rotate, flip);
    Ok(())
}

fn read_edge(crop: &mut Crop, edge: &str, value: &str) -> Carried {
    let edge = match edge {
        "left" => &mut crop.left,
        "top" => &mut crop.top,
        "right" => &mut crop.right,
        "bottom" => &mut crop.bottom,
        _ => return Err(words::no_setting()),
    };
    if value == "-1" {
        return Err(gettext("Edges are cut by a number of pixels here, not to fit a size."));
    }
    let pixels = value.parse().ok().filter(|pixels| Crop::EDGE.contains(pixels));
    *edge = pixels.ok_or_else(|| words::allowed(&Crop::EDGE))?;
    Ok(())
}
