//! Programs that run for the host. They outlive connections: output is kept until somebody has read it.
mod channel;
mod group;
mod launch;
mod log;
mod reader;
mod reaper;
mod spawn;
mod table;
mod terminal;

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

pub use group::{count_processes, prepare};
pub use reader::EventStream;
pub use reaper::{orphans_reaped, reap};
pub use table::Table;

use crate::proto::{Ending, Exit, TerminalSize};
use channel::{Input, Source};
use group::{Group, Usage};
use log::{OutputLog, Stream};
use terminal::Terminal;

const READ_BYTES: usize = 64 << 10;

/// One program with all that it started.
pub struct Execution {
    pub id: u64,
    pub pid: i32,
    group: Group,
    output_limit: u64,
    started: Instant,
    state: Mutex<State>,
    /// Something happened that readers or the supervisor wait for.
    changed: Notify,
    /// A reader made room for output.
    room: Notify,
    stdin: tokio::sync::Mutex<Input>,
    terminal: Option<Arc<Terminal>>,
}

struct State {
    log: OutputLog,
    /// Pipes and terminals that may still give output.
    open_sources: u8,
    /// The newest reader; older ones see that they are not it and end.
    reader: u64,
    /// How the first process ended.
    status: Option<ExitStatus>,
    /// Why the agent stopped the tree, where it did.
    stopped: Option<Ending>,
    /// Set when no process is left.
    end: Option<(Usage, Duration)>,
}

impl Execution {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_running(&self) -> bool {
        self.state().end.is_none()
    }

    pub fn kept_output(&self) -> u64 {
        self.state().log.kept()
    }

    /// Signals the first process, while it lives.
    pub fn signal(&self, signal: i32) -> std::io::Result<()> {
        // The reaper runs on this thread: a process without a status has not been waited for, so its number is its own.
        if self.state().status.is_some() { Ok(()) } else { send_signal(self.pid, signal) }
    }

    /// Signals every process of the tree that is there now.
    pub fn signal_tree(&self, signal: i32) -> std::io::Result<()> {
        if signal == libc::SIGKILL {
            self.group.kill();
            return Ok(());
        }
        self.group.members().into_iter().try_for_each(|pid| send_signal(pid, signal))
    }

    /// Kills the whole tree and returns when nothing of it is left.
    pub async fn stop_tree(&self) {
        self.stop(Ending::Stopped);
        loop {
            let changed = self.changed.notified();
            if !self.is_running() {
                return;
            }
            changed.await;
        }
    }

    /// Writes to standard input; waits while the program does not read.
    pub async fn write_stdin(&self, data: &[u8], end: bool) -> std::io::Result<()> {
        let mut stdin = self.stdin.lock().await;
        let write = async {
            if !data.is_empty() {
                stdin.write_all(data).await?;
            }
            if end { stdin.end().await } else { Ok(()) }
        };
        // A program that ends leaves readers of its pipe nowhere, but a child of it may hold the other end.
        tokio::select! {
            written = write => written,
            () = self.ended() => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Changes the size of the terminal. False where the program has none.
    pub fn resize(&self, size: &TerminalSize) -> std::io::Result<bool> {
        self.terminal.as_ref().map_or(Ok(false), |terminal| terminal.resize(size).map(|()| true))
    }

    async fn ended(&self) {
        loop {
            let changed = self.changed.notified();
            if self.state().status.is_some() {
                return;
            }
            changed.await;
        }
    }

    fn stop(&self, why: Ending) {
        {
            let mut state = self.state();
            // Output beyond the limit may still come out of the pipe of a program that has ended.
            if state.status.is_none() || why == Ending::OutputLimit {
                state.stopped.get_or_insert(why);
            }
        }
        self.group.kill();
    }

    /// Waits for the first process, or the time limit, and clears away the rest.
    async fn supervise(self: Arc<Self>, timeout: Option<Duration>) {
        let time_is_up = async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.ended() => {}
            () = time_is_up => self.stop(Ending::TimedOut),
        }
        self.ended().await;
        let duration = self.started.elapsed();
        let usage = self.group.finish().await;
        *self.stdin.lock().await = Input::Closed;
        self.state().end = Some((usage, duration));
        self.changed.notify_waiters();
    }

    /// Moves output from one source to the log, as fast as it is read from there.
    async fn pump(self: Arc<Self>, mut source: Source, stream: Stream) {
        loop {
            self.wait_for_room().await;
            let mut data = Vec::with_capacity(READ_BYTES);
            match source.read(&mut data).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            data.shrink_to_fit();
            if !self.take_output(stream, data) {
                self.stop(Ending::OutputLimit);
                break;
            }
        }
        self.state().open_sources -= 1;
        self.changed.notify_waiters();
    }

    /// False when the output limit is exceeded; what is within it is kept.
    fn take_output(&self, stream: Stream, mut data: Vec<u8>) -> bool {
        let mut state = self.state();
        let within = match self.output_limit {
            0 => true,
            limit => {
                let left = limit - state.log.end();
                let within = data.len() as u64 <= left;
                data.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                within
            }
        };
        if !data.is_empty() {
            state.log.push(stream, data);
        }
        drop(state);
        self.changed.notify_waiters();
        within
    }

    async fn wait_for_room(&self) {
        loop {
            let room = self.room.notified();
            if self.state().log.has_room() {
                return;
            }
            room.await;
        }
    }
}

impl State {
    /// The last event, once every process is gone and all output is read.
    fn exit(&self) -> Option<Exit> {
        let (usage, duration) = self.end?;
        if self.open_sources > 0 {
            return None;
        }
        let code = self.status.and_then(|status| status.code());
        let signal = self.status.and_then(|status| status.signal());
        let ending = match self.stopped {
            Some(stopped) => stopped,
            None if usage.out_of_memory && code != Some(0) => Ending::OutOfMemory,
            None if signal.is_some() => Ending::Signalled,
            None => Ending::Exited,
        };
        Some(Exit {
            ending: ending.into(),
            code: code.unwrap_or(-1),
            signal: signal.unwrap_or(0),
            output_bytes: self.log.end(),
            duration_ms: duration.as_millis() as u64,
            cpu_time_us: usage.cpu_time_us,
            memory_peak_bytes: usage.memory_peak_bytes,
            processes_refused: usage.processes_refused,
        })
    }
}

fn send_signal(pid: i32, signal: i32) -> std::io::Result<()> {
    // SAFETY: a plain system call.
    if unsafe { libc::kill(pid, signal) } == 0 {
        return Ok(());
    }
    match std::io::Error::last_os_error() {
        // It ended meanwhile.
        error if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        error => Err(error),
    }
}
