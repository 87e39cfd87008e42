//! A pseudo terminal: the agent holds its master, the program runs on its slave.
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use tokio::io::unix::AsyncFd;

use crate::proto::TerminalSize;
use crate::users::User;

const MAX_SIZE: u32 = 10_000;
const DEFAULT_COLUMNS: u16 = 80;
const DEFAULT_ROWS: u16 = 24;
const SLAVE_MODE: libc::mode_t = 0o620;
/// What ends input on a terminal in its usual mode.
pub const END_OF_FILE: &[u8] = b"\x04";

/// The master of one terminal.
pub struct Terminal(AsyncFd<OwnedFd>);

impl Terminal {
    /// Makes a terminal; the slave belongs to the user, who may open it again by its name.
    pub fn open(size: &TerminalSize, user: &User) -> io::Result<(Terminal, OwnedFd)> {
        let window = window(size);
        let (mut master, mut slave) = (-1, -1);
        // SAFETY: plain system calls; both descriptors are ours alone once they are open.
        let (master, slave) = unsafe {
            let (name, attributes) = (std::ptr::null_mut(), std::ptr::null());
            check(libc::openpty(&mut master, &mut slave, name, attributes, &window))?;
            (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
        };
        for end in [&master, &slave] {
            // SAFETY: a plain system call.
            check(unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) })?;
        }
        // SAFETY: plain system calls on descriptors that are open.
        unsafe {
            check(libc::fcntl(master.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK))?;
            check(libc::fchown(slave.as_raw_fd(), user.uid, libc::gid_t::MAX))?;
            check(libc::fchmod(slave.as_raw_fd(), SLAVE_MODE))?;
        }
        // SAFETY: the descriptor is open, and nothing replaces or closes it while it is owned here.
        Ok((Terminal(unsafe { AsyncFd::register(master) }?), slave))
    }

    /// Appends what is there to the buffer's spare room; 0 when no program has the terminal open any more.
    pub async fn read(&self, data: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            let mut ready = self.0.readable().await?;
            match ready.try_io(|master| read_into(master.as_raw_fd(), data.spare_capacity_mut())) {
                Ok(Ok(count)) => {
                    // SAFETY: so many bytes of the spare room have been written.
                    unsafe { data.set_len(data.len() + count) };
                    return Ok(count);
                }
                // The kernel says so when the last program has closed the slave.
                Ok(Err(error)) if error.raw_os_error() == Some(libc::EIO) => return Ok(0),
                Ok(Err(error)) => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Waits while the program does not read.
    pub async fn write_all(&self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let mut ready = self.0.writable().await?;
            // SAFETY: a plain system call that reads `data`.
            let write = |fd: i32| unsafe { libc::write(fd, data.as_ptr().cast(), data.len()) };
            match ready.try_io(|master| counted(write(master.as_raw_fd()))) {
                Ok(written) => data = &data[written?..],
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Changes the size; the program in the foreground is told by SIGWINCH.
    pub fn resize(&self, size: &TerminalSize) -> io::Result<()> {
        // SAFETY: a plain system call that reads the window.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TIOCSWINSZ, &window(size)) })
    }
}

fn window(size: &TerminalSize) -> libc::winsize {
    let bounded = |value: u32, default: u16| match value {
        0 => default,
        value => value.min(MAX_SIZE) as u16,
    };
    libc::winsize {
        ws_col: bounded(size.columns, DEFAULT_COLUMNS),
        ws_row: bounded(size.rows, DEFAULT_ROWS),
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

fn read_into(fd: i32, room: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    // SAFETY: a plain system call that writes within `room`.
    counted(unsafe { libc::read(fd, room.as_mut_ptr().cast(), room.len()) })
}

fn counted(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
