//! The keys of Initial packets, which follow from the identifier that the client has chosen for its server
//! (RFC 9001, section 5). They keep nothing secret; but who has not seen the client's Initial does not have them.

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use hkdf::Hkdf;
use sha2::Sha256;

use super::header::{FIXED, LONG_HEADER, Packet};
use super::version::Version;

/// The length of the tag that proves a packet.
pub(super) const TAG: usize = 16;
/// Where the bytes begin that a header is protected with: behind the longest number.
const SAMPLE_AT: usize = 4;

/// What one side protects its Initial packets with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) key: [u8; 16],
    pub(super) iv: [u8; 12],
    pub(super) header: [u8; 16],
}

/// Whose keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Client,
    Server,
}

impl Keys {
    /// The keys of one end of a connection that the client has opened to the identifier `to`.
    pub(super) fn of(version: Version, to: &[u8], end: End) -> Self {
        let constants = version.constants();
        let initial = Hkdf::<Sha256>::new(Some(&constants.salt), to);
        let label = if end == End::Client { "client in" } else { "server in" };
        let secret: [u8; 32] = expand(&initial, label);
        let Ok(secret) = Hkdf::<Sha256>::from_prk(&secret) else { return Self::default() };
        let [key, iv, header] = constants.labels;
        Self { key: expand(&secret, key), iv: expand(&secret, iv), header: expand(&secret, header) }
    }

    /// What is in a packet, and its number, if it was protected with these keys.
    pub(super) fn open(&self, packet: &Packet) -> Option<(u32, Vec<u8>)> {
        let at = packet.number_at;
        let sample = packet.bytes.get(at + SAMPLE_AT..at + SAMPLE_AT + TAG)?;
        let mask = self.mask(sample.try_into().ok()?);
        let mut header = packet.bytes.get(..at + SAMPLE_AT)?.to_vec();
        header[0] ^= mask[0] & 0x0f;
        let length = usize::from(header[0] & 3) + 1;
        header.truncate(at + length);
        header[at..].iter_mut().zip(&mask[1..]).for_each(|(byte, mask)| *byte ^= mask);
        let number = header[at..].iter().fold(0, |number, &byte| number << 8 | u32::from(byte));
        let (bytes, tag) = packet.bytes.get(header.len()..)?.split_last_chunk::<TAG>()?;
        let mut bytes = bytes.to_vec();
        let nonce = self.nonce(number);
        Aes128Gcm::new(&self.key.into())
            .decrypt_inout_detached(&nonce, &header, bytes.as_mut_slice().into(), &(*tag).into())
            .ok()?;
        Some((number, bytes))
    }

    /// A packet with the number 0 and this content, with `header` before its number; the header's first byte
    /// says that the number has four bytes.
    pub(super) fn seal(&self, header: &[u8], content: &[u8]) -> Vec<u8> {
        let mut packet = [header, &[0; 4]].concat();
        let mut content = content.to_vec();
        let sealed = Aes128Gcm::new(&self.key.into()).encrypt_inout_detached(
            &self.nonce(0),
            &packet,
            content.as_mut_slice().into(),
        );
        packet.extend(content);
        // No content that fits into a datagram is too long.
        packet.extend(sealed.unwrap_or_default());
        let at = header.len();
        if let Some(sample) = packet[at + SAMPLE_AT..].first_chunk::<TAG>() {
            let mask = self.mask(*sample);
            packet[0] ^= mask[0] & 0x0f;
            packet[at..].iter_mut().zip(&mask[1..]).for_each(|(byte, mask)| *byte ^= mask);
        }
        packet
    }

    /// What the first byte and the number of a packet are combined with (RFC 9001, section 5.4).
    fn mask(&self, sample: [u8; TAG]) -> [u8; 5] {
        let mut block = sample.into();
        Aes128::new(&self.header.into()).encrypt_block(&mut block);
        std::array::from_fn(|at| block[at])
    }

    fn nonce(&self, number: u32) -> Nonce<Aes128Gcm> {
        let mut nonce = self.iv;
        nonce[8..].iter_mut().zip(number.to_be_bytes()).for_each(|(byte, it)| *byte ^= it);
        nonce.into()
    }
}

/// Whether a Retry answers the Initial that was sent to the identifier `to` (RFC 9001, section 5.8).
pub(super) fn is_retry_to(packet: &Packet, to: &[u8]) -> bool {
    let Some((retry, tag)) = packet.bytes.split_last_chunk::<TAG>() else { return false };
    let length = u8::try_from(to.len()).unwrap_or(u8::MAX);
    let pseudo_packet = [&[length], to, retry].concat();
    retry_tag(packet.version, &pseudo_packet) == Some((*tag).into())
}

pub(super) fn retry_tag(version: Version, pseudo_packet: &[u8]) -> Option<Tag<Aes128Gcm>> {
    let (key, nonce) = version.constants().retry;
    let cipher = Aes128Gcm::new(&key.into());
    cipher.encrypt_inout_detached(&nonce.into(), pseudo_packet, [].as_mut_slice().into()).ok()
}

/// `HKDF-Expand-Label` with an empty context (RFC 8446, section 7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> [u8; N] {
    let mut expanded = [0; N];
    let length = u16::try_from(N).unwrap_or(u16::MAX).to_be_bytes();
    let name = u8::try_from(6 + label.len()).unwrap_or(u8::MAX);
    let info = [&length[..], &[name], b"tls13 ", label.as_bytes(), &[0]];
    if secret.expand_multi_info(&info, &mut expanded).is_err() {
        // Only what is longer than 255 hashes is too long.
        return [0; N];
    }
    expanded
}

/// The first byte of an Initial with a number of four bytes.
pub(super) fn first_byte(version: Version) -> u8 {
    LONG_HEADER | FIXED | version.initial() << 4 | 3
}
