//! Creates messages that look like mail: headers, paragraphs, sometimes an attachment.

use crate::imap::base64;
use crate::rng::Rng;

const WORDS: &str = "the of and to in is that for it as was with be by on not he his but at are this \
have from or had an they which one you were all her she there would their we him been has when who \
will no more if out so said what up its about than into them can only other time new some could \
these two may first then do any like my now over such our man me even most made after also did many \
off before must well back through years much where your way down should because long each just \
state those people too mister how little good world make very year still see own work men day get \
here between both life being under three never know same last another while us might great old go \
come since against right came take used himself few house use during without again place around \
however home small found thought went say part once general high upon school every";

/// Creates a message of about `size` bytes, as `text/plain`, or with an attachment if it is large.
/// The same random state gives the same message.
pub fn message(rng: &mut Rng, size: usize) -> Vec<u8> {
    let id = rng.number();
    let subject = sentence(rng, 6);
    let second = id % 60;
    let mut out = format!(
        "From: Sender {sender} <sender{sender}@example.org>\r\n\
         To: Reader <reader@example.org>\r\n\
         Subject: {subject}\r\n\
         Date: Mon, 0{day} Jan 2024 12:{minute:02}:{second:02} +0000\r\n\
         Message-ID: <{id:016x}@example.org>\r\n\
         MIME-Version: 1.0\r\n",
        sender = id % 97,
        day = id % 7 + 1,
        minute = id % 59,
    );
    if size < 20_000 {
        out.push_str("Content-Type: text/plain; charset=us-ascii\r\n\r\n");
        paragraphs(rng, &mut out, size);
        return out.into_bytes();
    }
    let boundary = format!("part-{id:x}");
    out.push_str(&format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n"));
    out.push_str(&format!("--{boundary}\r\nContent-Type: text/plain\r\n\r\n"));
    let text = out.len() + 1500;
    paragraphs(rng, &mut out, text);
    out.push_str(&format!(
        "--{boundary}\r\nContent-Type: application/octet-stream; name=\"data.bin\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n"
    ));
    while out.len() < size {
        let bytes: Vec<u8> = (0..7).flat_map(|_| rng.number().to_le_bytes()).collect();
        out.push_str(&base64(bytes.get(..54).unwrap_or(&bytes)));
        out.push_str("\r\n");
    }
    out.push_str(&format!("--{boundary}--\r\n"));
    out.into_bytes()
}

/// Returns a usual size of mail: most are a few kilobytes, some tens, few hundreds; 11 KiB on
/// average.
pub fn usual_size(rng: &mut Rng) -> usize {
    match rng.below(100) {
        0..70 => 600 + rng.below(4_000),
        70..93 => 4_000 + rng.below(14_000),
        93..99 => 20_000 + rng.below(60_000),
        _ => 150_000 + rng.below(400_000),
    }
}

/// Returns some words.
pub fn sentence(rng: &mut Rng, words: usize) -> String {
    let mut out = String::new();
    push_words(rng, &mut out, words);
    out
}

fn paragraphs(rng: &mut Rng, out: &mut String, until: usize) {
    loop {
        let words = 9 + rng.below(5);
        push_words(rng, out, words);
        out.push_str("\r\n");
        if rng.one_in(8) {
            out.push_str("\r\n");
        }
        if out.len() >= until {
            return;
        }
    }
}

/// Appends `count` words.
pub(crate) fn push_words(rng: &mut Rng, out: &mut String, count: usize) {
    static LIST: std::sync::LazyLock<Vec<&str>> =
        std::sync::LazyLock::new(|| WORDS.split_whitespace().collect());
    for n in 0..count {
        if n > 0 {
            out.push(' ');
        }
        out.push_str(rng.pick(&LIST).copied().unwrap_or("word"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_valid_lines_of_about_the_size_asked_for() {
        for size in [300, 5_000, 40_000] {
            let text = message(&mut Rng::new(7), size);
            assert!(text.len() >= size && text.len() < size + 2_000, "{size}: {}", text.len());
            let lines = text.split_inclusive(|c| *c == b'\n');
            assert!(lines.into_iter().all(|l| l.ends_with(b"\r\n") && l.len() < 900));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_message() {
        assert_eq!(message(&mut Rng::new(3), 900), message(&mut Rng::new(3), 900));
        assert_ne!(message(&mut Rng::new(3), 900), message(&mut Rng::new(4), 900));
    }

    #[test]
    fn sizes_average_as_documented() {
        let mut rng = Rng::new(1);
        let total: usize = (0..20_000).map(|_| usual_size(&mut rng)).sum();
        assert!((10_000..13_500).contains(&(total / 20_000)), "{}", total / 20_000);
    }
}
