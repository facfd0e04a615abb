//! Every kind of mailbox and of user data, each with what is special about it.

mod message_files;
mod sieve_directories;
