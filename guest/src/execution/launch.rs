//! Starts a process inside its control group. The child is born there (`CLONE_INTO_CGROUP`): to move one afterwards costs
//! the kernel a grace period, tens of milliseconds in an emulated machine.
use std::ffi::{CString, c_char, c_int};
use std::fs::File;
use std::io::{self, PipeWriter, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;

/// The new process begins in the control group whose descriptor is given (linux/sched.h); musl does not name it.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// What the child of a launch becomes. Everything that needs memory is made before the fork.
pub struct Program {
    /// Where the program may be, in the order of the search.
    pub paths: Vec<CString>,
    pub arguments: Vec<CString>,
    pub environment: Vec<CString>,
    pub directory: CString,
    pub uid: u32,
    pub gid: u32,
    /// Become descriptors 0 to 2.
    pub descriptors: [OwnedFd; 3],
    /// Standard input is a terminal that becomes the one of the new session.
    pub has_terminal: bool,
}

/// Starts the program in the group whose directory is given and returns its process id when it runs, or why it does not.
pub fn launch(program: &Program, group: &File) -> io::Result<i32> {
    let arguments = pointers(&program.arguments);
    let environment = pointers(&program.environment);
    let (mut failure, report) = io::pipe()?;
    // SAFETY: without CLONE_VM the child has memory of its own; it makes system calls only and never returns.
    let pid = unsafe { fork_into(group)? };
    if pid == 0 {
        // SAFETY: this is the child.
        unsafe { become_program(program, &arguments, &environment, &report) }
    }
    drop(report);
    let mut code = [0; size_of::<c_int>()];
    // A program that runs has closed its end without a word.
    match failure.read_exact(&mut code) {
        Ok(()) => Err(io::Error::from_raw_os_error(c_int::from_ne_bytes(code))),
        Err(_) => Ok(pid),
    }
}

/// Ends with the null pointer that the kernel looks for.
fn pointers(words: &[CString]) -> Vec<*const c_char> {
    words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect()
}

unsafe fn fork_into(group: &File) -> io::Result<i32> {
    // SAFETY: all bytes zero is a valid value: every field is a number.
    let mut wanted: libc::clone_args = unsafe { std::mem::zeroed() };
    wanted.flags = CLONE_INTO_CGROUP;
    wanted.exit_signal = libc::SIGCHLD as u64;
    wanted.cgroup = group.as_raw_fd() as u64;
    // SAFETY: the kernel reads `wanted` and nothing else.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut wanted, size_of::<libc::clone_args>()) };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid as i32) }
}

unsafe fn become_program(
    program: &Program,
    arguments: &[*const c_char],
    environment: &[*const c_char],
    report: &PipeWriter,
) -> ! {
    // SAFETY: system calls on values that were made before the fork.
    unsafe {
        let code = match enter(program) {
            Ok(()) => execute(&program.paths, arguments, environment),
            Err(code) => code,
        };
        libc::write(report.as_raw_fd(), (&raw const code).cast(), size_of::<c_int>());
        libc::_exit(127)
    }
}

/// Gives the error number of the first step that failed.
unsafe fn enter(program: &Program) -> Result<(), c_int> {
    let check = |result: c_int| if result < 0 { Err(error_number()) } else { Ok(result) };
    // SAFETY: plain system calls on descriptors and strings that live in `program`.
    unsafe {
        for (target, descriptor) in (0..).zip(&program.descriptors) {
            check(libc::dup2(descriptor.as_raw_fd(), target))?;
        }
        // Rust ignores it for itself, and what is ignored stays so in the program.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let score = check(libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
        check(libc::write(score, c"0".as_ptr().cast(), 1) as c_int)?;
        check(libc::setpriority(libc::PRIO_PROCESS, 0, 0))?;
        check(libc::setsid())?;
        if program.has_terminal {
            check(libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0))?;
        }
        check(libc::setrlimit(libc::RLIMIT_CORE, &libc::rlimit { rlim_cur: 0, rlim_max: 0 }))?;
        libc::umask(0o022);
        check(libc::setgroups(1, &program.gid))?;
        check(libc::setresgid(program.gid, program.gid, program.gid))?;
        check(libc::setresuid(program.uid, program.uid, program.uid))?;
        check(libc::chdir(program.directory.as_ptr()))?;
    }
    Ok(())
}

/// Returns only when no path could be run: with what speaks most of why.
unsafe fn execute(paths: &[CString], arguments: &[*const c_char], environment: &[*const c_char]) -> c_int {
    let mut found = libc::ENOENT;
    for path in paths {
        // SAFETY: both lists end with a null pointer.
        unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
        match error_number() {
            libc::ENOENT | libc::ENOTDIR => {}
            // There may be one further on that may be run.
            libc::EACCES => found = libc::EACCES,
            other => return other,
        }
    }
    found
}

fn error_number() -> c_int {
    // SAFETY: the number of this thread is always there.
    unsafe { *libc::__errno_location() }
}
