//! Plain values as bytes, for the other side of shared memory. Reading believes nothing.

use ndpi::{AppId, BreedId, CategoryId, Classification, Confidence, Risks, State};

/// The states by their numbers on the way.
const STATES: [State; 4] =
    [State::Inspecting, State::Partial, State::Monitoring, State::Classified];

/// Puts values behind one another.
#[derive(Debug)]
pub(super) struct Encoder<'a>(pub(super) &'a mut Vec<u8>);

impl Encoder<'_> {
    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.0.extend(value.to_ne_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_ne_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_ne_bytes());
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.u8(value.into());
    }

    /// What is longer than its length can say is cut; nothing that nDPI is given or gives is.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.u32(length);
        self.0.extend(&bytes[..length as usize]);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            put(self, value);
        }
    }

    pub(super) fn app(&mut self, app: AppId) {
        self.u16(app.master);
        self.u16(app.app);
    }

    pub(super) fn classification(&mut self, it: &Classification) {
        self.u8(number(&STATES, &it.state));
        self.app(it.app);
        self.u16(it.category.0);
        self.u8(it.breed.0);
        self.u8(number(&Confidence::ALL, &it.confidence));
        self.bool(it.guessed);
        self.u64(it.risks.0);
    }
}

/// Where a value is among all of its kind.
fn number<T: PartialEq>(all: &[T], value: &T) -> u8 {
    all.iter().position(|it| it == value).and_then(|at| u8::try_from(at).ok()).unwrap_or(0)
}

/// Takes values from the front; `None` where there is no such value.
#[derive(Debug)]
pub(super) struct Decoder<'a>(pub(super) &'a [u8]);

impl<'a> Decoder<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_ne_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_ne_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_ne_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_ne_bytes)
    }

    pub(super) fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()? as usize;
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }

    #[expect(clippy::option_option, reason = "what cannot be read is not what is absent")]
    pub(super) fn option<T>(
        &mut self,
        take: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.bool()? { take(self).map(Some) } else { Some(None) }
    }

    pub(super) fn app(&mut self) -> Option<AppId> {
        Some(AppId { master: self.u16()?, app: self.u16()? })
    }

    pub(super) fn classification(&mut self) -> Option<Classification> {
        Some(Classification {
            state: *STATES.get(usize::from(self.u8()?))?,
            app: self.app()?,
            category: CategoryId(self.u16()?),
            breed: BreedId(self.u8()?),
            confidence: *Confidence::ALL.get(usize::from(self.u8()?))?,
            guessed: self.bool()?,
            risks: Risks(self.u64()?),
        })
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}
