//! Known packets and what nDPI 5.0 must say of them.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ptr::NonNull;

use super::{peek, raw_call};
use crate::constants::{CONFIDENCE_DPI, HTTP_METHOD_GET, STATE_CLASSIFIED};
use crate::types::{Flow, Module, Protocol};
use crate::{Functions, flow, module_lock, packets};

/// Why a library is not the one it says to be.
pub(super) enum Failure {
    /// It returns this many bytes.
    ResultSize(usize),
    /// A field does not hold what it must: what was looked at, what was there.
    Answer(String),
}

const TIME_MS: u64 = 1_700_000_000_000;
const HOST: &str = "self-test.example";

/// Dissects an HTTP request, a DNS query and a TLS client hello in a module of its own.
pub(super) fn check(functions: &Functions) -> Result<(), Failure> {
    let _lock = module_lock();
    let scratch = Scratch::new(functions)?;
    http(&scratch)?;
    dns(&scratch)?;
    tls(&scratch)
}

fn http(scratch: &Scratch) -> Result<(), Failure> {
    let request = packets::http_get(HOST, "/self-test", "self-test/1");
    let answer = scratch.dissect(&tcp(80, &request))?;
    answer.protocol("HTTP request", "HTTP", CONFIDENCE_DPI)?;
    answer.text("HTTP host name", flow::HOST_NAME.offset(), HOST)?;
    number("HTTP method", answer.read(flow::http::METHOD), HTTP_METHOD_GET)?;
    answer.pointer("HTTP URL", flow::http::URL, "self-test.example/self-test")?;
    answer.pointer("HTTP user agent", flow::http::USER_AGENT, "self-test/1")
}

fn dns(scratch: &Scratch) -> Result<(), Failure> {
    let query = packets::udp(endpoint(1, 40_000), endpoint(2, 53), &packets::dns_query(HOST));
    let answer = scratch.dissect(&query)?;
    answer.protocol("DNS query", "DNS", CONFIDENCE_DPI)?;
    answer.text("DNS name", flow::HOST_NAME.offset(), HOST)?;
    number("DNS query type", answer.read(flow::dns::QUERY_TYPE).into(), 1)?;
    number("DNS transaction", answer.read(flow::dns::TRANSACTION).into(), 0x1234)
}

fn tls(scratch: &Scratch) -> Result<(), Failure> {
    let hello = packets::tls_client_hello(HOST, &["h2", "http/1.1"]);
    let answer = scratch.dissect(&tcp(443, &hello))?;
    answer.protocol("TLS client hello", "TLS", CONFIDENCE_DPI)?;
    answer.text("TLS server name", flow::HOST_NAME.offset(), HOST)?;
    answer.pointer("TLS ALPN", flow::tls::ADVERTISED_ALPNS, "h2,http/1.1")?;
    answer.text("JA4 fingerprint", flow::tls::JA4_CLIENT.offset(), JA4)
}

/// JA4 of the hello in [`packets`]: TLS 1.3 over TCP, SNI, 3 ciphers, 6 extensions, ALPN `h2`.
const JA4: &str = "t13d0306h2_";

fn endpoint(last: u8, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(198, 18, 0, last), port)
}

fn tcp(port: u16, payload: &[u8]) -> Vec<u8> {
    packets::tcp(endpoint(1, 40_000), endpoint(2, port), packets::PSH_ACK, (1, 1), payload)
}

fn number(what: &str, found: u32, expected: u32) -> Result<(), Failure> {
    if found == expected {
        return Ok(());
    }
    Err(Failure::Answer(format!("{what} is {found}, expected {expected}")))
}

/// A small module that nobody else sees.
struct Scratch<'a> {
    functions: &'a Functions,
    module: NonNull<Module>,
}

impl<'a> Scratch<'a> {
    /// The caller holds the module lock for as long as this lives.
    fn new(functions: &'a Functions) -> Result<Self, Failure> {
        // SAFETY: the module lock is held; there is no global context.
        let module = unsafe { (functions.init_detection_module)(std::ptr::null_mut()) };
        let module = NonNull::new(module)
            .ok_or_else(|| Failure::Answer("it could not make a detection module".into()))?;
        let scratch = Self { functions, module };
        for (protocol, key) in
            [(c"any".as_ptr(), c"ip_list.load"), (std::ptr::null(), c"flow_risk_lists.load")]
        {
            // Saves time and memory only, so the answer does not matter.
            // SAFETY: a module that is not yet finalized, and C strings that the call reads.
            unsafe {
                (functions.set_config)(module.as_ptr(), protocol, key.as_ptr(), c"0".as_ptr());
            }
        }
        // SAFETY: the module lock is held, and this is the first finalization.
        let result = unsafe { (functions.finalize_initialization)(module.as_ptr()) };
        if result == 0 {
            Ok(scratch)
        } else {
            Err(Failure::Answer(format!("finalizing a detection module gave {result}, not 0")))
        }
    }

