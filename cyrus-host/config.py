"""Writes Cyrus's config.h as its configure script would: from its config.h.in, from what the
installed Cyrus says of its own build (cyr_buildinfo, on standard input), and from what is true of
every Debian. Only what headers ask for matters: it decides how structures are laid out."""

import json
import re
import sys

told = json.load(sys.stdin)
component, dependency = told["component"], told["dependency"]

# Asked for by headers: what the installed Cyrus was built with.
BUILT_WITH = {
    "HAVE_SSL": dependency["openssl"],
    "HAVE_ZLIB": dependency["zlib"],
    "HAVE_JANSSON": dependency["jansson"],
    "HAVE_ICAL": dependency["ical"],
    "USE_SIEVE": component["sieve"],
    "USE_CALALARMD": component["calalarmd"],
    "USE_HTTPD": component["httpd"],
    "USE_MURDER": component["murder"],
    "USE_REPLICATION": component["replication"],
    "WITH_DAV": component["httpd"],
    "WITH_JMAP": component["jmap"],
}

# True of glibc and gcc.
SYSTEM = """
    HAVE_DIRENT_H HAVE_ET_COM_ERR_H HAVE_FDATASYNC HAVE_FTRUNCATE HAVE_GETADDRINFO HAVE_GETLINE
    HAVE_GETNAMEINFO HAVE_INTTYPES_H HAVE_LIBUUID HAVE_MEMMEM HAVE_MEMMOVE HAVE_MEMRCHR
    HAVE_POSIX_FADVISE HAVE_RLIM_T HAVE_SOCKLEN_T HAVE_SS_FAMILY HAVE_STDARG_H HAVE_STDINT_H
    HAVE_STDLIB_H HAVE_STRINGS_H HAVE_STRING_H HAVE_STRSEP HAVE_STRUCT_SOCKADDR_STORAGE
    HAVE_TIMEGM HAVE_UNISTD_H HAVE_VISIBILITY STDC_HEADERS TIME_WITH_SYS_TIME _GNU_SOURCE
""".split()

# Of 64 bit Linux.
VALUES = {
    "SIZEOF_INT": "4",
    "SIZEOF_LONG": "8",
    "SIZEOF_LONG_LONG_INT": "8",
    "SIZEOF_UNSIGNED_LONG_LONG_INT": "8",
    "SIZEOF_OFF_T": "8",
    "SIZEOF_SIZE_T": "8",
    "SIZEOF_TIME_T": "8",
    "OFF_T_FMT": '"%ld"',
    "SIZE_T_FMT": '"%lu"',
    "TIME_T_FMT": '"%ld"',
    "strtoofft": "strtol",
    "strtosizet": "strtoul",
    "strtotimet": "strtol",
}

# `inline` is part of the language, and left as it is.
defined = {name: "1" for name in SYSTEM}
defined.update((name, "1") for name, there in BUILT_WITH.items() if there)
defined.update(VALUES)
# The version of the source package. The engine runs only in processes of this version.
defined["PACKAGE_VERSION"] = f'"{sys.argv[2]}"'

for line in open(sys.argv[1], encoding="utf-8"):
    found = re.match(r"\s*#\s*undef (\w+)", line)
    if found:
        name = found.group(1)
        line = f"#define {name} {defined[name]}\n" if name in defined else ""
    sys.stdout.write(line)
