//! Who decides over a feed, and what it gets beside others: changed on its page, and remembered.

use adw::prelude::*;
use heliograph::{
    config::{AgentKind, BudgetKind},
    engine::FeedCommand,
    ui::{AgentGroup, ShareGroup, SharesDialog},
};

use crate::{
    rig::{Rig, all, says},
    support,
};

/// Two feeds that rest, the first of which is selected.
const TWO: &str = "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\n[[feeds]]\nname = \"Bow\"\npattern = \"ball\"\n\
                   streaming = false\n[[feeds]]\nname = \"Stern\"\npattern = \"bars\"\nstreaming = false\n";

#[gtk::test]
fn an_agent_and_its_limits_are_chosen_on_the_page_and_remembered() {
    let rig = Rig::with_settings(TWO);
    rig.window.feed_page().open_part("control");
    let feed = rig.window.selected().unwrap();
    let group = all::<AgentGroup>(&rig.window.feed_page()).remove(0);
    let [agent] = all::<adw::ComboRow>(&group).try_into().unwrap();
    let [passive, picture] = all::<adw::SwitchRow>(&group).try_into().unwrap();
    let [least, most] = all::<adw::SpinRow>(&group).try_into().unwrap();
    assert!(!passive.is_visible() && !picture.is_visible(), "nobody is there who could watch");
    agent.set_selected(1);
    assert!(passive.is_visible() && picture.is_visible());
    support::until("the agent", || feed.agent().is_some_and(|agent| agent.chosen == AgentKind::Gcc));
    passive.set_active(true);
    most.set_value(150.0);
    support::until("the limits", || rig.saved().contains("agent_most_kbps = 150"));
    assert!(least.value() <= 150.0, "the other limit gives way: {}", least.value());
    let saved = rig.saved();
    assert!(saved.contains("agent = \"gcc\"") && saved.contains("agent_passive = true"), "{saved}");

    // A person takes over, and gives back.
    passive.set_active(false);
    let overtaken =
        || all::<adw::ActionRow>(&group).into_iter().find(|row| row.title() == "You Have Taken Over").unwrap();
    assert!(!overtaken().is_visible());
    rig.desk.command(&feed, FeedCommand::Overtake { limit: None });
    support::until("it is said", || overtaken().is_visible());
    all::<gtk::Button>(&overtaken()).remove(0).emit_clicked();
    support::until("the agent again", || !overtaken().is_visible());
    rig.end();
}

#[gtk::test]
fn a_budget_and_importances_are_set_and_the_shares_of_all_are_shown() {
    let rig = Rig::with_settings(TWO);
    rig.window.feed_page().open_part("control");
    let feed = rig.window.selected().unwrap();
    let group = all::<ShareGroup>(&rig.window.feed_page()).remove(0);
    let [importance, focus] = all::<adw::SpinRow>(&group).try_into().unwrap();
    let [takes_part, pinned] = all::<adw::SwitchRow>(&group).try_into().unwrap();
    assert!(!pinned.is_visible(), "it has no importance of its own while it is looked at");
    importance.set_value(3.0);
    support::until("the importance", || rig.saved().contains("importance = 3"));
    focus.set_value(6.5);
    support::until("the other one", || rig.saved().contains("focus_importance = 6.5"));
    assert!(pinned.is_visible());
    support::until("the first feed is looked at", || feed.share().is_some_and(|share| share.has_attention));
    pinned.set_active(true);
    support::until("it is pinned", || feed.share().is_some_and(|share| share.attention.len() == 2));

    let dialog = SharesDialog::new(&rig.desk);
    dialog.present(Some(&rig.window));
    support::settle();
    let [budget] = all::<adw::ComboRow>(&dialog).try_into().unwrap();
    let [kbps] = all::<adw::SpinRow>(&dialog).try_into().unwrap();
    assert!(!kbps.is_visible());
    budget.set_selected(1);
    support::until("a budget", || rig.desk.control().config.budget == BudgetKind::Fixed);
    assert!(kbps.is_visible());
    kbps.set_value(6000.0);
    support::until("it is remembered", || rig.saved().contains("budget_kbps = 6000"));
    assert!(rig.saved().contains("budget = \"fixed\""), "{}", rig.saved());
    assert!(says(&dialog, "Bow") && says(&dialog, "Stern") && says(&dialog, "Nobody watches"));
    dialog.force_close();

    takes_part.set_active(false);
    support::until("it decides for itself", || rig.saved().contains("independent = true"));
    assert!(!importance.is_visible() && !pinned.is_visible());
    rig.end();
}

#[gtk::test]
fn feeds_that_a_message_adds_are_shown_and_not_remembered() {
    let rig = Rig::with_settings(TWO);
    support::until("both feeds", || rig.desk.engine().feeds().len() == 2);
    let mut config = rig.desk.engine().feeds().remove(0).config;
    (config.id, config.name) = ("guest".parse().unwrap(), "Guest".to_owned());
    rig.desk.engine().add(config).unwrap();
    support::until("the guest", || says(&rig.window, "Guest"));
    assert_eq!(rig.desk.feeds().n_items(), 3);
    let guest = rig.desk.feeds().item(2).and_downcast().unwrap();
    let removed = rig.desk.remove(&guest).unwrap();
    support::until("it is gone", || rig.desk.engine().feeds().len() == 2);
    rig.desk.undo_remove(removed);
    support::until("it is back", || rig.desk.engine().feeds().len() == 3);
    rig.desk.feeds().item(0).and_downcast().map(|feed| rig.desk.set_recording(&feed, true)).unwrap();
    support::until("something is saved", || rig.saved().contains("record_statistics = true"));
    assert!(!rig.saved().contains("Guest"), "{}", rig.saved());

    // One of the settings' own that a message removes is gone until the next start.
    let engine = rig.desk.engine();
    let stern = "stern".parse().unwrap();
    rig.on_runtime(async move { engine.remove(&stern).await.unwrap() });
    support::until("it is not shown", || rig.desk.feeds().n_items() == 2);
    assert!(rig.saved().contains("Stern"), "{}", rig.saved());
    rig.end();
}
