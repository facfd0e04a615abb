use std::collections::HashSet;

use super::*;
use crate::format::damage;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads a file of the fixtures, or all files of a directory.
fn files(path: &str) -> Vec<Vec<u8>> {
    let path = root().join("tests/fixtures").join(path);
    if path.is_file() {
        return vec![fs::read(path).unwrap()];
    }
    let mut found: Vec<PathBuf> = fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).collect();
    found.sort();
    found.iter().filter(|p| p.is_file()).map(|p| fs::read(p).unwrap()).collect()
}

/// Returns the values of the records in these dumps of databases.
fn values(dumps: &[&str]) -> Vec<Vec<u8>> {
    let dump = |name: &&str| {
        let text = fs::read_to_string(root().join("tests/fixtures/userdata/dump").join(name));
        damage::records(&text.unwrap())
    };
    dumps.iter().flat_map(dump).map(|(_, value)| value).collect()
}

const CONFIG: &[u8] = b"configdirectory: /var/lib/cyrus\npartition-default: /var/spool\n\
    defaultpartition: default\nsync_host: replica \\\n  .example\nunixhierarchysep: yes\n\
    duration: 5m\nsync_timeout: 30s\nmaxmessagesize: 10M\n# a comment\nsync_batchsize: 100\n\
    sync_client_sync_host: other\nquota_db: quotalegacy\nvirtdomains: userid\n";

const GREETINGS: [&str; 4] = [
    "* SASL PLAIN SCRAM-SHA-1\r\n* STARTTLS\r\n* COMPRESS DEFLATE\r\n* SIEVE-MAILBOX\r\n\
     * REPLICATION-ARCHIVE\r\n* OK lab Cyrus sync server 3.6.1-4\r\n",
    "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN AUTH=SCRAM-SHA-256 SASL-IR COMPRESS=DEFLATE \
     X-REPLICATION] lab Cyrus IMAP 3.6.1 server ready\r\n",
    "* BYE too many connections\r\n",
    "* CAPABILITY IMAP4rev1 AUTH=PLAIN X-REPLICATION SIEVE-MAILBOX\r\nC1 OK Completed\r\n",
];

const LOGINS: [&str; 3] = [
    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=409\nv=AAAA\n",
    "<1896.697170952@postoffice.reston.mci.net>\n",
    "+ VXNlcm5hbWU6\r\n+ \r\nOK success\r\n",
];

fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.flush().unwrap();
    encoder.get_ref().clone()
}

/// Returns real input for a target: few inputs, and small enough for the corpus of cargo-fuzz.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let versions = ["v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "text-header"];
    let of_versions = |file: &str| -> Vec<Vec<u8>> {
        versions.iter().flat_map(|v| files(&format!("index/{v}/{file}"))).collect()
    };
    let reported = || files("userdata/replies");
    let lines = |texts: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
        let lines = texts.iter().flat_map(|t| t.split(|b| *b == b'\n').map(<[u8]>::to_vec));
        lines.map(|line| line.strip_prefix(b"* ").map_or(line.clone(), <[u8]>::to_vec)).collect()
    };
    let mut seeds = match target {
        "annot" => {
            let dump = |name: &str| {
                let path = root().join("tests/fixtures/userdata/dump").join(name);
                damage::records(&fs::read_to_string(path).unwrap())
            };
            let all = [dump("annotations.db"), dump("fred.cyrus.annotations")].concat();
            all.into_iter().flat_map(|(key, value)| [key, value]).collect()
        }
        "config" => vec![CONFIG.to_vec()],
        "conv" => values(&["fred.conversations.db"]),
        "counters" => files("userdata/dump/fred.counters.db"),
        "dl" => values(&["mailboxes.db", "quota", "fred.conversations.db"]),
        "dlist" => lines(reported()),
        "reply" => reported(),
        "session" => {
            let end = b"OK success\r\nNO IMAP_INVALID_USER\r\nOK\r\n";
            let mut seeds: Vec<Vec<u8>> =
                reported().iter().map(|t| [&t[..], end].concat()).collect();
            seeds.push(
                b"* LSUB (a)\r\nC1 OK done\r\n* OK still here\r\nC2 NO x\r\nC3 OK\r\n".to_vec(),
            );
            seeds.push(
                b"OK\r\nOK\r\n* MESSAGE %{p 0123456789012345678901234567890123456789 2097152}\r\n\
                    Subject: one that goes to a file\r\n"
                    .to_vec(),
            );
            seeds
        }
        "greeting" => GREETINGS.iter().map(|text| text.as_bytes().to_vec()).collect(),
        "login" => LOGINS.iter().map(|text| text.as_bytes().to_vec()).collect(),
        "deflate" => reported().iter().map(|text| deflated(text)).collect(),
        "flat" => [files("userdata/raw/fred.sub.db"), files("userdata/raw/bob@example.com.sub.db")]
            .concat(),
        "header" => of_versions("cyrus.header"),
        "index" => [of_versions("cyrus.index"), files("userdata/sieve/cyrus.index")].concat(),
        "mbentry" => values(&["mailboxes.db"]),
        "quota" => values(&["quota"]),
        "quotalegacy" => ["a/user.anna", "f/user.fred", "s/shared"]
            .iter()
            .flat_map(|file| files(&format!("userdata/raw/quota/{file}")))
            .collect(),
        "script" => ["1.", "2.", "3.", "4."]
            .iter()
            .flat_map(|file| files(&format!("userdata/sieve/{file}")))
            .collect(),
        "seen" => values(&["anna.seen.db"]),
        "skiplist" => {
            [files("cyrusdb/empty.skiplist"), files("userdata/raw/fred.conversations.db")].concat()
        }
        "twom" => ["three-commits", "killed-in-transaction", "no-checksum", "empty"]
            .iter()
            .flat_map(|name| files(&format!("twom/files/{name}.twom")))
            .collect(),
        "twoskip" => [
            files("cyrusdb/empty.twoskip"),
            files("userdata/raw/anna.seen.db"),
            files("userdata/raw/annotations.db"),
        ]
        .concat(),
        other => panic!("no seeds for {other}"),
    };
    seeds.retain(|seed| !seed.is_empty());
    let mut known = HashSet::new();
    seeds.retain(|seed| known.insert(seed.clone()));
    assert!(!seeds.is_empty(), "{target}");
    seeds
}

