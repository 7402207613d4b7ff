//! The corpus: captures with what nDPI says of each of their flows. In `NDPI_CORPUS`, else beside
//! the repository in `../shared/corpus`. Skipped, with a word, where there is none; an environment
//! with `CI=true` must have it where `../shared/corpus` exists.

mod categories;
mod classification;
mod examples;
mod flows;
mod parser;
