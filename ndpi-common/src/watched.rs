//! Where the frames of a watched interface go.

/// The values of `INTERFACES`: what becomes of frames that pass on an interface. Any other value is the
/// index of the interface out of which they go, where generic XDP leaves that to TC.
pub struct Watched;

impl Watched {
    /// They go up to the stack: no end of a wire.
    pub const PLAIN: u32 = 0;
    /// It is the end of a wire: where `PEERS` gives no other end, they are dropped. A wire never leaks
    /// into the stack.
    pub const CUT: u32 = u32::MAX;
}
