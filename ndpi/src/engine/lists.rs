//! Lists of everything that an engine knows.

use ndpi_sys::types::MasterApp;

use super::Engine;
use crate::{AppId, Breed, BreedId, Category, CategoryId, Protocol};

impl Engine {
    /// All protocols: nDPI's own by number, then custom ones, whose numbers may be any
    /// (`ndpi_get_num_protocols`, and the names, categories and breeds of each).
    pub fn protocols(&self) -> Vec<Protocol> {
        let all = (0..self.protocol_count).map(|index| self.protocol(index));
        // A line that nDPI did not understand leaves a protocol without a name.
        all.filter(|protocol| protocol.id == 0 || protocol.name != "Unknown").collect()
    }

    /// All categories that have a name, by number.
    pub fn categories(&self) -> Vec<Category> {
        let numbered = (0..).zip(&self.categories);
        let named = numbered.filter(|(_, name)| !name.is_empty());
        named.map(|(id, name)| Category { id: CategoryId(id), name: name.clone() }).collect()
    }

    /// All breeds, by number.
    pub fn breeds(&self) -> Vec<Breed> {
        let all = (0..=u8::MAX).map(BreedId).map(|id| Breed { id, name: self.breed_name(id) });
        all.take_while(|breed| !breed.name.is_empty()).collect()
    }

    /// The protocol at a place of the module's table.
    fn protocol(&self, index: u16) -> Protocol {
        let pair = MasterApp { master: 0, app: index };
        // SAFETY: a finalized module, and a place in its table.
        let encrypted = unsafe { (self.functions().is_encrypted_proto)(self.module(), pair) } != 0;
        // SAFETY: as above.
        let custom = unsafe { (self.functions().is_custom_protocol)(self.module(), index) };
        let id = self.public_id(index);
        Protocol {
            id,
            name: self.protocol_name(id),
            category: self.category_of(AppId { master: 0, app: id }),
            breed: self.breed_of(id),
            encrypted,
            custom,
        }
    }
}
