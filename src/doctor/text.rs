//! The report as lines for a terminal.

use super::{Finding, Section, Verdict};
use crate::i18n::{gettext, ngettext_f};

/// Width at which sentences are broken: what a terminal has before anybody changes it.
const WIDTH: usize = 100;

/// Where subjects begin: behind two blanks and the longest verdict.
const INDENT: usize = 11;

/// The whole report, with the problems counted at its end; with colours for a terminal.
pub fn text(findings: &[Finding], colours: bool) -> String {
    let mut lines = Vec::new();
    let mut section = None;
    for finding in findings {
        if section != Some(finding.section) {
            lines.extend(heading(finding.section, section.is_none(), colours));
            section = Some(finding.section);
        }
        lines.extend(body(finding, colours));
    }
    lines.push(String::new());
    lines.push(summary(findings));
    lines.join("\n") + "\n"
}

fn heading(section: Section, first: bool, colours: bool) -> Vec<String> {
    let title = painted(&section.title(), "1", colours);
    if first { vec![title] } else { vec![String::new(), title] }
}

/// The verdict, the subject and the sentence; then what to do.
fn body(finding: &Finding, colours: bool) -> Vec<String> {
    let colour = match finding.verdict {
        Verdict::Ok => "32",
        Verdict::Problem => "1;31",
        Verdict::NotHere | Verdict::NotChecked => "2",
    };
    let word = finding.verdict.word();
    let gap = " ".repeat(INDENT.saturating_sub(2 + word.chars().count()).max(1));
    let sentence = format!("{}: {}", finding.subject, finding.sentence);
    let mut lines = broken(&sentence, "");
    lines[0] = format!("  {}{gap}{}", painted(&word, colour, colours), lines[0].trim_start());
    if let Some(next) = &finding.next_step {
        lines.extend(broken(next, "→ "));
    }
    lines
}

fn painted(text: &str, colour: &str, colours: bool) -> String {
    if colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// A sentence in lines of [`WIDTH`], indented, behind `mark` in the first one. Lines that the
/// sentence has of its own stay: faults of the settings file are one a line.
fn broken(sentence: &str, mark: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for part in sentence.lines() {
        let mut line = String::new();
        for word in part.split_whitespace() {
            if !line.is_empty() && INDENT + line.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push(std::mem::take(&mut line));
            }
            line += if line.is_empty() { "" } else { " " };
            line += word;
        }
        lines.push(line);
    }
    let indent = " ".repeat(INDENT);
    let beneath = " ".repeat(mark.chars().count());
    let fronts = std::iter::once(mark).chain(std::iter::repeat(beneath.as_str()));
    let lines: Vec<_> = lines.iter().zip(fronts).map(|(line, front)| format!("{indent}{front}{line}")).collect();
    if lines.is_empty() { vec![indent] } else { lines }
}

/// How many problems there are, in a sentence.
pub fn summary(findings: &[Finding]) -> String {
    let problems = findings.iter().filter(|finding| finding.verdict == Verdict::Problem).count();
    match u32::try_from(problems) {
        Ok(0) => gettext("No problem was found."),
        n => ngettext_f("{n} problem was found.", "{n} problems were found.", n.unwrap_or(u32::MAX), &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_under_each_other() {
        let findings = [
            Section::Clock.ok("Time", "It is right."),
            Section::Ports.problem("127.0.0.1:8443", "word ".repeat(30).trim(), "End it.\nOr not."),
            Section::Ports.not_here("Other", "None."),
        ];
        let expected = format!(
            "Clock\n  ok       Time: It is right.\n\nPort for viewers\n  problem  127.0.0.1:8443: {}\n           {}\n           → End it.\n             Or not.\n  none     Other: None.\n\n1 problem was found.\n",
            "word ".repeat(14).trim(),
            "word ".repeat(16).trim(),
        );
        assert_eq!(text(&findings, false), expected);
        let widest = expected.lines().map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= WIDTH);
    }

    #[test]
    fn colours_are_for_terminals() {
        let findings = [Section::Clock.ok("Time", "It is right.")];
        assert!(!text(&findings, false).contains('\u{1b}'));
        let painted = text(&findings, true);
        assert!(painted.contains("\u{1b}[32mok\u{1b}[0m       Time"), "{painted:?}");
        assert!(painted.ends_with("No problem was found.\n"));
    }
}
