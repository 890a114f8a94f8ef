//! A value in parts, so that threads which change it all the time seldom meet.

use std::{
    array,
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// How many parts there are. Threads share them in turn.
const PARTS: usize = 8;

/// The parts of a value: each on lines of the processor's cache of its own.
pub(crate) struct Parts<T>([Part<T>; PARTS]);

#[repr(align(128))]
struct Part<T>(T);

impl<T> Parts<T> {
    pub(crate) fn new(mut part: impl FnMut() -> T) -> Self {
        Self(array::from_fn(|_| Part(part())))
    }

    /// The part of this thread.
    pub(crate) fn own(&self) -> &T {
        thread_local!(static OWN: Cell<Option<usize>> = const { Cell::new(None) });
        static NEXT: AtomicUsize = AtomicUsize::new(0);

        let own = OWN.get().unwrap_or_else(|| {
            let own = NEXT.fetch_add(1, Relaxed) % PARTS;
            OWN.set(Some(own));
            own
        });
        &self.0[own].0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|part| &part.0)
    }
}

impl<T: Default> Default for Parts<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}
