# Builds and installs a release. For development, use cargo itself.
#
#   make && make install PREFIX=/usr DESTDIR=/tmp/package
#
# `make install` strips the binaries. `make install-debug` keeps the debug information.

PREFIX ?= /usr/local
prefix ?= $(PREFIX)
sbindir ?= $(prefix)/sbin
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
mandir ?= $(prefix)/share/man
docdir ?= $(prefix)/share/doc/cyrsync
completionsdir ?= $(prefix)/share/bash-completion/completions
DESTDIR ?=

CARGO ?= cargo
INSTALL ?= install
STRIP ?= strip
BUILT ?= target/release
# Features of Cargo.toml in addition to the default ones: make FEATURES=libsasl2
FEATURES ?=
SONAME = libcyrsync.so.0
# Libraries that Rust's standard library needs: `rustc --print native-static-libs`.
STATIC_LIBS = -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
# The feature libsasl2 needs another library. The shared library names it if it has the feature.
sasl2_libs = $(if $(shell grep -l 'libsasl2\.so' $(BUILT)/libcyrsync.so 2>/dev/null),-lsasl2)

version := $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)

# Builds with neutral paths instead of this machine's. So the same sources give the same bytes in
# any directory (docs/packaging.md).
all:
	CARGO="$(CARGO)" scripts/release $(if $(FEATURES),--features "$(FEATURES)")

include scripts/dev.mk

# The usual name of this target, which packagers expect.
install-strip: install

install: install-debug
	$(STRIP) --strip-unneeded $(DESTDIR)$(sbindir)/sync_client \
		$(DESTDIR)$(libdir)/libcyrsync.so.$(version)
	$(STRIP) --strip-debug --enable-deterministic-archives $(DESTDIR)$(libdir)/libcyrsync.a

install-debug:
	$(INSTALL) -d $(DESTDIR)$(sbindir) $(DESTDIR)$(libdir)/pkgconfig $(DESTDIR)$(includedir) \
		$(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man8 $(DESTDIR)$(completionsdir) \
		$(DESTDIR)$(docdir)/guides $(DESTDIR)$(docdir)/contrib
	$(INSTALL) -m 755 $(BUILT)/sync_client $(DESTDIR)$(sbindir)/sync_client
	$(INSTALL) -m 644 $(BUILT)/libcyrsync.so $(DESTDIR)$(libdir)/libcyrsync.so.$(version)
	ln -sf libcyrsync.so.$(version) $(DESTDIR)$(libdir)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(libdir)/libcyrsync.so
	$(INSTALL) -m 644 $(BUILT)/libcyrsync.a $(DESTDIR)$(libdir)/libcyrsync.a
	$(INSTALL) -m 644 include/cyrsync.h $(DESTDIR)$(includedir)/cyrsync.h
	$(INSTALL) -m 644 docs/cyrsync-imapd.conf.5 $(DESTDIR)$(mandir)/man5/cyrsync-imapd.conf.5
	$(INSTALL) -m 644 docs/sync_client.8 $(DESTDIR)$(mandir)/man8/sync_client.8
	$(INSTALL) -m 644 contrib/completion/sync_client $(DESTDIR)$(completionsdir)/sync_client
	$(INSTALL) -m 644 README.md CHANGELOG.md docs/*.md docs/events.schema.json \
		$(DESTDIR)$(docdir)
	$(INSTALL) -m 644 docs/guides/*.md $(DESTDIR)$(docdir)/guides
	$(INSTALL) -m 644 contrib/prometheus/* contrib/grafana/* contrib/systemd/* \
		$(DESTDIR)$(docdir)/contrib
	sed -e 's|@prefix@|$(prefix)|; s|@libdir@|$(libdir)|; s|@includedir@|$(includedir)|' \
		-e 's|@version@|$(version)|; s|@static_libs@|$(strip $(sasl2_libs) $(STATIC_LIBS))|' \
		cyrsync.pc.in > $(DESTDIR)$(libdir)/pkgconfig/cyrsync.pc
	chmod 644 $(DESTDIR)$(libdir)/pkgconfig/cyrsync.pc

.PHONY: all install install-strip install-debug
