//! Throwaway Cyrus servers for tests and demonstration.
