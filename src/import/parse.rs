//! Elements, caps and references of a launch text, and which follows which.

use std::collections::HashMap;

use super::{
    ImportError,
    lex::{Token, Word},
};

/// A pipeline as its text describes it.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    pub(super) nodes: Vec<Node>,
    /// Words that are nothing known, each with the number of nodes before it.
    pub(super) strangers: Vec<(usize, String)>,
}

/// One thing that data flows through.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) properties: Vec<(String, String)>,
    /// The node before it.
    from: Option<usize>,
}

/// What a node is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An element, by its factory's name.
    Element(String),
    /// Caps between two elements.
    Caps(String),
    /// Another node, by its name; `None` where there is no such node.
    Reference(String),
}

impl Pipeline {
    /// The nodes before this one, the nearest first. A text may describe a circle.
    pub(super) fn upstream(&self, node: usize) -> impl Iterator<Item = &Node> {
        let before = |at: &usize| self.nodes[*at].from;
        std::iter::successors(before(&node), before).take(self.nodes.len()).map(|at| &self.nodes[at])
    }
}

/// Reads the words of a launch text.
pub(super) fn parse(tokens: Vec<Token>) -> Result<Pipeline, ImportError> {
    let mut pipeline = Pipeline::default();
    let mut linked = false;
    let mut started = false;
    for token in tokens {
        match token {
            Token::Link => linked = true,
            // `gst-launch-1.0 -e -v …`, as it was typed.
            Token::Word(word) if !started && is_command(&word.text) => {}
            Token::Word(word) => {
                started = true;
                read_word(&mut pipeline, word, &mut linked)?;
            }
        }
    }
    resolve(&mut pipeline.nodes);
    Ok(pipeline)
}

fn is_command(word: &str) -> bool {
    word.starts_with('-') || word.rsplit('/').next().is_some_and(|name| name.starts_with("gst-launch"))
}

fn read_word(pipeline: &mut Pipeline, word: Word, linked: &mut bool) -> Result<(), ImportError> {
    let Word { text, line } = word;
    let kind = if is_caps(&text) {
        Kind::Caps(text)
    } else if let Some((name, value)) = property(&text) {
        let node = pipeline.nodes.last_mut().filter(|node| !*linked && matches!(node.kind, Kind::Element(_)));
        let node = node.ok_or(ImportError::NoElement { line })?;
        node.properties.push((name.to_owned(), value.to_owned()));
        return Ok(());
    } else if let Some(name) = reference(&text) {
        Kind::Reference(name.to_owned())
    } else if is_name(&text) {
        Kind::Element(text)
    } else {
        pipeline.strangers.push((pipeline.nodes.len(), text));
        return Ok(());
    };
    let from = pipeline.nodes.len().checked_sub(1).filter(|_| *linked);
    pipeline.nodes.push(Node { kind, properties: Vec::new(), from });
    *linked = false;
    Ok(())
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// `video/x-raw,width=1280`: a media type, perhaps with features and fields.
fn is_caps(text: &str) -> bool {
    let end = text.find([',', '(', ';', ' ']).unwrap_or(text.len());
    let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-+._".contains(c));
    text[..end].split_once('/').is_some_and(|(kind, form)| plain(kind) && plain(form))
}

/// `name=value`; the name may be that of a child (`signaller::uri`).
fn property(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'));
    (plain && name.starts_with(|c: char| c.is_ascii_alphabetic())).then_some((name, value))
}

/// `name.` or `name.pad`.
fn reference(text: &str) -> Option<&str> {
    let (name, pad) = text.split_once('.')?;
    let plain = pad.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '%'));
    (is_name(name) && plain).then_some(name)
}

/// Joins the branches: a reference at the start of one goes on from the node it names, one at
/// the end leads there.
fn resolve(nodes: &mut [Node]) {
    let mut named: HashMap<String, usize> = HashMap::new();
    for (at, node) in nodes.iter().enumerate() {
        for (_, value) in node.properties.iter().filter(|(property, _)| property == "name") {
            named.entry(value.clone()).or_insert(at);
        }
    }
    for at in 0..nodes.len() {
        let Kind::Reference(name) = &nodes[at].kind else { continue };
        let Some(&target) = named.get(name) else { continue };
        match (nodes[at].from, nodes[target].from) {
            (None, _) => nodes[at].from = Some(target),
            (Some(before), None) if before != target => nodes[target].from = Some(before),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::lex::lex;

    fn pipeline(text: &str) -> Pipeline {
        parse(lex(text).unwrap()).unwrap()
    }

    fn element(name: &str) -> Kind {
        Kind::Element(name.into())
    }

    #[test]
    fn elements_caps_and_properties_are_told_apart() {
        let text = "gst-launch-1.0 -e src location=rtsp://h/a?b=c s::x=1 ! video/x-raw,width=2 ! dec";
        let nodes = pipeline(text).nodes;
        let kinds: Vec<_> = nodes.iter().map(|node| &node.kind).collect();
        assert_eq!(kinds, [&element("src"), &Kind::Caps("video/x-raw,width=2".into()), &element("dec")]);
        let pairs = [("location".into(), "rtsp://h/a?b=c".into()), ("s::x".into(), "1".into())];
        assert_eq!(nodes[0].properties, pairs);
    }

    #[test]
    fn branches_go_on_from_the_node_they_name() {
        let pipeline = pipeline("src name=s s.video_0 ! a ! m. s. ! b ! mux name=m ! sink");
        let last = pipeline.nodes.len() - 1;
        let kinds: Vec<_> = pipeline.upstream(last).map(|node| &node.kind).collect();
        assert_eq!(kinds, [&element("mux"), &element("b"), &Kind::Reference("s".into()), &element("src")]);
    }

    #[test]
    fn a_circle_ends() {
        let pipeline = pipeline("a name=a ! b name=b ! a. b. ! a.");
        for at in 0..pipeline.nodes.len() {
            assert!(pipeline.upstream(at).count() <= pipeline.nodes.len());
        }
    }

    #[test]
    fn a_property_needs_an_element() {
        for text in ["a=b", "src ! a=b", "video/x-raw a=b"] {
            assert_eq!(parse(lex(text).unwrap()).unwrap_err(), ImportError::NoElement { line: 1 }, "{text}");
        }
        assert_eq!(pipeline("src $x 12").strangers, [(1, "$x".into()), (1, "12".into())]);
    }
}
