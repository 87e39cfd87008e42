//! Starts one program: in its group, as its user, with nothing of the agent's own privileges.
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::net::unix::pipe;
use tonic::Status;

use super::channel::{Input, Source};
use super::group::Group;
use super::log::Stream;
use super::terminal::Terminal;
use crate::proto::{ExecRequest, TerminalSize};
use crate::users::{self, User};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const TERMINAL_KIND: &str = "xterm-256color";

/// A running program with the agent's ends of its pipes, or with the terminal it runs on.
pub struct Spawned {
    pub pid: i32,
    pub stdin: Input,
    pub sources: Vec<(Source, Stream)>,
    pub terminal: Option<Arc<Terminal>>,
}

/// Does not await: the reaper must not see an exit before the caller has registered the process.
pub fn spawn(request: &ExecRequest, group: &Group) -> Result<Spawned, Status> {
    let Some((program, arguments)) = request.argv.split_first() else {
        return Err(Status::invalid_argument("argv is empty"));
    };
    let Some(user) = users::find(&request.user) else {
        return Err(Status::invalid_argument(format!("there is no user {:?}", request.user)));
    };
    let directory = if request.cwd.is_empty() { &user.home } else { &request.cwd };
    if !directory.starts_with('/') || !Path::new(directory).is_dir() {
        return Err(Status::invalid_argument(format!("{directory:?} is not an absolute path of a directory")));
    }
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(base_environment(&user));
    if request.terminal.is_some() {
        command.env("TERM", TERMINAL_KIND);
    }
    command.envs(&request.env);
    let has_terminal = request.terminal.is_some();
    let entry = Entry { has_terminal, ..Entry::new(group, &user, directory).map_err(internal)? };
    // SAFETY: `Entry::enter` makes system calls only, on values made before the fork.
    unsafe { command.pre_exec(move || entry.enter()) };
    let started = match &request.terminal {
        Some(size) => start_on_terminal(command, size, &user),
        None => start_on_pipes(command, request.keep_stdin || !request.stdin.is_empty()),
    };
    started.map_err(|error| spawn_failed(program, &error))
}

fn start_on_pipes(mut command: Command, wants_stdin: bool) -> io::Result<Spawned> {
    command.stdin(if wants_stdin { Stdio::piped() } else { Stdio::null() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let missing = || io::Error::other("a pipe is missing");
    let stdin = child.stdin.take().map(|end| pipe::Sender::from_owned_fd(OwnedFd::from(end))).transpose()?;
    let stdout = pipe::Receiver::from_owned_fd(OwnedFd::from(child.stdout.take().ok_or_else(missing)?))?;
    let stderr = pipe::Receiver::from_owned_fd(OwnedFd::from(child.stderr.take().ok_or_else(missing)?))?;
    Ok(Spawned {
        pid: child.id().cast_signed(),
        stdin: stdin.map_or(Input::Closed, Input::Pipe),
        sources: vec![(Source::Pipe(stdout), Stream::Stdout), (Source::Pipe(stderr), Stream::Stderr)],
        terminal: None,
    })
}

fn start_on_terminal(mut command: Command, size: &TerminalSize, user: &User) -> io::Result<Spawned> {
    let (terminal, slave) = Terminal::open(size, user)?;
    let terminal = Arc::new(terminal);
    command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
    let child = command.spawn()?;
    Ok(Spawned {
        pid: child.id().cast_signed(),
        stdin: Input::Terminal(terminal.clone()),
        sources: vec![(Source::Terminal(terminal.clone()), Stream::Stdout)],
        terminal: Some(terminal),
    })
}

fn base_environment(user: &User) -> [(&'static str, &str); 6] {
    [
        ("PATH", PATH),
        ("HOME", &user.home),
        ("USER", &user.name),
        ("LOGNAME", &user.name),
        ("SHELL", &user.shell),
        ("LANG", "C.UTF-8"),
    ]
}

fn spawn_failed(program: &str, error: &io::Error) -> Status {
    match error.kind() {
        io::ErrorKind::NotFound => Status::not_found(format!("there is no program {program:?}")),
        io::ErrorKind::PermissionDenied => {
            Status::permission_denied(format!("{program:?} may not be run or its directory not entered"))
        }
        io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => Status::resource_exhausted(error.to_string()),
        _ => Status::invalid_argument(format!("{program:?} cannot be run: {error}")),
    }
}

fn internal(error: io::Error) -> Status {
    Status::internal(error.to_string())
}

/// What the child does between fork and exec.
struct Entry {
    group: File,
    uid: u32,
    gid: u32,
    directory: std::ffi::CString,
    /// Standard input is a terminal that becomes the one of the new session.
    has_terminal: bool,
}

impl Entry {
    fn new(group: &Group, user: &User, directory: &str) -> io::Result<Entry> {
        Ok(Entry {
            group: group.entrance()?,
            uid: user.uid,
            gid: user.gid,
            directory: std::ffi::CString::new(directory)?,
            has_terminal: false,
        })
    }

    fn enter(&self) -> io::Result<()> {
        let check = |result: libc::c_int| if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) };
        // SAFETY: plain system calls on descriptors and strings that live in `self`.
        unsafe {
            check(libc::write(self.group.as_raw_fd(), c"0".as_ptr().cast(), 1) as libc::c_int)?;
            let score = check(libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
            check(libc::write(score, c"0".as_ptr().cast(), 1) as libc::c_int)?;
            check(libc::setpriority(libc::PRIO_PROCESS, 0, 0))?;
            check(libc::setsid())?;
            if self.has_terminal {
                check(libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0))?;
            }
            check(libc::setrlimit(libc::RLIMIT_CORE, &libc::rlimit { rlim_cur: 0, rlim_max: 0 }))?;
            libc::umask(0o022);
            check(libc::setgroups(1, &self.gid))?;
            check(libc::setresgid(self.gid, self.gid, self.gid))?;
            check(libc::setresuid(self.uid, self.uid, self.uid))?;
            check(libc::chdir(self.directory.as_ptr()))?;
        }
        Ok(())
    }
}
