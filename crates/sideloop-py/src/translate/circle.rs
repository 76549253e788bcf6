//! Circles: containers that hold each other, made anew together.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::met::{Met, Open, Seen, address};

/// Make anew the containers that hold each other, of which the first is at `first` among the open ones.
///
/// Those that can be filled later are made empty first. Then the others, of what is there; in every circle is one
/// that can be filled, since what cannot be is made of parts that were there before. In the end they are filled: what
/// hashes its parts last, when these are complete.
///
/// # Errors
/// What making one raises, or hashing a part.
pub(super) fn make<'py>(
    circle: &[Open<'py>],
    first: usize,
    parts: &[Bound<'py, PyAny>],
    seen: &Seen<'py>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let made = Vec::with_capacity(circle.len());
    let mut anew = Anew { circle, first, parts, seen, made, begun: vec![false; circle.len()] };
    for one in circle {
        let filled = one.container.is_filled();
        anew.made.push(if filled { Some(one.container.make_empty(&one.value)?) } else { None });
    }
    for place in 0..circle.len() {
        anew.make_at_once(place)?;
    }
    let mut filled: Vec<&Open<'py>> =
        circle.iter().filter(|one| one.container.is_filled()).collect();
    filled.sort_by_key(|one| (one.container.hashes(&one.value), one.left));
    for one in filled {
        if let Some(made) = anew.of(&one.value) {
            one.container.fill(made, &anew.parts_of(one))?;
        }
    }
    Ok(anew.made.into_iter().flatten().collect())
}

struct Anew<'a, 'py> {
    circle: &'a [Open<'py>],
    first: usize,
    parts: &'a [Bound<'py, PyAny>],
    seen: &'a Seen<'py>,
    /// In the places of the circle's.
    made: Vec<Option<Bound<'py, PyAny>>>,
    begun: Vec<bool>,
}

impl<'py> Anew<'_, 'py> {
    /// Make one of what it holds, and before that what it holds of the circle that is made at once, too.
    fn make_at_once(&mut self, place: usize) -> PyResult<()> {
        let mut path: Vec<(usize, usize)> = Vec::new();
        let mut next = (self.made[place].is_none()).then_some(place);
        while let Some(place) = next.take() {
            if std::mem::replace(&mut self.begun[place], true) {
                return Err(PyTypeError::new_err("what cannot be changed holds itself"));
            }
            path.push((place, self.circle[place].parts.start));
            while let Some((place, from)) = path.last_mut() {
                let one = &self.circle[*place];
                let missing = (*from..one.parts.end).find_map(|slot| {
                    let part = self.place(&self.parts[slot])?;
                    self.made[part].is_none().then_some((slot, part))
                });
                if let Some((slot, part)) = missing {
                    *from = slot;
                    next = Some(part);
                    break;
                }
                let place = *place;
                self.made[place] = Some(one.container.make(&one.value, &self.parts_of(one))?);
                path.pop();
            }
        }
        Ok(())
    }

    /// The parts of one, with the new ones in the place of the circle's.
    fn parts_of(&self, one: &Open<'py>) -> Vec<Bound<'py, PyAny>> {
        self.parts[one.parts.clone()]
            .iter()
            .map(|part| self.of(part).unwrap_or(part).clone())
            .collect()
    }

    /// What was made in the place of a part, if that is of the circle.
    fn of(&self, part: &Bound<'py, PyAny>) -> Option<&Bound<'py, PyAny>> {
        self.made.get(self.place(part)?)?.as_ref()
    }

    /// The place of a part in the circle.
    fn place(&self, part: &Bound<'py, PyAny>) -> Option<usize> {
        match self.seen.get(&address(part))?.1 {
            Met::Open(place) => place.checked_sub(self.first),
            Met::Same | Met::Translated(_) => None,
        }
    }
}
