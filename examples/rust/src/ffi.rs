//! The blocking client for C: `c/stock.h` has the declarations.
#![expect(unsafe_code, reason = "pointers from C")]

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use crate::stock::blocking::Stock;

/// A text from C, if it is one.
///
/// # Safety
/// Null, or a text that ends with NUL and stays while it is used.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    // SAFETY: as the caller promises.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })?.to_str().ok()
}

/// Open a file. Null if that fails.
///
/// # Safety
/// `file` ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stock_open(file: *const c_char) -> *mut Stock {
    // SAFETY: as the caller promises.
    let Some(file) = (unsafe { text(file) }) else { return ptr::null_mut() };
    let file = Path::new(OsStr::from_bytes(file.as_bytes()));
    Stock::open(file).map_or(ptr::null_mut(), |stock| Box::into_raw(Box::new(stock)))
}

/// Deliver so many of something. 0 if that went well.
///
/// # Safety
/// `stock` comes from `stock_open` and was not closed; `name` ends with NUL. Any thread may call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stock_deliver(
    stock: *const Stock,
    name: *const c_char,
    count: i64,
) -> c_int {
    // SAFETY: as the caller promises.
    let (Some(stock), Some(name)) = (unsafe { (stock.as_ref(), text(name)) }) else { return -1 };
    let delivered = stock.deliver().and_then(|mut delivery| {
        delivery.add(name, count)?;
        delivery.commit()
    });
    if delivered.is_ok() { 0 } else { -1 }
}

/// How many there are; -1 if that cannot be said.
///
/// # Safety
/// As `stock_deliver`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stock_count(stock: *const Stock, name: *const c_char) -> i64 {
    // SAFETY: as the caller promises.
    match unsafe { (stock.as_ref(), text(name)) } {
        (Some(stock), Some(name)) => stock.count(name).unwrap_or(-1),
        _ => -1,
    }
}

/// Called with each item; ends if it returns something else than 0.
pub type Each = extern "C" fn(name: *const u8, length: usize, count: i64, data: *mut u8) -> c_int;

/// Call `each` with all items, as they arrive. 0 if that went well.
///
/// # Safety
/// As `stock_deliver`; `each` may be called with `data`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stock_items(stock: *const Stock, each: Each, data: *mut u8) -> c_int {
    // SAFETY: as the caller promises.
    let Some(stock) = (unsafe { stock.as_ref() }) else { return -1 };
    for item in stock.items() {
        let Ok(item) = item else { return -1 };
        if each(item.name.as_ptr(), item.name.len(), item.count, data) != 0 {
            break;
        }
    }
    0
}

/// Close it.
///
/// # Safety
/// `stock` comes from `stock_open`, and nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stock_close(stock: *mut Stock) {
    if !stock.is_null() {
        // SAFETY: from `Box::into_raw`, and given back once.
        let stock = unsafe { Box::from_raw(stock) };
        stock.close();
    }
}
