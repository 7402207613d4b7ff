//! HTTP in clear.

use ndpi_sys::flow::http as field;

use crate::{Flow, text};

/// The first request and response of an HTTP connection. Settings `http,metadata.*` switch parts of
/// it off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// The method: `GET`, `POST`, … (`ndpi_http_method2str`).
    pub method: Option<String>,
    /// Host and path of the request.
    pub url: Option<String>,
    /// The status code of the response.
    pub status: Option<u16>,
    /// The client's program.
    pub user_agent: Option<String>,
    /// The content type of the response.
    pub content_type: Option<String>,
    /// The content type of the request.
    pub request_content_type: Option<String>,
    /// The server's program.
    pub server: Option<String>,
    /// The page that the request came from.
    pub referer: Option<String>,
}

impl<E: crate::HoldsEngine> Flow<E> {
    /// The first request and response; `None` where there are none. Part of [`metadata`](Self::metadata).
    // HTTP has a place of its own in the flow, which starts as zeroes: no protocol to look at.
    pub fn http(&self) -> Option<Http> {
        let http = Http {
            method: self.method(),
            url: self.text(field::URL),
            status: Some(self.read(field::STATUS)).filter(|&status| status != 0),
            user_agent: self.text(field::USER_AGENT),
            content_type: self.text(field::CONTENT_TYPE),
            request_content_type: self.text(field::REQUEST_CONTENT_TYPE),
            server: self.text(field::SERVER),
            referer: self.text(field::REFERER),
        };
        (http != Http::default()).then_some(http)
    }

    fn method(&self) -> Option<String> {
        let method = self.read(field::METHOD);
        // SAFETY: the function takes any number and returns a constant string.
        (method != 0).then(|| unsafe { text::owned((self.functions().http_method2str)(method)) })
    }
}
