//! try
use cyrsync_lab::*;
use std::time::Instant;
fn main() {
    let t = Instant::now();
    let lab = Lab::new(Options {
        users: vec!["fred".into()],
        conversations: std::env::var_os("CONV").is_some(),
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
    f.append("INBOX", "\\Seen $L", b"Subject: x\r\n\r\nhello\r\n");
    f.append("INBOX.Sent", "", b"Subject: x\r\n\r\nhello 2\r\n");
    f.ok("SELECT INBOX");
    f.annotate_messages("1", "/comment", true, Some(b"hi"));
    f.annotate_messages("1", "/vendor/lab/message", false, Some(b"hi shared"));
    f.set_metadata("INBOX", "/shared/comment", Some(b"meta"));
    f.set_metadata("INBOX", "/private/vendor/lab/mailbox", Some(b"meta \xff"));
    a.set_metadata("", "/shared/vendor/lab/server", Some(b"server"));
    a.set_quota("user.fred", "STORAGE 1000 MESSAGE 10 X-ANNOTATION-STORAGE 7 X-NUM-FOLDERS 50");
    f.ok("SETACL INBOX.Sent anna lrs");
    let mut n = Imap::login(m, "anna");
    n.ok("SELECT user.fred.Sent");
    n.uid_store("1", "+FLAGS (\\Seen)");
    n.ok("FETCH 1 BODY[]");
    n.ok("CLOSE");
    let mut l = Lmtp::connect(m);
    l.deliver("anna", b"Subject: y\r\n\r\n.hello\r\n").unwrap();
    l.deliver("fred", b"Subject: y\r\n\r\n.hello\r\n").unwrap();
    let mut s = Sieve::login(m, "fred");
    s.put("main", "keep;\r\n");
    s.activate("main");
    f.ok("DELETE \"INBOX.a b.c.d\"");
    f.ok("RENAME INBOX.Sent INBOX.Out");
    a.ok("CREATE user.fred.x.y");
    f.ok("DELETE INBOX.x.y");
    let t = Instant::now();
    fill::bulk(m, fill::Bulk { users: 2, folders: 3, messages: 200, seed: 1 });
    println!("fill {:?}", t.elapsed());
    println!("before {}", describe(&compare(m, &lab.replica), 10));
    for _ in 0..2 {
        let r = cyrus_sync_client(m, &["-A", "-v"]);
        println!("{r}");
        let t = Instant::now();
        println!("after {}", describe(&compare(m, &lab.replica), 50));
        println!("compare {:?}", t.elapsed());
    }
    let proxy = Proxy::new(lab.replica.csync_port(), std::time::Duration::from_millis(20), true);
    let port = proxy.port().to_string();
    let r = cyrus_sync_client(m, &["-v", "-p", &port, "-u", "fred"]);
    println!("{r}\n{:?} {:?}", proxy.commands(), proxy.traffic());
    let mut m2 = lab.master.config_dir();
    m2.push("x");
    for s in [m, &lab.replica] {
        println!("{:?}", tools::reconstruct_complaints(s, "*"));
        println!("{:?}", tools::quota_complaints(s));
    }
    let _ = std::process::Command::new("sh").arg("-c").arg(format!("cd {}/; cat */conf/sync/*log*; find master/conf; head -50 */conf/quota/*/* */conf/quota/*;cat master/syslog", lab.dir().display())).status();
    if std::env::args().nth(1).is_some() {
        std::process::abort()
    }
    let t = Instant::now();
    drop(lab);
    println!("stop {:?}", t.elapsed());
}
