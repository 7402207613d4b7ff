//! Storage for flows: chunks that never move, so growing costs one chunk and not a second copy.

/// Entries per chunk: growing wastes at most this many, and a chunk is given back when none is in use.
const CHUNK: usize = 256;

/// The number of a flow in its table, valid until the flow is removed.
pub type SlotId = u32;

/// A growing set of numbered slots.
#[derive(Debug)]
pub(super) struct Slab<T> {
    /// Chunks by the numbers of their slots. Of one that was given back, all slots are free.
    chunks: Vec<Option<Chunk<T>>>,
    free: Vec<u32>,
    used: u32,
}

#[derive(Debug)]
struct Chunk<T> {
    cells: Box<[Option<T>]>,
    /// Cells that hold something.
    used: usize,
}

impl<T> Chunk<T> {
    fn new() -> Self {
        Self { cells: std::iter::repeat_with(|| None).take(CHUNK).collect(), used: 0 }
    }
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), used: 0 }
    }

    /// Slots that hold something.
    pub(super) fn len(&self) -> usize {
        self.used as usize - self.free.len()
    }

    /// One past the highest slot ever used, or since [`Self::shrink`].
    pub(super) fn end(&self) -> u32 {
        self.used
    }

    /// Puts `value` into a free slot and returns its number.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        let (chunk, cell) = place(slot);
        let chunk = self.chunks[chunk].get_or_insert_with(Chunk::new);
        chunk.cells[cell] = Some(value);
        chunk.used += 1;
        slot
    }

    /// Takes out what `slot` holds, and frees it.
    pub(super) fn remove(&mut self, slot: u32) -> Option<T> {
        let (chunk, cell) = place(slot);
        let chunk = self.chunks.get_mut(chunk)?.as_mut()?;
        let value = chunk.cells[cell].take()?;
        chunk.used -= 1;
        self.free.push(slot);
        Some(value)
    }

    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        let (chunk, cell) = place(slot);
        self.chunks.get(chunk)?.as_ref()?.cells[cell].as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        let (chunk, cell) = place(slot);
        self.chunks.get_mut(chunk)?.as_mut()?.cells[cell].as_mut()
    }

    /// Bytes of its chunks.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.iter().flatten().count() * CHUNK * size_of::<Option<T>>()
    }

    /// Gives back chunks of which no slot is in use. From then on, slots with low numbers are used first, so that
    /// those with high ones become free.
    pub(super) fn shrink(&mut self) {
        for chunk in &mut self.chunks {
            chunk.take_if(|chunk| chunk.used == 0);
        }
        while self.chunks.pop_if(|chunk| chunk.is_none()).is_some() {}
        let end = u32::try_from(self.chunks.len() * CHUNK).unwrap_or(u32::MAX).min(self.used);
        self.used = end;
        self.free.retain(|slot| *slot < end);
        self.free.sort_unstable_by(|one, other| other.cmp(one));
        self.free.shrink_to_fit();
    }

    fn grow(&mut self) -> u32 {
        let slot = self.used;
        if place(slot).0 == self.chunks.len() {
            self.chunks.push(None);
        }
        self.used += 1;
        slot
    }
}

/// The chunk of a slot, and its cell there.
fn place(slot: u32) -> (usize, usize) {
    (slot as usize / CHUNK, slot as usize % CHUNK)
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
    fn chunks_that_hold_nothing_are_given_back_and_low_slots_are_used_first() {
        const CHUNK32: u32 = 256;
        let mut slab = Slab::new();
        let slots: Vec<u32> = (0..4 * CHUNK).map(|value| slab.insert(value)).collect();
        // One is left in the first chunk, and one in the third.
        for &slot in slots.iter().filter(|slot| ![1, 2 * CHUNK32].contains(slot)) {
            slab.remove(slot);
        }
        let before = slab.bytes();
        slab.shrink();
        assert_eq!((slab.bytes() * 2, slab.len()), (before, 2));
        assert_eq!((slab.get(1), slab.get(2 * CHUNK32)), (Some(&1), Some(&(2 * CHUNK))));
        assert_eq!(slab.get(CHUNK32), None);
        assert_eq!(slab.remove(CHUNK32), None);
        assert_eq!(slab.end() as usize, 3 * CHUNK);
        assert_eq!((slab.insert(9), slab.insert(9), slab.insert(9)), (0, 2, 3));
        let rest = (slab.len()..3 * CHUNK).map(|_| slab.insert(9)).max();
        assert_eq!((rest, slab.insert(9)), (Some(3 * CHUNK32 - 1), 3 * CHUNK32));
        slab.remove(1);
        for slot in 0..=3 * CHUNK32 {
            slab.remove(slot);
        }
        slab.shrink();
        assert_eq!((slab.bytes(), slab.end(), slab.insert(7)), (0, 0, 0));
    }

    #[test]
    fn a_slot_that_never_was_holds_nothing() {
        let mut slab = Slab::<u8>::new();
        assert_eq!((slab.remove(0), slab.get(5000)), (None, None));
    }
}
