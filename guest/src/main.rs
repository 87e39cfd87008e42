//! The agent inside a Bigbox microVM: PID 1, and the host's only way in.
mod boot;
mod execution;
mod link;
mod memory;
mod service;
mod system;
mod users;

mod proto {
    tonic::include_proto!("agent.v1");
}

use std::io;
use std::sync::atomic::Ordering;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;

use execution::Table;
use proto::agent_server::AgentServer;
use service::Service;

const DEFAULT_PORT: &str = "agent";
/// What one stream may have unread. The window of the connection holds many of them, so that a stream that nobody
/// reads does not stop the others.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 64 << 20;
const FRAME: u32 = 64 << 10;
const SEND_BUFFER: usize = 64 << 10;
const MAX_STREAMS: u32 = 256;
const MAX_MESSAGE: usize = 4 << 20;

fn main() {
    if let Err(error) = run() {
        eprintln!("agent: {error}");
        boot::power_off(false);
    }
}

fn run() -> io::Result<()> {
    if std::process::id() != 1 {
        return Err(io::Error::other("this is the first process of a microVM and runs nowhere else"));
    }
    boot::start()?;
    execution::prepare()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve())
}

async fn serve() -> io::Result<()> {
    let table = Table::new();
    tokio::spawn(execution::reap(table.clone()));
    let vsock_port = boot::argument("agent.vsock").and_then(|port| port.parse().ok());
    let serial_name = boot::argument("agent.port").unwrap_or_else(|| DEFAULT_PORT.into());
    let link = link::Link::open(vsock_port, &serial_name).await?;
    let service = AgentServer::new(Service { table }).max_decoding_message_size(MAX_MESSAGE);
    system::READY_AFTER_MS.store(system::uptime_ms(), Ordering::Relaxed);
    loop {
        let stream = link.accept().await?;
        system::CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        // A connection ends when the host goes away; it comes back by a new greeting.
        let _ = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            .max_send_buf_size(SEND_BUFFER)
            .max_concurrent_streams(MAX_STREAMS)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service.clone()))
            .await;
    }
}
