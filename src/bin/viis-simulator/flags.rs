//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use secrecy::SecretString;

use crate::settings::{Dialect, Settings, StoredTexts};

/// Plays an Integration Server, to try viis-operator without a license. It is
/// not the vendor's program. See docs/simulator.md.
#[derive(Parser)]
#[command(name = "viis-simulator", version, args_override_self = true)]
pub struct Flags {
    /// Where the API listens, over TLS. Port 0: a free one
    #[arg(
        long,
        env = "VIIS_SIMULATOR_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:0"
    )]
    pub listen: SocketAddr,
    /// Where the control endpoint listens, plain HTTP; a loopback address
    #[arg(
        long,
        env = "VIIS_SIMULATOR_CONTROL",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:0"
    )]
    pub control: SocketAddr,
    /// The account's name
    #[arg(
        long,
        env = "VIIS_SIMULATOR_USERNAME",
        value_name = "NAME",
        default_value = "multitenancy"
    )]
    pub username: String,
    /// The account's password [default: simulator]
    #[arg(
        long,
        env = "VIIS_SIMULATOR_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true,
        conflicts_with = "password_file"
    )]
    pub password: Option<SecretString>,
    /// A file with the account's password; a line break at its end does not count
    #[arg(long, env = "VIIS_SIMULATOR_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// A folder for ca.pem and server.pem, made when missing [default: in memory]
    #[arg(long, env = "VIIS_SIMULATOR_CERTIFICATE_DIR", value_name = "FOLDER")]
    pub certificate_dir: Option<PathBuf>,
    /// One more name or address that the certificate is valid for (repeatable)
    #[arg(
        long,
        env = "VIIS_SIMULATOR_CERTIFICATE_NAME",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub certificate_name: Vec<String>,
    /// The undocumented shapes of the answers
    #[arg(
        long,
        env = "VIIS_SIMULATOR_DIALECT",
        value_enum,
        default_value = "default"
    )]
    pub dialect: Dialect,
    /// Tasks that run at once; the others are queued
    #[arg(
        long,
        env = "VIIS_SIMULATOR_CONCURRENT_TASKS",
        value_name = "COUNT",
        default_value_t = 4
    )]
    pub concurrent_tasks: usize,
    /// How long a tenant's creation runs (500ms, 2s, 1m)
    #[arg(long, env = "VIIS_SIMULATOR_CREATE_DURATION", value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub create_duration: Duration,
    /// How long an activation or deactivation runs
    #[arg(long, env = "VIIS_SIMULATOR_ACTIVATE_DURATION", value_name = "DURATION", default_value = "500ms", value_parser = duration)]
    pub activate_duration: Duration,
    /// How long a tenant's deletion runs
    #[arg(long, env = "VIIS_SIMULATOR_DELETE_DURATION", value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub delete_duration: Duration,
    /// How long every call waits before anything is done
    #[arg(long, env = "VIIS_SIMULATOR_LATENCY", value_name = "DURATION", default_value = "0ms", value_parser = duration)]
    pub latency: Duration,
    /// A file that keeps tenants, tasks and KSC's side over a restart
    #[arg(long, env = "VIIS_SIMULATOR_STATE_FILE", value_name = "FILE")]
    pub state_file: Option<PathBuf>,
    /// End when the standard input is closed, so with the parent process
    #[arg(long, env = "VIIS_SIMULATOR_EXIT_WITH_STDIN")]
    pub exit_with_stdin: bool,
}

// === impl Flags ===

impl Flags {
    /// The settings to start with. Reads the password file.
    pub fn settings(&self) -> std::io::Result<Settings> {
        let password = match (&self.password_file, &self.password) {
            (Some(path), _) => {
                let text = std::fs::read_to_string(path)?;
                SecretString::from(text.trim_end_matches(['\r', '\n']))
            }
            (None, Some(password)) => password.clone(),
            (None, None) => SecretString::from("simulator"),
        };
        let milliseconds =
            |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Ok(Settings {
            username: self.username.clone(),
            password,
            dialect: self.dialect,
            concurrent_tasks: self.concurrent_tasks,
            create_ms: milliseconds(self.create_duration),
            activate_ms: milliseconds(self.activate_duration),
            delete_ms: milliseconds(self.delete_duration),
            latency_ms: milliseconds(self.latency),
            ksc_configured: true,
            minimum_password_length: 8,
            unique_users: true,
            vksc_limit: 500,
            reports_enabled: true,
            stored_texts: StoredTexts::AsSent,
            results_as_sent: false,
        })
    }
}

/// `500ms`, `2s`, `1m`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let number: u64 = digits.parse().map_err(|_| wrong_duration(text))?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        _ => None,
    };
    milliseconds
        .map(Duration::from_millis)
        .ok_or_else(|| wrong_duration(text))
}

fn wrong_duration(text: &str) -> String {
    format!("'{text}' is no duration: write 500ms, 2s or 1m")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        for wrong in ["", "2", "s", "1.5s", "2h", "-1s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_password_file_loses_its_line_break() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "pass word\r\n").unwrap();
        let path = file.path().to_str().unwrap();
        let flags = Flags::parse_from(["viis-simulator", "--password-file", path]);
        let settings = flags.settings().unwrap();
        assert_eq!(
            secrecy::ExposeSecret::expose_secret(&settings.password),
            "pass word"
        );
    }
}
