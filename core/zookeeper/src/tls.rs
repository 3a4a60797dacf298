//! TLS to ZooKeeper, and what went wrong with it.

use crate::security::{read, wrong};
use libfast_model::{Result, ZooKeeperAccess};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use zookeeper_client::TlsOptions;

/// Longest wait for each step of a handshake that is tried only to learn why it fails.
const STEP_LIMIT: Duration = Duration::from_millis(500);

/// How a connection is secured; `None` if it is not.
pub fn options(access: &ZooKeeperAccess) -> Result<Option<TlsOptions>> {
    let Some(files) = Files::read(access)? else { return Ok(None) };
    // What the files hold was parsed before, so that errors tell which one it is.
    files.config()?;
    let unusable = |error: zookeeper_client::Error| wrong(&files.ca.place, &error.to_string());
    let options = TlsOptions::new().with_pem_ca(&files.ca.text).map_err(unusable)?;
    Ok(Some(match &files.identity {
        Some((cert, key)) => options.with_pem_identity(&cert.text, &key.text).map_err(unusable)?,
        None => options,
    }))
}

/// Why a server that accepts connections does not speak TLS with us.
pub struct Trouble {
    pub why: String,
    /// Somebody has to put it right; a server that is about to start or to stop is none of these.
    pub is_lasting: bool,
}

/// Tries a handshake; `None` if it works. Blocks for a second or two at most.
pub fn trouble(access: &ZooKeeperAccess, host: &str) -> Option<Trouble> {
    let config = Files::read(access).ok()??.config().ok()?;
    handshake(host, config).err().map(|why| explained(&why))
}

/// A file that an option names.
struct File {
    place: String,
    text: String,
}

impl File {
    fn read(option: &str, path: &str) -> Result<Self> {
        let place = format!("option \"{option}\": {path}");
        Ok(Self { text: read(&place, path)?, place })
    }
}

struct Files {
    ca: File,
    identity: Option<(File, File)>,
}

impl Files {
    fn read(access: &ZooKeeperAccess) -> Result<Option<Self>> {
        let missing = |option: &str, other: &str| {
            Err(wrong(&format!("option \"{option}\""), &format!("needs {other}")))
        };
        let identity = match (&*access.cert_file, &*access.key_file) {
            ("", "") => None,
            (_, "") => return missing("zookeeper_cert_file", "zookeeper_key_file"),
            ("", _) => return missing("zookeeper_key_file", "zookeeper_cert_file"),
            _ if access.ca_file.is_empty() => return missing("zookeeper_cert_file", "zookeeper_ca_file"),
            (cert, key) => {
                Some((File::read("zookeeper_cert_file", cert)?, File::read("zookeeper_key_file", key)?))
            }
        };
        if access.ca_file.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { ca: File::read("zookeeper_ca_file", &access.ca_file)?, identity }))
    }

    fn config(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(&self.ca)?);
        if roots.is_empty() {
            return Err(wrong(&self.ca.place, "there is no certificate in it that can sign others"));
        }
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let Some((cert, key)) = &self.identity else { return Ok(Arc::new(builder.with_no_client_auth())) };
        let certs = certificates(cert)?;
        // What the parser says could quote the key.
        let parsed = PrivateKeyDer::from_pem_slice(key.text.as_bytes());
        let parsed = parsed
            .map_err(|_| wrong(&key.place, "there is no key in it, in PEM and without a passphrase"))?;
        let config = builder.with_client_auth_cert(certs, parsed);
        config.map(Arc::new).map_err(|error| wrong(&key.place, &error.to_string()))
    }
}

fn certificates(file: &File) -> Result<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(file.text.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(wrong(&file.place, "there is no certificate in it, in PEM")),
    }
}

fn handshake(host: &str, config: Arc<ClientConfig>) -> std::result::Result<(), String> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
    let address =
        host.to_socket_addrs().ok().and_then(|mut found| found.next()).ok_or("its name is not known")?;
    let run = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&address, STEP_LIMIT)?;
        stream.set_read_timeout(Some(STEP_LIMIT))?;
        stream.set_write_timeout(Some(STEP_LIMIT))?;
        let mut tls = ClientConnection::new(config.clone(), name.clone()).map_err(std::io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        // Of a certificate that it does not accept, a server of TLS 1.3 tells only afterwards.
        match tls.read_tls(&mut stream) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => tls.process_new_packets().map(drop).map_err(std::io::Error::other),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
            Err(error) => Err(error),
        }
    };
    run().map_err(|error| error.to_string())
}

/// What an operator can do about it.
fn explained(why: &str) -> Trouble {
    let remedy = if why.contains("UnknownIssuer") {
        "; its certificate is not signed by one of zookeeper_ca_file"
    } else if why.contains("NotValidForName") || why.contains("not valid for") {
        "; the target names it by a name that its certificate lacks"
    } else if why.contains("Required") || why.contains("BadCertificate") || why.contains("UnknownCA") {
        "; it does not accept zookeeper_cert_file"
    } else if why.contains("InvalidContentType") || why.contains("corrupt message") {
        "; it does not speak TLS on this port"
    } else {
        ""
    };
    Trouble { why: format!("TLS fails: {why}{remedy}"), is_lasting: !remedy.is_empty() }
}
