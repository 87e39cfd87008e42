//! The host's way in where the VMM has no serial ports: a listener on AF_VSOCK, with a fresh connection each time.
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
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
    pub async fn accept(&self) -> io::Result<UnixStream> {
        self.socket.async_io(Interest::READABLE, |socket| accept_now(socket)).await
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
