//! Names for numbers, numbers for names, and lists of everything.

use ndpi_sys::module_lock;
use ndpi_sys::types::{FirstPacket, MasterApp, ProtocolStack};

use super::{Engine, OwnedModule};
use crate::{AppId, BreedId, CategoryId, text};

/// A protocol or application that the engine knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// The number, as in [`AppId`].
    pub id: u16,
    /// The name.
    pub name: String,
    /// The category that flows of it have, where no rule says otherwise.
    pub category: CategoryId,
    /// How wanted it is.
    pub breed: BreedId,
    /// Whether its traffic is encrypted.
    pub encrypted: bool,
    /// Whether it came from a protocols file.
    pub custom: bool,
}

/// A category with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// The number.
    pub id: CategoryId,
    /// The name.
    pub name: String,
}

/// A breed with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breed {
    /// The number.
    pub id: BreedId,
    /// The name.
    pub name: String,
}

/// The names of all categories by number, up to the last; empty for numbers without one.
pub(super) fn categories(module: &OwnedModule) -> Vec<String> {
    // Of a number that it does not know the library makes a text in one buffer for all threads.
    let _lock = module_lock();
    let name = |id: u32| {
        let function = module.library.functions().category_get_name;
        // SAFETY: a finalized module; the function takes any number. The string is constant, the
        // module's, or in the buffer that the lock guards; it is copied at once.
        unsafe { text::owned(function(module.pointer.as_ptr(), id)) }
    };
    (0..u32::from(u16::MAX)).map(name).take_while(|name| !name.starts_with(NO_CATEGORY)).collect()
}

/// How the library begins the name of a category that does not exist.
const NO_CATEGORY: &str = "Invalid category";

impl Engine {
    /// The name of a master and application protocol, such as `TLS.Google`, `DNS` or `Unknown`
    /// (`ndpi_protocol2name`).
    pub fn app_name(&self, app: AppId) -> String {
        let protocol = MasterApp { master: app.master, app: app.app };
        let function = self.functions().protocol2name;
        // SAFETY: a finalized module; the function writes a string within the buffer's size, and
        // "Unknown" for numbers that it does not know.
        unsafe {
            text::written::<128>(|buffer, size| {
                function(self.module(), protocol, buffer, size);
            })
        }
    }

    /// The master and application protocol of a name, such as `TLS.YouTube`, `YouTube` or `tls`;
    /// `None` where there is no such protocol. A single name is looked up as an application
    /// (`ndpi_get_protocol_by_name`, `ndpi_get_proto_by_name`).
    pub fn app_by_name(&self, name: &str) -> Option<AppId> {
        let text = text::for_c(name)?;
        if !name.contains('.') {
            return self.protocol_by_name(name).map(|app| AppId { master: 0, app });
        }
        // SAFETY: a finalized module and a C string that outlives the call.
        let found =
            unsafe { (self.functions().get_protocol_by_name)(self.module(), text.as_ptr()) };
        (found != MasterApp::default()).then_some(AppId { master: found.master, app: found.app })
    }

    /// The number of a single protocol's name, upper or lower case; `None` where there is none
    /// (`ndpi_get_proto_by_name`).
    pub fn protocol_by_name(&self, name: &str) -> Option<u16> {
        let text = text::for_c(name)?;
        // SAFETY: a finalized module and a C string that outlives the call.
        let found = unsafe { (self.functions().get_proto_by_name)(self.module(), text.as_ptr()) };
        (found != 0 || name.eq_ignore_ascii_case("unknown")).then_some(found)
    }

    /// The name of a single protocol; `Unknown` for a number that has none
    /// (`ndpi_get_proto_name`).
    pub fn protocol_name(&self, id: u16) -> String {
        // SAFETY: a finalized module; the function checks the number, and the name it returns
        // lives as long as the module.
        unsafe { text::owned((self.functions().get_proto_name)(self.module(), id)) }
    }

    /// The category of a master and application protocol where no rule says otherwise
    /// (`ndpi_get_proto_category`).
    pub fn category_of(&self, app: AppId) -> CategoryId {
        let result = ndpi_sys::types::Protocol {
            protocol: MasterApp { master: app.master, app: app.app },
            stack: ProtocolStack::default(),
            by_ip: 0,
            category: 0,
            breed: 0,
            first_packet: FirstPacket::default(),
            custom_category_userdata: std::ptr::null_mut(),
            state: 0,
        };
        if !self.knows(app.master) || !self.knows(app.app) {
            return CategoryId(0);
        }
        // SAFETY: a finalized module, and protocol numbers that are in its table.
        let found = unsafe { (self.functions().get_proto_category)(self.module(), result) };
        CategoryId(u16::try_from(found).unwrap_or_default())
    }

    /// How wanted a protocol is (`ndpi_get_proto_breed`).
    pub fn breed_of(&self, protocol: u16) -> BreedId {
        if !self.knows(protocol) {
            return BreedId(0);
        }
        // SAFETY: a finalized module, and a protocol number that is in its table.
        let found = unsafe { (self.functions().get_proto_breed)(self.module(), protocol) };
        BreedId(u8::try_from(found).unwrap_or_default())
    }

    /// The name of a category, such as `SocialNetwork`; empty for a number that has none
    /// (`ndpi_category_get_name`).
    pub fn category_name(&self, category: CategoryId) -> String {
        self.categories.get(usize::from(category.0)).cloned().unwrap_or_default()
    }

    /// The category of a name, upper or lower case (`ndpi_category_get_name`, searched).
    pub fn category_by_name(&self, name: &str) -> Option<CategoryId> {
        let found = |known: &String| !known.is_empty() && known.eq_ignore_ascii_case(name);
        let index = self.categories.iter().position(found)?;
        u16::try_from(index).ok().map(CategoryId)
    }

    /// The name of a breed, such as `Acceptable`; empty for a number that has none
    /// (`ndpi_get_proto_breed_name`).
    pub fn breed_name(&self, breed: BreedId) -> String {
        // SAFETY: the function takes any number and returns a constant string.
        let name = unsafe { text::owned((self.functions().get_proto_breed_name)(breed.0.into())) };
        if name == "???" { String::new() } else { name }
    }

    /// The breed of a name, upper or lower case.
    pub fn breed_by_name(&self, name: &str) -> Option<BreedId> {
        self.breeds().into_iter().find(|breed| breed.name.eq_ignore_ascii_case(name)).map(|b| b.id)
    }

    /// All protocols, by number (`ndpi_get_num_protocols` and the names, categories and breeds of
    /// each).
    pub fn protocols(&self) -> Vec<Protocol> {
        (0..self.protocol_count()).map(|id| self.protocol(id)).collect()
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

    /// How many protocols there are; their numbers are those below (`ndpi_get_num_protocols`).
    pub fn protocol_count(&self) -> u16 {
        self.protocol_count
    }

    fn knows(&self, protocol: u16) -> bool {
        protocol < self.protocol_count
    }

    fn protocol(&self, id: u16) -> Protocol {
        let app = AppId { master: 0, app: id };
        let pair = MasterApp { master: 0, app: id };
        // SAFETY: a finalized module, and a protocol number that is in its table.
        let encrypted = unsafe { (self.functions().is_encrypted_proto)(self.module(), pair) } != 0;
        // SAFETY: as above.
        let custom = unsafe { (self.functions().is_custom_protocol)(self.module(), id) };
        Protocol {
            id,
            name: self.protocol_name(id),
            category: self.category_of(app),
            breed: self.breed_of(id),
            encrypted,
            custom,
        }
    }
}
