//! Names for numbers and numbers for names.

use ndpi_sys::types::{FirstPacket, MasterApp, Protocol, ProtocolStack};

use super::Engine;
use crate::{AppId, BreedId, CategoryId, Stack, text};

impl Engine {
    /// The name of a master and application protocol, such as `TLS.Google`, `DNS` or `Unknown`
    /// (`ndpi_protocol2name`).
    #[doc(alias = "ndpi_protocol2name")]
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
        (found != MasterApp::default()).then(|| self.public_app(found))
    }

    /// The number of a single protocol's name, upper or lower case; `None` where there is none
    /// (`ndpi_get_proto_by_name`).
    #[doc(alias = "ndpi_get_proto_by_name")]
    pub fn protocol_by_name(&self, name: &str) -> Option<u16> {
        let text = text::for_c(name)?;
        // SAFETY: a finalized module and a C string that outlives the call.
        let found = unsafe { (self.functions().get_proto_by_name)(self.module(), text.as_ptr()) };
        (found != 0 || name.eq_ignore_ascii_case("unknown")).then(|| self.public_id(found))
    }

    /// The name of a single protocol; `Unknown` for a number that has none
    /// (`ndpi_get_proto_name`).
    #[doc(alias = "ndpi_get_proto_name")]
    pub fn protocol_name(&self, id: u16) -> String {
        // SAFETY: a finalized module; the function checks the number, and the name it returns
        // lives as long as the module.
        unsafe { text::owned((self.functions().get_proto_name)(self.module(), id)) }
    }

    /// The category of a master and application protocol where no rule says otherwise
    /// (`ndpi_get_proto_category`).
    #[doc(alias = "ndpi_get_proto_category")]
    pub fn category_of(&self, app: AppId) -> CategoryId {
        let (Some(master), Some(app)) = (self.index_of(app.master), self.index_of(app.app)) else {
            return CategoryId(0);
        };
        let result = Protocol {
            protocol: MasterApp { master, app },
            stack: ProtocolStack::default(),
            by_ip: 0,
            category: 0,
            breed: 0,
            first_packet: FirstPacket::default(),
            custom_category_userdata: std::ptr::null_mut(),
            state: 0,
        };
        // SAFETY: a finalized module, and protocol numbers that are in its table.
        let found = unsafe { (self.functions().get_proto_category)(self.module(), result) };
        CategoryId(u16::try_from(found).unwrap_or_default())
    }

    /// How wanted a protocol is (`ndpi_get_proto_breed`).
    #[doc(alias = "ndpi_get_proto_breed")]
    pub fn breed_of(&self, protocol: u16) -> BreedId {
        // SAFETY: a finalized module; the function checks the number.
        let found = unsafe { (self.functions().get_proto_breed)(self.module(), protocol) };
        BreedId(u8::try_from(found).unwrap_or_default())
    }

    /// The name of a category, such as `SocialNetwork`; empty for a number that has none
    /// (`ndpi_category_get_name`).
    #[doc(alias = "ndpi_category_get_name")]
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
    #[doc(alias = "ndpi_get_proto_breed_name")]
    pub fn breed_name(&self, breed: BreedId) -> String {
        // SAFETY: the function takes any number and returns a constant string.
        let name = unsafe { text::owned((self.functions().get_proto_breed_name)(breed.0.into())) };
        if name == "???" { String::new() } else { name }
    }

    /// The breed of a name, upper or lower case.
    pub fn breed_by_name(&self, name: &str) -> Option<BreedId> {
        self.breeds().into_iter().find(|breed| breed.name.eq_ignore_ascii_case(name)).map(|b| b.id)
    }

    /// A protocol stack as text, `TLS.GoogleServices.YouTube` (`ndpi_stack2str`).
    #[doc(alias = "ndpi_stack2str")]
    pub fn stack_name(&self, stack: Stack) -> String {
        let mut raw = stack.raw();
        let function = self.functions().stack2str;
        // SAFETY: a finalized module, a stack that the library made and that outlives the call,
        // and a buffer within whose size the function writes a string.
        unsafe {
            text::written::<256>(|buffer, size| {
                function(self.module(), &raw mut raw, buffer, size);
            })
        }
    }
}
