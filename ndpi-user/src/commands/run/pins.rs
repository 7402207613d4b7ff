//! The options of `run` on what is to outlive the process.

use std::path::PathBuf;

use clap::Args;

use super::super::InstanceOptions;

/// Where maps and links are pinned, and whether they stay.
#[derive(Args, Clone, Debug)]
pub(super) struct PinOptions {
    /// When it is asked to stop, leave programs, maps and verdicts in place as after a crash: what is decided stays
    /// enforced, and the next start goes on from there. `ndpi-xdp detach` ends that
    #[arg(long)]
    pub(super) keep: bool,

    /// Pin nothing: enforcement ends with the process, however that ends. `status`, `verdicts` and the other
    /// commands to a running instance do not find this one
    #[arg(long, conflicts_with_all = ["keep", "name", "pin_dir"])]
    no_pin: bool,

    #[command(flatten)]
    pub(super) instance: InstanceOptions,
}

impl PinOptions {
    /// Where maps are pinned; `None` for nowhere.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        (!self.no_pin).then(|| self.instance.pin_directory())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use ndpi_kernel::DEFAULT_PIN_DIRECTORY;

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
            Some(program.pins.directory())
        };
        assert_eq!(pins(""), Some(Some(DEFAULT_PIN_DIRECTORY.into())));
        assert_eq!(pins("--keep --pin-dir /x"), Some(Some("/x".into())));
        assert_eq!(pins("--no-pin"), Some(None));
        for both in ["--no-pin --keep", "--no-pin --pin-dir /x", "--no-pin --name lan"] {
            assert_eq!(pins(both), None, "{both}");
        }
    }
}
