//! What crosses the wire, made readable: a mark with the time before each line, and messages left
//! out unless they are asked for.

use cyrsync::event::{Direction, Shortened};

/// Where the traffic on the screen has come to: in the middle of a line, or at its end.
#[derive(Debug, Default)]
pub struct Wire {
    within: Option<Direction>,
    /// Messages in full (`-v -v -v`).
    whole: bool,
    messages: Shortened,
}

impl Wire {
    /// At the beginning; with `whole` nothing is left out.
    pub fn new(whole: bool) -> Wire {
        Wire { whole, ..Wire::default() }
    }

    /// A connection begins: what broke off in the middle of the last one goes on no more.
    pub fn begin(&mut self) {
        self.messages = Shortened::default();
    }

    /// `<time<data` or `>time>data`, as `prot_setlog` of Cyrus's `lib/prot.c` leads to. What
    /// goes on with a line that has its mark gets no other.
    pub fn show(&mut self, direction: Direction, time: u64, bytes: &[u8]) -> Vec<u8> {
        let bytes = if self.whole { bytes } else { &self.messages.shorten(direction, bytes) };
        if bytes.is_empty() {
            return Vec::new();
        }
        let mark = match direction {
            Direction::Sent => '>',
            Direction::Received => '<',
        };
        let mut text = Vec::with_capacity(bytes.len());
        if self.within != Some(direction) {
            text.extend_from_slice(format!("{mark}{time}{mark}").as_bytes());
        }
        text.extend_from_slice(bytes);
        self.within = (!text.ends_with(b"\n")).then_some(direction);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_marked_as_cyrus_marks_it() {
        let mut wire = Wire::default();
        assert_eq!(wire.show(Direction::Sent, 1700000000, b"NOOP\r\n"), b">1700000000>NOOP\r\n");
        assert_eq!(wire.show(Direction::Received, 7, b"* OK\r\n"), b"<7<* OK\r\n");
    }

    #[test]
    fn a_line_that_comes_in_pieces_has_one_mark() {
        let mut wire = Wire::default();
        assert_eq!(wire.show(Direction::Sent, 1, b"GET "), b">1>GET ");
        assert_eq!(wire.show(Direction::Sent, 2, b"META x\n"), b"META x\n");
        assert_eq!(wire.show(Direction::Sent, 3, b"GET"), b">3>GET");
        assert_eq!(wire.show(Direction::Received, 3, b"OK\n"), b"<3<OK\n");
    }

    #[test]
    fn all_is_shown_when_asked_for() {
        let mut wire = Wire::new(true);
        let message = b"APPLY MESSAGE (%{default 0123 9}\r\nTo: a\r\n{\n)\r\n";
        let shown = wire.show(Direction::Sent, 1, message);
        assert_eq!(shown.strip_prefix(b">1>"), Some(&message[..]));
    }

    #[test]
    fn a_message_that_broke_off_hides_nothing_of_the_next_connection() {
        let mut wire = Wire::new(false);
        wire.show(Direction::Sent, 1, b"APPLY MESSAGE (%{default 0123 900}\r\nTo: a\r\n");
        wire.begin();
        let shown = wire.show(Direction::Sent, 1, b"GET USER fred\r\n");
        assert!(shown.ends_with(b"GET USER fred\r\n"), "{}", String::from_utf8_lossy(&shown));
    }
}
