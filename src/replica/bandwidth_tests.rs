//! Tests of the bandwidth limit with an artificial clock.

use std::cell::Cell;

use super::*;

thread_local! {
    static MINUTE: Cell<u16> = const { Cell::new(12 * 60) };
}

fn clock() -> u16 {
    MINUTE.get()
}

fn bucket(limits: &str) -> Bucket {
    Bucket::new(Bandwidth::parse(limits).unwrap(), clock)
}

/// Lets connections write as fast as they may, between the two times. Each connection writes `late`
/// after its turn, as if it was woken up late. Returns time, number of bytes and connection of each
/// write.
fn play(
    bucket: &mut Bucket,
    connections: usize,
    (mut now, end): (Duration, Duration),
    late: Duration,
) -> Vec<(Duration, u64, usize)> {
    let mut written = Vec::new();
    let mut bookings: Vec<_> = (0..connections).map(|_| bucket.book(u64::MAX, now)).collect();
    while now < end {
        let next = bookings.iter().enumerate().min_by_key(|(_, booking)| booking.from);
        let (who, booking) = next.map(|(who, booking)| (who, *booking)).unwrap();
        now = now.max(booking.from + late);
        written.push((now, booking.bytes, who));
        bookings[who] = bucket.book(u64::MAX, now);
    }
    written
}

/// Returns the largest number of bytes in any period of this length.
fn most_in(span: Duration, written: &[(Duration, u64, usize)]) -> u64 {
    let from = |n: usize| {
        let first = written[n].0;
        let within = written[n..].iter().take_while(|(at, ..)| *at <= first + span);
        within.map(|(_, bytes, _)| bytes).sum()
    };
    (0..written.len()).map(from).max().unwrap_or(0)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn any_two_seconds_stay_within_some_percent_however_many_write() {
    for rate in [100, 5_000, 100_000, 10_000_000, 3_000_000_000] {
        for connections in [1, 4, 64] {
            for late in [Duration::ZERO, ms(1), ms(15), ms(150)] {
                let mut bucket = bucket(&rate.to_string());
                let written = play(&mut bucket, connections, (ms(300), ms(20_300)), late);
                let most = most_in(ms(2_000), &written);
                // Allow 100 ms of unused time and one reservation more than two seconds.
                assert!(most <= rate * 22 / 10, "{most} at {rate}, {connections}, {late:?}");
                let all: u64 = written.iter().map(|(_, bytes, _)| bytes).sum();
                assert!(all <= rate * 203 / 10, "{all} at {rate}, {connections}, {late:?}");
                // Writing less than [`BURST`] after the turn costs no speed.
                let least = if late < BURST { rate * 19 } else { 0 };
                assert!(all >= least, "{all} at {rate}, {connections}, {late:?}");
            }
        }
    }
}

#[test]
fn every_connection_has_its_turn() {
    let written = play(&mut bucket("100K"), 5, (ms(0), ms(10_000)), ms(1));
    for who in 0..5 {
        let share: u64 = written.iter().filter(|line| line.2 == who).map(|line| line.1).sum();
        let all: u64 = written.iter().map(|line| line.1).sum();
        assert!(share * 5 >= all * 9 / 10 && share * 5 <= all * 11 / 10, "{share} of {all}");
    }
}

#[test]
fn unused_bandwidth_counts_for_100_milliseconds() {
    let mut bucket = bucket("1000000");
    // After a long pause, the bytes of 100 ms may be written at once, in several reservations.
    let now = ms(60_000);
    let mut at_once = 0;
    let waits = loop {
        let booking = bucket.book(u64::MAX, now);
        if booking.from > now {
            break booking.from - now;
        }
        at_once += booking.bytes;
    };
    assert_eq!((at_once, waits), (100_000, ms(20)));
}

#[test]
fn few_bytes_take_the_time_of_few() {
    let mut bucket = bucket("1000");
    bucket.spend(100, ms(0));
    assert_eq!(bucket.book(5, ms(0)), Booking { bytes: 5, from: ms(105) });
    assert_eq!(bucket.book(5, ms(0)).from, ms(110));
    bucket.give_back(5, ms(0));
    assert_eq!(bucket.book(1, ms(0)).from, ms(106));
}

#[test]
fn the_time_of_day_is_followed() {
    MINUTE.set(7 * 60 + 59);
    let mut bucket = bucket("off,08:00-18:00=1000");
    assert_eq!(bucket.book(1 << 30, ms(50)), Booking { bytes: 1 << 30, from: ms(50) });
    assert!(!bucket.is_pressed(ms(50)));
    MINUTE.set(8 * 60);
    assert_eq!(bucket.book(1 << 30, ms(999)).bytes, 1 << 30, "it is looked at once a second");
    let first = bucket.book(1 << 30, ms(1_000));
    assert_eq!(first, Booking { bytes: 100, from: ms(1_000) });
    assert_eq!(bucket.book(1 << 30, ms(1_000)).from, ms(1_100));
    assert!(bucket.is_pressed(ms(1_000)));
    MINUTE.set(18 * 60);
    assert_eq!(bucket.book(77, ms(2_500)), Booking { bytes: 77, from: ms(2_500) });
    assert!(!bucket.is_pressed(ms(2_500)));
}

#[test]
fn the_lowest_rate_goes_byte_by_byte() {
    let mut bucket = bucket("1");
    assert_eq!(bucket.book(500, ms(0)), Booking { bytes: 1, from: ms(1_000) });
    assert_eq!(bucket.book(500, ms(0)), Booking { bytes: 1, from: ms(2_000) });
}

fn throttle(limits: &str) -> Throttle {
    Throttle::new(Limiter::new(&Bandwidth::parse(limits).unwrap()).unwrap())
}

#[test]
fn bytes_of_a_login_are_not_delayed_but_counted() {
    let mut throttle = throttle("1000");
    assert!(throttle.turn(500_000).is_zero());
    assert_eq!(throttle.most(500_000), 500_000);
    throttle.wrote(500_000);
    throttle.begin();
    // The bytes of the login take 500 seconds, less unused time and the time that the test took.
    assert!(throttle.turn(10) > ms(300_000));
    throttle.waited(ms(40));
    assert_eq!((throttle.take_waited(), throttle.take_waited()), (ms(40), ms(0)));
}

#[test]
fn a_turn_may_be_used_in_parts() {
    let bucket = Mutex::new(bucket("1K"));
    let now = Box::new(|| ms(500));
    let mut throttle = Throttle::new(Limiter(Arc::new(Shared { now, bucket })));
    throttle.begin();
    assert!(!throttle.is_pressed());
    assert!(throttle.turn(300).is_zero(), "some time was not used");
    assert_eq!(throttle.most(300), 102);
    throttle.wrote(101);
    assert_eq!((throttle.most(300), throttle.is_pressed()), (1, true));
    assert_eq!(throttle.held_up(), ms(0));
    throttle.wrote(1);
    assert!(!throttle.turn(300).is_zero());
}

#[test]
fn without_a_limit_there_is_nothing() {
    for limits in ["off", "0", "off,08:00-09:00=off"] {
        assert!(Limiter::new(&Bandwidth::parse(limits).unwrap()).is_none(), "{limits}");
    }
}
