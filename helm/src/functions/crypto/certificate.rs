//! Certificates, laid out as Go does. Sprig: `crypto.go`; Go: `crypto/x509`, `CreateCertificate`.

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

use super::super::args::{self, Outcome};
use super::super::encoding::decode_base64;
use super::super::environment::{environment, randomness};
use super::super::gofmt;
use super::super::random::Stream;
use super::super::time::utc_calendar;
use super::der::{self, Reader, tag};
use super::keys::{self, Key};
use super::pem;
use crate::template::{Call, FunctionError};
use crate::value::{Object, Str, Type, Value};

/// The type of certificates in templates.
pub(super) const CERTIFICATE: Type = Type::Struct("sprig.certificate");

/// A certificate and its key, as PEM.
#[derive(Debug)]
struct Pair {
    cert: Str,
    key: Str,
}

impl Object for Pair {
    fn type_of(&self) -> Type {
        CERTIFICATE
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Cert", Value::String(self.cert.clone())), ("Key", Value::String(self.key.clone()))]
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        let other: &dyn std::any::Any = other;
        other.downcast_ref::<Self>().map(|other| other.cert == self.cert && other.key == self.key)
    }
}

pub(super) fn build_custom_cert(args: &[Value]) -> Outcome {
    let cert = decode_base64(args::string(args, 0)?.as_bytes()).map_err(|_| "unable to decode base64 certificate")?;
    let key = decode_base64(args::string(args, 1)?.as_bytes()).map_err(|_| "unable to decode base64 private key")?;
    let (cert, key) = (Str::from_bytes(cert), Str::from_bytes(key));
    let block = pem::decode(&cert.to_text()).ok_or("unable to decode certificate")?;
    Parent::parse(&block.bytes).map_err(|why| format!("error parsing certificate: decodedCert.Bytes: {why}"))?;
    Key::from_pem(&key.to_text()).map_err(|why| format!("error parsing private key: {why}"))?;
    Ok(Value::object(Pair { cert, key }))
}

/// What a certificate says, besides its keys.
struct Template {
    name: String,
    addresses: Vec<IpAddr>,
    hosts: Vec<String>,
    serial: [u8; 16],
    start: i64,
    end: i64,
    authority: bool,
}

/// Who signs: the subject and key identifier of its certificate.
struct Parent {
    subject: Vec<u8>,
    key_id: Option<Vec<u8>>,
    public_info: Vec<u8>,
}

pub(super) fn gen_ca(call: &mut dyn Call, args: &[Value], key: Option<usize>) -> Outcome {
    let mut stream = randomness(call, "genCA")?;
    let key = signee(call, args, key, &mut stream)?;
    let mut template = template(call, args, None, 1, &mut stream)?;
    template.authority = true;
    self_signed(&template, &key)
}

pub(super) fn gen_self_signed(call: &mut dyn Call, args: &[Value], key: Option<usize>) -> Outcome {
    let mut stream = randomness(call, "genSelfSignedCert")?;
    let key = signee(call, args, key, &mut stream)?;
    let template = template(call, args, Some((1, 2)), 3, &mut stream)?;
    self_signed(&template, &key)
}

pub(super) fn gen_signed(call: &mut dyn Call, args: &[Value], key: Option<usize>) -> Outcome {
    let mut stream = randomness(call, "genSignedCert")?;
    let key = signee(call, args, key, &mut stream)?;
    let authority = if let Value::Object(object) = args::any(args, 4) { object.downcast::<Pair>() } else { None };
    let authority = authority.ok_or_else(|| FunctionError::from("the authority is no certificate"))?;
    let block = pem::decode(&authority.cert.to_text()).ok_or("unable to decode certificate")?;
    let parent = Parent::parse(&block.bytes)
        .map_err(|why| format!("error parsing certificate: decodedSignerCert.Bytes: {why}"))?;
    let signer = Key::from_pem(&authority.key.to_text()).map_err(|why| format!("error parsing private key: {why}"))?;
    let template = template(call, args, Some((1, 2)), 3, &mut stream)?;
    signed(&template, &key, &parent, &signer)
}

/// The key of the new certificate: given as PEM, or made.
fn signee(call: &dyn Call, args: &[Value], key: Option<usize>, stream: &mut Stream) -> Result<Key, FunctionError> {
    match key {
        Some(index) => {
            let text = args::string(args, index)?.to_text();
            Ok(Key::from_pem(&text).map_err(|why| format!("parsing private key: {why}"))?)
        }
        None => keys::for_certificate(call, stream),
    }
}

