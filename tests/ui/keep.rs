//! What is kept of a feed: switched on its page, and told when it is there.

use std::{cell::RefCell, rc::Rc};

use adw::prelude::*;
use heliograph::ui::KeepGroup;

use crate::{
    rig::{Rig, all},
    support,
};

#[gtk::test]
fn a_feed_is_recorded_and_its_picture_saved_from_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    let settings = format!(
        "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n[recording]\nfolder = \"{place}\"\nlast_seconds = 5\n"
    );
    let rig = Rig::with_settings(&settings);
    let feed = rig.desk.add_demo();
    support::until("a picture", || rig.window.feed_page().preview().is_live());
    let saved = Rc::new(RefCell::new(Vec::<(String, String)>::new()));
    let kept = saved.clone();
    rig.desk.connect_saved(move |title, path| kept.borrow_mut().push((title.to_owned(), path.to_owned())));

    let group = all::<KeepGroup>(&rig.window.feed_page()).remove(0);
    let [record] = all::<adw::SwitchRow>(&group).try_into().unwrap();
    let [save, snapshot] = all::<gtk::Button>(&group).try_into().unwrap();
    assert!(!save.is_sensitive(), "nothing is kept yet");
    record.set_active(true);
    support::until("a recording", || feed.recorded_since() > 0.0);
    support::until("the time that it takes", || record.subtitle().is_some_and(|text| text.contains('s')));
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    support::until("a file", || files() > 0);
    snapshot.emit_clicked();
    support::until("a picture", || saved.borrow().iter().any(|(_, path)| path.contains("-snapshot-")));
    record.set_active(false);
    support::until("the end", || saved.borrow().iter().any(|(title, _)| title.contains("Recording")));
    assert!(saved.borrow().iter().all(|(title, _)| title.contains("Demo")), "{saved:?}");
    assert_eq!((feed.recorded_since(), record.subtitle().unwrap_or_default().as_str()), (0.0, ""));
    rig.end();
}
