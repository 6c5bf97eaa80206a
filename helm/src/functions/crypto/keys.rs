//! Private keys: made from the seed, read from PEM, written as Go writes them. Sprig: `generatePrivateKey`, `parsePrivateKeyPEM`.

use dsa::{Components, KeySize};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::signature::{SignatureEncoding as _, Signer as _};
use sha2::Sha256;

use super::super::args::{self, Outcome};
use super::super::environment::{randomness, spend};
use super::super::random::Stream;
use super::der::{self, Reader, tag};
use super::pem;
use crate::template::Call;
use crate::value::Value;

const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const OID_SHA256_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const OID_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const OID_ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const OID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// A private key of a kind that Go knows.
pub(super) enum Key {
    Rsa(Box<RsaPrivateKey>),
    Ecdsa(Box<p256::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// Only made and read, in the format of OpenSSL; nothing can be signed with it.
    Dsa(Vec<u8>),
}

/// Counted against the limit of a render.
const RSA_2048_COST: u64 = 2_000;
const RSA_4096_COST: u64 = 20_000;
const DSA_COST: u64 = 10_000;

pub(super) fn gen_private_key(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let kind = args::string(args, 0)?.to_text();
    let cost = match &*kind {
        "" | "rsa" => RSA_4096_COST,
        "dsa" => DSA_COST,
        "ecdsa" | "ed25519" => 10,
        other => return Ok(format!("Unknown type {other}").into()),
    };
    spend(call, cost)?;
    let mut stream = randomness(call, "genPrivateKey")?;
    let key = match &*kind {
        "dsa" => Key::generate_dsa(&mut stream),
        "ecdsa" => Key::generate_ecdsa(&mut stream),
        "ed25519" => {
            let mut seed = [0; 32];
            stream.fill(&mut seed);
            Ok(Key::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))))
        }
        _ => Key::generate_rsa(&mut stream, 4096),
    };
    match key.and_then(|key| key.to_pem()) {
        Ok(pem) => Ok(pem.into()),
        Err(why) => Ok(format!("failed to generate private key: {why}").into()),
    }
}

/// An RSA key of 2048 bits, for certificates.
pub(super) fn for_certificate(call: &dyn Call, stream: &mut Stream) -> Result<Key, crate::template::FunctionError> {
    spend(call, RSA_2048_COST)?;
    Ok(Key::generate_rsa(stream, 2048).map_err(|why| format!("error generating rsa key: {why}"))?)
}

impl Key {
    fn generate_rsa(stream: &mut Stream, bits: usize) -> Result<Self, String> {
        RsaPrivateKey::new(&mut stream.0, bits).map(|key| Self::Rsa(Box::new(key))).map_err(|e| e.to_string())
    }

