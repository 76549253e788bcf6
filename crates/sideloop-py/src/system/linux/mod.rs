//! Linux: eventfd, epoll, and what else the kernel tells cheaply.

pub(crate) mod bell;

pub(crate) mod poller;

pub(crate) mod clock;

pub(crate) mod cpus;

pub(crate) mod thread;

pub(crate) mod socket;

pub(crate) mod pipe;
