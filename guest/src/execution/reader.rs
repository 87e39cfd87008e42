//! Streams the events of an execution to one reader at a time.
use std::pin::{Pin, pin};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::Execution;
use super::log::{Piece, Stream};
use crate::proto::exec_event::Event;
use crate::proto::{ExecEvent, Output, Started};

/// Ends after the exit event, or with ABORTED when a newer reader takes over.
pub type EventStream = Pin<Box<dyn tokio_stream::Stream<Item = Result<ExecEvent, Status>> + Send>>;

type Sender = mpsc::Sender<Result<ExecEvent, Status>>;

enum Next {
    Event(Event),
    Wait,
    TakenOver,
}

impl Execution {
    /// Streams from a position on. Fails with OUT_OF_RANGE where the output there is no longer kept.
    pub fn read_from(self: &Arc<Self>, offset: u64) -> Result<EventStream, Status> {
        let reader = {
            let mut state = self.state();
            if !state.log.seek(offset) {
                return Err(Status::out_of_range(format!("output at {offset} is not kept")));
            }
            state.reader += 1;
            state.reader
        };
        self.changed.notify_waiters();
        self.room.notify_waiters();
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.clone().send_events(reader, sender));
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }

    async fn send_events(self: Arc<Self>, reader: u64, sender: Sender) {
        let started = Event::Started(Started { id: self.id, pid: self.pid.cast_unsigned() });
        if sender.send(Ok(event(started))).await.is_err() {
            return;
        }
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            match self.next_event(reader) {
                Next::Event(next) => {
                    let last = matches!(next, Event::Exit(_));
                    if sender.send(Ok(event(next))).await.is_err() || last {
                        return;
                    }
                    self.room.notify_waiters();
                }
                Next::Wait => tokio::select! {
                    () = changed => {}
                    () = sender.closed() => return,
                },
                Next::TakenOver => {
                    let _ = sender.send(Err(Status::aborted("another reader took over"))).await;
                    return;
                }
            }
        }
    }

    fn next_event(&self, reader: u64) -> Next {
        let mut state = self.state();
        if state.reader != reader {
            return Next::TakenOver;
        }
        match state.log.read() {
            Some(piece) => Next::Event(to_event(piece)),
            None => state.exit().map_or(Next::Wait, |exit| Next::Event(Event::Exit(exit))),
        }
    }
}

fn event(event: Event) -> ExecEvent {
    ExecEvent { event: Some(event) }
}

fn to_event(piece: Piece) -> Event {
    let output = Output { offset: piece.offset, data: piece.data.into() };
    match piece.stream {
        Stream::Stdout => Event::Stdout(output),
        Stream::Stderr => Event::Stderr(output),
    }
}
