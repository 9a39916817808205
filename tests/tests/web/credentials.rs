//! A certificate that nobody knows, with its key.

use anyhow::Result;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

/// The certificate of servers and client, and its key.
pub(crate) struct Credentials {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

impl Credentials {
    /// A certificate that signs itself, for `www.example.org`.
    pub(crate) fn new() -> Result<Self> {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let mut name = X509NameBuilder::new()?;
        name.append_entry_by_text("CN", "www.example.org")?;
        let name = name.build();
        let mut builder = X509::builder()?;
        builder.set_version(2)?;
        let serial = BigNum::from_u32(1)?.to_asn1_integer()?;
        builder.set_serial_number(&serial)?;
        builder.set_subject_name(&name)?;
        builder.set_issuer_name(&name)?;
        builder.set_pubkey(&key)?;
        let (from, to) = (Asn1Time::from_unix(0)?, Asn1Time::days_from_now(30)?);
        builder.set_not_before(&from)?;
        builder.set_not_after(&to)?;
        builder.append_extension(BasicConstraints::new().ca().build()?)?;
        let names = SubjectAlternativeName::new()
            .dns("www.example.org")
            .build(&builder.x509v3_context(None, None))?;
        builder.append_extension(names)?;
        builder.sign(&key, MessageDigest::sha256())?;
        let certificate = builder.build();
        Ok(Self { certificate, key })
    }
}
