/* A library that tests preload. Instead of calling syslog, it writes the program's log lines to the
 * file $SYSLOG_CAPTURE. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

static FILE *capture(void)
{
    const char *path = getenv("SYSLOG_CAPTURE");
    return path ? fopen(path, "a") : NULL;
}

void openlog(const char *ident, int option, int facility)
{
    FILE *out = capture();
    if (!out) return;
    fprintf(out, "open ident=%s pid=%d echo=%d facility=%d\n", ident, (option & LOG_PID) != 0,
            (option & LOG_PERROR) != 0, facility >> 3);
    fclose(out);
}

void vsyslog(int priority, const char *format, va_list args)
{
    FILE *out = capture();
    if (!out) return;
    fprintf(out, "%d ", priority);
    vfprintf(out, format, args);
    fputc('\n', out);
    fclose(out);
}

void syslog(int priority, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsyslog(priority, format, args);
    va_end(args);
}
