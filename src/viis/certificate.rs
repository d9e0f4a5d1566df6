//! Whom to trust: roots, or pinned fingerprints. Nothing is sent to a server
//! that is not trusted: the handshake ends before the first HTTP byte.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};

use super::settings::{ConfigurationError, Fingerprint, Setting, Trust};

/// The server's certificate was refused.
#[derive(Clone, Debug)]
pub(super) struct CertificateRefused {
    /// Of the certificate that the server presented.
    presented: Fingerprint,
    why: String,
}

impl fmt::Display for CertificateRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { presented, why } = self;
        write!(
            f,
            "The server's certificate is not trusted: {why}. It presented the SHA-256 \
             fingerprint {presented}. If this is the new certificate, set this fingerprint, or \
             the CA bundle that it was issued from."
        )
    }
}

impl StdError for CertificateRefused {}

impl CertificateRefused {
    /// Finds the refusal in a failed connection. It sits in an `io::Error`
    /// within an `io::Error`, which `source()` alone would step over.
    pub(super) fn find(error: &(dyn StdError + 'static)) -> Option<String> {
        let mut next = Some(error);
        // Bounded: nobody promises that a chain ends.
        for _ in 0..32 {
            let error = next?;
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Self::of(tls);
            }
            let inner = error
                .downcast_ref::<std::io::Error>()
                .and_then(|io| io.get_ref());
            next = match inner {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }

    fn of(error: &rustls::Error) -> Option<String> {
        let rustls::Error::InvalidCertificate(error) = error else {
            return None;
        };
        if let CertificateError::Other(OtherError(other)) = error
            && let Some(refused) = other.downcast_ref::<CertificateRefused>()
        {
            return Some(refused.to_string());
        }
        Some(format!(
            "The server's certificate is not trusted: {error}. Check who answers at this address."
        ))
    }
}

/// The fingerprint that the server presented last, trusted or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Presented(Arc<Mutex<Option<Fingerprint>>>);

impl Presented {
    pub(super) fn last(&self) -> Option<Fingerprint> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, fingerprint: Fingerprint) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
    }
}

#[derive(Debug)]
enum Rule {
    Roots {
        verifier: Arc<WebPkiServerVerifier>,
        /// The certificates of the CA bundle; none for the system's roots.
        bundle: Vec<CertificateDer<'static>>,
    },
    Fingerprints(Vec<Fingerprint>),
}

/// Decides on the certificate; the signatures of the handshake, which prove
/// that the server holds its key, are verified in any case.
#[derive(Debug)]
struct Verifier {
    rule: Rule,
    presented: Presented,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = Fingerprint::of_der(end_entity);
        self.presented.note(presented);
        let why = match &self.rule {
            Rule::Fingerprints(expected) if expected.contains(&presented) => {
                return Ok(ServerCertVerified::assertion());
            }
            Rule::Fingerprints(_) => "its fingerprint is not one of those that are set".to_owned(),
            Rule::Roots { verifier, bundle } => {
                let verified = verifier.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                );
                let verified = match verified {
                    Err(error) if bundle.contains(end_entity) => {
                        accept_itself(&error, end_entity, server_name)
                    }
                    verified => verified,
                };
                match verified {
                    Ok(verified) => return Ok(verified),
                    Err(error) => explain(&error),
                }
            }
        };
        let refused = CertificateRefused { presented, why };
        let other = OtherError(Arc::new(refused));
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(
            other,
        )))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A self-signed certificate that is marked as a CA can be in the bundle and on
/// the server at once. The verifier refuses to see a CA as a server; who put
/// it in the bundle means it. Dates and name must be right all the same.
fn accept_itself(
    error: &rustls::Error,
    end_entity: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
) -> Result<ServerCertVerified, rustls::Error> {
    // This one reason has no variant of its own.
    let as_server = matches!(
        error,
        rustls::Error::InvalidCertificate(CertificateError::Other(_))
    );
    if !as_server {
        return Err(error.clone());
    }
    let certificate = ParsedCertificate::try_from(end_entity)?;
    verify_server_name(&certificate, server_name)?;
    Ok(ServerCertVerified::assertion())
}

/// In the words of who set it up.
fn explain(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return bounded(&error.to_string());
    };
    match certificate {
        CertificateError::UnknownIssuer => {
            "it was not issued by any of the trusted certificates".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it was not issued for this address".to_owned()
        }
        other => bounded(&other.to_string()),
    }
}

/// The text may quote the certificate, which anybody can have written.
fn bounded(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(200)
        .collect()
}

/// The TLS side of a client, and where it notes what the server presents.
pub(super) fn tls(trust: &Trust) -> Result<(ClientConfig, Presented), ConfigurationError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let rule = match trust {
        Trust::SystemRoots => Rule::Roots {
            verifier: verifier(system_roots()?, &provider)?,
            bundle: Vec::new(),
        },
        Trust::CaBundle(pem) => {
            let bundle = certificates(pem)?;
            Rule::Roots {
                verifier: verifier(bundled_roots(&bundle)?, &provider)?,
                bundle,
            }
        }
        Trust::Fingerprints(fingerprints) if fingerprints.is_empty() => {
            return Err(ConfigurationError::new(
                Setting::Trust,
                "There is no fingerprint to trust: set at least one.".to_owned(),
            ));
        }
        Trust::Fingerprints(fingerprints) => Rule::Fingerprints(fingerprints.clone()),
    };
    let presented = Presented::default();
    let verifier = Verifier {
        rule,
        presented: presented.clone(),
        provider: Arc::clone(&provider),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            ConfigurationError::new(Setting::Trust, format!("TLS cannot be set up: {error}."))
        })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((config, presented))
}

fn verifier(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, ConfigurationError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| {
            ConfigurationError::new(
                Setting::Trust,
                format!("The trusted certificates cannot be used: {error}."),
            )
        })
}

fn system_roots() -> Result<RootCertStore, ConfigurationError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(ConfigurationError::new(
            Setting::Trust,
            "This machine has no trusted certificates: set a CA bundle or a fingerprint."
                .to_owned(),
        ));
    }
    Ok(roots)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, ConfigurationError> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| {
            ConfigurationError::new(
                Setting::Trust,
                "The CA bundle is not valid PEM: it must consist of whole \
                 \"-----BEGIN CERTIFICATE-----\" blocks."
                    .to_owned(),
            )
        })
}

fn bundled_roots(bundle: &[CertificateDer<'static>]) -> Result<RootCertStore, ConfigurationError> {
    let mut roots = RootCertStore::empty();
    for certificate in bundle {
        roots.add(certificate.clone()).map_err(|error| {
            let error = bounded(&error.to_string());
            ConfigurationError::new(Setting::Trust, format!(
                "The CA bundle holds a certificate that cannot be used ({error}): remove it, or \
                 pin the server's fingerprint instead."
            ))
        })?;
    }
    if roots.is_empty() {
        return Err(ConfigurationError::new(
            Setting::Trust,
            "The CA bundle has no certificate: it must hold at least one \
             \"-----BEGIN CERTIFICATE-----\" block."
                .to_owned(),
        ));
    }
    Ok(roots)
}
