//! What a loop waits with: its selector, in Python.

use std::io;
use std::time::Duration;

use super::bell::Bell;
use crate::system::Watch;

/// A file that is ready, and for what.
pub(crate) struct Ready {
    pub(crate) fd: i32,
    pub(crate) mask: u32,
}

/// There is none.
#[derive(Clone, Copy)]
pub(crate) enum Poller {}

impl Poller {
    pub(crate) fn of(_number: isize) -> Option<Self> {
        None
    }

    pub(crate) fn number(self) -> isize {
        match self {}
    }

    pub(crate) fn hear(self, _bell: &Bell) -> io::Result<()> {
        match self {}
    }

    pub(crate) fn watch(self, _file: i32, _events: u32, _watch: Watch) -> io::Result<()> {
        match self {}
    }

    pub(crate) fn change(self, _file: i32, _events: u32, _watch: Watch) -> io::Result<()> {
        match self {}
    }

    pub(crate) fn change_or_watch(self, _file: i32, _events: u32, _watch: Watch) -> io::Result<()> {
        match self {}
    }

    pub(crate) fn forget(self, _file: i32) -> io::Result<()> {
        match self {}
    }

    pub(crate) fn poll(self, _timeout: Option<Duration>) -> io::Result<Vec<Ready>> {
        match self {}
    }
}
