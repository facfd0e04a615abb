//! Compares the parser with `getopt_long` of glibc. The test builds a C program from the table of
//! flags. The parser and the C program then parse the same command lines.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::flags::{Arg, FLAGS};

/// Parses a command line with this parser. Formats the result like the C program prints it.
fn ours(words: &[OsString], posixly: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut parsed = Words::new(FLAGS, words, posixly);
    loop {
        match parsed.next_flag() {
            Ok(Some((flag, argument))) => {
                let name = FLAGS.iter().position(|f| std::ptr::eq(f, flag)).unwrap();
                out.extend(format!("{name} [").bytes());
                out.extend_from_slice(argument.unwrap_or_default().as_bytes());
                out.extend_from_slice(b"]\n");
            }
            Ok(None) => break,
            Err(bad) => {
                out.extend(bad.message(OsStr::new("oracle")));
                return out;
            }
        }
    }
    for operand in parsed.into_operands() {
        out.extend_from_slice(b"operand [");
        out.extend_from_slice(operand.as_bytes());
        out.extend_from_slice(b"]\n");
    }
    out
}

/// Returns the C program, which uses `getopt_long`. It reads one command line from each line of
/// input, with tabs between the words.
fn oracle_source() -> String {
    let mut short = String::new();
    let mut long = String::new();
    for (i, flag) in FLAGS.iter().enumerate() {
        if let Some(c) = flag.short {
            short.push(c.into());
            short.push_str(if flag.arg != Arg::None { ":" } else { "" });
        }
        if let (Some(name), false) = (flag.long, flag.in_full) {
            let takes = i32::from(flag.arg != Arg::None);
            let _ = writeln!(long, "{{\"{name}\",{takes},0,{}}},", 1000 + i);
        }
    }
    let mut cases = String::new();
    for (i, flag) in FLAGS.iter().enumerate() {
        if let Some(c) = flag.short {
            let _ = writeln!(cases, "case '{}': n={i}; break;", char::from(c));
        }
    }
    format!(
        r#"
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <string.h>
static const struct option longs[] = {{ {long} {{0,0,0,0}} }};
static void one(char *line) {{
    char *argv[256]; int argc = 0, c, n;
    argv[argc++] = "oracle";
    while (line && argc < 255) argv[argc++] = strsep(&line, "\t");
    argv[argc] = NULL;
    optind = 0;
    while ((c = getopt_long(argc, argv, "{short}", longs, NULL)) != -1) {{
        switch (c) {{
        case '?': return;
        {cases}
        default: n = c - 1000;
        }}
        printf("%d [%s]\n", n, optarg ? optarg : "");
    }}
    while (optind < argc) printf("operand [%s]\n", argv[optind++]);
}}
int main(void) {{
    static char line[65536];
    setvbuf(stdout, NULL, _IONBF, 0);
    stderr = stdout;
    while (fgets(line, sizeof line, stdin)) {{
        size_t len = strlen(line);
        if (len && line[len - 1] == '\n') line[len - 1] = 0;
        one(*line ? line : NULL);
        puts("==");
    }}
    return 0;
}}
"#
    )
}

fn build_oracle(dir: &Path) -> PathBuf {
    let (source, program) = (dir.join("oracle.c"), dir.join("oracle"));
    std::fs::write(&source, oracle_source()).unwrap();
    let built = Command::new("cc").arg("-w").arg("-o").arg(&program).arg(&source).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    program
}

/// A small xorshift generator. It gives the same words in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

fn random_word(dice: &mut Dice) -> Vec<u8> {
    let flag = &FLAGS[dice.roll(FLAGS.len())];
    let long = flag.long.filter(|_| !flag.in_full).unwrap_or("verb").as_bytes();
    match dice.roll(12) {
        0 => b"--".to_vec(),
        1 => b"-".to_vec(),
        2 => b"fred".to_vec(),
        3 => [b"--", long].concat(),
        4 => [b"--", &long[..dice.roll(long.len() + 1)]].concat(),
        5 => [b"--", &long[..dice.roll(long.len() + 1)], b"=x=y"].concat(),
        6 => [b"--".as_slice(), long, b"="].concat(),
        7 => [b"--", long, b"x"].concat(),
        8 => Vec::new(),
        _ => {
            let letters = b"1ACFLNORSadflmnoprstuvwzQ:;?-=W\xe4";
            let mut word = vec![b'-'];
            (0..=dice.roll(4)).for_each(|_| word.push(letters[dice.roll(letters.len())]));
            word
        }
    }
}

fn command_lines() -> Vec<Vec<OsString>> {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut lines = vec![vec![]];
    for _ in 0..5000 {
        let mut line: Vec<_> = (0..=dice.roll(6)).map(|_| random_word(&mut dice)).collect();
        if line.iter().all(Vec::is_empty) {
            line = vec![b"x".to_vec()]; // An empty line means no words.
        }
        lines.push(line.iter().map(|word| OsStr::from_bytes(word).to_owned()).collect());
    }
    lines
}

#[test]
fn reads_every_command_line_as_glibc_does() {
    let dir = tempfile::tempdir().unwrap();
    let oracle = build_oracle(dir.path());
    let lines = command_lines();
    let input: Vec<u8> = lines
        .iter()
        .flat_map(|line| {
            let mut text = line.join(OsStr::new("\t")).as_bytes().to_vec();
            text.push(b'\n');
            text
        })
        .collect();
    std::fs::write(dir.path().join("lines"), input).unwrap();
    for posixly in [false, true] {
        let mut command = Command::new(&oracle);
        command.stdin(std::fs::File::open(dir.path().join("lines")).unwrap());
        command.env_remove("POSIXLY_CORRECT").env("LC_ALL", "C");
        if posixly {
            command.env("POSIXLY_CORRECT", "1");
        }
        let output = command.output().unwrap();
        assert!(output.status.success());
        let mut theirs = split_outcomes(&output.stdout).into_iter();
        for line in &lines {
            let (theirs, ours) = (theirs.next().expect("an outcome a line"), ours(line, posixly));
            assert_eq!(
                String::from_utf8_lossy(&ours),
                String::from_utf8_lossy(&theirs),
                "{line:?}, posixly: {posixly}"
            );
        }
    }
}

fn split_outcomes(stdout: &[u8]) -> Vec<Vec<u8>> {
    let mut outcomes = vec![Vec::new()];
    for line in stdout.split_inclusive(|&c| c == b'\n') {
        match line {
            b"==\n" => outcomes.push(Vec::new()),
            _ => outcomes.last_mut().unwrap().extend_from_slice(line),
        }
    }
    outcomes
}

#[test]
fn our_own_long_options_cannot_be_shortened() {
    let parse = |word: &str| {
        let words = [OsString::from(word)];
        let mut words = Words::new(FLAGS, &words, false);
        words.next_flag().map(|given| given.unwrap().0.long)
    };
    assert_eq!(parse("--version"), Ok(Some("version")));
    assert_eq!(parse("--m"), Ok(Some("mailboxes")));
    assert_eq!(parse("--vers"), Err(BadOption::Long("vers".into())));
    assert_eq!(
        parse("--ver"),
        Err(BadOption::Ambiguous("ver".into(), vec!["verbose-logging", "verbose"]))
    );
}
