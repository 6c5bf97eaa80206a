use super::keys::Key;
use super::{adler32, decrypt_aes, pem};
use crate::functions::Seed;
use crate::value::Value;

/// A key made by OpenSSL, for its form only.
const EC: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIPmwQlTLSoqu6zVAflCszk4A8VSdaaJGNhTPn9cTP0mFoAoGCCqGSM49
AwEHoUQDQgAE2vQWbBnMdPsRJHL2TYbMXX+zb7J1bCcD4GGxpRIRXCMUNCGwU2xG
9VSYAzRjVfXDSaExTGGvfzoAEXNdUVPdvA==
-----END EC PRIVATE KEY-----
";

#[test]
fn digests_are_those_of_go() {
    assert_eq!((adler32(b""), adler32(b"hello")), (1, 103_547_413));
}

#[test]
fn what_is_not_encrypted_so_fails_as_in_go() {
    let decrypted =
        |text: &str| decrypt_aes(&[Value::from("k"), Value::from(text)]).map_err(|e| e.message().to_owned());
    for (text, error) in [
        ("!", "illegal base64 data at input byte 0"),
        ("YQ==", "runtime error: slice bounds out of range [:16] with capacity 3"),
        ("AAAAAAAAAAAAAAAAAAAAAA==", "runtime error: index out of range [-1]"),
        ("AAAAAAAAAAAAAAAAAAAAAAA=", "crypto/cipher: input not full blocks"),
    ] {
        assert_eq!(decrypted(text).err().as_deref(), Some(error), "{text}");
    }
}

#[test]
fn pem_is_read_leniently_and_written_in_lines() {
    let text = "before\n-----BEGIN A-----\njunk\n-----BEGIN B-----\nYWJj\n-----END B----- \nafter";
    assert_eq!(pem::decode(text).map(|b| (b.label, b.bytes)), Some(("B".to_owned(), b"abc".to_vec())));
    let written = pem::encode("X", &[7; 60]);
    assert_eq!(written.lines().map(str::len).collect::<Vec<_>>(), [17, 64, 16, 15]);
    assert_eq!(pem::decode(&written).map(|b| b.bytes), Some(vec![7; 60]));
    assert_eq!(pem::decode("-----BEGIN A-----\n-----END B-----\n"), None);
}

#[test]
fn keys_that_are_read_are_written_the_same() -> Result<(), String> {
    let secret = |pem: &str| pem::decode(pem).map(|block| block.bytes[7..39].to_vec());
    let written = Key::from_pem(EC)?.to_pem()?;
    assert_eq!(secret(&written), secret(EC));
    assert_eq!(Key::from_pem(&written)?.to_pem()?, written);
    for (text, error) in [
        ("bad", "no PEM data in input"),
        (
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            "no private key data in PEM block of type CERTIFICATE",
        ),
        ("-----BEGIN X PRIVATE KEY-----\n-----END X PRIVATE KEY-----\n", "invalid private key type X"),
    ] {
        assert_eq!(Key::from_pem(text).err().as_deref(), Some(error));
    }
    Ok(())
}

#[test]
fn streams_differ_by_purpose_and_seed_and_by_nothing_else() {
    let bytes = |seed: u8, purpose: &[u8]| {
        let mut out = [0; 16];
        Seed::new([seed; 32]).stream(purpose).fill(&mut out);
        out
    };
    assert_eq!(bytes(1, b"a"), bytes(1, b"a"));
    assert_ne!(bytes(1, b"a"), bytes(2, b"a"));
    assert_ne!(bytes(1, b"a"), bytes(1, b"b"));
    assert_eq!(format!("{:?}", Seed::new([1; 32])), "Seed(…)");
}
