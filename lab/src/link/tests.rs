use std::io::{BufRead, BufReader};

use super::*;

/// A server that greets, then returns each line unchanged, until the client ends.
fn echo() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                stream.write_all(b"* COMPRESS DEFLATE\r\n* OK hello\r\n")?;
                let mut input = BufReader::new(stream.try_clone()?);
                let mut line = Vec::new();
                while input.read_until(b'\n', &mut line)? > 0 {
                    stream.write_all(&line)?;
                    line.clear();
                }
                Ok::<(), std::io::Error>(())
            });
        }
    });
    port
}

struct Caller {
    input: BufReader<TcpStream>,
    output: TcpStream,
}

impl Caller {
    fn connect(link: &Link) -> Caller {
        let output = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).expect("the link");
        let input = BufReader::new(output.try_clone().expect("dup"));
        Caller { input, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.input.read_line(&mut line).expect("the link answers");
        line
    }

    fn says(&mut self, text: &str) {
        self.output.write_all(text.as_bytes()).expect("the link takes");
    }

    /// Reads the greeting, sends two lines at once and reads both replies, then sends another line.
    fn talks(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        while !heard.last().is_some_and(|line: &String| line.starts_with("* OK")) {
            heard.push(self.line());
        }
        self.says("one\r\ntwo\r\n");
        heard.extend([self.line(), self.line()]);
        self.says("three\r\n");
        heard.push(self.line());
        heard
    }
}

#[test]
fn turns_and_bytes_are_counted_for_all_connections() {
    let lines = [
        Line::default(),
        Line { round_trip: Duration::from_millis(2), ..Line::default() },
        Line { bits_per_second: Some(50_000_000), ..Line::default() },
        Line {
            bits_per_second: Some(50_000_000),
            round_trip: Duration::from_millis(2),
            ..Line::default()
        },
    ];
    for line in lines {
        let link = Link::new(echo(), line);
        for _ in 0..2 {
            let heard = Caller::connect(&link).talks();
            let greeting = ["* COMPRESS DEFLATE\r\n", "* OK hello\r\n"];
            assert_eq!(heard, [&greeting[..], &["one\r\n", "two\r\n", "three\r\n"]].concat());
        }
        // One turn after the greeting, and one after the two replies, for each of two connections.
        let wanted = Carried { sent: 34, received: 98, connections: 2, turns: 4 };
        assert_eq!(link.carried(), wanted, "{line:?}");
        assert!(link.take_recorded().is_empty());
    }
}

#[test]
fn a_line_that_records_hides_the_offer_to_compress() {
    let link = Link::new(echo(), Line { records: true, ..Line::default() });
    let heard = Caller::connect(&link).talks();
    assert_eq!(heard, ["* OK hello\r\n", "one\r\n", "two\r\n", "three\r\n"]);
    assert_eq!(link.take_recorded(), [b"one\r\ntwo\r\nthree\r\n"]);
}

#[test]
fn small_buffers_limit_the_bytes_in_transit() {
    let slow = Line { bits_per_second: Some(2_000_000), ..Line::default() };
    assert_eq!((slow.piece(), slow.buffer()), (PACKET, Some(LEAST_BUFFER)));
    let long = Line { round_trip: Duration::from_millis(50), ..slow };
    assert_eq!(long.buffer(), Some(LEAST_BUFFER));
    let fast = Line { bits_per_second: Some(1_000_000_000), ..long };
    assert_eq!((fast.piece(), fast.buffer()), (250_000, Some(6_250_000)));
    assert_eq!((Line::default().piece(), Line::default().buffer()), (LARGE, None));
}

#[test]
fn the_end_of_either_side_is_passed_on() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    for round_trip in [Duration::ZERO, Duration::from_millis(1)] {
        let link = Link::new(port, Line { round_trip, ..Line::default() });
        let mut caller = Caller::connect(&link);
        let (server, _) = listener.accept().expect("the link connects");
        (&server).write_all(b"bye\r\n").expect("the link takes");
        drop(server);
        assert_eq!([caller.line(), caller.line()], ["bye\r\n", ""]);
        let caller = Caller::connect(&link);
        let (mut server, _) = listener.accept().expect("the link connects");
        drop(caller);
        assert_eq!(server.read(&mut [0; 8]).unwrap_or(0), 0);
    }
}

#[test]
#[ignore = "for people: what the forwarder itself costs, and whether the rate holds"]
fn throughput() {
    const BYTES: usize = 500_000_000;
    let sink = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = sink.local_addr().expect("bound").port();
    for bits_per_second in [None, Some(1_000_000_000), Some(100_000_000)] {
        let bytes = if bits_per_second == Some(100_000_000) { BYTES / 10 } else { BYTES };
        let link = Link::new(port, Line { bits_per_second, ..Line::default() });
        let caller = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).expect("the link");
        let (mut server, _) = sink.accept().expect("the link connects");
        let (cpu, started) = (own_cpu(), Instant::now());
        thread::scope(|scope| {
            scope.spawn(move || {
                let block = vec![7; 64 << 10];
                let mut caller = &caller;
                let mut left = bytes;
                while left > 0 {
                    let size = left.min(block.len());
                    caller.write_all(&block[..size]).expect("the link takes");
                    left -= size;
                }
                caller.shutdown(Shutdown::Write).expect("open");
            });
            let mut block = vec![0; 256 << 10];
            while server.read(&mut block).unwrap_or(0) > 0 {}
        });
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{bits_per_second:?}: {:.0} Mbit/s; {:.2} s of CPU in {seconds:.2} s, both ends included",
            bytes as f64 * 8.0 / 1e6 / seconds,
            own_cpu() - cpu,
        );
    }
}

/// Returns the processor time of this process in seconds.
fn own_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, after) = stat.rsplit_once(") ").expect("a name in parentheses");
    let words: Vec<&str> = after.split(' ').collect();
    let ticks = [11, 12].map(|place: usize| words[place].parse::<f64>().expect("a number"));
    (ticks[0] + ticks[1]) / 100.0
}
