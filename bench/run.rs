//! One operator at one size, from the first object that is created to the last that is
//! gone. An object that does not become Ready, that is not gone in the end, or that the
//! server does not have when it should, fails the run.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::calls::{Calls, Inventory};
use super::control_plane::ControlPlane;
use super::kubernetes::{Writes, difference};
use super::operator::Programs;
use super::process::{self, Process};
use super::profile::Recording;
use super::progress::Progress;
use super::row::{Cpu, Memory, Row, Size, Span};
use super::scenario::{QUIET, SERVER_TASKS, Step};
use super::session::Session;
use super::{Outcome, reconciles, workload};

/// Nothing was written for so long: nothing more is coming.
const SETTLED: Duration = Duration::from_secs(4);
/// Counts and the like are written at most so long after the last object is Ready.
const SETTLING: Duration = Duration::from_secs(40);

/// See the head of this file.
pub struct Run<'a> {
    /// What the runs of a size share.
    pub plane: &'a ControlPlane,
    /// The operators.
    pub programs: &'a Programs,
    /// The simulator's program.
    pub simulator: &'a Path,
    /// For logs.
    pub folder: &'a Path,
    /// How many objects.
    pub size: Size,
    /// Which operator, with which limit.
    pub step: Step,
    /// Profiles go into this folder, if they are wanted.
    pub profile: Option<&'a Path>,
}

/// All counters at one moment.
struct Mark {
    at: Instant,
    cpu: Cpu,
    writes: Writes,
    calls: Calls,
    reconciles: BTreeMap<String, u64>,
}

