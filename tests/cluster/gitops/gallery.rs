//! The gallery: one file for each state of each kind, as the API server hands it out,
//! with what differs from run to run made constant. The files stand beside the health
//! scripts for Argo CD; tests/gitops shows them to Argo CD's and Flux's own libraries.
//! UPDATE_GITOPS=1 writes them anew (make gitops-objects).

use crate::harness::{Deadline, Stand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(300);
/// In a new file goes what looked the same for so long.
const CALM: Duration = Duration::from_secs(2);

const TIME: &str = "2026-01-01T00:00:00Z";
const PORT: u16 = 7271;

/// Compares what is shown with the files; whatever differs is said at the end.
pub struct Gallery<'a> {
    stand: &'a Stand,
    problems: Vec<String>,
}

/// What an object must be like to be in a state.
pub type Sign<'a> = &'a dyn Fn(&Value) -> bool;

impl<'a> Gallery<'a> {
    pub fn of(stand: &'a Stand) -> Gallery<'a> {
        Gallery {
            stand,
            problems: Vec::new(),
        }
    }

    /// Waits until the object is in this state and looks as its file does.
    pub async fn shows(&mut self, kind: &str, name: &str, state: &str, sign: Sign<'_>) {
        let file = health_scripts().join(format!("{kind}/testdata/{state}.yaml"));
        self.shows_file(kind, name, &file, sign).await;
    }

    /// The same, with a file of any name.
    pub async fn shows_file(&mut self, kind: &str, name: &str, file: &Path, sign: Sign<'_>) {
        let updating = std::env::var_os("UPDATE_GITOPS").is_some();
        let stored = std::fs::read_to_string(file).unwrap_or_default();
        let deadline = Deadline::after(PATIENCE);
        let (mut last, mut since) = (String::new(), Instant::now());
        while !deadline.has_passed() {
            let object = self.look(kind, name).await;
            let seen = match sign(&object) {
                true => as_file(&Constant::new(self.stand).object(object)),
                false => format!("not in the state yet:\n{}", as_file(&object)),
            };
            if seen != last {
                (last, since) = (seen, Instant::now());
            }
            let is_so = !last.starts_with("not in the state");
            if is_so && updating && since.elapsed() > CALM {
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, &last).unwrap();
                return;
            }
            if is_so && !updating && last == stored {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        let file = file.display();
        self.problems.push(format!(
            "{kind} {name} is not what {file} shows (make gitops-objects writes it anew):\n{last}"
        ));
    }

    /// The object as `kubectl get --output json` shows it.
    async fn look(&self, kind: &str, name: &str) -> Value {
        // On a cluster that was there before, the server has another name.
        let name = match name {
            "main" => &self.stand.server,
            name => name,
        };
        let resource = format!("{}.viis-operator.io", kind.to_lowercase());
        let text = self
            .stand
            .kubectl(&["get", &resource, name, "--output", "json"], "")
            .await;
        serde_json::from_str(&text).unwrap()
    }

    /// The last line of a test with a gallery.
    pub fn agrees(self) {
        assert!(self.problems.is_empty(), "{}", self.problems.join("\n"));
    }
}

/// Where Argo CD's scripts are, and with them the objects.
fn health_scripts() -> PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    project.join("deploy/argocd/resource_customizations/viis-operator.io")
}

fn as_file(object: &Value) -> String {
    serde_saphyr::to_string(object).unwrap()
}

// === Signs ===

/// A condition, looked at for the present generation.
pub fn says(kind: &str, status: &str, reason: &str) -> impl Fn(&Value) -> bool {
    let (kind, status, reason) = (kind.to_owned(), status.to_owned(), reason.to_owned());
    move |object| is_seen(object) && has(object, &kind, &status, &reason)
}

/// Ready with that reason, for a spec that the operator has not looked at.
pub fn outdated(object: &Value) -> bool {
    !is_seen(object) && has(object, "Ready", "True", "Reconciled")
}

/// Nobody has written a status yet.
pub fn new(object: &Value) -> bool {
    object["status"] == json!({"observedGeneration": -1})
}

fn is_seen(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

fn has(object: &Value, kind: &str, status: &str, reason: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| {
        condition["type"] == kind && condition["status"] == status && condition["reason"] == reason
    })
}

// === impl Constant ===

/// Replaces what differs from run to run.
pub struct Constant {
    names: Vec<(String, &'static str)>,
    identifiers: Vec<String>,
}

impl Constant {
    pub fn new(stand: &Stand) -> Constant {
        let address = format!("{}:{}", stand.simulator.address, stand.simulator.port);
        Constant {
            names: vec![
                (stand.operator_namespace.clone(), "viis-system"),
                (stand.namespace.clone(), "customers"),
                (stand.server.clone(), "main"),
                (address, "127.0.0.1:7271"),
                (stand.simulator.port.to_string(), "7271"),
            ],
            identifiers: Vec::new(),
        }
    }

