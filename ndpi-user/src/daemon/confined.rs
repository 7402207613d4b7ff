//! Rights that a running instance gives up before it shows nDPI a packet.

use anyhow::{Error, Result};
use ndpi_confine::{keep_capabilities, refuse_what_no_service_does};
use ndpi_kernel::Kernel;

use super::options::Options;
use crate::rights;

impl Options {
    /// Gives up the capabilities that no option needs. To be called before there are threads.
    pub(super) fn bound_capabilities(&self) {
        if self.sandbox
            && let Err(error) = keep_capabilities(rights::KEPT_BY_AN_INSTANCE)
        {
            log::warn!("{:#}", Error::new(error));
        }
    }

    /// The kernel side, whose own messages are passed on. From then on nothing has to be mounted any more, and the
    /// kernel refuses all threads what they never do.
    ///
    /// # Errors
    /// The programs cannot be loaded.
    pub(super) fn load_and_confine(&self) -> Result<Kernel> {
        let mut kernel = Kernel::load(&self.load)?;
        kernel.pass_messages_on()?;
        if self.sandbox
            && let Err(error) = refuse_what_no_service_does()
        {
            let error = Error::new(error);
            log::warn!("this instance goes on with all rights that it was started with: {error:#}");
        }
        Ok(kernel)
    }
}
