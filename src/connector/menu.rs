//! Which codec a viewer gets: the best of those a feed can be had in that it can take.

use std::collections::BTreeSet;

use super::sdp::Offered;
use crate::config::Codec;

/// Codecs in which a viewer can take a picture.
pub type Codecs = BTreeSet<Codec>;

/// The codecs in which a feed can be had at a destination, the best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Menu {
    /// In the order in which they are given.
    pub codecs: Vec<Codec>,
    /// Whether the first is given to viewers of whom nothing is known even if few can take it.
    pub is_forced: bool,
}

/// What is known of a viewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Palate {
    /// What it says it can take; `None` where it says nothing, as foreign clients do.
    pub takes: Option<Codecs>,
    /// What it was offered and did not take.
    pub refused: Codecs,
    /// It would take H.264 in a form in which that cannot be sent: a NAL unit in each packet.
    pub wants_single_units: bool,
}

impl Palate {
    /// The same of a viewer that makes an offer: it takes nothing that is not in there.
    pub(super) fn of(&self, offer: Option<&str>) -> Self {
        let mut palate = self.clone();
        if let Some(Offered { codecs, wants_single_units }) = offer.map(Offered::of) {
            palate.wants_single_units = wants_single_units;
            palate.takes = Some(match &self.takes {
                Some(takes) => codecs.intersection(takes).copied().collect(),
                None => codecs,
            });
        }
        palate
    }
}

impl Menu {
    /// The best that this viewer can take; `None` where there is nothing for it.
    pub fn choose(&self, viewer: &Palate) -> Option<Codec> {
        let offered = || self.codecs.iter().copied().filter(|codec| !viewer.refused.contains(codec));
        match &viewer.takes {
            Some(takes) => offered().find(|codec| takes.contains(codec)),
            // An offer is made before its answer can tell: rather what everybody takes.
            None if self.is_forced => offered().next(),
            None => offered().find(|codec| is_common(*codec)).or(offered().next()),
        }
    }
}

/// Whether every browser can be expected to have it.
fn is_common(codec: Codec) -> bool {
    !matches!(codec, Codec::H265 | Codec::Av1)
}

#[cfg(test)]
mod tests {
    use super::Codec::{Av1, H264, H265, Vp8};
    use super::*;

    fn menu(codecs: &[Codec]) -> Menu {
        Menu { codecs: codecs.to_vec(), is_forced: false }
    }

    fn says(codecs: &[Codec]) -> Palate {
        Palate { takes: Some(codecs.iter().copied().collect()), ..Palate::default() }
    }

    #[test]
    fn a_viewer_gets_the_first_that_it_takes() {
        let menu = menu(&[H265, H264, Vp8]);
        assert_eq!(menu.choose(&says(&[Vp8, H264, H265])), Some(H265));
        assert_eq!(menu.choose(&says(&[Vp8, H264])), Some(H264));
        assert_eq!(menu.choose(&says(&[Vp8])), Some(Vp8));
        assert_eq!(menu.choose(&says(&[Av1])), None);
        assert_eq!(menu.choose(&says(&[])), None);
    }

    #[test]
    fn who_says_nothing_gets_what_everybody_takes_unless_it_is_forced() {
        let unknown = Palate::default();
        assert_eq!(menu(&[H265, H264]).choose(&unknown), Some(H264));
        assert_eq!(menu(&[Vp8, H264]).choose(&unknown), Some(Vp8));
        assert_eq!(menu(&[Av1]).choose(&unknown), Some(Av1), "its answer decides");
        assert_eq!(Menu { is_forced: true, ..menu(&[H265, H264]) }.choose(&unknown), Some(H265));
    }

    #[test]
    fn what_an_answer_refused_is_not_offered_again() {
        let mut viewer = Palate { refused: [H264].into(), ..Palate::default() };
        assert_eq!(menu(&[H264, Vp8]).choose(&viewer), Some(Vp8));
        viewer.takes = Some([H264].into());
        assert_eq!(menu(&[H264, Vp8]).choose(&viewer), None);
    }
}
