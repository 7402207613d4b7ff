//! The two numbers of a custom protocol.
//!
//! A protocols file can give a protocol a number of its own (`@Name=800`). The library then says
//! that number in its results, but keeps the protocol's place in its table in the flow and wants
//! it in some calls. In this crate every number is the one in results.

use ndpi_sys::types::MasterApp;

use super::Engine;
use crate::AppId;

impl Engine {
    /// The number in results for a place in the table (`ndpi_map_ndpi_id_to_user_proto_id`).
    pub(crate) fn public_id(&self, index: u16) -> u16 {
        // SAFETY: a finalized module; the function returns numbers it does not know as they are.
        unsafe { (self.functions().map_ndpi_id_to_user_proto_id)(self.module(), index) }
    }

    /// The same for master and application.
    pub(crate) fn public_app(&self, indexes: MasterApp) -> AppId {
        AppId { master: self.public_id(indexes.master), app: self.public_id(indexes.app) }
    }

    /// The place in the table for a number in results; `None` where there is none
    /// (`ndpi_map_user_proto_id_to_ndpi_id`).
    pub(super) fn index_of(&self, id: u16) -> Option<u16> {
        // SAFETY: a finalized module; for a number it does not know the function returns 0.
        let index = unsafe { (self.functions().map_user_proto_id_to_ndpi_id)(self.module(), id) };
        let known = index < self.protocol_count && (index != 0 || id == 0);
        known.then_some(index)
    }
}
