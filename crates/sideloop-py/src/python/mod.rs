//! What the interpreter asks of native code: nothing here knows of calls or loops.

pub(crate) mod interpreter;

pub(crate) mod interpreter_lock;

pub(crate) mod attached;

pub(crate) mod lock;

pub(crate) mod detach;

pub(crate) mod context;

pub(crate) mod inside;

pub(crate) mod dictionary;

mod watched;

pub(crate) mod versions;

pub(crate) mod slots;

pub(crate) mod buffer;

pub(crate) mod bytes;

pub(crate) mod audit;

pub(crate) mod making;

pub(crate) mod running_loop;

pub(crate) mod frames;

pub(crate) mod standing;

pub(crate) mod hold;

pub(crate) mod sniffed;

pub(crate) mod vectorcall;

pub(crate) mod coroutine;

pub(crate) mod awaiting;

pub(crate) mod names;

pub(crate) mod handling;

pub(crate) mod weak;

pub(crate) mod version;

pub(crate) mod thread;

pub(crate) mod fork;
