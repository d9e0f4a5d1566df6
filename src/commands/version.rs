//! `viis-operator version`: the program's name and version, for scripts and
//! bug reports.

use std::io::{self, Write};

/// Writes `viis-operator VERSION` and a line end.
///
/// # Errors
/// When `out` cannot be written.
pub fn run(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{} {}",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION")
    )
}
