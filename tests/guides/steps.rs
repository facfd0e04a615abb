//! What a guide has to be done: its blocks of commands and of lines for configuration files, in order.
//!
//! The first word behind the fence is the kind, the second the server it is for:
//!
//! | | |
//! |---|---|
//! | `sh master` | commands, a line each; `# exit status N` behind one says how it ends, if not with 0 |
//! | `imapd.conf master` | options that are set |
//! | `cyrus.conf master` | entries that are added to a section |
//! | `text` | nothing to be done |

use std::fs;

/// A block of a guide.
#[derive(Debug, Clone)]
pub struct Block {
    pub step: usize,
    pub kind: String,
    pub server: String,
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
                found.push(Block { step, kind, server, lines: Vec::new() });
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
            // The steps are those of one list: they count from 1 on.
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
