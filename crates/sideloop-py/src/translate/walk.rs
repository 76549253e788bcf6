//! The walk: through all that a value holds, each object once, and back up with what has changed.
//!
//! An object that holds nothing to translate is passed on as it is, not as a copy: whoever has passed it may look
//! into it later. So the walk has to know, before it makes a container anew, whether anything below has changed;
//! and what is below may hold the container. Objects that hold each other form a *circle* (a strongly connected
//! component), and either all of them change or none. Tarjan's algorithm finds the circles in one walk, innermost
//! first, which is also the order in which containers can be made anew: parts before what holds them.
//!
//! Does not work: recursion, since values may be deeper than any stack; asking for a container's items again when
//! it is made anew, since another thread may have put something in that was not translated.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use super::circle;
use super::container::Container;
use super::kind::{Kind, Kinds};
use super::met::{Met, Open, Seen, address};

/// Containers of no more plain things are looked through again rather than remembered, which costs more.
const SHORT: usize = 8;

/// A walk, and what it remembers. Objects that are met again, also in another value, are translated once.
pub(super) struct Walk<'a, 'py> {
    kinds: Kinds<'a, 'py>,
    odd: Odd<'a, 'py>,
    /// What the open containers hold, those of each behind those of what it was found in.
    parts: Vec<Bound<'py, PyAny>>,
    /// The containers that were entered and are not decided, in the order in which they were found.
    open: Vec<Open<'py>>,
    /// Those of them that the walk is inside of, outermost first, as places in `open`.
    path: Vec<usize>,
    seen: Seen<'py>,
    left: usize,
}

/// What becomes of a value that cannot be translated: its hash raises, for example.
pub(super) enum Odd<'a, 'py> {
    /// The error is raised.
    Raised,
    /// It is passed on as it is, and the error goes there: the value belongs to an answer.
    Reported(&'a Bound<'py, PyAny>),
}

impl<'a, 'py> Walk<'a, 'py> {
    pub(super) fn new(kinds: Kinds<'a, 'py>, odd: Odd<'a, 'py>) -> Self {
        Self {
            kinds,
            odd,
            parts: Vec::new(),
            open: Vec::new(),
            path: Vec::new(),
            seen: Seen::default(),
            left: 0,
        }
    }

    /// What is passed on in place of a value.
    ///
    /// # Errors
    /// What translating it raises, if that is raised. The walk is over then.
    pub(super) fn translate(&mut self, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.parts.push(value);
        self.visit(0)?;
        while let Some(&place) = self.path.last() {
            match self.next_part(place) {
                Some(slot) => self.visit(slot)?,
                None => self.leave(place)?,
            }
        }
        Ok(self.parts.swap_remove(0))
    }

    /// Where the next part of an open container is that is not plain.
    fn next_part(&mut self, place: usize) -> Option<usize> {
        let open = &mut self.open[place];
        let rest = open.next..open.parts.end;
        let found = rest.into_iter().find(|&slot| !self.kinds.is_plain(&self.parts[slot]));
        open.next = found.map_or(open.parts.end, |slot| slot + 1);
        found
    }

    fn visit(&mut self, slot: usize) -> PyResult<()> {
        let value = self.parts[slot].clone();
        let kind = match self.kinds.of(&value) {
            Ok(kind) => kind,
            Err(error) => return self.pass_on(&value, error),
        };
        if matches!(kind, Kind::Plain) {
            return Ok(());
        }
        match self.seen.get(&address(&value)) {
            Some((_, Met::Same)) => return Ok(()),
            Some((_, Met::Translated(translated))) => {
                let translated = translated.clone();
                self.put(slot, translated);
                return Ok(());
            }
            Some((_, Met::Open(place))) => {
                let place = *place;
                if let Some(holder) = self.holder() {
                    holder.low = holder.low.min(place);
                    holder.is_in_circle = true;
                }
                return Ok(());
            }
            None => {}
        }
        match kind {
            Kind::Plain => Ok(()),
            Kind::Container(container) => self.enter(value, container, slot),
            Kind::Whole(translate) => {
                let met = match translate.call1((&value,)) {
                    Ok(same) if same.is(&value) => Met::Same,
                    Ok(translated) => {
                        self.put(slot, translated.clone());
                        Met::Translated(translated)
                    }
                    Err(error) => {
                        self.pass_on(&value, error)?;
                        Met::Same
                    }
                };
                self.seen.insert(address(&value), (value, met));
                Ok(())
            }
        }
    }

