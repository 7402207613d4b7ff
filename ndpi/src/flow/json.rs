//! nDPI's own JSON of a flow.

use std::net::{IpAddr, SocketAddr};

use ndpi_sys::constants::FORMAT_JSON;
use ndpi_sys::flow as field;
use ndpi_sys::types::{MasterApp, Protocol, Serializer};

use super::Flow;
use crate::{AppId, JsonError};

/// The endpoints of a flow, for [`Flow::json_with`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The client.
    pub client: SocketAddr,
    /// The server. Of the same family as the client.
    pub server: SocketAddr,
    /// The IP protocol number.
    pub protocol: u8,
    /// The VLAN; 0 is none.
    pub vlan: u16,
}

impl<E: crate::HoldsEngine> Flow<E> {
    /// All that nDPI knows of the flow as its own JSON object, without the endpoints
    /// (`ndpi_dpi2json`).
    ///
    /// # Errors
    ///
    /// Memory is short.
    #[doc(alias = "ndpi_dpi2json")]
    pub fn json(&mut self) -> Result<String, JsonError> {
        let (functions, module) = (self.functions(), self.engine.module());
        let (flow, result) = (self.pointer.as_ptr(), self.result());
        JsonWriter::new(functions)?.filled(|serializer| {
            // SAFETY: a finalized module on its own thread, its flow, borrowed exclusively, and an
            // initialized serializer.
            unsafe { (functions.dpi2json)(module, flow, result, serializer) }
        })
    }

    /// The same after the endpoints (`ndpi_flow2json`).
    ///
    /// # Errors
    ///
    /// Memory is short, or the endpoints are not of one family.
    #[doc(alias = "ndpi_flow2json")]
    pub fn json_with(&mut self, ends: &Endpoints) -> Result<String, JsonError> {
        let (functions, module) = (self.functions(), self.engine.module());
        let (flow, result) = (self.pointer.as_ptr(), self.result());
        let (version, v4, v6) = match (ends.client.ip(), ends.server.ip()) {
            (IpAddr::V4(client), IpAddr::V4(server)) => {
                let v4 = [client, server].map(|ip| u32::from_ne_bytes(ip.octets()));
                (4, v4, [[0; 16]; 2])
            }
            (IpAddr::V6(client), IpAddr::V6(server)) => {
                (6, [0; 2], [client.octets(), server.octets()])
            }
            _ => return Err(JsonError::Families),
        };
        JsonWriter::new(functions)?.filled(|serializer| {
            // SAFETY: as above; the addresses outlive the call, which reads the ones of `version`.
            unsafe {
                (functions.flow2json)(
                    module,
                    flow,
                    version,
                    ends.protocol,
                    ends.vlan,
                    v4[0],
                    v4[1],
                    v6[0].as_ptr().cast(),
                    v6[1].as_ptr().cast(),
                    ends.client.port().to_be(),
                    ends.server.port().to_be(),
                    result,
                    serializer,
                )
            }
        })
    }

    /// The flow's result, as the dissecting functions return it.
    fn result(&self) -> Protocol {
        let AppId { master, app } = self.classification().app;
        Protocol {
            protocol: MasterApp { master, app },
            stack: self.stack().raw(),
            by_ip: self.read(field::GUESSED_BY_IP),
            category: self.read(field::CATEGORY),
            breed: self.read(field::BREED),
            first_packet: self.read(field::FIRST_PACKET),
            custom_category_userdata: self.read(field::CUSTOM_CATEGORY_USERDATA),
            state: self.read(field::STATE),
        }
    }
}

/// A serializer, initialized, and freed in the end.
struct JsonWriter<'a> {
    functions: &'a ndpi_sys::Functions,
    serializer: Serializer,
}

impl<'a> JsonWriter<'a> {
    fn new(functions: &'a ndpi_sys::Functions) -> Result<Self, JsonError> {
        let mut serializer = Serializer::zeroed();
        // SAFETY: memory of a serializer's size and, because pointers are kept in it, alignment. It
        // holds no address of itself, so that it can be moved afterwards.
        let code = unsafe { (functions.init_serializer)(&raw mut serializer, FORMAT_JSON) };
        if code == 0 { Ok(Self { functions, serializer }) } else { Err(JsonError::Failed { code }) }
    }

    fn filled(mut self, fill: impl FnOnce(*mut Serializer) -> i32) -> Result<String, JsonError> {
        let serializer = &raw mut self.serializer;
        let code = fill(serializer);
        if code != 0 {
            return Err(JsonError::Failed { code });
        }
        let mut length = 0_u32;
        // SAFETY: an initialized serializer and a length that outlives the call.
        let text = unsafe { (self.functions.serializer_get_buffer)(serializer, &raw mut length) };
        if text.is_null() {
            return Err(JsonError::Failed { code: 0 });
        }
        let length = usize::try_from(length).unwrap_or_default();
        // SAFETY: the function returned the start of this many bytes, which the serializer owns
        // until it is changed; they are copied at once.
        let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length) };
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

impl Drop for JsonWriter<'_> {
    fn drop(&mut self) {
        // SAFETY: it was initialized, and is freed once.
        unsafe { (self.functions.term_serializer)(&raw mut self.serializer) }
    }
}
