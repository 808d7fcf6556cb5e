//! What tests of widgets share: a started GTK, a window, and the pixels in it.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use gtk::{gdk, glib, prelude::*};

/// How long a widget may take until it is on the display.
const PATIENCE: Duration = Duration::from_secs(10);

/// Readies GTK and libadwaita, in the light style.
pub fn start() {
    adw::init().expect("a display; see tests/ui/main.rs");
    gtk::Settings::default().unwrap().set_gtk_enable_animations(false);
    style(adw::ColorScheme::ForceLight);
}

/// Changes to light or dark.
pub fn style(scheme: adw::ColorScheme) {
    adw::StyleManager::default().set_color_scheme(scheme);
}

/// Turns the main loop until the condition holds; fails after ten seconds.
pub fn until(what: &str, condition: impl Fn() -> bool) {
    until_within(PATIENCE, what, condition);
}

/// Turns the main loop until the condition holds; fails after this long.
pub fn until_within(patience: Duration, what: &str, condition: impl Fn() -> bool) {
    let context = glib::MainContext::default();
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < patience, "waited in vain: {what}");
        if !context.iteration(false) {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Turns the main loop for this long.
pub fn turn_for(time: Duration) {
    let start = Instant::now();
    until("the end of a time", || start.elapsed() >= time);
}

/// Turns the main loop until nothing is left to do for it.
pub fn settle() {
    while glib::MainContext::default().iteration(false) {}
}

/// A window on the display with this in it. Closed when dropped.
pub struct Shown(gtk::Window);

impl Shown {
    /// Shows the widget in a window of its least width and its preferred height.
    pub fn new(widget: &impl IsA<gtk::Widget>) -> Self {
        let window = gtk::Window::builder().decorated(false).default_width(1).child(widget).build();
        window.present();
        until("the window is shown", || widget.is_mapped() && widget.width() > 0);
        Self(window)
    }

    /// What the window shows now.
    pub fn picture(&self) -> Picture {
        picture_of(&self.0)
    }
}

/// What a shown window shows now.
pub fn picture_of(window: &impl IsA<gtk::Window>) -> Picture {
    let window = window.upcast_ref::<gtk::Window>();
    draw(window);
    let paintable = gtk::WidgetPaintable::new(Some(window));
    let (width, height) = (window.width(), window.height());
    let snapshot = gtk::Snapshot::new();
    paintable.snapshot(&snapshot, f64::from(width), f64::from(height));
    let node = snapshot.to_node().expect("a shown window should draw something");
    let bounds = gtk::graphene::Rect::new(0.0, 0.0, width as f32, height as f32);
    let renderer = window.renderer().expect("a shown window should have a renderer");
    Picture::of(renderer.render_texture(node, Some(&bounds)))
}

/// Has the window drawn once more, and waits for it.
fn draw(window: &gtk::Window) {
    settle();
    let clock = window.frame_clock().expect("a shown window should have a clock");
    let drawn = Rc::new(Cell::new(false));
    let handler = clock.connect_after_paint(glib::clone!(
        #[strong]
        drawn,
        move |_| drawn.set(true)
    ));
    window.queue_draw();
    until("the window is drawn", || drawn.get());
    clock.disconnect(handler);
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.destroy();
        settle();
    }
}

/// Pixels that were drawn.
pub struct Picture {
    texture: gdk::Texture,
    pixels: Vec<u8>,
    width: usize,
}

/// The red, green and blue of a pixel.
pub type Color = [u8; 3];

impl Picture {
    fn of(texture: gdk::Texture) -> Self {
        let (width, height) = (texture.width() as usize, texture.height() as usize);
        let mut pixels = vec![0; width * height * 4];
        texture.download(&mut pixels, width * 4);
        Self { texture, pixels, width }
    }

    /// How many columns of pixels there are.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many rows of pixels there are.
    pub fn height(&self) -> usize {
        self.pixels.len() / 4 / self.width
    }

    /// The colour at a place. The format is cairo's ARGB32: a native-endian word.
    pub fn at(&self, x: usize, y: usize) -> Color {
        let start = (y * self.width + x) * 4;
        let word = u32::from_ne_bytes(self.pixels[start..start + 4].try_into().unwrap());
        let [_, red, green, blue] = word.to_be_bytes();
        [red, green, blue]
    }

    /// Leaves the picture as NAME.png where `HELIOGRAPH_TEST_PICTURES` says, if it does.
    pub fn keep(&self, name: &str) {
        let Some(place) = std::env::var_os("HELIOGRAPH_TEST_PICTURES").map(PathBuf::from) else { return };
        std::fs::create_dir_all(&place).unwrap();
        self.texture.save_to_png(place.join(name).with_extension("png")).unwrap();
    }
}
