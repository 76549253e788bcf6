//! The phase cell: one owner of each outcome.

use std::sync::Arc;

use sideloop_core::phase::{Abandon, Begin, Cancel, Complete, PhaseCell};

use crate::racing::{Slot, side_by_side};

const OUTCOME: u32 = 22;

struct Call {
    phase: PhaseCell,
    outcome: Slot,
}

pub(crate) fn one_owner(rounds: u32) {
    let new = || {
        let call = Arc::new(Call { phase: PhaseCell::default(), outcome: Slot::empty() });
        (Arc::clone(&call), call)
    };
    let serve = |call: Arc<Call>| match call.phase.begin() {
        Begin::Skip => None,
        Begin::Run => {
            call.outcome.store(OUTCOME);
            Some(call.phase.complete())
        }
    };
    side_by_side(
        rounds,
        new,
        serve,
        |call, jitter| {
            if call.phase.cancel() == Cancel::NeverRan {
                return None;
            }
            jitter.pause();
            let abandon = call.phase.abandon();
            if abandon == Abandon::TakeOutcome {
                assert_eq!(call.outcome.load(), OUTCOME);
            }
            Some(abandon)
        },
        |complete, abandon| {
            let expected = complete.map(|complete| match complete {
                Complete::Deliver => Abandon::TakeOutcome,
                Complete::Drop => Abandon::Leave,
            });
            assert_eq!(abandon, expected, "not exactly one owner of the outcome: {complete:?}");
        },
    );
}
