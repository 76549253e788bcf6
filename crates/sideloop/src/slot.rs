//! Where a call's future lies while it is driven, and where its output goes.
//!
//! The future is moved here once and dropped here, so that a nested call costs its size once; what drives
//! it sees neither its type nor its output's, and exists once for all calls.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::error::Refusal;

/// A larger future lies on the heap: the caller's frame holds it once already, and the stack is what
/// nested calls run out of.
const LARGE: usize = 1024;

/// What is driven, seen by what drives it.
pub(crate) trait Driven {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()>;

    /// Drop the future, ready or not. To be called, also in a panic, while its runtime is entered.
    fn end(&mut self);
}

/// What drives it.
pub(crate) trait Driver: FnOnce(&mut dyn Driven) -> Result<(), Refusal> {}

impl<D: FnOnce(&mut dyn Driven) -> Result<(), Refusal>> Driver for D {}

struct Slot<'a, F: Future, M> {
    make: Option<M>,
    future: Pin<&'a mut Option<F>>,
    output: Option<F::Output>,
}

impl<F: Future, M: FnOnce() -> F> Driven for Slot<'_, F, M> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(make) = self.make.take() {
            self.future.set(Some(make()));
        }
        match self.future.as_mut().as_pin_mut() {
            Some(future) => future.poll(context).map(|output| self.output = Some(output)),
            None => Poll::Pending,
        }
    }

    fn end(&mut self) {
        self.future.set(None);
        self.make = None;
    }
}

/// Drive a future that is there.
#[inline]
pub(crate) fn drive<F: Future>(future: F, driver: impl Driver) -> Result<F::Output, Refusal> {
    if size_of::<F>() > LARGE { on_heap(future, driver) } else { on_stack(future, driver) }
}

/// Make a future, and drive it, inside.
#[inline]
pub(crate) fn drive_with<F: Future>(
    make: impl FnOnce() -> F,
    driver: impl Driver,
) -> Result<F::Output, Refusal> {
    if size_of::<F>() > LARGE {
        in_slot(Some(make), Box::pin(None).as_mut(), driver)
    } else {
        in_slot(Some(make), pin!(None), driver)
    }
}

#[inline]
fn on_stack<F: Future>(future: F, driver: impl Driver) -> Result<F::Output, Refusal> {
    in_slot(None::<fn() -> F>, pin!(Some(future)), driver)
}

// Frames of their own, so that no unused place for the future lies in them.
#[inline(never)]
fn on_heap<F: Future>(future: F, driver: impl Driver) -> Result<F::Output, Refusal> {
    let mut boxed = boxed(future);
    in_slot(None::<fn() -> F>, boxed.as_mut(), driver)
}

#[inline(never)]
fn boxed<F>(future: F) -> Pin<Box<Option<F>>> {
    Box::pin(Some(future))
}

#[inline]
fn in_slot<F: Future, M: FnOnce() -> F>(
    make: Option<M>,
    future: Pin<&mut Option<F>>,
    driver: impl Driver,
) -> Result<F::Output, Refusal> {
    let mut slot = Slot { make, future, output: None };
    driver(&mut slot)?;
    // What drives returns without a refusal only when the future was ready.
    slot.output.ok_or(Refusal::Cancelled)
}
