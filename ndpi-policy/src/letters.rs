//! Words without what separates their parts.

/// The letters and digits of a word, in lower case: people write `rate-limit`, `Rate limit` and `RateLimit`.
pub(super) fn letters(word: &str) -> String {
    let letters = word.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
