//! Hashes of passwords, and passwords from a master password. Sprig: `crypto.go`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::super::args::{self, Outcome};
use super::super::environment::{randomness, spend};
use crate::template::{Call, FunctionError};
use crate::value::Value;

/// Go: `bcrypt.DefaultCost`.
const COST: u32 = 10;

/// The hash with a salt from the seed; what goes wrong is the result.
fn hashed(call: &dyn Call, password: &[u8], function: &str) -> Result<String, FunctionError> {
    if password.len() > 72 {
        return Ok("failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_owned());
    }
    spend(call, 200)?;
    let mut salt = [0; 16];
    randomness(call, function)?.fill(&mut salt);
    match ::bcrypt::hash_with_salt(password, COST, salt) {
        Ok(parts) => Ok(parts.format_for_version(::bcrypt::Version::TwoA)),
        Err(error) => Ok(format!("failed to encrypt string with bcrypt: {error}")),
    }
}

pub(super) fn bcrypt(call: &mut dyn Call, args: &[Value]) -> Outcome {
    Ok(hashed(call, args::string(args, 0)?.as_bytes(), "bcrypt")?.into())
}

pub(super) fn htpasswd(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let (user, password) = (args::string(args, 0)?.to_text(), args::string(args, 1)?);
    if user.contains(':') {
        return Ok(format!("invalid username: {user}").into());
    }
    Ok(format!("{user}:{}", hashed(call, password.as_bytes(), "htpasswd")?).into())
}

const MASTER: &[u8] = b"com.lyndir.masterpassword";

/// The forms of passwords, by the name of their kind.
const FORMS: [(&str, &[&str]); 6] = [
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

/// The characters that a letter of a form stands for.
fn characters(letter: char) -> &'static [u8] {
    match letter {
        'V' => b"AEIOU",
        'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        'v' => b"aeiou",
        'c' => b"bcdfghjklmnpqrstvwxyz",
        'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        'n' => b"0123456789",
        'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// A salt or message of the algorithm: its name, then a text with its length before it.
fn labelled(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [MASTER, &length.to_be_bytes(), text].concat()
}

/// The Master Password algorithm, version 3 (masterpasswordapp.com).
pub(super) fn derive_password(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let counter = u32::try_from(args::int(args, 0)?).unwrap_or(u32::MAX);
    let kind = args::string(args, 1)?;
    let Some((_, forms)) = FORMS.iter().find(|(name, _)| *kind == *name) else {
        return Ok(format!("cannot find password template {}", kind.to_text()).into());
    };
    spend(call, 500)?;
    let (password, user, site) = (args::string(args, 2)?, args::string(args, 3)?, args::string(args, 4)?);
    let failed = |why: String| FunctionError::from(format!("failed to derive password: {why}"));
    let params = scrypt::Params::new(15, 8, 2).map_err(|e| failed(e.to_string()))?;
    let mut key = [0; 64];
    scrypt::scrypt(password.as_bytes(), &labelled(user.as_bytes()), &params, &mut key)
        .map_err(|e| failed(e.to_string()))?;
    let mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|e| failed(e.to_string()))?;
    let message = [labelled(site.as_bytes()).as_slice(), &counter.to_be_bytes()].concat();
    let seed = mac.chain_update(message).finalize().into_bytes();
    let form = forms[usize::from(seed[0]) % forms.len()];
    let character = |(letter, byte): (char, &u8)| {
        let set = characters(letter);
        char::from(set[usize::from(*byte) % set.len()])
    };
    Ok(form.chars().zip(&seed[1..]).map(character).collect::<String>().into())
}
