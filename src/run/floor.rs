//! Puts the reports of several workers in the order of their tasks. Each task has a number. The
//! unfinished task with the lowest number reports at once, and the reports of all other tasks are
//! held back until it has ended. Pure: no I/O, no clock.

use std::collections::VecDeque;

use super::task::WorkerId;

/// The maximum number of reports that are held back. Beyond this limit all of them are released out
/// of order, to limit memory.
const MOST: usize = 10_000;

/// A task or a part of a task, with the reports that are held back.
#[derive(Debug)]
struct Speaker<T> {
    /// The worker that runs the task or part. `None` if it has ended.
    worker: Option<WorkerId>,
    /// The worker that runs the whole task.
    of: WorkerId,
    number: u64,
    kept: Vec<T>,
}

/// The reports of all tasks, in the order of their numbers.
#[derive(Debug)]
pub struct Floor<T> {
    speakers: VecDeque<Speaker<T>>,
    /// The lowest number of an unfinished task.
    next: u64,
    kept: usize,
    most: usize,
}

impl<T> Floor<T> {
    /// Makes an empty list.
    pub fn new() -> Floor<T> {
        Floor { speakers: VecDeque::new(), next: 0, kept: 0, most: MOST }
    }

    /// Starts the task with this number, and ends the worker's previous task. Every number must be
    /// started at least once. Returns the reports that are released by this.
    pub fn begin(&mut self, worker: WorkerId, number: u64) -> Vec<T> {
        if let Some(before) = self.of(worker).and_then(|at| self.speakers.get_mut(at)) {
            before.worker = None;
        }
        let at = self.speakers.partition_point(|speaker| speaker.number <= number);
        let speaker = Speaker { worker: Some(worker), of: worker, number, kept: Vec::new() };
        self.speakers.insert(at, speaker);
        self.proceed()
    }

    /// Starts the next part of the task of worker `of`. `worker` runs the part; both may be the
    /// same worker. Returns the reports that are released by this.
    pub fn begin_part(&mut self, worker: WorkerId, of: WorkerId) -> Vec<T> {
        if let Some(last) = self.speakers.iter().rposition(|speaker| speaker.of == of) {
            let number = self.speakers.get(last).map_or(0, |speaker| speaker.number);
            let speaker = Speaker { worker: Some(worker), of, number, kept: Vec::new() };
            if let Some(before) = self.of(worker).and_then(|at| self.speakers.get_mut(at)) {
                before.worker = None;
            }
            self.speakers.insert(last + 1, speaker);
        }
        self.proceed()
    }

    /// Returns whether a worker has a task or a part of one.
    pub fn has(&self, worker: WorkerId) -> bool {
        self.of(worker).is_some()
    }

    /// Finds the task of a worker. It is either the first in the list or near the end: the tasks in
    /// between have ended, and their reports wait for the first task. The list may be very long.
    fn of(&self, worker: WorkerId) -> Option<usize> {
        let is_its = |speaker: &Speaker<T>| speaker.worker == Some(worker);
        match self.speakers.front() {
            Some(first) if is_its(first) => Some(0),
            _ => self.speakers.iter().rposition(is_its),
        }
    }

    /// Adds a report of a worker. Returns the reports that are released: this one, several, or
    /// none.
    pub fn say(&mut self, worker: WorkerId, said: T) -> Vec<T> {
        let at = self.of(worker);
        match at.and_then(|at| self.speakers.get_mut(at)) {
            None => vec![said],
            Some(speaker) if at == Some(0) && speaker.number <= self.next => vec![said],
            Some(speaker) => {
                speaker.kept.push(said);
                self.kept += 1;
                if self.kept > self.most { self.all() } else { Vec::new() }
            }
        }
    }

    /// Ends the task of a worker. Returns the reports that are released by this.
    pub fn end(&mut self, worker: WorkerId) -> Vec<T> {
        if let Some(speaker) = self.of(worker).and_then(|at| self.speakers.get_mut(at)) {
            speaker.worker = None;
        }
        self.proceed()
    }

    /// Returns the reports for which no earlier task is unfinished, and removes ended tasks.
    fn proceed(&mut self) -> Vec<T> {
        let mut out = Vec::new();
        while let Some(first) = self.speakers.front_mut().filter(|first| first.number <= self.next)
        {
            out.append(&mut first.kept);
            if first.worker.is_some() {
                break;
            }
            let number = first.number;
            self.speakers.pop_front();
            if self.speakers.front().is_none_or(|first| first.number > number) {
                self.next = self.next.max(number + 1);
            }
        }
        self.kept -= out.len();
        out
    }

