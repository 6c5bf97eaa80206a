//! Texts that come again and again: names of fields, kinds, versions.

use std::sync::Arc;

/// As many texts are remembered.
const SLOTS: usize = 1_024;
/// Longer texts seldom come twice.
const MAX_LENGTH: usize = 40;

/// Short texts that were read lately: one that comes again is one with the first, which takes less memory and time. Each has
/// one place, by a hash; a later text of the same place takes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts(Vec<Option<Arc<str>>>);

impl Texts {
    /// One that remembers; the default one remembers nothing, for small texts on their own.
    pub(crate) fn remembering() -> Self {
        Self(vec![None; SLOTS])
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
        let at = usize::try_from((hash ^ (hash >> 32)) % SLOTS as u64).unwrap_or_default();
        match self.0.get_mut(at) {
            Some(Some(known)) if **known == *text => Arc::clone(known),
            Some(slot) => Arc::clone(slot.insert(text.into())),
            None => text.into(),
        }
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
