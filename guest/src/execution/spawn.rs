//! Starts one program: in its group, as its user, with nothing of the agent's own privileges.
use std::collections::BTreeMap;
use std::ffi::{CString, NulError};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::unix::pipe;
use tonic::Status;

use super::channel::{Input, Source};
use super::group::Group;
use super::launch::{Program, launch};
use super::log::Stream;
use super::terminal::Terminal;
use crate::proto::{ExecRequest, TerminalSize};
use crate::users::{self, User};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const TERMINAL_KIND: &str = "xterm-256color";

/// A running program.
pub struct Spawned {
    pub pid: i32,
    /// When its process was about to be made.
    pub started: Instant,
    pub ends: Ends,
}

/// The agent's ends of a program's pipes, or the terminal it runs on.
pub struct Ends {
    pub stdin: Input,
    pub sources: Vec<(Source, Stream)>,
    pub terminal: Option<Arc<Terminal>>,
}

/// Does not await: the reaper must not see an exit before the caller has registered the process.
pub fn spawn(request: &ExecRequest, group: &Group) -> Result<Spawned, Status> {
    let Some(name) = request.argv.first() else {
        return Err(Status::invalid_argument("argv is empty"));
    };
    let Some(user) = users::find(&request.user) else {
        return Err(Status::invalid_argument(format!("there is no user {:?}", request.user)));
    };
    let directory = if request.cwd.is_empty() { &user.home } else { &request.cwd };
    if !directory.starts_with('/') || !Path::new(directory).is_dir() {
        return Err(Status::invalid_argument(format!("{directory:?} is not an absolute path of a directory")));
    }
    let environment = environment_of(request, &user);
    let words = [
        paths_of(name, environment.get("PATH").map_or("", String::as_str)),
        c_strings(request.argv.iter().cloned()),
        c_strings(environment.iter().map(|(key, value)| format!("{key}={value}"))),
        c_strings([directory.clone()]),
    ];
    let [paths, arguments, environment, directory] = words.map(|list| list.map_err(has_null));
    let (ends, descriptors) = match &request.terminal {
        Some(size) => open_terminal(size, &user),
        None => open_pipes(request.keep_stdin || !request.stdin.is_empty()),
    }
    .map_err(|error| Status::internal(error.to_string()))?;
    let program = Program {
        paths: paths?,
        arguments: arguments?,
        environment: environment?,
        directory: directory?.remove(0),
        uid: user.uid,
        gid: user.gid,
        descriptors,
        has_terminal: request.terminal.is_some(),
    };
    let started = Instant::now();
    let pid = group.open().and_then(|group| launch(&program, &group)).map_err(|error| spawn_failed(name, &error))?;
    Ok(Spawned { pid, started, ends })
}

/// The agent's ends and the program's.
type Opened = (Ends, [OwnedFd; 3]);

fn open_pipes(wants_stdin: bool) -> io::Result<Opened> {
    let (input, stdin) = if wants_stdin {
        let (reader, writer) = io::pipe()?;
        (OwnedFd::from(reader), Input::Pipe(pipe::Sender::from_owned_fd(writer.into())?))
    } else {
        (File::open("/dev/null")?.into(), Input::Closed)
    };
    let (stdout, output) = io::pipe()?;
    let (stderr, errors) = io::pipe()?;
    let sources = vec![
        (Source::Pipe(pipe::Receiver::from_owned_fd(stdout.into())?), Stream::Stdout),
        (Source::Pipe(pipe::Receiver::from_owned_fd(stderr.into())?), Stream::Stderr),
    ];
    Ok((Ends { stdin, sources, terminal: None }, [input, output.into(), errors.into()]))
}

fn open_terminal(size: &TerminalSize, user: &User) -> io::Result<Opened> {
    let (terminal, slave) = Terminal::open(size, user)?;
    let terminal = Arc::new(terminal);
    let ends = Ends {
        stdin: Input::Terminal(terminal.clone()),
        sources: vec![(Source::Terminal(terminal.clone()), Stream::Stdout)],
        terminal: Some(terminal),
    };
    Ok((ends, [slave.try_clone()?, slave.try_clone()?, slave]))
}

/// What the request names wins.
fn environment_of(request: &ExecRequest, user: &User) -> BTreeMap<String, String> {
    let base = [
        ("PATH", PATH),
        ("HOME", &user.home),
        ("USER", &user.name),
        ("LOGNAME", &user.name),
        ("SHELL", &user.shell),
        ("LANG", "C.UTF-8"),
    ];
    let terminal = request.terminal.is_some().then_some(("TERM", TERMINAL_KIND));
    let own = base.into_iter().chain(terminal).map(|(key, value)| (key.to_owned(), value.to_owned()));
    own.chain(request.env.clone()).collect()
}

/// Where the program may be: in the folders of the search path, unless its name holds a slash.
fn paths_of(name: &str, search: &str) -> Result<Vec<CString>, NulError> {
    if name.contains('/') {
        return c_strings([name.to_owned()]);
    }
    let folders = search.split(':').map(|folder| if folder.is_empty() { "." } else { folder });
    c_strings(folders.map(|folder| format!("{folder}/{name}")))
}

fn c_strings(words: impl IntoIterator<Item = String>) -> Result<Vec<CString>, NulError> {
    words.into_iter().map(CString::new).collect()
}

fn has_null(error: NulError) -> Status {
    Status::invalid_argument(format!("a word with a null byte cannot be given to a program: {error}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_for_a_name_in_every_folder_of_the_path_and_for_a_path_nowhere_else() {
        let found = |name: &str, search: &str| {
            paths_of(name, search).unwrap().iter().map(|path| path.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("true", "/usr/bin::/bin"), ["/usr/bin/true", "./true", "/bin/true"]);
        assert_eq!(found("./true", "/usr/bin"), ["./true"]);
        assert!(paths_of("tr\0ue", "/bin").is_err());
    }

    #[test]
    fn lets_the_request_change_the_environment() {
        let user = users::find("0").unwrap();
        let env = [("LANG".to_owned(), "de".to_owned()), ("OWN".to_owned(), "1".to_owned())].into();
        let environment = environment_of(&ExecRequest { env, ..Default::default() }, &user);
        assert_eq!(
            (environment["LANG"].as_str(), environment["OWN"].as_str(), environment["PATH"].as_str()),
            ("de", "1", PATH)
        );
        assert!(!environment.contains_key("TERM"));
    }
}