    /// Gives one packet to a flow of its own.
    fn dissect(&self, packet: &[u8]) -> Result<Answer<'_>, Failure> {
        // SAFETY: any size may be asked for; the result is checked.
        let flow = unsafe { (self.functions.flow_malloc)(flow::SIZE) };
        let flow = NonNull::new(flow)
            .ok_or_else(|| Failure::Answer("it could not allocate a flow".into()))?;
        // SAFETY: the library has just given SIZE bytes, which are nobody else's.
        unsafe { flow.cast::<u8>().write_bytes(0, flow::SIZE) };
        // SAFETY: a finalized module and a zeroed flow of the size it says.
        let result = unsafe {
            raw_call::process(self.functions, self.module.as_ptr(), flow.as_ptr(), packet, TIME_MS)
        };
        let answer = Answer { scratch: self, flow, protocol: result.protocol() };
        let written = result.written();
        let state = answer.protocol.state;
        if written != size_of::<Protocol>() {
            Err(Failure::ResultSize(written))
        } else if state > STATE_CLASSIFIED {
            Err(Failure::Answer(format!("a packet's state is {state}, which there is not")))
        } else {
            Ok(answer)
        }
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        // SAFETY: the module is freed once, its flows are gone (they borrow it), and the module
        // lock is held.
        unsafe { (self.functions.exit_detection_module)(self.module.as_ptr()) }
    }
}

/// A flow after its packet.
struct Answer<'a> {
    scratch: &'a Scratch<'a>,
    flow: NonNull<Flow>,
    protocol: Protocol,
}

impl Answer<'_> {
    fn read<T: Copy>(&self, field: flow::Field<T>) -> T {
        // SAFETY: the flow has SIZE bytes, zeroed before use, and nobody dissects now. All fields
        // read here are integers or pointers, and pointers are not followed.
        unsafe { field.read(self.flow) }
    }

    /// The result and the flow agree on protocol, state and confidence.
    fn protocol(&self, packet: &str, name: &str, confidence: u32) -> Result<(), Failure> {
        let found = self.protocol.protocol;
        number(&format!("{packet}'s application"), found.app.into(), self.id(name)?)?;
        number(&format!("{packet}'s state"), self.read(flow::STATE), self.protocol.state)?;
        number(&format!("{packet}'s category"), self.read(flow::CATEGORY), self.protocol.category)?;
        number(&format!("{packet}'s confidence"), self.read(flow::CONFIDENCE), confidence)?;
        let stack = self.read(flow::DETECTED);
        if stack == [found.app, found.master] {
            return Ok(());
        }
        Err(Failure::Answer(format!("the {packet}'s flow holds {stack:?}, its result {found:?}")))
    }

    fn id(&self, name: &str) -> Result<u32, Failure> {
        let text = std::ffi::CString::new(name).expect("a protocol's name has no NUL");
        let functions = self.scratch.functions;
        // SAFETY: a finalized module and a C string that outlives the call.
        let found =
            unsafe { (functions.get_proto_by_name)(self.scratch.module.as_ptr(), text.as_ptr()) };
        match found {
            0 => Err(Failure::Answer(format!("it knows no protocol {name}"))),
            id => Ok(id.into()),
        }
    }

    /// The string that starts at an offset of the flow begins so.
    fn text(&self, what: &str, offset: usize, expected: &str) -> Result<(), Failure> {
        // SAFETY: the flow has SIZE bytes and was zeroed before use; this only borrows them until
        // the end of the function.
        let bytes =
            unsafe { std::slice::from_raw_parts(self.flow.cast::<u8>().as_ptr(), flow::SIZE) };
        if bytes[offset..].starts_with(expected.as_bytes()) {
            return Ok(());
        }
        let end = (offset + expected.len()).min(flow::SIZE);
        let found = String::from_utf8_lossy(&bytes[offset..end]);
        Err(Failure::Answer(format!("{what} is {found:?}, expected {expected:?}")))
    }

    /// A pointer in the flow leads to this string.
    fn pointer(
        &self,
        what: &str,
        field: flow::Field<*const std::ffi::c_char>,
        expected: &str,
    ) -> Result<(), Failure> {
        if peek::is_string(self.read(field).addr(), expected) {
            return Ok(());
        }
        Err(Failure::Answer(format!("{what} is not {expected:?}")))
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        // SAFETY: the flow came from this library's allocator and is freed once.
        unsafe { (self.scratch.functions.flow_free)(self.flow.as_ptr()) }
    }
}
