//! What is to be written, in the pieces in which it came.

use std::collections::VecDeque;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Bytes in their order, of which the first may have left in part.
#[derive(Default)]
pub(super) struct Pieces {
    all: VecDeque<Py<PyBytes>>,
    /// Of the first one, so many bytes have left.
    left: usize,
    length: usize,
}

impl Pieces {
    pub(super) fn push(&mut self, piece: &Bound<'_, PyBytes>) {
        self.length += piece.as_bytes().len();
        self.all.push_back(piece.clone().unbind());
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many pieces there are.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// What is to be written next.
    pub(super) fn slices<'a>(&'a self, py: Python<'a>) -> impl Iterator<Item = &'a [u8]> {
        let left = self.left;
        self.all.iter().enumerate().map(move |(place, piece)| {
            let piece = piece.as_bytes(py);
            if place == 0 { piece.get(left..).unwrap_or_default() } else { piece }
        })
    }

    /// So many bytes have left.
    pub(super) fn advance(&mut self, py: Python<'_>, sent: usize) {
        self.length = self.length.saturating_sub(sent);
        if self.length == 0 {
            self.all.clear();
            self.left = 0;
            return;
        }
        let mut sent = sent + self.left;
        while let Some(first) = self.all.front() {
            let length = first.as_bytes(py).len();
            if sent < length {
                break;
            }
            sent -= length;
            self.all.pop_front();
        }
        self.left = sent;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Py<PyBytes>> {
        self.all.iter()
    }
}
