//! Which version of the shared types an object was built with.

use ndpi_common::names::global;
use object::{Object, ObjectSection, ObjectSymbol};

/// The object's own `ABI_VERSION`; `None` when it does not say.
pub(super) fn of_object(object: &[u8]) -> Option<u32> {
    let file = object::File::parse(object).ok()?;
    let symbol = file.symbol_by_name(global::ABI)?;
    let section = file.section_by_index(symbol.section_index()?).ok()?;
    let bytes = section.data_range(symbol.address(), 4).ok()??;
    let bytes = <[u8; 4]>::try_from(bytes).ok()?;
    Some(if file.is_little_endian() {
        u32::from_le_bytes(bytes)
    } else {
        u32::from_be_bytes(bytes)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_no_object_has_no_version() {
        assert_eq!(super::of_object(b"not an ELF file"), None);
    }

    #[test]
    fn the_embedded_object_has_ours() {
        if let Ok(object) = crate::object::kernel_object() {
            assert_eq!(super::of_object(object), Some(ndpi_common::ABI_VERSION));
        }
    }
}
