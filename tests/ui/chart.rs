//! The chart as it is drawn: lines where the values are, nothing where there are none.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use gtk::prelude::*;
use heliograph::stats::{History, Reach};
use heliograph::ui::{time_chart::TimeChart, units};

use crate::support::{self, Color, Picture, Shown};

/// Space around a chart in its window, in pixels.
const MARGIN: i32 = 16;
/// Width of a chart, in pixels.
const WIDTH: i32 = 420;

fn history(samples: impl IntoIterator<Item = Option<f32>>) -> Rc<RefCell<History>> {
    let mut history = History::new(Duration::from_secs(1));
    samples.into_iter().for_each(|sample| history.push(sample));
    Rc::new(RefCell::new(history))
}

fn chart(samples: impl IntoIterator<Item = Option<f32>>) -> TimeChart {
    let chart = TimeChart::new("Bitrate sent", units::bitrate);
    chart.set_history(history(samples));
    chart.set_width_request(WIDTH);
    chart
}

/// Shows a chart on a plain surface.
fn show(chart: &TimeChart) -> Shown {
    let around = gtk::Box::builder().build();
    for side in
        [gtk::Box::set_margin_top, gtk::Box::set_margin_bottom, gtk::Box::set_margin_start, gtk::Box::set_margin_end]
    {
        side(&around, MARGIN);
    }
    around.append(chart);
    Shown::new(&around)
}

/// A bitrate with a swell, some noise and an outage.
fn lively() -> impl Iterator<Item = Option<f32>> {
    (0..300_u16).map(|n| {
        let time = f32::from(n);
        let noise = f32::from(n.wrapping_mul(7919) % 200);
        let outage = (150..185).contains(&n) || n == 230;
        (!outage).then_some(1_900.0 + 500.0 * (time / 25.0).sin() + noise)
    })
}

/// Whether the colour is the line's: clearly more blue than red.
fn is_line(color: Color) -> bool {
    i16::from(color[2]) - i16::from(color[0]) > 90
}

/// The middle of the line in a column of pixels, if it is seen there.
fn line_at(picture: &Picture, x: usize) -> Option<usize> {
    let rows: Vec<usize> = (0..picture.height()).filter(|&y| is_line(picture.at(x, y))).collect();
    rows.get(rows.len() / 2).copied()
}

/// The upper, middle and lower line of the grid, seen where there is nothing else.
fn grid(picture: &Picture) -> [usize; 3] {
    const BARE: usize = 220;
    let background = picture.at(BARE, 0);
    let rows: Vec<usize> = (0..picture.height()).filter(|&y| picture.at(BARE, y) != background).collect();
    rows.try_into().expect("three lines of a grid and nothing else")
}

/// The column of pixels of the sample taken so many seconds ago, of five minutes.
fn column(seconds_ago: usize) -> usize {
    let plot = (WIDTH - 4) as usize;
    MARGIN as usize + plot - plot * seconds_ago / 300
}

#[gtk::test]
fn it_is_drawn_in_every_style() {
    support::start();
    let cases: [(&str, Vec<Option<f32>>); 4] = [
        ("lively", lively().collect()),
        ("empty", vec![]),
        ("young", lively().take(40).collect()),
        ("lost", lively().take(170).collect()),
    ];
    for (name, samples) in cases {
        for (scheme, style) in [(adw::ColorScheme::ForceLight, "light"), (adw::ColorScheme::ForceDark, "dark")] {
            support::style(scheme);
            show(&chart(samples.clone())).picture().keep(&format!("chart-{name}-{style}"));
        }
    }
}

#[gtk::test]
fn it_keeps_its_words_inside_where_room_is_short() {
    support::start();
    let chart = TimeChart::new("Bitrate sent to all the viewers together", units::bitrate);
    chart.set_history(history(lively()));
    let picture = show(&chart).picture();
    picture.keep("chart-narrow-light");
    let background = picture.at(0, 0);
    let margin = picture.width() - MARGIN as usize..picture.width();
    for y in 0..picture.height() {
        assert!(margin.clone().all(|x| picture.at(x, y) == background), "something is drawn beside the chart");
    }
}

#[gtk::test]
fn a_flat_line_is_at_its_height() {
    support::start();
    // The axis ends at 2 Mbit/s for all of them; a third of it has data.
    for (kbps, share) in [(1_000.0, 0.5), (1_400.0, 0.7), (1_800.0, 0.9)] {
        let picture = show(&chart([Some(kbps); 100])).picture();
        let [top, _, bottom] = grid(&picture);
        let expected = bottom as f64 - (bottom - top) as f64 * share;
        let found = line_at(&picture, column(50)).expect("a line");
        assert!((found as f64 - expected).abs() <= 1.5, "{kbps} kbit/s at row {found}, not {expected}");
    }
}

