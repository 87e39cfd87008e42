//! The host's way in where the VMM has no serial ports: a listener on AF_VSOCK, with a fresh connection each time.
use std::future::Future;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::UnixStream;

const BACKLOG: libc::c_int = 16;

pub struct Listener {
    socket: AsyncFd<OwnedFd>,
}

impl Listener {
    /// Listens on a port of this machine's context id.
    pub fn open(port: u32) -> io::Result<Listener> {
        // SAFETY: plain system calls on a descriptor that is ours; the address is of the family's own kind and size.
        let socket = unsafe {
            let descriptor =
                libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0);
            check(descriptor)?;
            let socket = OwnedFd::from_raw_fd(descriptor);
            let mut address: libc::sockaddr_vm = mem::zeroed();
            address.svm_family = libc::AF_VSOCK as libc::sa_family_t;
            address.svm_cid = libc::VMADDR_CID_ANY;
            address.svm_port = port;
            let length = mem::size_of::<libc::sockaddr_vm>() as libc::socklen_t;
            check(libc::bind(descriptor, (&raw const address).cast(), length))?;
            check(libc::listen(descriptor, BACKLOG))?;
            socket
        };
        // SAFETY: the descriptor stays open as long as the registration that owns it.
        let socket = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE)? };
        Ok(Listener { socket })
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> io::Result<Connection> {
        Connection::new(self.socket.async_io(Interest::READABLE, |socket| accept_now(socket)).await?)
    }
}

/// A stream to the host. A VMM that makes a snapshot resets all of them: the kernel calls that an error, not the end of what can be read,
/// so a reader that only waits for bytes would wait for ever.
pub struct Connection {
    stream: UnixStream,
    reset: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Connection {
    fn new(stream: UnixStream) -> io::Result<Connection> {
        let descriptor = stream.as_fd().try_clone_to_owned()?;
        // SAFETY: the descriptor stays open as long as the registration that owns it.
        let watched = unsafe { AsyncFd::register_with_interest(descriptor, Interest::ERROR)? };
        let reset = Box::pin(async move {
            // Where the watch itself fails there is nothing to wait for either.
            let _ = watched.ready(Interest::ERROR).await;
        });
        Ok(Connection { stream, reset })
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            return Poll::Ready(result);
        }
        match self.reset.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A stream socket of this family is read and written as one of the Unix family is.
fn accept_now(socket: &OwnedFd) -> io::Result<UnixStream> {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: a plain system call; the descriptor that it gives is ours.
    let stream = unsafe {
        let descriptor = libc::accept4(socket.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut(), flags);
        check(descriptor)?;
        net::UnixStream::from_raw_fd(descriptor)
    };
    UnixStream::from_std(stream)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
