//! Control planes: real API servers, a few for the whole test process, each in
//! the hands of one test at a time. An operator serves every IntegrationServer
//! of its cluster, so two tests with an operator each cannot share one.

use super::program::Program;
use kube::config::{KubeConfigOptions, Kubeconfig};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A control plane needs 500 MiB. More of them than cores: the tests mostly wait. On one
/// core, more would only keep each other busy.
const PER_CORE: usize = 7;
const MOST: usize = 14;

/// One API server. Its processes end with this process, however that ends.
pub struct Plane {
    pub kubeconfig: PathBuf,
    pub kubectl: PathBuf,
    /// The control plane program itself, where it is ours.
    pub program: Option<PathBuf>,
    process: Option<Program>,
}

/// A plane that nobody else uses until this is dropped.
pub struct Lease {
    plane: Option<Plane>,
    _permit: SemaphorePermit<'static>,
}

/// The tests run on a cluster that was there before.
pub fn existing_cluster() -> bool {
    std::env::var("VIIS_USE_EXISTING_CLUSTER").is_ok_and(|value| value == "true")
}

/// Whether what needs a cluster of its own is left out here. It says so.
pub fn skipped_on_an_existing_cluster() -> bool {
    let skipped = existing_cluster();
    if skipped {
        says_that_it_skips("it needs a cluster of its own");
    }
    skipped
}

/// Names the test. Not by a macro: what tests print is shown of failed ones only.
pub fn says_that_it_skips(why: &str) {
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test");
    let line = format!("SKIPPED, all or a part of {test}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

struct Pool {
    permits: Semaphore,
    free: Mutex<Vec<Plane>>,
    started: AtomicUsize,
}

fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| {
        let asked = std::env::var("VIIS_TEST_STANDS").ok();
        let count = match asked.and_then(|text| text.parse().ok()) {
            _ if existing_cluster() => 1,
            Some(count) => count,
            None => MOST.min(cores() * PER_CORE),
        };
        Pool {
            permits: Semaphore::new(count),
            free: Mutex::new(Vec::new()),
            started: AtomicUsize::new(0),
        }
    })
}

/// What this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

impl Lease {
    /// Waits for a free plane; starts one while there are fewer than allowed.
    pub async fn take() -> Lease {
        let pool = pool();
        let permit = pool.permits.acquire().await.unwrap();
        let free = pool.free.lock().unwrap().pop();
        let plane = match free.filter(Plane::is_alive) {
            Some(plane) => plane,
            None if existing_cluster() => Plane::at_hand(),
            None => Plane::freed_or_started(),
        };
        Lease {
            plane: Some(plane),
            _permit: permit,
        }
    }

    pub fn plane(&self) -> &Plane {
        self.plane.as_ref().unwrap()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        pool().free.lock().unwrap().extend(self.plane.take());
    }
}

impl Plane {
    fn at_hand() -> Plane {
        let home = std::env::var("HOME").unwrap_or_default();
        let kubeconfig = std::env::var("KUBECONFIG").unwrap_or(format!("{home}/.kube/config"));
        Plane {
            kubeconfig: kubeconfig.into(),
            kubectl: "kubectl".into(),
            program: None,
            process: None,
        }
    }

    /// Starts one at a time: several that start at once on two cores starve each other
    /// until one of their parts gives up. Another test may free a plane meanwhile.
    fn freed_or_started() -> Plane {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        // A start that failed in another test poisons the lock, and nothing else.
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let freed = pool().free.lock().unwrap().pop();
        match freed.filter(Plane::is_alive) {
            Some(plane) => plane,
            None => Plane::start(pool().started.fetch_add(1, Ordering::SeqCst)),
        }
    }

    fn start(number: usize) -> Plane {
        let folder = folder_of_this_run().join(format!("plane-{number}"));
        let program = control_plane_program();
        let process = start_in(program, &folder)
            .or_else(|_| start_in(program, &folder.with_extension("again")))
            .unwrap_or_else(|problem| panic!("{problem}"));
        let (process, said) = process;
        let path = |field: &str| {
            let text = said[field].as_str();
            PathBuf::from(text.unwrap_or_else(|| panic!("no {field} in {said}")))
        };
        Plane {
            kubeconfig: path("kubeconfig"),
            kubectl: path("kubectl"),
            program: Some(program.to_owned()),
            process: Some(process),
        }
    }

    fn is_alive(&self) -> bool {
        self.process.as_ref().is_none_or(Program::is_running)
    }

    /// A client of this API server, for the runtime of the test that asks.
    pub async fn client(&self) -> kube::Client {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
        kube::Client::try_from(config.unwrap()).unwrap()
    }
}

fn start_in(program: &Path, folder: &Path) -> Result<(Program, serde_json::Value), String> {
    std::fs::create_dir_all(folder).unwrap();
    let mut command = Command::new(program);
    command
        .arg("run")
        .arg("--dir")
        .arg(folder)
        .arg("--exit-with-stdin");
    let process = Program::that_ends_with_us("control plane", &mut command);
    let said = process.announcement(Duration::from_secs(120))?;
    Ok((process, said))
}

/// Built once into a cache that outlives `target/`; the first time takes minutes.
fn control_plane_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/controlplane/build.sh");
        let output = Command::new("bash")
            .arg(script)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "{script} failed");
        let text = String::from_utf8(output.stdout).unwrap();
        PathBuf::from(text.lines().last().unwrap_or_default().trim())
    })
}

/// A folder for this process. What earlier runs left is removed: a process that
/// is killed cannot clean up behind itself.
fn folder_of_this_run() -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cluster");
    static SWEPT: OnceLock<()> = OnceLock::new();
    SWEPT.get_or_init(|| {
        let Ok(entries) = std::fs::read_dir(&all) else {
            return;
        };
        for entry in entries.flatten() {
            let process = Path::new("/proc").join(entry.file_name());
            if !process.exists() {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    });
    all.join(std::process::id().to_string())
}
