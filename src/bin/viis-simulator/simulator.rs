//! The one state of the server, behind one mutex, and its file. Every change
//! goes through [`Simulator::lock`] and ends with [`Simulator::save`].

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::calls::Calls;
use crate::door::Door;
use crate::faults::Faults;
use crate::model::Phase;
use crate::settings::Settings;
use crate::world::World;

/// The server. Shared by the API's connections, the control endpoint and the timers.
pub struct Simulator {
    state: Mutex<State>,
    state_file: Option<PathBuf>,
    /// The API's port.
    pub door: Door,
}

/// All that changes.
pub struct State {
    pub world: World,
    pub settings: Settings,
    pub faults: Faults,
    pub calls: Calls,
    pub snapshots: BTreeMap<String, World>,
    /// The last timer's number.
    pub timers: u64,
}

/// Why the state file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// It is there, but cannot be read.
    #[error("cannot read the state file {path}")]
    Read {
        path: String,
        #[source]
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("the state file {path} is not one of this program: remove it to start anew")]
    Parse {
        path: String,
        #[source]
        source: serde_json::Error,
    },
}

// === impl Simulator ===

impl Simulator {
    /// A server with the state of its file, if there is one.
    pub fn new(
        settings: Settings,
        state_file: Option<PathBuf>,
        door: Door,
    ) -> Result<Arc<Simulator>, StateFileError> {
        let world = match &state_file {
            Some(path) => load(path)?,
            None => None,
        };
        let state = State {
            world: world.unwrap_or_else(|| World::new(Uuid::new_v4())),
            settings,
            faults: Faults::default(),
            calls: Calls::default(),
            snapshots: BTreeMap::new(),
            timers: 0,
        };
        let simulator = Arc::new(Simulator {
            state: Mutex::new(state),
            state_file,
            door,
        });
        simulator.restart_tasks(&mut simulator.lock());
        Ok(simulator)
    }

    /// The state, for one short stretch without waiting.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the state file, before anybody is told of the change.
    pub fn save(&self, state: &State) {
        let Some(path) = &self.state_file else {
            return;
        };
        if let Err(error) = write(path, &state.world) {
            eprintln!("viis-simulator: cannot write the state file: {error}");
        }
    }

    /// Puts tasks without a timer back to work: after a start, or after a
    /// snapshot was restored. What ran begins again, what was stopping has stopped.
    pub fn restart_tasks(self: &Arc<Self>, state: &mut State) {
        let now = crate::clock::now();
        for task in &mut state.world.tasks {
            task.timer = 0;
            task.fate.held = None;
            match task.phase {
                Phase::Running { .. } => task.phase = Phase::Waiting,
                Phase::Stopping { progress, .. } => {
                    task.phase = Phase::Canceled { at: now, progress };
                }
                Phase::Waiting
                | Phase::Completed { .. }
                | Phase::Failed { .. }
                | Phase::Canceled { .. } => {}
            }
        }
        state.world.tenants.retain(|tenant| !tenant.unfinished);
        self.pump(state);
    }
}

fn load(path: &PathBuf) -> Result<Option<World>, StateFileError> {
    let shown = path.display().to_string();
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(StateFileError::Read {
                path: shown,
                source,
            });
        }
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| StateFileError::Parse {
            path: shown,
            source,
        })
}

fn write(path: &PathBuf, world: &World) -> std::io::Result<()> {
    let text = serde_json::to_vec(world)?;
    let mut beside = path.clone().into_os_string();
    beside.push(".new");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(&text)?;
    drop(file);
    std::fs::rename(&beside, path)
}
