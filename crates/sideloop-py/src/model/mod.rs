//! What a call meets on its way, as data: each of these holds others of them, and they change only here.
//!
//! ```text
//!   Router ◀── Host ◀── Step ◀── Call ──▶ RunnerCore ──▶ EventLoop
//!                └────────────────────────────▶ │
//!                ▲                    runs: Call │ keeps: Host
//!                └──────────────────────────────┘
//! ```
//!
//! What they *do* stands above, a station a file: as functions, not as methods that these types would show, so
//! that whoever wants them has to import them.

mod router;

mod host;

mod step;

mod work;

mod call;

mod errand;

mod runner;

mod ended;

mod leftovers;

mod drive;

mod counts;

mod turning;

mod waits;

mod hook;

mod in_child;

pub(crate) use self::call::{AskedFor, Call};
pub(crate) use self::counts::{ended_counts, forget_in_children};
pub(crate) use self::drive::{Drive, Driver, Guest};
pub(crate) use self::ended::{End, EndedBy};
pub(crate) use self::errand::{Ask, Errand};
pub(crate) use self::hook::{run_hook_of, runs_hook_of, turned_runner};
pub(crate) use self::host::{Asked, Host, Kept, Objects, State, Todo, left_over, nothing_left};
pub(crate) use self::router::{Router, Variables};
pub(crate) use self::runner::RunnerCore;
pub(crate) use self::step::Step;
pub(crate) use self::turning::{turn_for, turned_here};
pub(crate) use self::waits::{Blocked, Chain, LoopId};
pub(crate) use self::waits::{chain_to_blocked, chain_to_task, wait_for, wait_is_over, waited_for};
pub(crate) use self::work::{Answer, Begun, Ending, Withdrawn, Work};
