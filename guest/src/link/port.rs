//! One open of a virtio-serial port as an async byte stream.
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// Largest single write; the port takes no more at once anyway.
const WRITE_CHUNK: usize = 32 << 10;

/// tokio never clears a hang-up, but a port hangs up and comes back with the next host. So the port sits in an
/// edge-triggered epoll of its own, and tokio watches that epoll.
pub struct Port {
    file: File,
    inner: Epoll,
    changes: AsyncFd<OwnedFd>,
    hung_up: bool,
}

impl Port {
    pub fn open(path: &str) -> io::Result<Port> {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open(path)?;
        let inner = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let interest = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
        inner.add(&file, EpollEvent::new(interest, 0))?;
        let watched = inner.0.try_clone()?;
        // SAFETY: the descriptor stays open as long as the registration that owns it.
        let changes = unsafe { AsyncFd::register_with_interest(watched, Interest::READABLE)? };
        Ok(Port { file, inner, changes, hung_up: false })
    }

    /// Waits until a host has the other end open, and forgets any hang-up before that.
    pub async fn wait_for_host(&mut self) -> io::Result<()> {
        while self.host_is_gone() {
            std::future::poll_fn(|context| self.poll_change(context)).await?;
        }
        self.collect_events();
        self.hung_up = self.host_is_gone();
        Ok(())
    }

    fn host_is_gone(&self) -> bool {
        let mut fds = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN | PollFlags::POLLOUT)];
        // A failing poll says nothing about the host; the next read or write will.
        if poll(&mut fds, PollTimeout::ZERO).is_err() {
            return false;
        }
        fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
    }

    /// Takes the pending edges. Done before every read and write: data that is still queued must not hide a close
    /// that a new connection follows.
    fn collect_events(&mut self) {
        let mut events = [EpollEvent::empty()];
        while let Ok(1) = self.inner.wait(&mut events, EpollTimeout::ZERO) {
            self.hung_up |= events[0].events().contains(EpollFlags::EPOLLHUP);
        }
    }

    fn poll_change(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut guard = ready!(self.changes.poll_read_ready(context))?;
        guard.clear_ready();
        self.collect_events();
        Poll::Ready(Ok(()))
    }

    /// Repeats a non-blocking operation until it has a result, waiting for changes of the port in between.
    fn poll_io<T>(
        &mut self,
        context: &mut Context<'_>,
        mut operation: impl FnMut(&mut File) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            self.collect_events();
            if self.hung_up {
                return Poll::Ready(Err(host_closed()));
            }
            match operation(&mut self.file) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.poll_change(context))?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

fn host_closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the host closed the port")
}

impl AsyncRead for Port {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let port = self.get_mut();
        let space = buffer.initialize_unfilled();
        let count = ready!(port.poll_io(context, |file| file.read(space)))?;
        if count == 0 {
            port.hung_up = true;
            return Poll::Ready(Err(host_closed()));
        }
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Port {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let chunk = &bytes[..bytes.len().min(WRITE_CHUNK)];
        self.get_mut().poll_io(context, |file| file.write(chunk))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl std::fmt::Debug for Port {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Port({})", self.file.as_raw_fd())
    }
}
