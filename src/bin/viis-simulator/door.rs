//! The API's port: accepts TLS connections, and closes the port and all of them
//! when told to. Holds the connections itself, so that a fault can end one.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::Reply;
use crate::exchange::{Verdict, exchange};
use crate::route::Received;
use crate::simulator::Simulator;

const LARGEST_BODY: usize = 1 << 20;
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The port, open or closed.
pub struct Door {
    address: SocketAddr,
    acceptor: TlsAcceptor,
    open: Mutex<Option<Open>>,
}

struct Open {
    stop: CancellationToken,
    accepting: JoinHandle<()>,
    connections: TaskTracker,
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Closed;

/// A body, or half of one that then breaks off.
struct Outgoing {
    bytes: Option<Bytes>,
    size: u64,
    cut: Cut,
}

enum Cut {
    Never,
    /// Let the half be sent first.
    Soon,
    Now,
}

// === impl Door ===

impl Door {
    /// A closed door at this address.
    pub fn new(address: SocketAddr, acceptor: TlsAcceptor) -> Door {
        Door {
            address,
            acceptor,
            open: Mutex::new(None),
        }
    }

    /// The address, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens the door with a port that is bound already.
    pub async fn open_with(&self, listener: TcpListener, simulator: &Arc<Simulator>) {
        let open = self.begin(listener, simulator);
        *self.open.lock().await = Some(open);
    }

    // Not async: a connection may itself open the door, and the compiler cannot
    // see through that circle.
    fn begin(&self, listener: TcpListener, simulator: &Arc<Simulator>) -> Open {
        let stop = CancellationToken::new();
        let connections = TaskTracker::new();
        let accepting = tokio::spawn(accept(
            listener,
            self.acceptor.clone(),
            Arc::clone(simulator),
            stop.clone(),
            connections.clone(),
        ));
        Open {
            stop,
            accepting,
            connections,
        }
    }

    /// Opens the same port again. Nothing happens when it is open.
    pub async fn open(&self, simulator: &Arc<Simulator>) -> std::io::Result<()> {
        if self.is_open().await {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address).await?;
        self.open_with(listener, simulator).await;
        Ok(())
    }

    /// Closes the port and every connection. When this returns, the port is refused.
    pub async fn close(&self) {
        let Some(open) = self.open.lock().await.take() else {
            return;
        };
        open.accepting.abort();
        open.stop.cancel();
        open.connections.close();
        // An aborted task is done when its listener is gone. The error says just that.
        let _aborted = open.accepting.await;
        open.connections.wait().await;
    }

    pub async fn is_open(&self) -> bool {
        self.open.lock().await.is_some()
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    simulator: Arc<Simulator>,
    stop: CancellationToken,
    connections: TaskTracker,
) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                // Out of file descriptors, for example: let some be closed.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let serving = serve(stream, acceptor.clone(), Arc::clone(&simulator));
        let stop = stop.clone();
        connections.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = serving => {}
            }
        });
    }
}

/// One connection, to its end. How it ends is the client's to notice.
async fn serve(stream: TcpStream, acceptor: TlsAcceptor, simulator: Arc<Simulator>) {
    let _without_delay = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
        return;
    };
    let service = service_fn(move |request| {
        let simulator = Arc::clone(&simulator);
        async move { respond(&simulator, request).await }
    });
    let _ended = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    simulator: &Arc<Simulator>,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, Closed> {
    let (head, body) = request.into_parts();
    let header = |name: header::HeaderName| {
        let value = head.headers.get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    // An upload that breaks off is never looked at.
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return Err(Closed);
    };
    let received = Received {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: header(header::AUTHORIZATION),
        accept: header(header::ACCEPT),
        content_type: header(header::CONTENT_TYPE),
        range: header(header::RANGE),
        body: body.to_bytes().to_vec(),
    };
    let (reply, cut) = match exchange(simulator, received).await {
        Verdict::Answer(reply) => (reply, false),
        Verdict::Cut(reply) if reply.body.len() > 1 => (reply, true),
        Verdict::Cut(_) | Verdict::Close => return Err(Closed),
    };
    response(reply, cut).map_err(|_| Closed)
}

fn response(reply: Reply, cut: bool) -> Result<Response<Outgoing>, http::Error> {
    let mut builder = Response::builder().status(reply.status);
    if let Some(content_type) = reply.content_type {
        builder = builder.header(header::CONTENT_TYPE, content_type);
    }
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    let whole = Bytes::from(reply.body);
    let size = u64::try_from(whole.len()).unwrap_or(u64::MAX);
    let (bytes, cut) = if cut {
        (whole.slice(..whole.len() / 2), Cut::Soon)
    } else {
        (whole, Cut::Never)
    };
    builder.body(Outgoing {
        bytes: Some(bytes).filter(|bytes| !bytes.is_empty()),
        size,
        cut,
    })
}

// === impl Outgoing ===

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.cut {
            Cut::Never => Poll::Ready(None),
            Cut::Soon => {
                self.cut = Cut::Now;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Cut::Now => Poll::Ready(Some(Err(Closed))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && matches!(self.cut, Cut::Never)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.size)
    }
}
