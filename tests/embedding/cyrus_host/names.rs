//! Tests messages without the file name that their type of mailbox needs. Cyrus would end the
//! process when it writes such a message, so a repair must refuse it.

use cyrsync_lab::trees::Release;
use cyrsync_lab::{Imap, Lab, Options, tools};
use sha1::{Digest, Sha1};

use super::commands::{Inbox, apply, everything, fields_of, full, hex, lab_of, record, upload};
use super::filled::append;
use super::newer::newer;

const NAMELESS: &str = "From: a@example.org\r\nSubject: three\r\n\r\nThe third.\r\n";

/// Returns a card whose only file name is one that is not ASCII, as Cyrus writes it since 3.10.
fn card() -> String {
    "From: <paula@localhost>\r\nSubject: Anna\r\nDate: Mon, 06 May 2024 10:00:00 +0000\r\n\
     Message-ID: <anna@localhost>\r\nContent-Type: text/vcard; charset=utf-8\r\n\
     Content-Disposition: attachment;\r\n\tfilename*=utf-8''%C3%84nna.vcf\r\n\
     MIME-Version: 1.0\r\n\r\n\
     BEGIN:VCARD\r\nVERSION:3.0\r\nUID:anna\r\nFN:Anna\r\nN:Anna;;;;\r\nEND:VCARD\r\n"
        .to_owned()
}

/// Creates a mailbox of a type. Returns an update that appends a message to it.
fn update_of(lab: &Lab, kind: &str, message: &str) -> Inbox {
    let name = format!("user.paula.#{}", kind.to_lowercase());
    Imap::admin(&lab.master).ok(&format!("CREATE {name} (TYPE {kind})"));
    let all = full(lab, &name);
    let modseq = all.num("HIGHESTMODSEQ") + 5;
    let (guid, size) = (hex(&Sha1::digest(message)), message.len().to_string());
    let records = vec![record(1, modseq, &guid, &size, "1700000000", "", "")];
    Inbox { fields: fields_of(&all, 1, modseq), records }
}

fn upload_of(message: &str) -> Vec<u8> {
    upload("default", &hex(&Sha1::digest(message)), message.len(), message.as_bytes())
}

#[track_caller]
fn is_refused(lab: &Lab, kind: &str) {
    let update = update_of(lab, kind, NAMELESS);
    let before = everything(lab);
    let replies = apply(lab, &[upload_of(NAMELESS), update.command()]);
    assert_eq!(replies[0], "OK success\r\n");
    assert!(replies[1].contains("has no file name"), "{}", replies[1]);
    assert_eq!(everything(lab), before);
    let empty = Inbox { records: Vec::new(), ..update };
    assert_eq!(apply(lab, &[empty.command()]), ["OK success\r\n"]);
}

fn options() -> Options {
    Options { conversations: true, ..Options::default() }
}

#[test]
fn a_message_that_would_make_cyrus_exit_is_refused() {
    let lab = lab_of(options());
    is_refused(&lab, "ADDRESSBOOK");
    is_refused_if_it_is_changed(&lab, "a");
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_message_that_would_make_cyrus_3_10_exit_is_refused() {
    would_end_newer(Release::Trixie);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_message_that_would_make_cyrus_3_12_exit_is_refused() {
    would_end_newer(Release::Forky);
}

fn would_end_newer(release: Release) {
    let lab = lab_of(newer(release, options()));
    is_refused(&lab, "ADDRESSBOOK");
    is_refused(&lab, "CALENDAR");
    is_refused_if_it_is_changed(&lab, "c");
}

/// Tests a message that the mailbox has from a time when its name was not needed. `letter` is the
/// letter of the mailbox's type in mailboxes.db.
#[track_caller]
fn is_refused_if_it_is_changed(lab: &Lab, letter: &str) {
    let name = "user.paula.old";
    Imap::admin(&lab.master).ok(&format!("CREATE {name}"));
    append(&lab.master, "paula", "INBOX.old", "nameless");
    tools::set_entry(&lab.master, name, |entry| {
        let changed = entry.replacen("T e ", &format!("T {letter} "), 1);
        assert_ne!(changed, entry);
        changed
    });
    let all = full(lab, name);
    let modseq = all.num("HIGHESTMODSEQ") + 5;
    let of = all.get("RECORD").expect("it has a message").items()[0].clone();
    let [guid, size, date] = ["GUID", "SIZE", "INTERNALDATE"].map(|key| of.str(key));
    let records = vec![record(1, modseq, &guid, &size, &date, "\\Flagged", "")];
    let update = Inbox { fields: fields_of(&all, 1, modseq), records };
    let before = everything(lab);
    let replies = apply(lab, &[update.command()]);
    assert!(replies[0].contains("has no file name"), "{}", replies[0]);
    assert_eq!(everything(lab), before);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_card_whose_name_is_not_ascii_is_accepted_by_cyrus_3_10() {
    is_accepted(Release::Trixie);
}

#[test]
#[ignore = "needs scripts/trees: make versions"]
fn a_card_whose_name_is_not_ascii_is_accepted_by_cyrus_3_12() {
    is_accepted(Release::Forky);
}

fn is_accepted(release: Release) {
    let lab = lab_of(newer(release, options()));
    let update = update_of(&lab, "ADDRESSBOOK", &card());
    let replies = apply(&lab, &[upload_of(&card()), update.command()]);
    assert_eq!(replies, ["OK success\r\n", "OK success\r\n"]);
    let all = full(&lab, "user.paula.#addressbook");
    assert_eq!(all.get("RECORD").map(|records| records.items().len()), Some(1), "{}", all.show());
}
