//! Windows with nothing in them but pictures.

use std::{cell::Cell, process::ExitCode, rc::Rc, time::Duration};

use adw::prelude::*;
use gtk::{
    gdk, gio,
    glib::{self, clone},
};
use tokio::runtime::Runtime;

use super::{
    APP_ID, PreviewTile,
    model::{Desk, FeedObject},
    register_resources,
};
use crate::{
    config::{FeedConfig, Password},
    i18n::gettext,
    signals,
};

/// How long the feeds may take to end before the program does.
const PATIENCE: Duration = Duration::from_millis(1900);
/// What a single picture has of a screen at first, in pixels.
const USUAL_SIZE: (i32, i32) = (960, 540);

/// How pictures are shown.
#[derive(Clone, Copy, Debug)]
pub struct Wall {
    /// Over all of the screen.
    pub is_full_screen: bool,
    /// All in one window, in rows and columns; otherwise each has one of its own.
    pub is_one: bool,
}

/// Shows these feeds until the last window is closed. Ask [`super::has_display`] before.
pub fn show_pictures(feeds: Vec<(FeedConfig, Option<Password>)>, wall: Wall) -> ExitCode {
    register_resources();
    let runtime = Runtime::new().expect("an async runtime should start");
    // Beside a window of Heliograph, and beside others of these: each is a program of its own.
    let app = adw::Application::new(Some(APP_ID), gio::ApplicationFlags::NON_UNIQUE);
    app.set_resource_base_path(Some("/org/heliograph/Heliograph"));
    let desk = Desk::of_feeds(runtime.handle(), feeds);
    desk.set_gathers(wall.is_one);
    app.connect_activate(clone!(
        #[strong]
        desk,
        move |app| show(app, &desk, wall)
    ));
    end_on_signals(&app, &runtime);
    let code = app.run_with_args(&[] as &[&str]);
    drop((app, desk));
    runtime.shutdown_timeout(Duration::from_millis(300));
    if code == glib::ExitCode::SUCCESS { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show(app: &adw::Application, desk: &Desk, wall: Wall) {
    gtk::Window::set_default_icon_name(APP_ID);
    // What is beside a picture is not to outshine it.
    adw::StyleManager::default().set_color_scheme(adw::ColorScheme::ForceDark);
    let feeds: Vec<FeedObject> = desk.feeds().iter::<FeedObject>().flatten().collect();
    let parts = feeds.chunks(if wall.is_one { feeds.len().max(1) } else { 1 });
    let windows: Vec<_> = parts.map(|feeds| picture_window(desk, feeds)).collect();
    if let ([window], true) = (windows.as_slice(), wall.is_one) {
        show_all_from_now_on(window, desk);
    }
    let is_ending = Rc::new(Cell::new(false));
    for window in windows {
        window.set_application(Some(app));
        window.connect_close_request(clone!(
            #[weak]
            app,
            #[strong]
            desk,
            #[strong]
            is_ending,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |_| {
                if app.windows().len() <= 1 && !is_ending.replace(true) {
                    end(&app, &desk);
                }
                glib::Propagation::Proceed
            }
        ));
        window.set_fullscreened(wall.is_full_screen);
        window.present();
    }
}

/// A window with the pictures of these feeds.
pub fn picture_window(desk: &Desk, feeds: &[FeedObject]) -> gtk::ApplicationWindow {
    let window = gtk::ApplicationWindow::builder().build();
    fill(&window, desk, feeds);
    window.set_default_size(USUAL_SIZE.0, USUAL_SIZE.1);
    window.add_controller(keys(&window));
    window
}

/// A feed that comes later has a picture there, too: a robot may have several.
pub fn show_all_from_now_on(window: &gtk::ApplicationWindow, desk: &Desk) {
    desk.feeds().connect_items_changed(clone!(
        #[weak]
        window,
        #[weak]
        desk,
        move |feeds, _, _, _| fill(&window, &desk, &feeds.iter::<FeedObject>().flatten().collect::<Vec<_>>())
    ));
}

fn fill(window: &gtk::ApplicationWindow, desk: &Desk, feeds: &[FeedObject]) {
    let grid = gtk::Grid::builder().row_homogeneous(true).column_homogeneous(true).build();
    grid.set_row_spacing(2);
    grid.set_column_spacing(2);
    let columns = columns(feeds.len());
    for (place, feed) in feeds.iter().enumerate() {
        let (column, row) = (place % columns, place / columns);
        let tile = tile(desk, feed);
        // The window's title names a single one.
        tile.set_has_tooltip(feeds.len() > 1);
        grid.attach(&tile, column.cast_signed() as i32, row.cast_signed() as i32, 1, 1);
    }
    let title = match feeds {
        [feed] => feed.name(),
        _ => gettext("Received Pictures"),
    };
    window.set_title(Some(&title));
    window.set_child(Some(&grid));
}

/// As many columns as rows, or one more.
fn columns(pictures: usize) -> usize {
    let mut columns = 1;
    while columns * columns < pictures {
        columns += 1;
    }
    columns
}

fn tile(desk: &Desk, feed: &FeedObject) -> PreviewTile {
    let tile: PreviewTile = glib::Object::builder().property("fills", true).build();
    tile.set_hexpand(true);
    tile.set_vexpand(true);
    tile.set_tooltip_text(Some(&feed.name()));
    tile.set_desk(Some(desk));
    tile.set_feed(Some(feed));
    tile
}

/// F11 fills the screen and leaves it, Escape leaves it.
fn keys(window: &gtk::ApplicationWindow) -> gtk::EventControllerKey {
    let keys = gtk::EventControllerKey::new();
    keys.connect_key_pressed(clone!(
        #[weak]
        window,
        #[upgrade_or]
        glib::Propagation::Proceed,
        move |_, key, _, _| {
            match key {
                gdk::Key::F11 => window.set_fullscreened(!window.is_fullscreen()),
                gdk::Key::Escape if window.is_fullscreen() => window.unfullscreen(),
                _ => return glib::Propagation::Proceed,
            }
            glib::Propagation::Stop
        }
    ));
    keys
}

fn end_on_signals(app: &adw::Application, runtime: &Runtime) {
    let asked = runtime.spawn(signals::asked_to_end());
    let app = app.downgrade();
    glib::spawn_future_local(async move {
        if asked.await.is_ok()
            && let Some(app) = app.upgrade()
        {
            for window in app.windows() {
                window.close();
            }
        }
    });
}

/// The loop has to run until the feeds have ended: a preview's sink belongs to it.
fn end(app: &adw::Application, desk: &Desk) {
    let stays = app.hold();
    glib::spawn_future_local(clone!(
        #[strong]
        app,
        #[strong]
        desk,
        async move {
            if glib::future_with_timeout(PATIENCE, desk.shut()).await.is_err() {
                tracing::warn!("Not everything ended in time; leaving it behind.");
            }
            drop(stays);
            app.quit();
        }
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_is_nearly_square() {
        let widths: Vec<_> = [1, 2, 3, 4, 5, 9, 10].into_iter().map(columns).collect();
        assert_eq!(widths, [1, 2, 2, 2, 3, 3, 4]);
    }
}
