# Everyday targets; included by the Makefile.

demo:
	scripts/demo

test:
	scripts/test

# Cyrus's client against ours: docs/performance.md. Needs some gigabytes of memory or of $TMPDIR.
# QUICK=1 takes some minutes in place of an hour; BENCH are options and names of cases.
bench:
	scripts/setup
	$(CARGO) build --release --locked --bin sync_client
	$(CARGO) build --release --locked -p cyrsync-lab --bin bench
	target/release/bench $(if $(QUICK),--quick) --json target/bench.json $(BENCH)

# The same, and writes the table and the picture of docs/performance.md.
bench-docs:
	$(MAKE) bench BENCH='--docs docs/performance.md $(BENCH)'

# Parsers, CRCs and the compressor by themselves.
bench-micro:
	$(CARGO) test --release --locked --lib micro::table -- --ignored --nocapture

# The C programs with gcc and clang, AddressSanitizer and valgrind; those that need servers are
# tests/embedding.rs.
c-tests:
	scripts/setup
	$(CARGO) build --locked
	$(MAKE) -C c-tests LIBDIR=../target/debug check-all

# All that is tested of the C ABI: the C programs, header, installation and cyrus-host, and the scenarios with
# the engine inside a process of Cyrus. CI runs the same.
capi: c-tests embedded
	$(CARGO) test --locked --lib capi
	$(CARGO) test --locked --test header --test embedding --test install --test cyrus_host

# Histories of the simulator, from seed FIRST on; a million take about half an hour on two cores.
HISTORIES ?= 1000000
FIRST ?= 0
simulate:
	CYRSYNC_SIM_HISTORIES=$(HISTORIES) CYRSYNC_SIM_FIRST=$(FIRST) $(CARGO) test --release --locked \
		--lib sim::tests::causes -- --ignored --nocapture

# How long a message takes to the replica, with each of them rolling; eight minutes.
lag:
	scripts/setup
	$(CARGO) build --release --locked --bin sync_client
	$(CARGO) build --release --locked -p cyrsync-lab --bin lag
	target/release/lag $(LAG)

# The scenarios with the engine inside a process of Cyrus: docs/embedding.md. TESTS are words of names.
embedded:
	scripts/setup
	scripts/embedded $(TESTS)

# Masters and replicas of other versions of Cyrus: makes their trees once, then runs tests/versions and
# what of tests/check_config and tests/cyrus_host wants them. The Debian release with 3.12 still changes: where it cannot be
# made, that version is left out, and told.
versions:
	scripts/setup
	scripts/trees bullseye trixie
	skip=; scripts/trees forky || { skip='--skip 3_12'; echo 'Cyrus 3.12 is left out' >&2; }; \
	$(CARGO) test --locked --test versions --test check_config --test cyrus_host -- \
		--ignored $$skip

# GSSAPI, DIGEST-MD5 and security layers through libsasl2, on real servers.
sasl2:
	scripts/setup sasl2
	$(CARGO) clippy --locked --features libsasl2 --lib --bins --test sasl2 -- -D warnings
	$(CARGO) test --locked --features libsasl2 --lib sasl
	$(CARGO) test --locked --features libsasl2 --test sasl2 --test install

# Crates for a build without a network: scripts/release takes them from there.
vendor:
	$(CARGO) vendor --locked --versioned-dirs vendor

# Debian's packages: built without a network, the same from two directories, installed in Debian 12 and 13.
packages:
	scripts/packages

# All of docs/guides, line by line on real servers.
guides:
	scripts/setup
	scripts/trees trixie
	$(CARGO) test --locked --test guides -- --include-ignored

# Both commands of README, as root and as an ordinary user with sudo, on a Debian 12 and a Debian 13 that
# have nothing else. Each takes as long as the tests: some hours in all.
fresh:
	scripts/fresh demo test
	scripts/fresh --user demo test
	scripts/fresh --release trixie demo
	scripts/fresh --release trixie --user demo

# Each fuzz target for TIME seconds; docs/testing.md.
fuzz:
	TIME=$(or $(TIME),60) scripts/fuzz $(TARGETS)

# Writes include/cyrsync.h anew from src/capi.
header:
	CYRSYNC_UPDATE=1 $(CARGO) test --locked --test header the_committed_header_is_the_generated_one

fmt:
	$(CARGO) fmt --all

clippy:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

clean:
	$(CARGO) clean

.PHONY: demo test bench bench-docs bench-micro c-tests capi lag embedded versions sasl2 vendor packages guides fresh fuzz header fmt clippy clean simulate
