//! A small HTTPS server on 127.0.0.1 that does exactly what a test says, and
//! remembers every byte of HTTP that reached it. One thread a connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use crate::viis::Fingerprint;

/// A CA and a leaf certificate made by it.
pub(crate) struct Identity {
    pub(crate) ca_pem: String,
    pub(crate) leaf: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    pub(crate) fn issued_for(names: &[&str]) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "Test CA");
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::from_params(&ca, &ca_key);
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(names).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap().der().clone();
        Self { ca_pem, leaf, key }
    }

    /// A certificate that signed itself, as an Integration Server installs it.
    pub(crate) fn self_signed(names: &[&str], is_ca: bool, expired: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut leaf = CertificateParams::new(names).unwrap();
        if is_ca {
            leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        if expired {
            leaf.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let leaf = leaf.self_signed(&key).unwrap();
        Self {
            ca_pem: leaf.pem(),
            leaf: leaf.der().clone(),
            key,
        }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_der(&self.leaf)
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    /// This certificate, with the key of another one: what a thief has.
    pub(crate) fn stolen_by(
        &self,
        thief: &Identity,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let provider = rustls::crypto::ring::default_provider();
        let key = provider
            .key_provider
            .load_private_key(thief.private_key())
            .unwrap();
        let pair = CertifiedKey::new(vec![self.leaf.clone()], key);
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Always(Arc::new(pair))));
        Arc::new(config)
    }

    pub(crate) fn config(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.leaf.clone()], self.private_key())
            .unwrap();
        Arc::new(config)
    }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// What the server does with a request.
pub(crate) enum Reply {
    /// Sends these bytes, and waits for the next request.
    Bytes(Vec<u8>),
    /// Sends these bytes, and ends the connection in an orderly way.
    Close(Vec<u8>),
    /// Sends these bytes, and ends the connection without a word of TLS.
    Vanish(Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Sends these bytes, and then nothing for a long time.
    Stall(Vec<u8>),
    /// Sends the head, then this chunk so many times, as one chunked body.
    Chunks(Vec<u8>, Vec<u8>, usize),
}

/// What reached the server.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) requests: Vec<String>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

impl Server {
    /// Starts a server: `reply` gets each request as text.
    pub(crate) fn start(
        config: Arc<ServerConfig>,
        reply: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let reply = Arc::new(reply);
        let all_seen = Arc::clone(&seen);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let (config, seen) = (Arc::clone(&config), Arc::clone(&all_seen));
                let reply = Arc::clone(&reply);
                std::thread::spawn(move || serve(stream, config, &seen, &*reply));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }
}

type Tls = StreamOwned<ServerConnection, TcpStream>;

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    seen: &Mutex<Seen>,
    reply: &dyn Fn(&str) -> Reply,
) {
    seen.lock().unwrap().connections += 1;
    let connection = ServerConnection::new(config).unwrap();
    let mut tls = StreamOwned::new(connection, stream);
    while let Some(request) = read_request(&mut tls, seen) {
        let written = match reply(&request) {
            Reply::Bytes(bytes) => tls.write_all(&bytes),
            Reply::Close(bytes) => {
                let _ = tls.write_all(&bytes);
                tls.conn.send_close_notify();
                let _ = tls.flush();
                return;
            }
            Reply::Vanish(bytes) => {
                let _ = tls.write_all(&bytes);
                let _ = tls.flush();
                return;
            }
            Reply::Reset => return reset(tls),
            Reply::Stall(bytes) => {
                let _ = tls.write_all(&bytes);
                let _ = tls.flush();
                // Until the client gives up and closes.
                let _ = tls.read(&mut [0; 1]);
                return;
            }
            Reply::Chunks(head, chunk, times) => write_chunks(&mut tls, &head, &chunk, times),
        };
        if written.and_then(|()| tls.flush()).is_err() {
            return;
        }
    }
}

fn write_chunks(tls: &mut Tls, head: &[u8], chunk: &[u8], times: usize) -> std::io::Result<()> {
    tls.write_all(head)?;
    for _ in 0..times {
        tls.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
        tls.write_all(chunk)?;
        tls.write_all(b"\r\n")?;
    }
    tls.write_all(b"0\r\n\r\n")
}

/// A connection that is closed without lingering is reset.
fn reset(tls: Tls) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let (_, stream) = tls.into_parts();
    stream.set_nonblocking(true).unwrap();
    let stream = tokio::net::TcpStream::from_std(stream).unwrap();
    stream.set_zero_linger().unwrap();
}

/// Reads a head and as much body as it announces. Whatever arrives is written
/// down, complete or not.
fn read_request(tls: &mut Tls, seen: &Mutex<Seen>) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    let mut whole = false;
    while !whole {
        match tls.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
        }
        whole = is_whole(&String::from_utf8_lossy(&bytes));
    }
    if bytes.is_empty() {
        return None;
    }
    let request = String::from_utf8_lossy(&bytes).into_owned();
    seen.lock().unwrap().requests.push(request.clone());
    whole.then_some(request)
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let announced = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.trim().parse().unwrap());
    body.len() >= announced
}

/// An answer with a body and its length.
pub(crate) fn http(status: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    format!("{head}\r\n{body}").into_bytes()
}

/// A port on which connections are taken and nothing is ever said.
pub(crate) fn silent_port() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap(), listener)
}

/// A proxy for one connection: tells what it was asked, and passes bytes on.
pub(crate) fn proxy() -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let mut head = Vec::new();
        let mut byte = [0; 1];
        while !head.ends_with(b"\r\n\r\n") {
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let target = head.split(' ').nth(1).unwrap().to_owned();
        tell.send(head).unwrap();
        let mut server = TcpStream::connect(target).unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let mut client_in = client.try_clone().unwrap();
        let mut server_out = server.try_clone().unwrap();
        std::thread::spawn(move || std::io::copy(&mut client_in, &mut server_out));
        let _ = std::io::copy(&mut server, &mut client);
    });
    (address, told)
}
