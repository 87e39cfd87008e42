//! The protocol's calls, answered by the modules that do the work.
mod files;
mod ports;
mod watch;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::boot;
use crate::execution::{EventStream, Table};
use crate::proto::agent_server::Agent;
use crate::proto::*;
use crate::system;

type Answer<T> = Result<Response<T>, Status>;
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Lets the answer to PowerOff leave before the machine does.
const LAST_WORDS: Duration = Duration::from_millis(30);

pub struct Service {
    pub table: Arc<Table>,
}

fn answer<T>(message: T) -> Answer<T> {
    Ok(Response::new(message))
}

#[tonic::async_trait]
impl Agent for Service {
    type ExecStream = EventStream;
    type AttachStream = EventStream;
    type ListStream = Answers<ListResponse>;
    type DialStream = Answers<DialResponse>;
    type ReadFileStream = Answers<ReadFileResponse>;
    type WatchStream = Answers<WatchResponse>;

    async fn ping(&self, request: Request<PingRequest>) -> Answer<PingResponse> {
        answer(PingResponse { payload: request.into_inner().payload })
    }

    async fn info(&self, _: Request<InfoRequest>) -> Answer<InfoResponse> {
        answer(system::info())
    }

    async fn metrics(&self, _: Request<MetricsRequest>) -> Answer<MetricsResponse> {
        answer(system::metrics(self.table.count()))
    }

    async fn exec(&self, request: Request<ExecRequest>) -> Answer<EventStream> {
        answer(self.table.start(request.into_inner())?.read_from(0)?)
    }

    async fn attach(&self, request: Request<AttachRequest>) -> Answer<EventStream> {
        let request = request.into_inner();
        answer(self.table.find(request.id)?.read_from(request.offset)?)
    }

    async fn stdin(&self, request: Request<Streaming<StdinChunk>>) -> Answer<StdinResponse> {
        let mut chunks = request.into_inner();
        let mut bytes = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            let execution = self.table.find(chunk.id)?;
            let written = execution.write_stdin(&chunk.data, chunk.end).await;
            written.map_err(|_| Status::failed_precondition("standard input is closed"))?;
            bytes += chunk.data.len() as u64;
        }
        answer(StdinResponse { bytes })
    }

    async fn resize_terminal(&self, request: Request<ResizeTerminalRequest>) -> Answer<ResizeTerminalResponse> {
        let ResizeTerminalRequest { id, size } = request.into_inner();
        let resized = self.table.find(id)?.resize(&size.unwrap_or_default());
        match resized.map_err(|error| Status::internal(error.to_string()))? {
            true => answer(ResizeTerminalResponse {}),
            false => Err(Status::failed_precondition("the execution has no terminal")),
        }
    }

    async fn signal(&self, request: Request<SignalRequest>) -> Answer<SignalResponse> {
        let request = request.into_inner();
        let execution = self.table.find(request.id)?;
        let sent = if request.tree { execution.signal_tree(request.signal) } else { execution.signal(request.signal) };
        sent.map_err(|error| Status::invalid_argument(format!("signal {}: {error}", request.signal)))?;
        answer(SignalResponse {})
    }

    async fn stop_tree(&self, request: Request<StopTreeRequest>) -> Answer<StopTreeResponse> {
        self.table.find(request.into_inner().id)?.stop_tree().await;
        answer(StopTreeResponse {})
    }

    async fn stat(&self, request: Request<StatRequest>) -> Answer<StatResponse> {
        answer(StatResponse { entry: Some(files::stat(request.into_inner())?) })
    }

    async fn list(&self, request: Request<ListRequest>) -> Answer<Self::ListStream> {
        answer(files::list(request.into_inner()).await?)
    }

    async fn read_file(&self, request: Request<ReadFileRequest>) -> Answer<Self::ReadFileStream> {
        answer(files::read(request.into_inner()).await?)
    }

    async fn write_file(&self, request: Request<Streaming<WriteFileRequest>>) -> Answer<WriteFileResponse> {
        answer(WriteFileResponse { bytes: files::write(request.into_inner()).await? })
    }

    async fn remove(&self, request: Request<RemoveRequest>) -> Answer<RemoveResponse> {
        files::remove(request.into_inner()).await?;
        answer(RemoveResponse {})
    }

    async fn make_directory(&self, request: Request<MakeDirectoryRequest>) -> Answer<MakeDirectoryResponse> {
        files::make_directory(request.into_inner())?;
        answer(MakeDirectoryResponse {})
    }

    async fn r#move(&self, request: Request<MoveRequest>) -> Answer<MoveResponse> {
        files::rename(&request.into_inner())?;
        answer(MoveResponse {})
    }

    async fn change_mode(&self, request: Request<ChangeModeRequest>) -> Answer<ChangeModeResponse> {
        files::change_mode(&request.into_inner())?;
        answer(ChangeModeResponse {})
    }

    async fn watch(&self, request: Request<WatchRequest>) -> Answer<Self::WatchStream> {
        answer(watch::watch(request.into_inner()).await?)
    }

    async fn listening_ports(&self, _: Request<ListeningPortsRequest>) -> Answer<ListeningPortsResponse> {
        answer(ListeningPortsResponse { ports: ports::listening() })
    }

    async fn dial(&self, request: Request<Streaming<DialRequest>>) -> Answer<Self::DialStream> {
        answer(ports::dial(request.into_inner()).await?)
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Answer<RenewResponse> {
        answer(system::renew(&request.into_inner())?)
    }

    async fn power_off(&self, request: Request<PowerOffRequest>) -> Answer<PowerOffResponse> {
        let reboot = request.into_inner().reboot;
        tokio::spawn(async move {
            tokio::time::sleep(LAST_WORDS).await;
            boot::power_off(reboot);
        });
        answer(PowerOffResponse {})
    }
}
