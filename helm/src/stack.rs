//! Deep recursion without the end of the stack: templates and values may nest as deep as Go lets them.

/// Calls `f` with enough stack for one more level, which is taken from the heap when the current one runs out. Every function
/// that recurses over templates or values goes through here.
pub(crate) fn deeper<T>(f: impl FnOnce() -> T) -> T {
    const LEVEL: usize = 128 << 10;
    const SEGMENT: usize = 2 << 20;
    stacker::maybe_grow(LEVEL, SEGMENT, f)
}
