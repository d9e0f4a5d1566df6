//! An API server whose cache lags behind: what a watch lists first is old, and
//! what happened since comes later. The lists are true ones, of an earlier moment.

use axum::extract::Request;
use http::{Method, Uri};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// What is shown, and until when.
#[derive(Default)]
pub struct Past {
    shown: Mutex<Option<(String, Instant)>>,
    covered: AtomicU64,
}

impl Past {
    pub fn begins(&self, resource_version: &str, until: Instant) {
        *self.shown.lock().unwrap() = Some((resource_version.to_owned(), until));
    }

    /// How many lists were turned into old ones.
    pub fn covered(&self) -> u64 {
        self.covered.load(Ordering::SeqCst)
    }

    /// Turns a watch's first list into one of the past.
    pub fn cover(&self, request: &mut Request) {
        let query = request.uri().query().unwrap_or_default();
        // Other lists are limited to less or not at all, and see the present.
        let lists = *request.method() == Method::GET && query.contains("limit=500");
        let past = self.shown.lock().unwrap().clone();
        if let (true, Some((version, until))) = (lists, past)
            && Instant::now() < until
            && let Some(uri) = at(request.uri(), &version)
        {
            *request.uri_mut() = uri;
            self.covered.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn at(uri: &Uri, version: &str) -> Option<Uri> {
    let query = uri.query().unwrap_or_default();
    let kept = query
        .split('&')
        .filter(|pair| !pair.starts_with("resourceVersion") && !pair.is_empty());
    let past = format!("resourceVersion={version}&resourceVersionMatch=Exact");
    let query: Vec<&str> = kept.chain([past.as_str()]).collect();
    format!("{}?{}", uri.path(), query.join("&")).parse().ok()
}