/// Sprig: `getBaseCertTemplate`.
fn template(
    call: &dyn Call,
    args: &[Value],
    names: Option<(usize, usize)>,
    days: usize,
    stream: &mut Stream,
) -> Result<Template, FunctionError> {
    let (mut addresses, mut hosts) = (Vec::new(), Vec::new());
    if let Some((ips, dns)) = names {
        for ip in items(args::any(args, ips)) {
            let Value::String(text) = &ip else {
                return Err(format!("error parsing ip: {} is not a string", shown(&ip)).into());
            };
            let text = text.to_text();
            addresses.push(text.parse().map_err(|_| format!("error parsing ip: {text}"))?);
        }
        for host in items(args::any(args, dns)) {
            let Value::String(text) = &host else {
                return Err(format!("error processing alternate dns name: {} is not a string", shown(&host)).into());
            };
            hosts.push(text.to_text().into_owned());
        }
    }
    let mut serial = [0; 16];
    stream.fill(&mut serial);
    let (start, _) = environment(call)?.now();
    let valid = args::int(args, days)?.wrapping_mul(24 * 3_600 * 1_000_000_000) / 1_000_000_000;
    let name = args::string(args, 0)?.to_text().into_owned();
    Ok(Template { name, addresses, hosts, serial, start, end: start.saturating_add(valid), authority: false })
}

fn items(value: &Value) -> Vec<Value> {
    args::list(value).map(|list| list.to_vec()).unwrap_or_default()
}

fn shown(value: &Value) -> String {
    String::from_utf8_lossy(&gofmt::display(value)).into_owned()
}

fn self_signed(template: &Template, key: &Key) -> Outcome {
    let parent = Parent { subject: subject(&template.name), key_id: None, public_info: Vec::new() };
    signed(template, key, &parent, key)
}

/// Sprig: `getCertAndKey`.
fn signed(template: &Template, key: &Key, parent: &Parent, signer: &Key) -> Outcome {
    let cert = create(template, key, parent, signer).map_err(|why| format!("error creating certificate: {why}"))?;
    let key = key.to_pem().map_err(|why| format!("error pem-encoding key: {why}"))?;
    Ok(Value::object(Pair { cert: Str::from(pem::encode("CERTIFICATE", &cert)), key: Str::from(key) }))
}

fn create(template: &Template, key: &Key, parent: &Parent, signer: &Key) -> Result<Vec<u8>, String> {
    let public_info = key.public_info()?;
    if !parent.public_info.is_empty() && parent.public_info != signer.public_info()? {
        return Err("x509: provided PrivateKey doesn't match parent's PublicKey".to_owned());
    }
    let algorithm = signer.signature_algorithm();
    let subject = subject(&template.name);
    let content = der::sequence(&[
        &der::tlv(tag::explicit(0), &der::unsigned(&[2])),
        &der::unsigned(&template.serial),
        &algorithm,
        &parent.subject,
        &der::sequence(&[&time(template.start)?, &time(template.end)?]),
        &subject,
        &public_info,
        &der::tlv(tag::explicit(3), &extensions(template, key, parent, &subject)?),
    ]);
    let signature = signer.sign(&content)?;
    Ok(der::sequence(&[&content, &algorithm, &der::bits(&signature)]))
}

/// A name of one common name, or of nothing.
fn subject(name: &str) -> Vec<u8> {
    if name.is_empty() {
        return der::sequence(&[]);
    }
    let printable = |b: u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b);
    let kind = if name.bytes().all(printable) { tag::PRINTABLE } else { tag::UTF8 };
    let attribute = der::sequence(&[&der::oid(&[0x55, 0x04, 0x03]), &der::tlv(kind, name.as_bytes())]);
    der::sequence(&[&der::tlv(tag::SET, &attribute)])
}

/// Two digits of the year until 2049, four afterwards.
fn time(seconds: i64) -> Result<Vec<u8>, String> {
    let (year, rest) = utc_calendar(seconds);
    match year {
        1950..2050 => Ok(der::tlv(tag::UTC_TIME, format!("{:02}{rest}", year % 100).as_bytes())),
        0..10_000 => Ok(der::tlv(tag::GENERALIZED_TIME, format!("{year:04}{rest}").as_bytes())),
        _ => Err("asn1: structure error: cannot represent time as GeneralizedTime".to_owned()),
    }
}

