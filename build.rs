//! How the optimised program is linked. A program at no fixed address has a table of what
//! the loader has to correct at its start; packed, it is 10 KiB instead of 800, and that
//! many pages less are in memory from then on. The C library must be able to read it,
//! which glibc can since 2.36: where that is not sure, the table stays as it is.

use std::env;
use std::process::Command;

/// The first version of glibc that reads packed tables.
const READS_PACKED: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |variable: &str, value: &str| env::var(variable).is_ok_and(|is| is == value);
    let native = env::var("HOST") == env::var("TARGET");
    let glibc = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu");
    if is("PROFILE", "release") && native && glibc && version() >= Some(READS_PACKED) {
        println!("cargo::rustc-link-arg-bin=viis-operator=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's glibc, if it tells.
fn version() -> Option<(u32, u32)> {
    let said = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let said = String::from_utf8(said.ok()?.stdout).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
