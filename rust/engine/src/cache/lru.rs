//! Values of which those that were used last are kept, as many as a number of bytes allows.

use std::collections::HashMap;
use std::hash::Hash;

/// No slot.
const NONE: usize = usize::MAX;

/// Values by key, in the order of their last use.
#[derive(Debug)]
pub struct Lru<K, V> {
    places: HashMap<K, usize>,
    slots: Vec<Slot<K, V>>,
    free: Vec<usize>,
    newest: usize,
    oldest: usize,
    bytes: u64,
}

#[derive(Debug)]
struct Slot<K, V> {
    /// `None` if nothing is in the slot.
    held: Option<(K, V)>,
    bytes: u64,
    newer: usize,
    older: usize,
}

impl<K, V> Default for Lru<K, V> {
    fn default() -> Self {
        let (places, slots, free) = (HashMap::new(), Vec::new(), Vec::new());
        Self { places, slots, free, newest: NONE, oldest: NONE, bytes: 0 }
    }
}

impl<K: Hash + Eq + Clone, V> Lru<K, V> {
    /// The number of values.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// The bytes of all values.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The value of a key, which is now the last that was used.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        let place = *self.places.get(key)?;
        if self.newest != place {
            self.unlink(place);
            self.link(place);
        }
        self.slots[place].held.as_ref().map(|held| &held.1)
    }

    /// Keeps a value of so many bytes, in place of the one before, and lets go of those that were not
    /// used for the longest time, so that all have `most` bytes at most. Returns what was let go: the
    /// value itself if it has more than that.
    pub fn insert(&mut self, key: K, value: V, bytes: u64, most: u64) -> Vec<(K, V)> {
        let mut gone: Vec<(K, V)> = self.remove(&key).map(|value| (key.clone(), value)).into_iter().collect();
        if bytes > most {
            gone.push((key, value));
            return gone;
        }
        gone.extend(self.shrink(most - bytes));
        let slot = Slot { held: Some((key.clone(), value)), bytes, newer: NONE, older: NONE };
        let place = match self.free.pop() {
            Some(place) => {
                self.slots[place] = slot;
                place
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.link(place);
        self.places.insert(key, place);
        self.bytes += bytes;
        gone
    }

    /// Lets go of those that were not used for the longest time, until all have `most` bytes.
    pub fn shrink(&mut self, most: u64) -> Vec<(K, V)> {
        let mut gone = Vec::new();
        while self.bytes > most
            && let Some(held) = self.slots.get(self.oldest).and_then(|slot| slot.held.as_ref())
        {
            let key = held.0.clone();
            gone.extend(self.remove(&key).map(|value| (key, value)));
        }
        gone
    }

    /// Takes a value away.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.places.remove(key)?;
        self.unlink(place);
        self.free.push(place);
        let slot = &mut self.slots[place];
        self.bytes -= slot.bytes;
        slot.held.take().map(|held| held.1)
    }

    fn link(&mut self, place: usize) {
        (self.slots[place].newer, self.slots[place].older) = (NONE, self.newest);
        match self.slots.get_mut(self.newest) {
            Some(next) => next.newer = place,
            None => self.oldest = place,
        }
        self.newest = place;
    }

    fn unlink(&mut self, place: usize) {
        let (newer, older) = (self.slots[place].newer, self.slots[place].older);
        match self.slots.get_mut(newer) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
        match self.slots.get_mut(older) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn those_that_were_used_last_are_kept(
            steps in proptest::collection::vec((0u8..4, 0u8..8, 0u64..40), 0..200), most in 0u64..100
        ) {
            let mut lru = Lru::default();
            // The same, as a list: the last that was used stands last.
            let mut model: VecDeque<(u8, u64)> = VecDeque::new();
            for (what, key, bytes) in steps {
                let at = model.iter().position(|held| held.0 == key);
                match what {
                    0 => {
                        let held = at.and_then(|at| model.remove(at));
                        prop_assert_eq!(lru.get(&key).copied(), held.map(|held| held.1));
                        model.extend(held);
                    }
                    1 => {
                        let held = at.and_then(|at| model.remove(at));
                        prop_assert_eq!(lru.remove(&key), held.map(|held| held.1));
                    }
                    _ => {
                        if let Some(at) = at {
                            model.remove(at);
                        }
                        if bytes <= most {
                            model.push_back((key, bytes));
                        }
                        while model.iter().map(|held| held.1).sum::<u64>() > most {
                            model.pop_front();
                        }
                        lru.insert(key, bytes, bytes, most);
                    }
                }
                prop_assert_eq!(lru.count(), model.len());
                prop_assert_eq!(lru.bytes(), model.iter().map(|held| held.1).sum::<u64>());
                prop_assert!(lru.bytes() <= most);
            }
        }
    }
}
