#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "master.h"

/* The numbers of Cyrus's master process, from master/service.h of Cyrus. No package installs that
 * file. */
enum { STATUS_FD = 3, LISTEN_FD = 4 };
enum { AVAILABLE = 1, UNAVAILABLE = 2, CONNECTION = 3 };
enum { MAX_USE = 250, REUSE_SECONDS = 60 };

struct notice {
    int message;
    pid_t pid;
};

/* The only variable that a signal handler uses. */
static volatile sig_atomic_t asked_to_end;

static void on_end(int number __attribute__((unused)))
{
    asked_to_end = 1;
}

static void tell_master(int message)
{
    const struct notice notice = { message, getpid() };

    if (write(STATUS_FD, &notice, sizeof(notice)) != (ssize_t)sizeof(notice))
        syslog(LOG_ERR, "cannot send status %d to the master process: %s", message,
               strerror(errno));
}

static int open_turn(void)
{
    const char *name = getenv("CYRUS_SERVICE");
    const char *id = getenv("CYRUS_ID");
    struct buf path = BUF_INITIALIZER;
    int fd = -1;

    if (name && id) {
        buf_printf(&path, "%s/socket/%s-%s.lock", config_dir, name, id);
        fd = open(buf_cstring(&path), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    }
    buf_free(&path);
    return fd;
}

bool service_begin(struct service *service)
{
    static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM };
    struct sigaction action;
    sigset_t blocked;
    size_t i;

    if (fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC) || fcntl(STATUS_FD, F_SETFD, FD_CLOEXEC))
        return false;
    service->used = 0;
    service->turn = open_turn();
    if (service->turn < 0) return false;
    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    sigemptyset(&blocked);
    action.sa_handler = on_end;
    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        sigaction(ends[i], &action, NULL);
        sigaddset(&blocked, ends[i]);
    }
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    /* Signals are delivered only while the process waits, so they never interrupt a command. */
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    return true;
}

/* Returns false if a signal arrived. */
static bool wait_readable(int fd)
{
    sigset_t none;
    fd_set readable;

    sigemptyset(&none);
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    return pselect(fd + 1, &readable, NULL, NULL, NULL, &none) > 0 && !asked_to_end;
}

/* Waits for the lock. Signals are delivered meanwhile, and end the wait. */
static bool take_turn(const struct service *service, short type)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
    sigset_t none, before;
    bool taken;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, &before);
    taken = false;
    /* sigprocmask() delivers a signal that arrived during a command. */
    while (!taken && (type == F_UNLCK || !asked_to_end)) {
        taken = fcntl(service->turn, F_SETLKW, &lock) == 0;
        if (!taken && errno != EINTR) break;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return taken && !asked_to_end;
}

int service_accept(struct service *service)
{
    int fd = -1;

    if (service->used > 0) alarm(REUSE_SECONDS);
    if (take_turn(service, F_WRLCK)) {
        while (fd < 0 && wait_readable(LISTEN_FD)) fd = accept(LISTEN_FD, NULL, NULL);
        take_turn(service, F_UNLCK);
    }
    alarm(0);
    tell_master(UNAVAILABLE);
    if (fd < 0) return -1;
    tell_master(CONNECTION);
    service->used++;
    return fd;
}

bool service_next(struct service *service)
{
    if (asked_to_end || service->used >= MAX_USE) return false;
    tell_master(AVAILABLE);
    return true;
}

void service_end(struct service *service)
{
    close(service->turn);
    service->turn = -1;
}