fn extension(id: u8, critical: bool, content: &[u8]) -> Vec<u8> {
    let critical = if critical { der::tlv(tag::BOOLEAN, &[0xff]) } else { Vec::new() };
    der::sequence(&[&der::oid(&[0x55, 0x1d, id]), &critical, &der::tlv(tag::OCTET_STRING, content)])
}

/// Go: `buildCertExtensions`.
fn extensions(template: &Template, key: &Key, parent: &Parent, subject: &[u8]) -> Result<Vec<u8>, String> {
    // Key encipherment and digital signature; an authority signs certificates too.
    let usage: [u8; 2] = if template.authority { [2, 0xa4] } else { [5, 0xa0] };
    let purpose = |last| der::oid(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, last]);
    let constraints = if template.authority { der::tlv(tag::BOOLEAN, &[0xff]) } else { Vec::new() };
    let mut all = vec![
        extension(15, true, &der::tlv(tag::BIT_STRING, &usage)),
        extension(37, false, &der::sequence(&[&purpose(1), &purpose(2)])),
        extension(19, true, &der::sequence(&[&constraints])),
    ];
    if template.authority {
        let id = &Sha256::digest(key.public_bits()?)[..20];
        all.push(extension(14, false, &der::tlv(tag::OCTET_STRING, id)));
    }
    if let Some(id) = parent.key_id.as_ref().filter(|_| parent.subject != subject) {
        all.push(extension(35, false, &der::sequence(&[&der::tlv(tag::implicit(0), id)])));
    }
    if !template.hosts.is_empty() || !template.addresses.is_empty() {
        all.push(extension(17, template.name.is_empty(), &alternative_names(template)?));
    }
    Ok(der::tlv(tag::SEQUENCE, &all.concat()))
}

fn alternative_names(template: &Template) -> Result<Vec<u8>, String> {
    let mut names = Vec::new();
    for host in &template.hosts {
        if !host.is_ascii() {
            return Err(format!("x509: {} cannot be encoded as an IA5String", gofmt::quote(host.as_bytes())));
        }
        names.extend(der::tlv(tag::implicit(2), host.as_bytes()));
    }
    for address in &template.addresses {
        let bytes = match address.to_canonical() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        names.extend(der::tlv(tag::implicit(7), &bytes));
    }
    Ok(der::tlv(tag::SEQUENCE, &names))
}

impl Parent {
    /// What of a certificate signing needs. Go: `x509.ParseCertificate`, which checks much more.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let malformed = || "x509: malformed certificate".to_owned();
        let mut outer = Reader::new(bytes);
        let whole = outer.take(tag::SEQUENCE).ok_or_else(malformed)?;
        if !outer.rest.is_empty() {
            return Err("x509: trailing data".to_owned());
        }
        let mut fields =
            whole.reader().take(tag::SEQUENCE).ok_or_else(|| "x509: malformed tbs certificate".to_owned())?.reader();
        let version = fields.take(tag::explicit(0));
        let serial = fields.take(tag::INTEGER);
        let mut sequence = || fields.take(tag::SEQUENCE);
        let (_algorithm, _issuer, _validity) = (sequence(), sequence(), sequence());
        let (subject, public) = (sequence(), sequence());
        let (Some(_), Some(subject), Some(public)) = (serial, subject, public) else { return Err(malformed()) };
        let extensions =
            version.and_then(|_| fields.take(tag::explicit(3))).and_then(|e| e.reader().take(tag::SEQUENCE));
        let key_id = extensions.and_then(|list| key_identifier(list.reader()));
        Ok(Self { subject: subject.whole.to_vec(), key_id, public_info: public.whole.to_vec() })
    }
}

/// The content of the extension `subjectKeyIdentifier`.
fn key_identifier(mut extensions: Reader<'_>) -> Option<Vec<u8>> {
    while let Some(extension) = extensions.take(tag::SEQUENCE) {
        let mut fields = extension.reader();
        let id = fields.take(tag::OID)?;
        let _critical = fields.take(tag::BOOLEAN);
        let content = fields.take(tag::OCTET_STRING)?;
        if id.content == [0x55, 0x1d, 14] {
            return content.reader().take(tag::OCTET_STRING).map(|key| key.content.to_vec());
        }
    }
    None
}
