//! The options of `run` on what is to outlive the process.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use ndpi_kernel::DEFAULT_PIN_DIRECTORY;

/// Where maps and links are pinned, and whether they stay.
#[derive(Args, Clone, Debug)]
pub(super) struct PinOptions {
    /// When it is asked to stop, leave programs, maps and verdicts in place as after a crash: what is decided stays
    /// enforced, and the next start goes on from there. `ndpi-xdp detach` ends that
    #[arg(long)]
    pub(super) keep: bool,

    /// Pin nothing: enforcement ends with the process, however that ends. `status`, `verdicts` and the other
    /// commands to a running instance do not find this one
    #[arg(long, conflicts_with_all = ["keep", "pin_dir"])]
    no_pin: bool,

    /// Folder on the BPF file system where the maps are pinned
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = DEFAULT_PIN_DIRECTORY)]
    pin_dir: PathBuf,
}

impl PinOptions {
    /// Where maps are pinned; `None` for nowhere.
    pub(super) fn directory(&self) -> Option<&Path> {
        (!self.no_pin).then_some(&self.pin_dir)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        pins: PinOptions,
    }

    #[test]
    fn what_is_not_pinned_cannot_be_kept() {
        let pins = |words: &str| {
            let words = format!("run {words}");
            let program = Program::try_parse_from(words.split_whitespace()).ok()?;
            Some(program.pins.directory().map(Path::to_owned))
        };
        assert_eq!(pins(""), Some(Some(DEFAULT_PIN_DIRECTORY.into())));
        assert_eq!(pins("--keep --pin-dir /x"), Some(Some("/x".into())));
        assert_eq!(pins("--no-pin"), Some(None));
        assert_eq!((pins("--no-pin --keep"), pins("--no-pin --pin-dir /x")), (None, None));
    }
}
