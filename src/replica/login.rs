//! SASL login on csync: PLAIN and LOGIN.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::connect::read_line;
use super::link::Link;
use super::responses::{Ending, ending};
use crate::error::{Error, Kind, Result};

/// Who to log in as.
#[derive(Clone, Default)]
pub struct Credentials {
    /// `sync_authname`.
    pub authname: Option<String>,
    /// `sync_password`.
    pub password: Option<String>,
    /// `force_sasl_client_mech`: use this mechanism and no other.
    pub mechanism: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("authname", &self.authname).finish_non_exhaustive()
    }
}

/// Mechanisms by preference.
const MECHANISMS: [&str; 2] = ["PLAIN", "LOGIN"];

/// Logs in with the best mechanism that both sides have.
pub(super) fn login(
    link: &mut Link,
    offered: &[String],
    starttls: bool,
    credentials: &Credentials,
) -> Result<()> {
    let authname = required(credentials.authname.as_deref(), "sync_authname")?;
    let password = required(credentials.password.as_deref(), "sync_password")?;
    match choose(offered, starttls, credentials.mechanism.as_deref())? {
        "PLAIN" => {
            let response = BASE64.encode(format!("\0{authname}\0{password}"));
            send(link, &format!("AUTHENTICATE PLAIN {response}"))?;
        }
        _ => {
            send(link, "AUTHENTICATE LOGIN")?;
            for answer in [authname, password] {
                let line = read_line(link)?;
                if !line.starts_with(b"+") {
                    return finish(&line, authname);
                }
                send(link, &BASE64.encode(answer))?;
            }
        }
    }
    finish(&read_line(link)?, authname)
}

fn required<'c>(value: Option<&'c str>, option: &'static str) -> Result<&'c str> {
    value.ok_or_else(|| {
        Error::new(Kind::Auth, "log in to", "the replica", format!("{option} is not set"))
            .hint("set sync_authname and sync_password in imapd.conf")
    })
}

fn choose(offered: &[String], starttls: bool, forced: Option<&str>) -> Result<&'static str> {
    let allowed = |name: &&&str| forced.is_none_or(|f| f.eq_ignore_ascii_case(name));
    let usable = MECHANISMS.iter().filter(allowed);
    let chosen = usable.copied().find(|name| offered.iter().any(|o| o == name));
    chosen.ok_or_else(|| {
        let hint = if starttls {
            "the replica offers STARTTLS: it may want it before PLAIN (allowplaintext: yes there)"
        } else {
            "PLAIN and LOGIN are known here; see sasl_mech_list on the replica"
        };
        let list = if offered.is_empty() { "none".to_owned() } else { offered.join(" ") };
        Error::new(
            Kind::Auth,
            "log in to",
            "the replica",
            format!("no mechanism in common; it offers: {list}"),
        )
        .hint(hint)
    })
}

fn send(link: &mut Link, line: &str) -> Result<()> {
    link.write(line.as_bytes())?;
    link.write(b"\r\n")?;
    link.flush()
}

fn finish(line: &[u8], authname: &str) -> Result<()> {
    let text = match ending(line) {
        Some(Ending::Ok) => return Ok(()),
        Some(Ending::No(text) | Ending::Bad(text) | Ending::Bye(text)) => text,
        None => return Err(Error::new(Kind::Protocol, "log in to", "the replica", "no answer")),
    };
    Err(Error::new(Kind::Auth, "log in to the replica as", authname, text).hint(
        "check sync_authname and sync_password, and that the user is among the replica's admins",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn the_best_common_mechanism_is_taken() {
        assert_eq!(choose(&offered(&["LOGIN", "PLAIN"]), false, None).unwrap(), "PLAIN");
        assert_eq!(choose(&offered(&["LOGIN", "PLAIN"]), false, Some("login")).unwrap(), "LOGIN");
        let none = choose(&offered(&["SCRAM-SHA-1"]), true, None).unwrap_err();
        assert_eq!(none.kind(), Kind::Auth);
        assert!(none.to_string().contains("STARTTLS"), "{none}");
    }

    #[test]
    fn passwords_are_not_printed() {
        let credentials = Credentials {
            authname: Some("repl".into()),
            password: Some("secret".into()),
            mechanism: None,
        };
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
