//! How this server behaves: what the flags set at the start and the control
//! endpoint changes later. No I/O.

use clap::ValueEnum;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The undocumented shapes of the API, one consistent set of guesses each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `<task id=…/>`, upper-case GUIDs, nested result, `<error><code>`.
    Default,
    /// BOM, namespaces, extra elements, other order, GUIDs in braces, result as escaped XML.
    Attributes,
    /// Bare identifiers as text, numeric ids, random order, no task list.
    Bare,
    /// The 202 body is JSON.
    Json,
    /// The 202 body is empty, the identifier stands in `Location`.
    Location,
    /// Ended tasks are forgotten at once, lists are wrapped twice.
    Forgetful,
    /// A tenant is in the list (and gone again after a failure) while its creation runs.
    Early,
    /// Words in lower case, XML called HTML, indented CDATA, a chatty 202 with a relative
    /// `Location`, lists with a status and a page.
    Untidy,
}

/// How the server stores names and other texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoredTexts {
    /// As they are sent.
    AsSent,
    /// Without outer white space.
    Trimmed,
    /// With one blank for each run of white space, too, and in NFC.
    Normalized,
    /// Their first 16 characters.
    Shortened,
}

/// What can be changed while the server runs.
pub struct Settings {
    /// The account's name.
    pub username: String,
    /// The account's password.
    pub password: SecretString,
    /// The wire's undocumented part.
    pub dialect: Dialect,
    /// Tasks that run at once.
    pub concurrent_tasks: usize,
    /// Milliseconds that a CreateTenant task runs.
    pub create_ms: u64,
    /// Milliseconds that a ChangeTenantActivation task runs.
    pub activate_ms: u64,
    /// Milliseconds that a DeleteTenant task runs.
    pub delete_ms: u64,
    /// Milliseconds that every call waits before anything is done.
    pub latency_ms: u64,
    /// Whether the server has connection settings for KSC.
    pub ksc_configured: bool,
    /// KSC's password rule, in characters.
    pub minimum_password_length: usize,
    /// Whether KSC refuses a user name that is taken.
    pub unique_users: bool,
    /// How many virtual Administration Servers KSC supports.
    pub vksc_limit: usize,
    /// Whether reports are produced (a real server has them off at first).
    pub reports_enabled: bool,
    /// How names and other texts are stored.
    pub stored_texts: StoredTexts,
    /// Whether a creation's result repeats the texts that were sent.
    pub results_as_sent: bool,
}

/// A change of settings: only what is named changes.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    username: Option<String>,
    password: Option<String>,
    dialect: Option<Dialect>,
    concurrent_tasks: Option<usize>,
    create_ms: Option<u64>,
    activate_ms: Option<u64>,
    delete_ms: Option<u64>,
    latency_ms: Option<u64>,
    ksc_configured: Option<bool>,
    minimum_password_length: Option<usize>,
    unique_users: Option<bool>,
    vksc_limit: Option<usize>,
    reports_enabled: Option<bool>,
    stored_texts: Option<StoredTexts>,
    results_as_sent: Option<bool>,
}

// === impl Settings ===

impl Settings {
    /// Takes over what the change names.
    pub fn take(&mut self, change: Change) {
        fn set<T>(slot: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *slot = value;
            }
        }
        set(&mut self.username, change.username);
        set(&mut self.password, change.password.map(SecretString::from));
        set(&mut self.dialect, change.dialect);
        set(&mut self.concurrent_tasks, change.concurrent_tasks);
        set(&mut self.create_ms, change.create_ms);
        set(&mut self.activate_ms, change.activate_ms);
        set(&mut self.delete_ms, change.delete_ms);
        set(&mut self.latency_ms, change.latency_ms);
        set(&mut self.ksc_configured, change.ksc_configured);
        set(
            &mut self.minimum_password_length,
            change.minimum_password_length,
        );
        set(&mut self.unique_users, change.unique_users);
        set(&mut self.vksc_limit, change.vksc_limit);
        set(&mut self.reports_enabled, change.reports_enabled);
        set(&mut self.stored_texts, change.stored_texts);
        set(&mut self.results_as_sent, change.results_as_sent);
    }

    /// Everything but the password.
    pub fn show(&self) -> Value {
        json!({
            "username": self.username,
            "dialect": self.dialect,
            "concurrentTasks": self.concurrent_tasks,
            "createMs": self.create_ms,
            "activateMs": self.activate_ms,
            "deleteMs": self.delete_ms,
            "latencyMs": self.latency_ms,
            "kscConfigured": self.ksc_configured,
            "minimumPasswordLength": self.minimum_password_length,
            "uniqueUsers": self.unique_users,
            "vkscLimit": self.vksc_limit,
            "reportsEnabled": self.reports_enabled,
            "storedTexts": self.stored_texts,
            "resultsAsSent": self.results_as_sent,
        })
    }
}

// === impl StoredTexts ===

impl StoredTexts {
    /// The text as it is stored.
    pub fn of(self, text: &str) -> String {
        match self {
            StoredTexts::AsSent => text.to_owned(),
            StoredTexts::Trimmed => text.trim().to_owned(),
            StoredTexts::Normalized => {
                let words: Vec<&str> = text.split_whitespace().collect();
                let composed = icu_normalizer::ComposingNormalizerBorrowed::new_nfc();
                composed.normalize(&words.join(" ")).into_owned()
            }
            StoredTexts::Shortened => text.chars().take(16).collect(),
        }
    }
}
