/*
 * Preloaded into the programs of the lab: what they send to syslog goes to the
 * file named by CYRSYNC_LAB_SYSLOG instead, a line each: "LEVEL ident: text".
 * DEBUG lines, most of them SQL, only with CYRSYNC_LAB_DEBUG in the environment.
 * When such a program ends it adds to the file named by CYRSYNC_LAB_PEAK its
 * process id and the line in which the kernel says how much memory it had at most.
 * Test tooling only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

static const char *const levels[] = {"EMERG",   "ALERT",  "CRIT", "ERR",
                                     "WARNING", "NOTICE", "INFO", "DEBUG"};
static char program[64] = "";

static void write_line(int priority, const char *format, va_list args) {
    const char *path = getenv("CYRSYNC_LAB_SYSLOG");
    if (!path) return;
    if ((priority & LOG_PRIMASK) == LOG_DEBUG && !getenv("CYRSYNC_LAB_DEBUG")) return;
    int saved = errno;
    char line[8192];
    int used = snprintf(line, sizeof line, "%s %s: ", levels[priority & LOG_PRIMASK],
                        *program ? program : program_invocation_short_name);
    errno = saved; /* the text may hold %m */
    int text = vsnprintf(line + used, sizeof line - (size_t)used - 1, format, args);
    if (text > 0) {
        size_t length = strlen(line);
        for (size_t i = 0; i < length; i++)
            if (line[i] == '\n') line[i] = ' ';
        line[length] = '\n';
        int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        if (fd >= 0) {
            /* one write, so that lines of several processes do not mix */
            ssize_t ignored = write(fd, line, length + 1);
            (void)ignored;
            close(fd);
        }
    }
    errno = saved;
}

void openlog(const char *ident, int option, int facility) {
    (void)option;
    (void)facility;
    if (ident) snprintf(program, sizeof program, "%s", ident);
}

void closelog(void) {}

void vsyslog(int priority, const char *format, va_list args) { write_line(priority, format, args); }

void syslog(int priority, const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_line(priority, format, args);
    va_end(args);
}

void __syslog_chk(int priority, int flag, const char *format, ...) {
    (void)flag;
    va_list args;
    va_start(args, format);
    write_line(priority, format, args);
    va_end(args);
}

void __vsyslog_chk(int priority, int flag, const char *format, va_list args) {
    (void)flag;
    write_line(priority, format, args);
}

__attribute__((destructor)) static void write_peak(void) {
    const char *path = getenv("CYRSYNC_LAB_PEAK");
    if (!path) return;
    char status[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, status, sizeof status - 1);
    if (fd >= 0) close(fd);
    if (length < 0) return;
    status[length] = '\0';
    char *text = strstr(status, "VmHWM:");
    char *end = text ? strchr(text, '\n') : NULL;
    if (!end) return;
    *end = '\0';
    char line[128];
    int used = snprintf(line, sizeof line, "%d %s\n", (int)getpid(), text);
    fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t ignored = write(fd, line, (size_t)used);
    (void)ignored;
    close(fd);
}
