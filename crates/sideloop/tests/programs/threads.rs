//! A system that is out of threads: in place of its `pthread_create` stands one that counts.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicI64, Ordering};

/// How many threads may still be started; below zero any number.
static LEFT: AtomicI64 = AtomicI64::new(-1);

/// From here on only so many threads can be started; then the system answers EAGAIN, as at a limit.
pub(crate) fn allow(threads: i64) {
    LEFT.store(threads, Ordering::SeqCst);
}

/// As many as one likes.
pub(crate) fn allow_all() {
    allow(-1);
}

type Start = extern "C" fn(*mut c_void) -> *mut c_void;
type Create = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Start,
    *mut c_void,
) -> c_int;

/// The system's, as long as threads are left.
///
/// # Safety
/// As the system's.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    let take = |left: i64| (left != 0).then_some(if left < 0 { left } else { left - 1 });
    if LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_err() {
        return libc::EAGAIN;
    }
    // SAFETY: as the system's, with the caller's arguments.
    unsafe { systems()(thread, attributes, start, argument) }
}

#[cfg(not(all(target_env = "musl", target_feature = "crt-static")))]
fn systems() -> Create {
    // SAFETY: the next definition of this name is the C library's, of this type.
    unsafe {
        let next = libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr());
        std::mem::transmute::<*mut c_void, Create>(next)
    }
}

/// In a program that musl is linked into no name has a next definition; there it has another one, too.
#[cfg(all(target_env = "musl", target_feature = "crt-static"))]
fn systems() -> Create {
    unsafe extern "C" {
        fn __pthread_create(
            thread: *mut libc::pthread_t,
            attributes: *const libc::pthread_attr_t,
            start: Start,
            argument: *mut c_void,
        ) -> c_int;
    }
    __pthread_create
}
