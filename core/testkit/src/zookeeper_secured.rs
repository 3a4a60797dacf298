//! Servers that want to know who asks.

use crate::zookeeper::free_port;
use crate::{Unavailable, ZooKeeperSettings};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::fs;
use tempfile::TempDir;

/// Keys, certificates and passwords in files, made for one test. Servers need them as long as they live.
pub struct Secrets {
    folder: TempDir,
}

impl Secrets {
    /// An authority that signed a server (127.0.0.1, localhost) and a client; and another authority that signed nobody.
    pub fn new() -> Result<Self, Unavailable> {
        let secrets = Self { folder: tempfile::Builder::new().prefix("libfast-secrets-").tempdir()? };
        secrets
            .sign()
            .map_err(|error| Unavailable::Refused(format!("no certificate can be made: {error}")))?;
        Ok(secrets)
    }

    /// The authority's certificate.
    pub fn ca_file(&self) -> String {
        self.path("ca.pem")
    }

    /// The certificate of an authority that the server does not know, nor it the server.
    pub fn other_ca_file(&self) -> String {
        self.path("other-ca.pem")
    }

    /// The client's certificate.
    pub fn cert_file(&self) -> String {
        self.path("client.pem")
    }

    /// The client's key.
    pub fn key_file(&self) -> String {
        self.path("client.key")
    }

    /// A file with this text.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("the folder is there");
        path
    }

    /// Servers that know this user of SASL DIGEST-MD5.
    pub fn with_sasl(
        &self,
        mut settings: ZooKeeperSettings,
        user: &str,
        password: &str,
    ) -> ZooKeeperSettings {
        let module = "org.apache.zookeeper.server.auth.DigestLoginModule";
        let jaas =
            self.file("jaas.conf", &format!("Server {{ {module} required user_{user}=\"{password}\"; }};\n"));
        settings.java.push(format!("-Djava.security.auth.login.config={jaas}"));
        let provider = "org.apache.zookeeper.server.auth.SASLAuthenticationProvider";
        settings.config.push(format!("authProvider.sasl={provider}"));
        settings
    }

    /// A server that has a port with TLS, too, where it wants a certificate of its clients. Gives `127.0.0.1:port`.
    pub fn with_tls(
        &self,
        mut settings: ZooKeeperSettings,
    ) -> Result<(ZooKeeperSettings, String), Unavailable> {
        let port = free_port()?;
        settings.config.extend([
            "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory".into(),
            format!("secureClientPort={port}"),
            "secureClientPortAddress=127.0.0.1".into(),
            "ssl.clientAuth=need".into(),
            format!("ssl.keyStore.location={}", self.path("server.pem")),
            "ssl.keyStore.type=PEM".into(),
            format!("ssl.trustStore.location={}", self.ca_file()),
            "ssl.trustStore.type=PEM".into(),
        ]);
        Ok((settings, format!("127.0.0.1:{port}")))
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn sign(&self) -> Result<(), rcgen::Error> {
        let authority = Self::authority("authority")?;
        let other = Self::authority("other")?;
        self.file("ca.pem", &authority.0);
        self.file("other-ca.pem", &other.0);
        for name in ["server", "client"] {
            let mut params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
            params.distinguished_name.push(DnType::CommonName, name);
            let key = KeyPair::generate()?;
            let cert = params.signed_by(&key, &authority.1)?.pem();
            let key = key.serialize_pem();
            // A server reads both from one file.
            let both = if name == "server" { cert + &key } else { cert };
            self.file(&format!("{name}.pem"), &both);
            self.file(&format!("{name}.key"), &key);
        }
        Ok(())
    }

    fn authority(name: &str) -> Result<(String, Issuer<'static, KeyPair>), rcgen::Error> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate()?;
        let cert = params.self_signed(&key)?.pem();
        Ok((cert, Issuer::new(params, key)))
    }
}
