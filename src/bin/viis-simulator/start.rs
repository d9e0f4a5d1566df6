//! Puts the server together: certificate, state, both ports.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::certificate::{self, CertificateError};
use crate::control_door;
use crate::door::Door;
use crate::flags::Flags;
use crate::simulator::{Simulator, StateFileError};

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the control endpoint may listen on a loopback address only, not on {0}")]
    ControlAddress(std::net::IpAddr),
    #[error("cannot read the password file")]
    Password(#[source] std::io::Error),
    #[error("cannot listen on {address}")]
    Listen {
        address: std::net::SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    StateFile(#[from] StateFileError),
}

/// Starts, and returns the line that tells how to reach it. The ports are open then.
pub async fn start(flags: &Flags) -> Result<Value, StartError> {
    if !flags.control.ip().is_loopback() {
        return Err(StartError::ControlAddress(flags.control.ip()));
    }
    let settings = flags.settings().map_err(StartError::Password)?;
    let folder = flags.certificate_dir.as_deref();
    let certificate = certificate::prepare(folder, &flags.certificate_name)?;
    let (listener, address) = bind(flags.listen).await?;
    let (control, control_address) = bind(flags.control).await?;
    let acceptor = TlsAcceptor::from(Arc::clone(&certificate.config));
    let door = Door::new(address, acceptor);
    let simulator = Simulator::new(settings, flags.state_file.clone(), door)?;
    simulator.door.open_with(listener, &simulator).await;
    let address = simulator.door.address();
    tokio::spawn(control_door::serve(control, simulator));
    Ok(json!({
        "address": address.ip(),
        "port": address.port(),
        "control": format!("http://{control_address}"),
        "fingerprintSHA256": certificate.fingerprint,
        "caFile": certificate.authority_file,
    }))
}

async fn bind(
    address: std::net::SocketAddr,
) -> Result<(TcpListener, std::net::SocketAddr), StartError> {
    let listen_error = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen_error)?;
    let bound = listener.local_addr().map_err(listen_error)?;
    Ok((listener, bound))
}
