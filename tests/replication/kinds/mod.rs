//! Every kind of mailbox and of user data, each with what is special about it.

mod made;
mod mail_types;
mod message_files;
mod sieve_directories;
