//! What was probably meant by a word that nobody knows.

/// The known word that is only a few slips of the pen away.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let slips = |other: &&str| strsim::damerau_levenshtein(word, other);
    let nearest = known.iter().copied().min_by_key(slips)?;
    (slips(&nearest) <= 1 + nearest.len() / 4).then_some(nearest)
}
