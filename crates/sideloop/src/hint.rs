//! A hint below tokio's panic, where something is made outside of every runtime that needs one.
//!
//! `run_sync(tokio::time::sleep(d))` makes its argument first: on a plain thread tokio panics before any code of
//! this crate is called, and knows nothing of `run_sync_with`. So a panic hook is there before `main` is, which says
//! what to write, after the hook before it. A hook that the program sets later takes its place.
//!
//! Does not work: to look at the argument's type, since a timer is right where a runtime is entered; to set the hook
//! in the first call, since that is the one which does not come about.
#![expect(unsafe_code, reason = "nothing else runs before main")]

use std::panic::{self, PanicHookInfo};

/// Called when the program, or the library that this crate is linked into, is loaded.
// SAFETY: the section holds pointers to functions of this type, and `say_more` panics in no case, calls nothing that
// needs `main` to have begun, and may be called on any thread.
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
#[cfg_attr(not(any(target_vendor = "apple", windows)), unsafe(link_section = ".init_array"))]
static AT_LOAD: extern "C" fn() = say_more;

extern "C" fn say_more() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        before(panic);
        if misses_a_runtime(panic) {
            eprintln!(
                "help: sideloop: an argument is made before the function is called, so `run_sync(sleep(..))` makes its \
                 timer where no runtime is entered; make it inside: `sideloop::run_sync_with(|| sleep(..))`"
            );
        }
    }));
}

fn misses_a_runtime(panic: &PanicHookInfo<'_>) -> bool {
    let said = panic.payload().downcast_ref::<String>();
    said.is_some_and(|said| said.starts_with("there is no reactor running"))
}
