//! What is made once behind a door: one is made, and none is left when the door is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool as Cell, AtomicUsize as Counter, Ordering as Order};

use loom::thread;
use sideloop_core::opening::{Door, Opened, Opening};

/// What is made: whether it was ended.
pub(crate) type Engine = Arc<Cell>;

/// What can be opened and closed, so that the models can meet a broken one.
pub(crate) trait Opens: Send + Sync + 'static {
    /// What was made, unless the door was found closed; it ends what must not be left.
    fn open(&self, make: impl FnOnce() -> Engine) -> Option<Engine>;
    /// Close the door, and end what is behind it.
    fn close(&self);
}

struct Sound {
    door: Door,
    opening: Opening<Engine>,
}

impl Sound {
    fn new() -> Self {
        Self { door: Door::new(), opening: Opening::default() }
    }
}

impl Opens for Sound {
    fn open(&self, make: impl FnOnce() -> Engine) -> Option<Engine> {
        match self.opening.open(&self.door, || Ok::<_, ()>(make())) {
            Ok(Opened::Open(engine)) => Some(Arc::clone(engine)),
            Ok(Opened::ClosedMeanwhile(engine)) => {
                end(engine);
                None
            }
            Ok(Opened::Closed) | Err(()) => None,
        }
    }

    fn close(&self) {
        self.door.close();
        self.opening.get().into_iter().for_each(end);
    }
}

fn end(engine: &Engine) {
    engine.store(true, Order::SeqCst);
}

/// Two threads need it, and a third closes the door: one is made, and it is ended.
fn none_is_left<O: Opens>(new: impl Fn() -> O + Send + Sync + 'static) {
    crate::bounded(move || {
        let made = Arc::new(std::sync::Mutex::new(Vec::<Engine>::new()));
        let opens = Arc::new(new());
        let openers: Vec<_> = (0..2)
            .map(|_| {
                let (opens, made) = (Arc::clone(&opens), Arc::clone(&made));
                thread::spawn(move || {
                    opens.open(|| {
                        let engine = Engine::default();
                        made.lock().expect("not poisoned").push(Arc::clone(&engine));
                        engine
                    })
                })
            })
            .collect();
        opens.close();
        for opener in openers {
            drop(opener.join().expect("no panic"));
        }
        let made = made.lock().expect("not poisoned");
        assert!(made.len() <= 1, "one is made");
        assert!(made.iter().all(|engine| engine.load(Order::SeqCst)), "none is left");
    });
}

/// While the door is open both threads get the same.
fn both_get_the_same<O: Opens>(new: impl Fn() -> O + Send + Sync + 'static) {
    loom::model(move || {
        let opens = Arc::new(new());
        let count = Arc::new(Counter::new(0));
        let open = move |opens: &O, count: &Counter| {
            opens.open(|| {
                count.fetch_add(1, Order::SeqCst);
                Engine::default()
            })
        };
        let (theirs, counts) = (Arc::clone(&opens), Arc::clone(&count));
        let other = thread::spawn(move || open(&theirs, &counts));
        let mine = open(&opens, &count).expect("the door is open");
        let others = other.join().expect("no panic").expect("the door is open");
        assert!(Arc::ptr_eq(&mine, &others), "both get the same");
        assert_eq!(count.load(Order::SeqCst), 1, "one is made");
    });
}

#[test]
fn one_is_made_and_ended() {
    none_is_left(Sound::new);
}

#[test]
fn whoever_comes_gets_the_same() {
    both_get_the_same(Sound::new);
}

/// Copies with one flaw each.
mod seeded {
    use loom::sync::Mutex;
    use loom::sync::atomic::{AtomicBool, Ordering, fence};

    use super::*;

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Flaw {
        None,
        /// Nothing orders who closes and who makes.
        NoFence,
        /// Whoever makes one does not look at the door again.
        LookOnce,
        /// Whoever closes looks first, and closes then.
        LookThenClose,
        /// Each makes its own.
        NoLock,
    }

    struct Broken {
        flaw: Flaw,
        closed: AtomicBool,
        is_made: AtomicBool,
        made: std::sync::Mutex<Option<Engine>>,
        making: Mutex<()>,
    }

    impl Broken {
        fn get(&self) -> Option<Engine> {
            let is_made = self.is_made.load(Ordering::Acquire);
            is_made.then(|| self.made.lock().expect("not poisoned").clone()).flatten()
        }

        fn make(&self, make: impl FnOnce() -> Engine) -> Engine {
            let engine = make();
            let kept = Arc::clone(&engine);
            *self.made.lock().expect("not poisoned") = Some(kept);
            self.is_made.store(true, Ordering::Release);
            engine
        }

        fn fence(&self) {
            if self.flaw != Flaw::NoFence {
                fence(Ordering::SeqCst);
            }
        }
    }

    impl Opens for Broken {
        fn open(&self, make: impl FnOnce() -> Engine) -> Option<Engine> {
            if self.closed.load(Ordering::Relaxed) {
                return None;
            }
            let engine = match self.get() {
                Some(engine) => engine,
                None if self.flaw == Flaw::NoLock => self.make(make),
                None => {
                    let _one_at_a_time = self.making.lock().expect("not poisoned");
                    self.get().unwrap_or_else(|| self.make(make))
                }
            };
            self.fence();
            if self.flaw != Flaw::LookOnce && self.closed.load(Ordering::Relaxed) {
                end(&engine);
                return None;
            }
            Some(engine)
        }

        fn close(&self) {
            let early = self.get();
            self.closed.store(true, Ordering::Relaxed);
            self.fence();
            let found = if self.flaw == Flaw::LookThenClose { early } else { self.get() };
            found.iter().for_each(end);
        }
    }

    fn with(flaw: Flaw) -> impl Fn() -> Broken {
        move || Broken {
            flaw,
            closed: AtomicBool::new(false),
            is_made: AtomicBool::new(false),
            made: std::sync::Mutex::default(),
            making: Mutex::new(()),
        }
    }

    #[test]
    fn without_a_flaw_the_copy_holds() {
        none_is_left(with(Flaw::None));
        both_get_the_same(with(Flaw::None));
    }

    #[test]
    #[should_panic(expected = "none is left")]
    fn without_an_order_neither_may_see_the_other() {
        none_is_left(with(Flaw::NoFence));
    }

    #[test]
    #[should_panic(expected = "none is left")]
    fn who_does_not_look_again_leaves_one() {
        none_is_left(with(Flaw::LookOnce));
    }

    #[test]
    #[should_panic(expected = "one is made")]
    fn without_a_lock_each_makes_its_own() {
        none_is_left(with(Flaw::NoLock));
    }

    #[test]
    #[should_panic(expected = "none is left")]
    fn who_looks_before_it_closes_leaves_one() {
        none_is_left(with(Flaw::LookThenClose));
    }
}
