//! Puts the parts of a chart into a snapshot.

use gtk::{
    cairo::{self, LinearGradient},
    gdk::RGBA,
    graphene::Rect,
    pango,
    prelude::*,
};

use super::{
    palette::Palette,
    trace::{Point, Run},
};

/// Width of the line through the data, in pixels.
const LINE: f64 = 1.5;
/// Radius of the dot at the newest value.
const DOT: f64 = 3.5;
/// How far data may reach beyond the plot, in pixels: half a line, and the dot.
pub(super) const OVERHANG: f32 = DOT as f32 + 0.5;

/// A kind of text in a chart.
#[derive(Clone, Copy, Debug)]
pub(super) enum TextStyle {
    /// What is measured.
    Title,
    /// What it is now.
    Value,
    /// The words at the axes.
    Note,
}

impl TextStyle {
    /// Words in this style. Digits are all of one width: a changing number stands still.
    pub(super) fn layout(self, widget: &impl IsA<gtk::Widget>, words: &str) -> pango::Layout {
        let (scale, weight) = match self {
            Self::Title => (pango::SCALE_SMALL, pango::Weight::Medium),
            Self::Value => (pango::SCALE_LARGE, pango::Weight::Semibold),
            Self::Note => (pango::SCALE_SMALL, pango::Weight::Normal),
        };
        let attributes = pango::AttrList::new();
        attributes.insert(pango::AttrFloat::new_scale(scale));
        attributes.insert(pango::AttrInt::new_weight(weight));
        attributes.insert(pango::AttrFontFeatures::new("tnum=1"));
        let layout = widget.create_pango_layout(Some(words));
        layout.set_attributes(Some(&attributes));
        layout.set_single_paragraph_mode(true);
        layout.set_ellipsize(pango::EllipsizeMode::End);
        layout
    }

    fn color(self, palette: &Palette) -> RGBA {
        match self {
            Self::Value => palette.text,
            Self::Title | Self::Note => palette.quiet_text,
        }
    }
}

/// Where a text stands: its left, its middle or its right edge at an `x`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// Draws the parts of one chart.
pub(super) struct Painter<'a> {
    pub(super) widget: &'a gtk::Widget,
    pub(super) snapshot: &'a gtk::Snapshot,
    pub(super) palette: Palette,
    /// The width that texts may not leave.
    pub(super) width: f32,
}

impl Painter<'_> {
    /// Draws words with their top at `y`. Too long, they end in an ellipsis; at
    /// an edge, they move inside.
    pub(super) fn text(&self, style: TextStyle, words: &str, (x, y): (f32, f32), anchor: Anchor) {
        let layout = style.layout(self.widget, words);
        if layout.pixel_size().0 as f32 > self.width {
            layout.set_width((self.width * pango::SCALE as f32) as i32);
        }
        let taken = layout.pixel_size().0 as f32;
        let left = match anchor {
            Anchor::Left => x,
            Anchor::Middle => x - taken / 2.0,
            Anchor::Right => x - taken,
        };
        let left = left.clamp(0.0, (self.width - taken).max(0.0)).round();
        self.snapshot.save();
        self.snapshot.translate(&gtk::graphene::Point::new(left, y));
        self.snapshot.append_layout(&layout, &style.color(&self.palette));
        self.snapshot.restore();
    }

    /// A line of the grid from edge to edge of the plot, at a height from 0 (bottom) to 1 (top).
    pub(super) fn horizontal(&self, plot: &Rect, height: f32) {
        let y = (plot.y() + plot.height() * (1.0 - height)).round();
        self.snapshot.append_color(&self.palette.grid, &Rect::new(plot.x(), y, plot.width(), 1.0));
    }

    /// A line of the grid from top to bottom of the plot.
    pub(super) fn vertical(&self, plot: &Rect, x: f32) {
        let line = Rect::new(x.round(), plot.y(), 1.0, plot.height());
        self.snapshot.append_color(&self.palette.grid, &line);
    }

    /// The data: surfaces, lines and the dot at `newest` in one picture, values from 0 to `bound`.
    pub(super) fn data(&self, plot: &Rect, runs: &[Run], bound: f64, newest: bool) {
        let reach = plot.inset_r(-OVERHANG, -OVERHANG);
        let canvas = Canvas {
            context: self.snapshot.append_cairo(&reach),
            palette: &self.palette,
            left: f64::from(plot.x()),
            bottom: f64::from(plot.y() + plot.height()),
            height: f64::from(plot.height()),
            bound,
        };
        // An error of cairo stays in its context and leaves the picture unfinished:
        // the next one is drawn into a new context.
        let _ = canvas.draw(runs, newest);
    }
}

/// The plot as cairo sees it.
struct Canvas<'a> {
    context: cairo::Context,
    palette: &'a Palette,
    left: f64,
    bottom: f64,
    height: f64,
    bound: f64,
}

impl Canvas<'_> {
    fn draw(&self, runs: &[Run], newest: bool) -> Result<(), cairo::Error> {
        self.context.set_line_width(LINE);
        self.context.set_line_join(cairo::LineJoin::Round);
        self.surfaces(runs)?;
        runs.iter().try_for_each(|run| self.line(run))?;
        match runs.last().and_then(|run| run.last()) {
            Some(point) if newest => self.dot(*point, DOT),
            _ => Ok(()),
        }
    }

    /// What lies under all lines, in one fill.
    fn surfaces(&self, runs: &[Run]) -> Result<(), cairo::Error> {
        let fade = LinearGradient::new(0.0, self.bottom - self.height, 0.0, self.bottom);
        add_stop(&fade, 0.0, self.palette.fill, 1.0);
        add_stop(&fade, 1.0, self.palette.fill, 0.2);
        self.context.set_source(&fade)?;
        for run in runs {
            let (first, last) = (run[0], run[run.len() - 1]);
            self.context.move_to(self.x(first), self.bottom);
            self.along(run);
            self.context.line_to(self.x(last), self.bottom);
            self.context.close_path();
        }
        self.context.fill()
    }

    /// The line through a run. A lone sample has no line, so it is a dot.
    fn line(&self, run: &Run) -> Result<(), cairo::Error> {
        if let [alone] = run.as_slice() {
            return self.dot(*alone, LINE / 2.0);
        }
        self.set_color(self.palette.line);
        self.along(run);
        self.context.stroke()
    }

    /// Takes the path from point to point.
    fn along(&self, run: &Run) {
        for point in run {
            self.context.line_to(self.x(*point), self.y(*point));
        }
    }

    fn dot(&self, point: Point, radius: f64) -> Result<(), cairo::Error> {
        self.set_color(self.palette.line);
        self.context.arc(self.x(point), self.y(point), radius, 0.0, std::f64::consts::TAU);
        self.context.fill()
    }

    fn x(&self, point: Point) -> f64 {
        self.left + point.x
    }

    /// Values beyond the axis stay at its ends.
    fn y(&self, point: Point) -> f64 {
        self.bottom - self.height * (point.value / self.bound).clamp(0.0, 1.0)
    }

    fn set_color(&self, color: RGBA) {
        let [red, green, blue, alpha] = parts(color);
        self.context.set_source_rgba(red, green, blue, alpha);
    }
}

fn add_stop(gradient: &LinearGradient, offset: f64, color: RGBA, strength: f64) {
    let [red, green, blue, alpha] = parts(color);
    gradient.add_color_stop_rgba(offset, red, green, blue, alpha * strength);
}

fn parts(color: RGBA) -> [f64; 4] {
    [color.red(), color.green(), color.blue(), color.alpha()].map(f64::from)
}
