//! Which attributes a twin takes over, and which stay with the `async fn`.
#![deny(warnings, clippy::too_many_arguments)]
#![allow(missing_docs, reason = "tests are sentences already")]

use sideloop::synced;

#[synced]
#[cfg(all(unix, not(unix)))]
async fn never() {}

#[synced]
#[cfg_attr(any(unix, not(unix)), cfg(all(unix, not(unix))))]
async fn never_either() {}

// Were the twins there, these would be there twice.
fn never_sync() -> u8 {
    0
}
fn never_either_sync() -> u8 {
    0
}

struct Page;

#[synced]
impl Page {
    #[cfg(all(unix, not(unix)))]
    async fn load() -> u8 {
        1
    }

    #[cfg(any(unix, not(unix)))]
    async fn load() -> u8 {
        2
    }
}

#[test]
fn a_twin_is_there_when_its_function_is() {
    assert_eq!([never_sync(), never_either_sync(), Page::load_sync()], [0, 0, 2]);
}

#[synced]
#[allow(clippy::too_many_arguments, reason = "to see whether the twin is allowed them, too")]
async fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u8 {
    a + b + c + d + e + f + g + h
}

#[synced]
#[expect(clippy::too_many_arguments, reason = "the same")]
async fn expected(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> u8 {
    a + b + c + d + e + f + g + h
}

#[synced]
#[expect(unused_variables, reason = "what the body does, the twin does not")]
async fn ignoring(argument: u8) -> u8 {
    7
}

#[test]
fn lints_are_as_loud_on_the_twin_as_on_the_function() {
    assert_eq!(many_sync(0, 0, 0, 0, 0, 0, 0, 1), 1);
    assert_eq!(expected_sync(0, 0, 0, 0, 0, 0, 0, 1), 1);
    assert_eq!(ignoring_sync(1), 7);
}

#[synced]
#[must_use = "it is expensive"]
async fn expensive() -> u8 {
    1
}

#[synced]
#[deprecated = "use the other one"]
async fn old() -> u8 {
    1
}

#[test]
fn the_twin_is_must_use_or_deprecated_as_its_function() {
    #[expect(unused_must_use, reason = "fails if it is no longer must_use")]
    {
        expensive_sync();
    }
    #[expect(deprecated, reason = "fails if it is no longer deprecated")]
    let got = old_sync();
    assert_eq!(got, 1);
}

#[synced]
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
async fn sideloop_test_symbol() -> u8 {
    1
}

#[synced]
#[cfg_attr(any(unix, not(unix)), unsafe(no_mangle), allow(unused))]
async fn sideloop_test_symbol_too() -> u8 {
    1
}

#[test]
fn a_symbol_stays_with_the_function() {
    assert_eq!(sideloop_test_symbol_sync() + sideloop_test_symbol_too_sync(), 2);
}
