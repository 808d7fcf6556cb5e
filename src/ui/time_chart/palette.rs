//! The colours of a chart, for light and dark, for usual and high contrast.

use gtk::gdk::RGBA;

/// The colours that a chart is drawn in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    /// The current value, and what must be read first.
    pub(super) text: RGBA,
    /// Titles and the words at the axes.
    pub(super) quiet_text: RGBA,
    /// The lines behind the data.
    pub(super) grid: RGBA,
    /// The data.
    pub(super) line: RGBA,
    /// The surface under the data, at its top; it fades towards the bottom.
    pub(super) fill: RGBA,
}

/// Accents of libadwaita that are legible as lines: its "Blue 4" on light
/// surfaces, and the light blue that it derives for dark ones.
const LINE_ON_LIGHT: RGBA = RGBA::new(0.110, 0.443, 0.847, 1.0);
const LINE_ON_DARK: RGBA = RGBA::new(0.471, 0.682, 0.929, 1.0);

impl Palette {
    /// The colours that go with this colour of text, on the surfaces that libadwaita shows now.
    pub(super) fn current(text: RGBA) -> Self {
        let style = adw::StyleManager::default();
        if style.is_high_contrast() { Self::strong(text) } else { Self::usual(text, style.is_dark()) }
    }

    fn usual(text: RGBA, dark: bool) -> Self {
        let line = if dark { LINE_ON_DARK } else { LINE_ON_LIGHT };
        let quiet_text = faded(text, 0.65);
        Self { text, quiet_text, grid: faded(text, 0.13), line, fill: faded(line, 0.28) }
    }

    /// High contrast: nothing depends on a shade.
    fn strong(text: RGBA) -> Self {
        Self { text, quiet_text: text, grid: faded(text, 0.35), line: text, fill: faded(text, 0.2) }
    }
}

/// The colour, seen through by this much.
fn faded(color: RGBA, alpha: f32) -> RGBA {
    color.with_alpha(color.alpha() * alpha)
}