    /// Go into a container, unless all it holds is plain.
    fn enter(
        &mut self,
        value: Bound<'py, PyAny>,
        container: Container<'py>,
        slot: usize,
    ) -> PyResult<()> {
        let start = self.parts.len();
        if let Err(error) = container.read(&value, &mut self.parts) {
            self.parts.truncate(start);
            self.pass_on(&value, error)?;
            self.seen.insert(address(&value), (value, Met::Same));
            return Ok(());
        }
        let parts = start..self.parts.len();
        if self.parts[parts.clone()].iter().all(|part| self.kinds.is_plain(part)) {
            self.parts.truncate(start);
            if parts.len() > SHORT {
                self.seen.insert(address(&value), (value, Met::Same));
            }
            return Ok(());
        }
        let place = self.open.len();
        self.seen.insert(address(&value), (value.clone(), Met::Open(place)));
        self.path.push(place);
        self.open.push(Open {
            value,
            container,
            slot,
            next: start,
            parts,
            low: place,
            left: 0,
            is_in_circle: false,
            has_changed: false,
        });
        Ok(())
    }

    /// All parts of a container have been visited.
    fn leave(&mut self, place: usize) -> PyResult<()> {
        self.path.pop();
        self.left += 1;
        let Open { low, .. } = self.open[place];
        self.open[place].left = self.left;
        if low < place {
            // In a circle with what holds it, where the walk still is.
            if let Some(holder) = self.holder() {
                holder.low = holder.low.min(low);
                holder.is_in_circle = true;
            }
            return Ok(());
        }
        self.decide(place)
    }

    /// All that is in a circle with the first one that was found has been left: make it anew, or keep it.
    fn decide(&mut self, place: usize) -> PyResult<()> {
        let (slot, start) = (self.open[place].slot, self.open[place].parts.start);
        let circle = &self.open[place..];
        let made = if circle.iter().any(|one| one.has_changed) {
            match circle {
                [one] if !one.is_in_circle => one
                    .container
                    .make(&one.value, &self.parts[one.parts.clone()])
                    .map(|made| vec![made]),
                _ => circle::make(circle, place, &self.parts, &self.seen),
            }
        } else {
            Ok(Vec::new())
        };
        let made = match made {
            Ok(made) => made,
            Err(error) => {
                let value = self.open[place].value.clone();
                self.pass_on(&value, error)?;
                Vec::new()
            }
        };
        if let Some(first) = made.first() {
            self.put(slot, first.clone());
        }
        let mut made = made.into_iter();
        for one in self.open.drain(place..) {
            if let Some((_, met)) = self.seen.get_mut(&address(&one.value)) {
                *met = made.next().map_or(Met::Same, Met::Translated);
            }
        }
        self.parts.truncate(start);
        Ok(())
    }

    /// Put what was translated where the other was found.
    fn put(&mut self, slot: usize, translated: Bound<'py, PyAny>) {
        self.parts[slot] = translated;
        if let Some(holder) = self.holder() {
            holder.has_changed = true;
        }
    }

    /// The container that the walk is inside of.
    fn holder(&mut self) -> Option<&mut Open<'py>> {
        self.path.last().and_then(|&place| self.open.get_mut(place))
    }

    /// A value cannot be translated.
    fn pass_on(&self, value: &Bound<'py, PyAny>, error: PyErr) -> PyResult<()> {
        match self.odd {
            Odd::Reported(report) if error.is_instance_of::<PyException>(value.py()) => {
                report.call1((value, error)).map(drop)
            }
            Odd::Reported(_) | Odd::Raised => Err(error),
        }
    }
}
