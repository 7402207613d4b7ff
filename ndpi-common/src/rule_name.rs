//! Names of rules, so that an entry says by which rule it was made after its policy was replaced.

/// A rule of a policy: a key of `RULES`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct RuleKey {
    /// Which of the policies that one instance has had, from 1.
    pub revision: u32,
    /// The rule's place in that policy, from 0.
    pub rule: u32,
}

/// Bytes of a name that are kept.
const LEN: usize = 128;

/// A rule's name: a value of `RULES`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct RuleName {
    /// UTF-8, and zeros behind it.
    pub bytes: [u8; LEN],
}

impl RuleName {
    /// The first characters of `name` that fit; what follows a zero is not read again.
    pub fn new(name: &str) -> Self {
        let mut end = name.len().min(LEN);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let mut bytes = [0; LEN];
        bytes[..end].copy_from_slice(&name.as_bytes()[..end]);
        Self { bytes }
    }

    /// The name, as far as it is UTF-8.
    pub fn as_str(&self) -> &str {
        let end = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(LEN);
        let name = &self.bytes[..end];
        match core::str::from_utf8(name) {
            Ok(name) => name,
            Err(error) => core::str::from_utf8(&name[..error.valid_up_to()]).unwrap_or_default(),
        }
    }
}

const _: () = {
    assert!(size_of::<RuleKey>() == 4 + 4);
    assert!(size_of::<RuleName>() == LEN);
};

// SAFETY: `repr(C)`, integers only, no padding (asserted above): every bit pattern is a value, and
// every byte of a value is initialised.
unsafe impl crate::Pod for RuleKey {}
// SAFETY: as for `RuleKey`.
unsafe impl crate::Pod for RuleName {}

#[cfg(test)]
mod tests {
    use super::RuleName;

    #[test]
    fn a_name_is_kept_as_far_as_whole_characters_fit() {
        assert!(RuleName::new("no video").as_str() == "no video");
        assert!(RuleName::new("").as_str().is_empty());
        let whole = "n".repeat(128);
        assert!(RuleName::new(&whole).as_str() == whole);
        let wide = "n".repeat(127) + "\u{e9}";
        assert!(RuleName::new(&wide).as_str() == "n".repeat(127));
    }

    #[test]
    fn what_is_not_text_ends_the_name() {
        let mut name = RuleName::new("blocked");
        name.bytes[2] = 0xff;
        assert!(name.as_str() == "bl");
    }
}
