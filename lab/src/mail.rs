//! Creates messages that take a compressor as much work as real mail: long headers, HTML and text,
//! quoted replies, attachments of which some are already compressed. 30 KiB on average.

use crate::imap::base64;
use crate::rng::Rng;
use crate::text::{push_words, sentence};

/// Creates a message. The same random state gives the same message.
pub fn message(rng: &mut Rng) -> Vec<u8> {
    let mut out = String::with_capacity(16 << 10);
    headers(rng, &mut out);
    match rng.below(100) {
        0..25 => plain(rng, &mut out),
        25..82 => alternative(rng, &mut out),
        _ => attachments(rng, &mut out),
    }
    out.into_bytes()
}

/// Writes headers: the servers on the way, a signature, the results of filters.
fn headers(rng: &mut Rng, out: &mut String) {
    let sender = rng.below(400);
    let id = rng.number();
    let time = format!(
        "{:02} Jan 2024 {:02}:{:02}:{:02} +0000",
        1 + rng.below(28),
        rng.below(24),
        rng.below(60),
        rng.below(60)
    );
    out.push_str(&format!("Return-Path: <bounce-{sender}@mail{}.example.org>\r\n", sender % 23));
    for hop in 0..2 + rng.below(4) {
        out.push_str(&format!(
            "Received: from mx{}.example.org (mx{hop}.example.org [192.0.2.{}])\r\n\
             \tby mail{hop}.example.com (Postfix) with ESMTPS id {:011X}\r\n\
             \t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n\
             \tfor <reader@example.com>; Mon, {time}\r\n",
            rng.below(9),
            rng.below(255),
            rng.number() & 0xfff_ffff_ffff,
        ));
    }
    out.push_str(&format!(
        "Authentication-Results: mail.example.com; dkim=pass (2048-bit key)\r\n\
         \theader.d=mail{}.example.org header.i=@mail{}.example.org; spf=pass; dmarc=pass\r\n",
        sender % 23,
        sender % 23
    ));
    out.push_str("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;\r\n");
    out.push_str(&format!("\tbh={};\r\n\tb=", base64(&bytes(rng, 32))));
    for line in 0..5 {
        out.push_str(if line == 0 { "" } else { "\t " });
        out.push_str(&base64(&bytes(rng, 51)));
        out.push_str("\r\n");
    }
    out.push_str(&format!(
        "From: Sender {sender} <sender{sender}@mail{}.example.org>\r\n\
         To: Reader <reader@example.com>\r\n\
         Subject: {}\r\n\
         Date: Mon, {time}\r\n\
         Message-ID: <{id:016x}.{:08x}@mail{}.example.org>\r\n\
         MIME-Version: 1.0\r\n\
         X-Spam-Status: No, score=-{}.{} required=5.0 tests=DKIM_SIGNED,DKIM_VALID,\r\n\
         \tHTML_MESSAGE,SPF_HELO_NONE,SPF_PASS autolearn=ham version=4.0.0\r\n",
        sender % 23,
        sentence(rng, 6),
        rng.number() & 0xffff_ffff,
        sender % 23,
        rng.below(5),
        rng.below(10),
    ));
}

fn bytes(rng: &mut Rng, count: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (0..count.div_ceil(8)).flat_map(|_| rng.number().to_le_bytes()).collect();
    bytes.truncate(count);
    bytes
}

/// Writes a reply below the text that it quotes.
fn plain(rng: &mut Rng, out: &mut String) {
    out.push_str("Content-Type: text/plain; charset=utf-8\r\n\r\n");
    let (quoted, own) = (rng.below(60), 3 + rng.below(50));
    lines(rng, out, "> ", quoted);
    lines(rng, out, "", own);
    out.push_str("-- \r\nSender\r\nhttps://www.example.org/\r\n");
}

fn lines(rng: &mut Rng, out: &mut String, before: &str, count: usize) {
    for _ in 0..count {
        out.push_str(before);
        let words = 8 + rng.below(6);
        push_words(rng, out, words);
        out.push_str("\r\n");
    }
}

/// Writes the same content as text and as the HTML of a newsletter.
fn alternative(rng: &mut Rng, out: &mut String) {
    let boundary = format!("=_alt_{:016x}", rng.number());
    out.push_str(&format!("Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n"));
    out.push_str(&format!("--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"));
    let count = 5 + rng.below(40);
    lines(rng, out, "", count);
    out.push_str(&format!(
        "--{boundary}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n<html><head><style>\r\n"
    ));
    for class in 0..6 + rng.below(20) {
        out.push_str(&format!(
            ".c{class} {{ font-family: Arial, Helvetica, sans-serif; font-size: {}px; color: \
             #{:06x}; padding: 0 {}px; =\r\n}}\r\n",
            10 + rng.below(14),
            rng.number() & 0xff_ffff,
            rng.below(30)
        ));
    }
    out.push_str("</style></head><body>\r\n");
    for _ in 0..4 + rng.below(40) {
        out.push_str(&format!(
            "<table width=3D\"100%\" cellpadding=3D\"0\" cellspacing=3D\"0\" border=3D\"0\"><tr>=\r\n\
             <td class=3D\"c{}\"><a href=3D\"https://click.example.org/t/{:016x}{:016x}\">=\r\n",
            rng.below(12),
            rng.number(),
            rng.number()
        ));
        let words = 6 + rng.below(14);
        push_words(rng, out, words);
        out.push_str("</a></td></tr></table>\r\n");
    }
    out.push_str(&format!("</body></html>\r\n--{boundary}--\r\n"));
}

/// Writes some text and files: pictures and archives, which a compressor reduces only to their size
/// before base64, or tables, which compress well.
fn attachments(rng: &mut Rng, out: &mut String) {
    let boundary = format!("=_mix_{:016x}", rng.number());
    out.push_str(&format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n"));
    out.push_str(&format!("--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"));
    let count = 3 + rng.below(20);
    lines(rng, out, "", count);
    for _ in 0..1 + rng.below(2) {
        let table = rng.one_in(4);
        let (kind, name) = if table { ("text/csv", "csv") } else { ("image/jpeg", "jpg") };
        out.push_str(&format!(
            "--{boundary}\r\nContent-Type: {kind}; name=\"file.{name}\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n"
        ));
        let most = if rng.one_in(8) { 500_000 } else { 60_000 };
        let size = 8_000 + rng.below(most);
        let content = if table { rows(rng, size) } else { bytes(rng, size) };
        for line in content.chunks(57) {
            out.push_str(&base64(line));
            out.push_str("\r\n");
        }
    }
    out.push_str(&format!("--{boundary}--\r\n"));
}

fn rows(rng: &mut Rng, size: usize) -> Vec<u8> {
    let mut text = String::with_capacity(size);
    while text.len() < size {
        text.push_str(&format!(
            "2024-01-{:02};{};{}.{:02};EUR;",
            rng.below(30),
            rng.below(9_000),
            rng.below(500),
            rng.below(100)
        ));
        push_words(rng, &mut text, 3);
        text.push('\n');
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_valid_lines_and_the_average_size_that_is_documented() {
        let mut rng = Rng::new(5);
        let mut total = 0;
        for _ in 0..2_000 {
            let text = message(&mut rng);
            let lines = text.split_inclusive(|byte| *byte == b'\n');
            assert!(lines.into_iter().all(|line| line.ends_with(b"\r\n") && line.len() < 900));
            total += text.len();
        }
        assert!((25_000..37_000).contains(&(total / 2_000)), "{}", total / 2_000);
        assert_eq!(message(&mut Rng::new(3)), message(&mut Rng::new(3)));
    }
}
