//! The documentation, done as it stands: what a page tells its reader to save is saved,
//! what it tells him to type is typed, and what it says that comes of it has to come.
//! `docs/commands.md` says which page is done here; how a page is read, `tests/book`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams, ValidationDirective};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use serde_json::{Value, json};

use crate::harness::{Simulator, Stand, patient, skipped_on_an_existing_cluster};
use crate::page::{Page, Step, project};
use crate::table::{has_a_row, rows};

/// No command of a page takes longer, on a quiet machine.
const PATIENCE: Duration = Duration::from_secs(150);

/// A reader at work: a folder, and programs that are found by their names.
pub struct Reader {
    folder: tempfile::TempDir,
    /// What the page says, and what it is here.
    here: Vec<(&'static str, String)>,
    kubeconfig: String,
    operator_namespace: String,
}

impl Reader {
    pub fn of(stand: &Stand) -> Reader {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("programs");
        fs::create_dir(&programs).unwrap();
        // By another name the program would be something else than kubectl.
        let kubectl = format!(
            "#!/bin/sh\nexec '{}' \"$@\"\n",
            stand.kubectl_program().display()
        );
        executable(&programs.join("kubectl"), &kubectl);
        let ours = env!("CARGO_BIN_EXE_viis-operator");
        symlink(ours, programs.join("viis-operator")).unwrap();
        for shared in ["charts", "crds", "deploy", "examples"] {
            symlink(project().join(shared), folder.path().join(shared)).unwrap();
        }
        fs::write(folder.path().join("password"), &stand.simulator.password).unwrap();
        let reader = Reader {
            folder,
            here: vec![
                ("AB:CD:…", stand.simulator.fingerprint.clone()),
                ("viis-system", stand.operator_namespace.clone()),
                ("customers", stand.namespace.clone()),
                ("viis.example.net", stand.simulator.address.clone()),
                ("port: 7271", format!("port: {}", stand.simulator.port)),
            ],
            kubeconfig: stand.kubeconfig().display().to_string(),
            operator_namespace: stand.operator_namespace.clone(),
        };
        stand.remember("Example-Only-1");
        reader
    }

    /// Puts helm where the page's commands find it; it is built where that was never done.
    fn with_helm(self) -> Reader {
        let build = Command::new(project().join("tests/tools/build.sh"))
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(build.status.success(), "helm cannot be built");
        let tools = String::from_utf8(build.stdout).unwrap();
        let helm = Path::new(tools.trim()).join("helm");
        symlink(helm, self.folder.path().join("programs/helm")).unwrap();
        self
    }

    /// The text with the names and places of this stand.
    fn say(&self, text: &str) -> String {
        let here = self.here.iter();
        let text = here.fold(text.to_owned(), |text, (there, here)| {
            text.replace(there, here)
        });
        with_patience(&text)
    }

    /// Does everything that the page says, but what has a row of its own in the table.
    pub async fn follows(&self, page: &str) {
        let rows = rows();
        let mut done = 0;
        for step in Page::read(page).steps() {
            match step {
                Step::File { name, text } => {
                    let path = self.folder.path().join(self.say(&name));
                    fs::write(path, self.say(&text)).unwrap();
                }
                Step::Command { line, prints } if !has_a_row(&rows, page, &line) => {
                    self.types(page, &line, &prints).await;
                    done += 1;
                }
                Step::Command { .. } => {}
            }
        }
        assert!(done > 0, "{page} has no command that is run");
    }

    async fn types(&self, page: &str, line: &str, prints: &[String]) {
        let expected: Vec<String> = prints.iter().map(|line| self.say(line)).collect();
        let (succeeded, said) = self.runs(&self.say(line)).await;
        let context = format!("{page}: $ {line}\n{said}");
        assert_eq!(succeeded, !is_refusal(&expected), "{context}");
        let mut lines = said.lines();
        for expected in expected {
            assert!(
                lines.any(|line| is_like(&expected, line)),
                "not printed, or not in this order: {expected}\n{context}"
            );
        }
    }

    /// Whether it succeeded, and what it printed.
    async fn runs(&self, line: &str) -> (bool, String) {
        let programs = self.folder.path().join("programs");
        let path = std::env::var("PATH").unwrap_or_default();
        let run = tokio::process::Command::new("sh")
            .arg("-c")
            .arg(format!("{{ {line}\n}} 2>&1"))
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", programs.display()))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.folder.path())
            .env("VIIS_OPERATOR_NAMESPACE", &self.operator_namespace)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(patient(PATIENCE), run).await;
        let output = output.unwrap_or_else(|_| panic!("takes too long: {line}"));
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), said)
    }

    /// What the test does beside the page.
    pub async fn also(&self, line: &str) {
        let (succeeded, said) = self.runs(&self.say(line)).await;
        assert!(succeeded, "{line}: {said}");
    }
}