impl Run<'_> {
    /// Runs it. Prints a line for each phase.
    pub async fn measure(&self) -> Outcome<Row> {
        let (size, step) = (self.size, self.step);
        let folder = self.folder.join(format!(
            "{}-{}-{}",
            step.round,
            step.operator.title(),
            step.concurrent_tasks
        ));
        std::fs::create_dir_all(&folder)?;
        let session =
            Session::start(self.plane, self.programs, self.simulator, &folder, step).await?;
        let mut progress = Progress::follow(&self.plane.client);
        self.plane.calm_down().await?;
        let started = jiff::Timestamp::now();
        let idle = session.operator().resident()?;

        let recording = match self.profile {
            Some(folder) => Some(Recording::start(self.plane, &session, folder)?),
            None => None,
        };
        let creation = self.creation(&session, &mut progress).await?;
        let settling_writes = self.settle(&progress).await?;
        let quiet = if step.quiet {
            Some(self.quiet_minute(&session, &progress).await?)
        } else {
            None
        };
        let at_rest = session.operator().resident()?;
        let deletion = self.deletion(&session, &mut progress).await?;
        if let Some(recording) = recording {
            recording.end().await?;
        }
        let peak = session.operator().peak()?;
        session.end().await?;
        Ok(Row {
            started: started.strftime("%Y-%m-%d %H:%M").to_string(),
            machine: process::machine()?,
            operator: step.operator,
            size,
            server_tasks: SERVER_TASKS,
            concurrent_tasks: step.concurrent_tasks,
            round: step.round,
            creation,
            settling_writes,
            quiet,
            deletion,
            memory: Memory {
                idle,
                at_rest,
                peak,
            },
        })
    }

    async fn creation(&self, session: &Session, progress: &mut Progress) -> Outcome<Span> {
        let size = self.size;
        let before = self.mark(session).await?;
        let (created, ready) = tokio::join!(
            workload::create(&self.plane.client, size),
            progress.wait("Ready", |count| count.ready == size.objects())
        );
        created?;
        let after = self.mark_at(session, ready?).await?;
        let expected = Inventory {
            tenants: size.tenants,
            active: size.tenants,
            machines: size.tenants * size.machines,
        };
        self.server_has(session, expected).await?;
        let span = after.since(&before, size.creation_bound());
        self.report("Ready", &span);
        Ok(span)
    }

    /// Waits until nothing is written any more; returns how much was written until then.
    async fn settle(&self, progress: &Progress) -> Outcome<u64> {
        let first = Writes::now(&self.plane.client).await?.total();
        let (mut last, mut changed) = (first, Instant::now());
        let deadline = changed + SETTLING;
        while changed.elapsed() < SETTLED {
            if Instant::now() > deadline {
                return Err(format!("still writing {SETTLING:?} after all were Ready").into());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            let total = Writes::now(&self.plane.client).await?.total();
            if total != last {
                (last, changed) = (total, Instant::now());
            }
        }
        progress.all_ready(self.size.objects())?;
        Ok(last - first)
    }

    async fn quiet_minute(&self, session: &Session, progress: &Progress) -> Outcome<Span> {
        let before = self.mark(session).await?;
        tokio::time::sleep(QUIET).await;
        let after = self.mark(session).await?;
        progress.all_ready(self.size.objects())?;
        let span = after.since(&before, Duration::ZERO);
        let resyncs = span.calls.get("GET tenants").copied().unwrap_or_default();
        if resyncs < 2 {
            return Err(format!("the quiet minute has {resyncs} resyncs, not two").into());
        }
        self.report("quiet", &span);
        Ok(span)
    }

    async fn deletion(&self, session: &Session, progress: &mut Progress) -> Outcome<Span> {
        let before = self.mark(session).await?;
        let (requested, gone) = tokio::join!(
            workload::delete(&self.plane.client, self.size),
            progress.wait("gone", |count| count.present == 0)
        );
        requested?;
        let after = self.mark_at(session, gone?).await?;
        let nothing = Inventory {
            tenants: 0,
            active: 0,
            machines: 0,
        };
        self.server_has(session, nothing).await?;
        let span = after.since(&before, self.size.deletion_bound());
        self.report("gone", &span);
        Ok(span)
    }

    async fn server_has(&self, session: &Session, expected: Inventory) -> Outcome<()> {
        match Inventory::now(&session.control).await? {
            found if found == expected => Ok(()),
            found => Err(format!("the server has {found:?}, not {expected:?}").into()),
        }
    }

    async fn mark(&self, session: &Session) -> Outcome<Mark> {
        let mut mark = self.mark_at(session, Instant::now()).await?;
        // Reading the counters is not part of what is measured next.
        mark.cpu = self.cpu(session)?;
        mark.at = Instant::now();
        Ok(mark)
    }

    /// The CPU time first: reading the other counters takes some.
    async fn mark_at(&self, session: &Session, at: Instant) -> Outcome<Mark> {
        Ok(Mark {
            at,
            cpu: self.cpu(session)?,
            writes: Writes::now(&self.plane.client).await?,
            calls: Calls::now(&session.control).await?,
            reconciles: reconciles::now(session.name, &session.metrics).await?,
        })
    }

    /// What each program used so far; `unrelated` is the whole machine's.
    fn cpu(&self, session: &Session) -> Outcome<Cpu> {
        Ok(Cpu {
            operator: session.operator().cpu()?,
            api_server: self.plane.api_server_cpu()?,
            other_parts: self.plane.other_cpu()?,
            simulator: session.simulator().cpu()?,
            driver: Process::own().cpu()?,
            unrelated: process::machine_busy()?,
        })
    }

    fn report(&self, phase: &str, span: &Span) {
        eprintln!(
            "bench: {} round {}: {} with {} tasks: {phase} after {:.1} s, CPU {:.1} s and API \
             server {:.1} s, {} writes, {} calls",
            self.size,
            self.step.round,
            self.step.operator.title(),
            self.step.concurrent_tasks,
            span.seconds,
            span.cpu.operator,
            span.cpu.api_server,
            span.all_writes(),
            span.all_calls(),
        );
    }
}

impl Mark {
    fn since(&self, before: &Self, bound: Duration) -> Span {
        Span {
            seconds: hundredths((self.at - before.at).as_secs_f64()),
            bound_seconds: bound.as_secs_f64(),
            cpu: self.cpu.since(&before.cpu),
            writes: self.writes.since(&before.writes),
            rejected_writes: self.writes.rejected_since(&before.writes),
            calls: self.calls.since(&before.calls),
            reconciles: difference(&self.reconciles, &before.reconciles),
        }
    }
}

impl Cpu {
    fn since(&self, before: &Self) -> Self {
        let mut since = Self {
            operator: hundredths(self.operator - before.operator),
            api_server: hundredths(self.api_server - before.api_server),
            other_parts: hundredths(self.other_parts - before.other_parts),
            simulator: hundredths(self.simulator - before.simulator),
            driver: hundredths(self.driver - before.driver),
            unrelated: 0.0,
        };
        let ours =
            since.operator + since.api_server + since.other_parts + since.simulator + since.driver;
        since.unrelated = hundredths((self.unrelated - before.unrelated - ours).max(0.0));
        since
    }
}

/// The kernel counts in hundredths of a second; more digits would pretend.
fn hundredths(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}
