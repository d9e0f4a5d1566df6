//! One part of the benchmark, from the first object that is made to the last that
//! is gone.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::calls::Calls;
use super::kubernetes::Requests;
use super::settings::{Options, Part, SETTLING};
use super::stand::{Cpu, Stand};
use super::{Outcome, workload};

/// What was counted over some time.
#[derive(Clone, Debug)]
pub struct Span {
    /// How long it was.
    pub time: Duration,
    /// Calls to the simulator.
    pub calls: Calls,
    /// Requests to the API server.
    pub requests: Requests,
    /// CPU time.
    pub cpu: Cpu,
}

/// What one part showed.
pub struct Figures {
    /// How long the driver took to make the objects.
    pub applied: Duration,
    /// From the first object until all are Ready.
    pub ready: Span,
    /// What was written a little later, counts for example.
    pub settling: Span,
    /// The quiet time.
    pub quiet: Option<Span>,
    /// Memory at its end, in MiB.
    pub resident: f64,
    /// From the request to delete everything until all is gone.
    pub deletion: Span,
    /// Peak memory of the operator, in MiB.
    pub peak: f64,
}

/// All counters at one moment.
struct Mark {
    calls: Calls,
    requests: Requests,
    cpu: Cpu,
}

impl Mark {
    /// The CPU time first: reading the other counters costs some.
    async fn now(stand: &Stand) -> Outcome<Self> {
        let cpu = stand.cpu();
        Ok(Self {
            calls: Calls::now(&stand.control).await?,
            requests: Requests::now(&stand.client).await?,
            cpu,
        })
    }

    /// From that moment to this one. The cost of `before` itself is not in it when
    /// `started` is given, the CPU time at which the span really began.
    fn since(&self, before: &Self, started: &Cpu, time: Duration) -> Span {
        Span {
            time,
            calls: self.calls.since(&before.calls),
            requests: self.requests.since(&before.requests),
            cpu: self.cpu.since(started),
        }
    }
}

/// Runs a part.
pub async fn run(options: &Options, program: &Path, part: &Part) -> Outcome<Figures> {
    let temporary = tempfile::tempdir()?;
    let folder: PathBuf = match &options.logs {
        None => temporary.path().to_owned(),
        Some(logs) => logs.join(format!("{}x{}", part.tenants, part.machines)),
    };
    std::fs::create_dir_all(&folder)?;
    let stand = Stand::start(options, program, &folder).await?;
    let mut progress = stand.progress();
    let before = Mark::now(&stand).await?;

    let (cpu, start) = (stand.cpu(), Instant::now());
    let mut applied = start;
    let all = part.objects();
    let applying = async {
        workload::apply(&stand.client, part).await?;
        applied = Instant::now();
        Outcome::Ok(())
    };
    let (made, ready) = tokio::join!(applying, progress.wait("Ready", |c| c.ready == all));
    made?;
    let ready_at = ready?;
    let after = Mark::now(&stand).await?;
    let ready = after.since(&before, &cpu, ready_at - start);
    eprintln!("bench: Ready after {:.1} s", ready.time.as_secs_f64());

    let (cpu, start) = (stand.cpu(), Instant::now());
    progress.rest(SETTLING).await?;
    let settled = Mark::now(&stand).await?;
    let settling = settled.since(&after, &cpu, start.elapsed());

    let mut last = settled;
    let mut quiet = None;
    if let Some(time) = part.quiet {
        let (cpu, start) = (stand.cpu(), Instant::now());
        progress.rest(time).await?;
        let end = Mark::now(&stand).await?;
        quiet = Some(end.since(&last, &cpu, start.elapsed()));
        last = end;
    }
    let resident = stand.operator().resident();

    let (cpu, start) = (stand.cpu(), Instant::now());
    let (asked, gone) = tokio::join!(
        workload::delete(&stand.client, part),
        progress.wait("gone", |c| c.present == 0)
    );
    asked?;
    let gone_at = gone?;
    let end = Mark::now(&stand).await?;
    let deletion = end.since(&last, &cpu, gone_at - start);
    eprintln!("bench: gone after {:.1} s", deletion.time.as_secs_f64());
    Ok(Figures {
        applied: applied - start_of(&ready, ready_at),
        ready,
        settling,
        quiet,
        resident,
        deletion,
        peak: stand.operator().peak(),
    })
}

/// When a span that ended at this moment began.
fn start_of(span: &Span, end: Instant) -> Instant {
    end - span.time
}