/// Returns the distance between two damaged positions: 1, or more for slow targets and long inputs.
/// The distance is odd, so that all positions of a bit in a byte are reached.
fn stride(target: &str, len: usize) -> usize {
    let costly = matches!(
        target,
        "session"
            | "login"
            | "greeting"
            | "twom"
            | "twoskip"
            | "skiplist"
            | "config"
            | "quotalegacy"
            | "flat"
    );
    match len * if costly { 24 } else { 1 } {
        ..=2000 => 1,
        more => (more / 800) | 1,
    }
}

#[test]
fn the_bytes_of_a_replica_that_then_closes_are_replies() {
    for seed in seeds("session") {
        let replies = super::fuzz::replies(&seed);
        assert!(!replies.is_empty(), "{}", String::from_utf8_lossy(&seed));
    }
}

#[test]
fn real_data_cut_at_every_byte_and_with_every_bit_flipped_is_an_error_or_a_value() {
    for (name, target) in TARGETS {
        let mut seeds = seeds(name);
        // The records of a dump are similar, so test only some of them.
        seeds.truncate(24);
        for seed in seeds {
            target(&seed);
            let step = stride(name, seed.len());
            for end in (0..seed.len()).step_by(step) {
                target(&seed[..end]);
            }
            let mut damaged = seed.clone();
            for bit in (0..seed.len() * 8).step_by(step) {
                damaged[bit / 8] ^= 1 << (bit % 8);
                target(&damaged);
                damaged[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
}

#[test]
fn numbers_at_their_limits_are_errors_or_values() {
    for (name, target) in TARGETS {
        for seed in seeds(name).into_iter().take(4) {
            let step = stride(name, seed.len()).next_multiple_of(4);
            for at in (0..seed.len().saturating_sub(4)).step_by(step) {
                for value in [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, u32::MAX] {
                    let mut damaged = seed.clone();
                    damaged[at..at + 4].copy_from_slice(&value.to_be_bytes());
                    target(&damaged);
                }
            }
        }
    }
}

#[test]
fn inputs_that_once_crashed_do_not_crash_again() {
    let crashes = root().join("fuzz/crashes");
    let mut replayed = 0;
    for entry in fs::read_dir(&crashes).unwrap() {
        let dir = entry.unwrap().path();
        if !dir.is_dir() {
            continue;
        }
        let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
        for input in fs::read_dir(&dir).unwrap() {
            run(&name, &fs::read(input.unwrap().path()).unwrap());
            replayed += 1;
        }
    }
    assert!(replayed > 0, "nothing in {}", crashes.display());
}

#[test]
fn each_target_has_its_program() {
    for (name, _) in TARGETS {
        let source = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
        let text = fs::read_to_string(&source).unwrap();
        assert!(text.contains(&format!("run(\"{name}\", data)")), "{}", source.display());
    }
}

/// Writes the seeds as files for cargo-fuzz. `make fuzz` uses this.
#[test]
fn the_corpus_is_written_where_wanted() {
    let Some(corpus) = std::env::var_os("CYRSYNC_FUZZ_CORPUS") else { return };
    for (name, _) in TARGETS {
        let dir = Path::new(&corpus).join(name);
        fs::create_dir_all(&dir).unwrap();
        for (n, seed) in seeds(name).into_iter().enumerate() {
            fs::write(dir.join(format!("seed-{n:03}")), seed).unwrap();
        }
    }
}

/// Tests `@include`, which the target `config` leaves out. The test includes only files of its own
/// directory.
#[test]
fn damaged_configurations_with_includes_are_errors_or_values() {
    let dir = tempfile::tempdir().unwrap();
    let (main, other) = (dir.path().join("imapd.conf"), dir.path().join("other.conf"));
    let include = format!("@include: {}\n", other.display());
    let text = [include.as_bytes(), CONFIG].concat();
    let more = b"sync_port: 2005\nsync_authname: repl\n";
    fs::write(&other, more).unwrap();
    for end in 0..=include.len() + 20 {
        fs::write(&main, &text[..end]).unwrap();
        let _ = Config::load(&main);
        let mut flipped = text.clone();
        flipped[end] ^= 1 << (end % 8);
        fs::write(&main, &flipped).unwrap();
        let _ = Config::load(&main);
    }
    fs::write(&main, &text).unwrap();
    for end in 0..more.len() {
        fs::write(&other, &more[..end]).unwrap();
        let _ = Config::load(&main);
    }
    fs::write(&other, more).unwrap();
    Config::load(&main).unwrap();
    fs::write(&other, &include).unwrap();
    assert!(Config::load(&main).unwrap_err().to_string().contains("included twice"));
    let file = File::options().write(true).open(&other).unwrap();
    file.set_len(64 << 30).unwrap();
    assert!(Config::load(&main).unwrap_err().to_string().contains("larger than"));
}
