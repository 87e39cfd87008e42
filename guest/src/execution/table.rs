//! All executions that run, and the last ones that ended.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tonic::Status;

use super::group::Group;
use super::log::OutputLog;
use super::spawn::{Ends, Spawned, spawn};
use super::{Execution, State};
use crate::proto::ExecRequest;

const MAX_RUNNING: usize = 32;
/// Ended executions stay for readers whose connection broke.
const MAX_ENDED: usize = 16;
const MAX_ENDED_OUTPUT: u64 = 4 << 20;

pub struct Table {
    executions: Mutex<BTreeMap<u64, Arc<Execution>>>,
    next: AtomicU64,
}

impl Table {
    pub fn new() -> Arc<Table> {
        Arc::new(Table { executions: Mutex::default(), next: AtomicU64::new(1) })
    }

    fn executions(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Execution>>> {
        self.executions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn find(&self, id: u64) -> Result<Arc<Execution>, Status> {
        let found = self.executions().get(&id).cloned();
        found.ok_or_else(|| Status::not_found(format!("there is no execution {id}")))
    }

    /// Executions that run, executions in all, bytes of output kept.
    pub fn count(&self) -> (u32, u32, u64) {
        let executions = self.executions();
        let running = executions.values().filter(|execution| execution.is_running()).count();
        let output = executions.values().map(|execution| execution.kept_output()).sum();
        (running as u32, executions.len() as u32, output)
    }

    pub(super) fn running_with_pid(&self, pid: i32) -> Option<Arc<Execution>> {
        let executions = self.executions();
        executions.values().find(|execution| execution.pid == pid && execution.state().status.is_none()).cloned()
    }

    /// Starts a program. Synchronous from fork to registration, so that the reaper knows whose exit it sees.
    pub fn start(self: &Arc<Self>, request: ExecRequest) -> Result<Arc<Execution>, Status> {
        self.evict();
        if self.count().0 as usize >= MAX_RUNNING {
            return Err(Status::resource_exhausted(format!("{MAX_RUNNING} executions run already")));
        }
        let limits = request.limits.unwrap_or_default();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let group = Group::create(id, limits.memory_bytes, limits.processes)
            .map_err(|error| Status::internal(format!("control group: {error}")))?;
        let spawned = spawn(&request, &group).inspect_err(|_| group.remove())?;
        let Spawned { pid, started, ends: Ends { stdin, sources, terminal } } = spawned;
        let state = State {
            log: OutputLog::default(),
            open_sources: sources.len() as u8,
            reader: 0,
            status: None,
            stopped: None,
            end: None,
        };
        let execution = Arc::new(Execution {
            id,
            pid,
            group,
            output_limit: limits.output_bytes,
            started,
            state: Mutex::new(state),
            changed: Notify::new(),
            room: Notify::new(),
            stdin: tokio::sync::Mutex::new(stdin),
            terminal,
        });
        self.executions().insert(id, execution.clone());
        for (source, stream) in sources {
            tokio::spawn(execution.clone().pump(source, stream));
        }
        let timeout = (limits.timeout_ms > 0).then(|| Duration::from_millis(limits.timeout_ms));
        tokio::spawn(execution.clone().supervise(timeout));
        if !request.stdin.is_empty() {
            tokio::spawn(feed(execution.clone(), request));
        }
        Ok(execution)
    }

    /// Drops the oldest that ended, so that what is kept stays bounded.
    fn evict(&self) {
        let mut executions = self.executions();
        let ended: Vec<_> = executions.values().filter(|execution| !execution.is_running()).cloned().collect();
        let mut output = 0;
        for (index, execution) in ended.iter().rev().enumerate() {
            output += execution.kept_output();
            if index >= MAX_ENDED || output > MAX_ENDED_OUTPUT {
                executions.remove(&execution.id);
            }
        }
    }
}

async fn feed(execution: Arc<Execution>, request: ExecRequest) {
    // A program that does not want all of its input is no fault.
    let _ = execution.write_stdin(&request.stdin, !request.keep_stdin).await;
}