fn executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What the page shows is a refusal, so the command has to fail.
fn is_refusal(prints: &[String]) -> bool {
    prints
        .iter()
        .any(|line| line == "no" || line.starts_with("Error") || line.starts_with("The Tenant "))
}

/// The line is like the page's: `…` is any text, blanks are blanks, and an age is an age.
fn is_like(page: &str, line: &str) -> bool {
    let (page, line) = (levelled(page), levelled(line));
    let parts: Vec<&str> = page.split('…').map(str::trim).collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return page == line;
    };
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What waits does so for as long as the test does.
fn with_patience(text: &str) -> String {
    let mut parts = text.split("--timeout=");
    let mut patient = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric());
        patient.push_str(&format!("--timeout=1h{rest}"));
    }
    patient
}

fn levelled(line: &str) -> String {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let is_age = |word: &&str| {
        let digits = word.trim_end_matches(['s', 'm', 'h']);
        digits.len() < word.len()
            && !digits.is_empty()
            && digits.bytes().all(|c| c.is_ascii_digit())
    };
    if words.last().is_some_and(is_age) {
        words.pop();
    }
    words.join(" ")
}

#[test]
fn commands_wait_with_the_patience_of_the_test() {
    assert_eq!(
        with_patience("a --timeout=60s b --timeout=15m"),
        "a --timeout=1h b --timeout=1h"
    );
    assert_eq!(with_patience("a"), "a");
}

#[test]
fn lines_that_are_alike() {
    assert!(is_like(
        "acme   True  Reconciled   3s",
        "acme True   Reconciled 12s"
    ));
    assert!(is_like(
        "… Simple Active …",
        "globex   Simple  Active   False  1s"
    ));
    assert!(is_like("a … c … e", "a b c d e"));
    assert!(!is_like("acme   True", "acme   False"));
    assert!(!is_like("acme", "acme True"));
    assert!(!is_like("a … c", "a c b"));
}

/// From an empty cluster to an empty cluster. A process of ours is the pod: the test
/// cluster has no kubelet.
#[tokio::test]
async fn installing_and_the_first_tenant_and_uninstalling() {
    if skipped_on_an_existing_cluster() {
        // It would install into the cluster at hand.
        return;
    }
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    let reader = Reader::of(&stand).with_helm();
    // What every stand has already, and a reader has not: the release takes the
    // definitions over, the rest goes.
    let (own, customers) = (&stand.operator_namespace, &stand.namespace);
    for crd in ["integrationservers", "tenants", "virtualmachines"] {
        let crd = format!("crd/{crd}.viis-operator.io");
        reader
            .also(&format!(
                "kubectl label {crd} app.kubernetes.io/managed-by=Helm --overwrite"
            ))
            .await;
        reader.also(&format!("kubectl annotate {crd} meta.helm.sh/release-name=viis-operator meta.helm.sh/release-namespace={own} --overwrite")).await;
    }
    let roles = stand.roles();
    for manifest in roles
        .roles
        .iter()
        .chain(&roles.bindings)
        .chain([&roles.account])
    {
        let (kind, metadata) = (
            manifest.0["kind"].as_str().unwrap(),
            &manifest.0["metadata"],
        );
        let object = format!("{kind}/{}", metadata["name"].as_str().unwrap());
        let place = metadata["namespace"].as_str().unwrap_or(own);
        if place != customers {
            reader.also(&format!("kubectl -n {place} label {object} app.kubernetes.io/managed-by=Helm --overwrite")).await;
            reader.also(&format!("kubectl -n {place} annotate {object} meta.helm.sh/release-name=viis-operator meta.helm.sh/release-namespace={own} --overwrite")).await;
        }
    }
    reader
        .also(&format!("kubectl -n {own} delete secret viis-main"))
        .await;
    reader
        .also(&format!("kubectl delete namespace {customers}"))
        .await;

    reader.follows("docs/install.md").await;
    stand.start_operator();
    reader.follows("docs/first-tenant.md").await;
    assert!(stand.simulator.state().await.tenants.is_empty());

    reader
        .also("kubectl apply -f server.yaml -f acme.yaml")
        .await;
    reader.also(&format!("kubectl -n {} wait --for=condition=Ready viistenant/acme viisvm/acme-web-1 --timeout=120s", stand.namespace)).await;
    for page in ["docs/conditions.md", "docs/security.md", "docs/upgrade.md"] {
        reader.follows(page).await;
    }
    stand.tenant("acme").becomes_ready().await;
    reader.follows("docs/uninstall.md").await;
    // `Retain` was the page's choice.
    assert_eq!(stand.simulator.state().await.tenants.len(), 1);
    stand.ends_well().await;
}

