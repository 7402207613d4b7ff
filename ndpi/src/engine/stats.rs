//! Statistics of an engine's caches, and its memory.

use ndpi_sys::types::LruCacheStats;

use super::Engine;
use crate::shared::CACHE_NAMES;

/// What one LRU cache did since its engine, or the [`SharedCaches`](crate::SharedCaches), was made
/// (`struct ndpi_lru_cache_stats`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheStatistics {
    /// The cache's name, as in the settings `lru.<name>.size`, `.ttl` and `.scope`.
    pub cache: &'static str,
    /// Entries written.
    pub inserted: u64,
    /// Look-ups.
    pub searched: u64,
    /// Look-ups that found something.
    pub found: u64,
}

impl Engine {
    /// What the LRU caches did (`ndpi_get_lru_cache_stats`). Of caches that are shared these are
    /// the sums over all engines; of those that are switched off (size 0) there is nothing.
    #[doc(alias = "ndpi_get_lru_cache_stats")]
    pub fn cache_statistics(&self) -> Vec<CacheStatistics> {
        (0..).zip(CACHE_NAMES).filter_map(|(kind, cache)| self.statistics_of(kind, cache)).collect()
    }

    fn statistics_of(&self, kind: u32, cache: &'static str) -> Option<CacheStatistics> {
        let mut stats = LruCacheStats::default();
        let context = self.module.context();
        // SAFETY: a finalized module, its own context or none, one of the cache kinds, and a
        // result that outlives the call.
        let code = unsafe {
            (self.functions().get_lru_cache_stats)(context, self.module(), kind, &raw mut stats)
        };
        let LruCacheStats { inserted, searched, found } = stats;
        (code == 0).then_some(CacheStatistics { cache, inserted, searched, found })
    }

    /// Bytes of the module itself, without what it points to
    /// (`ndpi_get_ndpi_detection_module_size`); with that it is about 10 MB.
    #[doc(alias = "ndpi_get_ndpi_detection_module_size")]
    pub fn module_size(&self) -> usize {
        // SAFETY: the function takes no arguments and returns a constant.
        let size = unsafe { (self.functions().get_ndpi_detection_module_size)() };
        usize::try_from(size).unwrap_or(usize::MAX)
    }
}