#[gtk::test]
fn a_gap_leaves_the_background() {
    support::start();
    let outage = |n: usize| (40..60).contains(&n) || n == 20;
    let picture = show(&chart((0..100).rev().map(|ago| (!outage(ago)).then_some(1_600.0)))).picture();
    let [top, middle, bottom] = grid(&picture);
    let background = picture.at(220, 0);

    let rows = (top + 1..middle).chain(middle + 1..bottom);
    assert!(rows.clone().all(|y| picture.at(column(50), y) == background), "something is drawn in an outage");
    assert!((column(21)..=column(19)).any(|x| line_at(&picture, x).is_none()), "a lost sample is not seen");
    assert!(rows.clone().any(|y| picture.at(column(30), y) != background), "nothing is drawn beside the gaps");
}

#[gtk::test]
fn a_dot_marks_the_value_of_now_only() {
    support::start();
    let thickness = |samples: Vec<Option<f32>>| {
        let picture = show(&chart(samples)).picture();
        (0..picture.height()).filter(|&y| is_line(picture.at(column(0), y))).count()
    };
    let known = vec![Some(1_600.0); 100];
    let lost = [known.clone(), vec![None]].concat();
    assert!(thickness(known) >= 6, "no dot at the newest value");
    assert_eq!(thickness(lost), 0, "a dot where nothing is known");
}

#[gtk::test]
fn the_dark_style_is_dark() {
    support::start();
    let brightness = |scheme| {
        support::style(scheme);
        let picture = show(&chart(lively())).picture();
        (picture.at(0, 0)[1], picture.at(column(250), line_at(&picture, column(250)).unwrap())[1])
    };
    let (light, line_on_light) = brightness(adw::ColorScheme::ForceLight);
    let (dark, line_on_dark) = brightness(adw::ColorScheme::ForceDark);
    assert!(light > 200 && dark < 60, "backgrounds of {light} and {dark}");
    assert!(line_on_dark > line_on_light, "the line does not stand out from both");
}

#[gtk::test]
fn it_shows_what_came_while_it_was_out_of_sight() {
    support::start();
    let history = history([]);
    let chart = TimeChart::new("Round trip", units::delay);
    chart.set_width_request(WIDTH);
    chart.set_history(history.clone());
    assert_eq!(chart.summary(), ["Round trip: not known", "No data yet"]);

    history.borrow_mut().push(Some(0.012));
    chart.refresh();
    let shown = show(&chart);
    let before = shown.picture();
    assert!(line_at(&before, column(0)).is_some(), "what came before it was shown is missing");

    history.borrow_mut().push(Some(0.006));
    chart.refresh();
    assert!(line_at(&shown.picture(), column(0)) > line_at(&before, column(0)), "the lower value is not drawn lower");
}

#[gtk::test]
fn it_says_what_it_shows() {
    support::start();
    let chart = chart([Some(640.0), None, Some(2_000.0)]);
    let words = chart.summary().map(|words| words.replace('\u{a0}', " "));
    assert_eq!(words, ["Bitrate sent: 2.0 Mbit/s", "Between 640 kbit/s and 2.0 Mbit/s in the last 5 min"]);

    assert!(gtk::test_accessible_has_role(&chart, gtk::AccessibleRole::Img));
    for property in [gtk::AccessibleProperty::Label, gtk::AccessibleProperty::Description] {
        assert!(gtk::test_accessible_has_property(&chart, property), "{property:?} is not told");
    }

    let rows = chart.table().into_iter().map(|row| [row.age, row.value].join(": ").replace('\u{a0}', " "));
    assert_eq!(rows.collect::<Vec<_>>(), ["just now: 2.0 Mbit/s", "1 s ago: —", "2 s ago: 640 kbit/s"]);
}

#[gtk::test]
fn it_looks_as_far_back_as_it_is_told() {
    support::start();
    let peak = |n: u32| if n == 1_000 { 9_000.0 } else { 1_000.0 };
    let chart = chart((0..6_000).map(|n| Some(peak(n))));
    chart.set_reach(Reach::Day);
    let [_, words] = chart.summary().map(|words| words.replace('\u{a0}', " "));
    assert_eq!(words, "Between 1.0 Mbit/s and 9.0 Mbit/s in the last 24 h");
    assert_eq!(chart.table()[1].age.replace('\u{a0}', " "), "3 min ago");
    let picture = show(&chart).picture();
    picture.keep("chart-day-light");
    let (past, now) = (MARGIN as usize + 10, MARGIN as usize + WIDTH as usize - 5);
    assert!(line_at(&picture, past).is_none() && line_at(&picture, now).is_some(), "two hours of a day");
}

#[gtk::test]
fn no_chart_outlives_its_window() {
    support::start();
    let history = history(lively());
    let charts: Vec<_> = (0..50)
        .map(|_| {
            let chart = TimeChart::new("Bitrate sent", units::bitrate);
            chart.set_history(history.clone());
            drop(show(&chart));
            chart.downgrade()
        })
        .collect();
    support::settle();
    assert_eq!(charts.iter().filter(|chart| chart.upgrade().is_some()).count(), 0, "charts are left over");
    assert_eq!(Rc::strong_count(&history), 1, "something still holds the history");
}
