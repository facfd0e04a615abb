//! Tests files that imapd.conf includes and that cannot be read.

use std::fs;

use crate::cli::{Site, code, stderr};

#[test]
fn a_missing_included_file_is_named_with_the_line_that_includes_it() {
    let site = Site::new("");
    let (main, missing) = (site.path("imapd.conf"), site.path("secrets.conf"));
    let text = fs::read_to_string(&main).unwrap();
    fs::write(&main, format!("{text}@include: {}\n", missing.display())).unwrap();
    for mode in ["-A", "-R"] {
        let output = site.command().args([mode, "-S", "127.0.0.1:1"]).output().unwrap();
        assert_eq!(code(&output), 78);
        let reported = stderr(&output);
        let place = format!("{} line 4: @include: {}: ", main.display(), missing.display());
        assert!(reported.contains(&place), "{reported}");
        assert!(reported.contains("cannot be read: No such file or directory"), "{reported}");
        assert!(!reported.contains("can't open") && !reported.contains("os error"), "{reported}");
    }
    // The message for the main file is that of Cyrus.
    fs::remove_file(&main).unwrap();
    let output = site.command().args(["-A", "-S", "127.0.0.1:1"]).output().unwrap();
    assert_eq!(code(&output), 78);
    let line = format!(
        "Fatal error: can't open configuration file {}: No such file or directory\n",
        main.display()
    );
    assert_eq!(stderr(&output), line);
}
