//! A walk over all templates: a button that shows only an icon says what it does.

use std::path::Path;

use roxmltree::{Document, Node};

#[test]
fn every_icon_button_has_words() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui");
    let mut walked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "ui") {
            let text = std::fs::read_to_string(&path).unwrap();
            let template = Document::parse(&text).unwrap();
            for button in template.descendants().filter(is_icon_button) {
                let line = template.text_pos_at(button.range().start).row;
                assert!(has_words(&button), "{}:{line}: an icon button without words", path.display());
                walked += 1;
            }
        }
    }
    assert!(walked > 5, "the walk found {walked} icon buttons only: it looks in the wrong place");
}

fn is_icon_button(node: &Node) -> bool {
    let is_button = matches!(node.attribute("class"), Some("GtkButton" | "GtkToggleButton" | "GtkMenuButton"));
    is_button && property(node, "icon-name").is_some() && property(node, "label").is_none()
}

/// A tooltip is also what a screen reader says; without one, a label for it has to be there.
fn has_words(button: &Node) -> bool {
    let words = |node: Node| node.text().is_some_and(|text| !text.trim().is_empty());
    let translatable = |node: &Node| node.attribute("translatable") == Some("yes");
    let label = button.descendants().find(|node| {
        node.has_tag_name("property")
            && node.attribute("name") == Some("label")
            && node.parent().is_some_and(|parent| parent.has_tag_name("accessibility"))
    });
    property(button, "tooltip-text").or(label).is_some_and(|node| translatable(&node) && words(node))
}

/// A property of this very object, under either spelling.
fn property<'a, 'input>(object: &Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    let is_it = |node: &Node| node.attribute("name").is_some_and(|found| found.replace('_', "-") == name);
    object.children().find(|node| node.has_tag_name("property") && is_it(node))
}
