//! When the next poll is due, and in which way it asks: by one list, or task by
//! task. Makes no call itself.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::viis::TaskId;

/// The shortest pause between two polls.
pub(super) const FASTEST: Duration = Duration::from_millis(200);
/// The longest pause between two polls of tasks that move.
const SLOWEST: Duration = Duration::from_secs(2);
/// While the server is parked, this often whether it is back.
const DOWN: Duration = Duration::from_secs(1);
/// The longest pause while the server does not answer.
const PARKED: Duration = Duration::from_secs(30);
/// After a refusal another way serves this long before the refused one is tried again.
const REFUSED_FOR: Duration = Duration::from_secs(10 * 60);
/// The same after failures, which may pass.
const FAILED_FOR: Duration = Duration::from_secs(60);
/// So many failures in a row are needed before a list counts as useless.
const FAILURES: u32 = 3;

/// In which way a poll asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By one list of those tasks that are new enough.
    Filtered,
    /// By one list of all tasks.
    Whole,
    /// Task by task.
    Singly,
}

/// The poller's memory of how its calls fared.
#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
    /// The server asked for silence until then.
    silent_until: Option<Instant>,
    /// Parameters of the list were refused: without them until then.
    whole_until: Option<Instant>,
    /// No list is to be had: single calls until then.
    singly_until: Option<Instant>,
    failing: Option<Failing>,
    unanswered: HashMap<TaskId, Unanswered>,
}

/// Lists that failed one after the other.
#[derive(Clone, Copy, Debug)]
struct Failing {
    since: Instant,
    times: u32,
}

