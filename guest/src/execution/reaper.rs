//! PID 1 inherits every orphan. One task collects every exit, children and orphans alike; nobody else may wait.
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use super::{Execution, Table};

static ORPHANS: AtomicU64 = AtomicU64::new(0);

/// Processes collected that no execution started directly.
pub fn orphans_reaped() -> u64 {
    ORPHANS.load(Ordering::Relaxed)
}

/// Runs for ever.
pub async fn reap(table: Arc<Table>) -> std::io::Result<()> {
    let mut child_ended = signal(SignalKind::child())?;
    loop {
        while let Some((pid, status)) = next_exit() {
            match table.running_with_pid(pid) {
                Some(execution) => execution.set_status(status),
                None => drop(ORPHANS.fetch_add(1, Ordering::Relaxed)),
            }
        }
        child_ended.recv().await;
    }
}

fn next_exit() -> Option<(i32, ExitStatus)> {
    let mut status = 0;
    // SAFETY: a plain system call that writes to `status`.
    let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
    (pid > 0).then(|| (pid, ExitStatus::from_raw(status)))
}

impl Execution {
    fn set_status(&self, status: ExitStatus) {
        self.state().status = Some(status);
        self.changed.notify_waiters();
    }
}
