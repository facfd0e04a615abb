//! SASL login: PLAIN and LOGIN.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::dialect::{Answer, Tagger};
use super::lines::send;
use super::link::Link;
use super::offer::{Offer, Surroundings};
use super::responses::Ending;
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
    tagger: &mut Tagger,
    offer: &Offer,
    _surroundings: &Surroundings,
    credentials: &Credentials,
) -> Result<()> {
    let authname = required(credentials.authname.as_deref(), "sync_authname")?;
    let password = required(credentials.password.as_deref(), "sync_password")?;
    let mechanism = choose(&offer.mechanisms, offer.starttls, credentials.mechanism.as_deref())?;
    let mut answers: Vec<String> = match mechanism {
        "PLAIN" => vec![format!("\0{authname}\0{password}")],
        _ => vec![authname.to_owned(), password.to_owned()],
    };
    let mut command = format!("AUTHENTICATE {mechanism}");
    if mechanism == "PLAIN" && offer.sasl_ir {
        let initial = BASE64.encode(answers.remove(0));
        command = format!("{command} {initial}");
    }
    let tag = tagger.send(link, &command)?;
    let mut answers = answers.into_iter();
    loop {
        match tagger.answer(link, tag, &mut |_| ())? {
            Answer::Continue(_) => match answers.next() {
                Some(answer) => send(link, &BASE64.encode(answer))?,
                None => send(link, "*")?,
            },
            Answer::End(Ending::Ok(_)) => return Ok(()),
            Answer::End(Ending::No(text) | Ending::Bad(text) | Ending::Bye(text)) => {
                return Err(refused(&text, authname));
            }
        }
    }
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

fn refused(text: &str, authname: &str) -> Error {
    Error::new(Kind::Auth, "log in to the replica as", authname, text).hint(
        "check sync_authname and sync_password, and that the user is among the replica's admins",
    )
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
