//! Packs as git servers make them and libgit2's own builder does not.

use super::super::pack::PackSink;
use super::*;

/// A pack of one blob, written as a difference to `base`, which is not in the pack: `keep` bytes of it, then `tail`.
pub(super) fn thin_pack(base: ObjectId, base_size: u8, keep: u8, tail: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let added = u8::try_from(tail.len()).unwrap();
    // Sizes of base and result; copy from 0 (one byte of size); insert.
    let mut delta = vec![base_size, keep + added, 0b1001_0000, keep, added];
    delta.extend_from_slice(tail);
    let mut pack = b"PACK\0\0\0\x02\0\0\0\x01".to_vec();
    pack.push(0x70 | u8::try_from(delta.len()).unwrap());
    pack.extend_from_slice(base.oid().as_bytes());
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&delta).unwrap();
    pack.extend(packed.finish().unwrap());
    let checksum = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &pack);
    pack.extend_from_slice(checksum.as_ref());
    pack
}

pub(super) fn sink<'odb>(fixture: &Fixture, odb: &git2::Odb<'odb>) -> PackSink<'odb> {
    PackSink::new(odb, &fixture.served().join("app/objects/pack"), "test", &Limits::default()).unwrap()
}

#[test]
fn a_thin_pack_is_completed_from_what_is_here() {
    let fixture = Fixture::new();
    let base = fixture.source.blob(b"hello world").unwrap();
    let odb = fixture.source.odb().unwrap();
    let mut sink = sink(&fixture, &odb);
    // In pieces of one byte: a network cuts where it likes.
    for byte in thin_pack(base.into(), 11, 6, b"git") {
        sink.write(&[byte]).unwrap();
    }
    sink.finish().unwrap();
    odb.refresh().unwrap();
    let made = git2::Oid::hash_object(git2::ObjectType::Blob, b"hello git").unwrap();
    assert_eq!(odb.read(made).unwrap().data(), b"hello git");
}

#[test]
fn a_pack_on_a_base_that_is_not_here_or_with_flipped_bits_is_refused() {
    let fixture = Fixture::new();
    let base = fixture.source.blob(b"hello world").unwrap();
    let odb = fixture.source.odb().unwrap();
    let good = thin_pack(base.into(), 11, 6, b"git");
    let missing = thin_pack("1111111111111111111111111111111111111111".parse().unwrap(), 11, 6, b"git");
    let mut flipped = good.clone();
    flipped[40] ^= 1;
    for pack in [missing, flipped, good[..good.len() - 5].to_vec(), b"not a pack at all".to_vec(), Vec::new()] {
        let mut sink = sink(&fixture, &odb);
        let outcome = sink.write(&pack).and_then(|()| sink.finish());
        assert!(matches!(outcome, Err(Error::Protocol { .. })), "{outcome:?}");
    }
}