    fn generate_ecdsa(stream: &mut Stream) -> Result<Self, String> {
        // A number beyond the order of the curve is drawn again; that happens once in 2^32.
        for _ in 0..64 {
            let mut secret = [0; 32];
            stream.fill(&mut secret);
            if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&secret) {
                return Ok(Self::Ecdsa(Box::new(key)));
            }
        }
        Err("no number below the order of the curve".to_owned())
    }

    fn generate_dsa(stream: &mut Stream) -> Result<Self, String> {
        let components = Components::try_generate_from_rng_with_key_size(&mut stream.0, KeySize::DSA_2048_256)
            .map_err(|e| e.to_string())?;
        let key = dsa::SigningKey::try_generate_from_rng_with_components(&mut stream.0, components)
            .map_err(|e| e.to_string())?;
        let public = key.verifying_key();
        let number = |n: &[u8]| der::unsigned(n);
        Ok(Self::Dsa(der::sequence(&[
            &number(&[0]),
            &number(&public.components().p().to_be_bytes()),
            &number(&public.components().q().to_be_bytes()),
            &number(&public.components().g().to_be_bytes()),
            &number(&public.y().to_be_bytes()),
            &number(&key.x().to_be_bytes()),
        ])))
    }

    /// Sprig: `pemBlockForKey`.
    pub(super) fn to_pem(&self) -> Result<String, String> {
        Ok(match self {
            Self::Rsa(key) => {
                let document = key.to_pkcs1_der().map_err(|e| e.to_string())?;
                pem::encode("RSA PRIVATE KEY", document.as_bytes())
            }
            Self::Ecdsa(key) => {
                let public = key.verifying_key().to_sec1_point(false);
                let der = der::sequence(&[
                    &der::unsigned(&[1]),
                    &der::tlv(tag::OCTET_STRING, &key.to_bytes()),
                    &der::tlv(tag::explicit(0), &der::oid(OID_P256)),
                    &der::tlv(tag::explicit(1), &der::bits(public.as_bytes())),
                ]);
                pem::encode("EC PRIVATE KEY", &der)
            }
            Self::Ed25519(key) => {
                let der = der::sequence(&[
                    &der::unsigned(&[0]),
                    &der::sequence(&[&der::oid(OID_ED25519)]),
                    &der::tlv(tag::OCTET_STRING, &der::tlv(tag::OCTET_STRING, &key.to_bytes())),
                ]);
                pem::encode("PRIVATE KEY", &der)
            }
            Self::Dsa(der) => pem::encode("DSA PRIVATE KEY", der),
        })
    }

    /// Sprig: `parsePrivateKeyPEM`.
    pub(super) fn from_pem(text: &str) -> Result<Self, String> {
        let block = pem::decode(text).ok_or("no PEM data in input")?;
        if block.label == "PRIVATE KEY" {
            return Self::from_pkcs8(&block.bytes).map_err(|why| format!("decoding PEM as PKCS#8: {why}"));
        }
        let Some(kind) = block.label.strip_suffix(" PRIVATE KEY") else {
            return Err(format!("no private key data in PEM block of type {}", block.label));
        };
        match kind {
            "RSA" => Self::from_pkcs1(&block.bytes).map_err(|why| format!("parsing RSA private key from PEM: {why}")),
            "EC" => {
                Self::from_sec1(&block.bytes, None).map_err(|why| format!("parsing EC private key from PEM: {why}"))
            }
            "DSA" => {
                let parsed = Reader::new(&block.bytes).take(tag::SEQUENCE);
                parsed
                    .map(|whole| Self::Dsa(whole.whole.to_vec()))
                    .ok_or_else(|| "parsing DSA private key from PEM: asn1: structure error".to_owned())
            }
            other => Err(format!("invalid private key type {other}")),
        }
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, String> {
        RsaPrivateKey::from_pkcs1_der(der).map(|key| Self::Rsa(Box::new(key))).map_err(|e| e.to_string())
    }

    /// The key of SEC 1, its curve being named inside or by what stands around it.
    fn from_sec1(der: &[u8], curve: Option<&[u8]>) -> Result<Self, String> {
        let malformed = || "x509: failed to parse EC private key".to_owned();
        let mut fields = Reader::new(der).take(tag::SEQUENCE).ok_or_else(malformed)?.reader();
        let version = fields.take(tag::INTEGER);
        let secret = version.and_then(|_| fields.take(tag::OCTET_STRING)).ok_or_else(malformed)?;
        let named = fields.take(tag::explicit(0)).and_then(|params| params.reader().take(tag::OID));
        match curve.or_else(|| named.map(|oid| oid.content)) {
            Some(OID_P256) => {}
            Some(_) => return Err("only the curve P-256 is supported here".to_owned()),
            None => return Err("x509: unknown elliptic curve".to_owned()),
        }
        // Leading zeros may be missing or too many.
        let secret = &secret.content[secret.content.iter().take_while(|b| **b == 0).count()..];
        let mut padded = [0; 32];
        padded
            .get_mut(32usize.checked_sub(secret.len()).ok_or_else(malformed)?..)
            .ok_or_else(malformed)?
            .copy_from_slice(secret);
        let key = p256::ecdsa::SigningKey::from_slice(&padded);
        key.map(|key| Self::Ecdsa(Box::new(key)))
            .map_err(|_| "x509: invalid elliptic curve private key value".to_owned())
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, String> {
        let malformed = || "asn1: structure error".to_owned();
        let mut fields = Reader::new(der).take(tag::SEQUENCE).ok_or_else(malformed)?.reader();
        let version = fields.take(tag::INTEGER);
        let algorithm = version.and_then(|_| fields.take(tag::SEQUENCE)).ok_or_else(malformed)?;
        let key = fields.take(tag::OCTET_STRING).ok_or_else(malformed)?.content;
        let mut algorithm = algorithm.reader();
        match algorithm.take(tag::OID).ok_or_else(malformed)?.content {
            OID_RSA => Self::from_pkcs1(key),
            OID_EC => Self::from_sec1(key, algorithm.take(tag::OID).map(|oid| oid.content)),
            OID_ED25519 => {
                let seed = Reader::new(key).take(tag::OCTET_STRING).and_then(|inner| inner.content.try_into().ok());
                let seed: [u8; 32] = seed.ok_or("x509: invalid Ed25519 private key")?;
                Ok(Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))))
            }
            _ => Err("x509: PKCS#8 wrapping contained private key with unknown algorithm".to_owned()),
        }
    }

    /// The bytes of the public key that identifiers of keys are made from.
    pub(super) fn public_bits(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Rsa(key) => {
                let document = key.to_public_key().to_pkcs1_der().map_err(|e| e.to_string())?;
                Ok(document.as_bytes().to_vec())
            }
            Self::Ecdsa(key) => Ok(key.verifying_key().to_sec1_point(false).as_bytes().to_vec()),
            Self::Ed25519(key) => Ok(key.verifying_key().to_bytes().to_vec()),
            Self::Dsa(_) => Err("x509: certificate private key does not implement crypto.Signer".to_owned()),
        }
    }

    /// The `SubjectPublicKeyInfo`.
    pub(super) fn public_info(&self) -> Result<Vec<u8>, String> {
        let algorithm = match self {
            Self::Rsa(_) => der::sequence(&[&der::oid(OID_RSA), &der::tlv(tag::NULL, &[])]),
            Self::Ecdsa(_) => der::sequence(&[&der::oid(OID_EC), &der::oid(OID_P256)]),
            Self::Ed25519(_) | Self::Dsa(_) => der::sequence(&[&der::oid(OID_ED25519)]),
        };
        Ok(der::sequence(&[&algorithm, &der::bits(&self.public_bits()?)]))
    }

    /// The name of the algorithm that [`Key::sign`] signs with.
    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => der::sequence(&[&der::oid(OID_SHA256_RSA), &der::tlv(tag::NULL, &[])]),
            Self::Ecdsa(_) => der::sequence(&[&der::oid(OID_ECDSA_SHA256)]),
            Self::Ed25519(_) | Self::Dsa(_) => der::sequence(&[&der::oid(OID_ED25519)]),
        }
    }

    /// A signature; the same for the same message.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Rsa(key) => {
                let signer = rsa::pkcs1v15::SigningKey::<Sha256>::new((**key).clone());
                signer.try_sign(message).map(|signature| signature.to_vec()).map_err(|e| e.to_string())
            }
            Self::Ecdsa(key) => {
                let signature: p256::ecdsa::DerSignature = key.try_sign(message).map_err(|e| e.to_string())?;
                Ok(signature.as_bytes().to_vec())
            }
            Self::Ed25519(key) => {
                use ed25519_dalek::Signer as _;
                Ok(key.sign(message).to_bytes().to_vec())
            }
            Self::Dsa(_) => Err("x509: certificate private key does not implement crypto.Signer".to_owned()),
        }
    }
}
