//! XDP features of an interface's driver (`Documentation/netlink/specs/netdev.yaml`).

use std::io;

use rustix::net::netlink::GENERIC;

use super::message::{DO, Request, find, long, read_u16};

/// `GENL_ID_CTRL`, the family that knows the others' numbers (`linux/genetlink.h`).
const CONTROL: u16 = 0x10;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;

/// `NETDEV_CMD_DEV_GET` and its attributes (`linux/netdev.h`).
const GET_DEVICE: u8 = 1;
const DEVICE_INDEX: u16 = 1;
const DEVICE_XDP_FEATURES: u16 = 3;
/// `NETDEV_XDP_ACT_BASIC`: a program runs, and drops, passes and sends back.
const RUNS_PROGRAMS: u64 = 1;
/// `NETDEV_XDP_ACT_NDO_XMIT`: frames that are redirected to it are sent.
const TAKES_FRAMES: u64 = 4;

/// The fixed part of generic messages: command and version.
const FIXED: usize = 4;

/// Whether frames that XDP redirects to the interface would be sent, as its driver is set up now;
/// `None` where the kernel does not say (before Linux 6.3).
pub(crate) fn takes_redirects(index: u32) -> io::Result<Option<bool>> {
    Ok(features(index)?.map(|features| features & TAKES_FRAMES != 0))
}

/// Whether the driver of the interface runs XDP programs at all; `None` as above.
pub(crate) fn runs_xdp(index: u32) -> io::Result<Option<bool>> {
    Ok(features(index)?.map(|features| features & RUNS_PROGRAMS != 0))
}

fn features(index: u32) -> io::Result<Option<u64>> {
    let name = Request::new(CONTROL, DO, &fixed(GET_FAMILY)).with(FAMILY_NAME, b"netdev\0");
    let family = match ask(name, CONTROL) {
        Ok(answer) => answer.as_deref().and_then(|it| find(it, FAMILY_ID)).and_then(read_u16),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let Some(family) = family else { return Ok(None) };
    let device = Request::new(family, DO, &fixed(GET_DEVICE));
    let answer = ask(device.with(DEVICE_INDEX, &index.to_ne_bytes()), family)?;
    Ok(answer.as_deref().and_then(|it| find(it, DEVICE_XDP_FEATURES)).and_then(long))
}

/// The attributes of the first answer from `family`.
fn ask(request: Request, family: u16) -> io::Result<Option<Vec<u8>>> {
    let answers = request.exchange_with(Some(GENERIC))?;
    let first = answers.into_iter().find(|(kind, _)| *kind == family);
    Ok(first.and_then(|(_, payload)| payload.get(FIXED..).map(<[u8]>::to_vec)))
}

fn fixed(command: u8) -> [u8; FIXED] {
    [command, 1, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::{runs_xdp, takes_redirects};

    #[test]
    fn the_loopback_takes_no_frames() {
        // Index 1 in every network namespace; it runs no XDP in the driver.
        assert_ne!(takes_redirects(1).unwrap(), Some(true));
        assert_ne!(runs_xdp(1).unwrap(), Some(true));
    }

    #[test]
    fn an_interface_that_is_not_there_is_an_error_or_unknown() {
        assert!(matches!(takes_redirects(i32::MAX.cast_unsigned()), Err(_) | Ok(None)));
    }
}
