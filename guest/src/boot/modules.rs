//! Kernel modules of the initramfs. The image builder writes `order`: one file name a line, each after what it needs.
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;

/// Loads every module of the list and frees the memory that the files took.
pub fn load(directory: &str) -> io::Result<()> {
    let order = fs::read_to_string(format!("{directory}/order"))?;
    for name in order.lines().filter(|line| !line.is_empty()) {
        insert(&format!("{directory}/{name}")).map_err(|error| io::Error::other(format!("module {name}: {error}")))?;
    }
    fs::remove_dir_all(directory)
}

fn insert(path: &str) -> io::Result<()> {
    let file = File::open(path)?;
    let parameters = CString::default();
    // SAFETY: the descriptor is open and the string ends with NUL.
    let result = unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), parameters.as_ptr(), 0) };
    if result == 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
        error => Err(error),
    }
}
