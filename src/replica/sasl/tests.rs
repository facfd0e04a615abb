use super::choose::choose;
use super::mechanism::Mechanism;
use super::password::{CramMd5, External, Login, LoginMechanism, Plain};
use super::scram::{Binding, Hash, Scram};
use super::*;
use crate::limits::SCRAM_ITERATIONS;
use crate::replica::server_capabilities::Surroundings;

fn login(authname: &str, password: &str) -> Login {
    Login {
        authname: authname.into(),
        password: Zeroizing::new(password.into()),
        authzid: String::new(),
    }
}

fn text(response: &[u8]) -> &str {
    std::str::from_utf8(response).unwrap()
}

#[test]
fn plain_is_as_in_rfc_4616() {
    let mut plain = Plain(login("tim", "tanstaaftanstaaf"));
    assert_eq!(*plain.initial().unwrap().unwrap(), b"\0tim\0tanstaaftanstaaf");
    let mut proxied = Plain(Login { authzid: "Ursel".into(), ..login("Kurt", "xipj3plmq") });
    assert_eq!(*proxied.initial().unwrap().unwrap(), b"Ursel\0Kurt\0xipj3plmq");
    assert!(Plain(login("tim", "a\0b")).initial().is_err());
    assert!(plain.step(b"more").is_err());
}

#[test]
fn login_answers_two_prompts_whatever_they_say() {
    let mut mechanism = LoginMechanism::new(login("repl", "secret"));
    assert!(mechanism.initial().unwrap().is_none());
    assert_eq!(*mechanism.step(b"Username:").unwrap(), b"repl");
    assert_eq!(*mechanism.step(b"").unwrap(), b"secret");
    assert!(mechanism.step(b"").is_err());
}

