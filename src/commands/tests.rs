#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use super::*;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn without_a_command_the_help_is_shown() {
    let error = Cli::try_parse_from(["viis-operator"]).unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    assert_eq!(error.exit_code(), 2);
    let help = error.to_string();
    for command in ["run", "import", "check", "crds", "version"] {
        assert!(help.contains(command), "{help}");
    }
}

#[test]
fn version_names_the_program_and_its_version() {
    let mut out = Vec::new();
    version::run(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(
        text,
        concat!("viis-operator ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn only_commands_that_work_are_offered() {
    let offered: Vec<_> = Cli::command()
        .get_subcommands()
        .map(|c| c.get_name().to_owned())
        .collect();
    assert_eq!(offered, ["run", "import", "check", "crds", "version"]);
}
