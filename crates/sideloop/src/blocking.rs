//! std's traits of input and output over tokio's.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

use crate::Inside;
use crate::access::Access;
use crate::drive::AfterEnd;
use crate::error::refuse;

/// std's `Read`, `BufRead`, `Write` and `Seek` over tokio's counterparts; made by [`blocking`](crate::blocking)
/// and [`Runner::blocking`](crate::Runner::blocking).
///
/// Each operation blocks the calling thread until the inner one is done, and panics where
/// [`run_sync`](crate::run_sync) does. What is inside is dropped with the runtime entered. Nothing is shut down or
/// flushed by a drop: `flush` writes what a buffer inside holds, [`Blocking::shutdown`] ends a connection.
pub struct Blocking<T>(Inside<T>);

impl<T> Blocking<T> {
    pub(crate) fn new(io: T, access: Access) -> Self {
        Self(Inside::new(io, access))
    }

    /// What is inside.
    pub fn get_ref(&self) -> &T {
        &self.0
    }

    /// What is inside, to be changed.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.0
    }

    /// What is inside, for async code again.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: Unpin> Blocking<T> {
    #[track_caller]
    fn wait<O>(
        &mut self,
        mut poll: impl FnMut(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<O>>,
    ) -> io::Result<O> {
        let access = self.0.access().clone();
        let done = poll_fn(|context| poll(Pin::new(self.get_mut()), context));
        match access.drive(done, None, AfterEnd::Refused) {
            Ok(done) => done,
            Err(refusal) => refuse(access.runner(), &refusal),
        }
    }
}

impl<T: AsyncRead + Unpin> Read for Blocking<T> {
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(|io, context| {
            let mut buffer = ReadBuf::new(buffer);
            ready!(io.poll_read(context, &mut buffer))?;
            Poll::Ready(Ok(buffer.filled().len()))
        })
    }
}

impl<T: AsyncBufRead + Unpin> BufRead for Blocking<T> {
    #[track_caller]
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.wait(|io, context| io.poll_fill_buf(context).map_ok(<[u8]>::len))? == 0 {
            // Asked again at its end, it would read again.
            return Ok(&[]);
        }
        // What is buffered is given at once.
        let mut context = Context::from_waker(std::task::Waker::noop());
        match Pin::new(self.get_mut()).poll_fill_buf(&mut context) {
            Poll::Ready(filled) => filled,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn consume(&mut self, amount: usize) {
        Pin::new(self.get_mut()).consume(amount);
    }
}

impl<T: AsyncWrite + Unpin> Write for Blocking<T> {
    #[track_caller]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.wait(|io, context| io.poll_write(context, buffer))
    }

    #[track_caller]
    fn write_vectored(&mut self, buffers: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.wait(|io, context| io.poll_write_vectored(context, buffers))
    }

    #[track_caller]
    fn flush(&mut self) -> io::Result<()> {
        self.wait(|io, context| io.poll_flush(context))
    }
}

impl<T: AsyncWrite + Unpin> Blocking<T> {
    /// Flush, and end the writing side: the peer reads to its end.
    ///
    /// # Errors
    /// As the inner one.
    ///
    /// # Panics
    /// As [`run_sync`](crate::run_sync).
    #[track_caller]
    pub fn shutdown(&mut self) -> io::Result<()> {
        self.wait(|io, context| io.poll_shutdown(context))
    }
}

impl<T: AsyncSeek + Unpin> Seek for Blocking<T> {
    #[track_caller]
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        // tokio asks for this before a seek: another one may be under way.
        self.wait(|io, context| io.poll_complete(context))?;
        let mut begun = false;
        self.wait(|mut io, context| {
            if !begun {
                io.as_mut().start_seek(position)?;
                begun = true;
            }
            io.poll_complete(context)
        })
    }
}

impl<T: fmt::Debug> fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blocking").field(&self.0).finish()
    }
}