#[test]
fn cram_md5_is_as_in_rfc_2195() {
    let mut cram = CramMd5::new(login("tim", "tanstaaftanstaaf"));
    assert!(cram.initial().unwrap().is_none());
    assert!(!cram.is_done(), "before it has answered");
    let response = cram.step(b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
    assert_eq!(text(&response), "tim b913a602c7eda7a495b4e6e7334d3890");
    assert!(cram.is_done());
    assert!(cram.step(b"again").is_err());
}

#[test]
fn external_says_who_to_act_as_at_most() {
    assert_eq!(*External { authzid: String::new() }.initial().unwrap().unwrap(), b"");
    assert_eq!(*External { authzid: "fred".into() }.initial().unwrap().unwrap(), b"fred");
}

fn scram(hash: Hash, nonce: &str) -> Scram {
    Scram::new("SCRAM", hash, login("user", "pencil"), Binding::None, nonce.into())
}

#[test]
fn scram_sha_1_is_as_in_rfc_5802() {
    let mut scram = scram(Hash::Sha1, "fyko+d2lbbFgONRv9qkxdawL");
    let first = scram.initial().unwrap().unwrap();
    assert_eq!(text(&first), "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
    let challenge = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
    let response = scram.step(challenge).unwrap();
    assert_eq!(
        text(&response),
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    );
    assert!(!scram.is_done(), "the server has proved nothing yet");
    assert_eq!(*scram.step(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").unwrap(), b"");
    assert!(scram.is_done());
}

#[test]
fn scram_sha_256_is_as_in_rfc_7677() {
    let mut scram = scram(Hash::Sha256, "rOprNGfwEbeRWgbNEkqO");
    let challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    let response = scram.step(challenge).unwrap();
    assert_eq!(
        text(&response),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    scram.step(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
    assert!(scram.is_done());
}

#[test]
fn a_server_that_does_not_know_the_password_is_found_out() {
    let challenge = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
    for last in ["v=AAAAv3Bz2T0CJGbJQyF0X+HI4Ts=", "v=", "", "e=invalid-proof", "x=y"] {
        let mut scram = scram(Hash::Sha1, "fyko+d2lbbFgONRv9qkxdawL");
        scram.step(challenge).unwrap();
        assert!(scram.step(last.as_bytes()).is_err(), "{last}");
        assert!(!scram.is_done(), "{last}");
    }
}

#[test]
fn challenges_that_no_honest_server_sends_are_refused() {
    let too_many = format!("r=NONCEx,s=QSXC,i={}", SCRAM_ITERATIONS + 1);
    let challenges = [
        "",
        "r=NONCE,s=QSXC,i=4096",
        "r=OTHERx,s=QSXC,i=4096",
        "m=must,r=NONCEx,s=QSXC,i=4096",
        "r=NONCEx,s=*,i=4096",
        "r=NONCEx,s=QSXC",
        "r=NONCEx,s=QSXC,i=0",
        "r=NONCEx,s=QSXC,i=-1",
        "r=NONCEx,s=QSXC,i=99999999999999999999",
        &too_many,
    ];
    for challenge in challenges {
        let mut scram = scram(Hash::Sha256, "NONCE");
        assert!(scram.step(challenge.as_bytes()).is_err(), "{challenge}");
    }
    assert!(scram(Hash::Sha1, "NONCE").step(b"\xff\xfe").is_err());
}

#[test]
fn scram_binds_to_the_channel_and_escapes_names() {
    let who = Login { authzid: "a,b".into(), ..login("x=y", "pencil") };
    let to = |binding| Scram::new("SCRAM", Hash::Sha1, who.clone(), binding, "N".into());
    let first = |binding| to(binding).initial().unwrap().unwrap();
    assert_eq!(text(&first(Binding::NotOffered)), "y,a=a=2Cb,n=x=3Dy,r=N");
    let mut bound = to(Binding::To("tls-exporter", b"\x01\x02".to_vec()));
    assert_eq!(text(&bound.initial().unwrap().unwrap()), "p=tls-exporter,a=a=2Cb,n=x=3Dy,r=N");
    let response = bound.step(b"r=N1,s=QSXC,i=1").unwrap();
    let channel = BASE64.encode(b"p=tls-exporter,a=a=2Cb,\x01\x02");
    assert!(text(&response).starts_with(&format!("c={channel},r=N1,p=")), "{}", text(&response));
}

fn offer(names: &str) -> ServerCapabilities {
    let mechanisms = names.split_whitespace().map(str::to_owned).collect();
    ServerCapabilities { mechanisms, sasl_ir: true, ..ServerCapabilities::default() }
}

fn credentials() -> Credentials {
    Credentials {
        sync_authname: Some("repl".into()),
        sync_password: Some(Zeroizing::new("secret".into())),
        sync_allowplaintext: true,
        ..Credentials::default()
    }
}

fn chosen(names: &str, surroundings: &Surroundings, credentials: &Credentials) -> String {
    match choose(&offer(names), surroundings, credentials) {
        Ok(mechanism) => mechanism.name().to_owned(),
        Err(error) => {
            assert_eq!(error.kind(), Kind::Auth);
            assert!(!error.to_string().contains("secret"), "{error}");
            error.to_string()
        }
    }
}

#[test]
fn the_strongest_usable_mechanism_is_chosen() {
    let clear = Surroundings::default();
    let tls = Surroundings {
        encrypted: true,
        tls_unique_or_exporter: Some(("tls-exporter", vec![1])),
        ..Surroundings::default()
    };
    let certified = Surroundings { client_certificate: true, ..tls.clone() };
    let all =
        "LOGIN PLAIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS EXTERNAL";
    let who = credentials();
    assert_eq!(chosen(all, &clear, &who), "SCRAM-SHA-256");
    assert_eq!(chosen(all, &tls, &who), "SCRAM-SHA-256", "Cyrus cannot bind to tls-exporter");
    let unique =
        Surroundings { tls_unique_or_exporter: Some(("tls-unique", vec![1])), ..tls.clone() };
    assert_eq!(chosen(all, &unique, &who), "SCRAM-SHA-256-PLUS");
    assert_eq!(chosen(all, &certified, &who), "EXTERNAL");
    assert_eq!(chosen("LOGIN PLAIN CRAM-MD5", &clear, &who), "CRAM-MD5");
    assert_eq!(chosen("LOGIN PLAIN", &clear, &who), "PLAIN");
    assert_eq!(chosen("LOGIN", &clear, &who), "LOGIN");
    let only = |list: &str| Credentials { mechanisms: Some(list.into()), ..credentials() };
    assert_eq!(chosen(all, &tls, &only("login, plain")), "PLAIN");
    assert_eq!(chosen(all, &tls, &only("SCRAM-SHA-256-PLUS")), "SCRAM-SHA-256-PLUS");
    assert_eq!(chosen(all, &tls, &only("scram-sha-1")), "SCRAM-SHA-1");
    let acting = Credentials { sync_authzid: Some("fred".into()), ..credentials() };
    assert_eq!(chosen("LOGIN PLAIN CRAM-MD5", &clear, &acting), "PLAIN");
}

#[test]
fn the_password_stays_here_if_it_would_cross_the_network_unprotected_and_may_not() {
    let careful = Credentials { sync_allowplaintext: false, ..credentials() };
    let clear = Surroundings::default();
    let tls = Surroundings { encrypted: true, ..Surroundings::default() };
    assert!(chosen("LOGIN PLAIN", &clear, &careful).contains("not encrypted"));
    assert_eq!(chosen("LOGIN PLAIN", &tls, &careful), "PLAIN");
    assert_eq!(chosen("PLAIN SCRAM-SHA-1", &clear, &careful), "SCRAM-SHA-1");
}

#[test]
fn the_reason_for_no_usable_mechanism_is_reported() {
    let clear = Surroundings::default();
    let nobody = Credentials::default();
    assert!(chosen("PLAIN", &clear, &nobody).contains("sync_authname is not set"));
    assert!(chosen("EXTERNAL", &clear, &credentials()).contains("client certificate"));
    assert!(chosen("SCRAM-SHA-1-PLUS", &clear, &credentials()).contains("channel binding"));
    assert!(chosen("GSSAPI", &clear, &credentials()).contains("the replica offers: GSSAPI"));
    let only = Credentials { mechanisms: Some("PLAIN".into()), ..credentials() };
    assert!(chosen("GSSAPI LOGIN", &clear, &only).contains("allows only PLAIN"));
    let starttls = ServerCapabilities { starttls: true, ..offer("") };
    let error = choose(&starttls, &clear, &credentials()).err().unwrap();
    assert!(error.to_string().contains("STARTTLS"), "{error}");
}

#[test]
fn passwords_are_not_printed() {
    let printed = format!("{:?}", credentials());
    assert!(printed.contains("repl") && !printed.contains("secret"), "{printed}");
}
