//! The control endpoint's connections: plain HTTP with JSON.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use crate::control;
use crate::simulator::Simulator;

const LARGEST_BODY: usize = 1 << 20;

/// Serves until the program ends.
pub async fn serve(listener: TcpListener, simulator: Arc<Simulator>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let simulator = Arc::clone(&simulator);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let simulator = Arc::clone(&simulator);
                async move { respond_control(&simulator, request).await }
            });
            let _ended = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn respond_control(
    simulator: &Arc<Simulator>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let (status, said) = match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            control::answer(simulator, head.method.as_str(), head.uri.path(), &body).await
        }
        Err(_) => (413, json!({"error": "the body is too large"})),
    };
    let mut response = Response::new(Full::from(said.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    Ok(response)
}
