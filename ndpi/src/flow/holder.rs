//! How a flow holds its engine: borrowed, or shared.

use std::ops::Deref;
use std::rc::Rc;

use crate::Engine;

/// What keeps an engine in its place for as long as one of its flows lives: `&Engine` or `Rc<Engine>`, and
/// nothing else, since a flow must find the engine again that it was made by.
pub trait HoldsEngine: Deref<Target = Engine> + sealed::Sealed {}

impl HoldsEngine for &Engine {}
impl HoldsEngine for Rc<Engine> {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for &super::Engine {}
    impl Sealed for std::rc::Rc<super::Engine> {}
}
