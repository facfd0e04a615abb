//! Reads the blocks of a guide in order: commands, and lines for configuration files.
//!
//! The first word after the fence is the kind of the block. The second is the server:
//!
//! | | |
//! |---|---|
//! | `sh master` | commands, one a line; `# exit status N` after one is its status, if not 0 |
//! | `imapd.conf master` | options to set |
//! | `cyrus.conf master` | entries to add to a section |
//! | `copy replica master` | files to copy from one server to the same path on the other |
//! | `text` | not run |

use std::fs;

/// A block of a guide.
#[derive(Debug, Clone)]
pub struct Block {
    pub step: usize,
    pub kind: String,
    pub server: String,
    /// The server to copy to.
    pub to: Option<String>,
    pub lines: Vec<String>,
}

/// Reads docs/guides/NAME.md.
pub fn blocks(name: &str) -> Vec<Block> {
    let path = cyrsync_lab::checkout().join(format!("docs/guides/{name}.md"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (mut found, mut step, mut open) = (Vec::<Block>::new(), 0, false);
    for line in text.lines() {
        let bare = line.trim_start();
        if let Some(fence) = bare.strip_prefix("```") {
            open = !open;
            if open {
                let mut words = fence.split_whitespace().map(str::to_owned);
                let kind = words.next().unwrap_or_default();
                let server = words.next().unwrap_or_default();
                assert!(kind == "text" || !server.is_empty(), "{name} step {step}: {fence}");
                let to = words.next();
                assert_eq!(to.is_some(), kind == "copy", "{name} step {step}: {fence}");
                found.push(Block { step, kind, server, to, lines: Vec::new() });
            }
        } else if open {
            let block = found.last_mut().expect("a fence was there");
            match block.lines.last_mut().filter(|last| last.ends_with('\\')) {
                Some(last) => {
                    last.pop();
                    last.push_str(bare);
                }
                None => block.lines.push(bare.to_owned()),
            }
        } else if let Some((number, _)) = line.split_once(". ") {
            // All steps of a guide are one list, whose numbers start with 1.
            if let Ok(number) = number.parse::<usize>() {
                assert_eq!(number, step + 1, "{name}: {line}");
                step = number;
            }
        }
    }
    assert!(step > 0, "{name} has no steps");
    found.retain(|block| block.kind != "text");
    assert!(!found.is_empty(), "{name} has no commands");
    found
}