    pub fn object(mut self, mut object: Value) -> Value {
        let metadata = object["metadata"].as_object_mut().unwrap();
        for field in ["managedFields", "resourceVersion", "uid", "labels"] {
            metadata.remove(field);
        }
        if !object["spec"]["port"].is_null() {
            object["spec"]["port"] = PORT.into();
        }
        if !object["status"]["task"]["progress"].is_null() {
            object["status"]["task"]["progress"] = 50.into();
        }
        // Which of them came first is chance.
        if let Some(Value::Array(conditions)) = object.pointer_mut("/status/conditions") {
            conditions.sort_by_key(|condition| condition["type"].to_string());
        }
        // They follow at the next inventory.
        if !object["status"]["tenants"].is_null() {
            object["status"]["tenants"] = json!({"known": 1, "active": 1, "unclaimed": 0});
        }
        self.texts(&mut object);
        object
    }

    fn texts(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.texts(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.texts(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, text: &str) -> String {
        let is_of_a_word = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
        let mut changed = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest
                .find(|letter| !is_of_a_word(letter))
                .unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            // Outside it these belong to the sentence, or to JSON.
            let bare = word.trim_matches(['.', ':']);
            let start = word.len() - word.trim_start_matches(['.', ':']).len();
            changed.push_str(&word[..start]);
            changed.push_str(&self.word(bare));
            changed.push_str(&word[start + bare.len()..]);
            let other = after.chars().next().map_or(0, char::len_utf8);
            changed.push_str(&after[..other]);
            rest = &after[other..];
        }
        changed
    }

    fn word(&mut self, word: &str) -> String {
        if let Some((_, constant)) = self.names.iter().find(|(name, _)| name == word) {
            return (*constant).to_owned();
        }
        let is_hex = |text: &str| text.chars().all(|letter| letter.is_ascii_hexdigit());
        if uuid::Uuid::try_parse(word).is_ok() && !word.starts_with("4230d3ef") {
            let known = self.identifiers.iter().position(|other| other == word);
            let number = known.unwrap_or(self.identifiers.len());
            if known.is_none() {
                self.identifiers.push(word.to_owned());
            }
            return format!("00000000-0000-0000-0000-{:012}", number + 1);
        }
        if word.len() == 95 && word.split(':').all(|pair| pair.len() == 2 && is_hex(pair)) {
            return ["00"; 32].join(":");
        }
        if let Some((count, hash)) = word.split_once('-')
            && count.chars().all(|letter| letter.is_ascii_digit())
            && hash.len() == 12
            && is_hex(hash)
        {
            return format!("{count}-0123456789ab");
        }
        let is_time = |text: &str| text.get(4..5) == Some("-") && text.get(10..11) == Some("T");
        if is_time(word) && word.starts_with("20") {
            return TIME.to_owned();
        }
        word.to_owned()
    }
}
