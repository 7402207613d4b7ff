//! Data after the end of compressed data, and messages about compressed data that are incomplete.

use std::io::{self, BufRead, ErrorKind};

/// Steps over zeros behind compressed data of this `format`; says whether more of them follows, which
/// `begins` with its first byte.
pub(super) fn behind(
    source: &mut impl BufRead,
    format: &str,
    begins: impl Fn(u8) -> bool,
) -> io::Result<bool> {
    loop {
        let bytes = source.fill_buf()?;
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        match bytes.get(zeros) {
            Some(&first) if begins(first) => {
                source.consume(zeros);
                return Ok(true);
            }
            Some(_) => return Err(damaged(format, "something else follows them")),
            None if zeros == 0 => return Ok(false),
            None => source.consume(zeros),
        }
    }
}

/// The file ends before its compressed data do.
pub(super) fn cut(format: &str) -> io::Error {
    let text = format!("the {format} data end early: the file was cut");
    io::Error::new(ErrorKind::UnexpectedEof, text)
}

/// Compressed data that contradict themselves.
pub(super) fn damaged(format: &str, why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("the {format} data are damaged: {why}"))
}
