//! The window as an operator meets it: empty, with a live feed, with one taken away.

use gtk::prelude::*;

use crate::{
    rig::{Rig, all, button, says},
    support,
};

#[gtk::test]
fn an_empty_window_says_what_to_do() {
    let rig = Rig::new();
    assert!(says(&rig.window, "Put a Camera on the Network"));
    assert!(button(&rig.window, "Add Camera").is_mapped());
    assert!(button(&rig.window, "Try the Demo Camera").is_mapped());
    rig.end();
}

#[gtk::test]
fn the_demo_camera_is_live_after_one_click() {
    let rig = Rig::new();
    button(&rig.window, "Try the Demo Camera").emit_clicked();
    let preview = rig.window.feed_page().preview();
    support::until("a picture", || preview.paintable().is_some_and(|picture| picture.intrinsic_width() > 0));
    support::until("the mark of a live picture", || preview.is_live() && says(&preview, "Live"));
    rig.window.feed_page().open_part("path");
    support::until("what encodes it, and why", || says(&rig.window, "Automatic: x264"));
    assert!(says(&rig.window, "/feed/demo-camera"));

    rig.desk.set_streaming(&rig.window.selected().unwrap(), false);
    support::until("the mark of a feed that is off", || !preview.is_live() && says(&preview, "Off"));
    rig.end();
}

#[gtk::test]
fn a_removed_feed_comes_back_where_it_was() {
    let rig = Rig::new();
    let (bow, stern) = (rig.desk.add_demo(), rig.desk.add_demo());
    rig.window.select(&bow);
    rig.act("win.remove-feed");
    assert_eq!(rig.desk.feeds().n_items(), 1);
    assert_eq!(rig.window.selected(), Some(stern));

    button(&rig.window, "Undo").emit_clicked();
    assert_eq!(rig.desk.feeds().n_items(), 2);
    assert_eq!(rig.window.selected().unwrap().id(), bow.id());
    support::until("the feed works again", || rig.window.feed_page().preview().is_live());
    support::until("both are saved", || rig.saved().matches("demo = true").count() == 2);
    rig.end();
}

#[gtk::test]
fn the_delete_key_in_the_list_removes_the_feed() {
    let rig = Rig::new();
    rig.desk.add_demo();
    let list = the_list(&rig);
    let delete =
        shortcuts(&list).into_iter().find(|shortcut| shortcut.trigger().unwrap().to_str() == "Delete").unwrap();
    assert!(delete.action().unwrap().activate(gtk::ShortcutActionFlags::empty(), &list, None));
    assert_eq!(rig.desk.feeds().n_items(), 0);
    assert!(says(&rig.window, "Put a Camera on the Network"));
    rig.end();
}

/// The keys that a widget listens to.
fn shortcuts(widget: &impl IsA<gtk::Widget>) -> Vec<gtk::Shortcut> {
    let controllers = widget.observe_controllers();
    (0..controllers.n_items())
        .filter_map(|position| controllers.item(position).and_downcast::<gtk::ShortcutController>())
        .flat_map(|keys| (0..keys.n_items()).filter_map(move |key| keys.item(key).and_downcast()))
        .collect()
}

fn the_list(rig: &Rig) -> gtk::ListBox {
    let lists = all::<gtk::ListBox>(&rig.window);
    lists.into_iter().find(|list| list.has_css_class("navigation-sidebar")).unwrap()
}
