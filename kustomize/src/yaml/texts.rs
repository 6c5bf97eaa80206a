//! Texts that come again and again: names of fields, kinds, versions.

use std::sync::Arc;

/// Two texts are remembered for each of so many hashes.
const SETS: usize = 1_024;
/// Longer texts seldom come twice; the names of the annotations in which a build keeps its notes are shorter.
const MAX_LENGTH: usize = 64;

/// Short texts that came lately: one that comes again is one with the first, which takes less memory and time. Each has two
/// places, by a hash, so that of two that come in turns neither drives out the other; a third one takes that of the older.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts(Vec<[Option<Arc<str>>; 2]>);

impl Texts {
    /// One that remembers; the default one remembers nothing, for small texts on their own.
    pub(crate) fn remembering() -> Self {
        Self(vec![[None, None]; SETS])
    }

    /// The text, as one that is known if it is.
    pub(crate) fn share(&mut self, text: &str) -> Arc<str> {
        if text.len() > MAX_LENGTH || self.0.is_empty() {
            return text.into();
        }
        // FNV-1a.
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let at = usize::try_from((hash ^ (hash >> 32)) % SETS as u64).unwrap_or_default();
        let Some(known) = self.0.get_mut(at) else { return text.into() };
        let is_same = |known: &Option<Arc<str>>| known.as_deref() == Some(text);
        if !is_same(&known[0]) {
            known.swap(0, 1);
            if !is_same(&known[0]) {
                known[0] = Some(text.into());
            }
        }
        known[0].clone().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_comes_again_is_the_same_one() {
        let mut texts = Texts::remembering();
        let first = texts.share("metadata");
        assert!(Arc::ptr_eq(&first, &texts.share("metadata")));
        for number in 0..5_000 {
            let text = number.to_string();
            assert_eq!(*texts.share(&text), *text);
        }
        assert_eq!(*texts.share("metadata"), *first);
        assert_eq!(texts.share(&"x".repeat(100)).len(), 100);
    }
}
