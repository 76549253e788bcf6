//! Which of the crate's types may change threads, and which may be shared between them. Checked by the
//! compiler: a change of these is a change of the interface.

use std::cell::Cell;
use std::error::Error;
use std::future::Ready;
use std::panic::{RefUnwindSafe, UnwindSafe};

use sideloop::{
    AlreadyInUse, BlockInPlace, Blocking, Builder, Entered, Inside, Iter, Map, ReadAhead, Runner,
    Scope, ScopedTask, StillRunning, Task, TimedOut, Unordered,
};

/// `Send`, but not `Sync`.
type Unshared = Cell<u8>;
/// Neither.
type Local = std::rc::Rc<u8>;
/// Inputs, and an async function of them.
type MapOf<I> = Map<std::vec::IntoIter<I>, fn(I) -> Ready<Unshared>, Ready<Unshared>>;
type UnorderedOf<I> = Unordered<std::vec::IntoIter<I>, fn(I) -> Ready<Unshared>, Ready<Unshared>>;

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}
fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
fn error<T: Error + Send + Sync + UnwindSafe + RefUnwindSafe + 'static>() {}

/// Does not compile if the type has the trait: the `_` below has two answers then.
macro_rules! lacks {
    ($trait:ident: $($of:ty),* $(,)?) => {
        $({
            trait Ambiguous<A> { fn answer() {} }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct Has;
            impl<T: ?Sized + $trait> Ambiguous<Has> for T {}
            let _ = <$of as Ambiguous<_>>::answer;
        })*
    };
}

#[test]
fn are_what_they_are_promised_to_be() {
    send::<Runner>();
    sync::<Runner>();
    unpin::<Runner>();
    send::<Builder>();
    sync::<Builder>();
    send::<BlockInPlace>();
    sync::<BlockInPlace>();
    unwind_safe::<BlockInPlace>();

    send::<Task<Unshared>>();
    sync::<Task<Unshared>>();
    unpin::<Task<Unshared>>();
    send::<ReadAhead<Unshared>>();
    sync::<ReadAhead<Unshared>>();
    send::<Scope<'_, '_>>();
    sync::<Scope<'_, '_>>();
    send::<ScopedTask<'_, Unshared>>();
    sync::<ScopedTask<'_, Unshared>>();
    lacks!(Send: ScopedTask<'static, Local>);
    lacks!(Sync: ScopedTask<'static, Local>);

    send::<Iter<Unshared>>();
    unpin::<Iter<std::marker::PhantomPinned>>();
    lacks!(Send: Iter<Local>);
    lacks!(Sync: Iter<Unshared>);
    send::<Blocking<Unshared>>();
    lacks!(Send: Blocking<Local>);
    lacks!(Sync: Blocking<Unshared>);
    send::<Inside<Unshared>>();
    lacks!(Send: Inside<Local>);
    lacks!(Sync: Inside<Unshared>);

    send::<MapOf<Unshared>>();
    sync::<MapOf<u8>>();
    unpin::<MapOf<Unshared>>();
    send::<UnorderedOf<Unshared>>();
    sync::<UnorderedOf<u8>>();
    unpin::<UnorderedOf<Unshared>>();
    lacks!(Send: MapOf<Local>, UnorderedOf<Local>);
    lacks!(Sync: MapOf<Unshared>, UnorderedOf<Unshared>);

    lacks!(Send: Entered<'static>);
    lacks!(Sync: Entered<'static>);

    error::<TimedOut>();
    error::<StillRunning>();
    error::<AlreadyInUse>();
}
