//! Steps of reading a flow's packets.

/// What is next for who reads a flow's packets.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// What was read so far was nothing that the receiver reads.
    Restart,
    /// This packet.
    Packet(&'a [u8]),
}