#[tokio::test]
async fn secrets() {
    let stand = Stand::ready().await;
    let reader = Reader::of(&stand);
    reader.follows("docs/secrets.md").await;
    stand.integration_server().becomes_ready().await;
    stand.ends_well().await;
}

#[tokio::test]
async fn pinning() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let mut stand = Stand::bare(Simulator::start(&[])).await;
    stand.start_operator();
    Reader::of(&stand).follows("docs/tls.md").await;
    stand.ends_well().await;
}

#[tokio::test]
async fn a_wave_of_deletions() {
    if skipped_on_an_existing_cluster() {
        return;
    }
    let stand = Stand::ready().await;
    Reader::of(&stand).follows("docs/deletion.md").await;
    assert!(stand.simulator.state().await.tenants.is_empty());
    stand.ends_well().await;
}

/// Each manifest of the documentation, strictly and without being stored. What the test
/// cluster has no kind for is another project's.
#[tokio::test]
async fn the_api_server_takes_every_manifest() {
    let stand = Stand::bare(Simulator::start(&[])).await;
    let reader = Reader::of(&stand);
    let mut ours = 0;
    let mut foreign = BTreeSet::new();
    for page in Page::all() {
        for block in page
            .blocks()
            .iter()
            .filter(|block| block.language == "yaml")
        {
            let text = reader.say(&block.text);
            let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
            // A value set or a kustomization is no object.
            let is_object = |document: &&Value| document["metadata"]["name"].is_string();
            for document in documents.iter().filter(is_object) {
                let version = document["apiVersion"].as_str().unwrap();
                match takes(&stand, document).await {
                    Ok(()) => ours += usize::from(version.starts_with("viis-operator.io/")),
                    Err(kube::Error::Api(status))
                        if status.code == 404 && !version.starts_with("viis-operator.io/") =>
                    {
                        foreign.insert(version.to_owned());
                    }
                    Err(error) => panic!("{}: {error}\n{text}", page.name),
                }
            }
        }
    }
    assert!(ours >= 8, "{ours} manifests of ours");
    println!("{ours} of ours; not known to the cluster: {foreign:?}");
    stand.ends_well().await;
}

/// Server-side apply that changes nothing.
async fn takes(stand: &Stand, document: &Value) -> kube::Result<()> {
    let (version, kind) = (
        document["apiVersion"].as_str().unwrap(),
        document["kind"].as_str().unwrap(),
    );
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api: Api<DynamicObject> = match document["metadata"]["namespace"].as_str() {
        Some(_) => Api::namespaced_with(stand.client.clone(), &stand.namespace, &resource),
        None => Api::all_with(stand.client.clone(), &resource),
    };
    let mut document = document.clone();
    if document["metadata"]["namespace"].is_string() {
        document["metadata"]["namespace"] = json!(stand.namespace);
    }
    let parameters = PatchParams {
        dry_run: true,
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::apply("pages").force()
    };
    let name = document["metadata"]["name"].as_str().unwrap();
    api.patch(name, &parameters, &Patch::Apply(&document))
        .await
        .map(drop)
}

/// The requests of `docs/simulator.md`, made as curl would make them.
#[tokio::test]
async fn the_requests_of_the_simulators_page() {
    const PAGE: &str = "docs/simulator.md";
    let simulator = Simulator::start(&[]);
    let rows = rows();
    let mut id = String::new();
    for command in Page::read(PAGE).commands() {
        if has_a_row(&rows, PAGE, &command) {
            continue;
        }
        let request = Request::of(&command);
        let path = request.path.replace("$id", &id);
        let answer = simulator.call(request.method, &path, request.body).await;
        if path == "/tenants" {
            id = answer["id"].as_str().unwrap().to_owned();
        }
    }
    assert!(!id.is_empty(), "no tenant was made");
}

/// `curl -s [-X METHOD] $control/path [-d BODY]`
struct Request {
    method: http::Method,
    path: String,
    body: Option<Value>,
}

impl Request {
    fn of(command: &str) -> Request {
        let (request, body) = match command.split_once(" -d '") {
            Some((request, body)) => (request, body.strip_suffix('\'')),
            None => (command, None),
        };
        let mut words = request.strip_prefix("curl -s ").unwrap().split(' ');
        let mut method = body.map_or(http::Method::GET, |_| http::Method::POST);
        let mut path = None;
        while let Some(word) = words.next() {
            match word {
                "-X" => method = words.next().unwrap().parse().unwrap(),
                word => path = word.strip_prefix("$control"),
            }
        }
        Request {
            method,
            path: path.unwrap_or_else(|| panic!("{command}")).to_owned(),
            body: body.map(|body| serde_json::from_str(body).unwrap()),
        }
    }
}
