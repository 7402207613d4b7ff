//! Storage for flows: chunks that never move, so growing costs one chunk and not a second copy.

/// Entries per chunk: growing wastes at most this many.
const CHUNK: usize = 1024;

/// The number of a flow in its table, valid until the flow is removed.
pub type SlotId = u32;

/// A growing set of numbered slots.
#[derive(Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Box<[Option<T>]>>,
    free: Vec<u32>,
    used: u32,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), used: 0 }
    }

    /// Slots that hold something.
    pub(super) fn len(&self) -> usize {
        self.used as usize - self.free.len()
    }

    /// One past the highest slot ever used.
    pub(super) fn end(&self) -> u32 {
        self.used
    }

    /// Puts `value` into a free slot and returns its number.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        *self.cell(slot) = Some(value);
        slot
    }

    /// Takes out what `slot` holds, and frees it.
    pub(super) fn remove(&mut self, slot: u32) -> Option<T> {
        if slot >= self.used {
            return None;
        }
        let value = self.cell(slot).take()?;
        self.free.push(slot);
        Some(value)
    }

    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        let slot = slot as usize;
        self.chunks.get(slot / CHUNK)?[slot % CHUNK].as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        let slot = slot as usize;
        self.chunks.get_mut(slot / CHUNK)?[slot % CHUNK].as_mut()
    }

    fn grow(&mut self) -> u32 {
        let slot = self.used;
        if slot as usize == self.chunks.len() * CHUNK {
            self.chunks.push(std::iter::repeat_with(|| None).take(CHUNK).collect());
        }
        self.used += 1;
        slot
    }

    fn cell(&mut self, slot: u32) -> &mut Option<T> {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, Slab};

    #[test]
    fn slots_are_reused_and_chunks_added() {
        let mut slab = Slab::new();
        let slots: Vec<u32> = (0..=CHUNK).map(|value| slab.insert(value)).collect();
        assert_eq!(slab.len(), CHUNK + 1);
        assert_eq!(slab.remove(slots[7]), Some(7));
        assert_eq!((slab.remove(slots[7]), slab.get(slots[7])), (None, None));
        assert_eq!(slab.insert(99), slots[7]);
        assert_eq!(slab.get(slots[CHUNK]), Some(&CHUNK));
        assert_eq!(slab.end() as usize, CHUNK + 1);
    }

    #[test]
    fn a_slot_that_never_was_holds_nothing() {
        let mut slab = Slab::<u8>::new();
        assert_eq!((slab.remove(0), slab.get(5000)), (None, None));
    }
}