    /// Returns all reports that were held back, in order.
    pub fn all(&mut self) -> Vec<T> {
        self.kept = 0;
        self.speakers.iter_mut().flat_map(|speaker| std::mem::take(&mut speaker.kept)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_in_the_order_of_the_tasks_numbers() {
        let mut floor = Floor::new();
        (0..3).for_each(|worker| assert!(floor.begin(worker, worker as u64).is_empty()));
        assert_eq!(floor.say(0, "a1"), ["a1"]);
        assert!(floor.say(1, "b1").is_empty() && floor.say(2, "c1").is_empty());
        assert_eq!(floor.say(0, "a2"), ["a2"]);
        assert!(floor.end(2).is_empty(), "b is not done");
        floor.begin(2, 3);
        assert!(floor.say(2, "d1").is_empty());
        assert_eq!(floor.end(0), ["b1"], "a is");
        assert_eq!(floor.say(1, "b2"), ["b2"]);
        assert_eq!(floor.end(1), ["c1", "d1"]);
        assert_eq!(floor.say(2, "d2"), ["d2"]);
        assert!(floor.end(2).is_empty());
        assert_eq!(floor.say(7, "x"), ["x"], "of no task");
    }

    #[test]
    fn a_worker_that_begins_with_another_task_is_done_with_the_one_before() {
        let mut floor = Floor::new();
        (0..3).for_each(|worker| assert!(floor.begin(worker, worker as u64).is_empty()));
        assert!(floor.say(1, "b").is_empty() && floor.say(2, "c").is_empty());
        // Tasks 1 and 2 end before task 0, and their workers start new tasks.
        assert!(floor.begin(2, 3).is_empty() && floor.say(2, "d").is_empty());
        assert!(floor.begin(1, 4).is_empty() && floor.say(1, "e").is_empty());
        assert!(floor.begin(2, 5).is_empty() && floor.say(2, "f").is_empty());
        assert!(floor.end(1).is_empty() && floor.end(2).is_empty());
        assert_eq!(floor.begin(0, 6), ["b", "c", "d", "e", "f"]);
        assert_eq!(floor.say(0, "g"), ["g"]);
    }

    #[test]
    fn a_task_that_began_late_is_printed_before_later_tasks() {
        let mut floor = Floor::new();
        floor.begin(0, 0);
        floor.begin(1, 2);
        assert!(floor.say(1, "c").is_empty());
        assert!(floor.end(0).is_empty(), "b is still to come");
        floor.begin(0, 1);
        assert_eq!(floor.say(0, "b"), ["b"]);
        // The connection was lost during task 1, so it is started again.
        assert_eq!(floor.end(0), ["c"]);
        floor.begin(0, 1);
        assert_eq!(floor.say(0, "b again"), ["b again"]);
        assert!(floor.end(1).is_empty() && floor.end(0).is_empty());
        floor.begin(1, 3);
        assert_eq!(floor.say(1, "d"), ["d"]);
    }

    #[test]
    fn the_parts_of_a_task_stay_together_in_the_order_in_which_they_began() {
        let mut floor = Floor::new();
        floor.begin(0, 0);
        floor.begin(1, 1);
        assert_eq!(floor.say(0, "a"), ["a"]);
        assert!(floor.say(1, "other").is_empty());
        assert!(floor.begin_part(2, 0).is_empty());
        assert!(floor.say(2, "a2").is_empty());
        assert_eq!(floor.begin_part(0, 0), ["a2"]);
        assert!(floor.say(0, "a3").is_empty());
        assert_eq!(floor.say(2, "a2 too"), ["a2 too"]);
        assert_eq!(floor.begin_part(2, 0), ["a3"]);
        assert!(floor.say(2, "a4").is_empty());
        assert_eq!(floor.begin_part(0, 0), ["a4"]);
        assert!(floor.say(0, "a5").is_empty(), "the second is still at the fourth");
        assert_eq!(floor.end(2), ["a5"]);
        assert_eq!(floor.end(0), ["other"]);
    }

    #[test]
    fn no_more_is_kept_back_than_there_is_room_for() {
        let mut floor = Floor { most: 3, ..Floor::new() };
        (0..3).for_each(|worker| assert!(floor.begin(worker, worker as u64).is_empty()));
        assert!(floor.say(2, 1).is_empty() && floor.say(1, 2).is_empty());
        assert!(floor.end(2).is_empty());
        assert!(floor.say(1, 3).is_empty());
        assert_eq!(floor.say(1, 4), [2, 3, 4, 1]);
        assert!(floor.end(1).is_empty());
        assert!(floor.end(0).is_empty() && floor.speakers.is_empty());
    }
}
