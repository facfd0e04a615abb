//! try

use cyrsync_lab::*;
use std::time::Instant;
fn main() {
    let t = Instant::now();
    let lab = Lab::new(Options {
        users: vec!["fred".into()],
        sync_log_channels: vec!["".into(), "other".into()],
        ..Options::default()
    });
    println!("start {:?}", t.elapsed());
    let m = &lab.master;
    let mut a = Imap::admin(m);
    a.ok("CREATE user.fred");
    a.ok("CREATE user.anna");
    a.ok("CREATE shared");
    a.ok("CREATE shared.sub second");
    let mut f = Imap::login(m, "fred");
    f.ok("CREATE INBOX.Sent");
    f.ok("CREATE \"INBOX.a b.c.d\"");
    f.ok("SUBSCRIBE INBOX.Sent");
    println!("{:?}", f.append("INBOX", "\\Seen $L", b"Subject: x\r\n\r\nhello\r\n"));
    println!("{:?}", f.append("INBOX.Sent", "", b"Subject: x\r\n\r\nhello 2\r\n"));
    f.ok("SELECT INBOX");
    println!("{:?}", f.annotate_messages("1", "/comment", true, Some(b"hi")));
    println!("{:?}", f.annotate_messages("1", "/vendor/lab/message", false, Some(b"hi shared")));
    println!("{:?}", f.set_metadata("INBOX", "/shared/comment", Some(b"meta")));
    println!("{:?}", f.set_metadata("INBOX", "/private/vendor/lab/mailbox", Some(b"meta \xff")));
    println!("{:?}", a.set_metadata("", "/shared/vendor/lab/server", Some(b"server")));
    println!(
        "{:?}",
        a.set_quota("user.fred", "STORAGE 1000 MESSAGE 10 X-ANNOTATION-STORAGE 7 X-NUM-FOLDERS 50")
    );
    f.ok("SETACL INBOX.Sent anna lrs");
    let mut n = Imap::login(m, "anna");
    n.ok("SELECT user.fred.Sent");
    n.uid_store("1", "+FLAGS (\\Seen)");
    n.ok("FETCH 1 BODY[]");
    n.ok("CLOSE");
    let mut l = Lmtp::connect(m);
    println!("{:?}", l.deliver("anna", b"Subject: y\r\n\r\n.hello\r\n"));
    println!("{:?}", l.deliver("fred+Sent", b"Subject: y\r\n\r\n.hello\r\n"));
    let mut s = Sieve::login(m, "fred");
    println!("{:?}", s.put("main", "keep;\r\n"));
    println!("{:?}", s.activate("main"));
    f.ok("DELETE \"INBOX.a b.c.d\"");
    println!("{:?}", a.list("*"));
    f.ok("RENAME INBOX.Sent INBOX.Out");
    a.ok("CREATE user.fred.x.y");
    f.ok("DELETE INBOX.x.y");
    println!("{}", tools::run(m, "ctl_mboxlist", &["-d"]));
    println!("---- dbtool");
    for (k, v) in tools::dump(m, "mailboxes.db", "twoskip") {
        println!("{:?} = {:?}", k, v);
    }
    let mut x = SyncServer::spawn(m);
    for (k, n) in [
        ("USER", "fred"),
        ("META", "fred"),
        ("META", "anna"),
        ("ANNOTATION", ""),
        ("ANNOTATION", "user.fred"),
        ("FULLMAILBOX", "user.fred"),
        ("QUOTA", "user.fred"),
        ("FULLMAILBOX", "user.fred.#sieve"),
    ] {
        let r = x.get(k, &Value::text(n));
        println!("GET {k} {n}: {:?} {}", r.status, r.text);
        for (n, v) in r.items {
            println!("   {n} {}", v.show());
        }
    }
    println!("{:?}", tools::reconstruct_complaints(m, "*"));
    println!("{:?}", tools::quota_complaints(m));
    println!("{}", tools::run(m, "quota", &[]));
    println!("{}", m.log());
    let _ = std::process::Command::new("find").arg(lab.dir()).status();
    let _ = std::process::Command::new("sh").arg("-c").arg(format!("cd {}/master/conf; cat sync/*log*; head -50 quota/*/*/* quota/*/*; ls user/*; cat user/*/*/*.sub user/*/*.sub", lab.dir().display())).status();
    if std::env::args().nth(1).is_some() {
        std::process::abort()
    }
    let t = Instant::now();
    drop(lab);
    println!("stop {:?}", t.elapsed());
}
