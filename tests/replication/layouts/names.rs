//! Tests all kinds of names that Cyrus accepts, as folders, users and shared mailboxes.

use cyrsync_lab::{Imap, Lab, Options, Status, quote, tools};

use super::{assert_sound, change, lab, populate, user_of};
use crate::common::{append, create, ours, replicate, replicate_as_cyrus_would};

/// Names of a user's folders, without separators.
const FOLDERS: [&str; 34] = [
    "a b",
    " lead",
    "trail ",
    "two  blanks",
    "(paren)",
    "(",
    ")",
    "it's",
    "[x]",
    "]",
    "{1}",
    "1",
    "123",
    "0x1F",
    "-1",
    "NIL",
    "nil",
    "user",
    "Inbox2",
    "UPPER",
    "upper",
    "DELETED",
    "#hash",
    "$a",
    "a=b?c",
    "plus+minus",
    "com,ma",
    "at@sign",
    "colon:",
    "~tilde",
    "star*",
    "&AOk-t&AOk-",
    "&ZeVnLIqe-",
    "&-",
];

fn folders(lab: &Lab, inbox: &str) -> Vec<String> {
    let mut names: Vec<String> = FOLDERS.iter().map(|name| format!("{inbox}.{name}")).collect();
    names.retain(|name| !name.contains(['{', '}']));
    names.push(format!("{inbox}.v1^2^3"));
    names.push(format!("{inbox}.^hidden.^^"));
    // Add a tree of sixty levels, and a name of the greatest length that Cyrus accepts.
    names.push(format!("{inbox}{}", ".d".repeat(60)));
    let left = 490 - inbox.len() - lab.master.admin_name(inbox).len().abs_diff(inbox.len());
    let half = left / 2 - 1;
    names.push(format!("{inbox}.{}.{}", "x".repeat(half), "y".repeat(half)));
    names
}

fn round(lab: &Lab) {
    let master = &lab.master;
    create(master, &[&*master.admin_name("user.reader")]);
    populate(lab, "user.fred", "user.reader");
    let names = folders(lab, "user.fred");
    let mut admin = Imap::admin(master);
    let mut fred = Imap::login(master, "fred");
    for name in &names {
        admin.ok(&format!("CREATE {}", quote(&master.admin_name(name))));
        let own = master.own_name(name);
        append(&mut fred, &own, &format!("in {name}"));
        fred.ok(&format!("SUBSCRIBE {}", quote(&own)));
    }
    // Create shared mailboxes with the same names, except names with a special meaning at the top
    // level.
    let shared: Vec<&str> = FOLDERS
        .into_iter()
        .filter(|n| !n.contains(['{', '~', '$']) && !["user", "DELETED"].contains(n))
        .collect();
    let shared = super::shared(lab, &shared);
    replicate_as_cyrus_would(lab, &["-A"]);

    // Name each mailbox on the command line.
    let mut args = vec!["-m".to_owned(), "--".to_owned()];
    for name in names.iter().map(|name| master.admin_name(name)).chain(shared.clone()) {
        append(&mut admin, &name, "once more");
        args.push(name);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = replicate_as_cyrus_would(lab, &args);
    let mailboxes = done.iter().filter(|line| line.starts_with("MAILBOX ")).count();
    assert_eq!(mailboxes, names.len() + shared.len(), "{done:#?}");

    // Rename the folders in a ring: each gets the name of the one before it.
    let plain: Vec<&String> = names.iter().filter(|name| name.len() < 40).collect();
    let rename = |admin: &mut Imap, from: &str, to: &str| {
        let [from, to] = [from, to].map(|name| quote(&master.admin_name(name)));
        admin.ok(&format!("RENAME {from} {to}"));
    };
    rename(&mut admin, plain[0], "user.fred.aside");
    for pair in plain.windows(2) {
        rename(&mut admin, pair[1], pair[0]);
    }
    rename(&mut admin, "user.fred.aside", plain[plain.len() - 1]);
    replicate_as_cyrus_would(lab, &["-u", "fred"]);
    for name in plain.iter().step_by(3) {
        admin.ok(&format!("DELETE {}", quote(&master.admin_name(name))));
    }
    replicate_as_cyrus_would(lab, &["-A"]);
    assert_sound(lab);
}

#[test]
fn folders_with_dots_between() {
    round(&lab(Options::default(), "", ""));
}

#[test]
fn folders_with_slashes_between_by_name() {
    round(&lab(Options::modern(), "mailbox_legacy_dirs: yes\n", "mailbox_legacy_dirs: yes\n"));
}

#[test]
fn userids() {
    for (options, conf) in [
        (Options::default(), "mailbox_legacy_dirs: yes\n"),
        (Options { hashimapspool: false, ..Options::modern() }, "fulldirhash: yes\n"),
    ] {
        let lab = lab(options, conf, "");
        let users = [
            "q",
            "a",
            "f",
            "fred",
            "fred2",
            "fred^smith",
            "a^b^c",
            "1",
            "0",
            "nil",
            "user",
            "deleted",
            "a-b",
            "a_b",
            "a+b",
            "uuid",
            "domain",
            "stage^",
            "default",
            "inbox",
        ]
        .map(|user| format!("user.{user}"));
        create(&lab.master, &[&*lab.master.admin_name("user.reader")]);
        for inbox in &users {
            populate(&lab, inbox, "user.reader");
        }
        // No user can log in with these names, because the server changes them to lower case.
        create(
            &lab.master,
            &["user.Fred", "user.NIL"].map(|n| lab.master.admin_name(n)).each_ref().map(|n| &**n),
        );
        replicate_as_cyrus_would(&lab, &["-A"]);
        for inbox in &users {
            change(&lab, inbox, "user.reader");
        }
        let users: Vec<String> = users.iter().map(|inbox| user_of(inbox)).collect();
        let args =
            ["-u", "reader", "Fred", "NIL"].into_iter().chain(users.iter().map(String::as_str));
        replicate(&lab, &args.clone().collect::<Vec<_>>());
        replicate_as_cyrus_would(&lab, &["-A"]);
        for user in &users {
            Imap::login(&lab.master, user).ok("SUBSCRIBE INBOX");
        }
        let args: Vec<&str> = ["-s"].into_iter().chain(users.iter().map(String::as_str)).collect();
        replicate_as_cyrus_would(&lab, &args);
        assert_sound(&lab);
    }
}

#[test]
fn names_that_cyrus_refuses() {
    let lab = lab(Options::modern(), "", "");
    create(&lab.master, &["user/fred"]);
    let mut fred = Imap::login(&lab.master, "fred");
    for name in
        ["a%b", "a\\b", "a\"b", "a;b", "a|b", "a`b", "a<b>", "a{b}", "a!b", "caf\u{e9}", "&"]
    {
        let literal = format!("CREATE {{{}+}}\r\n{name}", name.len());
        let answer = fred.command_bytes(literal.as_bytes());
        assert_ne!(answer.status, Status::Ok, "{name}");
    }
    let names = tools::mailbox_names(&lab.master);
    assert_eq!(names, ["user.fred"]);
    // The command line does not accept such a name either.
    let run = ours(&lab, &["-m", "user/fred/a%b"]);
    assert!(run.stdout.is_empty(), "{run}");
}
