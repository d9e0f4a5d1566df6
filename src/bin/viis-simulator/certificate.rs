//! The server's certificate: a self-made authority and a leaf for this machine,
//! fresh or from the folder of an earlier start.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

/// What the API's port shows and what its users need to know of it.
pub struct Certificate {
    pub config: Arc<ServerConfig>,
    /// `AB:CD:…`, of the leaf.
    pub fingerprint: String,
    /// Where the authority is, when it was written to a folder.
    pub authority_file: Option<PathBuf>,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("cannot use {path}")]
    File {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
    #[error("the certificate file is not PEM: remove it to have it made anew")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("the certificate cannot be used")]
    Tls(#[from] rustls::Error),
}

/// The folder's certificate, made if it is not there; without a folder a fresh
/// one in memory. `names` are valid beside 127.0.0.1, ::1 and localhost.
pub fn prepare(folder: Option<&Path>, names: &[String]) -> Result<Certificate, CertificateError> {
    let Some(folder) = folder else {
        let (_, server) = make(names)?;
        return ready(&server, None);
    };
    let (authority_file, server_file) = (folder.join("ca.pem"), folder.join("server.pem"));
    if !authority_file.exists() || !server_file.exists() {
        let (authority, server) = make(names)?;
        std::fs::create_dir_all(folder).map_err(|source| file_error(folder, source))?;
        write(&authority_file, &authority)?;
        write(&server_file, &server)?;
    }
    ready(&read(&server_file)?, Some(authority_file))
}

fn make(names: &[String]) -> Result<(String, String), CertificateError> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority
        .distinguished_name
        .push(DnType::CommonName, "viis-simulator authority");
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);

    let mut valid_for = vec![
        String::from("127.0.0.1"),
        String::from("::1"),
        String::from("localhost"),
    ];
    valid_for.extend_from_slice(names);
    let mut leaf = CertificateParams::new(valid_for)?;
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    leaf.distinguished_name
        .push(DnType::CommonName, "viis-simulator");
    let leaf_key = KeyPair::generate()?;
    let leaf_pem = leaf.signed_by(&leaf_key, &issuer)?.pem();
    Ok((authority_pem, leaf_pem + &leaf_key.serialize_pem()))
}

fn ready(server: &str, authority_file: Option<PathBuf>) -> Result<Certificate, CertificateError> {
    let leaf = CertificateDer::from_pem_slice(server.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(server.as_bytes())?;
    let fingerprint = Sha256::digest(&leaf)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect::<Vec<_>>()
        .join(":");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certificate {
        config: Arc::new(config),
        fingerprint,
        authority_file,
    })
}

fn file_error(path: &Path, source: std::io::Error) -> CertificateError {
    CertificateError::File {
        path: path.display().to_string(),
        source,
    }
}

fn read(path: &Path) -> Result<String, CertificateError> {
    std::fs::read_to_string(path).map_err(|source| file_error(path, source))
}

/// Only for the owner: `server.pem` holds the key.
fn write(path: &Path, text: &str) -> Result<(), CertificateError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| file_error(path, source))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_folder_keeps_the_certificate_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let first = prepare(Some(&path), &[]).unwrap();
        let second = prepare(Some(&path), &[]).unwrap();
        assert_eq!(first.fingerprint, second.fingerprint);
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
        assert_eq!(first.authority_file, Some(path.join("ca.pem")));
        assert_ne!(first.fingerprint, prepare(None, &[]).unwrap().fingerprint);
    }
}
