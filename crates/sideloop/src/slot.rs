//! Where a call's future lies while it is driven, and where its output goes.
//!
//! The future is moved here once and dropped here, so that a nested call costs its size once; what drives
//! it sees neither its type nor its output's, and exists once for all calls.

use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::drive::{Terms, drive};
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

struct Slot<'a, F: Future, M> {
    make: M,
    future: Pin<&'a mut Option<F>>,
    output: Option<F::Output>,
}

/// What makes the future inside, at the first poll.
trait Make<F> {
    fn make(&mut self, place: &mut Pin<&mut Option<F>>);

    fn let_go(&mut self);
}

/// The future is there.
struct Made;

impl<F> Make<F> for Made {
    #[inline]
    fn make(&mut self, _: &mut Pin<&mut Option<F>>) {}

    #[inline]
    fn let_go(&mut self) {}
}

impl<F, M: FnOnce() -> F> Make<F> for Option<M> {
    // A frame of its own, which is gone when the future is polled.
    #[inline(never)]
    fn make(&mut self, place: &mut Pin<&mut Option<F>>) {
        if let Some(make) = self.take() {
            place.set(Some(make()));
        }
    }

    fn let_go(&mut self) {
        *self = None;
    }
}

impl<F: Future, M: Make<F>> Driven for Slot<'_, F, M> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.make.make(&mut self.future);
        match self.future.as_mut().as_pin_mut() {
            Some(future) => future.poll(context).map(|output| self.output = Some(output)),
            None => Poll::Pending,
        }
    }

    fn end(&mut self) {
        self.future.set(None);
        self.make.let_go();
    }
}

/// How a future that is there is driven, chosen by its size when it is compiled: an `if` would have a place for
/// both ways in the caller's frame of a program that is not optimised.
pub(crate) struct Way<F>(PhantomData<F>);

impl<F: Future> Way<F> {
    pub(crate) const DRIVE: fn(F, Terms<'_>) -> Result<F::Output, Refusal> =
        if size_of::<F>() > LARGE { on_heap } else { on_stack };
}

/// Make a future, and drive it, inside.
#[inline]
pub(crate) fn drive_with<F: Future>(
    make: impl FnOnce() -> F,
    terms: Terms<'_>,
) -> Result<F::Output, Refusal> {
    if size_of::<F>() > LARGE {
        in_slot(Some(make), Box::pin(None).as_mut(), terms)
    } else {
        in_slot(Some(make), pin!(None), terms)
    }
}

#[inline]
fn on_stack<F: Future>(future: F, terms: Terms<'_>) -> Result<F::Output, Refusal> {
    in_slot(Made, pin!(Some(future)), terms)
}

#[inline]
fn on_heap<F: Future>(future: F, terms: Terms<'_>) -> Result<F::Output, Refusal> {
    in_slot(Made, boxed(future).as_mut(), terms)
}

// A frame of its own, which is gone when the future is driven.
#[inline(never)]
fn boxed<F>(future: F) -> Pin<Box<Option<F>>> {
    Box::pin(Some(future))
}

#[inline]
fn in_slot<F: Future, M: Make<F>>(
    make: M,
    future: Pin<&mut Option<F>>,
    terms: Terms<'_>,
) -> Result<F::Output, Refusal> {
    let mut slot = Slot { make, future, output: None };
    drive(&mut slot, terms)?;
    // What drives returns without a refusal only when the future was ready.
    slot.output.ok_or(Refusal::Cancelled)
}
