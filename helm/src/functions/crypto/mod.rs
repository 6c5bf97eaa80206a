//! Digests, passwords, encryption, keys and certificates. Sprig: `crypto.go`.
//!
//! What Sprig makes of chance is derived from the seed of the render, so keys, salts and certificates are the same for the same
//! inputs. What costs much is counted, and a render that wants too much of it fails.

mod certificate;
mod der;
mod keys;
mod password;
mod pem;
#[cfg(test)]
mod tests;

use aes::Aes256;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::args::{self, Outcome};
use super::encoding::{decode_base64, encode_base64};
use super::environment::randomness;
use super::signatures::{INT, LIST};
use crate::template::{Call, Function, Signature};
use crate::value::{Str, Type, UintKind, Value};
use certificate::CERTIFICATE;

use Type::String as Text;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::pure("sha1sum", Signature::new(&[Text], Text), |a| {
        Ok(hex::encode(Sha1::digest(args::string(a, 0)?.as_bytes())).into())
    }),
    Function::pure("sha256sum", Signature::new(&[Text], Text), |a| {
        Ok(hex::encode(Sha256::digest(args::string(a, 0)?.as_bytes())).into())
    }),
    Function::pure("sha512sum", Signature::new(&[Text], Text), |a| {
        Ok(hex::encode(Sha512::digest(args::string(a, 0)?.as_bytes())).into())
    }),
    Function::pure("adler32sum", Signature::new(&[Text], Text), |a| {
        Ok(adler32(args::string(a, 0)?.as_bytes()).to_string().into())
    }),
    Function::call("bcrypt", Signature::new(&[Text], Text), password::bcrypt),
    Function::call("htpasswd", Signature::new(&[Text, Text], Text), password::htpasswd),
    Function::call(
        "derivePassword",
        Signature::new(&[Type::Uint(UintKind::Uint32), Text, Text, Text, Text], Text),
        password::derive_password,
    ),
    Function::call("encryptAES", Signature::new(&[Text, Text], Text), encrypt_aes),
    Function::pure("decryptAES", Signature::new(&[Text, Text], Text), decrypt_aes),
    Function::call("genPrivateKey", Signature::new(&[Text], Text), keys::gen_private_key),
    Function::pure("buildCustomCert", Signature::new(&[Text, Text], CERTIFICATE), certificate::build_custom_cert),
    Function::call("genCA", Signature::new(&[Text, INT], CERTIFICATE), |call, a| certificate::gen_ca(call, a, None)),
    Function::call("genCAWithKey", Signature::new(&[Text, INT, Text], CERTIFICATE), |call, a| {
        certificate::gen_ca(call, a, Some(2))
    }),
    Function::call("genSelfSignedCert", Signature::new(&[Text, LIST, LIST, INT], CERTIFICATE), |call, a| {
        certificate::gen_self_signed(call, a, None)
    }),
    Function::call(
        "genSelfSignedCertWithKey",
        Signature::new(&[Text, LIST, LIST, INT, Text], CERTIFICATE),
        |call, a| certificate::gen_self_signed(call, a, Some(4)),
    ),
    Function::call("genSignedCert", Signature::new(&[Text, LIST, LIST, INT, CERTIFICATE], CERTIFICATE), |call, a| {
        certificate::gen_signed(call, a, None)
    }),
    Function::call(
        "genSignedCertWithKey",
        Signature::new(&[Text, LIST, LIST, INT, CERTIFICATE, Text], CERTIFICATE),
        |call, a| certificate::gen_signed(call, a, Some(5)),
    ),
];

/// Go: `hash/adler32`.
fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1u32, 0u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

const BLOCK: usize = 16;

/// The first 32 bytes of the password, filled up with zeros.
fn aes_key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let used = password.len().min(32);
    key[..used].copy_from_slice(&password[..used]);
    key
}

fn encrypt_aes(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let (password, text) = (args::string(args, 0)?.as_bytes(), args::string(args, 1)?.as_bytes());
    if text.is_empty() {
        return Ok(Value::from(""));
    }
    let mut out = vec![0; BLOCK];
    randomness(call, "encryptAES")?.fill(&mut out);
    let mut vector = [0; BLOCK];
    vector.copy_from_slice(&out);
    let mut cipher = cbc::Encryptor::<Aes256>::new(&aes_key(password).into(), &vector.into());
    let padding = BLOCK - text.len() % BLOCK;
    let padded = [text, &vec![u8::try_from(padding).unwrap_or(0); padding]].concat();
    for chunk in padded.chunks_exact(BLOCK) {
        let mut block = aes::Block::default();
        block.copy_from_slice(chunk);
        cipher.encrypt_block(&mut block);
        out.extend_from_slice(&block);
    }
    Ok(encode_base64(&out).into())
}

fn decrypt_aes(args: &[Value]) -> Outcome {
    let (password, text) = (args::string(args, 0)?.as_bytes(), args::string(args, 1)?.as_bytes());
    if text.is_empty() {
        return Ok(Value::from(""));
    }
    let sealed = decode_base64(text)?;
    let Some((vector, sealed)) = sealed.split_first_chunk::<BLOCK>() else {
        let capacity = text.len() / 4 * 3;
        return Err(format!("runtime error: slice bounds out of range [:{BLOCK}] with capacity {capacity}").into());
    };
    if !sealed.len().is_multiple_of(BLOCK) {
        return Err("crypto/cipher: input not full blocks".into());
    }
    let mut cipher = cbc::Decryptor::<Aes256>::new(&aes_key(password).into(), vector.into());
    let mut out = Vec::with_capacity(sealed.len());
    for chunk in sealed.chunks_exact(BLOCK) {
        let mut block = aes::Block::default();
        block.copy_from_slice(chunk);
        cipher.decrypt_block(&mut block);
        out.extend_from_slice(&block);
    }
    let Some(padding) = out.last().map(|last| usize::from(*last)) else {
        return Err("runtime error: index out of range [-1]".into());
    };
    match out.len().checked_sub(padding) {
        Some(length) => out.truncate(length),
        None => {
            let beyond = padding - out.len();
            return Err(format!("runtime error: slice bounds out of range [:-{beyond}]").into());
        }
    }
    Ok(Value::String(Str::from_bytes(out)))
}
