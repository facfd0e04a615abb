//! Who may speak. What several workers say at once comes out task by task, in the order in which
//! the tasks began: the first that is not done speaks at once, all others are kept back. Pure.

use std::collections::VecDeque;

use super::task::WorkerId;

/// What may be kept back. A task that takes as long as that is interrupted, so that memory does not
/// grow with the work.
const MOST: usize = 10_000;

/// A task that has something to say.
#[derive(Debug)]
struct Speaker<T> {
    /// Who works on it; nobody if it is done.
    worker: Option<WorkerId>,
    kept: Vec<T>,
}

/// What tasks say, in order.
#[derive(Debug)]
pub struct Floor<T> {
    speakers: VecDeque<Speaker<T>>,
    kept: usize,
    most: usize,
}

impl<T> Floor<T> {
    /// Nobody has said anything yet.
    pub fn new() -> Floor<T> {
        Floor { speakers: VecDeque::new(), kept: 0, most: MOST }
    }

    /// A worker begins with a task.
    pub fn begin(&mut self, worker: WorkerId) {
        self.speakers.push_back(Speaker { worker: Some(worker), kept: Vec::new() });
    }

    /// A worker says something. Returns what comes out now.
    pub fn say(&mut self, worker: WorkerId, said: T) -> Vec<T> {
        let mut speakers = self.speakers.iter_mut().enumerate();
        match speakers.find(|(_, speaker)| speaker.worker == Some(worker)) {
            None | Some((0, _)) => vec![said],
            Some((_, speaker)) => {
                speaker.kept.push(said);
                self.kept += 1;
                if self.kept > self.most { self.all() } else { Vec::new() }
            }
        }
    }

    /// A worker is done with its task. Returns what comes out now.
    pub fn end(&mut self, worker: WorkerId) -> Vec<T> {
        if let Some(speaker) = self.speakers.iter_mut().find(|s| s.worker == Some(worker)) {
            speaker.worker = None;
        }
        let mut out = Vec::new();
        while let Some(first) = self.speakers.front_mut() {
            out.append(&mut first.kept);
            if first.worker.is_some() {
                break;
            }
            self.speakers.pop_front();
        }
        self.kept -= out.len();
        out
    }

    /// Everything that was kept back.
    fn all(&mut self) -> Vec<T> {
        self.kept = 0;
        self.speakers.iter_mut().flat_map(|speaker| std::mem::take(&mut speaker.kept)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_speaks_for_itself_in_the_order_in_which_they_began() {
        let mut floor = Floor::new();
        (0..3).for_each(|worker| floor.begin(worker));
        assert_eq!(floor.say(0, "a1"), ["a1"]);
        assert!(floor.say(1, "b1").is_empty() && floor.say(2, "c1").is_empty());
        assert_eq!(floor.say(0, "a2"), ["a2"]);
        assert!(floor.end(2).is_empty(), "b is not done");
        floor.begin(2);
        assert!(floor.say(2, "d1").is_empty());
        assert_eq!(floor.end(0), ["b1"], "a is");
        assert_eq!(floor.say(1, "b2"), ["b2"]);
        assert_eq!(floor.end(1), ["c1", "d1"]);
        assert_eq!(floor.say(2, "d2"), ["d2"]);
        assert!(floor.end(2).is_empty());
        assert_eq!(floor.say(7, "x"), ["x"], "of no task");
    }

    #[test]
    fn no_more_is_kept_back_than_there_is_room_for() {
        let mut floor = Floor { most: 3, ..Floor::new() };
        (0..3).for_each(|worker| floor.begin(worker));
        assert!(floor.say(2, 1).is_empty() && floor.say(1, 2).is_empty());
        assert!(floor.end(2).is_empty());
        assert!(floor.say(1, 3).is_empty());
        assert_eq!(floor.say(1, 4), [2, 3, 4, 1]);
        assert!(floor.end(1).is_empty());
        assert!(floor.end(0).is_empty() && floor.speakers.is_empty());
    }
}