/// A task whose own call failed: it is passed over for a while, so that the others
/// get their turn.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    until: Instant,
    pause: Duration,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            pause: FASTEST,
            silent_until: None,
            whole_until: None,
            singly_until: None,
            failing: None,
            unanswered: HashMap::new(),
        }
    }

    // === When ===

    /// How long to pause before the next poll.
    pub(super) fn pause(&self) -> Duration {
        self.pause
    }

    /// There is a new task: no long pause now.
    pub(super) fn hurry(&mut self) {
        self.pause = FASTEST;
    }

    /// Fast while tasks end, slower and slower while none does.
    pub(super) fn follow(&mut self, moved: bool) {
        self.pause = if moved {
            FASTEST
        } else {
            (self.pause * 3 / 2).min(SLOWEST)
        };
    }

    /// The server is parked: others probe it.
    pub(super) fn server_is_down(&mut self) {
        self.pause = DOWN;
    }

    /// The account is refused.
    pub(super) fn park(&mut self) {
        self.pause = PARKED;
    }

    /// The server itself said when to come back; nothing is a reason to hurry then.
    pub(super) fn be_silent(&mut self, wait: Duration) {
        self.silent_until = Some(Instant::now() + wait);
    }

    /// Until when nothing is asked.
    pub(super) fn silence(&self) -> Option<Instant> {
        self.silent_until.filter(|until| *until > Instant::now())
    }

    // === In which way ===

    pub(super) fn way(&self) -> Way {
        let now = Instant::now();
        let holds = |until: Option<Instant>| until.is_some_and(|until| until > now);
        match (holds(self.singly_until), holds(self.whole_until)) {
            (true, _) => Way::Singly,
            (false, true) => Way::Whole,
            (false, false) => Way::Filtered,
        }
    }

    /// The server said no to this way: the next simpler one serves.
    pub(super) fn refused(&mut self, way: Way) {
        let until = Some(Instant::now() + REFUSED_FOR);
        match way {
            Way::Filtered => self.whole_until = until,
            Way::Whole | Way::Singly => self.singly_until = until,
        }
    }

    /// A list failed without a verdict. True when single calls serve from now on:
    /// it failed several times, and the server answered something else meanwhile.
    pub(super) fn failed(&mut self, answered: Option<Instant>) -> bool {
        self.pause = (self.pause * 2).min(PARKED);
        let failing = self.failing.get_or_insert(Failing {
            since: Instant::now(),
            times: 0,
        });
        failing.times = failing.times.saturating_add(1);
        let answers = answered.is_some_and(|at| at >= failing.since);
        let useless = failing.times >= FAILURES && answers;
        if useless {
            self.singly_until = Some(Instant::now() + FAILED_FOR);
        }
        useless
    }

    /// There was a list.
    pub(super) fn listed(&mut self) {
        self.failing = None;
    }

    // === Single tasks ===

    /// Only these tasks are of interest.
    pub(super) fn keep(&mut self, tasks: &[TaskId]) {
        self.unanswered.retain(|id, _| tasks.contains(id));
    }

    /// Whether this task's turn has not come again yet.
    pub(super) fn passes_over(&self, id: &TaskId) -> bool {
        self.unanswered
            .get(id)
            .is_some_and(|unanswered| unanswered.until > Instant::now())
    }

    /// The call for this task failed.
    pub(super) fn unanswered(&mut self, id: &TaskId) {
        let known = self.unanswered.get(id);
        let pause = known.map_or(SLOWEST, |known| (known.pause * 2).min(PARKED));
        let until = Instant::now() + pause;
        self.unanswered
            .insert(id.clone(), Unanswered { until, pause });
    }

    /// The call for this task went well.
    pub(super) fn answered(&mut self, id: &TaskId) {
        self.unanswered.remove(id);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::inventory::fixtures::{ago, seconds};

    #[test]
    fn it_goes_from_200_milliseconds_to_2_seconds_and_back() {
        let mut pace = Pace::new();
        let mut longest = FASTEST;
        for _ in 0..20 {
            pace.follow(false);
            assert!(pace.pause() >= longest);
            longest = pace.pause();
        }
        assert_eq!(longest, seconds(2));
        pace.follow(true);
        assert_eq!(pace.pause(), Duration::from_millis(200));
    }

    #[test]
    fn a_refused_way_gives_way_to_the_next_simpler_one() {
        let mut pace = Pace::new();
        let mut ways = vec![pace.way()];
        for _ in 0..2 {
            pace.refused(pace.way());
            ways.push(pace.way());
        }
        assert_eq!(ways, [Way::Filtered, Way::Whole, Way::Singly]);
        pace.singly_until = Some(ago(seconds(1)));
        pace.whole_until = Some(ago(seconds(1)));
        assert_eq!(pace.way(), Way::Filtered, "each is tried again later");
    }

    #[test]
    fn a_list_is_useless_when_only_it_fails() {
        let mut pace = Pace::new();
        for _ in 0..10 {
            assert!(!pace.failed(Some(ago(seconds(1)))), "nothing answers");
        }
        assert!(pace.failed(Some(Instant::now())));
        assert_eq!(pace.way(), Way::Singly);
        pace.singly_until = None;
        pace.listed();
        assert!(!pace.failed(Some(Instant::now())), "one failure is none");
    }

    #[test]
    fn failures_make_the_pause_longer_up_to_a_bound() {
        let mut pace = Pace::new();
        for _ in 0..20 {
            pace.failed(None);
        }
        assert_eq!(pace.pause(), seconds(30));
    }

    #[test]
    fn a_task_that_cannot_be_had_is_passed_over_for_longer_and_longer() {
        let mut pace = Pace::new();
        let id = TaskId::new("1");
        assert!(!pace.passes_over(&id));
        let mut pauses = Vec::new();
        for _ in 0..7 {
            pace.unanswered(&id);
            assert!(pace.passes_over(&id));
            pauses.push(pace.unanswered.get(&id).unwrap().pause.as_secs());
        }
        assert_eq!(pauses, [2, 4, 8, 16, 30, 30, 30]);
        pace.unanswered.get_mut(&id).unwrap().until = ago(seconds(1));
        assert!(!pace.passes_over(&id));
        pace.answered(&id);
        pace.unanswered(&id);
        assert_eq!(pace.unanswered.get(&id).unwrap().pause, seconds(2));
        pace.keep(&[TaskId::new("2")]);
        assert!(!pace.passes_over(&id));
    }

    #[test]
    fn a_wish_for_silence_ends() {
        let mut pace = Pace::new();
        assert_eq!(pace.silence(), None);
        pace.be_silent(seconds(60));
        pace.hurry();
        assert!(pace.silence().is_some(), "nothing is a reason to hurry");
        pace.be_silent(Duration::ZERO);
        assert_eq!(pace.silence(), None);
    }
}
