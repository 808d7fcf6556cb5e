//! What the window remembers, and what it never overwrites.

use gtk::prelude::*;

use crate::{
    rig::{Rig, says},
    support,
};

#[gtk::test]
fn feeds_and_their_switch_are_remembered() {
    let rig = Rig::new();
    let feed = rig.desk.add_demo();
    rig.desk.set_streaming(&feed, false);
    support::until("the switch is saved", || rig.saved().contains("streaming = false"));

    let rig = rig.restarted();
    assert_eq!(rig.desk.feeds().n_items(), 1);
    let feed = rig.window.selected().unwrap();
    assert_eq!((feed.name().as_str(), feed.streaming()), ("Demo camera", false));
    rig.end();
}

#[gtk::test]
fn a_file_that_is_not_understood_is_left_alone() {
    let broken = "version = 1\n[[feeds]]\nname = \"Bow\"\nadress = \"rtsp://10.0.0.5/\"\n";
    let rig = Rig::with_settings(broken);
    support::until("word of the file", || says(&rig.window, "Changes are for this run only"));
    assert!(rig.desk.settings_remarks().contains("address"));
    rig.desk.add_demo();
    assert_eq!(std::fs::read_to_string(rig.end().path().join("heliograph.toml")).unwrap(), broken);
}

#[gtk::test]
fn a_port_that_is_taken_is_told_and_taken_later() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let rig = Rig::with_settings(&format!("version = 1\n[server]\nlisten = \"{address}\"\n"));
    support::until("word of the port", || says(&rig.window, "is in use by another program"));
    drop(other);
    support::until("the server", || !rig.desk.viewer_url().is_empty());
    assert!(rig.desk.server_fault().is_empty());
    rig.end();
}

#[gtk::test]
fn messages_that_an_editor_allows_meanwhile_are_heard_and_the_window_saves_as_before() {
    let rig = Rig::new();
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let text = rig.saved();
    std::fs::write(rig.settings(), format!("{text}[mqtt]\nlisten = \"127.0.0.1:{port}\"\n")).unwrap();
    support::until("a broker", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    rig.desk.add_demo();
    support::until("the feed is saved", || rig.saved().contains("[[feeds]]"));
    assert!(rig.saved().contains(&port.to_string()), "{}", rig.saved());
    assert!(rig.notices.borrow().is_empty(), "{:?}", rig.notices.borrow());
    rig.end();
}
